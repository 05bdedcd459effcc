"""The rules of trust under random attack, for both kinds: copies, reorganisations, providers that lie and lag.

Pure: the chain is a list, a reading is a call of ``decide_trust`` with what an observer of each kind would know. The
team changes the schedule as ``eraswitch marker`` does: each change spends the output before it and is signed anew.

1. Where inputs and history are known, every node is on the last publication, whatever it has read before.
2. At a bare set, so is a node that reads what is published before the next epoch, where activations come with notice
   (T13). One that reads for the first time can be fooled (``docs/trust.md``), but only by what the team once signed.
3. What lies and lags leaves no mark: the next honest reading is as if it had not been.
"""

import random
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chain_reader import ChainFacts, ChainTip, DatumOutput, ScreenedOutput, TrustPolicy
from chain_reader.trust.decision import decide_trust
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.kinds import CONFIGURATIONS, ERAS
from chain_reader.trust.memory import EMPTY
from datum import MarkerKind, Verdict, encode_datum, screen
from datum.configuration import (
    ConfigurationMarker,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolParameters,
)
from datum.configuration.imports import UNCHANGED_EPOCHS
from era_store import StoredTrust
from eras import Epoch, Slot
from tests.chain_reader.conftest import KEY, OTHER_KEY, Schedule, markers

SCHEDULES: list[Schedule] = [
    {"t": 1, **rest}
    for rest in (
        {},
        {"p": None},
        {"p": 3},
        {"p": 5},
        {"p": 9},
        {"p": 12},
        {"p": 5, "q": None},
        {"p": 5, "q": 9},
        {"q": 7},
    )
] + [{"p": 3}, {"p": 5}]
PARAMETERS: list[dict[int, int]] = [
    {1: 3},
    {1: 3, 3: 4},
    {1: 3, 5: 4},
    {1: 3, 9: 4},
    {1: 3, 12: 4},
    {1: 3, 5: 4, 9: 5},
    {1: 3, 5: 3, 9: 5},
    {1: 3, 7: 5},
    {3: 4},
    {5: 4},
    {9: 5},
]
"""Of configurations: epoch → k."""
Markers = tuple[Any, ...]


@cache
def screened(payload: Markers, kind: MarkerKind, *, forged: bool) -> tuple[str, Verdict]:
    """A datum with this payload, and what screening makes of it."""
    datum = encode_datum(kind.payload(payload).sign(OTHER_KEY if forged else KEY).to_bytes()).hex()
    return datum, screen([datum], KEY.verification_key, kind=kind)[0]


def configurations(parameters: dict[int, int]) -> tuple[ConfigurationMarker, ...]:
    listed = (
        EpochConfiguration(Epoch(epoch), ProtocolConfiguration(ProtocolParameters(k, 9, 0.5), ()))
        for epoch, k in parameters.items()
    )
    return tuple(map(ConfigurationMarker.of, listed))


@dataclass(slots=True)
class Output:
    """An output at the era address: who made it, and what spends it."""

    place: int
    datum: str
    verdict: Verdict
    team: bool
    height: int
    epoch: Epoch
    spent_at: int | None = None


@dataclass(slots=True)
class Node:
    """A node and what it remembers."""

    policy: TrustPolicy
    stored: StoredTrust = EMPTY
    told: dict[str, str] = field(default_factory=dict)
    verified: ScreenedOutput | None = None

    def read(self, evidence: Evidence, tip_stale: str | None = None) -> frozenset[Any]:
        decision = decide_trust(
            self.stored, evidence, self.policy, self.told, tip_stale=tip_stale, verified=self.verified
        )
        self.stored, self.verified = decision.after, decision.state.trusted
        self.told |= {item.output.reference: item.verdict.name for item in decision.changed}
        return self.policy.kind.schedule(decision.reading.markers)


