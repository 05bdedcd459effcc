"""Rule T10: nothing refused is silent."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_reader.trust.reading import NothingTrustedError
from era_store import open_store
from tests.chain_reader.conftest import OTHER_KEY, datum_of
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, names, schedule


class TestNothingIsSilent:
    """T10: every refused datum has a verdict, in the reading and in the event log."""

    def test_rule_t10_every_datum_has_a_verdict_and_a_reason(self, world: World):
        world.network.post_datum("d87980")
        world.network.post(NEW, OTHER_KEY)
        world.network.publish(OLD)
        world.network.publish(NEW)
        world.network.post(OLD)
        reading = world.read()
        assert len(reading.screened) == 5
        assert all(item.verdict.reason for item in reading.screened)

    def test_rule_t10_what_is_new_is_written_once(self, world: World, tmp_path: Path):
        world.store = open_store(str(tmp_path / "store.sqlite3"))
        for _ in range(3):
            world.network.post_datum("d87980")
        world.network.publish(OLD)
        assert [event.kind for event in world.read().events] == ["trusted", "junk"]
        assert world.store.events.read()[-1].facts == {"count": 3, "before": 0}
        for _ in range(3):
            world.chain.advance_slots(1)
            assert world.read().events == ()
        world.network.publish(NEW)
        world.read()
        assert "refused" in world.kinds()[2:]
        told = [event for event in world.store.events.read() if event.kind == "refused"]
        assert [event.facts["verdict"] for event in told] == ["Replayed" if _by_payload(world) else "Superseded"]
        assert {event.epoch for event in told} == {5}
        assert {event.time_s for event in told} == {1.0}
        world.store.close()

    def test_rule_t10_many_refusals_are_counted(self, bare: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("chain_reader.trust.reading.LISTED_EVENTS", 2)
        bare.network.publish(NEW)
        for _ in range(5):
            bare.network.post(OLD)
        bare.read()
        assert bare.kinds() == ["trusted", "legacy-differs", "refused", "refused", "refused-many"]
        assert bare.store.events.read()[-1].facts["verdicts"] == {"Replayed": 3}

    def test_rule_t10_with_nothing_trusted_the_error_counts_the_verdicts(self, world: World):
        world.network.post(NEW, OTHER_KEY)
        world.network.post_datum("d87980")
        with pytest.raises(NothingTrustedError, match="1 Malformed, 1 WrongSigner") as caught:
            world.read()
        assert caught.value.exit_code == 5
        assert caught.value.facts["verdicts"] == {"Malformed": 1, "WrongSigner": 1}
        assert names(caught.value.reading) == ["Malformed", "WrongSigner"]
        assert "verification key" in str(caught.value)

    def test_rule_t10_an_empty_address_is_told_from_one_with_refused_datums(self, world: World):
        with pytest.raises(NothingTrustedError, match="no datum at all") as caught:
            world.read()
        assert "the right network" in str(caught.value)

    def test_rule_t10_a_refusal_is_not_judged_again_after_a_restart(self, bare: World, monkeypatch: pytest.MonkeyPatch):
        bare.network.publish(NEW)
        bare.network.post(NEW, OTHER_KEY)
        bare.network.post_datum("d87980")
        first = bare.read()
        judged: list[Any] = []
        from datum import screening

        real = screening._screen
        monkeypatch.setattr(screening, "_screen", lambda texts, *how: judged.extend(texts) or real(texts, *how))
        assert bare.read().screened == first.screened
        forged = {item.output.datum for item in first.screened if item.verdict.name == "WrongSigner"}
        assert len(forged) == 1
        assert not forged & set(judged)

    def test_rule_t10_a_kept_verdict_belongs_to_the_datum(self, bare: World):
        junk = bare.network.post(OLD, OTHER_KEY)
        bare.network.publish(OLD)
        bare.read()
        bare.answer(
            "datums",
            lambda found: tuple(
                replace(output, datum=datum_of(NEW)) if output.transaction == junk.transaction else output
                for output in found
            ),
        )
        bare.chain.advance_slots(1)
        assert schedule(bare.read()) == NEW


def _by_payload(world: World) -> bool:
    return not world.observer.capabilities.inputs
