"""Rule T9: what was trusted stays in force."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_reader import EraReader
from era_store import MemoryStore, StoreDamagedError, StoredTrust, StoreFullError, open_store
from eras import ChainReadError, Epoch, StoreError
from tests.chain_reader.trusted_reader.world import NEW, World, schedule


class TestMemory:
    """T9: the schedule is remembered, not the era."""

    def test_rule_t9_a_switch_already_trusted_happens_though_every_provider_is_down(self, world: World):
        world.network.publish(NEW)
        node = world.node()
        reader = EraReader(node)
        assert reader.read_era_epoch_token(Epoch(5)).current.name == "t"
        world.silence()
        assert reader.read_era_epoch_token(Epoch(8)).current.name == "t"
        assert reader.read_era_epoch_token(Epoch(9)).current.name == "p"
        reading = node.read(Epoch(9))
        assert (reading.stale, reading.epoch, reading.legacy) == ("the line is dead", 9, None)
        assert world.kinds() == ["trusted", "stale"], "said once"

    def test_what_is_remembered_is_known_without_the_store(self, world: World):
        world.network.publish(NEW)
        node = world.node()
        assert node.trust.trusted is None, "nothing before the first reading"
        node.read()
        stored = world.store.trust.load(node.policy.key)
        assert stored is not None
        assert node.trust == replace(stored, version=0)
        world.silence()
        node.read()
        assert node.trust.stale == "the line is dead"

    def test_rule_t9_a_restart_without_a_provider(self, world: World, tmp_path: Path):
        world.store = open_store(str(tmp_path / "store.sqlite3"))
        world.network.publish(NEW)
        trusted = world.read()
        world.store.close()
        world.store = open_store(str(tmp_path / "store.sqlite3"))
        world.silence()
        reading = world.read()
        assert (schedule(reading), reading.stale) == (NEW, "the line is dead")
        assert reading.provenance is not None
        assert trusted.provenance is not None
        assert reading.provenance == replace(trusted.provenance, source=reading.provenance.source)
        assert "what is remembered" in reading.provenance.source
        world.store.close()

    def test_kept_verdicts_are_loaded_once_for_what_decides_and_for_what_reads(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        world.network.publish(NEW)
        load, loaded = world.store.verdicts.load, []
        monkeypatch.setattr(world.store.verdicts, "load", lambda key: loaded.append(key) or load(key))
        node = world.node()
        node.read()
        node.read()
        assert len(loaded) == 1

    def test_rule_t9_with_nothing_trusted_the_error_of_the_provider_is_told(self, world: World):
        world.silence("the daily quota is used up")
        with pytest.raises(ChainReadError, match="daily quota") as caught:
            world.read()
        assert caught.value.exit_code == 5

    def test_rule_t9_what_cannot_be_written_is_in_force_and_remembered_by_the_process(self, world: World):
        class Full(MemoryStore):
            def __init__(self) -> None:
                super().__init__()
                self.trust.save = self._fail  # type: ignore[method-assign]

            def _fail(self, *_: Any, **__: Any) -> StoredTrust:
                raise StoreFullError("no room")

        world.network.publish(NEW)
        world.store = Full()
        node = world.node()
        reading = node.read()
        assert (schedule(reading), reading.stale) == (NEW, None)
        assert any("could not be remembered: no room" in alarm for alarm in reading.alarms)
        world.silence()
        reading = node.read()
        assert (schedule(reading), reading.stale) == (NEW, "the line is dead")

    def test_rule_t9_a_store_that_cannot_be_read_is_an_error_only_at_the_start(self, world: World):
        world.network.publish(NEW)
        node = world.node()
        node.read()

        def broken(_key: Any) -> Any:
            raise StoreDamagedError("the file is damaged")

        world.store.trust.load = broken  # type: ignore[method-assign]
        assert schedule(node.read()) == NEW
        with pytest.raises(StoreError, match="is damaged"):
            world.node().read()
