"""The log of a running service: its level, its format, and the id of a request on its lines."""

import io
import json
import logging

import pytest

from era_service.logs import configure_logging, log_in_force
from era_store import StoreUnavailableError
from era_store.tokens import new_token


@pytest.fixture
def log():
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    root = logging.getLogger()
    level = root.level
    configure_logging("info", "json", stream)
    yield stream
    configure_logging()
    root.setLevel(level)


def operator(world):
    """The headers of an operator."""
    text, record = new_token("operator", ["log:write"], time_s=world.now_s)
    world.service.store.tokens.add(record)
    return {"authorization": f"Bearer {text}"}


def test_the_log_is_changed_by_who_may(world, log):
    answer = world.client.put("/admin/log", json={"level": "debug"}, headers=operator(world))
    assert (answer.status_code, answer.json()) == (200, {"level": "debug", "format": "json"})
    assert log_in_force() == ("debug", "json")
    answer = world.client.put("/admin/log", json={"format": "text", "level": "error"}, headers=operator(world))
    assert answer.json() == {"level": "error", "format": "text"}
    assert log_in_force() == ("error", "text")


@pytest.mark.parametrize("body", [{"level": "loud"}, {"format": "xml"}])
def test_what_is_no_level_or_format_is_refused(world, log, body):
    answer = world.client.put("/admin/log", json=body, headers=operator(world))
    assert answer.status_code == 422
    assert log_in_force() == ("info", "json")


def test_a_body_that_is_not_json_is_refused_by_its_media_type(world, log):
    form = world.client.put("/admin/log", data={"level": "debug"}, headers=operator(world))
    assert (form.status_code, form.json()["code"]) == (415, "MediaType")
    assert "application/json" in form.json()["detail"]
    assert log_in_force() == ("info", "json")


def test_nobody_else_changes_it(world, log):
    assert world.client.put("/admin/log", json={"level": "debug"}).status_code == 401
    other = world.client.put("/admin/log", json={"level": "debug"}, headers=world.headers())
    assert (other.status_code, other.json()["code"]) == (403, "NotAllowed")
    assert log_in_force() == ("info", "json")


@pytest.mark.parametrize("path", ["/era/status", "/health/ready", "/nothing-here"])
def test_every_answer_has_the_id_of_its_request(world, path):
    first, second = (world.client.get(path).headers["x-request-id"] for _ in range(2))
    assert first != second
    assert world.client.get(path, headers={"x-request-id": "my-id.7"}).headers["x-request-id"] == "my-id.7"
    forged = world.client.get(path, headers={"x-request-id": "a b;c"}).headers["x-request-id"]
    assert forged.isalnum(), "what is no plain word is not repeated"


def test_the_log_names_the_request_that_failed(world, log, monkeypatch):
    def fail(*_arguments, **_options):
        raise StoreUnavailableError("The store does not answer")

    monkeypatch.setattr(type(world.service.store.events), "read", fail)
    answer = world.client.get("/events", headers={"x-request-id": "the-one"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (503, "the-one")
    written = [json.loads(line) for line in log.getvalue().splitlines()]
    asked = [line["request_id"] for line in written if line["event"].startswith("GET /events")]  # the stream reads, too
    assert asked == ["the-one"]
