"""The database under a store: how it is reached, its transactions, and what its errors mean.

In: a path or a URL. Out: ``Database`` with ``read`` and ``write`` contexts. A SQLite file is made with mode 0600, in
WAL mode. Every change is one transaction, so that a process that dies leaves what was there before it or after.

PostgreSQL has no one lock for all writers as SQLite does: whoever writes what depends on what is there takes a turn
(``era_store.sql.locks.take_turn``), or checks a version.
"""

import math
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from era_store.errors import StoreDamagedError, StoreUnavailableError
from era_store.event_log import canonical
from era_store.installation import install_command
from era_store.sql.database_errors import mapped
from era_store.sql.tables import NOT_DECODED, ContentError
from eras import ConfigurationError

DEFAULT_WAIT_S = 10.0
AT_ONCE = 500
"""Values in one statement: databases bound how many it may carry."""
POOL_CONNECTIONS = 5
POOL_OVERFLOW = 10
_POSTGRES_SESSION = {
    "idle_in_transaction_session_timeout": "60s",  # ends the locks of a replica that froze within a transaction
    "tcp_keepalives_idle": "2s",  # and those of one that lost its power
    "tcp_keepalives_interval": "1s",
    "tcp_keepalives_count": "2",
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
        self.path = sqlite_path(url)
        """The file, where the database is one."""
        self._wait_s = wait_s
        self._turn = threading.Lock()
        self._engine = self._make_engine()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view: what is read in it is all of one moment.

        Raises:
            StoreError: the database cannot be read, or what is read of it is damaged.
        """
        options = {} if self.path is not None else {"isolation_level": "REPEATABLE READ"}
        try:
            with self._engine.connect().execution_options(**options) as connection:
                if self.path is not None:
                    connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                except (ContentError, UnicodeEncodeError):  # the latter is about what was asked, not what is stored
                    raise
                except NOT_DECODED as error:
                    raise ContentError.of(error) from error
        except Exception as error:
            raise self._ours(error) from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One change: committed whole when the block ends, undone when it raises.

        Raises:
            StoreError: it cannot be committed.
        """
        # The writers of this process wait for each other, woken at once: SQLite would look again after a pause.
        is_turn = self.path is not None and self._turn.acquire(timeout=self._wait_s)
        try:
            with self._engine.connect() as connection, connection.begin():
                if self.path is not None:  # takes the lock at once: who reads first and locks later could not wait
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except Exception as error:
            raise self._ours(error) from error
        finally:
            if is_turn:
                self._turn.release()

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """The driver's own connection to a SQLite file.

        Raises:
            StoreError: the database refused what was asked of it.
        """
        try:
            with self._engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - asked for files only
                yield driver
        except Exception as error:
            raise self._ours(error) from error

    def try_to_write(self, wait_s: float) -> None:
        """Commit a change that nobody sees: whether there is room, and nobody holds the lock for longer.

        Args:
            wait_s: seconds to wait for another writer.

        Raises:
            StoreError: no change can be committed; the class names the reason.
        """
        if self.path is None:
            with self.write() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = '{round(wait_s * 1000)}ms'"))
                connection.execute(text("UPDATE schema_floor SET usable_from = usable_from"))
            return
        with self.raw() as driver:
            driver.execute(f"PRAGMA busy_timeout = {round(wait_s * 1000)}")
            try:
                driver.execute("BEGIN IMMEDIATE")
                # Nothing reads this number; a row that is set to what it was would not be written at all.
                (number,) = driver.execute("PRAGMA user_version").fetchone()
                driver.execute(f"PRAGMA user_version = {(number + 1) % 2**31}")
                driver.execute("COMMIT")
            finally:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                driver.execute(f"PRAGMA busy_timeout = {round(self._wait_s * 1000)}")

    def prepare_file(self) -> None:
        """Put a SQLite file into WAL mode, for good: readers and a writer do not wait for each other.

        A file that cannot be written to is reported here, not when there is something to remember.

        Raises:
            StoreError: it cannot be done, or another process wrote for longer than this one waits.
        """
        with self.raw() as driver:
            if driver.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                # SQLite waits for no writer here, whatever the connection's timeout: it refuses at once.
                for attempt in Retrying(
                    retry=retry_if_exception(_is_busy),
                    stop=stop_after_delay(self._wait_s),
                    wait=wait_random(0.01, 0.05),
                    reraise=True,
                ):
                    with attempt:
                        driver.execute("PRAGMA journal_mode = WAL")
            driver.execute("BEGIN IMMEDIATE")
            driver.execute("ROLLBACK")

    def session(self) -> Any:
        """The driver's connection, beside the pool, in which each statement is its own; the caller closes it.

        Raises:
            StoreError: the database did not answer.
        """
        with self.errors():
            pooled = self._engine.raw_connection()
            driver: Any = pooled.driver_connection
            pooled.detach()
            if self.path is None:
                driver.rollback()
                driver.autocommit = True
            return driver

    def close(self) -> None:
        """Close every connection. Calling it twice is fine."""
        self._engine.dispose()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the database come out as ours.

        Raises:
            StoreError: of the kind that names what is wrong (``era_store.sql.database_errors``).
        """
        try:
            yield
        except Exception as error:
            raise self._ours(error) from error

    def _ours(self, error: Exception) -> Exception:
        """The error of ours for one of the database; any other one is raised again."""
        if isinstance(error, ContentError):
            return StoreDamagedError(
                f"The content of the store {self.name} is damaged",
                expected="what eraswitch wrote",
                got=str(error),
                next_step=f"Look with: eraswitch db check --store {self.name}. Then restore a backup",
                store=self.name,
            )
        if isinstance(error, SQLAlchemyError | sqlite3.Error) or _is_psycopg(error):
            return mapped(error, self.name, self.url, self._wait_s)
        raise error

    def _make_engine(self) -> Engine:
        try:
            engine = create_engine(self.url, json_serializer=canonical, **self._engine_options())
        except ModuleNotFoundError as error:
            raise StoreUnavailableError(
                f"The driver of the store {self.name} is not installed",
                expected=f"the package {error.name}",
                got="none",
                next_step=f"Install it: {install_command(error.name or 'sqlalchemy')}",
                store=self.name,
            ) from error
        except (ArgumentError, NoSuchModuleError) as error:
            raise _unknown_kind(self.name) from error
        if self.path is not None:
            _prepare_sqlite(engine)
        else:
            _prepare_postgres(engine, self._wait_s)
        return engine

    def _engine_options(self) -> dict[str, object]:
        if self.path is not None:
            return {"connect_args": {"timeout": self._wait_s}}
        return {
            "connect_args": {"connect_timeout": max(2, math.ceil(self._wait_s)), "application_name": "eraswitch"},
            "pool_size": POOL_CONNECTIONS,
            "max_overflow": POOL_OVERFLOW,
            "pool_timeout": self._wait_s,
            "pool_pre_ping": True,  # one that the server closed meanwhile is made anew
            "hide_parameters": True,
        }


def parse_url(text: str) -> URL:
    """The place of a store: the path of a file, or a URL (``sqlite:///file``, ``postgresql+psycopg://…``).

    Raises:
        ConfigurationError: it names no place.
    """
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except (ArgumentError, ValueError) as error:
        raise _unknown_kind("a text that is not a URL") from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")  # as operators and other tools write it
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise _unknown_kind(url.render_as_string(hide_password=True))
    if url.get_backend_name() == "sqlite" and (not url.database or ":memory:" in url.database):
        raise ConfigurationError(
            "The store names no file", expected="the path of a file", got="none", next_step="Correct the store's URL"
        )
    try:
        sqlite_path(url)
    except RuntimeError:  # as pathlib reports it
        raise ConfigurationError(
            "The store is in no user's home folder",
            expected="~ to stand for the home folder of a user who exists",
            got=f"{url.database}",
            next_step="Correct the store's path",
        ) from None
    return url


def sqlite_path(url: URL) -> Path | None:
    """The file that a URL names, if it names one."""
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database).expanduser().absolute()


def store_name(url: URL) -> str:
    """The name of a store for operators: its path, or its URL without the password."""
    path = sqlite_path(url)
    return str(path) if path is not None else url.render_as_string(hide_password=True)


def _prepare_postgres(engine: Engine, wait_s: float) -> None:
    """Sessions of PostgreSQL that wait for others, and hold them up, for a bounded time."""
    settings = {"lock_timeout": f"{max(1, round(wait_s * 1000))}ms", **_POSTGRES_SESSION}
    statement = "; ".join(f"SET {name} = '{value}'" for name, value in settings.items())

    def connected(connection: Any, _record: object) -> None:
        connection.execute(statement)
        connection.commit()

    event.listen(engine, "connect", connected)


def _prepare_sqlite(engine: Engine) -> None:
    """Have SQLite leave transactions to us, enforce foreign keys, and commit to the disk."""

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions late, and not before DDL
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    event.listen(engine, "connect", connected)


def _is_busy(error: BaseException) -> bool:
    """Whether another connection to a SQLite file is in the way."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _is_psycopg(error: Exception) -> bool:
    """Whether it is an error of the PostgreSQL driver, which is not imported where it is not used."""
    return any(kind.__module__.partition(".")[0] == "psycopg" for kind in type(error).__mro__)


def _unknown_kind(name: str) -> ConfigurationError:
    return ConfigurationError(
        "The kind of store is unknown",
        expected="the path of a file, sqlite:///… or postgresql+psycopg://…",
        got=name,
        next_step="Correct the store's URL",
    )
