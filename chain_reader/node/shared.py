"""Deciding for many nodes at once: the result of one serves every other that is asked the same.

In: states and events, shared by identity. Out: what ``decide`` gives for them; nothing here decides. In a rehearsal a
thousand nodes with the same memory read the same answer, and the rules of trust need be applied to it once.

It remembers objects by identity and holds on to them, so that an identity is not given twice; it forgets all of them
when ``capacity`` is reached.
"""

from chain_reader.node.core import Decided, Judged, NodeState, decide_with, judge
from chain_reader.node.inputs import InputEvent, ObserverAnswered

CAPACITY = 4_096


class SharedDeciding:
    """A ``decide`` that remembers. One thread uses it.

    Args:
        capacity: how many answers are remembered.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._steps: dict[tuple[int, int], tuple[NodeState, InputEvent, Decided]] = {}
        self._judged: dict[tuple[object, ...], tuple[object, Judged]] = {}

    def __call__(self, state: NodeState, event: InputEvent) -> Decided:
        """As ``decide``; the same objects give the same objects."""
        key = (id(state), id(event))
        known = self._steps.get(key)
        if known is not None:
            return known[2]
        decided = decide_with(state, event, self._judge)
        if len(self._steps) >= self._capacity:
            self._steps.clear()
        self._steps[key] = (state, event, decided)
        return decided

    def _judge(self, state: NodeState, event: ObserverAnswered) -> Judged:
        trust, evidence = state.trust, event.evidence
        held = (
            (trust.trusted, trust.payloads, trust.superseded_outputs),
            (evidence, state.settings.policy, state.told, state.verified),
        )
        marks = (trust.epoch, trust.activation, trust.sequence, trust.stale, trust.legacy_differs, trust.malformed)
        # A tip behind one that was read before makes a difference by how far it is behind; one in doubt raises no mark.
        tip = max(trust.tip_slot, evidence.tip.slot) if event.tip_stale is None else trust.tip_slot
        key = (
            *map(id, held[0]),
            *map(id, held[1]),
            *marks,
            trust.complete,
            trust.proven,
            trust.version,
            trust.sighting,
            tip,
            event.tip_stale,
        )
        known = self._judged.get(key)
        if known is not None:
            return known[1]
        judged = judge(state, event)
        if len(self._judged) >= self._capacity:
            self._judged.clear()
        self._judged[key] = (held, judged)
        return judged
