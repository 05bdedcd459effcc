"""OpenTelemetry traces, if enabled: readings of the chain, calls of providers, and HTTP requests.

In: ``[service] tracing``, or the environment variable ``OTEL_TRACES_EXPORTER``; the other ``OTEL_…`` variables are
OpenTelemetry's own settings. Out: spans. OpenTelemetry is imported only if traces are enabled. A span carries routes,
names of providers and classes of errors; never a header, a query or a body.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from chain_reader.providers.failover import ProviderCall
from era_service.service.service import Service
from era_service.service.spans import Spans, route_of
from era_store.installation import install_command
from era_store.redaction import mask_text
from eras import ConfigurationError, __version__

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


EXPORTER_VARIABLE: Final = "OTEL_TRACES_EXPORTER"
EXPORTERS: Final = "opentelemetry_traces_exporter"
DEFAULT_EXPORTER: Final = "otlp"
NAME: Final = "eraswitch"
_NANO: Final = 1_000_000_000
_SERVER_ERROR: Final = 500


def mount(app: "FastAPI", service: Service) -> None:
    """Trace a service and its application, if tracing is enabled.

    Raises:
        ConfigurationError: it is enabled, but traces cannot be sent.
    """
    chosen = os.environ.get(EXPORTER_VARIABLE, "").strip().lower()
    if chosen == "none" or not (chosen or service.settings.service.tracing):
        return
    trace(app, service, provider_of(_exporter(chosen or DEFAULT_EXPORTER)))


def trace(app: "FastAPI", service: Service, provider: "TracerProvider") -> None:
    """Trace a service and its application, to the exporters of ``provider``."""
    traces = Traces(provider, service)
    service.spans = traces
    app.state.around.append(traces.around)


def provider_of(exporter: "SpanExporter") -> "TracerProvider":
    """The pipeline of spans to an exporter: in batches, by a thread; the rest is sent when the process ends."""
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    own = Resource.create({SERVICE_NAME: NAME, SERVICE_VERSION: __version__})
    provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class Traces(Spans):
    """Spans by OpenTelemetry.

    Args:
        provider: the provider that exports them.
        service: the service that is traced.
    """

    def __init__(self, provider: "TracerProvider", service: Service) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer(NAME)
        self._service = service
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A span for a reading of the chain; an error is named by its class."""
        from opentelemetry.trace import Status, StatusCode

        with self._tracer.start_as_current_span(
            "read chain", record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def asked(self, calls: Iterable[ProviderCall]) -> None:
        """Record the provider calls of a reading, as spans below it."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        for call in calls:
            began_ns = int(call.asked_at_s * _NANO)
            span = self._tracer.start_span("ask provider", kind=SpanKind.CLIENT, start_time=began_ns)
            span.set_attribute("eraswitch.provider", mask_text(call.name))
            if call.code is not None:
                span.set_attribute("error.type", call.code)
                span.set_status(Status(StatusCode.ERROR))
            span.end(began_ns + int(call.latency_s * _NANO))

    def around(self, app: "ASGIApp") -> "ASGIApp":
        """The application ``app``, with a span for every request below the client's span."""
        from opentelemetry.trace import SpanKind

        async def traced(scope: "Scope", receive: "Receive", send: "Send") -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            carried = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            context = self._propagator.extract({key: carried[key] for key in _CARRIED if key in carried})
            method: str = scope["method"]
            with self._tracer.start_as_current_span(
                method, context, kind=SpanKind.SERVER, record_exception=False
            ) as span:
                span.set_attribute("http.request.method", method)
                try:
                    await app(scope, receive, _noting(send, span))
                finally:
                    route = route_of(self._service.answers, scope)
                    if route is not None:
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)

        return traced


_CARRIED: Final = ("traceparent", "tracestate")


def _noting(send: "Send", span: "Span") -> "Send":
    from opentelemetry.trace import Status, StatusCode

    async def noting(message: "Message") -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= _SERVER_ERROR:
                span.set_status(Status(StatusCode.ERROR))
        await send(message)

    return noting


def _exporter(name: str) -> "SpanExporter":
    """The exporter of that name, of those that are installed.

    Raises:
        ConfigurationError: there is none of that name, or OpenTelemetry itself is not installed.
    """
    if find_spec("opentelemetry") is None:
        raise _missing_library("OpenTelemetry", "nothing of it")
    found = [entry for entry in entry_points(group=EXPORTERS) if entry.name == name]
    if not found:
        known = sorted({entry.name for entry in entry_points(group=EXPORTERS)})
        raise _missing_library(f"the exporter {name[:40]!r}", f"only {', '.join(known) or 'none'}")
    exporter: SpanExporter = found[0].load()()
    return exporter


def _missing_library(what: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "Tracing is enabled, but traces cannot be sent",
        code="Tracing",
        expected=what,
        got=got,
        next_step=f"Install it ({install_command('opentelemetry-sdk')} opentelemetry-exporter-otlp-proto-http), name "
        f"another with {EXPORTER_VARIABLE}, or set service.tracing = false",
    )
