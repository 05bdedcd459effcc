"""The node's own binaries follow the era: the right one at a switch, and an early warning if the next is missing.

In: the era in force, and the upcoming one. Out: calls of a runner, and warnings by log and hook, on change and once a
day. If a binary is missing at its switch, this node does not support the era.
"""

import logging

from chain_reader.node.core import DAY_S
from era_service.node.hooks import HookEvent, Hooks
from era_service.node.supervisor import NodeRunner
from era_service.node.swap import SwapError
from eras import Epoch, EraMarker
from eras.words import counted

_log = logging.getLogger(__name__)


class Binaries:
    """Lets a runner follow the era.

    Args:
        runner: the runner.
        hooks: called about binaries that are missing.
    """

    def __init__(self, runner: NodeRunner, hooks: Hooks) -> None:
        self.runner = runner
        self._hooks = hooks
        self._warned: tuple[str, float] | None = None
        self._failed: tuple[str, str] | None = None

    def follow(self, era: str, epoch: Epoch | None) -> str | None:
        """Switch to the binary of ``era``; if that fails, report it once by log and hook, and return the reason."""
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
        """Warn if the binary of the upcoming era cannot be used, on change and once a day."""
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
        when = "later" if left is None else f"in {counted(left, 'epoch')}"
        _log.warning("%s. It is needed %s", reason, when)
        facts = {"era": upcoming.name, "begins": upcoming.epoch, "epochs_left": left, "reason": reason}
        self._hooks.fire(HookEvent.UNSUPPORTED_UPCOMING, {"decision": "binary-missing", "epoch": epoch, **facts})
