"""Rule T13: what a bare set was seen not to hold when its epoch had come, no replay brings back."""

from dataclasses import replace
from pathlib import Path

import pytest

from chain_reader import TrustedReader
from chain_reader.local_chain import Output
from chain_reader.ports import DatumOutput, ScreenedOutput
from chain_reader.trust.memory import EMPTY
from chain_reader.trust.policy import Checkpoint, TrustPolicy
from chain_reader.trust.rules import refuse_late
from chain_reader.trust.state import ChainFacts, TrustState
from datum import screen
from era_store import MemoryStore, open_store
from eras import Epoch
from tests.chain_reader.conftest import KEY, Network, Schedule, datum_of, markers
from tests.chain_reader.knowing import BARE, Knowing

FIRST: Schedule = {"thales": 1}
TAKEN_BACK: Schedule = {"thales": 1, "pythagoras": 7}
INSTEAD: dict[str, Schedule] = {
    "cancelled": {"thales": 1, "pythagoras": None},
    "postponed": {"thales": 1, "pythagoras": 12},
}


def policy_of(network: Network, **changes) -> TrustPolicy:
    return TrustPolicy(network.address, (KEY.verification_key,), network_magic=42, **changes)


def taken_back(network: Network, instead: Schedule) -> Output:
    """The team schedules an era and takes it back, before anybody reads; the output in force."""
    network.spend(network.publish(TAKEN_BACK))
    return network.publish(instead)


@pytest.mark.parametrize("late", [7, 8])
@pytest.mark.parametrize("instead", INSTEAD.values(), ids=INSTEAD)
def test_rule_t13_a_replay_wins_nothing_at_its_epoch_and_after(network, tmp_path: Path, instead: Schedule, late: int):
    """Not at once, not by being posted again, and not after a restart."""
    in_force = taken_back(network, instead)
    observer = Knowing(network.chain, BARE)
    with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
        reader = TrustedReader(observer, policy_of(network), store)
        assert reader.read().markers == markers(instead)
        network.chain.advance_to_epoch(late)
        assert reader.read().markers == markers(instead)
        for _ in range(2):
            network.post(TAKEN_BACK)
            reading = reader.read()
            assert reading.markers == markers(instead)
            assert {item.verdict.name for item in reading.conflicts} == {"Conflict"}
            assert "confirmed not to be there" in reading.conflicts[0].verdict.reason
    with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
        network.chain.advance_to_epoch(11)
        reader = TrustedReader(observer, policy_of(network), store)
        assert reader.read().markers == markers(instead)
        network.spend(in_force)
        network.publish({"thales": 1, "pythagoras": 14})
        assert reader.read().markers == markers({"thales": 1, "pythagoras": 14}), "the team goes on"


def test_a_checkpoint_confirms_its_own_epoch(network):
    """At a first start, and at a node whose own memory is older than the release."""
    output = taken_back(network, INSTEAD["cancelled"])
    known = DatumOutput(output.transaction, output.index, output.datum or "", output.lovelace)
    store = MemoryStore()
    TrustedReader(Knowing(network.chain, BARE), policy_of(network), store).read()
    network.chain.advance_to_epoch(9)
    network.post(TAKEN_BACK)
    policy = policy_of(network, checkpoint=Checkpoint(known, Epoch(8)))
    for memory in (MemoryStore(), store):
        reading = TrustedReader(Knowing(network.chain, BARE), policy, memory).read()
        assert reading.markers == markers(INSTEAD["cancelled"])
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]


def test_what_was_seen_in_time_and_was_not_deep_enough_is_not_late(network):
    first = network.publish(FIRST)
    network.chain.advance_slots(1)
    network.chain.advance_slots(1)
    reader = TrustedReader(Knowing(network.chain, BARE), policy_of(network, confirmations=2))
    assert reader.read().markers == markers(FIRST)
    network.chain.advance_to_epoch(6)
    network.spend(first)
    network.publish(TAKEN_BACK)
    assert reader.read().markers == markers(FIRST)
    network.chain.advance_to_epoch(7)
    assert reader.read().markers == markers(FIRST)
    for _ in range(2):
        network.chain.advance_slots(1)
    assert reader.read().markers == markers(TAKEN_BACK)


def test_where_authorship_is_known_the_order_of_the_chain_decides(network):
    network.publish(FIRST)
    reader = TrustedReader(Knowing(network.chain), policy_of(network))
    network.chain.advance_to_epoch(8)
    assert reader.read().markers == markers(FIRST)
    network.publish(TAKEN_BACK)
    assert reader.read().markers == markers(TAKEN_BACK)


def test_an_epoch_that_was_remembered_and_cannot_be_refuses_nothing_that_is_to_come():
    """One absurd answer leaves no mark that keeps a node from what the team publishes."""
    trusted, planned = (
        DatumOutput(name * 32, 0, datum_of(schedule), 1) for name, schedule in (("aa", FIRST), ("bb", TAKEN_BACK))
    )
    items = [ScreenedOutput(one, screen([one.datum], KEY.verification_key)[0]) for one in (trusted, planned)]
    state = TrustState(trusted=items[0], epoch=Epoch(10**6))
    judged = refuse_late(items, state, EMPTY, Epoch(6), ChainFacts())
    assert [item.verdict.name for item in judged] == ["Accepted", "Accepted"]
    judged = refuse_late(items, replace(state, epoch=Epoch(7)), EMPTY, Epoch(7), ChainFacts())
    assert [item.verdict.name for item in judged] == ["Accepted", "Conflict"]
