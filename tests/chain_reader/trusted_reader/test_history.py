"""Rule T3: the order of publications, from the history of the address."""

import pytest

from tests.chain_reader.conftest import Network, Schedule
from tests.chain_reader.trusted_reader.world import KNOWS_HISTORY, NEW, OLD, World, names


class TestHistory:
    """T3: payloads count where they first appeared."""

    def test_rule_t3_later_copies_gain_nothing(self, network: Network):
        world = World(network, "history")
        for published in (OLD, NEW):
            network.publish(published)
            network.post(OLD)
            assert world.both() == published
        assert names(world.read()) == ["Accepted", "Replayed", "Replayed", "Replayed"]
        network.post(NEW)
        assert world.both() == NEW

    def test_rule_t3_a_move_and_a_cancellation_as_new_payloads(self, network: Network):
        world = World(network, "history")
        before: list[Schedule] = []
        for published in (OLD, NEW, {"t": 1, "p": 12}, {"q": None, "t": 1}):
            network.publish(published)
            before.append(published)
            for old in before:
                network.post(old)
            assert world.both() == published

    @pytest.mark.parametrize("knows", KNOWS_HISTORY)
    def test_rule_t3_what_was_spent_counts_still(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(OLD)
        network.spend(network.publish(NEW))
        assert world.both() == NEW
        reading = world.read()
        assert reading.stale is None
        assert [(item.output.spent, item.verdict.name) for item in reading.history] == [
            (True, "Accepted"),
            (False, "Replayed" if knows == "history" else "Superseded"),
        ]

    @pytest.mark.parametrize("knows", KNOWS_HISTORY)
    def test_rule_t3_a_postponement_that_a_sleeping_node_missed(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(NEW)
        world.read()
        network.chain.advance_to_epoch(7)
        network.publish({"t": 1, "p": 12})
        network.chain.advance_to_epoch(20)
        assert world.both() == {"t": 1, "p": 12}

    @pytest.mark.parametrize("knows", KNOWS_HISTORY)
    def test_rule_t3_a_payload_that_changes_the_past_is_refused_by_fresh_nodes_too(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(NEW)
        world.read()
        network.chain.advance_to_epoch(10)
        network.publish({"t": 1, "p": 12})
        assert world.both() == NEW
        reading = world.fresh().read()
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]
        network.publish({"t": 1, "p": 9, "q": 15})
        assert world.both() == {"t": 1, "p": 9, "q": 15}
