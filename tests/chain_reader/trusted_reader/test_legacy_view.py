"""Rule T11: the view of deployed Mithril readers."""

import time
from types import SimpleNamespace

import pytest

from chain_reader import ReadLimitExceededError
from tests.chain_reader.conftest import OTHER_KEY, markers
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, schedule


class TestLegacyView:
    """T11: what a Mithril reader would make of the same outputs."""

    def test_rule_t11_no_alarm_where_it_is_the_same(self, world: World):
        world.network.publish(NEW)
        world.network.post(NEW)
        world.network.post(OLD, OTHER_KEY)
        reading = world.read()
        assert reading.legacy is not None
        assert (reading.legacy.differs, reading.legacy.words, reading.alarms) == (False, None, ())
        assert [verified.markers for verified in reading.legacy.possible] == [markers(NEW)]

    def test_rule_t11_an_old_payload_beside_the_trusted_one_raises_an_alarm(self, world: World):
        world.network.publish(NEW)
        world.network.post(OLD)
        reading = world.read()
        assert reading.legacy is not None
        assert reading.legacy.differs
        assert {verified.markers for verified in reading.legacy.possible} == {markers(NEW), markers(OLD)}
        assert reading.legacy.words is not None
        assert "[t at epoch 1] (current era t)" in reading.legacy.words
        assert reading.legacy.words in reading.alarms
        assert world.kinds().count("legacy-differs") == 1
        world.chain.advance_slots(1)
        world.read()
        assert world.kinds().count("legacy-differs") == 1

    def test_rule_t11_a_mithril_reader_that_would_find_nothing(self, knowing: World):
        knowing.network.spend(knowing.network.publish(NEW))
        reading = knowing.read()
        assert (schedule(reading), reading.alarms) == (NEW, ("a Mithril reader would find no markers",))
        knowing.network.publish(NEW)
        assert knowing.read().alarms == ()
        assert knowing.kinds()[-2:] == ["legacy-agrees", "refused"]

    @pytest.mark.parametrize("replayed", [False, True])
    def test_rule_t11_while_the_list_cannot_be_had_nothing_is_said_of_it(
        self, knowing: World, monkeypatch: pytest.MonkeyPatch, replayed: bool
    ):
        """Neither that a Mithril reader would find nothing, nor that it agrees now, nor anew that there is junk."""
        knowing.network.publish(NEW)
        knowing.network.post_datum("d87980")
        if replayed:
            knowing.network.post(OLD)
        node = knowing.node()
        before = node.read()
        told = knowing.kinds()
        assert ("legacy-differs" in told) is replayed
        knowing.answer("datums", lambda _: (_ for _ in ()).throw(ReadLimitExceededError("more than the limit")))
        knowing.chain.advance_slots(1)
        reading = node.read()
        assert (schedule(reading), reading.stale, reading.legacy) == (NEW, None, None)
        assert reading.alarms == ("the era address could not be read: more than the limit",)
        knowing.honest()
        knowing.chain.advance_slots(1)
        later = time.time() + 60
        monkeypatch.setattr("chain_reader.trust.transactions.time", SimpleNamespace(time=lambda: later))
        assert node.read().legacy == before.legacy
        assert knowing.kinds() == [*told, "refused"], "the list, as Unreadable"

    def test_rule_t11_the_same_schedule_in_another_order_is_the_same(self, bare: World):
        bare.network.publish({"t": 1, "p": 9})
        bare.network.post({"p": 9, "t": 1})
        legacy = bare.read().legacy
        assert legacy is not None
        assert (legacy.differs, len(legacy.possible)) == (False, 2)

    def test_rule_t11_many_other_schedules_are_counted(self, bare: World):
        bare.network.publish({"t": 1, "p": 9, "q": 20})
        for epoch in range(10, 15):
            bare.network.post({"t": 1, "x": epoch})
        legacy = bare.read().legacy
        assert legacy is not None
        assert legacy.words is not None
        assert "or one of 2 others" in legacy.words
