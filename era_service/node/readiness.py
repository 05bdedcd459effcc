"""A moment that threads wait for and that coroutines await: the first check of a watcher, or its end.

In: ``set``, from any thread. Out: whether it was set in time. Nobody's event loop is held up, and no thread is kept for
a coroutine that gives up.
"""

import asyncio
import threading
from contextlib import suppress


class Readiness:
    """Set once. Several threads and event loops may wait."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin anew, with no one waiting: in a process that was forked off nobody of its parent does."""
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def is_set(self) -> bool:
        """Whether it has come."""
        return self._event.is_set()

    def set(self) -> None:
        """It has come. Twice is fine."""
        with self._lock:
            self._event.set()
            waiting, self._waiting = self._waiting, set()
        for loop, event in waiting:
            with suppress(RuntimeError):  # a loop that has ended meanwhile waits for nothing
                loop.call_soon_threadsafe(event.set)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait in this thread."""
        return self._event.wait(timeout_s)

    async def wait_async(self, timeout_s: float | None = None) -> bool:
        """Wait in this coroutine."""
        waiting = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            if self._event.is_set():
                return True
            self._waiting.add(waiting)
        try:
            await asyncio.wait_for(waiting[1].wait(), timeout_s)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            with self._lock:
                self._waiting.discard(waiting)
