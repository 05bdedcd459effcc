"""The address of the metrics: ``/metrics``, in the format that the scraper asks for.

In: a ``Service``. Out: a route of its application, and its requests watched. Each service has a registry of its own.
"""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from era_service.service.service import Service
from era_service.telemetry.metrics.collector import ServiceCollector
from era_service.telemetry.metrics.requests import RequestMetrics

PATH = "/metrics"


def mount(app: FastAPI, service: Service) -> None:
    """Add the metrics of a service to its application."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(service, app.state.stream, app.state.deliverers))
    ProcessCollector(registry=registry)
    app.state.around.append(RequestMetrics(service, registry).watch)

    @app.get(PATH, include_in_schema=False)
    def metrics(request: Request) -> Response:
        """Everything that is measured."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type, "cache-control": "no-store"})
