"""Polling: the chain is read every so often, and at once when an epoch begins, by one process at a time.

In: a ``Keeper``. Out: a new snapshot for it, and in the store for every other replica. ``leads`` decides whether this
process may read, in a service with replicas by a lock that they share. A replica that may not read takes the snapshot
that the reader has left in the store.
"""

import logging
import math
import threading
from collections.abc import Callable

from era_service.service.keeper import Keeper
from eras import EraSwitchError

_log = logging.getLogger(__name__)

AFTER_BOUNDARY_S = 0.05
"""How long after an epoch has begun by the clock it is looked for."""

BOUNDARY_POLL_S, BOUNDARY_S = 2.0, 120.0
"""How often, and for how long, it is looked for after that: an epoch is there with its first block."""

TICK_S = 1.0
"""The longest time between two looks at the clock."""


class Poller:
    """Polls for a keeper in a thread of its own.

    Args:
        keeper: makes the readings.
        leads: returns whether this process may read the chain.
    """

    def __init__(self, keeper: Keeper, leads: Callable[[], bool] = lambda: True) -> None:
        self._keeper = keeper
        self.leads = leads
        self._thread: threading.Thread | None = None
        self._ticking: threading.Thread | None = None
        self._wake = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin. The first turn is at once."""
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._thread.start()
        self._ticking = threading.Thread(target=self._tick, name="epochs", daemon=True)
        self._ticking.start()

    def stop(self) -> None:
        """End, after the turn that is being made. Calling it twice is fine."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=self._keeper.settings.limits.read_deadline_s)
        if self._ticking is not None:
            self._ticking.join()

    def wake(self) -> None:
        """Make the next turn now."""
        self._wake.set()

    @property
    def has_died(self) -> bool:
        """Whether it was started, and turns no more though nobody stopped it."""
        return self._thread is not None and not self._thread.is_alive() and not self._ended.is_set()

    def turn(self) -> None:
        """One turn: a reading, or what another replica has read."""
        if self.leads():
            self._keeper.read_chain()
        else:
            self._keeper.let_go()
            self._keeper.load_snapshot()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            try:
                self.turn()
            except EraSwitchError as error:
                _log.error("The chain could not be polled: %s", error)
                self._keeper.note_failure(error)
            except Exception as error:
                _log.exception("The chain could not be polled")
                self._keeper.note_failure(error)
            self._wake.wait(self._pause_s())

    def _tick(self) -> None:
        """Begin each epoch when it begins, also while a reading takes its time or cannot be made (rule T9)."""
        while not self._ended.is_set():
            left_s = self._left_s
            if left_s <= 0:
                try:
                    self._keeper.enter_epoch()
                except Exception:
                    _log.exception("The new epoch could not be processed")
            self._ended.wait(TICK_S if left_s <= 0 else min(left_s, TICK_S))

    def _pause_s(self) -> float:
        pause_s, left_s = self._keeper.settings.service.poll_interval_s, self._left_s
        if left_s > 0:
            return min(pause_s, left_s)
        return min(pause_s, BOUNDARY_POLL_S) if left_s > -BOUNDARY_S else pause_s

    @property
    def _left_s(self) -> float:
        """Seconds until the next epoch has begun; infinite where its beginning is not known."""
        ends_at_s = self._keeper.epoch_ends_at_s
        return math.inf if ends_at_s is None else ends_at_s - self._keeper.clock() + AFTER_BOUNDARY_S
