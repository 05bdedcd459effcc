"""Rule T4: a schedule that contradicts what has happened is never taken."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chain_reader import DatumOutput
from chain_reader.trust.policy import Checkpoint
from datum import EraMarkersPayload, encode_datum
from era_store import open_store
from eras import ChainReadError, Epoch
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, datum_of, markers
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, names, schedule
from tests.errors import raising


class TestRatchet:
    """T4: what has happened stays, and what was superseded never wins again."""

    def test_rule_t4_an_old_payload_beside_its_successor_loses(self, world: World):
        world.network.publish(OLD)
        world.network.publish(NEW)
        world.network.post(OLD)
        assert world.both() == NEW

    def test_rule_t4_once_superseded_never_again_after_a_restart_too(self, bare: World, tmp_path: Path):
        bare.store = open_store(str(tmp_path / "store.sqlite3"))
        old = bare.network.publish(OLD)
        new = bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        bare.network.spend(old)
        bare.network.spend(new)
        bare.network.post(OLD)
        reading = bare.read()
        assert (schedule(reading), names(reading)) == (NEW, ["Replayed"])
        assert reading.stale is not None
        fooled = bare.fresh().read()
        assert schedule(fooled) == OLD, "this is what is left to trust"
        bare.store.close()

    def test_rule_t4_an_activation_that_has_happened_is_never_altered(self, bare: World):
        first = bare.network.publish({"t": 1, "p": 4})
        bare.read()
        bare.network.spend(first)
        bare.network.publish({"t": 2, "p": 4})
        reading = bare.read()
        assert schedule(reading) == {"t": 1, "p": 4}
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]
        assert "conflict" in bare.kinds()
        assert any("Conflict" in alarm for alarm in reading.alarms)

    def test_rule_t4_two_that_contradict_each_other_leave_the_trusted_one(self, bare: World):
        bare.network.publish(NEW)
        bare.read()
        bare.network.publish({"t": 1, "p": 12})
        reading = bare.read()
        assert schedule(reading) == NEW
        assert len(reading.conflicts) == 1
        assert reading.stale is None

    def test_rule_t4_a_cancellation_on_a_bare_set_is_a_new_payload(self, bare: World):
        def publish(listed: Sequence[tuple[str, int | None]]) -> Any:
            from eras import EraMarker

            content = EraMarkersPayload(tuple(EraMarker(name, epoch) for name, epoch in listed)).sign(KEY)  # type: ignore[arg-type]
            return bare.network.post_datum(encode_datum(content.to_bytes()).hex())

        old = bare.network.publish(OLD)
        bare.read()
        bare.network.spend(old)
        new = bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        bare.network.spend(new)
        bare.network.post(OLD)  # the same payload as at first: whoever holds a copy can do that
        assert schedule(bare.read()) == NEW
        publish([("t", 1), ("t", 1)])  # the same schedule, signed anew
        assert schedule(bare.read()) == OLD

    def test_rule_t4_memory_belongs_to_key_network_and_address(self, bare: World):
        bare.network.publish(NEW)
        bare.read()
        for other in ({"network_magic": 1}, {"keys": (KEY.verification_key, OTHER_KEY.verification_key)}):
            bare.settings = other
            bare.silence()
            with pytest.raises(ChainReadError):
                bare.read()

    def test_rule_t4_the_high_water_mark_is_remembered(self, world: World):
        world.network.publish({"t": 1, "p": 4, "q": 9})
        world.read()
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert (stored.activation, stored.epoch) == (markers({"p": 4})[0], 5)
        world.chain.advance_to_epoch(9)
        world.read()
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert (stored.activation, stored.epoch) == (markers({"q": 9})[0], 9)

    @pytest.mark.parametrize("knows", ["inputs", "all", "history"])
    def test_rule_t4_what_has_happened_on_this_node_is_not_undone_by_a_payload_of_an_earlier_date(
        self, network: Network, knows: str
    ):
        world = World(network, knows)
        network.publish(OLD)
        funds, height = network.funds, network.chain.tip().height
        network.publish(NEW)
        network.chain.advance_to_epoch(9)
        assert schedule(world.read()) == NEW
        network.chain.rollback(network.chain.tip().height - height)
        network.funds = funds
        network.publish({"t": 1, "p": 12})
        network.chain.advance_to_epoch(10)
        reading = world.read()
        assert schedule(reading) == NEW
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]

    def test_rule_t4_a_checkpoint_helps_a_first_start(self, bare: World):
        new = bare.network.publish(NEW)
        output = bare.observer.datums(bare.network.address)[0]
        text = Checkpoint(output, Epoch(5)).to_json()
        bare.network.spend(new)
        bare.network.post({"t": 2})  # a thief's: another past
        assert schedule(bare.fresh().read()) == {"t": 2}
        bare.settings = {"checkpoint": Checkpoint.from_json(text)}
        reading = bare.fresh().read()
        assert schedule(reading) == NEW
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]
        bare.silence()
        assert schedule(bare.fresh().read()) == NEW

    def test_rule_t4_a_checkpoint_is_only_where_reading_begins(self, knowing: World):
        knowing.network.publish(OLD)
        (output,) = knowing.observer.datums(knowing.network.address)
        knowing.settings = {"checkpoint": Checkpoint(output, Epoch(5))}
        knowing.network.publish(NEW)
        assert knowing.both() == NEW

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"epoch":1}', '{"epoch":-1}', "nonsense", "[" * 100_000])
    def test_rule_t4_a_checkpoint_that_is_none(self, text: str):
        with raising("CheckpointInvalid", match="checkpoint of the release"):
            Checkpoint.from_json(text)

    def test_rule_t4_a_checkpoint_that_the_key_did_not_sign(self, bare: World):
        output = DatumOutput("00" * 32, 0, datum_of(NEW, OTHER_KEY), 1)
        bare.settings = {"checkpoint": Checkpoint(output, Epoch(5))}
        with raising("CheckpointInvalid", match="not signed"):
            bare.fresh().read()
