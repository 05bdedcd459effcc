"""The route of the operators: the log, while the service runs."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from era_service.logs import change_log, log_in_force
from era_service.web.access import require_token
from era_service.web.routes import ServiceOf, problems_of
from era_store.tokens import LOG_WRITE
from release_tools.documents import Document


class LogDocument(Document):
    """How the log is written."""

    level: Literal["debug", "info", "warning", "error", "critical"] | None = Field(
        default=None, description="The least severity that is logged; in a request, null leaves it."
    )
    format: Literal["text", "json"] | None = Field(
        default=None, description="How a line is written; in a request, null leaves it."
    )


def admin_router() -> APIRouter:
    """Changes by an operator while the service runs; of this process only, until its next start or reload."""
    router = APIRouter(prefix="/admin", tags=["service"], responses=problems_of(400, 401, 403, 413, 422, 429, 503))

    @router.put("/log", response_model=LogDocument, openapi_extra={"security": [{"token": []}]})
    async def log(request: Request, service: ServiceOf, wanted: LogDocument) -> Response:
        """Change the level or the format of the log; the answer is how it is written from now on."""
        await run_in_threadpool(require_token, request, service, LOG_WRITE)
        change_log(wanted.level, wanted.format)
        level, form = log_in_force()
        body = LogDocument.model_validate({"level": level, "format": form}).model_dump_json()
        return Response(body, headers={"cache-control": "no-store"}, media_type="application/json")

    return router
