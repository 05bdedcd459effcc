"""Rule T7: providers that lag, lie or fail."""

from dataclasses import replace
from typing import Any

import pytest

from chain_reader import ChainTip
from eras import ChainReadError, Epoch, Slot
from tests.chain_reader.conftest import Network
from tests.chain_reader.knowing import ALL, Knowing
from tests.chain_reader.trusted_reader.world import KNOWS_HISTORY, NEW, OLD, World, schedule


class TestProviders:
    """T7: providers lie or lag."""

    def test_rule_t7_a_tip_far_behind_one_that_was_read_is_stale(self, world: World):
        world.network.publish(NEW)
        world.chain.advance_slots(1_000)
        world.read()
        world.answer("tip", lambda tip: replace(tip, slot=Slot(tip.slot - 400), height=tip.height - 1, block_hash="00"))
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "400 slots behind" in reading.stale

    def test_rule_t7_a_provider_that_lags_brings_no_old_payload_back(self, bare: World):
        old = bare.network.publish(OLD)
        before = bare.observer.tip(), bare.observer.datums(bare.network.address)
        bare.network.spend(old)
        bare.chain.advance_slots(1)
        bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        frozen = dict(zip(("tip", "datums"), before, strict=True))
        bare.observer.change = frozen.get
        reading = bare.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None

    def test_rule_t7_a_lagging_provider_of_history_takes_nothing_from_a_node_that_knows_little(self, bare: World):
        old = bare.network.publish(OLD)
        before = Knowing(bare.chain, ALL)
        frozen: dict[str, Any] = {
            "tip": before.tip(),
            "datums": before.datums(bare.network.address),
            "history": before.history(bare.network.address),
        }
        bare.network.spend(old)
        bare.chain.advance_slots(1)
        bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        bare.observer = Knowing(bare.chain, ALL, change=frozen.get)
        reading = bare.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None

    def test_rule_t7_a_tip_that_a_clock_calls_late_is_stale(self, world: World):
        world.network.publish(NEW)
        reading = world.node(tip_check=lambda tip: f"the tip is at slot {tip.slot}, an hour ago").read()
        assert (schedule(reading), reading.stale) == (NEW, "the tip is at slot 500, an hour ago")

    @pytest.mark.parametrize("question", ["tip", "epoch"])
    def test_rule_t7_one_lie_about_the_time_leaves_no_mark(self, world: World, question: str):
        """A provider that was once in the far future: what it said of slot and epoch must not outlive it."""
        old = world.network.publish(OLD)
        world.network.spend(old)
        scheduled = world.network.publish(NEW)
        lie = (lambda tip: replace(tip, slot=Slot(10**12))) if question == "tip" else (lambda _: Epoch(1_000))
        world.answer(question, lie)
        doubt = world.node(tip_check=lambda _: "ahead of the clock").read()
        assert (schedule(doubt), doubt.stale) == (NEW, "ahead of the clock")
        world.honest()
        world.network.spend(scheduled)
        world.network.publish({"t": 1, "p": 12})
        reading = world.node(tip_check=lambda _: None).read()
        assert (schedule(reading), reading.stale) == ({"t": 1, "p": 12}, None)

    def test_rule_t7_an_epoch_far_from_the_clocks_is_not_believed(self, world: World):
        world.network.publish(NEW)
        assert world.node().read(Epoch(6)).stale is None
        world.answer("epoch", lambda _: Epoch(100_000))
        reading = world.node().read(Epoch(6))
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "expected epoch 6, or one beside it, got epoch 100000" in reading.stale
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert stored.epoch == 5, "nothing is remembered of it"

    def test_rule_t7_a_provider_that_lies_about_the_order_brings_nothing_back(self, network: Network):
        for knows in KNOWS_HISTORY:
            world = World(network, knows)
            network.publish({"t": 1, "p": 8})
            network.publish(NEW)
            world.read()
            world.observer.change = lambda asked, answer: answer[::-1] if asked in ("datums", "history") else answer
            network.chain.advance_slots(1)
            reading = world.read()
            assert (schedule(reading), reading.stale) == (NEW, None), knows
            network.chain.rollback(3)
            network.funds = next(found for found in network.chain.utxos(network.address) if found.datum is None)

    def test_rule_t7_a_provider_that_lies_about_inputs_takes_nothing_away(self, knowing: World):
        knowing.network.publish(OLD)
        new = knowing.network.publish(NEW)
        knowing.read()
        knowing.chain.advance_slots(1)
        liar = Knowing(knowing.chain, ALL, "the liar")
        real = liar.input_addresses
        liar.input_addresses = (  # type: ignore[method-assign]
            lambda transaction: ("addr_test1x",) if transaction == new.transaction else real(transaction)
        )
        reading = knowing.node(liar).read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "spends nothing at the era address" in reading.stale
        assert knowing.read().stale is None

    def test_rule_t7_the_next_observer_is_asked_when_one_fails(self, world: World):
        world.network.publish(NEW)
        broken = Knowing(world.chain, ALL, "the broken one")
        broken.change = lambda _, __: (_ for _ in ()).throw(ChainReadError("broken"))
        reading = world.node(broken, world.observer).read()
        assert (schedule(reading), reading.stale) == (NEW, None)
        assert reading.provenance is not None
        assert "the provider" in reading.provenance.source

    def test_rule_t7_a_chain_that_rolls_back_meanwhile_is_read_again(self, world: World):
        world.network.publish(OLD)
        world.network.publish(NEW)
        rolled = []

        def roll_back(answer: Any) -> Any:
            if not rolled:
                rolled.append(world.chain.rollback(1))
            return answer

        world.answer("datums", roll_back)
        assert schedule(world.fresh().read()) == OLD

    def test_rule_t7_a_chain_that_never_stands_still_is_an_error(self, world: World):
        world.network.publish(NEW)
        heights = iter(range(1_000, 0, -1))
        world.answer("tip", lambda tip: ChainTip(tip.slot, next(heights), None))
        with pytest.raises(ChainReadError, match="changed while"):
            world.fresh().read()

    def test_rule_t7_at_an_unchanged_tip_nothing_else_is_asked(self, world: World):
        world.network.publish(NEW)
        world.network.post(OLD)
        node = world.node()
        first = node.read()
        world.observer.asked.clear()
        second = node.read()
        assert sorted(world.observer.asked) == ["epoch", "tip"]
        assert (second.markers, second.screened, second.events) == (first.markers, first.screened, ())
