"""From view models to answers: HTML by the templates, the static files beside them, and the badge as SVG.

In: a ``Page``, or the words of a badge. Out: text, and answers with an ETag, which are 304 where the browser has them.
Everything the page needs comes with the package; no other server is asked.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request

from era_service.dashboard.headline import rehearsal_notices
from era_service.dashboard.views import Page, Tone
from era_service.dashboard.words import clock, iso, moment
from era_service.service.answers import Answer
from era_service.service.service import Service
from eras import __version__
from eras.words import visible

THEMES = ("light", "dark")

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
_HERE = files("era_service.dashboard")


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file; ``address`` changes with its content, so that it may be kept for ever."""

    name: str
    content: bytes
    media_type: str

    @property
    def address(self) -> str:
        """Its name on the page."""
        return f"{self.name}?v={sha256(self.content).hexdigest()[:12]}"


@cache
def assets() -> dict[str, Asset]:
    """The static files, by name."""
    found = {}
    for entry in (_HERE / "static").iterdir():
        media_type = _MEDIA_TYPES.get(entry.name.rpartition(".")[2])
        if media_type is not None:
            found[entry.name] = Asset(entry.name, entry.read_bytes(), media_type)
    return found


@cache
def _release() -> str:
    """The static files of this release, which a page that is open compares with those of a newer one."""
    return " ".join(sorted(asset.address for asset in assets().values()))


def _shown(value: object) -> object:
    """Text from elsewhere, made safe to show; our own markup stays as it is."""
    return visible(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def _dated(text: str) -> Markup:
    """Text with each date kept on one line."""
    return Markup(_DATE.sub(r'<span class="date">\g<0></span>', str(escape(visible(text, keep="\n")))))  # noqa: S704


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("era_service.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_shown,
    )
    environment.filters.update(clock=clock, iso=iso, moment=moment, dated=_dated)
    environment.globals.update(
        assets={name: asset.address for name, asset in assets().items()},
        version=__version__,
        release=_release(),
    )
    return environment


def page_html(page: Page, *, theme: str | None, now_s: float, heartbeat_s: float) -> str:
    """The whole dashboard.

    Args:
        page: what it shows.
        theme: ``light`` or ``dark``; without it the browser's preference.
        now_s: the time at which it is made.
        heartbeat_s: how often the event stream gives a sign of life.
    """
    return (
        _templates().get_template("dashboard.html").render(page=page, theme=theme, now_s=now_s, heartbeat_s=heartbeat_s)
    )


def identity_of(page: Page, *given: object) -> bytes:
    """The part of a page that identifies it: all but the second it was made in, and the time left.

    Args:
        page: the page.
        given: what else its templates show.
    """
    still = replace(page, headline=replace(page.headline, left=""))
    return repr((__version__, _release(), given, still)).encode()


def theme_of(request: Request) -> str | None:
    """The requested theme; ``None`` for the browser's preference."""
    theme: str | None = request.query_params.get("theme")
    return theme if theme in THEMES else None


def views_html(page: Page, *, theme: str | None) -> str:
    """The views alone, as the page's script fetches them."""
    return _templates().get_template("views.html").render(page=page, theme=theme)


FRESH: Final = {"cache-control": "no-cache"}
"""A browser keeps the answer, and validates it before each use."""


def answered(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] = FRESH,
    same_as: bytes | None = None,
) -> Response:
    """An answer with a body, or 304 if the browser has the body already.

    Args:
        request: the request.
        body: the body.
        media_type: the media type of the body.
        status: the status if the body is sent.
        headers: the headers besides the ETag.
        same_as: the part of the body that identifies it, if not all of it does.
    """
    answer = Answer.of(body if same_as is None else same_as)
    tag = answer.etag.decode() if same_as is None else f"W/{answer.etag.decode()}"
    headed = {**headers, "etag": tag}
    known = request.headers.get("if-none-match")
    if status == 200 and answer.matches(None if known is None else known.encode("latin-1")):
        return Response(status_code=304, headers=headed)
    return Response(body, status, headers=headed, media_type=media_type)


def subpage(
    request: Request,
    service: Service,
    template: str,
    shown: Mapping[str, object],
    *,
    root: str = "",
    status: int = 200,
) -> Response:
    """The answer with a page beside the dashboard.

    Args:
        request: the request.
        service: the service whose network it is about.
        template: the name of its template.
        shown: the values that the template shows.
        root: the relative address of the dashboard, such as ``../``.
        status: the status of the answer.
    """
    common = {
        "network": service.network.name or "this network",
        "notices": rehearsal_notices(service.network),
        "public": service.settings.service.public,
        "theme": theme_of(request),
    }
    text = _templates().get_template(template).render(root=root, **common, **shown)
    return answered(request, text.encode(), "text/html; charset=utf-8", status=status)


_COLOURS: dict[Tone, str] = {"good": "#0b6a4a", "attention": "#8a5300", "bad": "#b3251d", "quiet": "#4d5662"}
_CHARACTER, _PADDING = 6.6, 8


def badge_svg(name: str, value: str, tone: Tone) -> str:
    """A badge with ``value`` of ``name``, as one ``<svg>`` without a script and without anything from another server.

    White on its colours has a contrast of at least 5 to 1.
    """
    left, right = (round(len(text) * _CHARACTER + 2 * _PADDING) for text in (name, value))
    label = html.escape(f"{name}: {value}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="22" role="img" aria-label="{label}">'
        f"<title>{label}</title>"
        f'<rect width="{left + right}" height="22" rx="4" fill="{_COLOURS[tone]}"/>'
        f'<path d="M4 0H{left}V22H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z" fill="#2b3138"/>'
        '<g fill="#ffffff" font-family="Verdana, DejaVu Sans, Geneva, sans-serif" font-size="11" text-anchor="middle">'
        f"{_text(name, left / 2, left)}{_text(value, left + right / 2, right)}</g></svg>"
    )


def _text(words: str, middle: float, width: int) -> str:
    """Words that fill their width in any font."""
    return (
        f'<text x="{middle:.1f}" y="15" textLength="{width - 2 * _PADDING}" lengthAdjust="spacingAndGlyphs">'
        f"{html.escape(words)}</text>"
    )