class World(RuleBasedStateMachine):
    """A chain with an era address; ``confirmations`` is what the nodes ask for."""

    confirmations = 0
    kind = ERAS
    payloads: tuple[Markers, ...] = tuple(map(markers, SCHEDULES))

    @initialize()
    def begin(self) -> None:
        keys = (KEY.verification_key,)
        policy = TrustPolicy("addr_test1era", keys, 42, confirmations=self.confirmations, kind=self.kind)
        self.outputs: list[Output] = []
        self.signed: list[Markers] = []
        self.resolved: dict[int, dict[int, str]] = {}
        self.height, self.epoch = 1, Epoch(1)
        self.knowing, self.bare, self.fresh = Node(policy), Node(policy), Node(policy)
        self.publish(0, 0, random.Random(0))

    # --- what happens on the chain

    @rule(place=st.integers(0, len(SCHEDULES) - 1), copies=st.integers(0, 3), chance=st.randoms(use_true_random=False))
    def publish(self, place: int, copies: int, chance: random.Random) -> None:
        """The team changes the schedule; somebody copies it before anybody has read it."""
        payload, kind = self.payloads[place], self.kind
        last = self.signed[-1] if self.signed else ()
        if kind.schedule(payload) == kind.schedule(last) or not kind.is_successor(last, payload, self.epoch):
            return
        begun = [marker for marker in payload if marker.epoch is not None and marker.epoch <= self.epoch]
        if last and not all(kind.is_told(last, marker) for marker in begun):
            return  # without any notice: a bare set confirmed that it was not there (T13)
        while payload in self.signed:
            payload = (payload[0], *payload)
        self.signed.append(payload)
        self.height += 1
        for output in self.outputs:
            if output.team and output.spent_at is None:
                output.spent_at = self.height
        self._add(payload, team=True)
        for _ in range(copies):
            self._add(payload, team=False)
        for _ in range(2):  # once it is there, and once it is deep enough
            self._read_all(chance)
            self.height += self.confirmations

    @rule(which=st.integers(0, 20), chance=st.randoms(use_true_random=False))
    def copy(self, which: int, chance: random.Random) -> None:
        """Somebody posts what the team once signed."""
        self.height += 1
        self._add(self.signed[which % len(self.signed)], team=False)
        if chance.random() < 0.5:
            self._read_all(chance)

    @rule(place=st.integers(0, len(SCHEDULES) - 1))
    def forge(self, place: int) -> None:
        self.height += 1
        self._add(self.payloads[place], team=False, forged=True)

    @rule(epochs=st.integers(1, 3), chance=st.randoms(use_true_random=False))
    def advance(self, epochs: int, chance: random.Random) -> None:
        self.height += 1 + self.confirmations
        self.epoch = Epoch(self.epoch + epochs)
        self._read_all(chance)

    @rule(blocks=st.integers(1, 4), chance=st.randoms(use_true_random=False))
    def reorganise(self, blocks: int, chance: random.Random) -> None:
        """The newest blocks vanish, nodes read, and the same transactions come back."""
        self._read_all(chance, height=self.height - blocks)

    # --- what providers say

    @rule(
        epoch=st.sampled_from([0, 1, 4, 8, 1_000]),
        slot=st.sampled_from([0, 10**12]),
        height=st.sampled_from([0, 10**9]),
        chance=st.randoms(use_true_random=False),
    )
    def lie(self, epoch: int, slot: int, height: int, chance: random.Random) -> None:
        """A provider tells another time, which the clock tells from the true one."""
        for node, evidence in ((self.knowing, self._all()), (self.bare, self._bare(chance))):
            tip = replace(evidence.tip, slot=Slot(slot), height=height)
            node.read(replace(evidence, tip=tip, epoch=Epoch(epoch)), "it is not that time")

    @rule(blocks=st.integers(1, 8), chance=st.randoms(use_true_random=False))
    def lag(self, blocks: int, chance: random.Random) -> None:
        """A provider is behind, and says so by its tip."""
        height = max(1, self.height - blocks)
        self.knowing.read(self._all(height))
        self.bare.read(self._bare(chance, height))

    @rule(chance=st.randoms(use_true_random=False))
    def say_nothing(self, chance: random.Random) -> None:
        """A provider has forgotten everything at the address."""
        for node, evidence in ((self.knowing, self._all()), (self.bare, self._bare(chance))):
            node.read(replace(evidence, unspent=(), considered=()))

    # --- what must hold

    @rule(chance=st.randoms(use_true_random=False))
    @precondition(lambda self: bool(self.signed))
    def all_agree(self, chance: random.Random) -> None:
        """An honest reading, once what is there is deep enough."""
        self.height += self.confirmations
        expected = self.kind.schedule(self.signed[-1])
        assert self.knowing.read(self._all()) == expected
        assert Node(self.knowing.policy).read(self._all()) == expected
        assert self.bare.read(self._bare(chance)) == expected
        once_signed = {self.kind.schedule(payload) for payload in self.signed}
        assert Node(self.bare.policy).read(self._bare(chance)) in once_signed
        assert self.fresh.read(self._bare(chance)) in once_signed

    @invariant()
    def what_is_remembered_does_not_run_ahead(self) -> None:
        for node in (self.knowing, self.bare):
            assert node.stored.epoch <= self.epoch
            assert node.stored.tip_slot <= self._slot(self.height)

    def teardown(self) -> None:
        if self.signed:
            self.all_agree(random.Random(1))

    # --- inside

    def _add(self, payload: Markers, *, team: bool, forged: bool = False) -> None:
        datum, verdict = screened(payload, self.kind.markers, forged=forged)
        self.outputs.append(Output(len(self.outputs), datum, verdict, team, self.height, self.epoch))

    def _read_all(self, chance: random.Random, height: int | None = None) -> None:
        self.knowing.read(self._all(height))
        self.bare.read(self._bare(chance, height))

    def _slot(self, height: int) -> Slot:
        return Slot(20 * height)

    def _evidence(self, seen: list[Output], height: int, facts: ChainFacts, *, knows: bool) -> Evidence:
        items = {
            output.place: ScreenedOutput(
                DatumOutput(
                    f"{output.place:064x}",
                    0,
                    output.datum,
                    1,
                    self._slot(output.height) if knows else None,
                    output.height if knows else None,
                ),
                output.verdict,
            )
            for output in seen
        }
        unspent = [output for output in seen if output.spent_at is None or output.spent_at > height]
        return Evidence(
            "a provider",
            ChainTip(self._slot(height), height, f"{height:064x}"),
            self.epoch,
            tuple(items[output.place] for output in unspent),
            tuple(items[output.place] for output in (seen if knows else unspent)),
            facts,
        )

    def _seen(self, height: int | None) -> tuple[list[Output], int]:
        at = self.height if height is None else max(1, height)
        return [output for output in self.outputs if output.height <= at], at

    def _all(self, height: int | None = None) -> Evidence:
        seen, at = self._seen(height)
        facts = ChainFacts(
            spends={f"{output.place:064x}": output.team for output in seen},
            published={f"{output.place:064x}": output.epoch for output in seen},
            newest_first=True,
            history=True,
        )
        return self._evidence(seen[::-1], at, facts, knows=True)

    def _bare(self, chance: random.Random, height: int | None = None) -> Evidence:
        seen, at = self._seen(height)
        listed = seen[::-1] if chance.random() < 0.5 else chance.sample(seen, len(seen))  # copies first, or any order
        return self._evidence(listed, at, ChainFacts(), knows=False)


