"""Two versions on one store: the statements of the first schema on the schema of tomorrow, and code on a newer schema.

The statements are written out as the first release sends them, so that nothing that changes here changes them. What
they need of the schema must stay until ``USABLE_FROM`` says that it may not run beside newer versions any more. The
schema of tomorrow is the newest one and a revision of the tests that expands it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from era_store import NewEvent, SqlStore, check_store, open_store
from era_store.sql import schema
from era_store.sql.database import Database, parse_url
from era_store.sql.schema import HEAD, REVISIONS, USABLE_FROM, VERSION_TABLE
from eras import Epoch, EraMarker
from tests.era_store.conftest import KEY, output, trust
from tests.errors import raising
from tests.forked import Forked, ended

NUMBER = f"{7:020}"
ROW: dict[str, Any] = {
    "key_id": KEY.id, "verification_keys": '["aa","bb"]', "network_magic": 42, "address": KEY.address, "version": 1,
    "epoch": NUMBER, "tip_slot": NUMBER, "trusted_transaction": "ab" * 32, "trusted_index": 0,
    "trusted_datum": "d87980", "trusted_content": b'{"markers":[]}',
    "trusted_markers": '[{"name": "thales", "epoch": 1}]', "trusted_lovelace": NUMBER, "trusted_slot": NUMBER,
    "trusted_height": 7, "activation": '{"name": "thales", "epoch": 1}', "sequence": None, "stale": None,
    "legacy_differs": False, "malformed": 3, "complete": True, "proven": True,
}  # fmt: skip
PAYLOAD: dict[str, Any] = {
    "digest": "dd" * 32, "content": b"{}", "reference": "ab#0", "slot": NUMBER, "height": 7, "seen_epoch": NUMBER,
    "seen_height": None, "verdict": "Accepted", "reason": "signed", "superseded": False,
}  # fmt: skip
VERDICT: dict[str, Any] = {
    "keys_id": "cc" * 32, "reference": "ab#1", "fingerprint": 2**62, "kind": "Malformed", "reason": "no",
    "content": None,
}  # fmt: skip
EVENT: dict[str, Any] = {
    "kind": "trusted", "epoch": NUMBER, "facts": '{"output": "ab#0"}', "version": "0.1.0", "time_s": 1.5
}  # fmt: skip


def insert(connection: Connection, table: str, values: dict[str, Any]) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def write_as_the_first_release(database: Database, number: int) -> None:
    """What the first release does when it has read something new: the ``number``-th time."""
    with database.write() as connection:
        found = connection.execute(
            text("SELECT id, version FROM trust WHERE key_id = :key"), {"key": KEY.id}
        ).one_or_none()
        if found is None:
            insert(connection, "trust", ROW)
            trust_id = connection.execute(
                text("SELECT id FROM trust WHERE key_id = :key"), {"key": KEY.id}
            ).scalar_one()
        else:
            trust_id = found.id
            names = ", ".join(f"{name} = :{name}" for name in ROW)
            values = ROW | {"version": found.version + 1, "id": trust_id, "before": found.version}
            done = connection.execute(text(f"UPDATE trust SET {names} WHERE id = :id AND version = :before"), values)
            assert done.rowcount == 1
        insert(connection, "payload", PAYLOAD | {"trust_id": trust_id, "digest": f"{number:064x}"})
        insert(connection, "superseded_output", {"trust_id": trust_id, "reference": f"{number}#0"})
        insert(connection, "verdict", VERDICT | {"reference": f"{number}#1"})
        insert(connection, "event", EVENT)


def read_as_the_first_release(database: Database) -> dict[str, list[Any]]:
    """What it reads."""
    read = {"trust": ROW, "payload": PAYLOAD, "verdict": VERDICT, "event": EVENT}
    with database.read() as connection:
        return {
            table: list(connection.execute(text(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id")).all())
            for table, columns in read.items()
        }


@pytest.fixture
def old(sql_url: str) -> Iterator[Database]:
    """A store at the first schema, with what a process wrote that goes on."""
    open_store(sql_url).close()
    database = Database(parse_url(sql_url))
    write_as_the_first_release(database, 1)
    yield database
    database.close()


TOMORROW = """
revision, down_revision, branch_labels, depends_on = "era_9001", "era_0006", None, None
import sqlalchemy as sa
from alembic import op
def upgrade():
    op.add_column("trust", sa.Column("of_tomorrow", sa.Integer))
    op.create_table("of_tomorrow", sa.Column("id", sa.Integer, primary_key=True))
