"""Repeated log lines: the first few of a minute are written, the rest are counted, and the count is written after it.

In: log records. Out: those to write. Lines count as the same when logger, level and text are; at level debug every line
is written.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

WINDOW_S = 60.0
AT_ONCE = 5
"""How many of the same line are written within a window."""

MAX_LINES = 1_000
"""How many different lines are remembered; beyond that the oldest window ends early."""

_Key = tuple[str, int, str]


class RepeatFilter(logging.Filter):
    """Lets the first lines of a window through, and adds how many were left out before to the next one.

    The count is on the first line of any kind that comes after the window, as a line of its own.

    Args:
        clock: seconds, by any clock that does not go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[_Key, tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a line."""
        if getattr(record, "left_out", None) is not None or logging.getLogger().level <= logging.DEBUG:
            return True
        key = (
            record.name,
            record.levelno,
            str(record.msg.get("event")) if isinstance(record.msg, dict) else record.getMessage(),
        )
        now_s = self._clock()
        with self._lock:
            ended = self._end_windows(now_s)
            since_s, count = self._windows.get(key, (now_s, 0))
            self._windows[key] = (since_s, count + 1)
        for (name, level, text), left_out in ended:
            logging.getLogger(name).log(
                level, "%s more lines like this were left out: %s", left_out, text, extra={"left_out": left_out}
            )
        return count < AT_ONCE

    def _end_windows(self, now_s: float) -> list[tuple[_Key, int]]:
        """Forget the windows that are over; those of which lines were left out, and how many."""
        ended = []
        while self._windows:
            key, (since_s, count) = next(iter(self._windows.items()))
            if now_s - since_s < WINDOW_S and len(self._windows) <= MAX_LINES:
                break
            del self._windows[key]
            if count > AT_ONCE:
                ended.append((key, count - AT_ONCE))
        return ended
