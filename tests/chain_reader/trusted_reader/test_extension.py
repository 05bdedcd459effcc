"""Rules T5 and T6: payloads that several keys sign, with a sequence and an expiry."""

from collections.abc import Sequence
from typing import Any

import pytest

from chain_reader.trust.reading import NothingTrustedError
from datum import EraMarkersPayload, ExtendedPayload, Extension, ExtensionPolicy, SigningKey, encode_datum
from eras import ConfigurationError, Epoch
from tests.chain_reader.conftest import KEY, Network, Schedule, markers
from tests.chain_reader.knowing import BARE
from tests.chain_reader.trusted_reader.world import MAGIC, NEW, OLD, World, names, schedule

COSIGNERS = [SigningKey(bytes([n]) * 32) for n in range(1, 4)]


class Team:
    """A release team that signs extended payloads with two of three keys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.policy = ExtensionPolicy(MAGIC, world.network.address, tuple(key.verification_key for key in COSIGNERS), 2)
        world.settings = {"extension": self.policy}

    def sign(
        self,
        published: Schedule,
        sequence: int,
        previous: ExtendedPayload | None = None,
        signers: Sequence[SigningKey] = COSIGNERS[:2],
        **changed: Any,
    ) -> ExtendedPayload:
        facts: dict[str, Any] = {
            "network_magic": MAGIC,
            "address": self.world.network.address,
            "sequence": sequence,
            "previous": None if previous is None else previous.hash,
            "expires_epoch": None,
            "threshold": 2,
            "keys": self.policy.keys,
        }
        extended = ExtendedPayload(EraMarkersPayload(markers(published)).sign(KEY), Extension(**(facts | changed)))
        for key in signers:
            extended = extended.sign(key)
        return extended

    def publish(self, extended: ExtendedPayload) -> None:
        """As the team does, from the era address."""
        network = self.world.network
        datum = encode_datum(extended.to_bytes()).hex()
        sent = network.chain.submit(
            network.team.pay(network.funds, network.address, 8_000_000, datum=datum, fee=400_000)
        )
        change = network.chain.output(sent, 1)
        assert change is not None
        network.funds = change


class TestExtension:
    """T5 and T6: threshold, binding, sequence, expiry."""

    def test_rule_t5_one_key_of_three_publishes_nothing(self, world: World):
        team = Team(world)
        first = team.sign(OLD, 1)
        team.publish(first)
        assert world.both() == OLD
        team.publish(team.sign(NEW, 2, first, COSIGNERS[:1]))
        reading = world.read()
        assert schedule(reading) == OLD
        assert names(reading) == ["Accepted", "BelowThreshold"]
        assert world.both() == OLD

    def test_rule_t5_with_nothing_else_there_one_key_of_three_is_refused_too(self, world: World):
        team = Team(world)
        team.publish(team.sign(NEW, 1, signers=COSIGNERS[:1]))
        with pytest.raises(NothingTrustedError, match="1 BelowThreshold"):
            world.read()

    def test_rule_t5_the_era_key_alone_publishes_nothing(self, world: World):
        team = Team(world)
        team.publish(team.sign(OLD, 1))
        world.network.publish(NEW)
        reading = world.read()
        assert (schedule(reading), names(reading)) == (OLD, ["Accepted", "Unextended"])

    def test_rule_t5_with_one_key_an_absurd_epoch_raises_an_alarm(self, knowing: World):
        knowing.network.publish({"t": 1, "x": 2**64 - 1})
        reading = knowing.read()
        assert schedule(reading) == {"t": 1, "x": 2**64 - 1}
        assert any("was the key stolen?" in alarm for alarm in reading.alarms)
        assert "absurd-epoch" in knowing.kinds()
        knowing.network.publish(NEW)  # the team takes it back: it is still in the future
        reading = knowing.read()
        assert (schedule(reading), [alarm for alarm in reading.alarms if "stolen" in alarm]) == (NEW, [])

    def test_rule_t5_with_one_key_a_short_notice_raises_an_alarm(self, knowing: World):
        knowing.network.publish({"t": 1, "p": 6})  # the first, which no node could miss
        assert knowing.read().alarms == ()
        knowing.network.spend(knowing.network.publish({"t": 1, "p": 6, "q": 7}))
        knowing.network.publish({"t": 1, "p": 6, "q": 6})
        assert any("less than 2 epochs of notice" in alarm for alarm in knowing.read().alarms)
        assert "short-notice" in knowing.kinds()

    def test_rule_t5_an_activation_that_was_published_long_ago_has_its_notice(self, knowing: World):
        network = knowing.network
        network.spend(network.publish({"t": 1}))
        scheduled = network.publish({"t": 1, "p": 10})
        knowing.read()
        network.spend(scheduled)
        network.chain.advance_to_epoch(9)
        repeated = network.publish({"t": 1, "p": 10, "q": None})  # another era is announced in the last epoch before
        reading = knowing.read()
        assert (schedule(reading), reading.alarms) == ({"t": 1, "p": 10, "q": None}, ())
        assert knowing.node().read().alarms == (), "with the same memory"
        network.spend(repeated)
        network.spend(network.publish({"t": 1, "t2": None}))  # cancelled, and brought back within the notice
        knowing.read()
        network.publish({"t": 1, "p": 10, "q": None, "r": None})
        assert "short-notice" not in knowing.kinds()
        assert [alarm for alarm in knowing.read().alarms if "less than 2 epochs of notice" in alarm] != []

    def test_rule_t6_the_highest_sequence_wins_wherever_it_is(self, world: World):
        team = Team(world)
        first = team.sign(OLD, 1)
        second = team.sign(NEW, 2, first)
        for extended in (first, second, first):
            team.publish(extended)
        reading = world.read()
        assert (schedule(reading), names(reading)) == (NEW, ["Accepted", "RolledBack", "RolledBack"])
        assert world.both() == NEW

    def test_rule_t6_a_lower_sequence_is_rolled_back_though_it_is_alone(self, bare: World):
        team = Team(bare)
        first = team.sign(OLD, 1)
        second = team.sign(NEW, 2, first)
        team.publish(second)
        bare.read()
        newest = bare.observer.datums(bare.network.address)[0]
        bare.network.spend(bare.chain.output(newest.transaction, newest.index))  # type: ignore[arg-type]
        team.publish(first)
        reading = bare.read()
        assert (schedule(reading), names(reading)) == (NEW, ["RolledBack"])
        assert reading.stale is not None

    def test_rule_t6_an_equivocation_leaves_what_was_trusted(self, world: World):
        team = Team(world)
        first = team.sign(OLD, 1)
        team.publish(first)
        world.read()
        for other in ({"t": 1, "p": 9}, {"t": 1, "q": 9}):
            team.publish(team.sign(other, 2, first))
        reading = world.read()
        if world.observer.capabilities == BARE:
            assert (schedule(reading), names(reading)) == (OLD, ["Accepted", "Equivocation", "Equivocation"])
        else:  # the one that was there first
            assert (schedule(reading), names(reading)) == (NEW, ["Accepted", "Equivocation", "RolledBack"])
        assert "conflict" in world.kinds()
        world.both()

    @pytest.mark.parametrize(
        ("changed", "verdict"), [({"network_magic": 1}, "WrongNetwork"), ({"address": "addr_test1x"}, "WrongAddress")]
    )
    def test_rule_t6_what_is_for_another_place(self, world: World, changed: dict[str, Any], verdict: str):
        team = Team(world)
        first = team.sign(OLD, 1)
        team.publish(first)
        team.publish(team.sign(NEW, 2, first, **changed))
        reading = world.read()
        assert (schedule(reading), names(reading)) == (OLD, ["Accepted", verdict])

    def test_rule_t6_past_its_expiry_it_stays_in_force_and_is_stale(self, world: World):
        team = Team(world)
        team.publish(team.sign(NEW, 1, expires_epoch=Epoch(6)))
        assert world.read().stale is None
        world.chain.advance_to_epoch(7)
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "expired with epoch 6" in reading.stale

    def test_rule_t6_the_ratchet_holds_for_many_keys_too(self, world: World):
        team = Team(world)
        first = team.sign({"t": 1, "p": 4}, 1)
        team.publish(first)
        assert world.both() == {"t": 1, "p": 4}
        second = team.sign({"t": 1, "p": 9}, 2, first)
        team.publish(second)
        reading = world.read()
        assert schedule(reading) == {"t": 1, "p": 4}
        assert names(reading) == ["Accepted", "Conflict"]
        team.publish(team.sign({"t": 1, "p": 4, "q": 9}, 3, second))
        assert schedule(world.read()) == {"t": 1, "p": 4, "q": 9}

    def test_rule_t6_a_fresh_node_holds_the_same_ratchet_where_history_is_known(self, network: Network):
        world = World(network)
        team = Team(world)
        first = team.sign({"t": 1, "p": 4}, 1)
        second = team.sign({"t": 1, "p": 9}, 2, first)
        third = team.sign({"t": 1, "p": 9, "q": 12}, 3, second)
        for extended in (first, second, third):
            team.publish(extended)
            assert world.both() == {"t": 1, "p": 4}
        assert names(world.fresh().read()) == ["Accepted", "Conflict", "Conflict"]

    def test_rule_t6_the_highest_sequence_is_remembered_without_the_extension(self, bare: World):
        team = Team(bare)
        first = team.sign(OLD, 1)
        second = team.sign(NEW, 5, first)
        team.publish(second)
        bare.read()
        bare.settings = {}
        bare.network.publish({"t": 1, "p": 9, "q": 12})
        assert schedule(bare.read()) == {"t": 1, "p": 9, "q": 12}
        bare.settings = {"extension": team.policy}
        bare.network.publish({"t": 1, "p": 9, "q": 12, "r": 14})
        for output in bare.chain.utxos(bare.network.address):
            if output.datum == encode_datum(second.to_bytes()).hex():
                bare.network.spend(output)
        team.publish(team.sign({"t": 1, "p": 9, "q": 12, "r": 14}, 3))
        reading = bare.read()
        assert schedule(reading) == {"t": 1, "p": 9, "q": 12}
        assert "RolledBack" in names(reading)

    def test_rule_t6_keys_change_by_the_old_and_the_new(self, world: World):
        team = Team(world)
        others = [SigningKey(bytes([n]) * 32) for n in range(7, 10)]
        keys = tuple(key.verification_key for key in others)
        first = team.sign(OLD, 1)
        rotated = team.sign(NEW, 2, first, [*COSIGNERS[:2], *others[:2]], keys=keys)
        later = team.sign({**NEW, "q": 12}, 3, rotated, others[1:], keys=keys)
        for extended in (first, rotated, later):
            team.publish(extended)
        assert world.both() == {**NEW, "q": 12}

    @pytest.mark.parametrize("reads", [0, 1, 2, 3])
    def test_rule_t6_a_payload_that_came_before_the_change_of_keys_it_needs(self, network: Network, reads: int):
        world = World(network)
        team = Team(world)
        others = [SigningKey(bytes([n]) * 32) for n in range(7, 10)]
        keys = tuple(key.verification_key for key in others)
        first = team.sign(OLD, 1)
        rotated = team.sign(NEW, 2, first, [*COSIGNERS[:2], *others[:2]], keys=keys)
        later = team.sign({**NEW, "q": 12}, 3, rotated, others[1:], keys=keys)
        for count, extended in enumerate((first, later, rotated)):
            team.publish(extended)
            if count < reads:
                world.read()
        assert world.both() == {**NEW, "q": 12}

    def test_rule_t6_the_policy_is_for_the_place_that_is_read(self, bare: World):
        bare.settings = {"extension": ExtensionPolicy(1, bare.network.address, (KEY.verification_key,), 1)}
        with pytest.raises(ConfigurationError, match="magic 42"):
            bare.policy()
