"""Makes the tables of an empty store with the statements that Alembic made the first of its kind with.

The tests of one process open hundreds of new stores, and Alembic takes most of the time of each.
"""

from typing import Any

from sqlalchemy import Connection, event, inspect

from era_store.sql import schema

_migrate = schema.migrate
_statements: dict[tuple[object, ...], list[tuple[str, Any]]] = {}


def migrate(connection: Connection) -> None:
    """Run the migrations as ``era_store.sql.schema.migrate`` does; in an empty database, what they are known to run."""
    if inspect(connection).get_table_names():
        _migrate(connection)
        return
    kind = (connection.dialect.name, schema.MIGRATIONS, schema.HEAD)
    if kind in _statements:
        for statement, parameters in _statements[kind]:
            connection.exec_driver_sql(statement, parameters)
        return
    made = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        assert not many
        if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
            made.append((statement, parameters or None))

    event.listen(connection, "before_cursor_execute", note)
    try:
        _migrate(connection)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    _statements[kind] = made
