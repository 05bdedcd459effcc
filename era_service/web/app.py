"""The application: the routes behind the gate, the dashboard and the metrics beside them.

In: a ``Service``. Out: an ASGI application. The dashboard (``era_service.dashboard``) and the metrics
(``era_service.telemetry.metrics``) each mount themselves on the routes, by ``mount(app, service)``; that must be there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from era_service.service.service import Service
from era_service.web import problems, routes
from era_service.web.admin import admin_router
from era_service.web.compressed import Compressed
from era_service.web.explorer import explorer_router
from era_service.web.front import Gate
from era_service.web.stream import EventStream
from eras import EraSwitchError, __version__

MOUNTED = (
    "era_service.webhooks.deliverer",
    "era_service.telemetry.metrics.routes",
    "era_service.telemetry.tracing",
    "era_service.dashboard.routes",
)
"""Modules that mount themselves on the application."""


def create_app(service: Service, *, tls: bool = False) -> Gate:
    """The application for ``service``, which its lifespan neither starts nor closes.

    Args:
        service: what is asked.
        tls: whether it is served by TLS.
    """
    api = build_api(service)
    return Gate(api, service, api.state.stream, tls=tls, around=api.state.around)


def build_api(service: Service) -> FastAPI:
    """The routes, without the gate."""
    stream = EventStream(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await stream.start()
        meanwhile = ExitStack()
        try:
            for running in app.state.meanwhile:
                meanwhile.enter_context(running())
            yield
        finally:
            await asyncio.to_thread(meanwhile.close)
            await stream.stop()

    app = FastAPI(
        title="eraswitch",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.service, app.state.stream = service, stream
    app.add_middleware(Compressed)
    app.state.meanwhile = []  # what runs in threads of its own while the application is served, as context managers
    app.state.around = []  # what those that mount themselves put around every request
    app.add_exception_handler(EraSwitchError, problems.handle_own)
    app.add_exception_handler(HTTPException, problems.handle_http)
    app.add_exception_handler(RequestValidationError, problems.handle_invalid)
    app.add_exception_handler(Exception, problems.handle_bug)
    for router in (
        routes.era_router(),
        routes.adoption_router(),
        routes.registrations_router(),
        routes.events_router(stream),
        routes.health_router(),
        admin_router(),
        explorer_router(service),
    ):
        app.include_router(router)
    for name in MOUNTED:
        import_module(name).mount(app, service)
    return app
