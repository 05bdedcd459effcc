"""The migrations: they make what the tables say, on SQLite and on PostgreSQL."""

import re
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import era_store
from era_store.sql import tables
from era_store.sql.schema import HEAD, REVISIONS, VERSION_TABLE, upgrade
from era_store.sql.store import SqlStore
from eras import MAX_EPOCH

FOLDER = Path(era_store.__file__).parent / "migrations"


def test_the_migrations_make_the_tables_as_the_code_has_them(sql_store: SqlStore) -> None:
    with sql_store.database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, tables.metadata) == []


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS
    assert scripts.get_heads() == [HEAD]


def test_upgrading_twice_is_fine(sql_store: SqlStore) -> None:
    with sql_store.database.write() as connection:
        upgrade(connection, sql_store.database.name)


def test_no_table_needs_sqlites_own_sql() -> None:
    written = "\n".join(path.read_text() for path in FOLDER.rglob("*.py"))
    assert not re.search(r"PRAGMA|WITHOUT ROWID|INSERT OR|op\.execute", written)


def test_numbers_of_64_bits_sort_as_numbers(sql_store: SqlStore) -> None:
    numbers = [0, 9, 10, 2**63, MAX_EPOCH]
    for number in reversed(numbers):
        sql_store.events.append("kind", {}, time_s=0.0, epoch=number)
    with sql_store.database.read() as connection:
        found = connection.execute(tables.event.select().order_by(tables.event.c.epoch)).all()
    assert [row.epoch for row in found] == numbers
