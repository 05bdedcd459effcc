"""Versions of node software, by semantic versioning. Pure.

In: the text that a node reported, if any. Out: its release, and the place of that release among others. The rules:

1. The part after ``+`` names the build; ``0.3.12+abc`` is the release ``0.3.12``.
2. A pre-release is below its release: ``0.3.12-rc.1 < 0.3.12``.
3. Blanks around a version and a leading ``v`` are not part of it: ``v1.2.3`` is the release ``1.2.3``.
4. A missing version, or one that is not semantic (``1.2``, ``nightly``), is *unknown*: it is kept as reported, is below
   every version, and supports no era.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from era_store import release_of

if TYPE_CHECKING:
    from semver import Version

MAX_VERSION_LENGTH = 256
"""Longer versions are unknown, and too long for a log."""


@lru_cache(maxsize=4096)
def parse_release(release: str | None) -> "Version | None":
    """Return the release as a semantic version; ``None`` if it is unknown."""
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
    """Whether ``release`` is newer than ``other``; an unknown one is older than every known one."""
    mine, its = parse_release(release), parse_release(other)
    return mine is not None and (its is None or mine > its)


def newest_first(releases: Iterable[str | None]) -> tuple[str | None, ...]:
    """Return the releases, newest first; then unknown ones by their text, and last the missing one."""
    given = set(releases)
    known = sorted((release for release in given if is_known(release)), key=_order, reverse=True)
    unknown = sorted(given - set(known), key=lambda release: (release is None, release or ""))
    return (*known, *unknown)


def _order(release: str | None) -> "Version":
    found = parse_release(release)
    assert found is not None  # noqa: S101 - only known ones are sorted by it
    return found
