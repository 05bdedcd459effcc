"""What a reading writes, and when it does."""

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datum import EraMarkersPayload
from era_store import StoreDamagedError, open_store
from eras import ChainReadError
from tests import forked
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, datum_of, markers
from tests.chain_reader.trusted_reader.test_reader import READ_ONCE
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, schedule


class TestWriting:
    """State is written atomically, only after verification, and by several processes at once."""

    def test_a_store_is_never_trusted_without_its_signature(self, bare: World):
        bare.network.publish(NEW)
        bare.read()
        key = bare.policy().key
        stored = bare.store.trust.load(key)
        assert stored is not None
        assert stored.trusted is not None
        forged = replace(stored, trusted=replace(stored.trusted, datum=datum_of(OLD, OTHER_KEY)))
        bare.store.trust.save(key, forged, time_s=1.0)
        with pytest.raises(StoreDamagedError, match="not signed"):
            bare.read()

    def test_a_failing_reading_writes_nothing(self, world: World):
        world.network.publish(OLD)
        world.read()
        before = world.store.trust.load(world.policy().key)
        world.network.publish(NEW)
        knows = world.observer.capabilities
        needed = {"tip", "epoch", "datums", "history"} - ({"history"} if knows.inputs else set())
        needed -= {"datums"} if knows.inputs and knows.history else set()
        for question in needed:
            world.answer(question, lambda _: (_ for _ in ()).throw(ChainReadError("gone")))
            if question in world.observer.asked:
                assert schedule(world.read()) == OLD
                after = world.store.trust.load(world.policy().key)
                assert before is not None
                assert after is not None
                assert replace(after, stale=None, version=0) == replace(before, stale=None, version=0)

    @pytest.mark.parametrize("question", ["history", "inputs", "block"])
    def test_rule_t1_what_can_be_done_without_ends_no_reading(
        self, knowing: World, question: str, monkeypatch: pytest.MonkeyPatch
    ):
        knowing.network.publish(OLD)
        knowing.read()
        knowing.network.publish(NEW)
        knowing.answer(question, lambda _: (_ for _ in ()).throw(ChainReadError("gone")))
        reading = knowing.read()
        assert schedule(reading) == (OLD if question == "inputs" else NEW)
        assert reading.stale is None
        knowing.honest()
        later_s = time.time() + 11  # what could not be had is asked for again after 10 s
        monkeypatch.setattr("chain_reader.trust.transactions.time", SimpleNamespace(time=lambda: later_s))
        assert schedule(knowing.read()) == NEW

    def test_a_writer_that_was_overtaken_decides_anew(self, world: World):
        world.network.publish(OLD)
        node, other = world.node(), world.node()
        node.read()
        other.read()
        world.network.publish(NEW)
        real = world.store.trust.load
        overtaken = []

        def overtake(key: Any) -> Any:
            found = real(key)
            if not overtaken:
                overtaken.append(True)
                other.read()
            return found

        world.store.trust.load = overtake  # type: ignore[method-assign]
        assert schedule(node.read()) == NEW
        assert world.kinds().count("trusted") == 2

    def test_every_payload_is_remembered_with_where_it_first_appeared(self, world: World):
        first = world.network.publish(OLD)
        world.read()
        world.network.publish(NEW)
        world.network.post(OLD)
        world.read()
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert len(stored.payloads) == 2
        old = next(payload for payload in stored.payloads if payload.reference == f"{first.transaction}#{first.index}")
        assert old.superseded
        world.network.spend(first)
        world.network.post(OLD)
        world.read()
        again = world.store.trust.load(world.policy().key)
        assert again is not None
        assert [payload.reference for payload in again.payloads] == [payload.reference for payload in stored.payloads]
        assert (old.slot, old.height) == (
            (first.slot, first.block_height) if world.observer.capabilities.slots else (None, None)
        )
        assert (old.seen_epoch, old.seen_height) == (5, first.block_height)
        assert EraMarkersPayload.from_bytes(old.content).markers == markers(OLD)

    def test_no_more_payloads_are_remembered_than_a_thief_should_fill_a_disk_with(
        self, bare: World, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("chain_reader.trust.memory.MAX_PAYLOADS", 3)
        for epoch in range(9, 15):
            bare.network.post({"t": 1, "p": epoch})
        bare.read()
        stored = bare.store.trust.load(bare.policy().key)
        assert stored is not None
        assert len(stored.payloads) == 3

    def test_a_node_that_is_killed_while_it_reads_trusts_the_old_or_the_new(self, network: Network, tmp_path: Path):
        network.publish(OLD)
        code = READ_ONCE.format(
            chain=str(network.chain.path), store=str(tmp_path / "store"), address=network.address, key=KEY.seed.hex()
        )
        assert forked.run(code, "0").returncode == 0
        network.publish(NEW)
        counts = []
        for moment in range(1, 100):
            ended = forked.run(code, str(moment)).returncode
            with open_store(str(tmp_path / "store")) as store:
                world = World(network)
                stored = store.trust.load(world.policy().key)
                assert stored is not None
                assert stored.trusted is not None
                counts.append(len(stored.trusted.markers))
                told = [event.kind for event in store.events.read()].count("trusted")
                assert told == counts[-1], "the event is there if and only if the state is"
            if ended == 0:
                break
        assert ended == 0, "the process was killed at every statement, and then not"
        assert counts == sorted(counts)
        assert (counts[0], counts[-1]) == (1, 2)
