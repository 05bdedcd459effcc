"""Spans by OpenTelemetry. Imported only if traces are enabled.

In: readings of the chain, calls of providers, and HTTP requests. Out: spans. A span carries routes, names of providers
and classes of errors; never a header, a query or a body.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from fastapi import FastAPI
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chain_reader.providers.failover import ProviderCall
from era_service.service.keeper import Spans
from era_service.service.service import Service
from era_service.telemetry.routes import route_of
from era_store.redaction import mask_text
from eras import __version__

NAME: Final = "eraswitch"
_NANO: Final = 1_000_000_000
_SERVER_ERROR: Final = 500
_CARRIED: Final = ("traceparent", "tracestate")


def trace(app: FastAPI, service: Service, provider: TracerProvider) -> None:
    """Trace a service and its application, to the exporters of ``provider``."""
    traces = Traces(provider, service)
    service.spans = traces
    app.state.around.append(traces.around)


def provider_of(exporter: SpanExporter) -> TracerProvider:
    """The pipeline of spans to an exporter: in batches, by a thread; the rest is sent when the process ends."""
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

    def __init__(self, provider: TracerProvider, service: Service) -> None:
        self._tracer = provider.get_tracer(NAME)
        self._service = service
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A span for a reading of the chain; an error is named by its class."""
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
        for call in calls:
            began_ns = int(call.asked_at_s * _NANO)
            span = self._tracer.start_span("ask provider", kind=SpanKind.CLIENT, start_time=began_ns)
            span.set_attribute("eraswitch.provider", mask_text(call.name))
            if call.code is not None:
                span.set_attribute("error.type", call.code)
                span.set_status(Status(StatusCode.ERROR))
            span.end(began_ns + int(call.latency_s * _NANO))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application ``app``, with a span for every request below the client's span."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
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
                    route = route_of(self._service, scope)
                    if route is not None:
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)

        return traced


def _noting(send: Send, span: Span) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= _SERVER_ERROR:
                span.set_status(Status(StatusCode.ERROR))
        await send(message)

    return noting
