"""The ``before-switch`` hooks: they prepare a node for an era, an epoch ahead and at the switch, and may veto it.

In: decisions of the core. Out: runs of these hooks, in a lane of their own, and after each occasion a command by which
the core records the result. The rules:

1. One epoch ahead of a switch to a supported era the hooks run with ``phase`` ``ahead``. A failure is a warning: an
   epoch is left to resolve it.
2. At the switch they run with ``phase`` ``switch``. Until they have ended, no work begins, the binary of the old era is
   stopped and that of the new one is not started. A failure is a veto: the node stops, with the reason.
3. A hook fails if it exits with another code than 0, raises, is late (``before_switch_timeout_s``), or is missing. The
   reason is its last line of output, or how it ended. After a failure the remaining hooks are not run.
4. A node that starts in an era whose switch was vetoed, or was being prepared when the node ended, runs the hooks
   again: otherwise a restart would overrule the veto.
"""

import queue
from collections.abc import Callable, Iterable
from typing import TypedDict

from chain_reader.node.inputs import BEFORE_SWITCH, CommandGiven
from chain_reader.node.kinds import Decision, DecisionKind
from era_service.node.hook_lanes import Lane
from era_service.node.hooks import HookEnd, HookEvent, Hooks
from era_store import EventFilter, Store
from eras import EraNotReadyError, EraView

AHEAD, SWITCH = "ahead", "switch"
_SCHEDULE = (DecisionKind.ACTIVATING_IN, DecisionKind.SCHEDULED, DecisionKind.MOVED)
_OUTCOMES = (str(DecisionKind.PREPARED), str(DecisionKind.UNPREPARED), str(DecisionKind.VETOED))


class _Occasion(TypedDict):
    event: str
    phase: str
    epoch: int | None
    era: str
    begins: int | None


class Preparation:
    """Prepares one node. One thread uses it.

    Args:
        hooks: the hooks; those of ``before-switch`` are run here.
        now_s: POSIX time in seconds.
        over: called in any thread when an occasion is over.
    """

    def __init__(self, hooks: Hooks, now_s: Callable[[], float], over: Callable[[], object]) -> None:
        self._hooks = hooks
        self._now_s = now_s
        self._over = over
        self._own = tuple(hook for hook in hooks.hooks if hook.event is HookEvent.BEFORE_SWITCH)
        self._lane: Lane[_Occasion] = Lane("eraswitch-before-switch", self._run)
        self._done: queue.SimpleQueue[CommandGiven] = queue.SimpleQueue()
        self._ahead: tuple[str, int] | None = None
        self._cleared: str | None = None
        self.era: str | None = None
        """The era whose switch is being prepared now."""
        self.vetoed: str | None = None
        """The reason why a switch was vetoed."""

    def look(self, decisions: Iterable[Decision]) -> None:
        """Begin the preparations that decisions require (rules 1 and 2)."""
        for decision in decisions:
            facts = decision.facts
            if not self._own or facts.get("supported") is not True:
                continue
            if decision.kind == DecisionKind.ACTIVATED:
                self._begin(SWITCH, decision.epoch, facts["era"], facts["began"])
            elif decision.kind == DecisionKind.ERA_KNOWN:
                self._cleared = facts["era"]
            elif decision.kind in _SCHEDULE and facts["epochs_left"] == 1:
                occasion = facts["era"], facts["begins"]
                if self._ahead != occasion:
                    self._ahead = occasion
                    self._begin(AHEAD, decision.epoch, *occasion)

    def look_back(self, store: Store, view: EraView) -> None:
        """Run the hooks again if the switch to the current era was vetoed or interrupted (rule 4).

        Raises:
            StoreError: the event log cannot be read.
        """
        if not self._own or view.era is None or view.token is None or self.era is not None:
            return
        last = store.events.last(EventFilter(kinds=_OUTCOMES))
        done = last is None or (last.kind == DecisionKind.PREPARED and last.facts["phase"] == SWITCH)
        if last is not None and last.facts["era"] == view.era and not done:
            self._begin(SWITCH, view.token.epoch, view.era, view.token.current.epoch)
        else:
            self._cleared = view.era

    def take(self) -> CommandGiven | None:
        """The command about an occasion that is over, if one is."""
        try:
            done = self._done.get_nowait()
        except queue.Empty:
            return None
        if done.arguments["phase"] == SWITCH:
            self.era = None
            if done.arguments["outcome"] == "prepared":
                self._cleared = done.arguments["era"]
            else:
                self.vetoed = f"the switch to the era {done.arguments['era']} was vetoed: {done.arguments['reason']}"
        return done

    def wait(self) -> None:
        """Wait until no occasion is under way."""
        self._lane.wait()

    def require(self, era: str) -> None:
        """Check that work may begin in the current era, which readers may see a moment before its hooks have begun.

        Raises:
            EraNotReadyError: the switch to it is being prepared, or was vetoed.
        """
        if self.era is None and self.vetoed is None and self._cleared in (None, era):
            return
        raise EraNotReadyError(
            f"No work may begin in the era {era}",
            expected="before-switch hooks that have succeeded",
            got=self.vetoed or "hooks that are still running",
            next_step="Ask again when they have ended" if self.vetoed is None else "Resolve the reason, then restart",
        )

    def _begin(self, phase: str, epoch: int | None, era: str, begins: int | None) -> None:
        if phase == SWITCH:
            self.era = era
        event = str(HookEvent.BEFORE_SWITCH)
        self._lane.put({"event": event, "phase": phase, "epoch": epoch, "era": era, "begins": begins})

    def _run(self, facts: _Occasion) -> None:
        """Run all hooks of one occasion, in the lane's thread."""
        reason = ""
        for hook in self._own:
            end = self._hooks.run(hook, facts)
            if not end.ok:
                reason = reason_of(end)
                break
        outcome = "failed" if reason else "prepared"
        arguments = {"era": facts["era"], "phase": facts["phase"], "outcome": outcome}
        self._done.put(CommandGiven(BEFORE_SWITCH, self._now_s(), arguments | ({"reason": reason} if reason else {})))
        self._over()


def reason_of(end: HookEnd) -> str:
    """The reason why a hook failed: its last line of output, and how it ended."""
    lines = [line.strip() for line in end.output.splitlines() if line.strip()]
    how = f"{end.hook} {end.outcome}" + ("" if end.code is None else f" with exit code {end.code}")
    return f"{lines[-1]} ({how})" if lines else how
