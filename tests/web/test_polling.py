"""Polling: when the chain is read, by whom, and what becomes of a reading that fails."""

import threading
import time

import pytest

from era_service.service.polling import Poller
from eras import StoreError
from tests.web.world import LAGRANGE, PYTHAGORAS, SCHEDULED, World


class FakeKeeper:
    """What a poller needs, with a clock to be set.

    Args:
        settings: of a world.
    """

    def __init__(self, settings, now_s, ends_at_s):
        self.settings, self._now_s, self.epoch_ends_at_s = settings, now_s, ends_at_s

    def clock(self):
        return self._now_s


@pytest.mark.parametrize(
    ("ends_at_s", "expected"),
    [
        (None, 20.0),
        (1_100.0, 20.0),  # the epoch goes on for long
        (1_005.0, 5.05),  # it ends sooner than the next reading would be
        (999.0, 2.0),  # it has ended by the clock, and the chain does not say so yet
        (800.0, 20.0),  # and never did: the chain stands still
    ],
)
def test_an_epoch_is_looked_for_when_it_begins(still_world, ends_at_s, expected):
    poller = Poller(FakeKeeper(still_world.settings, 1_000.0, ends_at_s))
    assert poller._pause_s() == pytest.approx(expected)


def test_a_turn_reads_and_a_follower_takes_what_was_read(world):
    other = world.new_service(leads=lambda: False)
    try:
        other.start()
        world.publish(SCHEDULED)
        other.poller.wake()
        _wait_for(lambda: other.era_status().upcoming is not None)
        assert other.era_status() == world.service.era_status()
        assert other.live().status == "ok"
    finally:
        other.close()


def test_polling_that_fails_is_said_and_goes_on(world, monkeypatch):
    service = world.new_service()
    try:
        service.load_snapshot()
        failures = [StoreError("The store is gone"), RuntimeError("hush")]

        def fail():
            if failures:
                raise failures.pop(0)

        monkeypatch.setattr(service, "read_chain", fail)
        service.poller.start()
        _wait_for(lambda: service.failure == "The store is gone")
        assert service.era_status().stale == "polling failed: The store is gone"
        assert b"polling failed" in service.answer("/era/status").body
        service.poller.wake()
        _wait_for(lambda: service.failure == "RuntimeError")
        assert service.live().status == "ok"
    finally:
        service.close()


@pytest.mark.parametrize("supported", [(PYTHAGORAS, LAGRANGE), (PYTHAGORAS,)])
def test_rule_t9_a_switch_happens_by_the_clock_where_the_store_is_gone(tmp_path, monkeypatch, supported):
    began_s = int(time.time()) - 150.0
    network = {"system_start_s": began_s, "slot_length_s": 1.0, "epoch_length": 100, "supported_eras": supported}
    with World(tmp_path, network=network) as world:
        world.publish(SCHEDULED)
        before, service = world.service.snapshot, world.service
        monkeypatch.setattr(service, "read_chain", _fail)
        for now_s, epoch in ((began_s + 399, 3), (began_s + 401, 4)):
            world.now_s = now_s
            service.poller.start()
            _wait_for(lambda: service.snapshot.status.epoch == epoch)  # noqa: B023
            service.poller.stop()
            service.poller = Poller(service)
        status = world.client.get("/era/status").json()
        assert (status["current"]["name"], status["current"]["state"], status["upcoming"]) == (LAGRANGE, "active", None)
        assert "polling failed" in status["stale"]
        assert status["era_id"] == str(before.identity().at(4)) != before.status.era_id
        assert (status["error"] is None) == (LAGRANGE in supported)
        config = world.client.get("/era/config").json()
        assert (config["epoch"], config["current"]["name"], config["next"]) == (4, LAGRANGE, None)
        assert config["freshness"]["epoch_ends_at_s"] == began_s + 500
        assert world.client.get("/era/markers").json()["epoch"] == 4

        monkeypatch.undo()
        world.enter(4)
        again = world.client.get("/era/status").json()
        assert (again["current"], again["era_id"], again["stale"]) == (status["current"], status["era_id"], None)
        assert world.kinds().count("activated") == 1, "told once, when it could be kept"


