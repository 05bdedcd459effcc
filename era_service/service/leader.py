"""One poller of the chain at a time among the replicas on one store, and the others notified of its readings.

In: a store, and the ``Service`` on it. Out: ``LeaderPoller.try_to_lead``, which the ``Poller`` asks before a reading,
and a thread that wakes it.

1. Who holds the lock ``poller`` of the store reads the chain. It keeps the lock for as long as it lives, and asks the
   store at each turn whether it still has it.
2. Who does not hold it tries again every ``look_every_s`` seconds, so that another replica reads soon after the holder
   died, however it did; and takes what the holder has left in the store as soon as the store reports a change. That
   registrations came in, at any replica, is handed on, and nothing is read for it.
3. Two that read at once for a moment, because a session broke, harm nothing: what is trusted is saved by version.
"""

import logging
import threading
import time
from collections.abc import Callable

from era_service.service.changes import EVENTS, REGISTRATIONS
from era_service.service.keeper import Keeper
from era_store import Store
from era_store.ports import Notices
from era_store.sql.locks import POLLER
from era_store.sql.notices import REGISTRATIONS as CAME_IN
from eras import StoreError

LOOK_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class LeaderPoller:
    """Leads, or waits to. Several threads may use it.

    Args:
        store: shared with the other replicas; the caller closes it after ``stop``.
        look_every_s: seconds between two attempts to take the place of a poller that died.
    """

    def __init__(self, store: Store, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._store = store
        self._lock = store.lock(POLLER)
        self._turn = threading.Lock()
        self._look_every_s = look_every_s
        self._ended = threading.Event()
        self._notices: Notices | None = None
        self._thread: threading.Thread | None = None
        self.held = False
        """Whether this process led when last asked."""

    def try_to_lead(self) -> bool:
        """Take the lead if nobody has it; whether this process leads now.

        Raises:
            StoreError: the store could not be reached.
        """
        with self._turn:
            before, self.held = self.held, False
            self.held = not self._ended.is_set() and self._lock.acquire()
        if self.held and not before:
            _log.info("This replica reads the chain from now on")
        return self.held

    def start(self, keeper: Keeper, wake: Callable[[], object]) -> None:
        """Watch the store in a thread of its own, until ``stop``.

        Args:
            keeper: takes what other replicas have read.
            wake: called when this replica begins to lead.

        Raises:
            StoreError: the store cannot be listened to.
        """
        self._notices = self._store.notices()
        self._thread = threading.Thread(
            target=self._watch, args=(keeper, wake, self._notices), name="leader", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End, and let another replica lead. Calling it twice is fine."""
        self._ended.set()
        if self._notices is not None:
            self._notices.close()
        if self._thread is not None:
            self._thread.join(timeout=10)
        with self._turn:
            self._lock.release()
            self.held = False

    def _watch(self, keeper: Keeper, wake: Callable[[], object], notices: Notices) -> None:
        look_at = 0.0
        while not self._ended.is_set():
            try:
                topics = notices.wait(self._look_every_s)
                if self._ended.is_set():
                    return
                if CAME_IN in topics:
                    keeper.changes.notify(REGISTRATIONS)
                changed = topics - {CAME_IN}
                if changed:
                    try:
                        if not self.held:
                            keeper.load_snapshot()
                    finally:
                        keeper.changes.notify(EVENTS)
                if self.held:
                    continue
                if not changed and time.monotonic() < look_at:
                    continue  # registrations came in, perhaps hundreds in a second
                look_at = time.monotonic() + self._look_every_s
                if self.try_to_lead():
                    wake()
            except StoreError as error:
                _log.warning("The store could not be read to learn which replica reads the chain: %s", error)
                self._ended.wait(self._look_every_s)
            except Exception:
                _log.exception("Watching the store failed")
                self._ended.wait(self._look_every_s)
