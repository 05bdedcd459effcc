"""Waiting: a sleep that can be ended, and a moment that threads and coroutines wait for.

``Alarm.ring`` ends the present sleep or the next one, from any thread and from a signal handler, which may take no
lock. ``Readiness`` is the first check of a watcher, or its end: waiting for it blocks no event loop, and no thread is
kept for a coroutine that gives up.
"""

import asyncio
import os
import selectors
import threading
import time
import weakref
from contextlib import suppress

SLICE_S = 15.0
"""So long at most after a machine woke up, a sleep that is over ends."""


class Alarm:
    """Sleeps, and is woken through a pipe. One thread sleeps; everyone may ring."""

    def __init__(self) -> None:
        self._open()

    def renew(self) -> None:
        """Take a pipe of its own, in a child process that was forked off: by the old one it would wake its parent."""
        self._closing()
        self._open()

    def ring(self) -> None:
        """End the sleep."""
        with suppress(BlockingIOError):  # full of rings already
            os.write(self._writing, b"\0")

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``, or until it rings.

        The time for which a machine is suspended counts too, which the clock of ``select`` leaves out: the sleep is cut
        into slices, and the time of day ends it.
        """
        until = time.time() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            left = seconds
            while True:
                began = time.monotonic()
                if selector.select(min(max(0.0, left), SLICE_S)):
                    with suppress(BlockingIOError):
                        while os.read(self._reading, 4_096):
                            pass
                    return
                left -= time.monotonic() - began
                if left <= 0 or time.time() >= until:
                    return

    def _open(self) -> None:
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        self._closing = weakref.finalize(self, _close, self._reading, self._writing)


def _close(*ends: int) -> None:
    for end in ends:
        os.close(end)


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
