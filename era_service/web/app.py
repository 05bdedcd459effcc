"""The application: the routes behind the gate, the dashboard and the metrics beside them.

In: a ``Service``. Out: an ASGI application. The dashboard (``era_service.dashboard``) and the metrics
(``era_service.telemetry``) each mount themselves on the routes, by a function ``mount(app, service)``.

Beside them there is the operators' route for the log, and gzip for pages and documents of the routes. Answers from
memory (``Service.answers``) are not compressed, since they are short and most are a 304; neither is the event stream.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from importlib import import_module
from typing import Final, Literal

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from era_service.logs import change_log, log_in_force
from era_service.service.service import Service
from era_service.web import problems, routes
from era_service.web.access import require_token
from era_service.web.explorer import explorer_router
from era_service.web.front import STREAM, Gate
from era_service.web.patience import OneByOne
from era_service.web.routes import ServiceOf, json_only, problems_of, unstored
from era_service.web.stream import EventStream
from era_store.tokens import LOG_WRITE
from eras import EraSwitchError, __version__
from release_tools.documents import Document

MOUNTED = (
    "era_service.webhooks.deliverer",
    "era_service.telemetry.routes",
    "era_service.telemetry.tracing",
    "era_service.dashboard.routes",
)
"""Modules that mount themselves on the application."""


def create_app(service: Service, *, tls: bool = False) -> Gate:
    """The application for ``service``, which its lifespan neither starts nor closes.

    Args:
        service: the service that answers.
        tls: whether it is served over TLS.
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
    app.state.intake = OneByOne()
    app.add_middleware(Compressed)
    app.state.meanwhile = []  # context managers: threads that run while the application is served
    app.state.around = []  # middleware of the modules that mount themselves
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


class LogDocument(Document):
    """How the log is written."""

    level: Literal["debug", "info", "warning", "error", "critical"] | None = Field(
        default=None, description="The least severity that is logged; null in a request leaves it unchanged."
    )
    format: Literal["text", "json"] | None = Field(
        default=None, description="How a line is written; null in a request leaves it unchanged."
    )


@cache
def admin_router() -> APIRouter:
    """Changes by an operator while the service runs; of this process only, until its next start or reload."""
    router = APIRouter(prefix="/admin", tags=["service"], responses=problems_of(400, 401, 403, 413, 415, 422, 429, 503))

    @router.put(
        "/log",
        response_model=LogDocument,
        dependencies=[Depends(json_only)],
        openapi_extra={"security": [{"token": []}]},
    )
    async def log(request: Request, service: ServiceOf, wanted: LogDocument) -> Response:
        """Change the level or the format of the log; the answer is how it is written from now on."""
        await run_in_threadpool(require_token, request, service, LOG_WRITE)
        change_log(wanted.level, wanted.format)
        level, form = log_in_force()
        return unstored(LogDocument.model_validate({"level": level, "format": form}))

    return router


LEAST_BYTES: Final = 1_024
"""A shorter answer fits into one packet as it is."""
LEVEL: Final = 5


class Compressed:
    """Compresses the answers of an application. Strong ETags become weak ones, because the bytes are others.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app, minimum_size=LEAST_BYTES, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] == STREAM:
            await self._app(scope, receive, send)
            return

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start" and (b"content-encoding", b"gzip") in message["headers"]:
                message["headers"] = [
                    (name, b"W/" + value if name == b"etag" and value.startswith(b'"') else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._gzip(scope, receive, send_weakened)
