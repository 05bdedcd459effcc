"""Versions of node software, by semantic versioning. Pure.

In: the text that a node reported, if any. Out: its release, and the place of that release among others. The rules:

1. The part after ``+`` names the build; ``0.3.12+abc`` is the release ``0.3.12``.
2. A pre-release lies below its release: ``0.3.12-rc.1 < 0.3.12``.
3. Blanks around a version and a leading ``v`` are not part of it: ``v1.2.3`` is the release ``1.2.3``.
4. What is missing, or is not a semantic version (``1.2``, ``nightly``), is *unknown*: it is kept as it was reported,
   lies below every version, and nothing is vouched for about it.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from era_store import release_of

if TYPE_CHECKING:
    from semver import Version

MAX_VERSION_LENGTH = 256
"""Longer ones are unknown: no release is called so, and nobody's log should hold it."""


@lru_cache(maxsize=4096)
def parse_release(release: str | None) -> "Version | None":
    """The release as a semantic version; ``None`` where it is unknown."""
    from semver import Version

    text = release_of(release)
    if text is None or len(text) > MAX_VERSION_LENGTH or not text.isascii():  # semver < 3.1 takes any digits
        return None
    try:
        return Version.parse(text)
    except ValueError:
        return None


def is_known(release: str | None) -> bool:
    """Whether a release is a semantic version."""
    return parse_release(release) is not None


def is_newer(release: str | None, other: str | None) -> bool:
    """Whether ``release`` comes after ``other``; an unknown one comes before every known one."""
    mine, its = parse_release(release), parse_release(other)
    return mine is not None and (its is None or mine > its)


def newest_first(releases: Iterable[str | None]) -> tuple[str | None, ...]:
    """The releases, newest first; then the unknown ones by their text, and last that which nobody reported."""
    given = set(releases)
    known = sorted((release for release in given if is_known(release)), key=_order, reverse=True)
    unknown = sorted(given - set(known), key=lambda release: (release is None, release or ""))
    return (*known, *unknown)


def _order(release: str | None) -> "Version":
    found = parse_release(release)
    assert found is not None  # noqa: S101 - only known ones are sorted by it
    return found
