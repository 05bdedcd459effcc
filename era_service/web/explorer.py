"""The description of the API, and a page that shows it: ``/openapi.json``, and Swagger UI at ``/docs``.

In: a service. Out: routes. The page, its script and its style come from this service alone; only the
files of the package ``fastapi-swagger`` are used.
"""

import gzip
import json
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response

from era_service.service.documents import API_VERSION, Problem, RegistrationBatch, RegistrationIn
from era_service.service.service import Service
from era_service.web import routes

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>eraswitch: HTTP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript><p>A script makes this page; what it shows is <a href="openapi.json">openapi.json</a>.</p></noscript>
<main id="api"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

KEPT: Final = {"cache-control": "public, max-age=86400", "vary": "accept-encoding"}


class File(NamedTuple):
    """A file of the page.

    Attributes:
        content: its bytes.
        packed: the same in gzip: a megabyte and a half is not compressed for each request.
        media_type: its media type.
    """

    content: bytes
    packed: bytes
    media_type: str


@lru_cache(maxsize=4)
def _file(name: str) -> File | None:
    """A file by its name; ``None`` if there is none."""
    kinds = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "start.js": "text/javascript"}
    if name not in kinds:
        return None
    content = START.encode() if name == "start.js" else (files("fastapi_swagger.resources") / name).read_bytes()
    return File(content, gzip.compress(content, 9), kinds[name])


def describe(app: FastAPI) -> dict[str, object]:
    """The OpenAPI description of the routes."""
    description = get_openapi(
        title="eraswitch",
        version=str(API_VERSION),
        summary="Which era a network is in, which is next, and who is ready.",
        routes=app.routes,
    )
    components = description["components"]
    for model in (Problem, RegistrationIn, RegistrationBatch):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components["schemas"].update(schema.pop("$defs", {}))
        components["schemas"][model.__name__] = schema
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return description


def explorer_router(service: Service) -> APIRouter:
    """The routes of the description and its page."""
    router = APIRouter(tags=["service"])
    written: list[bytes] = []

    @router.get("/openapi.json", response_class=JSONResponse)
    def description(request: Request) -> Response:
        """The OpenAPI description of the API."""
        if not written:
            written.append(json.dumps(describe(request.app), separators=(",", ":")).encode())
        return routes.written(request, service, written[0])

    @router.get("/docs", include_in_schema=False)
    def page() -> Response:
        """The page."""
        return HTMLResponse(PAGE, headers=KEPT)

    @router.get("/docs/{name}", include_in_schema=False)
    def file(request: Request, name: str) -> Response:
        """A file of the page."""
        found = _file(name)
        if found is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers = {**KEPT, "content-encoding": "gzip"}
            return Response(found.packed, headers=headers, media_type=found.media_type)
        return Response(found.content, headers=KEPT, media_type=found.media_type)

    return router
