"""The reader that records: it reads as the trusted reader does, and its event log explains every decision."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chain_reader import (
    ClockTicked,
    LogLimits,
    NodeCore,
    NodeSettings,
    Replay,
    TrustedReader,
    TrustPolicy,
)
from chain_reader.log.replay import Difference
from chain_reader.node.source import EvidenceSource
from chain_reader.providers.failover import Failover
from chain_reader.trust.reading import TrustedReading
from era_store import EventFilter, EventLogNewerError, MemoryStore, Store, StoreFullError, verified
from eras import ChainReadError, Epoch, EraStatus, SupportedEras
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


def recording(observer: Any, core: NodeCore, clock: Callable[[], float] = lambda: 1.0) -> TrustedReader:
    """A reader whose core keeps the log."""
    return TrustedReader(observer, core.state.settings.policy, clock=clock, core=core)


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
    reader = recording(observer, core_of(network, store), clock=lambda: 1.0)

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
    assert told(reader.remembered(error, Epoch(7))) == told(plain.remembered(error, Epoch(7)))
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
    reader = recording(lagging, core_of(network, store), clock=lambda: 1.0)
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
    readers = [recording(observer, core_of(network, store), clock=lambda: 1.0) for _ in range(2)]
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
    recording(observer, core_of(network, store)).refresh()
    NodeCore(NodeSettings(policy_of(network), ERAS), store)
    (first, other) = store.events.read(only=EventFilter(kinds=("started",)))
    assert first.facts["name"] == "service"
    assert (other.facts.get("name"), other.facts["resumes"]) == (None, None)


def test_a_full_disk_is_an_alarm_and_no_failure(network: Network, caplog: pytest.LogCaptureFixture):
    store = MemoryStore()
    reader = recording(Knowing(network.chain), core_of(network, store), clock=lambda: 1.0)
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
    reader = recording(Knowing(network.chain), core, clock=lambda: 1.0)
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
    reader = recording(Failover.over([observer], lambda _tip: doubt[0]), core_of(network, MemoryStore()))
    network.publish(SCHEDULED)
    assert reader.refresh().epoch == 5
    network.chain.advance_to_epoch(7)
    doubt[0] = "the tip is two epochs ahead of the clock"
    assert reader.refresh().epoch == 5
    doubt[0] = None
    assert reader.refresh().epoch == 7
    with pytest.raises(ChainReadError, match="the epoch is not that of the clock"):
        reader.refresh(Epoch(5))


def test_a_first_tip_in_doubt_is_read_at_the_epoch_of_the_clock(network: Network):
    """Else one lie at the start would lead a node into an era before its epoch, and an epoch never goes back."""
    core = core_of(network, MemoryStore())
    reader = recording(Failover.over([Knowing(network.chain)], lambda _tip: "an epoch ahead of the clock"), core)
    network.publish(SCHEDULED)
    network.chain.advance_to_epoch(7)
    assert reader.refresh(Epoch(6)).epoch == 6
    assert (core.state.epoch, core.checker.current_era) == (6, "thales")


def test_a_replica_goes_on_though_nodes_of_other_names_write_beside_it(network: Network):
    store, observer = MemoryStore(), Knowing(network.chain)
    other = NodeCore(NodeSettings(policy_of(network), ERAS), store, clock=lambda: 0.0)
    replicas = [recording(observer, core_of(network, store), clock=lambda: 1.0) for _ in range(2)]
    for epoch, schedule in enumerate((THALES, ANNOUNCED, SCHEDULED), start=5):
        network.publish(schedule)
        for reader in replicas:
            reader.refresh()
            other.apply(ClockTicked(Epoch(epoch), 1.0))
            network.chain.advance_slots(1)
    told = [event.kind for event in store.events.read(only=EventFilter(roles=("decision",))) if event.stream != 1]
    assert [told.count(kind) for kind in ("era-known", "announced", "scheduled")] == [1, 1, 1]
    assert replayed(store)[1] is None


def test_a_replica_that_is_ahead_keeps_its_epoch_when_it_goes_on(network: Network):
    store, observer = MemoryStore(), Knowing(network.chain)
    network.publish(SCHEDULED)
    ahead, behind = (core_of(network, store) for _ in range(2))
    first, second = (recording(observer, core, clock=lambda: 1.0) for core in (ahead, behind))
    first.refresh()
    second.refresh()
    answer = EvidenceSource(observer, policy_of(network), store).ask(None, time_s=1.0)
    ahead.catch_up(1.0)
    ahead.apply(ClockTicked(Epoch(7), 1.0))
    behind.apply(answer)  # it was on its way: this replica decides at epoch 5, after the other one did at 7
    ahead.catch_up(2.0)
    assert (ahead.state.epoch, ahead.checker.current_era) == (7, "pythagoras")
    assert replayed(store)[1] is None


def test_a_replica_keeps_what_it_knows_where_the_log_of_the_other_cannot_be_replayed(
    network: Network, monkeypatch: pytest.MonkeyPatch
):
    store, observer = MemoryStore(), Knowing(network.chain)
    network.publish(SCHEDULED)
    cores = [core_of(network, store) for _ in range(2)]
    for core in (*cores, *cores):  # the second answer confirms the first
        recording(observer, core, clock=lambda: 1.0).refresh()
    before = cores[0].state

    def newer(*_: Any, **__: Any) -> Any:
        raise EventLogNewerError("An event was written by a newer version")

    monkeypatch.setattr(Replay, "feed", newer)
    cores[0].catch_up(2.0)
    assert (cores[0].state.view, cores[0].state.epoch) == (before.view, before.epoch)
    assert cores[0].checker.status is EraStatus.READY


def test_a_log_that_another_node_compacted_can_be_replayed_from_a_fresh_snapshot(network: Network):
    store = MemoryStore()
    core = core_of(network, store)
    for epoch in range(5, 10):
        core.apply(ClockTicked(Epoch(epoch), 1.0))
    store.events.compact(store.events.head().last_id)
    for epoch in range(10, 40):
        core.apply(ClockTicked(Epoch(epoch), 1.0))
    again = core_of(network, store)
    assert again.state.epoch == 39
