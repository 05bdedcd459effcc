"""Rule T1: what strangers leave at the address changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from chain_reader import DatumOutput, ReadLimitExceededError, ReadLimits
from tests.chain_reader.conftest import OTHER_KEY
from tests.chain_reader.knowing import Knowing
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, names, schedule

JUNK = ["d87980", "182a", "00", "9f" * 100 + "ff" * 100, "d8799f5840" + "7b" * 64 + "ff", "d8799f41ffff"]


class TestIsolation:
    """T1: each datum alone; an empty answer proves nothing; beyond a limit is stale."""

    def test_rule_t1_junk_never_spoils_a_reading(self, world: World):
        world.network.publish(NEW)
        for junk in JUNK:
            world.network.post_datum(junk)
        world.network.post(OLD, OTHER_KEY)
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is None
        assert names(reading) == ["Accepted", *["Malformed"] * len(JUNK), "WrongSigner"]

    def test_rule_t1_an_empty_answer_is_never_no_markers(self, world: World):
        world.network.publish(NEW)
        world.read()
        world.observer.change = lambda asked, answer: () if asked in ("datums", "history") else answer
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "reports nothing at the era address" in reading.stale
        for _ in range(2):
            world.chain.advance_slots(1)
            assert world.read().stale == reading.stale
        world.honest()
        assert world.read().stale is None
        assert world.kinds() == ["trusted", "stale", "legacy-differs", "fresh", "legacy-agrees"]

    def test_rule_t1_only_junk_is_never_no_markers(self, world: World):
        trusted = world.network.publish(NEW)
        world.network.post_datum("d87980")
        world.read()
        gone = trusted.transaction
        world.observer.change = lambda asked, answer: (
            tuple(output for output in answer if output.transaction != gone)
            if asked in ("datums", "history")
            else answer
        )
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "has vanished" in reading.stale

    def test_rule_t1_beyond_a_limit_is_stale(self, world: World):
        world.network.publish(NEW)
        world.read()

        def flooded(asked: str, answer: Any) -> Any:
            if asked in ("datums", "history"):
                raise ReadLimitExceededError("more pages than the limit")
            return answer

        world.observer.change = flooded
        reading = world.read()
        assert (schedule(reading), reading.stale) == (NEW, "more pages than the limit")

    def test_rule_t1_where_the_list_cannot_be_had_the_history_decides(self, world: World):
        """And the list is not asked for again at once, by another process either."""
        world.network.publish(NEW)
        world.answer("datums", lambda _: (_ for _ in ()).throw(ReadLimitExceededError("more pages than the limit")))
        knows = world.observer.capabilities
        if not (knows.history and knows.inputs):
            with pytest.raises(ReadLimitExceededError):
                world.read()
            return
        for asked in (1, 1):
            reading = world.node().read()
            assert (schedule(reading), reading.stale) == (NEW, None)
            assert [item.verdict.reason for item in reading.screened] == ["more pages than the limit"]
            assert world.observer.asked.count("datums") == asked
            world.network.chain.advance_slots(1)

    def test_rule_t1_a_history_beyond_the_limits_leaves_what_is_unspent(self, knowing: World):
        knowing.network.publish(OLD)
        knowing.network.publish(NEW)
        knowing.network.post(OLD)

        def too_long(_answer: Any) -> Any:
            raise ReadLimitExceededError("more transactions than the limit")

        knowing.answer("history", too_long)
        reading = knowing.read()
        assert (schedule(reading), reading.stale, reading.history) == (NEW, None, ())
        assert "more transactions than the limit" in reading.alarms

    def test_rule_t1_replays_beyond_the_limit_are_worked_off_reading_by_reading(self, knowing: World):
        knowing.network.publish(OLD)
        knowing.network.publish(NEW)
        for _ in range(9):
            knowing.network.post(OLD)
        knowing.settings = {"limits": ReadLimits(max_transactions=4)}
        node = knowing.fresh()
        for _ in range(2):
            with pytest.raises(ReadLimitExceededError, match="too many outputs"):
                node.read()
        assert schedule(node.read()) == NEW

    def test_rule_t1_of_very_many_outputs_only_the_newest_are_read(self, knowing: World):
        class Paged(Knowing):
            def datums_until(self, address: str, settled: Callable[[Any], bool]) -> tuple[DatumOutput, ...]:
                found: tuple[DatumOutput, ...] = ()
                for page in (self.datums(address)[start : start + 3] for start in range(0, 100, 3)):
                    found += page
                    if not page or settled(page):
                        break
                return found

        for _ in range(5):
            knowing.network.post_datum("d87980")
        knowing.network.publish(NEW)
        for _ in range(10):
            knowing.network.post_datum("d87980")
        knowing.observer = Paged(knowing.chain)
        whole = knowing.read()
        assert (schedule(whole), len(whole.screened), len(whole.history)) == (NEW, 16, 16)
        knowing.settings = {"whole_outputs": 6}
        reading = knowing.fresh().read()
        assert (schedule(reading), len(reading.screened), reading.history) == (NEW, 12, ())
        assert any("only the newest 12 outputs" in alarm for alarm in reading.alarms)
        knowing.settings = {"whole_outputs": 15}
        assert len(knowing.fresh().read().screened) == 16
