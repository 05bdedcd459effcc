"""Text from elsewhere, made visible in one way everywhere."""

import re

import pytest

from era_service.cli.shared.output import printable
from eras.words import of_sheet_cell, sheet_cell, visible
from tests.conftest import ROOT

HOSTILE = [f"a{char}b" for char in "\n\x1b\u202e\u2066\u200f\u200b\x00\x7f\u2028\ud800"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_steers_is_left(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert shown[0] + shown[-1] == "ab"
    assert re.search(r"\\(u[0-9a-f]{4}|n)", shown)
    assert printable(text) == shown


def test_what_can_be_seen_stays_and_line_breaks_of_our_own_too() -> None:
    assert visible("Zürich 東京 \U0001f600") == "Zürich 東京 \U0001f600"
    assert visible("a\nb", keep="\n") == "a\nb"


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "plain", "'quoted", "'=x", ""])
def test_no_cell_begins_a_formula_and_all_come_back(text: str) -> None:
    cell = sheet_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    if text.isprintable() and not text.startswith("'="):
        assert of_sheet_cell(cell) == text


def test_there_is_one_such_function() -> None:
    written = [
        str(path.relative_to(ROOT))
        for package in ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")
        for path in (ROOT / package).rglob("*.py")
        if "isprintable() " in path.read_text() and "json.dumps(char)" in path.read_text()
    ]
    assert written == ["eras/words.py"]
