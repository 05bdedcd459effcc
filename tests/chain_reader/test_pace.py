"""Without a clock of its own, a node is not led astray by one absurd answer (rule T7)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_reader import ChainTip, NodeCore, NodeSettings, TrustedReader, TrustPolicy
from chain_reader.node.pace import FREE_EPOCHS, SHORTEST_SLOT_S, paced
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.state import ChainFacts
from era_store import MemoryStore, Sighting, Store, open_store
from eras import Epoch, Slot
from tests.chain_reader.conftest import KEY, Network, Schedule, markers
from tests.chain_reader.knowing import KNOWLEDGE, Knowing

SCHEDULED: Schedule = {"thales": 1, "pythagoras": 50}
ABSURD = 10**9


def answer(epoch: int, slot: int) -> Evidence:
    return Evidence("the provider", ChainTip(Slot(slot), None, None), Epoch(epoch), (), (), ChainFacts())


@pytest.mark.parametrize("lie", ["epoch", "tip", "both"])
@pytest.mark.parametrize("knows", list(KNOWLEDGE))
def test_one_absurd_answer_leaves_no_mark(network: Network, knows: str, lie: str) -> None:
    network.publish(SCHEDULED)
    observer = Knowing(network.chain, KNOWLEDGE[knows])
    store, now = MemoryStore(), [0.0]
    policy = TrustPolicy(network.address, (KEY.verification_key,), 42)
    reader = TrustedReader(observer, policy, store, clock=lambda: now[0])
    before = reader.refresh()
    known = store.trust.load(policy.key)

    def lies(question: str, told: Any) -> Any:
        if question == "epoch" and lie != "tip":
            return Epoch(ABSURD)
        return replace(told, slot=Slot(ABSURD)) if question == "tip" and lie != "epoch" else told

    network.chain.advance_slots(1)
    now[0] += 20
    observer.change = lies
    doubted = reader.refresh()
    assert (doubted.epoch, doubted.markers) == (before.epoch, before.markers)
    assert "too far ahead" in (doubted.stale or "")
    observer.change = lambda _, told: told
    network.chain.advance_slots(1)
    now[0] += 20
    after = reader.refresh()
    assert (after.epoch, after.stale) == (before.epoch, None)
    stored = store.trust.load(policy.key)
    assert stored is not None
    assert known is not None
    assert (stored.epoch, stored.activation) == (known.epoch, known.activation)
    assert stored.tip_slot == network.chain.tip().slot
    assert stored.sighting == Sighting(before.epoch, stored.tip_slot, 40.0)


@pytest.mark.parametrize(
    ("lie", "clocked"),  # an epoch that is not the clock's is refused
    [("epoch", False), ("slot", False), ("slot", True), ("height", False), ("epoch and slot", False)],
)
@pytest.mark.parametrize("at", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("logged", [False, True])
def test_no_number_of_an_absurd_answer_is_remembered(
    network: Network, at: int, lie: str, clocked: bool, logged: bool
) -> None:
    """Not of the first answer ever either, and not where a clock gives the epoch alone: all is as without it."""
    network.publish(SCHEDULED)
    policy = TrustPolicy(network.address, (KEY.verification_key,), 42, confirmations=1)
    honest, fooled = MemoryStore(), MemoryStore()

    def lies(question: str, told: Any) -> Any:
        if question == "epoch" and "epoch" in lie:
            return Epoch(ABSURD)
        wrong = {name: Slot(ABSURD) for name in ("slot", "height") if name in lie}
        return replace(told, **wrong) if question == "tip" else told

    def read(store: Store, number: int, observer: Knowing) -> TrustedReading:
        core = NodeCore(NodeSettings(policy), store, logged=logged)
        reader = TrustedReader(observer, policy, clock=lambda: 20.0 * number, core=core)
        return reader.refresh(network.chain.epoch() if clocked else None)

    for number in range(5):
        network.chain.advance_slots(1)
        for store in (honest, fooled):
            observer = Knowing(network.chain, KNOWLEDGE["bare"])
            if store is fooled and number == at:
                observer.change = lies
            reading = read(store, number, observer)
    assert (reading.epoch, reading.stale) == (network.chain.epoch(), None)
    assert reading.markers == markers(SCHEDULED)
    known, expected = fooled.trust.load(policy.key), honest.trust.load(policy.key)
    assert known is not None
    assert expected is not None
    assert known.payloads == (replace(expected.payloads[0], seen_height=known.payloads[0].seen_height),)
    assert known.payloads[0].seen_height in (
        expected.payloads[0].seen_height,
        (expected.payloads[0].seen_height or 0) + 1,
    )
    assert replace(known, version=0, payloads=()) == replace(expected, version=0, payloads=())


def test_a_chain_that_is_advanced_by_hand_is_believed_when_the_next_answer_confirms_it(
    network: Network, tmp_path: Any
) -> None:
    """In another process, too: the claim is in the store."""
    network.publish(SCHEDULED)
    policy = TrustPolicy(network.address, (KEY.verification_key,), 42)
    with open_store(str(tmp_path / "store.sqlite3")) as store:

        def read() -> tuple[int | None, bool]:
            reading = TrustedReader(Knowing(network.chain), policy, store, clock=lambda: 1.0).refresh()
            return reading.epoch, reading.stale is not None

        assert read() == (5, False)
        network.chain.advance_to_epoch(60)
        assert read() == (5, True)
        assert read() == (60, False)


def test_a_node_that_slept_believes_what_the_time_allows() -> None:
    seen, _ = paced(None, answer(10, 4_500_000), 0.0)  # epochs of 432,000 slots, each of a second
    week_s = 7 * 86_400.0
    assert paced(seen, answer(11, 4_500_000 + int(week_s)), week_s) == (
        Sighting(Epoch(11), Slot(4_500_000 + int(week_s)), week_s),
        None,
    )
    year_s = 365 * 86_400.0
    assert paced(seen, answer(83, 4_500_000 + int(year_s)), year_s)[1] is None
    assert paced(seen, answer(83, 4_500_000 + int(year_s)), 10.0)[1] is not None, "a year in ten seconds"
    assert paced(seen, answer(83, 4_500_000), year_s)[1] is not None, "epochs without slots"


@given(
    length=st.integers(1, 10**6),
    slot_s=st.floats(SHORTEST_SLOT_S, 20),
    start=st.integers(0, 10**9),
    steps=st.lists(st.floats(0, 10**7), max_size=10),
)
def test_an_honest_chain_is_never_in_doubt(length: int, slot_s: float, start: int, steps: list[float]) -> None:
    time_s = 0.0
    seen, _ = paced(None, answer(start // length, start), time_s)
    for step in steps:
        time_s += step
        slot = start + int(time_s / slot_s)
        seen, doubt = paced(seen, answer(slot // length, slot), time_s)
        assert doubt is None
        assert (seen.epoch, seen.slot) == (slot // length, slot)


def test_an_answer_in_doubt_is_overruled_by_a_sane_one_and_not_confirmed_by_another_absurd_one() -> None:
    seen, _ = paced(None, answer(10, 1_000), 0.0)
    doubted, doubt = paced(seen, answer(ABSURD, 1_000), 1.0)
    assert doubt is not None
    assert (doubted.epoch, doubted.slot, doubted.claim) == (10, 1_000, (ABSURD, 1_000))
    assert paced(doubted, answer(10, 1_001), 2.0) == (Sighting(Epoch(10), Slot(1_001), 2.0), None)
    assert paced(doubted, answer(10, 1_000), 2.0)[0].claim is None
    other, doubt = paced(doubted, answer(ABSURD + FREE_EPOCHS + 1, 1_000), 2.0)
    assert doubt is not None
    assert other.epoch == 10
    assert paced(doubted, answer(ABSURD + 1, 1_001), 2.0)[1] is None
