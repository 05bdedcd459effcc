"""The addresses of the dashboard: the page at ``/``, its views for the live update, its static files, and the badge.

In: a ``Service``. Out: a router that the application takes in. Everything is read only, and works without a script.
"""

import logging
import time
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response

from era_service.dashboard.activity_pages import activity_routes
from era_service.dashboard.gather import Gatherer
from era_service.dashboard.parties import SEARCH
from era_service.dashboard.party_pages import party_routes
from era_service.dashboard.render import (
    FRESH,
    answered,
    assets,
    badge_svg,
    identity_of,
    page_html,
    theme_of,
    views_html,
)
from era_service.dashboard.views import Tone
from era_service.service.service import Service
from eras import EraSwitchError

_log = logging.getLogger(__name__)

MAX_ERA = 40
MAX_SOUGHT = 100
KEPT_PAGES = 32
"""Pages kept for the second in which they were made: at a switch every screen asks for the same one."""

_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
_BADGE_AGE = {"cache-control": "public, max-age=60"}

Sought = Annotated[str, Query(alias=SEARCH, max_length=MAX_SOUGHT)]


def mount(app: FastAPI, service: Service) -> None:
    """Add the dashboard of a service to its application."""
    gatherer = Gatherer(service)
    app.include_router(router(service, gatherer))

    def render() -> None:
        now_s, heartbeat_s = service.clock(), service.settings.service.heartbeat_s
        page_html(gatherer.page(), theme=None, now_s=now_s, heartbeat_s=heartbeat_s)

    app.state.meanwhile.append(lambda: gatherer.kept_warm(render))


def router(service: Service, gatherer: Gatherer) -> APIRouter:
    """The routes of the dashboard of a service."""
    routes = APIRouter(include_in_schema=False)

    @lru_cache(maxsize=KEPT_PAGES)
    def rendered(whole: bool, sought: str, theme: str | None, *of: int) -> tuple[bytes, bytes]:
        # ``of`` only distinguishes pages: by what the service had reported by then, and by the second.
        page, heartbeat_s = gatherer.page(sought=sought), service.settings.service.heartbeat_s
        if whole:
            html = page_html(page, theme=theme, now_s=service.clock(), heartbeat_s=heartbeat_s)
        else:
            html = views_html(page, theme=theme)
        return html.encode(), identity_of(page, whole, theme, heartbeat_s)

    def answer(request: Request, sought: str, *, whole: bool) -> Response:
        body, same_as = rendered(whole, sought, theme_of(request), gatherer.generation, int(time.monotonic()))
        return answered(request, body, "text/html; charset=utf-8", same_as=same_as)

    @routes.get("/")
    def dashboard(request: Request, sought: Sought = "") -> Response:
        """The whole page."""
        return answer(request, sought, whole=True)

    @routes.get("/dashboard/views")
    def views(request: Request, sought: Sought = "") -> Response:
        """Its views alone."""
        return answer(request, sought, whole=False)

    @routes.get("/dashboard/static/{name}")
    def static(name: str) -> Response:
        """A static file."""
        asset = assets().get(name)
        if asset is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        return Response(asset.content, media_type=asset.media_type, headers=_FOR_EVER)

    routes.include_router(party_routes(service, gatherer))
    routes.include_router(activity_routes(service))

    @routes.get("/badge/{era}.svg")
    def badge(era: str) -> Response:
        """The badge of an era's adoption."""
        shown: tuple[str, Tone] | None = None
        try:
            shown = gatherer.badge(era)
        except EraSwitchError as error:
            _log.info("The badge of an era cannot be made: %s", error)
        value, tone = shown or ("unknown", "quiet")
        svg = badge_svg(era[:MAX_ERA], value, tone)
        return Response(svg, 200 if shown else 404, media_type="image/svg+xml", headers=_BADGE_AGE if shown else FRESH)

    return routes
