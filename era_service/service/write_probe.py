"""Whether the store takes changes, for the readiness of the service: a full disk or a lock stops writing, not reading.

In: a store. Out: the error that a change meets, or ``None``. Tried at most once a second, however many ask.
"""

import threading
import time
from collections.abc import Callable

from era_store import Store
from eras import StoreError

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
                    self._error = error
                self._tried_at_s = self._clock()
            return self._error
