"""How to install what is missing: a pip command that works where this copy of eraswitch came from."""

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

DISTRIBUTION = "eraswitch"
_TOO_MUCH = ("test",)  # a part that requires everything is never the answer


def install_command(package: str) -> str:
    """The pip command that installs a missing package with the part of eraswitch that requires it.

    Args:
        package: the name under which the package is imported.
    """
    from importlib.metadata import PackageNotFoundError, distribution  # slow to import, and only errors need it

    try:
        found = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return f"pip install {package}"
    extra = _part_with(found, package)
    source, is_editable = _source(found)
    return f"pip install {'-e ' if is_editable else ''}'{source}[{extra}]'"


def _part_with(found: "Distribution", package: str) -> str:
    """The first extra that requires a package; ``all`` where none is known to."""
    wanted = _normal(package)
    extras: list[str] = [extra for extra in found.metadata.get_all("Provides-Extra") or () if extra not in _TOO_MUCH]
    for extra in extras:
        for requirement in found.requires or ():
            name, _, condition = requirement.partition(";")
            if f"extra == '{extra}'" in condition.replace('"', "'") and _normal(name) == wanted:
                return extra
    return "all"


def _normal(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]*[A-Za-z0-9]", requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _source(found: "Distribution") -> tuple[str, bool]:
    """Where this copy came from, as pip takes it, and whether it is editable (PEP 610); its name for an index."""
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    is_editable = bool(origin.get("dir_info", {}).get("editable"))
    if not url:
        return DISTRIBUTION, False
    return (unquote(urlsplit(url).path) if url.startswith("file:") else f"{DISTRIBUTION} @ {url}"), is_editable
