"""The invariants of a rehearsal, which hold whatever happens in it.

In: the steps of the simulation. Out: violations, in words for a release team. The rules:

1. ``agreement``: two nodes that are up, at the same epoch, with the same view of the chain, name the same current era,
   and the same protocol configuration. (A node that lost its memory and sees unspent outputs only is exempt:
   docs/trust.md states what it is left to trust.)
2. ``one-way``: no node goes back to an earlier epoch or era, nor to another configuration for an epoch in which, or
   after which, it read the chain.
3. ``verdicts``: every datum at the era address that is not in force has a verdict.
4. ``quorum``: the quorum is kept, or a forecast before the switch warned that it might be lost, or a fault occurred
   that no forecast anticipates (a crash, an outage, expired keys).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chain_reader.node.core import Decided, NodeState
from chain_reader.node.inputs import InputEvent, ObserverAnswered, ObserverFailed
from chain_reader.trust.evidence import Evidence
from datum.configuration import ProtocolConfiguration, configuration_at
from datum.configuration.markers import decoded
from eras import Epoch, EraMarker, EraStatus
from release_tools.forecasting.lottery import chance_words

Decide = Callable[[NodeState, InputEvent], Decided]
Answer = ObserverAnswered | ObserverFailed

LIKELY = 0.999
"""A quorum that was forecast with this chance must not be missed."""
MOST_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule.

    Attributes:
        rule: the rule.
        epoch: the epoch in which it was broken.
        words: the event in words.
    """

    rule: str
    epoch: Epoch
    words: str


class Invariants:
    """Checks the rules during a rehearsal. Many nodes share a state, so each pair of states is checked once."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._steps: dict[tuple[int, int], tuple[NodeState, NodeState]] = {}
        self._verdicts: dict[tuple[int, int], tuple[object, object]] = {}

    def decided(
        self, party_id: str, before: NodeState, inputs: Sequence[InputEvent], decide: Decide
    ) -> tuple[NodeState, tuple[str, ...]]:
        """Have a node decide on one input after the other, and check it: its state, and the kinds of its decisions."""
        state, kinds = before, []
        for one in inputs:
            state, decisions = decide(state, one)
            kinds += [decision.kind for decision in decisions]
        self.step(party_id, before, state)
        for one in inputs:
            if isinstance(one, ObserverAnswered):
                self.verdicts(state, one.evidence)
        return state, tuple(kinds)

    def step(self, party_id: str, before: NodeState, after: NodeState) -> None:
        """Rule 2, for one step of a node."""
        key = (id(before), id(after))
        if key in self._steps:
            return
        self._steps[key] = (before, after)  # kept, so that no identity is reused
        if before.epoch is not None and (after.epoch is None or after.epoch < before.epoch):
            self._broken("one-way", before.epoch, f"{party_id} went from epoch {before.epoch} back to {after.epoch}")
        if before.epoch is None:
            return
        if before.configurations is not None and before.configurations is not after.configurations:
            self._same_configuration(party_id, before, after, min(before.epoch, before.trust.epoch))
        was, now = before.view.token, after.view.token
        if was is None or now is None:
            return
        if (now.current.epoch or 0) < (was.current.epoch or 0):
            words = f"{party_id} went from {was.current} back to {now.current}"
            self._broken("one-way", before.epoch, words)

    def _same_configuration(self, party_id: str, before: NodeState, after: NodeState, epoch: Epoch) -> None:
        """Rule 2, for the configurations that nodes still sign with."""
        for at in (Epoch(max(0, epoch - 1)), epoch):
            was, now = _configured(before, at), _configured(after, at)
            if was is not None and was != now:
                words = "none" if now is None else ", ".join(was.differences(now))
                self._broken("one-way", epoch, f"the configuration of epoch {at} changed with {party_id}: {words}")

    def verdicts(self, state: NodeState, evidence: Evidence) -> None:
        """Rule 3, for a node's judgement of an answer."""
        key = (id(state.told), id(evidence.considered))
        if key in self._verdicts:
            return
        self._verdicts[key] = (state.told, evidence.considered)
        for item in evidence.considered:
            reference = item.output.reference
            if item.verdict.is_payload and reference not in state.told:
                self._broken("verdicts", evidence.epoch, f"{reference} was not refused by any verdict")

    def agreement(self, seen: Iterable[tuple[str, int, NodeState]]) -> None:
        """Rule 1, for (party, view of the chain, state) of every running node that it applies to."""
        found: dict[tuple[int, Epoch], tuple[str, EraMarker | ProtocolConfiguration]] = {}
        checked: set[tuple[int, int]] = set()
        for party_id, view, state in seen:
            if (view, id(state)) in checked:
                continue
            checked.add((view, id(state)))
            holds = _in_force(state)
            if holds is None or state.epoch is None:
                continue
            other, current = found.setdefault((view, state.epoch), (party_id, holds))
            if current != holds:
                words = f"with the same view of the chain, {other} is in {current} and {party_id} in {holds}"
                self._broken("agreement", state.epoch, words)

    def quorum(self, epoch: Epoch, *, kept: bool, forecast: float | None, broken: bool) -> None:
        """Rule 4, for an epoch."""
        if not kept and not broken and forecast is not None and forecast >= LIKELY:
            words = f"the quorum was missed, though it was forecast with a chance of {chance_words(forecast)}"
            self._broken("quorum", epoch, words)

    def forget(self) -> None:
        """Release the compared objects, which will not be compared again."""
        self._steps.clear()
        self._verdicts.clear()

    def _broken(self, rule: str, epoch: Epoch, words: str) -> None:
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(Violation(rule, epoch, words))


def _configured(state: NodeState, epoch: Epoch) -> ProtocolConfiguration | None:
    return configuration_at(decoded(state.configurations or ()), epoch)


def _in_force(state: NodeState) -> EraMarker | ProtocolConfiguration | None:
    """The state in force for a node, as read: its era, or its configuration."""
    if state.configurations is not None and state.epoch is not None:
        return None if state.failing or state.trust.stale else _configured(state, state.epoch)
    token = state.view.token
    return None if token is None or state.view.status is not EraStatus.READY else token.current
