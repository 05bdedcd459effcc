"""Check, backup and restore: what a copy is worth, and that nothing is lost on the way."""

import signal
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from era_store import Registration, StoreMissingError, check_store, open_store
from era_store.event_files import write_events
from era_store.sql.locks import FOLLOWER, POLLER
from era_store.sql.maintenance import CONTENT, backup_store, restore_store
from era_store.sql.schema import HEAD
from eras import ConfigurationError, Epoch
from tests.era_store.conftest import KEY, output, trust
from tests.errors import raising
from tests.forked import Forked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "store.sqlite3"
    with open_store(str(made)) as store:
        store.trust.save(KEY, trust(), time_s=1.0)
        store.events.append("kind", {}, time_s=1.0)
    return made


def test_a_sound_store(path: Path) -> None:
    report = check_store(str(path))
    assert (report.store, report.revision, report.head, report.faults) == (str(path), HEAD, HEAD, ())


def test_what_a_check_finds(path: Path) -> None:
    path.chmod(0o644)
    db = sqlite3.connect(path)
    db.execute("DELETE FROM trust")
    db.commit()
    db.close()
    faults = " | ".join(check_store(str(path)).faults)
    assert "others can read it (mode 0644)" in faults
    assert "a row of payload belongs to a missing row of trust" in faults


def test_a_check_finds_events_that_were_changed_and_figures_that_do_not_add_up(sql_url: str) -> None:
    with open_store(sql_url) as store:
        store.events.append("kind", {"answer": 1}, time_s=1.0)
        rows = [Registration(f"pool{number}", Epoch(5), "1.2.3", 100, 1.0, "file") for number in range(3)]
        store.registrations.ingest(rows, source="file", time_s=1.0)
        assert check_store(sql_url).unchecked == check_store(sql_url).faults == ()
        with store.database.write() as connection:
            connection.execute(text("UPDATE registration_tally SET parties = 30"))
            connection.execute(text("UPDATE event SET facts = '{\"answer\"\\:2}'"))
        report = check_store(sql_url)
        assert "from event 1 on: a line was changed" in report.faults[0]
        assert report.faults[1] == "the rollup of epoch 5 has 1 wrong figure: run adoption rebuild"
        assert check_store(sql_url, content=False).unchecked == CONTENT
        store.registrations.rebuild()
        assert len(check_store(sql_url).faults) == 1


