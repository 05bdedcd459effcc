"""Rule T2: an output counts when the owner of the era address published it."""

from pathlib import Path

import pytest
from pycardano import TransactionInput

from chain_reader.trust.reading import NothingTrustedError
from era_store import open_store
from tests.chain_reader.conftest import OTHER_KEY, Network, Schedule, datum_of
from tests.chain_reader.knowing import ALL, BARE, Knowing
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, names, schedule
from tests.local_chain_faces.wallet import Wallet


class TestProvenance:
    """T2: an output counts when its transaction spends at the era address."""

    @pytest.mark.parametrize("knows", ["inputs", "all"])
    def test_rule_t2_a_replay_gains_nothing_before_after_or_many_times(self, network: Network, knows: str):
        world = World(network, knows)
        network.post(OLD)  # before anything was published
        with pytest.raises(NothingTrustedError, match="1 Impostor"):
            world.fresh().read()
        network.publish(OLD)
        network.publish(NEW)
        for _ in range(5):
            network.post(OLD)
        reading = world.read()
        assert schedule(reading) == NEW
        assert names(reading) == ["Accepted", *["Impostor"] * 6, "Superseded"]
        network.post(NEW)
        assert world.both() == NEW

    def test_rule_t2_a_payload_of_a_sister_network_with_the_same_key_is_an_impostor(self, knowing: World):
        knowing.network.publish(OLD)
        knowing.read()
        knowing.network.post({"t": 1, "p": 6})  # what the team signed for another network
        assert knowing.both() == OLD
        assert names(knowing.read()) == ["Accepted", "Impostor"]

    def test_rule_t2_reference_inputs_and_payments_to_the_address_prove_nothing(self, knowing: World):
        knowing.network.publish(NEW)
        stranger = Wallet.new()
        funds = knowing.chain.fund(stranger.address, 100_000_000)
        referred = TransactionInput.from_primitive([knowing.network.funds.transaction, knowing.network.funds.index])
        knowing.chain.submit(
            stranger.pay(funds, knowing.network.address, 5_000_000, datum=datum_of(OLD), reference_inputs=[referred])
        )
        reading = knowing.read()
        assert schedule(reading) == NEW
        assert names(reading) == ["Accepted", "Impostor"]

    def test_rule_t2_the_newest_of_the_team_wins_even_when_it_cancels(self, knowing: World):
        for published in (OLD, NEW, OLD):
            knowing.network.publish(published)
            assert knowing.both() == published
        knowing.network.post(NEW)
        assert knowing.both() == OLD
        stored = knowing.store.trust.load(knowing.policy().key)
        assert stored is not None
        assert [payload.superseded for payload in stored.payloads] == [False, True]

    def test_rule_t2_an_announcer_publishes_the_first_payload_and_no_other(self, knowing: World):
        announcer = Wallet.new()
        funds = knowing.chain.fund(announcer.address, 100_000_000)

        def announce(published: Schedule) -> None:
            nonlocal funds
            sent = announcer.pay(funds, knowing.network.address, 5_000_000, datum=datum_of(published))
            change = knowing.chain.output(knowing.chain.submit(sent), 1)
            assert change is not None
            funds = change

        announce(OLD)
        with pytest.raises(NothingTrustedError):
            knowing.read()
        knowing.settings = {"announcers": (announcer.address,)}
        assert knowing.both() == OLD
        announce(NEW)
        assert knowing.both() == OLD
        assert names(knowing.read()) == ["Accepted", "Impostor"]
        knowing.network.publish(NEW)
        assert knowing.both() == NEW

    def test_rule_t2_a_better_observer_takes_back_what_a_bare_one_was_fooled_into(self, network: Network):
        world = World(network, "bare")
        network.publish(OLD)
        network.post({"t": 1, "p": 6})
        assert schedule(world.read()) == {"t": 1, "p": 6}
        world.observer = Knowing(network.chain, ALL)
        assert world.both() == OLD
        assert "distrusted" not in world.kinds(), "what is dropped was still in the future"

    def test_rule_t2_that_another_past_was_trusted_is_told(self, network: Network):
        world = World(network, "bare")
        network.post({"t": 2})
        assert schedule(world.read()) == {"t": 2}
        network.publish(OLD)
        world.observer = Knowing(network.chain, ALL)
        assert world.both() == OLD
        assert "distrusted" in world.kinds()

    def test_rule_t2_an_impostor_is_one_to_a_bare_observer_too_once_it_was_told(self, knowing: World, tmp_path: Path):
        knowing.store = open_store(str(tmp_path / "store.sqlite3"))
        knowing.network.publish(OLD)
        knowing.network.post({"t": 1, "p": 6})
        assert names(knowing.read()) == ["Accepted", "Impostor"]
        knowing.observer = Knowing(knowing.chain, BARE)
        reading = knowing.read()
        assert (schedule(reading), names(reading)) == (OLD, ["Accepted", "Impostor"])
        assert schedule(knowing.fresh().read()) == {"t": 1, "p": 6}, "this is what is left to trust"

    def test_rule_t2_inputs_are_asked_for_only_where_a_signature_is_true_and_once(self, knowing: World):
        knowing.network.publish(NEW)
        knowing.network.post(OLD)
        knowing.network.post(OLD, OTHER_KEY)
        knowing.network.post_datum("d87980")
        node = knowing.node()
        for _ in range(3):
            knowing.chain.advance_slots(1)
            node.read()
        assert knowing.observer.asked.count("inputs") == 2
