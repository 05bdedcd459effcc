"""The database under a store: how it is reached, its transactions, and what its errors mean.

In: a path or a URL. Out: ``Database`` with ``read`` and ``write`` contexts. A SQLite file is made with mode 0600, in
WAL mode; every change is one transaction, so that a process that dies leaves what was there before it or after.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from era_store.errors import (
    StoreDamagedError,
    StoreForeignError,
    StoreFullError,
    StoreLockedError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from eras import ConfigurationError, StoreError

FILE_MODE = 0o600
DEFAULT_WAIT_S = 10.0

_SQLITE_ERRORS: dict[int, tuple[type[StoreError], str, str, str]] = {
    sqlite3.SQLITE_BUSY: (
        StoreLockedError,
        "is held by another process",
        "to write within {wait:g} s",
        "Look for another eraswitch that hangs, then try again",
    ),
    sqlite3.SQLITE_LOCKED: (StoreLockedError, "is held by another process", "to write", "Try again"),
    sqlite3.SQLITE_READONLY: (
        StoreReadOnlyError,
        "cannot be written to",
        "a file and a folder that this user may write to",
        "Correct their permissions, or name another file",
    ),
    sqlite3.SQLITE_FULL: (
        StoreFullError,
        "has no room left",
        "room on the disk",
        "Make room on the disk, then try again",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreForeignError,
        "is no database",
        "a SQLite file",
        "Name another file, or restore a backup",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StoreDamagedError,
        "is damaged",
        "an intact database",
        "Move the file away, then restore a backup: eraswitch db restore",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreMissingError,
        "cannot be opened",
        "a file that this user may read and write, in a folder that exists",
        "Check the path and its permissions",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreUnavailableError,
        "cannot be read or written",
        "a disk that answers",
        "Check the disk, then try again",
    ),
}


class Database:
    """A database, its transactions, and its errors as ``StoreError``.

    Args:
        url: as ``parse_url`` gives it.
        wait_s: seconds to wait for another process's transaction.
    """

    def __init__(self, url: URL, *, wait_s: float = DEFAULT_WAIT_S) -> None:
        self.url = url
        self.name = store_name(url)
        self._wait_s = wait_s
        self._engine = self._make_engine()

    @property
    def path(self) -> Path | None:
        """The file, where the database is one."""
        return sqlite_path(self.url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view."""
        with self.errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One change: committed whole when the block ends, undone when it raises."""
        with self.errors(), self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """The driver's own connection to a SQLite file."""
        with self.errors(), self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - asked for files only
            yield driver

    def close(self) -> None:
        """Close every connection. Calling it twice is fine."""
        self._engine.dispose()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the database come out as ``StoreError``."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self._mapped(error) from error

    def _mapped(self, error: SQLAlchemyError | sqlite3.Error) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        found = _SQLITE_ERRORS.get(code & 0xFF) if isinstance(code, int) else None
        if found is not None:
            kind, what, expected, next_step = found
            return kind(
                f"The store {self.name} {what}",
                expected=expected.format(wait=self._wait_s),
                got=str(cause),
                next_step=next_step,
                store=self.name,
            )
        # The text of a foreign error may quote values or a connection string: only its type is shown.
        return StoreUnavailableError(
            f"The store {self.name} could not be asked",
            expected="a database that answers",
            got=type(cause).__name__,
            next_step="Check that the database is up, and the URL of the store",
            store=self.name,
        )

    def _make_engine(self) -> Engine:
        options: dict[str, Any] = {"connect_args": {"timeout": self._wait_s}} if self.path is not None else {}
        try:
            engine = create_engine(self.url, **options)
        except ModuleNotFoundError as error:
            raise StoreUnavailableError(
                f"The driver of the store {self.name} is not installed",
                expected=f"the package {error.name}",
                next_step=f"Install it: pip install {error.name}",
                store=self.name,
            ) from error
        except (ArgumentError, NoSuchModuleError) as error:
            raise _unknown_kind(self.name) from error
        if self.path is not None:
            _prepare(engine)
        return engine


def parse_url(text: str) -> URL:
    """The place of a store: the path of a file, or a URL (``sqlite:///file``, ``postgresql+psycopg://…``).

    Raises:
        ConfigurationError: it names no place.
    """
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except (ArgumentError, ValueError) as error:
        raise _unknown_kind("a text that is no URL") from error
    if url.get_backend_name() == "sqlite" and (not url.database or ":memory:" in url.database):
        raise ConfigurationError(
            "The store names no file", expected="the path of a file", got="none", next_step="Correct the store's URL"
        )
    return url


def sqlite_path(url: URL) -> Path | None:
    """The file that a URL names, if it names one."""
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database).expanduser().absolute()


def store_name(url: URL) -> str:
    """What operators call a store: its path, or its URL without the password."""
    path = sqlite_path(url)
    return str(path) if path is not None else url.render_as_string(hide_password=True)


def make_file(path: Path) -> None:
    """See to it that there is a file at ``path``, for its owner alone when it is new.

    Raises:
        StoreMissingError: its folder is missing, or it is no file.
        StoreReadOnlyError: it cannot be made there.
    """
    expected = "a file in a folder that exists"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
        if not stat.S_ISREG(path.stat().st_mode):
            raise StoreMissingError(
                f"The store {path} is no file",
                expected=expected,
                got="something else",
                next_step="Name a file",
                store=str(path),
            )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreMissingError(
            f"The store {path} cannot be made",
            expected=expected,
            got=f"no folder {path.parent}",
            next_step=f"Make the folder: mkdir -p {path.parent}",
            store=str(path),
        ) from error
    except IsADirectoryError as error:
        raise StoreMissingError(
            f"The store {path} is a folder",
            expected=expected,
            got="a folder",
            next_step="Name a file in it",
            store=str(path),
        ) from error
    except OSError as error:
        raise StoreReadOnlyError(
            f"The store {path} cannot be written to",
            expected="a file and a folder that this user may write to",
            got=error.strerror or type(error).__name__,
            next_step="Correct their permissions, or name another file",
            store=str(path),
        ) from error


def _prepare(engine: Engine) -> None:
    """Make SQLite keep its word: transactions that are ours to begin, foreign keys, and commits that reach the disk."""

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions late, and not before DDL
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    def begun(connection: Connection) -> None:
        # A change takes its lock at once: one that reads first and locks later could not wait for another.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    listeners: dict[str, Callable[..., None]] = {"connect": connected, "begin": begun}
    for name, listener in listeners.items():
        event.listen(engine, name, listener)


def _unknown_kind(name: str) -> ConfigurationError:
    return ConfigurationError(
        "The store is of no known kind",
        expected="the path of a file, sqlite:///… or postgresql+psycopg://…",
        got=name,
        next_step="Correct the store's URL",
    )
