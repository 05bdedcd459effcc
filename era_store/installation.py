"""How to install what is missing: a pip command that works where this copy of eraswitch came from."""

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

DISTRIBUTION = "eraswitch"
_TOO_MUCH = ("test",)  # a part that requires everything is never the answer
_NESTED = ("watch", "tools", "service")
"""Parts that each hold the one before."""


def install_command(package: str, part: str | None = None) -> str:
    """The pip command that installs a missing package with the part of eraswitch that requires it.

    Args:
        package: the name under which the package is imported.
        part: what the caller needs in all, so that one installation is enough: ``watch``, ``tools`` or ``service``.
    """
    from importlib.metadata import PackageNotFoundError, distribution  # slow to import, and only errors need it

    try:
        found = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return f"pip install {package}"
    extra = _larger(_part_with(found, package), part)
    source = _source(found, extra)
    if source is None:
        return f"pip install {' '.join(map(shlex.quote, _requirements(found, extra)))}"
    return f"pip install {source}"


def _source(found: "Distribution", extra: str) -> str | None:
    """The source of this copy, as pip takes it (PEP 610); ``None`` where it is unknown or gone."""
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if url.startswith("file:"):
        path = Path(unquote(urlsplit(url).path))
        flag = "-e " if origin.get("dir_info", {}).get("editable") else ""
        return f"{flag}{shlex.quote(f'{path}[{extra}]')}" if path.exists() else None
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    return shlex.quote(f"{DISTRIBUTION}[{extra}] @ {url}") if url else None


def _part_with(found: "Distribution", package: str) -> str:
    """The smallest extra that requires a package; ``all`` where none is known to."""
    parts = {
        extra: _requirements(found, extra)
        for extra in found.metadata.get_all("Provides-Extra") or ()
        if extra not in _TOO_MUCH
    }
    fitting = [extra for extra, required in parts.items() if _normal(package) in map(_normal, required)]
    return min(fitting, key=lambda extra: len(parts[extra]), default="all")


def _larger(part: str, other: str | None) -> str:
    """The one of two parts that holds the other; the first where neither does."""
    return max(part, other, key=_NESTED.index) if part in _NESTED and other in _NESTED else part


def _requirements(found: "Distribution", extra: str) -> list[str]:
    """The requirements of an extra beyond the base."""
    split = [requirement.partition(";") for requirement in found.requires or ()]
    return [name.strip() for name, _, condition in split if f"extra == '{extra}'" in condition.replace('"', "'")]


def _normal(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]*[A-Za-z0-9]", requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""
