"""Translates the errors of SQLite and PostgreSQL: each into a ``StoreError`` with a next step.

In: an error of SQLAlchemy or of a driver. Out: the error to raise in its place. The text of a foreign error may quote
values, so that it is shown only where it is known to hold none, and without the password.
"""

import sqlite3
from typing import Any, NamedTuple

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from era_store.errors import (
    StoreDamagedError,
    StoreFullError,
    StoreLockedError,
    StoreMissingError,
    StoreUnavailableError,
)
from eras import StoreError


class _Meaning(NamedTuple):
    kind: type[StoreError]
    what: str
    expected: str
    next_step: str
    code: str | None = None


_UNAVAILABLE = _Meaning(
    StoreUnavailableError,
    "could not be reached",
    "a database that answers",
    "Check that the database is up, and the URL of the store",
)
_HELD = _Meaning(
    StoreLockedError,
    "is held by another process",
    "to write within {wait:g} s",
    "Find another eraswitch process that hangs, then try again",
)
_NO_DATABASE = _Meaning(
    StoreMissingError, "is not there", "a database of that name on the server", "Make it: createdb, or CREATE DATABASE"
)
_REFUSED = _Meaning(
    StoreError,
    "is not open to this user",
    "a user and a password that the server accepts",
    "Correct the URL of the store, or the server's roles and pg_hba.conf",
    code="StoreRefused",
)
_FULL = _Meaning(StoreFullError, "has no room left", "room on the disk", "Make room on the disk, then try again")

_SQLITE: dict[int, _Meaning] = {
    sqlite3.SQLITE_ERROR: _Meaning(
        StoreDamagedError,
        "does not have the tables that this version of eraswitch needs",
        "every table and column of its schema",
        "Restore a backup (eraswitch db restore); if a newer version wrote the store, upgrade eraswitch",
    ),
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _Meaning(StoreLockedError, "is held by another process", "to write", "Try again"),
    sqlite3.SQLITE_READONLY: _Meaning(
        StoreError,
        "cannot be written to",
        "a file and a folder that this user may write to",
        "Correct their permissions, or name another file",
        code="StoreReadOnly",
    ),
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_NOTADB: _Meaning(
        StoreError, "is not a database", "a SQLite file", "Name another file, or restore a backup", code="StoreForeign"
    ),
    sqlite3.SQLITE_CORRUPT: _Meaning(
        StoreDamagedError,
        "is damaged",
        "an intact database",
        "Move the file away, with the -wal and -shm beside it, then restore a backup: eraswitch db restore FILE",
    ),
    sqlite3.SQLITE_CANTOPEN: _Meaning(
        StoreMissingError,
        "cannot be opened",
        "a file that this user may read and write, in a folder that exists",
        "Check the path and its permissions",
    ),
    sqlite3.SQLITE_IOERR: _Meaning(
        StoreUnavailableError, "cannot be read or written", "a disk that answers", "Check the disk, then try again"
    ),
}

_RIGHTS = _Meaning(
    StoreError,
    "cannot be written to",
    "a user that may read and write its tables, on a server that is not a standby",
    "Grant the rights, or name the primary server",
    code="StoreReadOnly",
)
_OTHER_SCHEMA = _Meaning(
    StoreError,
    "has tables that this version of eraswitch does not know",
    "a schema that this version can use",
    "Look with eraswitch db check, and upgrade eraswitch",
    code="StoreNewer",
)
_DAMAGED = _Meaning(StoreDamagedError, "is damaged", "an intact database", "Restore a backup with pg_restore")
_POSTGRES: dict[str, _Meaning] = {
    "55P03": _HELD,  # lock not available
    "40P01": _HELD,  # deadlock
    "40001": _HELD,  # serialization failure
    "57014": _HELD,  # canceled, by a time limit
    "25P03": _HELD,  # idle in transaction for too long
    "25006": _RIGHTS,  # read-only transaction: a standby
    "42501": _RIGHTS,  # insufficient privilege
    "53100": _FULL,
    "53200": _Meaning(StoreFullError, "has no memory left", "memory on the server", "Give the server more memory"),
    "53300": _Meaning(
        StoreUnavailableError,
        "has no connection left",
        "a connection",
        "Raise max_connections of the server, or run fewer replicas",
    ),
    "42P01": _OTHER_SCHEMA,  # undefined table
    "42703": _OTHER_SCHEMA,  # undefined column
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}


_PASSING = ("the database system is", "too many clients", "connection slots", "terminating connection")
"""The answers of a server while it starts, stops or is busy."""


def mapped(error: Exception, name: str, url: URL, wait_s: float) -> StoreError:
    """The error to raise in the place of one of a database.

    Args:
        error: of SQLAlchemy, or of a driver.
        name: what operators call the store.
        url: where it is; its password is in no message.
        wait_s: seconds that were waited for others.
    """
    cause: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    meaning = _meaning(cause, url) or _UNAVAILABLE
    return meaning.kind(
        f"The store {name} {meaning.what}",
        expected=meaning.expected.format(wait=wait_s),
        got=_shown(cause, url),
        next_step=meaning.next_step,
        store=name,
        code=meaning.code,
    )


def _meaning(cause: BaseException, url: URL) -> _Meaning | None:
    code: Any = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _SQLITE.get(code & 0xFF)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return _POSTGRES.get(state)
    # The driver has no code for a connection that failed, only the server's words.
    words = str(cause)
    if f'database "{url.database}" does not exist' in words:
        return _NO_DATABASE
    return _REFUSED if "FATAL:" in words and not any(one in words for one in _PASSING) else None


def _shown(cause: BaseException, url: URL) -> str:
    """The part of a foreign error that may be shown."""
    if isinstance(cause, sqlite3.Error):
        return str(cause) if getattr(cause, "sqlite_errorcode", None) is not None else type(cause).__name__
    state = getattr(cause, "sqlstate", None)
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    if isinstance(state, str):
        return f"{primary or type(cause).__name__} (SQLSTATE {state})" if state in _POSTGRES else type(cause).__name__
    lines = str(cause).strip().splitlines()
    if type(cause).__name__ != "OperationalError" or not lines:
        return type(cause).__name__
    # Of a connection that failed, or broke: it names the host and quotes the server.
    text = next((line for line in reversed(lines) if "failed:" in line), lines[0]).strip()
    return text.replace(url.password, "***") if isinstance(url.password, str) and url.password else text
