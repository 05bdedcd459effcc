"""Registrations: a summary against Mithril's view, ingest against a bare ``executemany``, and what memory it takes.

The registrations are as a large network has them: 3,000 parties, each registering once an epoch, epoch after epoch.
Ingest and baseline take turns batch by batch, each batch made beforehand, so that both see the same machine.
"""

import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import Benchmark, seconds
from era_store import Registration, open_store
from eras import Epoch
from release_tools.registrations import ingest
from release_tools.registrations.ingesting import BATCH_ROWS
from release_tools.registrations.mithril_events import MithrilEvents
from tests.provision import postgres_programs

ROOT = Path(__file__).resolve().parents[1]
VECTORS = Path(os.environ.get("ERASWITCH_VECTORS", ROOT.parent / "shared" / "vectors"))
REGISTRATIONS = 1_000_000
BATCHES = 8
ROUNDS = 3
MEMORY_LINES = 500_000
MEMORY_EVENTS = 60_000
KEYS_AND_SIGNATURES = "5b" * 2_000
"""Fields of a signer that an aggregator keeps, and that no summary needs."""

PARTIES = 3_000
FIRST_EPOCH = 400
SOURCE = "benchmark"


def registrations(first_epoch: int = FIRST_EPOCH) -> Iterator[Registration]:
    """Registrations without end, in the order they arrive; those of each epoch in turn."""
    rng = random.Random(5)
    parties = ["pool1" + "".join(rng.choices("qpzry9x8gf2tvdw0s3jn54khce6mua7l", k=51)) for _ in range(PARTIES)]
    versions = [f"0.2.{number}+{rng.randrange(16**7):07x}" for number in range(150, 220, 10)]
    time_s = 1.7e9
    for epoch in count(first_epoch):
        rng.shuffle(parties)
        for party_id in parties:
            time_s += rng.random() * 100
            yield Registration(
                party_id, Epoch(epoch), rng.choice(versions), rng.randrange(10**14), round(time_s, 6), SOURCE
            )


def summary_speedup() -> float:
    """The summary of an epoch, against Mithril's view of it on the same registrations in SQLite."""
    with TemporaryDirectory(prefix="eraswitch-bench-") as folder:
        events = Path(folder) / "monitoring.sqlite3"
        _write_events(events)
        with open_store(str(Path(folder) / "store.sqlite3")) as store, closing(sqlite3.connect(events)) as theirs:
            ingest(MithrilEvents(str(events)), store.registrations)
            epoch = store.registrations.epochs()[1]
            view = "SELECT version, stakes_version, pool_count FROM signer_registration_summary WHERE epoch = ?"

            def ours() -> set[Any]:
                return {(row.release, row.stake, row.parties) for row in store.registrations.tally(epoch)}

            if ours() != set(theirs.execute(view, (epoch,))):
                raise RuntimeError("the two summaries differ")
            slow = min(seconds(lambda: theirs.execute(view, (epoch,)).fetchall()) for _ in range(2))
            return statistics.median(seconds(ours) for _ in range(50)) / slow


def _write_events(path: Path, registered: int = REGISTRATIONS, **more: str) -> None:
    """An aggregator's event store: its tables and its view as they are in the vectors, with registrations of ours."""
    with closing(sqlite3.connect(VECTORS / "mithril" / "monitoring.sqlite3")) as theirs:
        made = [row[0] for row in theirs.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")]
    added = "INSERT INTO event (created_at, source, action, content) VALUES (?, 'HTTP', 'register_signer', ?)"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in made:
            connection.execute(statement)
        connection.executemany(added, (_event(row, more) for row in islice(registrations(), registered)))


def _event(row: Registration, more: dict[str, str]) -> tuple[str, str]:
    content = {
        "headers": {"signer-node-version": row.version, "epoch": str(row.epoch)},
        "content": {"party_id": row.party_id, "stake": row.stake, **more},
    }
    created_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(row.seen_at_s))
    return f"{created_at}.{round(row.seen_at_s % 1 * 1e6) % 10**6:06}000+00:00", json.dumps(content)


def ingest_sqlite() -> float:
    """Batches into a store in a SQLite file, against a bare ``executemany`` of the same rows into one table."""
    with TemporaryDirectory(prefix="eraswitch-bench-") as folder:

        def once(number: int) -> float:
            with closing(sqlite3.connect(Path(folder) / f"bare{number}", isolation_level=None)) as bare:
                bare.execute("PRAGMA journal_mode = WAL")  # and as safe: commits reach the disk
                bare.execute("PRAGMA synchronous = FULL")
                columns = "party_id TEXT, epoch INTEGER, version TEXT, stake INTEGER, seen_at_s REAL, source TEXT"
                bare.execute(f"CREATE TABLE registration (id INTEGER PRIMARY KEY, {columns})")

                def baseline(rows: list[tuple[Any, ...]]) -> None:
                    bare.execute("BEGIN IMMEDIATE")
                    bare.executemany(f"{_INSERT} (?, ?, ?, ?, ?, ?)", rows)
                    bare.execute("COMMIT")

                return _turns(str(Path(folder) / f"store{number}"), baseline)

        return statistics.median(once(number) for number in range(ROUNDS))


