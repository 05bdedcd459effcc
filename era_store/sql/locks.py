"""One at a time: locks between the processes that share a store, released when their holder dies, however it does.

In: a database. Out: ``lock_of``, a ``StoreLock`` that one process holds until it releases it or ends (who polls the
chain), and ``take_turn``, which orders the writers of one transaction.

1. On PostgreSQL a lock is an advisory lock of a session of its own. The session ends with its process; when a whole
   machine goes, the server's keep-alive notices within some 4 s (``era_store.sql.database``).
2. On a SQLite file it is a lock of the system upon a file beside it, which the system releases with the process.
"""

import fcntl
import hashlib
import logging
import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from era_store.errors import read_only
from era_store.ports import StoreLock
from era_store.sql.database import Database
from era_store.sqlite_files import FILE_MODE
from eras import StoreError

_log = logging.getLogger(__name__)

POLLER, FOLLOWER = "poller", "follower"
"""The locks of services: who reads the chain for all, and who follows a leader for all."""


def lock_of(database: Database, name: str) -> StoreLock:
    """Returns the lock of that name, which belongs to the database."""
    if database.path is not None:
        return FileLock(database.path.with_name(f"{database.path.name}.{name}.lock"))
    return AdvisoryLock(database, name)


def take_turn(connection: Connection, name: str, *, wait_s: float | None = None) -> None:
    """Within a writing transaction: wait until no other one that took a turn of that name is running.

    SQLite has one writer at a time anyway.

    Args:
        connection: in a transaction.
        name: who takes turns with whom.
        wait_s: seconds to wait at most; by default as for any other lock.
    """
    if connection.dialect.name != "postgresql":
        return
    usual = None
    if wait_s is not None:
        usual = connection.execute(text("SHOW lock_timeout")).scalar_one()
        connection.execute(
            text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": f"{round(wait_s * 1000)}ms"}
        )
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(name)})
    if usual is not None:
        connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": usual})


def lock_key(name: str) -> int:
    """The number that PostgreSQL knows a lock of this project by."""
    return int.from_bytes(hashlib.sha256(f"eraswitch {name}".encode()).digest()[:8], "big", signed=True)


class FileLock:
    """A ``StoreLock`` by a file that nobody removes.

    Args:
        path: the file; it is made, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take it if it is free.

        Raises:
            StoreError: the file cannot be made.
        """
        if self._handle is not None:
            return True
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)  # raw: a lock file
        except OSError as error:
            raise read_only(
                f"The lock {self._path} cannot be made",
                error,
                expected="a folder that this user may write to",
                next_step="Correct its permissions, or name another file",
                store=self._path,
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Release it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class AdvisoryLock:
    """A ``StoreLock`` by a session of PostgreSQL.

    Args:
        database: where; a session of it is open while the lock is held or asked for.
        name: which lock.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._key = lock_key(name)
        self._session: Any = None
        self._held = False

    def acquire(self) -> bool:
        """Take it if it is free; a session that broke has lost it, and is made anew.

        Raises:
            StoreError: the database did not answer.
        """
        try:
            if self._session is None:
                self._session = self._database.session()
            with self._database.errors():
                if self._held:
                    self._session.execute("SELECT 1")
                else:
                    found = self._session.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchone()
                    self._held = found is not None and found[0] is True
        except StoreError:
            self.release()
            raise
        return self._held

    def release(self) -> None:
        """Release it, and end the session."""
        session, self._session, held = self._session, None, self._held
        self._held = False
        if session is None:
            return
        try:
            if held and not session.closed:
                with self._database.errors():  # the end of a session alone is noticed some time later
                    session.execute("SELECT pg_advisory_unlock(%s)", (self._key,))
        except StoreError:
            _log.debug("The database session that held a lock broke, so the lock is lost")
        finally:
            session.close()
