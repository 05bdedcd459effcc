"""Rates: how often each client may write. The clients that are remembered are bounded."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from era_service.service.refusals import TooManyRequestsError

MAX_CLIENTS = 10_000


class Rates:
    """Token buckets, one for each client.

    Args:
        per_s: requests in a second, in the long run.
        burst: requests at once.
        clock: seconds, by any clock that does not go back.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count one request of ``client``.

        Raises:
            TooManyRequestsError: it has made too many; the error states when to come back.
        """
        now_s = self._clock()
        with self._lock:
            level, at_s = self._levels.pop(client, (float(self._burst), now_s))
            level = min(float(self._burst), level + (now_s - at_s) * self._per_s)
            allowed = level >= 1
            self._levels[client] = (level - 1 if allowed else level, now_s)
            while len(self._levels) > MAX_CLIENTS:
                self._levels.popitem(last=False)
        if not allowed:
            wait_s = max(1, round((1 - level) / self._per_s + 0.5))
            raise TooManyRequestsError(
                "Too many requests",
                expected=f"{self._per_s:g} in a second, or {self._burst} at once",
                got="more",
                next_step=f"Come back in {wait_s} s, with more in one request",
                retry_after_s=wait_s,
            )
