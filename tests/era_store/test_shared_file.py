"""A SQLite file that processes and threads share: whoever opens or closes it takes nothing from the others."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

import pytest

from era_store import open_store
from era_store.sqlite_files import is_database, make_file
from release_tools.registrations.opening import kind_of
from tests.conftest import ROOT

ROWS = 40
PROCESS = """
import sys
from era_store import open_store
stores = [open_store(sys.argv[1]) for _ in range(2)]
for line in sys.stdin:
    for _ in range(int(line)):
        stores[0].events.append("kind", {}, time_s=1.0)
    print(stores[1].events.head().last_id, flush=True)
for store in stores:
    store.close()
"""
AUDITED = """
import os, sys
databases = set()
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and os.path.realpath(arguments[0]) in databases:
        raise AssertionError("opened past SQLite: " + arguments[0])
sys.addaudithook(hook)
from pathlib import Path
from chain_reader.local_chain import Genesis, LocalChain
from era_service.cli import main
folder = Path(sys.argv[1]).resolve()
store, chain, aggregator = (str(folder / name) for name in ("store.sqlite3", "chain.sqlite3", "monitoring"))
databases |= {chain, aggregator}
import sqlite3
with sqlite3.connect(aggregator) as db:
    db.execute("CREATE TABLE event (event_id INTEGER PRIMARY KEY, created_at, source, action, content)")
LocalChain.create(Path(chain), genesis=Genesis(clock_mode="manual")).close()
def run(*arguments, codes=(0,)):
    sys.argv = ["eraswitch", *map(str, arguments)]
    code = main()
    assert code in codes, (arguments, code)
run("db", "upgrade", "--store", store)
databases.add(store)
run("db", "check", "--store", store)
run("db", "backup", folder / "backup.sqlite3", "--store", store)
databases.add(str(folder / "backup.sqlite3"))
run("db", "restore", folder / "backup.sqlite3", "--store", store, "--yes")
run("adoption", "ingest", aggregator, "--store", store)
run("events", "cat", store)
run("events", "export", folder / "events", "--store", store)
run("events", "import", folder / "events", "--store", store)
run("events", "import", store, "--store", store, codes=(1,))
run("local-chain", "advance", chain, "--epochs", "1")
run("local-chain", "show", chain)
print("done")
"""


class Process:
    """A process that opened a store twice, and writes on request."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", PROCESS, str(path)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write(self, rows: int) -> int:
        """Append events; the id of the last one that another connection reads back."""
        stdin, stdout = self._pipes()
        print(rows, file=stdin, flush=True)
        return int(stdout.readline())

    def close(self) -> None:
        """Close its stores, as a program does that ends."""
        for pipe in self._pipes():
            pipe.close()
        assert self.process.wait(60) == 0

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
def processes(path: Path) -> Iterator[list[Process]]:
    started = [Process(path) for _ in range(3)]
    yield started
    for one in started:
        one.process.kill()
        with one.process:
            pass


def events_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = db.execute("SELECT count(*) FROM event").fetchone()
        return int(count)


def test_what_another_process_committed_stays_when_one_closes_the_store(processes: list[Process], path: Path) -> None:
    first, second, third = processes
    assert [first.write(1), second.write(1), third.write(0)] == [1, 2, 2]
    second.close()
    assert path.with_name("store.sqlite3-wal").exists(), "the others use it"
    assert third.write(ROWS) == 2 + ROWS
    first.close()
    assert third.write(0) == 2 + ROWS
    third.process.kill()
    assert events_in(path) == 2 + ROWS


def test_threads_that_open_a_store_together_make_it_once_and_lose_nothing(path: Path) -> None:
    together, failures = threading.Barrier(20), []

    def use() -> None:
        try:
            together.wait()
            for _ in range(2):
                with open_store(str(path), wait_s=120) as store:
                    store.events.append("kind", {}, time_s=1.0)
        except Exception as error:
            failures.append(error)

    with open_store(str(path.with_name("other.sqlite3"))):  # loads what is needed to make one
        threads = [threading.Thread(target=use) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert events_in(path) == 40


def test_threads_that_open_a_store_do_not_take_its_log_from_another_process(
    processes: list[Process], path: Path
) -> None:
    other = processes[0]
    assert other.write(1) == 1
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(str(path))) for _ in range(20)]
        threads = [
            threading.Thread(target=store.events.append, args=("kind", {}), kwargs={"time_s": 1.0}) for store in stores
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert other.write(0) == 21
        for one in processes[1:]:
            one.write(0)
            one.close()
        assert other.write(1) == 22
        assert stores[0].events.head().last_id == 22
    assert other.write(ROWS) == 22 + ROWS
    other.close()
    assert events_in(path) == 22 + ROWS


def test_a_file_is_made_once_and_never_opened_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = path.with_name("elsewhere.sqlite3")
    path.symlink_to(target)
    make_file(path)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    opened = []
    original = os.open
    monkeypatch.setattr(os, "open", lambda *asked: opened.append(original(*asked)) or opened[-1])
    make_file(path)
    assert opened == []


def test_a_database_is_recognised_by_sqlite_itself(path: Path, tmp_path: Path) -> None:
    open_store(str(path)).close()
    text, empty, damaged = (tmp_path / name for name in ("text", "empty", "damaged"))
    text.write_text("party,stake\n" * 100)
    empty.touch()
    damaged.write_bytes(path.read_bytes()[:3000])
    found = {one.name: is_database(one) for one in (path, text, empty, damaged, tmp_path, tmp_path / "missing")}
    assert found == {
        "store.sqlite3": True, "text": False, "empty": False, "damaged": True, tmp_path.name: False, "missing": False,
    }  # fmt: skip
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert is_database(path), "one that somebody writes to"
    named = path.rename(tmp_path / "monitoring")
    assert [kind_of(str(one)) for one in (named, text, tmp_path / "missing", "-")] == ["mithril", *["lines"] * 3]


def test_no_command_opens_a_database_past_sqlite(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AUDITED, str(tmp_path)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.endswith("done\n"), done.stdout + done.stderr
