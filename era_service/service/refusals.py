"""Refusals of requests, each with the HTTP status that answers it, and what they depend on.

Each client may write at a rate. Whether the store takes changes is tried at most once a second, however many ask for
the readiness of the service: a full disk or a lock stops writing, not reading.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from math import floor

from chain_reader.providers.transport.rate_limit import TokenBucket
from era_store import Store
from eras import EraSwitchError, StoreError
from eras.errors import kept


class RequestError(EraSwitchError):
    """A request cannot be answered as it is."""

    http_status = 400


class TokenNeededError(RequestError):
    """A request that writes has no API token, or one that does not count (any more)."""

    http_status = 401


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
            RequestError: it has made too many; the error states when to come back.
        """
        with self._lock:
            bucket = self._buckets.pop(client, None) or TokenBucket(self._per_s, self._burst, self._clock)
            self._buckets[client] = bucket
            while len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        left_s = bucket.take(within_s=0)
        if left_s > 0:
            wait_s = floor(left_s) + 1
            raise RequestError(
                "Too many requests",
                expected=f"{self._per_s:g} in a second, or {self._burst} at once",
                got="more",
                next_step=f"Try again in {wait_s} s, with more in one request",
                retry_after_s=wait_s,
                code="TooManyRequests",
            )


AT_MOST_EVERY_S = 1.0
WAIT_S = 0.5
"""How long another writer is waited for: whoever asks for readiness seldom waits longer than a second."""


class WriteProbe:
    """Tries whether a store can be written to.

    Args:
        store: where.
        clock: monotonic time in seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._tried_at_s: float | None = None
        self._error: StoreError | None = None

    def error(self) -> StoreError | None:
        """The obstacle to a change, now or a moment ago."""
        with self._lock:
            if self._tried_at_s is None or self._clock() - self._tried_at_s >= AT_MOST_EVERY_S:
                try:
                    self._store.try_to_write(wait_s=WAIT_S)
                    self._error = None
                except StoreError as error:
                    self._error = kept(error)
                self._tried_at_s = self._clock()
            return self._error
