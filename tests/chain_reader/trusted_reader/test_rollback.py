"""Rule T8: blocks that are rolled back."""

import pytest

from chain_reader.trust.reading import NothingTrustedError
from tests.chain_reader.conftest import Network
from tests.chain_reader.knowing import BARE, HISTORY
from tests.chain_reader.trusted_reader.world import KNOWS, NEW, OLD, World, names, schedule


class TestRollback:
    """T8: confirmations, and what vanishes."""

    @pytest.mark.parametrize("knows", KNOWS)
    def test_rule_t8_a_payload_counts_once_it_is_deep_enough(self, network: Network, knows: str):
        world = World(network, knows)
        world.settings = {"confirmations": 3}
        network.publish(OLD)
        for _ in range(3):
            network.chain.advance_slots(1)
        assert schedule(world.read()) == OLD
        network.publish(NEW)
        for depth in range(3):
            reading = world.read()
            assert schedule(reading) == OLD
            assert "Unconfirmed" in names(reading)
            assert f"{depth} of 3 blocks" in str([item.verdict.reason for item in reading.screened])
            network.chain.advance_slots(1)
        assert schedule(world.read()) == NEW

    @pytest.mark.parametrize("knows", ["inputs", "all", "history"])
    def test_rule_t8_with_nothing_trusted_the_error_tells_how_deep(self, network: Network, knows: str):
        world = World(network, knows)
        world.settings = {"confirmations": 3}
        network.publish(OLD)
        with pytest.raises(NothingTrustedError, match="1 Unconfirmed"):
            world.read()

    def test_rule_t8_a_bare_set_tells_no_depth_to_a_fresh_node(self, bare: World):
        bare.settings = {"confirmations": 3}
        bare.network.publish(OLD)
        assert schedule(bare.read()) == OLD

    def test_rule_t8_what_was_rolled_back_has_to_become_deep_anew(self, bare: World):
        bare.settings = {"confirmations": 3}
        bare.network.publish(OLD)
        bare.read()
        bare.network.publish(NEW)
        bare.read()
        bare.chain.rollback(1)
        for _ in range(3):
            bare.chain.advance_slots(1)
        assert schedule(bare.read()) == OLD
        bare.network.funds = next(output for output in bare.chain.utxos(bare.network.address) if output.datum is None)
        bare.network.publish(NEW)
        assert schedule(bare.read()) == OLD

    def test_rule_t8_a_marker_that_vanishes_leaves_the_trusted_one(self, world: World):
        world.network.publish(OLD)
        world.network.publish(NEW)
        assert schedule(world.read()) == NEW
        world.chain.rollback(1)
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "has vanished" in reading.stale
        assert names(reading) == ["Replayed"] if world.observer.capabilities in (BARE, HISTORY) else ["Superseded"]

    @pytest.mark.parametrize("knows", ["inputs", "all", "history"])
    def test_rule_t8_after_a_rollback_what_is_published_anew_takes_its_place(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(OLD)
        funds = network.funds
        network.publish(NEW)
        world.read()
        network.chain.rollback(1)
        world.read()
        network.funds = funds
        network.publish({"t": 1, "p": 12})
        reading = world.read()
        assert (schedule(reading), reading.stale) == ({"t": 1, "p": 12}, None)
        assert schedule(world.fresh().read()) == {"t": 1, "p": 12}

    def test_rule_t8_the_same_payload_in_another_block_is_the_same(self, world: World):
        world.network.publish(OLD)
        funds = world.network.funds
        world.network.publish(NEW)
        world.read()
        world.chain.rollback(1)
        world.chain.advance_slots(3)
        world.network.funds = funds
        world.network.publish(NEW)
        reading = world.read()
        assert (schedule(reading), reading.stale) == (NEW, None)
