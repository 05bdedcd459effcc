"""The node's own binaries follow the era: the right one at a switch, and a warning in time when the next is missing.

In: the era in force, the upcoming one. Out: a runner that is asked to follow; warnings by log and hook, on change and
once a day. A binary that is missing at its switch is an era that this node does not support.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from chain_reader.node.core import DAY_S
from era_service.node.hooks import HookEvent, Hooks
from era_service.node.swap import EraFolder, SwapError
from eras import Epoch, EraMarker

_log = logging.getLogger(__name__)


class NodeRunner(Protocol):
    """A follower of an era: ``NodeSupervisor`` or ``LinkSwitcher``."""

    needs_looking_after: bool
    """Whether something may end that ``ended`` has to be asked about."""

    @property
    def folder(self) -> EraFolder:
        """The binaries."""
        ...

    def run(self, era: str) -> bool:
        """Follow ``era``; whether anything had to be done. Raises ``SwapError``."""
        ...

    def ended(self) -> int | None:
        """The exit code of a node that ended by itself."""
        ...

    def stop(self, grace_s: float | None = None, *, hurry: Callable[[], bool] = ...) -> int | None:
        """Stop the node within ``grace_s``; within what it always has once ``hurry`` is called."""
        ...


class Binaries:
    """Lets a runner follow the era.

    Args:
        runner: what follows.
        hooks: called about binaries that are missing.
    """

    def __init__(self, runner: NodeRunner, hooks: Hooks) -> None:
        self.runner = runner
        self._hooks = hooks
        self._warned: tuple[str, float] | None = None
        self._failed: tuple[str, str] | None = None

    def follow(self, era: str, epoch: Epoch | None) -> str | None:
        """See to it that the binary of ``era`` is the one; why it cannot be is reported by log and hook once."""
        if self._failed is not None and self._failed[0] == era:
            return self._failed[1]
        try:
            self.runner.run(era)
        except SwapError as error:
            self._failed = (era, str(error))
            _log.error("%s", error)
            facts = {"decision": "binary-unusable", "epoch": epoch, "era": era, "reason": str(error)}
            self._hooks.fire(HookEvent.UNSUPPORTED_CURRENT, facts)
            return str(error)
        self._failed = None
        return None

    def look_ahead(self, upcoming: EraMarker, epoch: Epoch, time_s: float) -> None:
        """Warn when the binary of the upcoming era is not fit to run, on change and once a day."""
        try:
            self.runner.folder.verified(upcoming.name)
        except SwapError as error:
            reason = str(error)
        else:
            self._warned = None
            return
        if self._warned is not None and self._warned[0] == reason and time_s - self._warned[1] < DAY_S:
            return
        self._warned = (reason, time_s)
        left = None if upcoming.epoch is None else upcoming.epoch - epoch
        when = "later" if left is None else f"in {left} epoch{'' if left == 1 else 's'}"
        _log.warning("%s. It is needed %s", reason, when)
        facts = {"era": upcoming.name, "begins": upcoming.epoch, "epochs_left": left, "reason": reason}
        self._hooks.fire(HookEvent.UNSUPPORTED_UPCOMING, {"decision": "binary-missing", "epoch": epoch, **facts})
