"""The event log by pages and as a stream."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager

import pytest
import requests

from era_service.service.changes import EVENTS
from era_service.web import stream as streams
from eras import StoreError
from tests.web.world import ANNOUNCED, SCHEDULED, World


class Listener:
    """What comes out of the event stream, read in a thread.

    Args:
        url: of the service.
        after: the id to go on after.
    """

    def __init__(self, url: str, after: int | None = None) -> None:
        headers = {} if after is None else {"last-event-id": str(after)}
        self.response = requests.get(f"{url}/events/stream", headers=headers, stream=True, timeout=30)
        self.lines: list[str] = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            for line in self.response.iter_lines(chunk_size=1, decode_unicode=True):
                self.lines.append(line)
        except (requests.RequestException, AttributeError, ValueError):
            pass  # closed from here, or by the service

    @property
    def events(self) -> list[tuple[int, str, dict]]:
        """Id, kind and document of every event so far."""
        lines = list(self.lines)
        found = []
        for number, line in enumerate(lines):
            if line.startswith("id: ") and len(lines) > number + 3:
                document = json.loads(lines[number + 2].removeprefix("data: "))
                found.append((int(line[4:]), lines[number + 1].removeprefix("event: "), document))
        return found

    def wait_for(self, holds, seconds=60.0):
        """Wait until ``holds(events)``."""
        until = time.monotonic() + seconds
        while not holds(self.events):
            assert time.monotonic() < until, self.lines
            time.sleep(0.01)
        return self.events


@contextmanager
def listening(world, after=None):
    listener = Listener(world.client.url, after)
    try:
        yield listener
    finally:
        listener.response.close()
        listener.thread.join(timeout=60)


def kinds_of(events):
    return [kind for _, kind, _ in events]


def test_pages_of_the_log_follow_each_other(any_world):
    any_world.publish(ANNOUNCED)
    any_world.publish(SCHEDULED)
    every = any_world.client.get("/events").json()["events"]
    seen, after = [], 0
    while page := any_world.client.get(f"/events?after={after}&limit=2").json()["events"]:
        assert len(page) <= 2
        seen, after = seen + page, page[-1]["id"]
    assert seen == every
    assert {"trusted", "era-known", "announced", "scheduled"} <= {event["kind"] for event in every}
    assert any_world.client.get("/events?after=999999").json() == {"events": [], "next": 999999}


def test_a_switch_is_told_as_it_happens(any_world):
    any_world.publish(SCHEDULED)
    with listening(any_world) as listener:
        assert listener.response.headers["content-type"].startswith("text/event-stream")
        assert listener.response.headers["cache-control"] == "no-store"
        assert listener.response.headers["x-accel-buffering"] == "no"
        assert listener.response.headers["era-id"]
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        any_world.enter(4)
        events = listener.wait_for(lambda events: "activated" in kinds_of(events))
        assert kinds_of(events)[-1] == "activated"
        document = events[-1][2]
        assert (document["facts"]["era"], document["epoch"], document["id"]) == ("lagrange", 4, events[-1][0])


def test_who_comes_back_gets_what_was_missed_and_nothing_twice(world):
    world.publish(ANNOUNCED)
    with listening(world, after=0) as listener:
        first = listener.wait_for(lambda events: "announced" in kinds_of(events))
    world.publish(SCHEDULED)
    world.stage.forge([ANNOUNCED[0]])
    world.read()
    with listening(world, after=first[-1][0]) as listener:
        second = listener.wait_for(lambda events: "refused" in kinds_of(events) and "scheduled" in kinds_of(events))
        world.enter(4)
        second = listener.wait_for(lambda events: "activated" in kinds_of(events))
    every = [event.id for event in world.service.store.events.read(only=streams.TOLD)]
    assert [number for number, _, _ in first + second] == every


def test_who_is_far_behind_gets_all_of_it(world, monkeypatch):
    monkeypatch.setattr(streams, "PAGE", 7)
    events = world.service.store.events
    for number in range(streams.KEPT_FRAMES + 30):
        events.append("test", {"number": number}, time_s=1.0)
    last = events.read()[-1].id
    with listening(world, after=last - 1) as listener:
        listener.wait_for(lambda events: events and events[-1][0] == last)
    with listening(world, after=3) as listener:
        found = listener.wait_for(lambda events: events and events[-1][0] == last)
        events.append("test", {"number": -1}, time_s=1.0)
        found = listener.wait_for(lambda events: events[-1][0] > last)
    assert [number for number, _, _ in found] == [event.id for event in events.read(after=3)]


def test_a_page_has_an_entry_once_the_reading_it_is_of_is_in_force(world, monkeypatch):
    done, under_way, may_end = [], threading.Event(), threading.Event()

    def settle():
        under_way.set()
        assert may_end.wait(60)
        done.append("in force")

    def ask():
        found = world.client.get("/events").json()["events"][-1]["kind"]
        done.append(found)

    monkeypatch.setattr(world.service, "settle", settle)
    world.service.store.events.append("test", {}, time_s=1.0)
    asking = threading.Thread(target=ask)
    asking.start()
    assert under_way.wait(60)
    may_end.set()
    asking.join(60)
    assert done == ["in force", "test"]


def test_what_was_read_to_find_out_is_not_told(world):
    from era_store import NewEvent

    with listening(world) as listener:
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        world.service.store.events.record([NewEvent("observed", {}, role="input"), NewEvent("test", {})], time_s=1.0)
        assert kinds_of(listener.wait_for(lambda events: events)) == ["test"]


def test_another_process_that_writes_is_heard_too(any_world):
    other = any_world.new_service()
    try:
        with listening(any_world) as listener:
            listener.wait_for(lambda _: "retry: 2000" in listener.lines)
            other.store.events.append("test", {}, time_s=1.0)
            listener.wait_for(lambda events: kinds_of(events) == ["test"])
    finally:
        other.close()


def test_signs_of_life_keep_a_silent_stream_open(tmp_path):
    with World(tmp_path, service={"heartbeat_s": 0.05}) as world, listening(world) as listener:
        listener.wait_for(lambda _: listener.lines.count(": still here") > 3)


def test_there_are_no_more_listeners_than_may_be(tmp_path):
    with World(tmp_path, service={"max_streams": 1}) as world:
        with listening(world):
            answer = world.client.get("/events/stream")
            assert (answer.status_code, answer.json()["code"]) == (503, "TooManyListeners")
            assert answer.headers["retry-after"] == "30"
        until = time.monotonic() + 30
        while True:
            with listening(world) as listener:
                if listener.response.status_code == 200:
                    break
            assert time.monotonic() < until, "a listener that left makes room"
            time.sleep(0.05)


def test_a_stream_without_its_body_would_never_end(still_world):
    answer = still_world.client.head("/events/stream")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_what_is_no_id_is_refused(still_world):
    assert still_world.client.get("/events/stream", headers={"last-event-id": "x"}).status_code == 422


def test_ending_the_stream_ends_every_listener(world):
    from era_service.web import create_app
    from tests.web.world import serving

    app = create_app(world.service)
    with serving(app) as url:
        listener = Listener(url)
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        app.stream.end()
        listener.thread.join(timeout=60)
        assert not listener.thread.is_alive()
        listener.response.close()


def test_changes_are_told_across_threads_and_a_listener_that_fails_is_left_out(caplog):
    from era_service.service.changes import Changes

    changes, heard = Changes(), []

    async def hear():
        async with changes.subscribe() as told:
            threading.Thread(target=lambda: [changes.notify("a"), changes.notify("a"), changes.notify("b")]).start()
            async for kind in told:
                heard.append(kind)
                if kind == "b":
                    return

    changes.listen(lambda _: 1 / 0)
    asyncio.run(asyncio.wait_for(hear(), 10))
    assert heard[-1] == "b"
    assert set(heard) == {"a", "b"}
    assert "A listener to changes failed" in caplog.text
    changes.notify("c")  # nobody is left whose loop has gone


def test_an_epoch_that_begins_and_registrations_that_come_in_are_hinted_at(world, monkeypatch):
    from tests.web.world import registration

    monkeypatch.setattr(streams, "REGISTRATIONS_EVERY_S", 0.0)
    with listening(world) as listener:
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        world.enter(2)
        listener.wait_for(lambda _: 'data: {"epoch": 2}' in listener.lines)
        assert listener.events == [], "no era waits: that an epoch began is no entry of the log"
        world.client.post("/registrations", json=registration(epoch=2), headers=world.headers())
        listener.wait_for(lambda _: "event: registrations" in listener.lines)
        assert not [line for line in listener.lines if line.startswith("id:")], "a hint moves nobody on in the log"


def test_an_event_is_heard_once_the_documents_have_what_it_is_about(world, monkeypatch):
    read, asked = world.service._read, threading.Event()

    def read_slowly(now_s):
        found = read(now_s)  # the event log has it from here on
        world.service.changes.notify(EVENTS)
        asked.wait(0.3)
        return found

    with listening(world) as listener:
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        monkeypatch.setattr(world.service, "_read", read_slowly)
        publishing = threading.Thread(target=world.publish, args=(SCHEDULED,))
        publishing.start()
        listener.wait_for(lambda events: "scheduled" in kinds_of(events))
        status = world.client.get("/era/status").json()
        asked.set()
        publishing.join()
    assert status["upcoming"]["name"] == SCHEDULED[-1].name
    assert status["upcoming"]["epoch"] == SCHEDULED[-1].epoch


def test_it_ends_though_something_is_told_in_that_moment(world, monkeypatch):
    """What is told and the end of the service may come together; the process would else stay for ever."""

    async def end_of() -> bool:
        stream = streams.EventStream(world.service)

        async def told_as_it_ends(_told) -> None:
            stream.end()
            stream._task.cancel()

        monkeypatch.setattr(stream, "_until_events", told_as_it_ends)
        await stream.start()
        ended, _ = await asyncio.wait({stream._task}, timeout=60)
        stream._task.cancel()
        return bool(ended)

    assert asyncio.run(asyncio.wait_for(end_of(), 60))


def test_a_reading_of_the_log_that_fails_ends_nothing(world, monkeypatch, caplog):
    events, failures = world.service.events, [RuntimeError("hush"), StoreError("The store is gone")]

    def sometimes(*asked):
        if failures:
            raise failures.pop()
        return events(*asked)

    with listening(world) as listener:
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        monkeypatch.setattr(world.service, "events", sometimes)
        world.service.store.events.append("test", {}, time_s=1.0)
        listener.wait_for(lambda events: kinds_of(events) == ["test"])
        assert failures == []
    assert caplog.text.count("The event log could not be read") == 2


def test_registrations_that_keep_coming_in_are_hinted_at_now_and_then(world):
    from tests.web.world import registration

    with listening(world) as listener:
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        headers = world.headers()
        for number in range(5):
            row = registration(f"pool1{number}")
            assert world.client.post("/registrations", json=row, headers=headers).json()["accepted"] == 1
        listener.wait_for(lambda _: "event: registrations" in listener.lines)
        world.service.store.events.append("test", {}, time_s=1.0)
        listener.wait_for(lambda events: kinds_of(events) == ["test"])
        assert listener.lines.count("event: registrations") == 1


@pytest.mark.parametrize("kind", ["gate-crossed"])
def test_the_gate_is_told_when_it_is_crossed(any_world, kind):
    from tests.web.world import registration

    any_world.publish(SCHEDULED)
    assert kind not in any_world.kinds()
    rows = [registration("pool1a", stake=9, version="2.0.0"), registration("pool1b", stake=1)]
    any_world.client.post("/registrations", json={"registrations": rows}, headers=any_world.headers())
    any_world.read()
    any_world.read()
    back = registration("pool1a", stake=9, time_s=2_000)
    any_world.client.post("/registrations", json=back, headers=any_world.headers())
    any_world.read()
    told = [event.facts for event in any_world.service.store.events.read() if event.kind == kind]
    assert [(facts["era"], facts["met"]) for facts in told] == [("lagrange", True), ("lagrange", False)]
