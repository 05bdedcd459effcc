"""A sleep that can be ended from any thread and from a signal handler, which may take no lock.

In: how long to sleep. Out: nothing; ``ring`` ends the sleep that is under way, or the next one.
"""

import os
import selectors
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
