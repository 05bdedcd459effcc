"""Waiting: a sleep that can be ended, a moment that threads and coroutines wait for, and work in the background.

``Alarm.ring`` ends the present sleep or the next one, from any thread and from a signal handler, which may take no
lock. ``Readiness`` is the first check of a watcher, or its end: waiting for it blocks no event loop, and no thread is
kept for a coroutine that gives up. What runs ``in_background`` never delays the end of the process.
"""

import asyncio
import os
import selectors
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")

SLICE_S = 15.0
"""A sleep that is over ends at most this long after the machine woke up."""


def in_background(work: Callable[[], Result], then: Callable[[], object]) -> Future[Result]:
    """Begin ``work`` in a daemon thread, and call ``then`` after it."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        then()

    threading.Thread(target=run, name="eraswitch-background", daemon=True).start()
    return future


class Alarm:
    """A sleep that is ended through a pipe. One thread sleeps; any thread may ring."""

    def __init__(self) -> None:
        self._open()

    def renew(self) -> None:
        """Open a new pipe, in a forked process: the old one is shared with the parent, and would wake it."""
        self._closing()
        self._open()

    def ring(self) -> None:
        """End the sleep."""
        with suppress(BlockingIOError):  # the pipe is full of rings
            os.write(self._writing, b"\0")

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``, or until it rings.

        The time for which a machine is suspended counts too, although the clock of ``select`` leaves it out: the sleep
        is cut into slices, and the time of day ends it.
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
    """A moment that comes once. Several threads and event loops may wait for it."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin again without waiters, in a forked process: those of the parent are not there."""
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def is_set(self) -> bool:
        """Whether it has come."""
        return self._event.is_set()

    def set(self) -> None:
        """Let it come; calling it twice is fine."""
        with self._lock:
            self._event.set()
            waiting, self._waiting = self._waiting, set()
        for loop, event in waiting:
            with suppress(RuntimeError):  # the loop has ended
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
