"""The reader that records: it reads as the trusted reader does, and its event log explains every decision."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from chain_reader import LogLimits, NodeCore, NodeSettings, RecordedReader, Replay, TrustedReader, TrustPolicy
from chain_reader.replay import Difference
from chain_reader.trust_reading import TrustedReading
from era_store import EventFilter, MemoryStore, Store, StoreFullError, verified
from eras import ChainReadError, Epoch, SupportedEras
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, Schedule
from tests.chain_reader.knowing import KNOWLEDGE, Knowing

THALES: Schedule = {"thales": 1}
ANNOUNCED: Schedule = {"thales": 1, "pythagoras": None}
SCHEDULED: Schedule = {"thales": 1, "pythagoras": 7}
ERAS = SupportedEras(("thales", "pythagoras"))


def policy_of(network: Network, **more: Any) -> TrustPolicy:
    return TrustPolicy(network.address, (KEY.verification_key,), 42, **more)


def core_of(network: Network, store: Store, **more: Any) -> NodeCore:
    return NodeCore(NodeSettings(policy_of(network), ERAS), store, name="service", clock=lambda: 0.0, **more)


def replayed(store: Store) -> tuple[Replay, Difference | None]:
    replay = Replay()
    return replay, replay.run(verified(store.events.lines(), store.events.head().base_hash))


def told(reading: TrustedReading) -> TrustedReading:
    """A reading without what is written down elsewhere."""
    return replace(reading, events=())


def decided(store: Store) -> list[str]:
    return [event.kind for event in store.events.read(only=EventFilter(roles=("decision",)))]


@pytest.mark.parametrize("knows", list(KNOWLEDGE))
def test_it_reads_as_the_trusted_reader_does_and_a_replay_explains_all_of_it(network: Network, knows: str):
    observer = Knowing(network.chain, KNOWLEDGE[knows])
    plain = TrustedReader(observer, policy_of(network), MemoryStore(), clock=lambda: 1.0)
    store = MemoryStore()
    reader = RecordedReader(observer, core_of(network, store), clock=lambda: 1.0)

    def both() -> None:
        assert told(reader.refresh()) == told(plain.refresh())

    both()  # an empty address
    network.publish(THALES)
    both()
    both()  # nothing new
    network.post(SCHEDULED, OTHER_KEY)
    network.post_datum("d8799f4163ff")
    both()
    network.publish(ANNOUNCED)
    network.post(THALES)
    both()
    network.publish(SCHEDULED)
    both()
    network.chain.advance_to_epoch(6)
    both()
    error = ChainReadError("the line is dead")
    assert told(reader.remembered(error, Epoch(7))) == told(plain.remembered(str(error), Epoch(7)))
    network.chain.advance_to_epoch(7)
    both()
    replay, difference = replayed(store)
    assert difference is None
    assert (replay.done.unexplained, replay.done.unreplayable) == (0, 0)
    assert replay.done.inputs == 10, "eight answers, a tick and a failure"
    kinds = decided(store)
    assert [kind for kind in kinds if kind in ("announced", "scheduled", "activated", "provider-failed")] == [
        "announced",
        "scheduled",
        "activated",
        "provider-failed",
    ]


def test_what_another_process_trusts_is_taken_over_before_it_reads(network: Network):
    store = MemoryStore()
    lagging = Knowing(network.chain, KNOWLEDGE["bare"])
    reader = RecordedReader(lagging, core_of(network, store), clock=lambda: 1.0)
    network.publish(THALES)
    reader.refresh()
    seen = lagging.datums(network.address)
    lagging.change = lambda question, answer: seen if question == "datums" else answer
    network.publish(SCHEDULED)
    TrustedReader(Knowing(network.chain), policy_of(network), store, clock=lambda: 2.0).refresh()  # a command, say
    assert [marker.name for marker in reader.refresh().markers] == ["thales", "pythagoras"]
    assert "memory-taken-over" in decided(store)
    assert replayed(store)[1] is None


def test_two_that_both_read_tell_a_switch_once_and_go_on_where_the_other_ended(network: Network):
    store, observer = MemoryStore(), Knowing(network.chain)
    readers = [RecordedReader(observer, core_of(network, store), clock=lambda: 1.0) for _ in range(2)]
    for schedule in (THALES, ANNOUNCED, SCHEDULED):
        network.publish(schedule)
        for reader in readers:
            reader.refresh()
    network.chain.advance_to_epoch(7)
    for reader in (*readers, *readers):
        reader.refresh()
    kinds = decided(store)
    assert [kinds.count(kind) for kind in ("era-known", "announced", "scheduled", "activated")] == [1, 1, 1, 1]
    assert replayed(store)[1] is None


def test_a_node_of_another_name_is_not_gone_on_from(network: Network):
    store, observer = MemoryStore(), Knowing(network.chain)
    network.publish(THALES)
    RecordedReader(observer, core_of(network, store)).refresh()
    NodeCore(NodeSettings(policy_of(network), ERAS), store)
    (first, other) = store.events.read(only=EventFilter(kinds=("started",)))
    assert first.facts["name"] == "service"
    assert (other.facts.get("name"), other.facts["resumes"]) == (None, None)


def test_a_full_disk_is_an_alarm_and_no_failure(network: Network, caplog: pytest.LogCaptureFixture):
    store = MemoryStore()
    reader = RecordedReader(Knowing(network.chain), core_of(network, store), clock=lambda: 1.0)
    network.publish(THALES)
    reader.refresh()

    def full(*_: Any, **__: Any) -> Any:
        raise StoreFullError("The store has no room left")

    record, store.events.record = store.events.record, full  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        reading = reader.refresh()
    assert [marker.name for marker in reading.markers] == ["thales"]
    assert any("no room left" in alarm for alarm in reading.alarms)
    store.events.record = record  # type: ignore[method-assign]
    assert not reader.refresh().alarms
    assert replayed(store)[0].done.gaps == 1


def test_the_older_half_of_a_log_that_grows_too_large_is_taken_out(network: Network):
    store = MemoryStore()
    core = core_of(network, store, limits=LogLimits(60_000, snapshot_every=10))
    reader = RecordedReader(Knowing(network.chain), core, clock=lambda: 1.0)
    network.publish(THALES)
    kept = []
    for _ in range(400):
        network.chain.advance_slots(1)
        reader.refresh()
        head = store.events.head()
        assert head.size_bytes < 90_000
        kept.append(head.last_id - head.first_id)
    assert store.events.head().first_id > 1
    assert min(kept[200:]) > 20, "more than a snapshot is left"
    replay, difference = replayed(store)
    assert difference is None
    assert replay.done.unreplayable == 0


def test_a_tip_in_doubt_raises_no_epoch(network: Network):
    doubt: list[str | None] = [None]
    observer = Knowing(network.chain)
    reader = RecordedReader(observer, core_of(network, MemoryStore()), tip_check=lambda _tip: doubt[0])
    network.publish(SCHEDULED)
    assert reader.refresh().epoch == 5
    network.chain.advance_to_epoch(7)
    doubt[0] = "the tip is two epochs ahead of the clock"
    assert reader.refresh().epoch == 5
    doubt[0] = None
    assert reader.refresh().epoch == 7
    with pytest.raises(ChainReadError, match="the epoch is not that of the clock"):
        reader.refresh(Epoch(5))
