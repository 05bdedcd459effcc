"""Refuses work while no watcher keeps the era of this process up to date.

In: when the watcher last looked and how long it was going to sleep, requests to stop, its end, and forks of the
process. Out: an error that names the cause, or nothing. No work begins

1. before the watcher was started, after it was asked to stop, and after it has ended for any reason;
2. in a process that was forked from that of the watcher: its thread is not there;
3. if the watcher is more than ``LATE_S`` late: the machine was suspended, or the thread is stuck.
"""

import os
import weakref
from collections.abc import Callable

from chain_reader.providers.transport.limits import Clock
from eras import EraNotReadyError

LATE_S = 30.0
FORKED = "this process was forked from the one in which the watcher runs"


class Attendance:
    """The attendance of one watcher.

    Args:
        clock: the time.
        wake: makes the watcher look now.
        in_child: called in a forked process, before anything else runs in it.
    """

    def __init__(self, clock: Clock, wake: Callable[[], object], in_child: Callable[[], object]) -> None:
        self._clock = clock
        self._wake = wake
        self._looks_next: tuple[float, float] | None = None  # by the monotonic clock and the time of day
        self.absent: str | None = None
        """The reason why the watcher does not run any more."""
        self.is_forked = False
        self.in_child = in_child
        _ATTENDANCES.add(self)

    def looked(self, wait_s: float) -> None:
        """Note that the watcher has looked, and is about to sleep for ``wait_s``."""
        self._looks_next = self._clock.monotonic() + wait_s, self._clock.posix() + wait_s

    @property
    def late_s(self) -> float:
        """Seconds by which the watcher is late; by the later of two clocks, as suspension may stop one of them."""
        if self._looks_next is None:
            return 0.0
        return max(self._clock.monotonic() - self._looks_next[0], self._clock.posix() - self._looks_next[1])

    def require(self) -> None:
        """Check that the watcher runs, and is not late.

        Raises:
            EraNotReadyError: it does not, or it is.
        """
        if self.absent is not None:
            raise self.error(self.absent)
        if self._looks_next is None:
            raise self.error("the watcher was not started", "Call start(), run() or watch() first")
        late_s = self.late_s
        if late_s > LATE_S:
            self._wake()
            reason = f"it should have looked {late_s:.0f} s ago: the machine was suspended, or the watcher is stuck"
            raise self.error(reason, "Ask again in a moment: the watcher has been woken")

    def require_own_process(self) -> None:
        """Check that this is the process in which the watcher may run.

        Raises:
            EraNotReadyError: it was forked from that one.
        """
        if self.is_forked:
            raise self.error(FORKED)

    def error(self, reason: str, next_step: str = "Restart the node") -> EraNotReadyError:
        """The error about work that no watcher covers."""
        if self.is_forked:
            next_step = "Create and start a watcher in each process, after the fork"
        return EraNotReadyError(
            "Nothing keeps the era up to date", expected="a running watcher", got=reason, next_step=next_step
        )


_ATTENDANCES: "weakref.WeakSet[Attendance]" = weakref.WeakSet()


def _in_child() -> None:
    for attendance in list(_ATTENDANCES):
        attendance.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
