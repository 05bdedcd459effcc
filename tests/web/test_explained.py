"""The event log of a service: everything that was read is in it, and a replay makes every decision again."""

from chain_reader import Replay
from era_store import EventFilter, verified
from eras import ChainReadError, Epoch
from tests.web.world import ANNOUNCED, SCHEDULED


def replayed(store):
    replay = Replay()
    return replay, replay.run(verified(store.events.lines(), store.events.head().base_hash))


def test_a_replay_makes_every_decision_of_a_service_again(any_world):
    any_world.publish(ANNOUNCED)
    any_world.stage.forge([ANNOUNCED[0]])
    any_world.publish(SCHEDULED)
    any_world.enter(4)
    any_world.read()
    store = any_world.service.store
    replay, difference = replayed(store)
    assert difference is None
    assert replay.done.inputs == 5, "as often as it read"
    unexplained = [event.kind for event in store.events.read(only=EventFilter(roles=("decision",))) if not event.cause]
    assert set(unexplained) <= {"gate-crossed"}
    assert {"announced", "refused", "scheduled", "activated"} <= set(any_world.kinds())


def test_a_service_that_starts_anew_goes_on_and_tells_nothing_twice(any_world):
    any_world.publish(SCHEDULED)
    any_world.enter(4)
    told = [kind for kind in any_world.kinds() if kind not in ("started", "observer-answered")]
    any_world.service.let_go()  # as at its end
    any_world.read()
    assert [kind for kind in any_world.kinds() if kind not in ("started", "observer-answered")] == told
    replay, difference = replayed(any_world.service.store)
    assert difference is None
    assert replay.done.snapshots == 1, "it began with the state that the one before had"


def test_no_provider_is_an_input_too(world, monkeypatch):
    world.publish(SCHEDULED)

    def fail(*_):
        raise ChainReadError("The provider is down")

    with monkeypatch.context() as down:
        down.setattr("chain_reader.node.source.EvidenceSource.gather", fail)
        world.read()
        assert world.service.era_status().stale is not None
    world.read()
    kinds = world.kinds()
    assert kinds[-6:] == [
        "observer-failed",
        "stale",
        "provider-failed",
        "observer-answered",
        "fresh",
        "provider-answered",
    ]
    failed = next(event for event in world.service.store.events.read() if event.kind == "observer-failed")
    assert failed.facts["code"] == "ChainRead"
    assert "local chain" in failed.facts["source"]
    assert replayed(world.service.store)[1] is None


def test_the_page_of_events_has_what_happened_and_not_what_was_read(world):
    world.publish(ANNOUNCED)
    kinds = [event["kind"] for event in world.client.get("/events").json()["events"]]
    assert "announced" in kinds
    assert not {"started", "observer-answered"} & set(kinds)
    assert "observer-answered" in world.kinds()


def test_a_provider_far_from_the_clock_is_not_believed(world, monkeypatch):
    reader = world.service._reader
    assert reader is not None
    monkeypatch.setattr(reader, "_clock_epoch", lambda: Epoch(50))
    found = reader.read()
    assert found.reading is not None
    assert "the epoch is not that of the clock" in found.reading.stale
    assert found.epoch == 50, "what is remembered holds at the epoch of the clock"