def test_rule_t9_a_switch_waits_for_no_reading_and_one_begun_before_it_does_not_go_back(tmp_path, monkeypatch):
    began_s = int(time.time()) - 150.0
    with World(tmp_path, network={"system_start_s": began_s, "slot_length_s": 1.0, "epoch_length": 100}) as world:
        world.publish(SCHEDULED)
        world.now_s = began_s + 399
        service, read, go = world.service, world.service._read, threading.Event()
        reading = threading.Event()

        def slowly(now_s):
            found = read(now_s)
            reading.set()
            assert go.wait(30)
            return found

        monkeypatch.setattr(service, "_read", slowly)
        service.poller.start()
        assert reading.wait(30)
        world.now_s = began_s + 401
        _wait_for(lambda: service.era_status().current.name == LAGRANGE)
        assert service.answer("/era/status") is not None
        go.set()
        service.poller.stop()
        assert (service.era_status().epoch, service.era_status().current.name) == (4, LAGRANGE)
        assert "regression-refused" not in world.kinds()


def test_a_poller_that_died_is_not_alive(world):
    service = world.new_service()
    try:
        assert service.live().status == "ok", "one that was not started yet has not died"
        dead = threading.Thread(target=lambda: None)
        dead.start()
        dead.join()
        service.poller._thread = dead
        assert service.live().status == "failed"
    finally:
        service.close()


def test_a_store_that_does_not_answer_is_not_ready(tmp_path):
    with World(tmp_path) as world:
        world.service.store.events.read = _fail
        assert world.client.get("/health/ready").status_code == 503
        checks = world.client.get("/health/ready").json()["checks"]
        assert [check["detail"] for check in checks if not check["ok"]] == ["Store"]


def test_an_old_snapshot_never_takes_the_place_of_a_newer_one(world, monkeypatch):
    """Of two threads that look into the store the one that looked first may be the last to be done."""
    service = world.new_service()
    try:
        load, asked, go_on = service._last_snapshot, threading.Event(), threading.Event()

        def slowly():
            found = load()
            if not asked.is_set():
                asked.set()
                go_on.wait(0.5)
            return found

        monkeypatch.setattr(service, "_last_snapshot", slowly)
        first = threading.Thread(target=service.load_snapshot)
        first.start()
        asked.wait(60)
        world.publish(SCHEDULED)
        service.load_snapshot()
        first.join()
        assert service.era_status() == world.service.era_status()
    finally:
        go_on.set()
        service.close()


def test_answers_that_tell_of_silence_never_replace_those_of_a_new_snapshot(world, monkeypatch):
    """Who is asked in the moment in which the chain is read again would otherwise go on telling what was before."""
    service = world.service
    world.now_s += 1_000
    documents, writing, go_on = service.documents, threading.Event(), threading.Event()

    def slowly(snapshot):
        if snapshot.status.stale is not None and not writing.is_set():
            writing.set()
            go_on.wait(60)
        return documents(snapshot)

    monkeypatch.setattr(service, "documents", slowly)
    asking = threading.Thread(target=service.answer, args=("/era/status",))
    asking.start()
    assert writing.wait(60)
    publishing = threading.Thread(target=world.publish, args=(SCHEDULED,))
    publishing.start()
    time.sleep(0.3)  # it may now wait for its turn, or have had it
    go_on.set()
    asking.join()
    publishing.join()
    assert b'"lagrange","epoch":4' in service.answers["/era/status"].body
    assert b'"stale":null' in service.answers["/era/status"].body


def test_two_replicas_that_both_poll_tell_a_switch_once(any_world):
    other = any_world.new_service()
    try:
        other.read_chain()
        any_world.publish(SCHEDULED)
        other.read_chain()
        any_world.enter(4)
        other.read_chain()
        assert any_world.kinds().count("activated") == 1
        assert any_world.kinds().count("scheduled") == 1
    finally:
        other.close()


def _fail(*_, **__):
    raise StoreError("The store is gone")


def _wait_for(holds, seconds=60.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
