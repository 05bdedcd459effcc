"""A sleep that can be ended from any thread and from a signal handler, which may take no lock.

In: how long to sleep. Out: nothing; ``ring`` ends the sleep that is under way, or the next one.
"""

import os
import selectors
import weakref
from contextlib import suppress


class Alarm:
    """Sleeps, and is woken through a pipe. One thread sleeps; everyone may ring."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        weakref.finalize(self, _close, self._reading, self._writing)

    def ring(self) -> None:
        """End the sleep."""
        with suppress(BlockingIOError):  # full of rings already
            os.write(self._writing, b"\0")

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``, or until it rings."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            if selector.select(max(0.0, seconds)):
                with suppress(BlockingIOError):
                    while os.read(self._reading, 4_096):
                        pass


def _close(*ends: int) -> None:
    for end in ends:
        os.close(end)
