"""The lock file of CI fits ``pyproject.toml``: when a requirement has changed, ``make lock`` is due."""

import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def required(extra: str | None) -> Iterator[Requirement]:
    """What is required with an extra, those of the extras that it names included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in project["dependencies"] if extra is None else project["optional-dependencies"][extra]:
        one = Requirement(text)
        if one.name == project["name"]:
            for other in one.extras:
                yield from required(other)
        else:
            yield one


def problems(lock: str, wanted: list[Requirement]) -> list[str]:
    """The requirements that a lock file does not meet."""
    locked = {canonicalize_name(name): version for name, version in LOCKED.findall(lock)}
    return [
        f"{one}: locked is {locked.get(canonicalize_name(one.name), 'nothing')}"
        for one in wanted
        if not one.specifier.contains(locked.get(canonicalize_name(one.name), "0"), prereleases=True)
        or canonicalize_name(one.name) not in locked
    ]


def test_every_requirement_is_met_by_the_lock_file() -> None:
    lock = (ROOT / ".ci" / "requirements.lock").read_text(encoding="utf-8")
    assert problems(lock, [*required(None), *required("test"), *required("site")]) == [], "out of date: run make lock"
    assert problems("click==8.1.0\n", [Requirement("click>=8.2"), Requirement("ruff")]) == [
        "click>=8.2: locked is 8.1.0",
        "ruff: locked is nothing",
    ]


def test_every_locked_version_has_hashes_and_ci_asks_for_them() -> None:
    lock = (ROOT / ".ci" / "requirements.lock").read_text(encoding="utf-8")
    parts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert [part.split()[0] for part in parts if "--hash=sha256:" not in part] == []
    assert len(parts) == len(LOCKED.findall(lock))
    assert "LOCKED=1" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "--require-hashes" in (ROOT / "Makefile").read_text(encoding="utf-8")
