"""Which schema a store has, and the migrations that bring it up to date.

In: a connection inside a transaction. Out: its revision, or the tables as this version wants them. Alembic is imported
only when there is something to do: most openings find the schema as it should be.
"""

from pathlib import Path

from sqlalchemy import Connection, delete, insert, inspect, select, text

from era_store.sql.locks import take_turn
from era_store.sql.tables import schema_floor
from eras import StoreError

VERSION_TABLE = "eraswitch_schema"
MIGRATION_WAIT_S = 300.0
"""Seconds to wait for another process that upgrades the same store."""
MIGRATIONS = Path(__file__).parents[1] / "migrations"
REVISIONS = ("era_0006",)
"""Every revision, oldest first; a test holds them to the files under ``migrations/versions``."""

HEAD = REVISIONS[-1]

USABLE_FROM = "era_0006"
"""The oldest code, by its own ``HEAD``, whose statements still work on the schema at ``HEAD``.

A revision that expands (adds tables, or columns that may be left out) leaves it as it is. One that contracts (takes
away what older code uses) moves it, one release after nothing uses that any more
(docs/adr/0013-expand-then-contract.md).
"""


def revision_of(connection: Connection, name: str) -> str | None:
    """The revision of the schema, or ``None`` in an empty database.

    Args:
        connection: to the database.
        name: what errors call it.

    Raises:
        StoreError: it is the database of another program.
        StoreError: it is of a revision from before the first release, or of one that this version does not know, and
            that has contracted.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise StoreError(
            f"The store {name} is the database of another program",
            expected="a store of this project, or an empty database",
            got=f"tables such as {sorted(tables)[0]!r}",
            next_step="Name another file; the local chain, for one, is kept in a file of its own",
            store=name,
            code="StoreForeign",
        )
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if found is not None and str(found) < REVISIONS[0]:
        raise StoreError(
            f"The store {name} was written by a version of eraswitch from before its first release",
            expected=f"schema {REVISIONS[0]} or newer",
            got=str(found),
            next_step="Name a new store; nodes read the chain again, and registrations are ingested again "
            "from their source. The version that wrote it can export its events: eraswitch events export FILE",
            store=name,
            code="StoreOutdated",
        )
    if found is not None and found not in REVISIONS and not _is_usable(connection, tables):
        raise StoreError(
            f"The store {name} was written by a newer version of eraswitch",
            expected=f"a schema up to {HEAD}",
            got=str(found),
            next_step="Upgrade eraswitch, or restore a backup that this version made",
            store=name,
            code="StoreNewer",
        )
    return None if found is None else str(found)


def is_usable(revision: str | None) -> bool:
    """Whether a store of that revision needs no upgrade: it is at ``HEAD``, or newer and only expanded."""
    return revision == HEAD or (revision is not None and revision not in REVISIONS)


def _is_usable(connection: Connection, tables: list[str]) -> bool:
    """Whether this version can use the schema, by the newer version that wrote it."""
    if schema_floor.name not in tables:
        return False
    return connection.execute(select(schema_floor.c.usable_from)).scalar() in REVISIONS


def upgrade(connection: Connection, name: str) -> None:
    """Bring the schema up to date, within the transaction of ``connection``; of several processes one does it.

    Args:
        connection: to the database.
        name: what errors call it.

    Raises:
        StoreError: as ``revision_of``.
    """
    take_turn(connection, "migrate", wait_s=MIGRATION_WAIT_S)
    if is_usable(revision_of(connection, name)):
        return  # another process was faster
    migrate(connection)
    connection.execute(delete(schema_floor))
    connection.execute(insert(schema_floor).values(usable_from=USABLE_FROM))


def migrate(connection: Connection) -> None:
    """Run every migration that the database does not have yet."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, "head")