def ingest_postgres() -> float:
    """Batches into a store in PostgreSQL, against a bare ``executemany`` of the same rows into one table."""
    import psycopg

    with _postgres() as cluster:

        def once() -> float:
            with cluster.database() as name, cluster.database() as other:
                url = cluster.url(other).replace("+psycopg", "")
                with psycopg.connect(url) as bare:
                    columns = "party_id text, epoch int, version text, stake bigint, seen_at_s float8, source text"
                    bare.execute(f"CREATE TABLE registration (id bigserial PRIMARY KEY, {columns})")
                    bare.commit()

                    def baseline(rows: list[tuple[Any, ...]]) -> None:
                        bare.cursor().executemany(f"{_INSERT} (%s, %s, %s, %s, %s, %s)", rows)
                        bare.commit()

                    return _turns(cluster.url(name), baseline)

        return statistics.median(once() for _ in range(ROUNDS))


_INSERT = "INSERT INTO registration (party_id, epoch, version, stake, seen_at_s, source) VALUES"


def _turns(url: str, baseline: Any) -> float:
    """Time of ingest divided by time of the baseline, over the same batches, in turn."""
    ours = bare = 0.0
    made = registrations()
    with open_store(url) as store:
        for number in range(BATCHES + 1):
            rows = list(islice(made, BATCH_ROWS))
            values = [(row.party_id, row.epoch, row.version, row.stake, row.seen_at_s, row.source) for row in rows]
            theirs = seconds(lambda values=values: baseline(values))  # type: ignore[misc]
            took = seconds(
                lambda rows=rows, number=number: store.registrations.ingest(  # type: ignore[misc]
                    rows, source=SOURCE, cursor=str(number), time_s=1.0
                )
            )
            if number > 0:  # the first is a warm-up
                ours, bare = ours + took, bare + theirs
        if sum(
            tally.parties for epoch in store.registrations.epochs() for tally in store.registrations.tally(epoch)
        ) != (BATCH_ROWS * (BATCHES + 1)):
            raise RuntimeError("not every registration arrived")
    return ours / bare


@contextmanager
def _postgres() -> Iterator[Any]:
    from tests.postgres import Cluster

    cluster = Cluster.make()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


_MEMORY = """
import re, sys
from era_store import open_store
from release_tools.registrations import ingest, open_source
megabytes = lambda name: int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
with open_store(sys.argv[1]) as store:
    ingest(open_source(sys.argv[2]), store.registrations)
    base = megabytes("VmRSS")
    for source in sys.argv[3:]:
        ingest(open_source(source), store.registrations)
    print(megabytes("VmHWM") - base)
"""


def memory() -> float:
    """Megabytes over the base while big sources are read into a store, the base being a source of one line."""
    with TemporaryDirectory(prefix="eraswitch-bench-") as folder:
        small, big, events = (Path(folder) / name for name in ("small.jsonl", "big.jsonl", "events.sqlite3"))
        _write_events(events, MEMORY_EVENTS, verification_key=KEYS_AND_SIGNATURES)
        for path, lines in ((small, 1), (big, MEMORY_LINES)):
            with path.open("w") as file:
                for row in islice(registrations(), lines):
                    fields = {"party_id": row.party_id, "epoch": row.epoch, "version": row.version}
                    file.write(json.dumps(fields | {"stake": row.stake, "seen_at": row.seen_at_s}) + "\n")
        command = [sys.executable, "-c", _MEMORY, str(Path(folder) / "store"), str(small), str(big), str(events)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


BENCHMARKS = (
    Benchmark("adoption.summary_speedup", 0.001, f"Mithril's view, {REGISTRATIONS:,} registrations", summary_speedup),
    Benchmark("adoption.ingest", 2.5, "a bare executemany into one table", ingest_sqlite),
    *(
        (Benchmark("adoption.ingest_postgres", 2.5, "the same on PostgreSQL, without COPY", ingest_postgres),)
        if postgres_programs() is not None
        else ()
    ),
    Benchmark("adoption.memory", 150, "one megabyte over the base, a source of any size", memory),
)
