"""What a store is to those who remember things in it: three repositories.

``SqlStore`` (``era_store.store``) keeps them in a database, ``MemoryStore`` (``era_store.memory``) for as long as it
lives, with no package beyond this one. Both raise ``StoreError`` (or a subclass) and nothing else.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from era_store.records import CachedVerdict, NewEvent, StoredEvent, StoredTrust, TrustKey
from eras import Epoch


class TrustRepository(Protocol):
    """What is trusted, for each key."""

    def load(self, key: TrustKey) -> StoredTrust | None:
        """What was saved last, or ``None``."""
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
        """Every verdict kept for the keys, by output reference."""
        ...

    def save(self, key: TrustKey, verdicts: Iterable[CachedVerdict]) -> None:
        """Keep these too; those at the same reference are replaced, and the oldest go beyond the capacity."""
        ...


class EventRepository(Protocol):
    """The event log: entries are only ever added."""

    def append(self, kind: str, facts: dict[str, Any], *, time_s: float, epoch: Epoch | None = None) -> int:
        """Add an entry. Returns its id, greater than every id before."""
        ...

    def read(self, *, after: int = 0, limit: int | None = None) -> tuple[StoredEvent, ...]:
        """The entries with an id greater than ``after``, oldest first, at most ``limit``."""
        ...


class Store(Protocol):
    """All that is remembered."""

    @property
    def trust(self) -> TrustRepository:
        """What is trusted."""
        ...

    @property
    def verdicts(self) -> VerdictRepository:
        """The verdict cache."""
        ...

    @property
    def events(self) -> EventRepository:
        """The event log."""
        ...

    def close(self) -> None:
        """Release connections. Calling it twice is fine."""
        ...
