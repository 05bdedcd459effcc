"""The decisions of a rehearsal's nodes on protocol configurations, beside those on eras.

In: each node's clock and its provider's answer. Out: its decisions, and whether it signs with the
configuration that the network signs with. Each node decides by the deciding core, with a memory of this kind alone.
"""

from collections.abc import Iterator

from chain_reader.node.core import NodeSettings, NodeState
from chain_reader.node.inputs import ClockTicked, MemoryRead, ObserverAnswered
from chain_reader.trust.kinds import CONFIGURATIONS
from datum.configuration import configuration_at
from datum.configuration.markers import decoded
from eras import Epoch
from release_tools.rehearsal.invariants import Answer, Decide, Invariants
from release_tools.rehearsal.population import Node
from release_tools.rehearsal.world import World


class ConfiguredNodes:
    """The states of nodes that read protocol configurations.

    Args:
        world: where they are published.
        decide: what decides.
        invariants: watches it.
    """

    def __init__(self, world: World, decide: Decide, invariants: Invariants) -> None:
        self._world = world
        self._decide = decide
        self._invariants = invariants
        self._fresh = NodeState(NodeSettings(world.policy(CONFIGURATIONS)))
        self._states: dict[str, NodeState] = {}
        self._heard: dict[str, int] = {}

    def forget(self, node: Node) -> None:
        """Remove a node's memory."""
        self._states.pop(node.party_id, None)
        self._heard.pop(node.party_id, None)

    def restart(self, node: Node) -> None:
        """Start a node again, with its memory."""
        self._heard.pop(node.party_id, None)
        before = self._states.pop(node.party_id, None)
        if before is not None:
            memory = MemoryRead(before.trust, self._world.now_s)
            self._states[node.party_id] = self._decide(self._fresh, memory)[0]

    def hear(self, node: Node, clock: ClockTicked, answer: Answer) -> tuple[str, ...]:
        """Give a node its clock and its provider's answer; return the kinds of its decisions."""
        before = self._states.get(node.party_id, self._fresh)
        inputs = (clock, answer) if before.configurations is not None else (answer, clock)
        self._states[node.party_id], kinds = self._invariants.decided(node.party_id, before, inputs, self._decide)
        if isinstance(answer, ObserverAnswered):
            self._heard[node.party_id] = id(answer.evidence)
        return kinds

    def state_of(self, node: Node) -> NodeState:
        """A node's knowledge of configurations."""
        return self._states.get(node.party_id, self._fresh)

    def comparable(self, nodes: Iterator[Node]) -> Iterator[tuple[str, int, NodeState]]:
        """The party, the view of the chain and the state of each node that is up."""
        for node in nodes:
            if node.party_id in self._heard:
                yield node.party_id, self._heard[node.party_id], self.state_of(node)

    def signs_with_all(self, node: Node, epoch: Epoch) -> bool:
        """Whether a node signs, at ``epoch``, with the configuration that the team published for it."""
        at = Epoch(max(0, epoch - 1))
        known = configuration_at(decoded(self.state_of(node).configurations or ()), at)
        return known is not None and known == configuration_at(self._world.configurations, at)
