"""A store that lives as long as its process: for a node that keeps no file, and for tests.

It needs no package. In and out: the types of ``era_store.ports``.
"""

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from era_store.errors import StoreChangedError
from era_store.event_log import ALL_EVENTS, NO_HASH, EventFilter, LogHead, LogLine, added, continuing, grown
from era_store.ports import NOTHING, EventRepository, Notices, StoreLock
from era_store.records import CachedVerdict, NewEvent, StoredEvent, StoredTrust, TrustKey

VERDICT_CAPACITY = 200_000
"""Verdicts kept for each key: more outputs than an address was ever flooded with."""


class MemoryStore:
    """Trust, verdicts and events in dictionaries. Several threads may use it.

    Args:
        logs_trust: whether the events that are saved with trust go into the event log; without, nobody can read them.
    """

    def __init__(self, *, logs_trust: bool = True) -> None:
        self.events = MemoryEvents()
        self.trust = MemoryTrust(self.events if logs_trust else None)
        self.verdicts = MemoryVerdicts()

    def try_to_write(self, *, wait_s: float) -> None:
        """Nothing hinders it."""

    def lock(self, name: str) -> StoreLock:
        """Returns a lock that is always free."""
        return FreeLock()

    def notices(self) -> Notices:
        """Returns what waits; only this process changes the store."""
        return NoNotices()

    def close(self) -> None:
        """Nothing is held open."""


class MemoryTrust:
    """A ``TrustRepository``."""

    def __init__(self, events: "MemoryEvents | None") -> None:
        self._events = events
        self._lock = threading.Lock()
        self._trust: dict[TrustKey, StoredTrust] = {}

    def load(self, key: TrustKey) -> StoredTrust | None:
        """The last saved trust, or ``None``."""
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
            if self._events is not None:
                self._events.record(list(events), time_s=time_s)
            return saved


class MemoryVerdicts:
    """A ``VerdictRepository``."""

    def __init__(self) -> None:
        self._verdicts: dict[TrustKey, dict[str, CachedVerdict]] = {}

    def load(self, key: TrustKey) -> dict[str, CachedVerdict]:
        """Every verdict kept for the keys at their address, by output reference."""
        return dict(self._verdicts.get(key, {}))

    def save(self, key: TrustKey, verdicts: Iterable[CachedVerdict]) -> None:
        """Keep these too; the oldest go beyond the capacity."""
        kept = self._verdicts.setdefault(key, {})
        for verdict in verdicts:
            kept.pop(verdict.reference, None)
            kept[verdict.reference] = verdict
        for reference in list(kept)[: max(0, len(kept) - VERDICT_CAPACITY)]:
            del kept[reference]


class MemoryEvents(EventRepository):
    """An ``EventRepository`` in lists."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[LogLine] = []
        self._head = LogHead()

    def record(self, events: Sequence[NewEvent], *, time_s: float) -> tuple[int, ...]:
        """Add entries. Returns their ids."""
        with self._lock:
            first = self._head.last_id + 1
            ids = range(first, first + len(events))
            lines, self._head = added(events, ids, self._head, time_s)
            self._lines.extend(lines)
            return tuple(ids)

    def read(
        self, *, after: int = 0, limit: int | None = None, only: EventFilter = ALL_EVENTS
    ) -> tuple[StoredEvent, ...]:
        """The entries with an id greater than ``after``, oldest first, at most ``limit``."""
        return tuple(line.event for line in islice(self.lines(after=after, only=only), limit))

    def newest(self, limit: int, only: EventFilter = ALL_EVENTS, *, before: int | None = None) -> list[StoredEvent]:
        """The newest entries that are asked for, of those with an id less than ``before``, newest first."""
        events = (line.event for line in reversed(self._lines))
        asked = (event for event in events if (before is None or event.id < before) and only.passes(event))
        return list(islice(asked, limit))

    def lines(self, *, after: int = 0, only: EventFilter = ALL_EVENTS) -> Iterator[LogLine]:
        """Every entry with an id greater than ``after`` as it is hashed, oldest first."""
        known = self._lines
        start = bisect_right(known, after, key=lambda line: line.event.id)
        return (line for line in islice(known, start, None) if only.passes(line.event))

    def head(self) -> LogHead:
        """The range of the log."""
        return self._head

    def compact(self, first_id: int) -> int:
        """Take out every entry before ``first_id``, for good. Returns how many."""
        with self._lock:
            gone = [line for line in self._lines if line.event.id < first_id]
            if gone:
                size = self._head.size_bytes - sum(len(line.text.encode()) for line in gone)
                self._lines = self._lines[len(gone) :]
                base = gone[-1].hash or NO_HASH
                self._head = replace(self._head, first_id=first_id, base_hash=base, size_bytes=size)
            return len(gone)

    def restore(self, lines: Iterable[LogLine], base_hash: str) -> int:
        """Put the lines of another log into this one, with their ids and hashes. Returns how many were added.

        Raises:
            StoreError: what is here is not how these lines begin.
        """
        with self._lock:
            known = {line.event.id: line.hash for line in self._lines}
            new = list(continuing(lines, base_hash, known, self._head, "the memory of this process"))
            if new:
                self._head = grown(self._head if known else LogHead(new[0].event.id, base_hash), new)
                self._lines.extend(new)
            return len(new)


class FreeLock:
    """The lock of a store that only this process has."""

    def acquire(self) -> bool:
        """It is always there to take."""
        return True

    def release(self) -> None:
        """Nothing is held."""


class NoNotices:
    """``Notices`` of a store that only this process has."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def wait(self, timeout_s: float) -> frozenset[str]:
        """Wait so long."""
        self._closed.wait(timeout_s)
        return NOTHING

    def close(self) -> None:
        """End the waiting."""
        self._closed.set()


def changed(store: str, version: int) -> StoreChangedError:
    """The error for a writer whose version of what is stored is not the stored one."""
    return StoreChangedError(
        f"What is trusted was changed by another process in {store}",
        expected=f"version {version}",
        got="another one",
        next_step="Read again",
        store=store,
    )
