"""Protocol configurations are read with the trust that eras are: the same attacks, with memory and without."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_reader import (
    Checkpoint,
    LocalObserver,
    LogLimits,
    NodeCore,
    NodeSettings,
    Replay,
    TrustedReader,
    TrustPolicy,
)
from chain_reader.configuration_reader import ConfigurationReader, ConfigurationReading
from chain_reader.node.kinds import DecisionKind
from chain_reader.trust.kinds import CONFIGURATIONS
from datum import SigningKey, encode_datum
from datum.configuration import (
    ConfigurationMarker,
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolParameters,
    configuration_at,
)
from datum.configuration.cbor import encode_configuration
from datum.configuration.markers import decoded
from era_store import EventFilter, MemoryStore, Store, open_store
from eras import Epoch
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, datum_of, markers
from tests.chain_reader.knowing import BARE, KNOWLEDGE, Knowing
from tests.errors import raising

Plan = dict[int, int | float]
"""Epoch → k; a ``phi_f`` of NaN in the place of k, and k above m, stand for what no lottery can have."""


def configured(k: float) -> ProtocolConfiguration:
    return ProtocolConfiguration(ProtocolParameters(int(k), 16_948, 0.2), ("MithrilStakeDistribution",))


def encoded(k: float) -> str:
    if k != k:
        parameters = ProtocolParameters(5, 16_948, float("nan"))
        return encode_configuration(ProtocolConfiguration(parameters)).hex()
    return encode_configuration(configured(k)).hex()


def payload(plan: Plan, key: SigningKey = KEY, *, broken: bool = False) -> str:
    made = tuple(ConfigurationMarker(Epoch(at), "00" if broken else encoded(k)) for at, k in plan.items())
    return encode_datum(ConfigurationMarkersPayload(made).sign(key).to_bytes()).hex()


def policy_of(network: Network) -> TrustPolicy:
    return TrustPolicy(network.address, (KEY.verification_key,), network_magic=42, kind=CONFIGURATIONS)


def reader_of(network: Network, store: Store | None = None, knows: str = "all") -> ConfigurationReader:
    observer = Knowing(network.chain, KNOWLEDGE[knows])
    return ConfigurationReader(TrustedReader(observer, policy_of(network), store or MemoryStore()))


def k_at(reading: ConfigurationReading, epoch: int) -> int | None:
    found = reading.configuration_at(Epoch(epoch))
    return None if found is None else found.parameters.k


def verdicts(reading: ConfigurationReading) -> list[str]:
    return sorted(item.verdict.name for item in reading.trusted.screened)


@pytest.mark.parametrize("knows", KNOWLEDGE)
def test_the_window_and_what_is_to_come(network: Network, knows: str) -> None:
    network.publish_datum(payload({1: 1944, 7: 2422}))
    reading = reader_of(network, knows=knows).read()
    assert (reading.epoch, k_at(reading, 4), k_at(reading, 7)) == (5, 1944, 2422)
    assert reading.configuration_at(Epoch(0)) is None
    window = reading.window_at(Epoch(6))
    assert window is not None
    assert [one.parameters.k for one in (window.aggregation, window.next_aggregation, window.registration)] == [
        1944,
        1944,
        2422,
    ]
    assert reading.upcoming_after(Epoch(5)) == EpochConfiguration(Epoch(7), configured(2422))
    assert reading.trusted.stale is None
    assert not reading.trusted.alarms


@pytest.mark.parametrize("knows", KNOWLEDGE)
def test_what_an_epoch_that_has_begun_resolved_to_never_changes(network: Network, knows: str) -> None:
    reader = reader_of(network, knows=knows)
    network.publish_datum(payload({1: 1944}))
    assert k_at(reader.read(), 5) == 1944
    network.publish_datum(payload({1: 1944, 5: 9}))  # the team, or a thief of its keys, changes the current epoch
    reading = reader.read()
    assert k_at(reading, 5) == 1944
    assert [item.verdict.name for item in reading.trusted.conflicts] == ["Conflict"]
    assert any("a Mithril reader could take" in words for words in reading.trusted.alarms)


def test_later_epochs_may_change_and_old_ones_be_left_out(network: Network) -> None:
    reader = reader_of(network)
    for plan in ({1: 7, 9: 8}, {1: 7, 9: 10}, {1: 7}, {1: 7, 6: 11}):
        network.publish_datum(payload(plan))
        assert k_at(reader.read(), 9) == list(plan.values())[-1]
    network.chain.advance_to_epoch(10)
    network.publish_datum(payload({6: 11, 12: 12}))  # what held until epoch 5 is needed by no node any more
    reading = reader.read()
    assert (k_at(reading, 5), k_at(reading, 10), k_at(reading, 12)) == (None, 11, 12)
    assert not reading.trusted.conflicts


@pytest.mark.parametrize("knows", KNOWLEDGE)
def test_an_old_payload_posted_again_wins_nothing_once_it_was_superseded(network: Network, knows: str) -> None:
    reader = reader_of(network, knows=knows)
    for plan in ({1: 1944}, {1: 1944, 7: 2422}):
        network.publish_datum(payload(plan))
        reader.read()
    network.post_datum(payload({1: 1944}))
    network.post_datum(payload({1: 5}, OTHER_KEY))
    network.chain.advance_to_epoch(8)
    assert k_at(reader.read(), 8) == 2422
    if knows in ("inputs", "all"):
        reading = reader_of(network).read()
        assert k_at(reading, 8) == 2422
        assert verdicts(reading) == ["Accepted", "Impostor", "Superseded", "WrongSigner"]


LEGACY = {
    "NaN passes Mithril's reader, and no lottery has it": (payload({1: float("nan")}), "Unusable"),
    "k above m passes Mithril's reader, and no quorum can be reached": (payload({1: 16_949}), "Unusable"),
    "Mithril's reader fails on a configuration that cannot be read, whatever else is there": (
        payload({1: 7}, broken=True),
        "Unusable",
    ),
    "an empty payload of eras is one of configurations too, and hides them from Mithril's reader": (
        datum_of({}),
        "Conflict",
    ),
}


@pytest.mark.parametrize("reason", LEGACY)
def test_where_mithril_is_more_generous_or_more_fragile_the_alarm_is_raised(network: Network, reason: str) -> None:
    datum, verdict = LEGACY[reason]
    reader = reader_of(network)
    network.publish_datum(payload({1: 1944}))
    assert not reader.read().trusted.alarms
    network.publish_datum(datum)
    reading = reader.read()
    assert k_at(reading, 5) == 1944, reason
    assert verdict in verdicts(reading)
    legacy = reading.trusted.legacy
    assert legacy is not None
    assert legacy.differs, reason
    assert legacy.words in reading.trusted.alarms
    told = [event for event in reading.trusted.events if event.kind == DecisionKind.LEGACY_DIFFERS]
    assert [event.facts["of"] for event in told] == ["configuration"]


def test_both_kinds_at_one_address_are_two_threads(network: Network) -> None:
    store = MemoryStore()
    eras = TrustedReader(
        Knowing(network.chain), TrustPolicy(network.address, (KEY.verification_key,), network_magic=42), store
    )
    configurations = reader_of(network, store)
    network.publish_datum(payload({1: 1944, 8: 2422}))
    network.publish({"thales": 1, "pythagoras": 8})
    for _ in range(2):
        of_eras, of_configurations = eras.read(), configurations.read()
        assert of_eras.markers == markers({"thales": 1, "pythagoras": 8})
        assert k_at(of_configurations, 8) == 2422
        for reading in (of_eras, of_configurations.trusted):
            other = [item.verdict for item in reading.screened if item.verdict.name == "OtherKind"]
            assert other
            assert not any(one.is_refusal for one in other)
            assert not reading.alarms
        if network.chain.tip().epoch < 8:
            network.chain.advance_to_epoch(8)
    assert reader_of(network, store).read().trusted.events == ()


def test_staleness_and_memory_survive_a_restart(network: Network, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'memory.sqlite'}"
    network.publish_datum(payload({1: 1944, 7: 2422}))
    with open_store(url) as store:
        assert k_at(reader_of(network, store).read(), 7) == 2422
    down = Knowing(network.chain, BARE, change=_fails)
    with open_store(url) as store:
        reader = ConfigurationReader(TrustedReader(down, policy_of(network), store))
        reading = reader.read(Epoch(7))
        assert (reading.epoch, k_at(reading, 7)) == (7, 2422)
        assert "cannot be reached" in (reading.trusted.stale or "")
        assert reading.error is not None
        bare = reader_of(network, store, "bare")
        network.post_datum(payload({1: 5}))
        assert k_at(bare.read(), 5) == 1944


def _fails(question: str, answer: object) -> object:
    from eras import ChainReadError

    raise ChainReadError("the provider cannot be reached")


def test_what_a_node_decided_is_replayed_from_its_log(network: Network) -> None:
    store = MemoryStore()
    core = NodeCore(
        NodeSettings(policy_of(network)), store, name="a", limits=LogLimits(snapshot_every=2), clock=lambda: 1.0
    )
    reader = ConfigurationReader(TrustedReader(Knowing(network.chain), policy_of(network), core=core))
    for epoch, plan in ((5, {1: 1944}), (5, {1: 1944, 7: 2422}), (6, {1: 1944, 7: 2423}), (7, {1: 1944, 7: 2423})):
        if epoch > network.chain.tip().epoch:
            network.chain.advance_to_epoch(epoch)
        network.publish_datum(payload(plan))
        reader.read(Epoch(epoch))
    replay = Replay()
    assert replay.run(store.events.lines()) is None
    node = replay.nodes[max(replay.nodes)]
    assert decoded(node.state.configurations or ())[-1].configuration == configured(2423)
    told = [
        (event.kind, event.epoch, event.facts["changes"])
        for event in store.events.read(only=EventFilter(kinds=("configuration-announced", "configuration-changed")))
    ]
    assert told == [
        ("configuration-changed", 5, []),
        ("configuration-announced", 5, ["k 1944 → 2422"]),
        ("configuration-announced", 6, ["k 1944 → 2423"]),
        ("configuration-changed", 7, ["k 1944 → 2423"]),
    ]


PLANS = st.dictionaries(st.integers(0, 9), st.integers(1, 3), max_size=4)


@given(st.lists(PLANS, min_size=1, max_size=6), st.data())
@settings(max_examples=150, deadline=None)
def test_along_any_history_no_epoch_that_has_begun_changes(plans: list[dict[int, int]], data: st.DataObject) -> None:
    """Of the payloads that the ratchet lets pass, in any order, none changes what an epoch that has begun is."""
    in_force: tuple[ConfigurationMarker, ...] = ()
    begun: dict[int, ProtocolConfiguration] = {}
    epoch = 0
    for plan in plans:
        epoch += data.draw(st.integers(0, 3))
        made = tuple(ConfigurationMarker(Epoch(at), encoded(k)) for at, k in plan.items())
        if CONFIGURATIONS.is_successor(in_force, made, Epoch(epoch)):
            in_force = made
        for at in range(epoch + 1):
            found = configuration_at(decoded(in_force), Epoch(at))
            if found is not None and configuration_at(decoded(in_force), Epoch(epoch)) is not None:
                assert begun.setdefault(at, found) == found
            elif at >= epoch - 3:
                assert at not in begun


def test_a_schedule_is_told_by_its_last_marker_of_an_epoch() -> None:
    first, last = ConfigurationMarker(Epoch(1), encoded(5)), ConfigurationMarker(Epoch(1), encoded(6))
    assert CONFIGURATIONS.schedule((first, last)) == frozenset((last,))
    assert CONFIGURATIONS.last_begun((first, last), Epoch(4)) == last


def test_what_is_first_seen_too_late_is_refused_unless_it_changes_nothing(network: Network) -> None:
    """Rule T13, where nothing but the payloads decides."""
    in_force = network.publish_datum(payload({6: 1944}))
    observer = Knowing(network.chain, BARE)
    reader = ConfigurationReader(TrustedReader(observer, policy_of(network), MemoryStore()))
    assert k_at(reader.read(), 5) is None
    network.post_datum(payload({3: 5, 6: 1944}))
    late = reader.read()
    assert (k_at(late, 5), verdicts(late)) == (None, ["Accepted", "Conflict"])
    assert "adds the configuration from epoch 3" in str(late.trusted.conflicts[0].verdict.reason)
    network.chain.advance_to_epoch(8)
    assert k_at(reader.read(), 8) == 1944
    network.spend(in_force)
    network.publish_datum(payload({6: 1944, 7: 1944}))
    same = reader.read()
    assert [item.epoch for item in same.configurations] == [6, 7], "it changes nothing, and is taken"


def test_a_checkpoint_of_this_kind_confirms_its_own_epoch(network: Network) -> None:
    """At a first start that sees unspent outputs only: an old plan for an epoch that has begun is posted again."""
    plans = [{1: 1944}, {1: 1944, 7: 16_000}, {1: 1944, 30: 2422}]
    made = network.publish_datum(payload(plans[0]))
    for plan in plans[1:]:  # the second is a mistake, taken back before its epoch
        network.spend(made)
        made = network.publish_datum(payload(plan))
    (known,) = (
        one for one in LocalObserver(network.chain).datums(network.address) if one.transaction == made.transaction
    )
    network.chain.advance_to_epoch(9)
    network.post_datum(payload(plans[1]))
    policy = replace(policy_of(network), checkpoint=Checkpoint(known, Epoch(8)))
    reader = TrustedReader(Knowing(network.chain, BARE), policy, MemoryStore())
    reading = ConfigurationReader(reader).read()
    assert (k_at(reading, 8), verdicts(reading)) == (1944, ["Accepted", "Conflict"])
    eras = Checkpoint(replace(known, datum=datum_of({"thales": 1}, OTHER_KEY)), Epoch(8))
    with raising("CheckpointInvalid"):
        TrustedReader(Knowing(network.chain, BARE), replace(policy, checkpoint=eras), MemoryStore()).refresh()