class ConfirmedWorld(World):
    """The same, where a payload counts once two blocks lie upon it."""

    confirmations = 2


class ConfigurationWorld(World):
    """The same with protocol configurations, whose ratchet is another."""

    kind = CONFIGURATIONS
    payloads = tuple(map(configurations, PARAMETERS))

    @invariant()
    def what_an_epoch_resolved_to_stays(self) -> None:
        """Nothing that begun epochs resolved to ever changes, at a node that reads."""
        for node in (self.knowing, self.bare):
            known = node.stored.trusted
            if known is None:
                continue
            found = {
                at: self.kind.last_begun(known.markers, Epoch(at)).encoded
                for at in range(max(1, node.stored.epoch - UNCHANGED_EPOCHS), node.stored.epoch + 1)
                if self.kind.last_begun(known.markers, Epoch(at)) is not None
            }
            before = self.resolved.setdefault(id(node), {})
            assert {at: before.get(at, now) for at, now in found.items()} == found
            before.update(found)


class ConfirmedConfigurationWorld(ConfigurationWorld):
    """The same, where a payload counts once two blocks lie upon it."""

    confirmations = 2


@pytest.mark.parametrize("world", [World, ConfirmedWorld, ConfigurationWorld, ConfirmedConfigurationWorld])
def test_rules_t2_t4_t7_and_t8_under_attack(world: type[World]) -> None:
    examples = 40 if world.kind is ERAS else 20
    run_state_machine_as_test(world, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))


def test_what_was_superseded_stays_so_though_a_provider_lied_about_how_deep_it_is() -> None:
    """And had forgotten it in the next answer: its copy is as old as before."""
    for seed in range(20):
        chance = random.Random(seed)
        world = ConfirmedWorld()
        world.begin()
        world.publish(3, 1, chance)
        world.publish(7, 1, chance)
        world.lie(0, 0, 0, chance)
        world.say_nothing(chance)
        world.publish(0, 1, chance)
        world.all_agree(chance)
