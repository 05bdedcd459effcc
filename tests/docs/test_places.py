"""The pages for whoever changes the code name files that are there."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = (ROOT / "docs/architecture.md", *sorted((ROOT / "docs/contributing").glob("*.md")))
PACKAGES = r"(?:eras|datum|era_store|chain_reader|release_tools|era_service|tests|docs|tools|\.ci)"
PLACE = re.compile(rf"`({PACKAGES}/[\w./*-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = PLACE.findall(page.read_text(encoding="utf-8"))
    assert [place for place in named if not list(ROOT.glob(place.rstrip("/")))] == []


def test_files_are_named_at_all() -> None:
    assert sum(len(PLACE.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 30
