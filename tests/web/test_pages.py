"""Pages are not sent twice, go compressed, and are made before anybody asks."""

import threading
import time

import pytest

from era_service.dashboard.counting import count
from era_service.dashboard.gather import Gatherer, rest_s
from era_service.dashboard.render import identity_of
from era_service.dashboard.views import Headline, Page
from era_service.service.changes import COUNTED, REGISTRATIONS
from era_store import Registration
from eras import Epoch, StoreError

PAGES = ("/", "/dashboard/views")


def register(world, *versions):
    rows = [Registration(f"pool1{n}", Epoch(1), version, 1_000, 1.0, "test") for n, version in enumerate(versions)]
    world.service.store.registrations.ingest(rows, source="test", time_s=1.0)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_sent_again_only_when_more_than_the_time_has_changed(world, path):
    first = world.client.get(path)
    assert first.headers["etag"].startswith('W/"')
    world.now_s += 5
    time.sleep(1)  # pages are kept for the second they were made in
    again = world.client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    world.read()
    assert world.client.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_only_the_countdown_is_left_out_of_what_identifies_a_page():
    def identity(left, under):
        head = Headline("x activates in", "1", "epoch", under, "locked", "quiet", left=left)
        return identity_of(Page("test", 5, head, (), (), None, stale=False, public=False, title="test"))

    assert identity("5 s", "In 5 s.") == identity("4 s", "In 5 s.")
    assert identity("5 s", "In 5 s.") != identity("5 s", "In .")


def test_what_is_long_goes_compressed_and_the_stream_does_not(world):
    for path in ("/", "/openapi.json", "/docs/swagger-ui.css"):
        plain = world.client.get(path, headers={"accept-encoding": "identity"})
        small = world.client.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert (small.headers["content-encoding"], small.text) == ("gzip", plain.text), path
        assert int(small.headers["content-length"]) * 2 < len(plain.content)
        assert path.startswith("/docs/") or small.headers["etag"].startswith('W/"')
        assert "accept-encoding" in small.headers["vary"].lower()
    assert "content-encoding" not in world.client.get("/health/live", headers={"accept-encoding": "gzip"}).headers
    with world.client.get("/events/stream", headers={"accept-encoding": "gzip"}, stream=True) as stream:
        assert "content-encoding" not in stream.headers
        assert next(stream.iter_lines()) == b"retry: 2000"


def unreadable(_service, _status):
    raise StoreError("unreadable")


def test_nobody_waits_for_the_counting_and_who_was_shown_what_is_old_is_told(world, monkeypatch):
    service, made, told, by = world.service, threading.Semaphore(0), [], []
    register(world, "1.0.0")
    gatherer = Gatherer(service)
    noted = lambda *of: by.append(threading.current_thread().name) or count(*of)  # noqa: E731
    monkeypatch.setattr("era_service.dashboard.gather.count", noted)
    with gatherer.kept_warm(made.release):
        assert made.acquire(timeout=30), "the page is made before anybody asks"
        before = gatherer.counted(service.snapshot)
        monkeypatch.setattr("era_service.dashboard.gather.COUNTED_FOR_S", 0.0)
        end = service.changes.listen(told.append)
        register(world, "2.0.0", "2.0.0")
        assert gatherer.counted(service.snapshot) is before, "what is known is shown at once"
        assert made.acquire(timeout=30)
        end()
        assert gatherer._counted[3].epochs[0].parties == 2
        service.changes.notify(REGISTRATIONS)
        assert made.acquire(timeout=30), "what comes in is counted before anybody asks"
        monkeypatch.setattr("era_service.dashboard.gather.count", unreadable)
        service.changes.notify(REGISTRATIONS)
        until = time.monotonic() + 30
        while gatherer._counted is not None:
            assert time.monotonic() < until
            time.sleep(0.01)
        with pytest.raises(StoreError, match="unreadable"):
            gatherer.counted(service.snapshot)
    assert COUNTED in told
    assert set(by) == {"dashboard"}


def test_a_flood_of_registrations_does_not_keep_a_core_busy_with_counting():
    assert [rest_s(took_s) for took_s in (0.0, 0.05, 1.0, 4.0)] == pytest.approx([0.0, 2.45, 5.0, 8.0])


def test_all_that_mounts_itself_is_there(still_world):
    found = {path: still_world.client.get(path).status_code for path in ("/", "/activity", "/docs", "/metrics")}
    assert set(found.values()) == {200}, found


def test_what_routes_depend_on_takes_no_worker_thread(still_world, monkeypatch):
    async def none_left(*_):
        raise AssertionError("a dependency waits for a worker thread")

    monkeypatch.setattr("fastapi.dependencies.utils.run_in_threadpool", none_left)
    assert still_world.client.get("/health/live").status_code == 200
    assert still_world.client.get("/era/history?in_force=true").status_code == 200
    assert still_world.client.put("/admin/log", data={"level": "debug"}).status_code == 415
    assert still_world.client.post("/registrations", data="{}").status_code == 415
