"""Opening a store: what is made, and how each thing that can be wrong is told."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event

from era_store import SqlStore, StoreDamagedError, StoreFullError, StoreMissingError, StoreUnavailableError, open_store
from era_store.errors import StoreLockedError
from era_store.sql import database
from era_store.sql.schema import HEAD, VERSION_TABLE
from eras import ConfigurationError, StoreError
from tests.conftest import ROOT
from tests.era_store.conftest import KEY, trust
from tests.errors import raising
from tests.forked import Forked, ended
from tests.quick_stores import prepare_sqlite


def make(path: Path) -> Path:
    with open_store(str(path)) as store:
        store.trust.save(KEY, trust(), time_s=1.0)
    return path


def sql(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_a_new_file_is_its_owners_alone_and_keeps_a_log(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    before = os.umask(0)
    try:
        with open_store(str(path)) as store:
            store.events.append("kind", {}, time_s=1.0)
            modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
            names = {file.name for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert {"store.sqlite3", "store.sqlite3-wal"} <= names


def test_what_was_remembered_is_there_after_the_next_opening(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    for name in (str(path), f"sqlite:///{path}"):
        with open_store(name) as store:
            assert store.trust.load(KEY) == trust(version=1)
            assert repr(store) == f"SqlStore('{path}')"


def test_a_store_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    code = (
        "import sys\nfrom era_store import open_store\n"
        f"open_store({str(path)!r}).close()\nassert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("place", "code", "words"),
    [
        ("missing/store.sqlite3", "StoreMissing", "mkdir -p"),
        ("", "StoreMissing", "is a folder"),
        ("text", "StoreForeign", "is not a database"),
        ("text/store.sqlite3", "StoreMissing", "no folder"),
        ("other.sqlite3", "StoreForeign", "another program"),
        ("newer.sqlite3", "StoreNewer", "Upgrade eraswitch"),
    ],
)
def test_what_is_no_store_of_ours(tmp_path: Path, place: str, code: str, words: str) -> None:
    (tmp_path / "text").write_text("not a database, but a text that is long enough to be taken for one\n" * 40)
    sql(tmp_path / "other.sqlite3", "CREATE TABLE customers (id)")
    newer = (f"UPDATE {VERSION_TABLE} SET version_num = 'era_9999'", "UPDATE schema_floor SET usable_from = 'era_9000'")
    sql(make(tmp_path / "newer.sqlite3"), *newer)
    path = tmp_path / place
    before = path.read_bytes() if path.is_file() else None
    with raising(code) as caught:
        open_store(str(path))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.next_step
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_fifo_is_no_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreMissingError, match="is not a file"):
        open_store(str(tmp_path / "pipe"))


def test_a_damaged_file_is_told_as_damaged(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match="db restore"):
        open_store(str(path)).trust.load(KEY)


def test_trust_that_cannot_be_read_back_is_told_as_damaged(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    sql(path, "UPDATE trust SET trusted_markers = '[{\"nom\":1}]'")
    with open_store(str(path)) as store, pytest.raises(StoreDamagedError, match="KeyError"):
        store.trust.load(KEY)


def test_a_lock_held_by_another_process_is_told_after_the_wait(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    holder = sqlite3.connect(path, isolation_level=None)
    with open_store(str(path), wait_s=0.2) as store:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLockedError, match="within 0.2 s"):
            store.events.append("kind", {}, time_s=1.0)
        assert store.trust.load(KEY) == trust(version=1), "reading goes on"
        holder.execute("ROLLBACK")
        assert store.events.append("kind", {}, time_s=1.0) == 1
    holder.close()


def test_a_writer_of_the_same_process_is_told_of_after_the_wait(tmp_path: Path) -> None:
    with open_store(str(make(tmp_path / "store.sqlite3")), wait_s=0.2) as store:
        with store.database.write(), pytest.raises(StoreLockedError, match="within 0.2 s"):
            store.events.append("kind", {}, time_s=1.0)
        assert store.events.append("kind", {}, time_s=1.0) == 1


def test_a_lock_that_is_let_go_in_time_is_waited_for(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: holder.execute("ROLLBACK"))
    timer.start()
    with open_store(str(path), wait_s=10) as store:
        assert store.events.append("kind", {}, time_s=1.0) == 1
    timer.join()
    holder.close()


def test_a_store_that_may_not_be_written_to(file_store: SqlStore) -> None:
    # As root, file modes forbid nothing: the database is told to forbid instead, with the same error code.
    saved = file_store.trust.save(KEY, trust(), time_s=1.0)
    listener = sqlalchemy_event.listen
    listener(file_store.database._engine, "begin", lambda c: c.exec_driver_sql("PRAGMA query_only = ON"))
    with raising("StoreReadOnly", match="permissions"):
        file_store.trust.save(KEY, saved, time_s=2.0)
    assert file_store.trust.load(KEY) == saved


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_file_and_a_folder_of_somebody_else(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and parent.is_relative_to("/tmp/") and not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    for name in (path, tmp_path / "new.sqlite3"):
        os.seteuid(65534)
        try:
            with raising("StoreReadOnly", match="Permission denied"):
                open_store(str(name))
        finally:
            os.seteuid(0)


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "store.sqlite3")) as store:
        saved = store.trust.save(KEY, trust(), time_s=1.0)
        with store.database.raw() as driver:
            driver.execute(f"PRAGMA max_page_count = {driver.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(StoreFullError, match="Make room"):
            store.trust.save(KEY, trust(version=1, stale="x" * 1_000_000), time_s=2.0)
        assert store.trust.load(KEY) == saved


@pytest.mark.parametrize(
    "url", ["mysql://u:hush@h/d", "sqlite://", "sqlite:///:memory:", "", "oracle-of-delphi://x/y", "sqlite:/no"]
)
def test_what_names_no_store(url: str) -> None:
    with pytest.raises((ConfigurationError, StoreError)) as caught:
        open_store(url)
    assert caught.value.next_step
    assert "hush" not in str(caught.value.to_dict())


def test_a_driver_that_is_missing_is_told_and_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreUnavailableError, match="is not installed") as caught:
        open_store("postgresql+psycopg://era:hush-hush@127.0.0.1:1/eras")
    assert "hush" not in str(caught.value.to_dict())


def test_an_older_schema_is_upgraded_only_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with raising("StoreOutdated", match="db upgrade"):
        open_store(str(path), migrate=False)
    open_store(str(path)).close()
    open_store(str(path), migrate=False).close()


def test_many_processes_open_a_new_store_at_once(sql_url: str) -> None:
    code = (
        "import sys\nfrom era_store import open_store\n"
        f"with open_store({sql_url!r}) as store: store.events.append('opened', {{}}, time_s=1.0)"
    )
    assert ended([Forked(code) for _ in range(4)]) == [0] * 4
    with open_store(sql_url) as store:
        assert [event.id for event in store.events.read()] == [1, 2, 3, 4]


def test_a_store_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = make(tmp_path / "store.sqlite3")
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: holder.execute("ROLLBACK"))
    timer.start()
    with open_store(str(path), wait_s=10) as store, store.database.raw() as driver:
        assert driver.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    timer.join()
    holder.close()


def test_the_schema_is_at_its_head_and_commits_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_prepare_sqlite", prepare_sqlite)  # other tests do not wait for the disk
    with open_store(str(tmp_path / "store.sqlite3")) as store, store.database.raw() as driver:
        assert driver.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(HEAD,)]
        assert driver.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert driver.execute("PRAGMA synchronous").fetchone() == (2,)
