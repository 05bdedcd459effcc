"""Notices: that another process, or this one, changed what is in a store.

In: a database. Out: ``Notices``, whose ``wait`` returns when something changed, or after a time. A notice
carries the kind of the change at most, where it is known; the listener reads the store. Some come though nothing
changed; none is missed, whatever happens to the connection.

1. On PostgreSQL a writer notifies with its transaction (``notify``), and LISTEN receives it when that is committed.
2. On a SQLite file the file's own counter of commits is looked at, some times in a second.
"""

import threading
import time
from typing import Any

from sqlalchemy import Connection, text

from era_store.ports import NOTHING, Notices
from era_store.sql.database import Database
from eras import StoreError

CHANNEL = "eraswitch"
ANYTHING = frozenset(("anything",))
"""A topic for unknown changes."""
REGISTRATIONS = "registrations"
"""The topic of new registrations, which may come by the hundred in a second."""

LOOK_EVERY_S = 0.2
RECONNECT_AFTER_S = 0.5


def notices_of(database: Database) -> Notices:
    """Returns a listener for changes of a database from now on; the caller closes it before the database.

    Raises:
        StoreError: the database did not answer.
    """
    return ListenNotices(database) if database.path is None else CounterNotices(database)


def notify(connection: Connection, topic: str) -> None:
    """Within a writing transaction: notify listeners, once it is committed. SQLite counts commits by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_notify(:channel, :topic)"), {"channel": CHANNEL, "topic": topic})


class _SessionNotices:
    """A listener with a session of its own, which another thread may close while one waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = threading.Event()
        self._turn = threading.Lock()
        self._session: Any = None

    def close(self) -> None:
        """End the waiting."""
        self._closed.set()
        with self._turn:
            if self._session is not None:
                self._session.close()
                self._session = None


class CounterNotices(_SessionNotices):
    """``Notices`` by the counter of a SQLite file, which every commit of another connection changes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._session = database.session()
        self._seen = self._look()

    def wait(self, timeout_s: float) -> frozenset[str]:
        """Look, until the counter is another one."""
        until = time.monotonic() + timeout_s
        while not self._closed.is_set():
            found = self._look()
            if found != self._seen:
                self._seen = found
                return ANYTHING
            left = until - time.monotonic()
            if left <= 0:
                return NOTHING
            self._closed.wait(min(LOOK_EVERY_S, left))
        return NOTHING

    def _look(self) -> int:
        with self._turn, self._database.errors():
            if self._session is None:
                return self._seen
            counted: int = self._session.execute("PRAGMA data_version").fetchone()[0]
            return counted


class ListenNotices(_SessionNotices):
    """``Notices`` by LISTEN, in a session that is made anew when it breaks."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._session = self._listen()

    def wait(self, timeout_s: float) -> frozenset[str]:
        """Wait for notices, in slices, so that closing need not wait for the server."""
        until = time.monotonic() + timeout_s
        while not self._closed.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return NOTHING
            with self._turn:
                if self._closed.is_set():
                    return NOTHING
                # A new session counts as a change: it has missed the notices before it.
                heard = self._again() if self._session is None else self._hear(min(left, LOOK_EVERY_S))
            if heard:
                return heard
            if self._session is None:
                self._closed.wait(min(RECONNECT_AFTER_S, left))
        return NOTHING

    def _listen(self) -> Any:
        session = self._database.session()
        with self._database.errors():
            session.execute(f"LISTEN {CHANNEL}")
        return session

    def _hear(self, wait_s: float) -> frozenset[str]:
        try:
            with self._database.errors():
                return frozenset(notice.payload for notice in self._session.notifies(timeout=wait_s, stop_after=1))
        except StoreError:
            self._session.close()
            self._session = None
            return NOTHING

    def _again(self) -> frozenset[str]:
        try:
            self._session = self._listen()
        except StoreError:
            return NOTHING
        return ANYTHING
