"""From a source into a store: in batches that are whole, going on where it stopped, however it was stopped."""

import csv
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from era_store import Registration, Reject, SqlStore, open_store, temporary_registrations
from eras import ChainReadError, Epoch, StoreError
from release_tools.registrations import ingest, open_source
from release_tools.registrations.ingesting import IngestSummary
from release_tools.registrations.mithril_events import MithrilEvents
from release_tools.registrations.source import Batch
from release_tools.registrations.text_files import JsonLines
from tests import forked
from tests.conftest import ROOT, MithrilFile
from tests.errors import raising
from tests.forked import Forked


def line(number: int, **fields: object) -> str:
    facts = {"party_id": f"p{number % 50}", "epoch": number // 100, "version": "1", "stake": number, "seen_at": number}
    return json.dumps(facts | fields) + "\n"


def clock() -> float:
    return 7.0


@pytest.fixture
def store(sql_url: str) -> Iterator[SqlStore]:
    with open_store(sql_url) as made:
        yield made


@pytest.mark.parametrize(
    ("events", "expected"), [("monitoring", "adoption_expected"), ("runbook_monitoring", "runbook_published")]
)
def test_mithrils_own_view_of_its_events_is_the_tally_of_ours(
    store: SqlStore, mithril: MithrilFile, events: str, expected: str
) -> None:
    path = str(mithril(f"{events}.sqlite3"))
    summary = ingest(open_source(path), store.registrations, batch_rows=100)
    assert summary.rejected.total() == summary.repeated == 0
    with mithril(f"{expected}.csv").open() as file:
        theirs = {
            (int(row["epoch"]), row["version"], int(row["stakes_version"]), int(row["pool_count"]))
            for row in csv.DictReader(file)
        }
    ours = {
        (epoch, tally.release, tally.stake, tally.parties)
        for epoch in store.registrations.epochs()
        for tally in store.registrations.tally(epoch)
    }
    assert ours == theirs
    again = ingest(MithrilEvents(path), store.registrations)
    assert (again.accepted, again.repeated) == (0, 0)
    assert store.registrations.rebuild() == 0


def test_a_summary_says_what_became_of_each_row(store: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(line(1) + line(2) + line(1) + "{\n" + line(3, stake=-1) + line(4, stake=-1) + line(5))
    told: list[tuple[int, int]] = []

    def progress(summary: IngestSummary) -> None:
        told.append((summary.accepted, summary.position))

    summary = ingest(JsonLines(str(path)), store.registrations, batch_rows=3, clock=clock, progress=progress)
    assert summary.to_dict() == {
        "source": f"lines:{path}",
        "dry_run": False,
        "accepted": 3,
        "repeated": 1,
        "rejected": 3,
        "reasons": {"is not JSON in UTF-8": 1, "stake is negative": 2},
        "notes": {},
    }
    assert [accepted for accepted, _ in told] == [2, 2, 3]
    assert told[-1][1] == summary.total == path.stat().st_size
    assert [entry.reject.place for entry in store.registrations.rejects()] == ["line 4", "line 5", "line 6"]


def test_the_same_file_twice_and_its_copy_change_nothing(store: SqlStore, tmp_path: Path) -> None:
    path, copy = tmp_path / "file", tmp_path / "copy"
    path.write_text("".join(line(number) for number in range(250)))
    copy.write_bytes(path.read_bytes())
    assert ingest(JsonLines(str(path)), store.registrations).accepted == 250
    before = [store.registrations.tally(epoch) for epoch in store.registrations.epochs()]
    assert ingest(JsonLines(str(path)), store.registrations).repeated == 0, "the cursor is at the end"
    assert ingest(JsonLines(str(copy)), store.registrations).repeated == 250
    assert [store.registrations.tally(epoch) for epoch in store.registrations.epochs()] == before


def test_a_dry_run_writes_nothing(store: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(line(1) + "{\n")
    summary = ingest(JsonLines(str(path)), store.registrations, dry_run=True)
    assert (summary.accepted, summary.rejected.total(), summary.dry_run) == (1, 1, True)
    assert store.registrations.epochs() == ()
    assert store.registrations.rejects() == ()
    assert store.registrations.cursor(f"lines:{path}") is None


class Breaking:
    """A source that breaks after some batches."""

    name = "breaking"
    total = None
    notes: ClassVar[Counter[str]] = Counter()

    def __init__(self, batches: int) -> None:
        self.left = batches

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        first = int(cursor or 0)
        for number in range(first, 5):
            if self.left == 0:
                raise ChainReadError("The disk broke", code="SourceDamaged", next_step="Mend it")
            self.left -= 1
            row = Registration(f"p{number}", Epoch(1), "1", number, 1.0, self.name)
            yield Batch([row] * min(size, 2), [Reject(f"line {number}", "bad")], str(number + 1), number)

    def close(self) -> None:
        """Nothing is held."""


def test_what_came_before_an_error_is_kept_and_the_next_run_goes_on(store: SqlStore) -> None:
    with raising("SourceDamaged") as caught:
        ingest(Breaking(2), store.registrations, batch_rows=2)
    assert caught.value.facts["ingested"]["accepted"] == 2
    assert caught.value.facts["ingested"]["reasons"] == {"bad": 2}
    assert store.registrations.cursor("breaking") == "2"
    summary = ingest(Breaking(9), store.registrations, batch_rows=2)
    assert (summary.accepted, summary.repeated) == (3, 3)
    assert sum(tally.parties for tally in store.registrations.tally(Epoch(1))) == 5


def test_a_store_that_fails_in_the_middle_keeps_no_half_of_a_batch(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.registrations.ingest
    calls = 0

    def failing(*arguments: object, **facts: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StoreError("The disk is full")
        return real(*arguments, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(store.registrations, "ingest", failing)
    with pytest.raises(StoreError) as caught:
        ingest(Breaking(9), store.registrations)
    assert caught.value.facts["ingested"]["accepted"] == 2
    assert store.registrations.cursor("breaking") == "2"
    monkeypatch.undo()
    assert ingest(Breaking(9), store.registrations).accepted == 3


INGESTER = """
import sys
from era_store import open_store
from release_tools.registrations import ingest
from release_tools.registrations.text_files import JsonLines
with open_store(sys.argv[1]) as store:
    ingest(JsonLines(sys.argv[2]), store.registrations, batch_rows=50, progress=lambda _: print("batch", flush=True))
print("done", flush=True)
"""


def test_killed_in_the_middle_and_run_again(sql_url: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    lines = [line(number) if number % 9 else "nonsense\n" for number in range(3000)]
    path.write_text("".join(lines))
    chance = random.Random(7)
    for _ in range(4):
        with Forked(INGESTER, sql_url, str(path)) as process:
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.1))
            process.kill()
        with open_store(sql_url) as store:
            read = int((store.registrations.cursor(f"lines:{path}") or "0 0").split()[1])
            assert read % 50 == 0 or read == 3000
            assert len(store.registrations.rejects()) == sum(1 for number in range(read) if number % 9 == 0)
            assert store.registrations.rebuild() == 0
    assert forked.run(INGESTER, sql_url, str(path)).returncode == 0
    whole = temporary_registrations()
    ingest(JsonLines(str(path)), whole)
    with open_store(sql_url) as store:
        for epoch in whole.epochs():
            assert list(store.registrations.newest(epoch)) == list(whole.newest(epoch))
            assert store.registrations.tally(epoch) == whole.tally(epoch)
        assert len(store.registrations.rejects()) == len(whole.rejects())


PEAK = """
import re, sys
from era_store import open_store
from release_tools.registrations import ingest, open_source
megabytes = lambda name: int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
with open_store(sys.argv[1]) as store:
    base = megabytes("VmRSS")
    ingest(open_source(sys.argv[2]), store.registrations)
    print(megabytes("VmHWM") - base)
"""


def peak(store: Path, source: Path) -> float:
    """Megabytes over the base that an ingest takes at most."""
    command = [sys.executable, "-c", PEAK, str(store), str(source)]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w") as file:
        for number in range(120_000):
            file.write(line(number, party_id=f"pool1{number:050}", epoch=number // 5000))
    assert path.stat().st_size > 15_000_000
    assert peak(tmp_path / "store", path) < 150


def test_memory_stays_flat_with_the_keys_and_signatures_that_an_aggregator_keeps(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE event (event_id INTEGER PRIMARY KEY, created_at, source, action, content)")
        events = (
            json.dumps(
                {
                    "headers": {"signer-node-version": "0.3.12", "epoch": "7"},
                    "content": {"party_id": f"pool1{number:051}", "stake": number, "verification_key": "5b" * 4_000},
                }
            )
            for number in range(25_000)
        )
        added = "INSERT INTO event (created_at, action, content) VALUES ('2026-01-01T00:00:00Z', 'register_signer', ?)"
        connection.executemany(added, ((content,) for content in events))
    assert path.stat().st_size > 200_000_000
    assert peak(tmp_path / "store", path) < 100


def test_lines_that_are_long_make_batches_of_fewer(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release_tools.registrations.text_files.BATCH_BYTES", 1000)
    path = tmp_path / "file"
    path.write_text("".join(line(number, signed="ab" * 200) for number in range(9)))
    told: list[int] = []
    ingest(JsonLines(str(path)), store.registrations, progress=lambda summary: told.append(summary.accepted))
    assert told == [3, 6, 9], "three of them are more than a thousand bytes"
