"""The address of the metrics: ``/metrics``, in the format that the scraper asks for; and the metrics of requests.

In: a ``Service``. Out: a route of its application, and its requests counted and timed, in plain ASGI because every
request passes it. A request is named by its route, never by its path, of which there is no end. Each service has a
registry of its own.
"""

import time
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from era_service.service.service import Service
from era_service.telemetry.collector import ServiceCollector
from era_service.telemetry.declared import BY_NAME

PATH = "/metrics"


def mount(app: FastAPI, service: Service) -> None:
    """Add the metrics of a service to its application."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(service, app.state.stream, app.state.deliverers))
    ProcessCollector(registry=registry)
    app.state.around.append(RequestMetrics(service, registry).watch)

    @app.get(PATH, include_in_schema=False)
    def metrics(request: Request) -> Response:
        """All metrics."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type, "cache-control": "no-store"})


BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
METHODS: Final = frozenset(("GET", "HEAD", "POST", "OPTIONS"))
OTHER: Final = "other"
NO_ANSWER: Final = 0


def route_of(service: Service, scope: Scope) -> str | None:
    """The route of a request that was answered, or ``None``; never its path, of which there is no end."""
    path: str = scope["path"]
    if path in service.answers:  # it was sent from memory, and no route saw it
        return path
    found: str | None = getattr(scope.get("route"), "path", None)
    return found


class RequestMetrics:
    """Counts and times requests.

    Args:
        service: the service that answers the requests.
        registry: the registry of the metrics.
    """

    def __init__(self, service: Service, registry: CollectorRegistry) -> None:
        requests, duration = BY_NAME["http_requests_total"], BY_NAME["http_request_duration_seconds"]
        self._requests = Counter(requests.full_name, requests.help, requests.labels, registry=registry)
        self._duration = Histogram(
            duration.full_name, duration.help, duration.labels, buckets=BUCKETS_S, registry=registry
        )
        self._service = service
        self._counted: dict[tuple[str, str, int], Callable[[], None]] = {}
        self._timed: dict[str, Callable[[float], None]] = {}

    def watch(self, app: ASGIApp) -> ASGIApp:
        """The application ``app``, with its requests counted and timed."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began_s, ended_s, status = time.perf_counter(), 0.0, NO_ANSWER

            async def send_watched(message: Message) -> None:
                nonlocal ended_s, status
                if status == NO_ANSWER and message["type"] == "http.response.start":
                    ended_s, status = time.perf_counter(), message["status"]
                await send(message)

            try:
                await app(scope, receive, send_watched)
            finally:
                if status != NO_ANSWER:
                    self._note(scope, status, ended_s - began_s)

        return watched

    def _note(self, scope: Scope, status: int, duration_s: float) -> None:
        route = route_of(self._service, scope) or OTHER
        key = (route, scope["method"], status)
        count = self._counted.get(key)
        if count is None:
            method = key[1] if key[1] in METHODS else OTHER
            count = self._counted[(route, method, status)] = self._requests.labels(route, method, status).inc
            self._timed[route] = self._duration.labels(route).observe
        count()
        self._timed[route](duration_s)
