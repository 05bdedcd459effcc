"""The public API stays small: each front door shows what its users need, and every name of it is documented."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_imports import DOORS, PACKAGES, ROOT

MOST = {
    "chain_reader": 43,
    "chain_reader.local_chain": 6,
    "datum": 35,
    "datum.configuration": 12,
    "era_service.web": 2,
    "era_store": 29,
    "eras": 29,
    "eraswitch": 35,
    "eraswitch.testing": 5,
    "release_tools": 23,
    "release_tools.registrations": 2,
    "release_tools.rehearsal": 2,
}
"""Names of each door at most. What is used in few places is imported from its module, and is internal."""


@pytest.mark.parametrize("door", DOORS)
def test_a_door_has_few_names(door: str) -> None:
    assert len(importlib.import_module(door).__all__) <= MOST[door]


def texts(folder: Path) -> Iterator[Path]:
    """The files of a folder with programs in them, without those of npm's packages, which are thousands."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "node_modules":
            yield from texts(path)
        elif path.suffix in (".py", ".sh", ".md"):
            yield path


def test_programs_in_strings_import_names_that_are_there() -> None:
    """What tests and tools run in a process of its own, no other check reads."""
    written = re.compile(rf"from ({'|'.join(map(re.escape, DOORS))}) import ([\w, ]+)")
    gone = [
        f"{path.relative_to(ROOT)}: {door}.{name}"
        for folder in ("tests", "tools", "deploy", "benchmarks", "docs", "examples")
        for path in texts(ROOT / folder)
        for door, names in written.findall(path.read_text(encoding="utf-8"))
        for name in (one.split()[0] for one in names.split(",") if one.strip())
        if not hasattr(importlib.import_module(door), name)
        and not (ROOT / door.replace(".", "/") / f"{name}.py").exists()
    ]
    assert gone == []


def test_what_users_are_shown_imports_from_front_doors_only() -> None:
    imported = re.compile(rf"^from ((?:{'|'.join(PACKAGES)})[\w.]*) import ", re.MULTILINE)
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").iterdir()]
    named = [
        (page.name, door)
        for page in pages
        if page.is_file()
        for door in imported.findall(page.read_text(encoding="utf-8"))
    ]
    assert len(named) > 15
    assert [one for one in named if one[1] not in (*DOORS, "eraswitch.openfeature")] == []


def test_every_public_name_is_documented() -> None:
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    names = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8").partition("\n## Names\n")[2]
    for door in DOORS:
        own = names.partition(f"\nFrom `{door}`:\n")[2].partition("\nFrom ")[0]
        part = own or api.partition(f"\n## {door}\n")[2].partition("\n## ")[0]
        assert {name for name in importlib.import_module(door).__all__ if f"| `{name}` | " not in part} == set(), door
