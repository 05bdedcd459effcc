"""Change notices: something is new, for all listeners, from any thread to any thread.

A notice carries no content but its kind: a listener looks for itself (a snapshot, the event log), so that one that is
lost, doubled or late costs nothing but time.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Final, Self

SNAPSHOT: Final = "snapshot"
"""There is a new snapshot of the eras."""
EVENTS: Final = "events"
"""There are new entries in the event log."""
REGISTRATIONS: Final = "registrations"
"""Registrations came in."""
COUNTED: Final = "counted"
"""Registrations were counted again, after an older count was shown to somebody."""

_log = logging.getLogger(__name__)

Listener = Callable[[str], None]


class Changes:
    """Passes notices of changes to all listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def notify(self, kind: str) -> None:
        """Notify every listener; one that raises is logged, and the others are notified."""
        for listener in self._listeners:
            try:
                listener(kind)
            except Exception:
                _log.exception("A listener to changes failed on %r", kind)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with the kind of every change, in the thread that announces it; returns what ends that."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return end

    @contextlib.asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[str]]:
        """Within the block, an iterator over the kinds of changes; several of a kind at once count as one."""
        loop = asyncio.get_running_loop()
        kinds = _Kinds()

        def hear(kind: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be closed: then nobody listens
                loop.call_soon_threadsafe(kinds.add, kind)

        end = self.listen(hear)
        try:
            yield kinds
        finally:
            end()


class _Kinds:
    """The kinds that were announced and not delivered yet. Waiting for the next may be cancelled and begun again."""

    def __init__(self) -> None:
        self._pending: dict[str, None] = {}
        self._added = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not self._pending:
            self._added.clear()
            await self._added.wait()
        kind = next(iter(self._pending))
        del self._pending[kind]
        return kind

    def add(self, kind: str) -> None:
        self._pending[kind] = None
        self._added.set()
