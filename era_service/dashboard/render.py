"""From view models to HTML: the templates, and the static files beside them.

In: a ``Page``. Out: HTML as text. Everything the page needs comes with the package; no other server is asked.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request

from era_service.dashboard.views import Page
from era_service.dashboard.words import clock, iso, moment
from eras import __version__
from eras.visible import visible

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


def _shown(value: object) -> object:
    """Text from elsewhere as a page may have it; what is markup of our own stays as it is."""
    return visible(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def _dated(text: str) -> Markup:
    """Text in which no date is broken over two lines."""
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
        release=" ".join(sorted(asset.address for asset in assets().values())),
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


def theme_of(request: Request) -> str | None:
    """The theme that is asked for; ``None`` for the browser's preference."""
    theme: str | None = request.query_params.get("theme")
    return theme if theme in THEMES else None


def subpage_html(template: str, *, root: str, theme: str | None, **shown: object) -> str:
    """A page beside the dashboard.

    Args:
        template: the name of its template.
        root: the way from its address to the dashboard's, such as ``../``.
        theme: ``light`` or ``dark``; without it the browser's preference.
        shown: what the template shows.
    """
    return _templates().get_template(template).render(root=root, theme=theme, **shown)


def views_html(page: Page, *, theme: str | None) -> str:
    """The views alone, as the page's script fetches them."""
    return _templates().get_template("views.html").render(page=page, theme=theme)
