"""The deciding core: what a node makes of each thing that comes in."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_reader import (
    ClockTicked,
    EvidenceSource,
    NodeSettings,
    ObserverAnswered,
    ObserverFailed,
    TrustedReader,
    TrustPolicy,
)
from chain_reader.log.records import state_facts, state_of
from chain_reader.log.replay import RESUMED, SNAPSHOT, STARTED
from chain_reader.node.core import Judged, NodeState, decide, decide_with, judge
from chain_reader.node.inputs import (
    KIND_OF_INPUT,
    CommandGiven,
    InputEvent,
    InputsShed,
    MemoryRead,
    RegistrationReceived,
)
from chain_reader.node.kinds import DecisionKind
from chain_reader.node.shared import SharedDeciding
from chain_reader.trust.evidence import Evidence
from era_store import MemoryStore, Sighting
from eras import ChainReadError, Epoch, EraMarker, EraStatus, SupportedEras
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, Schedule
from tests.chain_reader.deciding_world import (
    ANNOUNCED,
    POLICY,
    SCHEDULED,
    SETTINGS,
    SLOTS,
    THALES,
    UNKNOWN,
    Address,
    Node,
)
from tests.chain_reader.knowing import KNOWLEDGE, Knowing
from tests.conftest import ROOT

DAY = 86_400.0


@pytest.fixture
def node() -> Node:
    return Node()


class TestEras:
    def test_a_rollout_from_the_announcement_to_the_switch(self, node: Node):
        node.address.publish(THALES, epoch=4)
        assert node.read(5) == ["trusted", "era-known"]
        assert node.fact("era-known") == {"era": "thales", "began": 1, "supported": True}
        node.address.publish(ANNOUNCED)
        assert node.read(5) == ["trusted", "refused", "announced"]
        assert node.fact("announced") == {
            "era": "pythagoras", "begins": None, "epochs_left": None, "supported": True
        }  # fmt: skip
        assert node.tick(6) == []
        node.address.publish(SCHEDULED, epoch=6)
        assert node.read(6) == ["trusted", "refused", "scheduled"]
        assert node.tick(7) == ["activating-in"]
        assert node.fact("activating-in")["locked"] is False
        assert node.tick(8) == ["activating-in"]
        assert node.fact("activating-in") == {
            "era": "pythagoras", "begins": 9, "epochs_left": 1, "supported": True, "locked": True
        }  # fmt: skip
        assert node.tick(9) == ["activated"]
        assert node.fact("activated") == {
            "era": "pythagoras", "began": 9, "supported": True, "previous": "thales", "previous_began": 1
        }  # fmt: skip
        assert (node.state.view.era, node.state.view.status) == ("pythagoras", EraStatus.READY)

    def test_an_era_that_is_moved_and_one_that_is_cancelled(self, node: Node):
        node.address.publish(SCHEDULED, epoch=4)
        node.read(5)
        node.address.publish({"thales": 1, "pythagoras": 12})
        assert "moved" in node.read(5)
        assert (node.fact("moved")["was"], node.fact("moved")["begins"]) == (9, 12)
        node.address.publish(THALES)
        assert "cancelled" in node.read(5)
        assert node.fact("cancelled") == {"era": "pythagoras", "was": 12}

    def test_a_current_era_that_is_not_supported_is_told_and_leaves_no_era_to_run(self, node: Node):
        node.address.publish(UNKNOWN, epoch=4)
        node.read(5)
        assert node.tick(9) == ["activated", "unsupported-current"]
        assert node.fact("unsupported-current")["supported_eras"] == list(SETTINGS.supported)
        assert (node.state.view.era, node.state.view.status) == (None, EraStatus.FATAL)
        assert node.read(9) == [], "what is known is not told again"

    def test_what_would_undo_an_activation_is_refused_and_told_once(self, node: Node):
        node.address.bare = True
        node.address.publish(SCHEDULED, epoch=4)
        node.read(9)
        back = Node()
        back.address.publish({"thales": 1})
        stale = back.state
        back.read(9)
        trust = back.state.trust
        memory = MemoryRead(trust, 1.0)
        assert node.feel(memory) == ["memory-taken-over", "regression-refused"]
        assert (node.state.view.era, node.state.view.status) == ("pythagoras", EraStatus.ERROR)
        assert stale.view.era is None

    def test_a_chain_that_names_no_era_yet(self, node: Node):
        node.address.publish({"thales": 7}, epoch=4)
        assert node.read(5) == ["trusted", "no-current-era"]
        assert node.read(5) == []
        assert node.read(7) == ["era-known"]


class TestUpcomingUnsupported:
    def test_it_is_told_on_change_and_once_a_day(self, node: Node):
        node.address.publish(UNKNOWN, epoch=4)
        assert node.read(5, 0.0)[-1] == "unsupported-upcoming"
        assert node.fact("unsupported-upcoming")["epochs_left"] == 4
        assert node.read(5, DAY - 1) == []
        assert node.tick(5, DAY) == ["unsupported-upcoming"], "an input of any kind is a chance to tell it"
        assert node.tick(5, 2 * DAY - 1) == []
        node.address.publish({"thales": 1, "euclid": 12})
        assert node.read(5, 2 * DAY - 1)[-1] == "unsupported-upcoming"

    def test_it_is_not_told_again_once_it_is_acknowledged_until_it_changes(self, node: Node):
        node.address.publish(UNKNOWN, epoch=4)
        node.read(5, 0.0)
        assert node.feel(CommandGiven("acknowledge", 1.0, {"era": "euclid"})) == ["command-taken"]
        assert node.tick(5, 10 * DAY) == []
        node.address.publish({"thales": 1, "euclid": 12})
        assert "unsupported-upcoming" in node.read(5, 10 * DAY)

    @pytest.mark.parametrize("era", ["lagrange", "thales"])
    def test_another_era_cannot_be_acknowledged(self, node: Node, era: str):
        node.address.publish(UNKNOWN, epoch=4)
        node.read(5)
        assert node.feel(CommandGiven("acknowledge", 1.0, {"era": era})) == ["command-refused"]
        assert "euclid" in str(node.fact("command-refused")["reason"])


class TestProviderDown:
    def test_a_switch_that_is_known_happens_and_it_is_told_what_cannot_be_known(self, node: Node):
        node.address.publish(SCHEDULED, epoch=4)
        node.read(8)
        assert node.fail() == ["stale", "provider-failed"]
        assert node.tick(9) == ["activated", "epoch-unconfirmed"]
        unconfirmed = node.fact("epoch-unconfirmed")
        assert (unconfirmed["era"], unconfirmed["last_read"]) == ("pythagoras", 8)
        assert "since epoch 8" in str(unconfirmed["cannot_know"])
        assert node.state.view.status is EraStatus.STALE
        assert node.read(9) == ["fresh", "provider-answered"]
        assert node.state.view.status is EraStatus.READY

    def test_a_failure_is_told_when_its_cause_changes(self, node: Node):
        assert node.fail("ProviderTimeout") == ["provider-failed"]
        state = node.state
        assert node.fail("ProviderTimeout") == []
        assert node.state is state
        assert node.fail("ProviderBanned") == ["provider-failed"]

    def test_without_anything_known_an_epoch_says_so(self, node: Node):
        node.fail()
        assert node.tick(5) == ["epoch-unconfirmed"]
        assert node.fact("epoch-unconfirmed")["era"] is None
        assert node.state.view.status is EraStatus.NOT_READY

    def test_an_address_without_anything_trusted_is_told_once(self, node: Node):
        node.address.post(THALES, OTHER_KEY)
        assert node.read(5) == ["refused", "nothing-trusted"]
        assert node.fact("nothing-trusted")["verdicts"] == {"WrongSigner": 1}
        assert node.read(5) == []

    def test_a_refused_reading_is_told_once_in_an_unsupported_era_too(self):
        node = Node(replace(SETTINGS, supported=SupportedEras(("thales",))))
        node.address.publish(SCHEDULED, epoch=4)
        node.read(9)

        def future(state: NodeState, event: ObserverAnswered) -> Judged:
            decision, told = judge(state, event)
            return replace(decision, reading=replace(decision.reading, markers=(EraMarker("thales", Epoch(20)),))), told

        def refused() -> list[str]:
            asked = ObserverAnswered(node.address.evidence(9), 0.0)
            node.state, told = decide_with(replace(node.state, steady=None), asked, future)
            return [decision.kind for decision in told]

        assert (refused(), refused()) == (["no-current-era"], [])
        assert node.state.view.status is EraStatus.FATAL
        assert state_of(json.loads(json.dumps(state_facts(node.state)))) == node.state
        node.state = replace(node.state, steady=None)
        node.read(9)
        assert refused() == ["no-current-era"], "another reading came between"

    def test_what_is_remembered_is_in_force_before_anything_is_read(self, node: Node):
        node.address.publish(SCHEDULED, epoch=4)
        node.read(5)
        again = Node()
        assert again.feel(MemoryRead(node.state.trust, 0.0)) == ["memory-taken-over", "era-known", "scheduled"]
        assert (again.state.view.era, again.state.view.status) == ("thales", EraStatus.STALE)
        assert again.tick(9)[0] == "activated"


class TestOtherInputs:
    def test_a_clock_that_is_behind_the_chain(self, node: Node):
        node.address.publish(THALES, epoch=4)
        node.read(8)
        assert node.tick(7) == [], "an observer may see an epoch before the clock does"
        assert node.tick(5) == ["clock-behind"]
        assert node.fact("clock-behind") == {"clock": 5, "chain": 8}
        assert node.tick(5) == []
        assert node.state.epoch == 8

    def test_a_provider_ahead_of_the_clock_leads_nobody_into_an_era_before_its_epoch(self, node: Node):
        node.address.publish(SCHEDULED, epoch=5)
        node.tick(8)
        node.read(8)
        evidence = node.address.evidence(9)
        kinds = node.feel(ObserverAnswered(evidence, 1.0, "the tip is 4 days ahead of the clock"))
        assert "activated" not in kinds
        assert (node.state.epoch, node.state.view.era) == (8, "thales")
        assert node.tick(9) == ["activated", "epoch-unconfirmed"]
        assert "fresh" in node.read(9)

    @pytest.mark.parametrize(("epoch", "kinds"), [(5, []), (7, []), (8, ["registration-odd"])])
    def test_a_registration(self, node: Node, epoch: int, kinds: list[str]):
        node.tick(5)
        state = node.state
        assert node.feel(RegistrationReceived("pool", Epoch(epoch), "1.0.0", 5, "file", 0.0)) == kinds
        assert node.state is state

    def test_commands(self, node: Node):
        assert node.feel(CommandGiven("check", 0.0)) == ["command-taken"]
        assert node.feel(CommandGiven("stop", 0.0)) == ["command-taken"]
        assert node.feel(CommandGiven("dance", 0.0)) == ["command-refused"]

    def test_what_was_shed(self, node: Node):
        assert node.feel(InputsShed({"registration-received": 3}, 0.0)) == ["inputs-shed"]
        assert node.fact("inputs-shed") == {"counts": {"registration-received": 3}}

    def test_every_kind_is_documented_and_nothing_else_is(self):
        page = (ROOT / "docs" / "events.md").read_text()
        documented = set()
        for title in ("Inputs", "Decisions", "Snapshots"):
            table = page.split(f"### {title}")[1].split("\n#")[0]
            for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
                documented |= set(re.findall(r"`([a-z-]+)`", row))
        assert documented == {*KIND_OF_INPUT.values(), *DecisionKind, STARTED, SNAPSHOT, RESUMED}


class TestNothingNew:
    """What changes nothing returns the very same state: so that it costs microseconds, and a log can be small."""

    def test_a_tick_in_the_same_epoch(self, node: Node):
        node.tick(5)
        state = node.state
        assert node.tick(5, 99.0) == []
        assert node.state is state

    def test_an_answer_at_the_same_tip(self, node: Node):
        node.address.publish(SCHEDULED, epoch=4)
        answer = ObserverAnswered(node.address.evidence(5), 0.0)
        for _ in range(2):
            node.feel(answer)
        state = node.state
        assert node.feel(answer) == []
        assert node.state is state

    def test_an_answer_at_a_later_tip_changes_the_tip_alone(self, node: Node):
        node.address.publish(SCHEDULED, epoch=4)
        evidence = node.address.evidence(5)
        for _ in range(2):
            node.feel(ObserverAnswered(evidence, 0.0))
        before = node.state
        tip = replace(evidence.tip, slot=evidence.tip.slot + 7, height=99_999)
        assert node.feel(ObserverAnswered(replace(evidence, tip=tip), 1.0)) == []
        sighting = Sighting(Epoch(5), tip.slot, 1.0)
        assert node.state == replace(before, trust=replace(before.trust, tip_slot=tip.slot, sighting=sighting))
        assert node.state.view is before.view


def steps() -> st.SearchStrategy[list[tuple[str, int]]]:
    """Scripts: what happens, and a number that says which."""
    what = st.sampled_from(["publish", "post", "forge", "tick", "read", "read again", "lag", "fail", "bare", "day"])
    return st.lists(st.tuples(what, st.integers(0, 5)), min_size=3, max_size=25)


SCHEDULES: tuple[Schedule, ...] = (
    THALES,
    ANNOUNCED,
    SCHEDULED,
    {"thales": 1, "pythagoras": 12},
    UNKNOWN,
    {"thales": 1, "pythagoras": 9, "lagrange": None},
)


def script_of(plan: list[tuple[str, int]], address: Address) -> list[InputEvent]:
    """The inputs that a script makes."""
    inputs: list[InputEvent] = []
    epoch, time_s = 5, 0.0
    for what, number in plan:
        time_s += 60.0
        if what == "publish":
            address.publish(SCHEDULES[number], epoch=epoch)
        elif what == "post":
            address.post(SCHEDULES[number], epoch=epoch)
        elif what == "forge":
            address.post(SCHEDULES[number], OTHER_KEY, epoch=epoch)
        elif what == "tick":
            epoch += number % 3
            inputs.append(ClockTicked(Epoch(epoch), time_s))
        elif what == "read again" and inputs and isinstance(inputs[-1], ObserverAnswered):
            evidence = inputs[-1].evidence
            tip = replace(evidence.tip, slot=evidence.tip.slot + number, height=(evidence.tip.height or 0) + number)
            inputs.append(ObserverAnswered(replace(evidence, tip=tip), time_s))
        elif what in ("read", "read again", "lag"):
            slot = (epoch - 1) * SLOTS if what == "lag" else epoch * SLOTS + number
            inputs.append(ObserverAnswered(address.evidence(epoch, slot), time_s, "late" if number == 5 else None))
        elif what == "fail":
            inputs.append(ObserverFailed("provider", f"Error{number % 2}", "it fails", time_s))
        elif what == "bare":
            address.bare = number % 2 == 0
        elif what == "day":
            time_s += DAY
    return inputs


def _at(evidence: Evidence, further: int) -> Evidence:
    tip = evidence.tip
    return replace(
        evidence, tip=replace(tip, slot=max(0, tip.slot + further), height=max(0, (tip.height or 0) + further))
    )


TWISTS: dict[str, Callable[[Evidence, int], Evidence]] = {
    "as it was": lambda evidence, _: evidence,
    "later tip": _at,
    "tip behind": lambda evidence, n: _at(evidence, -n),
    "slot behind": lambda evidence, n: replace(
        evidence, tip=replace(evidence.tip, slot=max(0, evidence.tip.slot - 301 * n))
    ),
    "far behind": lambda evidence, n: _at(evidence, -301 - n),
    "next epoch": lambda evidence, n: replace(_at(evidence, n), epoch=Epoch(evidence.epoch + 1)),
    "another source": lambda evidence, _: replace(evidence, source="another provider"),
    "no history": lambda evidence, _: replace(evidence, history_missing="too long"),
    "no order": lambda evidence, _: replace(evidence, facts=replace(evidence.facts, newest_first=False)),
}


class TestSameDecisions:
    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from([THALES, {"thales": 7}]),
        st.sampled_from(SCHEDULES),
        st.sampled_from(["publish", "post", "bare"]),
        st.integers(0, 4),
        st.lists(
            st.tuples(st.sampled_from([*TWISTS, "late", "fails", "tick", "memory"]), st.integers(0, 3)), max_size=8
        ),
    )
    def test_an_answer_that_is_the_same_but_for_one_thing(
        self, first: Schedule, second: Schedule, how: str, deep: int, twists: list[tuple[str, int]]
    ):
        policy = replace(POLICY, confirmations=deep)
        address = Address(policy)
        address.publish(first, epoch=4)
        memory = decide(NodeState(NodeSettings(policy)), ObserverAnswered(address.evidence(4), 0.0))[0].trust
        if how == "publish":
            address.publish(second, epoch=5)
        else:
            address.post(second, epoch=5)
        address.bare = how == "bare"
        evidence = address.evidence(5, slot=address.slot + 1)
        quick = slow = NodeState(NodeSettings(policy, SETTINGS.supported))
        inputs: list[InputEvent] = [ObserverAnswered(evidence, 0.0)] * 3
        epoch = 5
        for what, number in twists:
            if what == "late":
                inputs += [ObserverAnswered(evidence, 1.0, "late")] * (1 + number)
            elif what == "fails":
                inputs.append(ObserverFailed("provider", f"Error{number % 2}", "it fails", 1.0))
            elif what == "tick":
                epoch += number
                inputs.append(ClockTicked(Epoch(epoch), 1.0))
            elif what == "memory":
                inputs.append(MemoryRead(memory, 1.0))
            else:
                evidence = TWISTS[what](evidence, number)
                inputs += [ObserverAnswered(evidence, 1.0)] * (1 + number)
        for event in inputs:
            quick, told = decide(quick, event)
            slow, again = decide(replace(slow, steady=None, verified=None), event)
            assert told == again
            assert quick == slow

    @settings(max_examples=150, deadline=None)
    @given(steps(), st.integers(0, 2))
    def test_what_is_remembered_to_be_quick_changes_no_decision(self, plan: list[tuple[str, int]], deep: int):
        policy = replace(POLICY, confirmations=deep)
        inputs = script_of(plan, Address(policy))
        quick = slow = NodeState(NodeSettings(policy, SETTINGS.supported))
        shared = SharedDeciding(capacity=3)
        served = quick
        for event in inputs:
            quick, told = decide(quick, event)
            slow, again = decide(replace(slow, steady=None, verified=None), event)
            served, too = shared(served, event)
            assert told == again == too
            assert quick == slow == served

    @settings(max_examples=100, deadline=None)
    @given(steps())
    def test_no_node_goes_back(self, plan: list[tuple[str, int]]):
        node = Node()
        epoch, began = 0, 0
        for event in script_of(plan, node.address):
            node.feel(event)
            token = node.state.view.token
            if token is not None:
                assert token.epoch >= epoch
                assert (token.current.epoch or 0) >= began
                epoch, began = token.epoch, token.current.epoch or 0

    def test_shared_answers_are_the_very_same_objects(self):
        address = Address()
        address.publish(SCHEDULED, epoch=4)
        tick, answer = ClockTicked(Epoch(5), 0.0), ObserverAnswered(address.evidence(5), 0.0)
        shared = SharedDeciding()
        first = NodeState(SETTINGS)
        others = [NodeState(replace(SETTINGS, supported=SupportedEras(("thales",)))) for _ in range(2)]
        ends = []
        for start in (first, first, *others):
            state = start
            for event in (tick, answer):
                state, _ = shared(state, event)
            ends.append(state)
        assert ends[0] is ends[1]
        assert ends[2].trust is ends[0].trust, "the rules of trust were applied once"
        token = ends[2].view.token
        assert token is not None
        assert token.upcoming_supported is False


class TestOneSetOfRules:
    """``TrustedReader`` and the core decide by the same function: over a chain, for each knowledge of an observer."""

    @pytest.mark.parametrize("knows", list(KNOWLEDGE))
    def test_a_reader_and_a_core_come_to_the_same(self, network: Network, knows: str):
        observer = Knowing(network.chain, KNOWLEDGE[knows])
        policy = TrustPolicy(network.address, (KEY.verification_key,), 42, confirmations=1)
        store = MemoryStore()
        reader = TrustedReader(observer, policy, store, clock=lambda: 1.0)
        source = EvidenceSource(observer, policy, MemoryStore())
        state = NodeState(NodeSettings(policy))
        told: list[str] = []
        last, shared = None, 0
        story: list[Callable[[], Any]] = [
            lambda: network.publish({"t": 1}),
            lambda: network.chain.advance_slots(1),
            lambda: network.post({"t": 1, "old": 3}),
            lambda: network.post({"t": 1}, OTHER_KEY),
            lambda: network.publish({"t": 1, "p": 9}),
            lambda: network.chain.advance_slots(2),
            lambda: network.chain.rollback(1),
            lambda: network.chain.advance_to_epoch(9),
        ]
        for happen in story:
            happen()
            try:
                reader.refresh()
            except ChainReadError as error:
                pytest.fail(str(error))
            again = source.ask(None, time_s=1.0)
            assert isinstance(again, ObserverAnswered)
            state, decisions = decide(state, again)
            if last is not None and last.tip != again.evidence.tip and last.unspent == again.evidence.unspent:
                assert again.evidence.unspent is last.unspent
                shared += 1
            last = again.evidence
            told += [decision.kind for decision in decisions]
            stored = store.trust.load(policy.key)
            assert stored is not None
            assert replace(stored, version=0) == state.trust
        logged = [event.kind for event in store.events.read()]
        assert [kind for kind in told if kind in logged] == logged
        assert shared == 4, "at a new tip equal outputs are the very same"