def test_a_check_finds_damage_inside(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("DELETE FROM sqlite_master WHERE name = 'ix_event_kind'")
    db.commit()
    db.close()
    report = check_store(str(path))
    assert any(fault.startswith("integrity:") for fault in report.faults)
    assert report.unchecked == CONTENT, "what is damaged is not read on"


def test_a_check_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="There is no store"):
        check_store(str(tmp_path / "gone.sqlite3"))
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_a_store_in_use_is_whole_and_private(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copies" / "backup.sqlite3"
    target.parent.mkdir()
    with open_store(str(path)) as store:
        store.events.append("in the log, not in the file", {}, time_s=2.0)
        report = backup_store(str(path), target)
    assert (report.store, report.faults) == (str(target), ())
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [file.name for file in target.parent.iterdir()] == ["backup.sqlite3"]
    with open_store(str(target)) as copy:
        assert copy.trust.load(KEY) == trust(version=1)
        assert len(copy.events.read()) == 2


def test_a_backup_while_another_thread_writes_is_sound(path: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with open_store(str(path)) as store:
            while not stop.is_set():
                store.events.append("kind", {"text": "x" * 2_000}, time_s=1.0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            assert backup_store(str(path), tmp_path / f"backup{number}").faults == ()
    finally:
        stop.set()
        writer.join(30)


def test_a_backup_is_not_made_over_a_file(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    target.write_text("precious")
    with raising("StoreExists", match="--yes"):
        backup_store(str(path), target)
    assert target.read_text() == "precious"
    assert backup_store(str(path), target, replace=True).faults == ()


def test_a_backup_that_cannot_be_written_leaves_nothing(path: Path, tmp_path: Path) -> None:
    with raising("StoreReadOnly", match="Choose another place"):
        backup_store(str(path), tmp_path / "no" / "folder" / "backup")
    with pytest.raises(ConfigurationError, match="pg_dump"):
        backup_store("postgresql://host/base", tmp_path / "backup")
    with pytest.raises(StoreMissingError):
        backup_store(str(tmp_path / "gone"), tmp_path / "backup")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["store.sqlite3"]


def test_a_backup_is_restored_where_nothing_is(path: Path, tmp_path: Path) -> None:
    backup_store(str(path), tmp_path / "backup")
    restore_store(tmp_path / "backup", str(tmp_path / "new.sqlite3"))
    with open_store(str(tmp_path / "new.sqlite3")) as store:
        assert store.trust.load(KEY) == trust(version=1)
    assert stat.S_IMODE((tmp_path / "new.sqlite3").stat().st_mode) == 0o600


def test_a_living_store_is_overwritten_only_with_leave_and_by_all_who_have_it_open(path: Path, tmp_path: Path) -> None:
    backup_store(str(path), tmp_path / "backup")
    with open_store(str(path)) as store:
        changed = store.trust.save(KEY, trust(version=1, trusted=output(2)), time_s=2.0)
        with raising("StoreExists", match="--yes"):
            restore_store(tmp_path / "backup", str(path))
        assert store.trust.load(KEY) == changed
        restore_store(tmp_path / "backup", str(path), replace=True)
        assert store.trust.load(KEY) == trust(version=1)
        store.events.append("kind", {}, time_s=3.0)
    assert check_store(str(path)).faults == ()


@pytest.mark.parametrize("lock", [POLLER, FOLLOWER])
@pytest.mark.parametrize("gone", [False, True])
def test_nothing_is_restored_under_a_service(path: Path, tmp_path: Path, lock: str, gone: bool) -> None:
    """Not where its file was removed, either: it writes on into the removed one."""
    backup_store(str(path), tmp_path / "backup")
    with open_store(str(path)) as store:
        changed = store.trust.save(KEY, trust(version=1, trusted=output(2)), time_s=2.0)
        held = store.lock(lock)
        assert held.acquire()
        if gone:
            path.unlink()
        with raising("StoreInUse", match="Stop it and its replicas"):
            restore_store(tmp_path / "backup", str(path), replace=True)
        assert store.trust.load(KEY) == changed
        assert path.exists() is not gone
        held.release()
    for suffix in ("-wal", "-shm") if gone else ():
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    restore_store(tmp_path / "backup", str(path), replace=True)
    with open_store(str(path)) as store:
        assert store.trust.load(KEY) == trust(version=1)
        assert store.lock(lock).acquire(), "a service can start again"


@pytest.mark.parametrize("kind", ["damaged", "text", "foreign", "empty", "missing"])
def test_a_bad_backup_is_never_restored(path: Path, tmp_path: Path, kind: str) -> None:
    backup = tmp_path / "backup"
    backup_store(str(path), backup)
    if kind == "damaged":
        data = bytearray(backup.read_bytes())
        data[5000:] = b"\x00" * (len(data) - 5000)
        backup.write_bytes(data)
    elif kind == "text":
        backup.write_text("no database at all " * 100)
    elif kind == "foreign":
        backup.unlink()
        sqlite3.connect(backup).execute("CREATE TABLE customers (id)").connection.close()
    elif kind == "empty":
        backup.write_bytes(b"")
    else:
        backup.unlink()
    with raising("StoreDamaged", "StoreForeign", "StoreMissing"):
        restore_store(backup, str(path), replace=True)
    with open_store(str(path)) as store:
        assert store.trust.load(KEY) == trust(version=1)


BACKUP_THAT_WAITS = """
import sys, time
from era_service.cli import main
from era_store.sql import maintenance
def wait(*_):
    print("written", flush=True)
    time.sleep(600)
maintenance._require_sound = wait
sys.argv = ["eraswitch", "db", "backup", sys.argv[2], "--store", sys.argv[1]]
sys.exit(main())
"""


@pytest.mark.parametrize(("number", "left"), [(signal.SIGKILL, 1), (signal.SIGTERM, 0), (signal.SIGHUP, 0)])
def test_a_backup_that_is_killed_leaves_no_draft_for_good(
    path: Path, tmp_path: Path, number: signal.Signals, left: int
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with Forked(BACKUP_THAT_WAITS, str(path), str(copies / "first")) as process:
        assert process.stdout.readline() == "written\n"
        backup_store(str(path), copies / "meanwhile")
        assert len(list(copies.glob(".*"))) == 1, "one that is being written stays"
        process.send_signal(number)
    assert len(list(copies.glob(".*"))) == left
    backup_store(str(path), copies / "second")
    assert sorted(file.name for file in copies.iterdir()) == ["meanwhile", "second"]


def test_a_backup_does_not_replace_a_database_in_use(path: Path, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "other.sqlite3")) as other:
        other.events.append("kind", {}, time_s=1.0)
        with raising("StoreExists", match="the log of a database in use"):
            backup_store(str(path), tmp_path / "other.sqlite3", replace=True)
        with raising("EventFileUnwritable", match="SQLite database"):
            write_events(tmp_path / "other.sqlite3", [], "0" * 64)
        assert other.events.append("kind", {}, time_s=1.0) == 2
    with raising("StoreExists", match="the store itself"):
        backup_store(str(path), path, replace=True)


def test_a_log_that_a_damaged_store_left_behind_is_not_played_into_a_restored_one(path: Path, tmp_path: Path) -> None:
    backup_store(str(path), tmp_path / "backup")
    log = tmp_path / "store.sqlite3-wal"
    path.unlink()
    log.write_bytes(b"changes of another database")
    with raising("StoreExists", match=f"Move {log.name} away too"):
        restore_store(tmp_path / "backup", str(path))
    log.unlink()
    restore_store(tmp_path / "backup", str(path))
    assert check_store(str(path)).faults == ()
