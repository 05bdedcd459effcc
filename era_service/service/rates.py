"""Rates: how often each client may write. The clients that are remembered are bounded."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from math import floor

from chain_reader.providers.transport.rate_limit import TokenBucket
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
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, client: str) -> None:
        """Count one request of ``client``.

        Raises:
            TooManyRequestsError: it has made too many; the error states when to come back.
        """
        with self._lock:
            bucket = self._buckets.pop(client, None) or TokenBucket(self._per_s, self._burst, self._clock)
            self._buckets[client] = bucket
            while len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        left_s = bucket.take(within_s=0)
        if left_s > 0:
            wait_s = floor(left_s) + 1
            raise TooManyRequestsError(
                "Too many requests",
                expected=f"{self._per_s:g} in a second, or {self._burst} at once",
                got="more",
                next_step=f"Try again in {wait_s} s, with more in one request",
                retry_after_s=wait_s,
            )
