"""Time and waiting, as observers use them: an argument, so that tests need not wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The source of the time.

    Attributes:
        monotonic: seconds that only ever grow; deadlines are given in them.
        posix: seconds since 1970, which the machine may set.
        sleep: waits for so many seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    posix: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()
