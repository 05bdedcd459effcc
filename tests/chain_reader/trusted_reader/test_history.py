"""Rule T3: the order of publications, from the history of the address."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chain_reader import DatumOutput
from chain_reader.ports import ScreenedOutput
from chain_reader.trust.screening import RememberedScreening
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


def test_an_output_that_is_unspent_is_screened_once_where_the_history_is_read_too(
    knowing: World, monkeypatch: pytest.MonkeyPatch
):
    knowing.network.spend(knowing.network.publish(OLD))
    knowing.network.publish(NEW)
    screen, screened = RememberedScreening.screen, []

    def counted(self: RememberedScreening, outputs: Sequence[DatumOutput]) -> tuple[ScreenedOutput, ...]:
        screened.extend([output.reference for output in outputs])
        return screen(self, outputs)

    monkeypatch.setattr(RememberedScreening, "screen", counted)
    reading = knowing.node().read()
    assert sorted(screened) == sorted(item.output.reference for item in reading.history)
    assert [item.output.spent for item in reading.history] == [False, True]
    assert reading.screened[0].output is reading.history[0].output


def test_a_history_that_shows_another_datum_of_an_unspent_output_is_judged_by_that_one(knowing: World):
    knowing.network.publish(NEW)
    knowing.answer("history", lambda outputs: tuple(replace(output, datum="00") for output in outputs))
    reading = knowing.fresh().refresh()
    assert reading.markers == ()
    assert [item.verdict.name for item in reading.history] == ["Malformed"]
