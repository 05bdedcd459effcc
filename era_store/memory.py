"""A store that lives as long as its process: for a node that keeps no file, and for tests.

It needs no package. What goes in and out is what ``era_store.ports`` says.
"""

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from era_store.errors import StoreChangedError
from era_store.records import CachedVerdict, NewEvent, StoredEvent, StoredTrust, TrustKey
from eras import Epoch, __version__

VERDICT_CAPACITY = 200_000
"""Verdicts kept for each key: more outputs than an address was ever flooded with."""


class MemoryStore:
    """Trust, verdicts and events in dictionaries. Several threads may use it."""

    def __init__(self) -> None:
        self.events = MemoryEvents()
        self.trust = MemoryTrust(self.events)
        self.verdicts = MemoryVerdicts()

    def close(self) -> None:
        """Nothing is held open."""


class MemoryTrust:
    """A ``TrustRepository``."""

    def __init__(self, events: "MemoryEvents") -> None:
        self._events = events
        self._lock = threading.Lock()
        self._trust: dict[TrustKey, StoredTrust] = {}

    def load(self, key: TrustKey) -> StoredTrust | None:
        """What was saved last, or ``None``."""
        return self._trust.get(key)

    def save(self, key: TrustKey, trust: StoredTrust, events: Iterable[NewEvent] = (), *, time_s: float) -> StoredTrust:
        """Write ``trust`` and its events together.

        Raises:
            StoreChangedError: another version is stored.
        """
        with self._lock:
            known = self._trust.get(key)
            if trust.version != (0 if known is None else known.version):
                raise changed("the memory of this process", trust.version)
            saved = replace(trust, version=trust.version + 1)
            self._trust[key] = saved
            for event in events:
                self._events.append(event.kind, event.facts, time_s=time_s, epoch=event.epoch)
            return saved


class MemoryVerdicts:
    """A ``VerdictRepository``."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, ...], dict[str, CachedVerdict]] = {}

    def load(self, key: TrustKey) -> dict[str, CachedVerdict]:
        """Every verdict kept for the keys, by output reference."""
        return dict(self._verdicts.get(key.keys, {}))

    def save(self, key: TrustKey, verdicts: Iterable[CachedVerdict]) -> None:
        """Keep these too; the oldest go beyond the capacity."""
        kept = self._verdicts.setdefault(key.keys, {})
        for verdict in verdicts:
            kept.pop(verdict.reference, None)
            kept[verdict.reference] = verdict
        for reference in list(kept)[: max(0, len(kept) - VERDICT_CAPACITY)]:
            del kept[reference]


class MemoryEvents:
    """An ``EventRepository``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[StoredEvent] = []

    def append(self, kind: str, facts: dict[str, Any], *, time_s: float, epoch: Epoch | None = None) -> int:
        """Add an entry. Returns its id."""
        with self._lock:
            event = StoredEvent(len(self._events) + 1, kind, epoch, dict(facts), __version__, time_s)
            self._events.append(event)
            return event.id

    def read(self, *, after: int = 0, limit: int | None = None) -> tuple[StoredEvent, ...]:
        """The entries with an id greater than ``after``, oldest first, at most ``limit``."""
        end = None if limit is None else after + limit
        return tuple(self._events[after:end])


def changed(store: str, version: int) -> StoreChangedError:
    """The error for a writer whose version of what is stored is not the stored one."""
    return StoreChangedError(
        f"What is trusted was changed by another process in {store}",
        expected=f"version {version}",
        got="another one",
        next_step="Read again",
        store=store,
    )
