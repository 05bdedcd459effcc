"""Polling: the chain is read every so often, and at once when an epoch begins, by one process at a time.

In: a ``Polled`` service. Out: a new snapshot for it, and in the store for every other replica. ``Poller.run_once`` is
one reading; who may make it is asked of ``leads``, which another part of the program can replace by a lock that the
replicas share. A replica that may not read takes what the one that may has left in the store.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from era_service.config.schema import Settings
from eras import EraSwitchError

_log = logging.getLogger(__name__)

AFTER_BOUNDARY_S = 0.05
"""How long after an epoch has begun by the clock it is looked for."""

BOUNDARY_POLL_S, BOUNDARY_S = 2.0, 120.0
"""How often, and for how long, it is looked for after that: an epoch is there with its first block."""

TICK_S = 1.0
"""The longest time between two looks at the clock."""

Leads = Callable[[], AbstractContextManager[bool]]


def always_leads() -> AbstractContextManager[bool]:
    """The one process that there is may always read."""
    return nullcontext(enter_result=True)


class Polled(Protocol):
    """The service whose readings are made."""

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def epoch_ends_at_s(self) -> float | None:
        """POSIX time at which the current epoch ends, where it is known."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """POSIX time in seconds."""
        ...

    def read_chain(self) -> None:
        """Read the chain once.

        Raises:
            EraSwitchError: the configuration, or the store, cannot be used.
        """
        ...

    def let_go(self) -> None:
        """Close the provider, since another process reads."""
        ...

    def load_snapshot(self) -> None:
        """Take what another process has read."""
        ...

    def note_failure(self, error: Exception) -> None:
        """Remember why a reading failed."""
        ...

    def go_on(self) -> None:
        """Enter the epoch of now by the schedule that is known."""
        ...


class Poller:
    """Turns a service's polling in a thread of its own.

    Args:
        service: whose snapshot is renewed.
        leads: gives a context in which this process may read the chain, or, where it yields ``False``, may not.
    """

    def __init__(self, service: Polled, leads: Leads = always_leads) -> None:
        self._service = service
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
            self._thread.join(timeout=self._service.settings.limits.read_deadline_s)
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
        with self.leads() as leads:
            if leads:
                self.run_once()
                return
        self._service.let_go()
        self._service.load_snapshot()

    def run_once(self) -> None:
        """Read the chain once and hand on the result.

        Raises:
            EraSwitchError: the configuration, or the store, cannot be used.
        """
        self._service.read_chain()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            try:
                self.turn()
            except EraSwitchError as error:
                _log.error("The chain could not be polled: %s", error)
                self._service.note_failure(error)
            except Exception as error:
                _log.exception("The chain could not be polled")
                self._service.note_failure(error)
            self._wake.wait(self._pause_s())

    def _tick(self) -> None:
        """Begin each epoch when it begins, also while a reading takes its time or cannot be made (rule T9)."""
        while not self._ended.is_set():
            ends_at_s = self._service.epoch_ends_at_s
            left_s = TICK_S if ends_at_s is None else ends_at_s - self._service.clock() + AFTER_BOUNDARY_S
            if left_s <= 0:
                try:
                    self._service.go_on()
                except Exception:
                    _log.exception("The new epoch could not be processed")
                left_s = TICK_S
            self._ended.wait(min(left_s, TICK_S))

    def _pause_s(self) -> float:
        pause_s = self._service.settings.service.poll_interval_s
        ends_at_s = self._service.epoch_ends_at_s
        if ends_at_s is None:
            return pause_s
        left_s = ends_at_s - self._service.clock() + AFTER_BOUNDARY_S
        if left_s > 0:
            return min(pause_s, left_s)
        return min(pause_s, BOUNDARY_POLL_S) if left_s > -BOUNDARY_S else pause_s
