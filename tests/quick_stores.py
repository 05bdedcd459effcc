"""Has the stores of one process share what SQLAlchemy compiles, and SQLite wait for no disk.

The tests of one process open thousands of stores and local chains. Each engine would compile every statement anew, and
each commit would wait until it is on the disk, though the machine does not lose its power in a test.
"""

import sqlite3
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from chain_reader.local_chain.ledger import store as ledger
from era_store.sql import database

_connect = ledger._connect
prepare_sqlite = database._prepare_sqlite
"""As it is outside of the tests."""


class _Compiled(dict[Hashable, Any]):
    """Compiled statements, by the name of their dialect in place of the dialect of one engine."""

    @staticmethod
    def _shared(key: Any) -> Hashable:
        dialect, *rest = key
        return dialect.name, dialect.driver, *rest

    def get(self, key: Hashable, default: Any = None) -> Any:
        return super().get(self._shared(key), default)

    def __setitem__(self, key: Hashable, compiled: Any) -> None:
        super().__setitem__(self._shared(key), compiled)


_compiled = _Compiled()


def quicken() -> None:
    """Do so from now on."""
    if ledger._connect is _connect:
        ledger._connect = _connect_quickly
        database._prepare_sqlite = _prepare_sqlite
        event.listen(Engine, "engine_connect", _share)


def _connect_quickly(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    _do_not_wait(connection)
    return connection


def _prepare_sqlite(engine: Engine) -> None:
    prepare_sqlite(engine)
    event.listen(engine, "connect", _do_not_wait)


def _do_not_wait(connection: sqlite3.Connection, _record: object = None) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)
