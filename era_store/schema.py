"""Which schema a store has, and the migrations that bring it up to date.

In: a connection inside a transaction. Out: its revision, or the tables as this version wants them. Alembic is imported
only when there is something to do: most openings find the schema as it should be.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from era_store.errors import StoreForeignError, StoreNewerError

VERSION_TABLE = "eraswitch_schema"
REVISIONS = ("era_0001",)
"""Every revision, oldest first; a test holds them to the files under ``migrations/versions``."""

HEAD = REVISIONS[-1]


def revision_of(connection: Connection, name: str) -> str | None:
    """The revision of the schema, or ``None`` in an empty database.

    Args:
        connection: to the database.
        name: what errors call it.

    Raises:
        StoreForeignError: it is the database of another program.
        StoreNewerError: it is of a revision that this version does not know.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise StoreForeignError(
            f"The store {name} is the database of another program",
            expected="a store of this project, or an empty database",
            got=f"tables such as {sorted(tables)[0]!r}",
            next_step="Name another file; the local chain, for one, is kept in a file of its own",
            store=name,
        )
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if found is not None and found not in REVISIONS:
        raise StoreNewerError(
            f"The store {name} was written by a newer version of eraswitch",
            expected=f"a schema up to {HEAD}",
            got=str(found),
            next_step="Upgrade eraswitch, or restore a backup that this version made",
            store=name,
        )
    return None if found is None else str(found)


def upgrade(connection: Connection) -> None:
    """Bring the schema up to date, within the transaction of ``connection``."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, "head")
