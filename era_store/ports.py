"""The interface of a store: a repository for each kind of thing.

``SqlStore`` (``era_store.sql.store``) keeps them in a database, ``MemoryStore`` (``era_store.memory``) for as long as
it lives, with no package beyond this one. Both raise ``StoreError`` (or a subclass) and nothing else.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from era_store.event_log import ALL_EVENTS, EventFilter, LogHead, LogLine
from era_store.records import CachedVerdict, Facts, NewEvent, StoredEvent, StoredTrust, TrustKey
from eras import Epoch


class TrustRepository(Protocol):
    """The trusted markers, for each key."""

    def load(self, key: TrustKey) -> StoredTrust | None:
        """The last saved trust, or ``None``."""
        ...

    def save(self, key: TrustKey, trust: StoredTrust, events: Iterable[NewEvent] = (), *, time_s: float) -> StoredTrust:
        """Write ``trust`` and its events in one transaction, whole or not at all; returns it with its new version.

        Raises:
            StoreChangedError: what is stored has another version than ``trust`` was made from.
        """
        ...


class VerdictRepository(Protocol):
    """Verdicts on outputs, so that a restart need not judge a flooded address again."""

    def load(self, key: TrustKey) -> dict[str, CachedVerdict]:
        """Every verdict kept for the keys at their address, by output reference."""
        ...

    def save(self, key: TrustKey, verdicts: Iterable[CachedVerdict]) -> None:
        """Keep these too; those at the same reference are replaced, and the oldest go beyond the capacity."""
        ...


class EventRepository(Protocol):
    """The event log: entries are only ever added."""

    def append(self, kind: str, facts: Facts, *, time_s: float, epoch: Epoch | None = None) -> int:
        """Add an entry. Returns its id, greater than every id before.

        Raises:
            StoreError: it could not be written.
        """
        return self.record([NewEvent(kind, facts, epoch)], time_s=time_s)[0]

    def record(self, events: Sequence[NewEvent], *, time_s: float) -> tuple[int, ...]:
        """Add entries, all of them or none. Returns their ids."""
        ...

    def read(
        self, *, after: int = 0, limit: int | None = None, only: EventFilter = ALL_EVENTS
    ) -> tuple[StoredEvent, ...]:
        """The entries with an id greater than ``after``, oldest first, at most ``limit``."""
        ...

    def last(self, only: EventFilter = ALL_EVENTS, *, before: int | None = None) -> StoredEvent | None:
        """The newest entry that is asked for, of those with an id less than ``before``.

        Raises:
            StoreError: it could not be read.
        """
        return next(iter(self.newest(1, only, before=before)), None)

    def newest(self, limit: int, only: EventFilter = ALL_EVENTS, *, before: int | None = None) -> list[StoredEvent]:
        """The newest entries that are asked for, of those with an id less than ``before``, newest first."""
        ...

    def lines(self, *, after: int = 0, only: EventFilter = ALL_EVENTS) -> Iterator[LogLine]:
        """Every entry with an id greater than ``after`` as it is hashed, oldest first."""
        ...

    def head(self) -> LogHead:
        """The range of the log."""
        ...

    def compact(self, first_id: int) -> int:
        """Take out every entry before ``first_id``, for good. Returns how many."""
        ...

    def restore(self, lines: Iterable[LogLine], base_hash: str) -> int:
        """Put the lines of another log into this one, with their ids and hashes. Returns how many were added.

        Raises:
            StoreError: what is here is not how these lines begin.
        """
        ...


class StoreLock(Protocol):
    """A lock between processes. One thread uses it."""

    def acquire(self) -> bool:
        """Take it if it is free; whether this process holds it now, asked of the store each time.

        Raises:
            StoreError: the store could not be reached; then it is not held.
        """
        ...

    def release(self) -> None:
        """Release it. Calling it twice is fine."""
        ...


NOTHING: frozenset[str] = frozenset()
"""No topic: nothing changed."""


class Notices(Protocol):
    """A listener for changes of a store. One thread waits; another one may close it."""

    def wait(self, timeout_s: float) -> frozenset[str]:
        """Wait for a change, at most so long; the topics of those that there may have been since the last call.

        A database that does not answer is asked again meanwhile; when it answers, that counts as a change.
        """
        ...

    def close(self) -> None:
        """End the waiting, at once, and for good. Calling it twice is fine."""
        ...


class Store(Protocol):
    """Everything a node remembers; ``SqlStore`` also has what a service needs: registrations, tokens, snapshots."""

    @property
    def trust(self) -> TrustRepository:
        """The trusted markers."""
        ...

    @property
    def verdicts(self) -> VerdictRepository:
        """The verdict cache."""
        ...

    @property
    def events(self) -> EventRepository:
        """The event log."""
        ...

    def try_to_write(self, *, wait_s: float) -> None:
        """Commit a change that nobody sees.

        Args:
            wait_s: seconds to wait while another process writes.

        Raises:
            StoreError: no change can be committed; the class names the reason.
        """
        ...

    def lock(self, name: str) -> StoreLock:
        """Returns the lock of that name between the processes that share the store."""
        ...

    def notices(self) -> Notices:
        """Returns a listener for changes of the store from now on; the caller closes it before the store.

        Raises:
            StoreError: the store did not answer.
        """
        ...

    def close(self) -> None:
        """Release connections. Calling it twice is fine."""
        ...
