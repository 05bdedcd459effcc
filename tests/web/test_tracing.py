"""Traces, where somebody collects them: what spans there are, and that nothing is loaded where nobody does."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from era_service.telemetry.traces import provider_of, trace
from era_service.telemetry.tracing import EXPORTER_VARIABLE
from era_service.web.app import build_api, create_app
from era_service.web.front import Gate
from eras import StoreError, __version__
from tests.errors import raising
from tests.web.world import Client, World, serving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """A service that is traced into memory."""

    def __init__(self, world: World, client: Client, exporter: InMemorySpanExporter) -> None:
        self.world, self.client, self._exporter = world, client, exporter

    def spans(self, count: int = 1) -> list[ReadableSpan]:
        """The spans since this was asked last, at least so many: one ends a little after its answer has arrived."""
        ends_s = time.monotonic() + 20
        while len(found := list(self._exporter.get_finished_spans())) < count:
            assert time.monotonic() < ends_s, found
            time.sleep(0.005)
        self._exporter.clear()
        return found


@pytest.fixture
def traced(world: World) -> Iterator[Traced]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    api = build_api(world.service)
    trace(api, world.service, provider)
    gate = Gate(api, world.service, api.state.stream, around=api.state.around)
    with serving(gate) as url, Client(url) as client:
        yield Traced(world, client, exporter)
    provider.shutdown()


def test_a_request_is_a_span_below_that_of_whoever_asks(traced: Traced) -> None:
    traced.client.get("/adoption/summary?epoch=1", headers={"traceparent": PARENT, "authorization": "Bearer hush"})
    (span,) = traced.spans()
    assert (span.name, span.kind) == ("GET /adoption/summary", SpanKind.SERVER)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/adoption/summary",
        "http.response.status_code": 404,
    }
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert "hush" not in span.to_json()


def test_an_answer_from_memory_has_its_path_as_its_route(traced: Traced) -> None:
    traced.client.get("/era/status")
    (span,) = traced.spans()
    assert (span.name, span.parent) == ("GET /era/status", None)


def test_an_unknown_path_is_not_told(traced: Traced) -> None:
    traced.client.get("/secret/path")
    (span,) = traced.spans()
    assert span.name == "GET"
    assert "secret" not in span.to_json()


def test_an_answer_that_is_an_error_of_the_service_is_one(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> object:
        raise StoreError("The store does not answer")

    monkeypatch.setattr(traced.world.service, "events", broken)
    assert traced.client.get("/events").status_code >= 500
    (span,) = (span for span in traced.spans() if span.kind is SpanKind.SERVER)
    assert span.status.status_code is StatusCode.ERROR


def test_a_reading_and_below_it_the_providers_that_were_asked(traced: Traced) -> None:
    traced.world.read()
    asked, reading = traced.spans(2)
    assert (reading.name, asked.name, asked.kind) == ("read chain", "ask provider", SpanKind.CLIENT)
    assert asked.parent is not None
    assert asked.parent.span_id == reading.context.span_id
    assert asked.attributes is not None
    assert str(asked.attributes["eraswitch.provider"]).startswith("local chain")
    assert reading.status.status_code is StatusCode.UNSET
    (document,) = traced.world.service.provider_health().providers
    assert asked.end_time is not None
    assert asked.start_time is not None
    assert (asked.end_time - asked.start_time) / 1e9 == pytest.approx(document.latency_s, abs=1e-3)


def test_a_provider_that_fails_is_told_by_its_code(traced: Traced) -> None:
    chain = traced.world.stage.folder / "chain.sqlite3"
    chain.rename(chain.with_suffix(".away"))
    traced.world.service._reader.close()
    traced.world.service._reader = None
    traced.world.read()
    asked = traced.spans(2)[0]
    assert asked.status.status_code is StatusCode.ERROR
    assert asked.attributes is not None
    assert asked.attributes["error.type"]


def test_a_reading_that_fails_is_told_by_its_class(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise StoreError("The store does not answer")

    monkeypatch.setattr(traced.world.service.store.snapshots, "save", broken)
    with pytest.raises(StoreError):
        traced.world.read()
    reading = traced.spans()[-1]
    assert (reading.status.status_code, reading.status.description) == (StatusCode.ERROR, "StoreError")
    assert reading.events == ()


def test_the_environment_switches_traces_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXPORTER_VARIABLE, "console")
    create_app(world.service)
    assert type(world.service.spans).__name__ == "Traces"


def test_none_in_the_environment_switches_them_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXPORTER_VARIABLE, "none")
    with World(tmp_path, service={"tracing": True}) as world:
        assert type(world.service.spans).__name__ == "Spans"


def test_an_exporter_that_is_not_installed_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXPORTER_VARIABLE, "nonsense")
    with raising("Tracing", match="'nonsense'.*console"):
        create_app(world.service)


def test_what_sends_the_spans_says_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    provider = provider_of(InMemorySpanExporter())
    found = provider.resource.attributes
    provider.shutdown()
    assert (found["service.name"], found["service.version"]) == ("eraswitch", __version__)
    assert found["deployment.environment"] == "test"


@pytest.mark.parametrize(
    ("imports", "what"),
    [
        ("era_service.telemetry.tracing", "opentelemetry"),
        (
            "era_service.telemetry.tracing, era_service.web.app, era_service.service.service",
            "opentelemetry.sdk",
        ),  # FastAPI has its API
    ],
)
def test_nothing_of_it_is_loaded_where_nobody_wants_traces(imports: str, what: str) -> None:
    program = f"import sys, {imports}\nsys.exit({what!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