"""
ADOPT = """
from pathlib import Path
from era_store.sql import schema
schema.MIGRATIONS, schema.HEAD = Path({folder!r}), "era_9001"
schema.REVISIONS = (*schema.REVISIONS, schema.HEAD)
"""


@pytest.fixture
def tomorrow(old: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """From now on this process has the schema of tomorrow; the code with which another one has it too."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "era_9001_tomorrow.py").write_text(TOMORROW)
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    monkeypatch.setattr(schema, "HEAD", "era_9001")
    monkeypatch.setattr(schema, "REVISIONS", (*REVISIONS, "era_9001"))
    return ADOPT.format(folder=str(folder))


def test_what_the_first_release_wrote_is_read_after_the_upgrade(tomorrow: str, sql_url: str) -> None:
    with open_store(sql_url) as store:
        found = store.trust.load(KEY)
        assert found is not None
        assert found.trusted is not None
        assert (found.trusted.markers, found.version, found.malformed) == ((EraMarker("thales", Epoch(1)),), 1, 3)
        assert [payload.reference for payload in found.payloads] == ["ab#0"]
        (event,) = store.events.read()
        assert (event.kind, event.facts, event.version) == ("trusted", {"output": "ab#0"}, "0.1.0")
    assert check_store(sql_url, content=False).faults == ()  # the next writer gives its event a hash


def test_the_first_release_goes_on_beside_a_newer_one(old: Database, tomorrow: str, sql_url: str) -> None:
    with open_store(sql_url) as store:
        write_as_the_first_release(old, 2)
        found = store.trust.load(KEY)
        assert found is not None
        assert found.version == 2
        store.trust.save(KEY, trust(version=2, trusted=output(5)), [NewEvent("new", {})], time_s=2.0)
        write_as_the_first_release(old, 3)
        again = store.trust.load(KEY)
        assert again is not None
        assert again.version == 4
        assert [event.kind for event in store.events.read()] == ["trusted", "trusted", "new", "trusted"]
        read = read_as_the_first_release(old)
        assert [row.version for row in read["trust"]] == [4]
        assert [row.kind for row in read["event"]] == ["trusted", "trusted", "new", "trusted"]
        assert len(read["verdict"]) == 3


def test_many_replicas_upgrade_at_once_and_once(old: Database, tomorrow: str, sql_url: str) -> None:
    code = f"{tomorrow}\nfrom era_store import open_store\nopen_store({sql_url!r}).close()"
    assert ended([Forked(code) for _ in range(4)]) == [0] * 4
    with old.read() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all() == ["era_9001"]
        assert connection.execute(text("SELECT usable_from FROM schema_floor")).scalars().all() == [USABLE_FROM]
    assert len(read_as_the_first_release(old)["trust"]) == 1


def test_this_version_uses_a_newer_schema_that_only_expanded(sql_store: SqlStore) -> None:
    url = sql_store.database.url.render_as_string(hide_password=False)
    saved = sql_store.trust.save(KEY, trust(), time_s=1.0)
    with sql_store.database.write() as connection:
        connection.execute(text("CREATE TABLE of_tomorrow (id INTEGER)"))
        connection.execute(text("ALTER TABLE trust ADD COLUMN of_tomorrow INTEGER"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'era_9999'"))
        connection.execute(text(f"UPDATE schema_floor SET usable_from = '{HEAD}'"))
    with open_store(url) as beside:
        assert beside.trust.load(KEY) == saved
        beside.trust.save(KEY, saved, [NewEvent("kind", {})], time_s=2.0)
    open_store(url, migrate=False).close()
    report = check_store(url)
    assert (report.revision, report.faults) == ("era_9999", ())


@pytest.mark.parametrize("floor", ["era_9000", None])
def test_this_version_refuses_a_newer_schema_that_contracted(sql_store: SqlStore, floor: str | None) -> None:
    with sql_store.database.write() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'era_9999'"))
        connection.execute(text("DELETE FROM schema_floor"))
        if floor is not None:
            connection.execute(text(f"INSERT INTO schema_floor VALUES ('{floor}')"))
    with raising("StoreNewer", match="Upgrade eraswitch"):
        open_store(sql_store.database.url.render_as_string(hide_password=False))


@pytest.mark.parametrize("revision", ["era_0001", "era_0005"])
def test_a_store_from_before_the_first_release_is_refused(sql_store: SqlStore, revision: str) -> None:
    with sql_store.database.write() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))
    with raising("StoreOutdated", match="before its first release"):
        open_store(sql_store.database.url.render_as_string(hide_password=False))


def test_the_floor_is_a_revision() -> None:
    assert USABLE_FROM in REVISIONS
