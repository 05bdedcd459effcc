"""Charts: well-formed, themable, readable without seeing them, and safe with any text."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release_tools.adoption.charts import (
    CHANCES,
    Canvas,
    Moment,
    Series,
    Span,
    lines,
    stacked_bars,
    standalone,
    timeline,
    up_to,
)

SVG = "{http://www.w3.org/2000/svg}"
LABELS = ("742", "743", "744")
SERIES = (Series("0.2.209", (0.1, 0.82, 0.07)), Series("old", (0.9, 0.0, 0.9), "not-ready"))


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def some_charts() -> list[str]:
    return [
        stacked_bars(LABELS, SERIES, Canvas("t", "d")),
        lines(LABELS, SERIES, Canvas("t", "d"), gate=0.95),
        timeline([Span("a", "x", 1, 5), Span("b", "y", 2, None, "ready")], Canvas("t", "d"), [Moment("now", 3)]),
    ]


@pytest.mark.parametrize("svg", some_charts())
def test_every_chart_is_described_themable_and_without_script(svg: str) -> None:
    root = parsed(svg)
    assert root.tag == f"{SVG}svg"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert (title.text, description.text) == ("t", "d")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert not re.search(r"<script|<style|style=|\bon\w+=|href", svg)
    for element in root.iter():
        for name in ("fill", "stroke"):
            colour = element.get(name)
            assert colour in (None, "none") or re.fullmatch(r"var\(--chart-[\w-]+, #[0-9a-f]{6}\)", colour), colour


@pytest.mark.parametrize("svg", some_charts())
def test_a_chart_in_a_file_of_its_own_needs_nothing_else(svg: str) -> None:
    alone = standalone(svg)
    assert "var(" not in alone
    root, themable = parsed(alone), parsed(svg)
    assert f"0 0 {root.get('width')} {root.get('height')}" == root.get("viewBox")
    for element, same in zip(root.iter(), themable.iter(), strict=True):
        for name in ("fill", "stroke"):
            colour = same.get(name)
            assert element.get(name) == (colour if colour in (None, "none") else f"{colour}"[-8:-1])


def test_a_mark_stands_before_its_label() -> None:
    root = parsed(lines(LABELS, SERIES, Canvas("t", "d", 370), mark=("743", "the switch")))
    (line,) = (line for line in root.iter(f"{SVG}line") if line.get("stroke-dasharray"))
    assert line.get("x1") == line.get("x2") == "158.0", "300 wide from 58 on, and a third of it is 742's"
    assert "the switch" in [text.text for text in root.iter(f"{SVG}text")]
    assert "the switch" not in lines(LABELS, SERIES, Canvas("t", "d"), mark=("9", "the switch"))


def test_a_dashed_line_lets_the_one_below_be_seen() -> None:
    drawn = lines(LABELS, [SERIES[0], Series("same", SERIES[0].values, dashed=True)], Canvas("t", "d"))
    assert [line.get("stroke-dasharray") for line in parsed(drawn).iter(f"{SVG}polyline")] == [None, "6 4"]


def test_bars_are_as_high_as_their_shares() -> None:
    root = parsed(stacked_bars(LABELS, SERIES, Canvas("t", "d")))
    bars = [bar for bar in root.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    heights = {bar.find(f"{SVG}title").text: float(bar.get("height") or 0) for bar in bars}  # type: ignore[union-attr]
    full = 300 - 34 - 26
    assert heights == {
        "742: 0.2.209 10.0 %": pytest.approx(0.1 * full, abs=0.1),
        "742: old 90.0 %": pytest.approx(0.9 * full, abs=0.1),
        "743: 0.2.209 82.0 %": pytest.approx(0.82 * full, abs=0.1),
        "744: 0.2.209 7.0 %": pytest.approx(0.07 * full, abs=0.1),
        "744: old 90.0 %": pytest.approx(0.9 * full, abs=0.1),
    }
    tops = {bar.find(f"{SVG}title").text: float(bar.get("y") or 0) for bar in bars}  # type: ignore[union-attr]
    assert tops["742: old 90.0 %"] == pytest.approx(34, abs=0.1), "they lie upon each other"


def test_lines_are_broken_where_a_value_is_missing() -> None:
    series = [Series("a", (0.1, None, 0.2, 0.3, None)), Series("b", (0.1, 0.2, 0.3, 0.4, 0.5))]
    root = parsed(lines(tuple("abcde"), series, Canvas("t", "d")))
    assert len(list(root.iter(f"{SVG}circle"))) == 3 + 5
    assert [len((line.get("points") or "").split()) for line in root.iter(f"{SVG}polyline")] == [2, 5]


def test_the_gate_is_drawn_where_it_is() -> None:
    svg = lines(LABELS, SERIES, Canvas("t", "d"), gate=0.95)
    (gate,) = [line for line in parsed(svg).iter(f"{SVG}line") if line.get("stroke-dasharray")]
    assert float(gate.get("y1") or 0) == pytest.approx(274 - 240 * 0.95, abs=0.1)
    assert "gate 95 %" in svg
    assert "stroke-dasharray" not in lines(LABELS, SERIES, Canvas("t", "d"))


def test_timeline_is_to_scale() -> None:
    root = parsed(timeline([Span("a", "x", 10, 20), Span("a", "y", 20, 40)], Canvas("t", "d")))
    widths = [float(bar.get("width") or 0) for bar in root.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)


def test_many_labels_do_not_overlap_and_the_newest_is_there() -> None:
    labels = tuple(str(epoch) for epoch in range(600, 745))
    series = (Series("a", (0.5,) * len(labels)),)
    shown = [text.text for text in parsed(lines(labels, series, Canvas("t", "d"))).iter(f"{SVG}text")]
    epochs = [text for text in shown if text in labels]
    assert 5 < len(epochs) < 30
    assert "744" in epochs


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=30))
def test_any_text_is_shown_as_text(text: str) -> None:
    hostile = f"<script>{text}</script>&\"'"
    svg = stacked_bars([hostile], [Series(hostile, (0.5,))], Canvas(hostile, hostile))
    root = parsed(svg)
    assert "<script" not in svg
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == hostile


def test_nothing_to_show_is_an_empty_chart() -> None:
    for svg in (
        stacked_bars([], [], Canvas("t", "d")),
        lines([], [], Canvas("t", "d")),
        timeline([], Canvas("t", "d")),
        timeline([Span("a", "x", 5, 5)], Canvas("t", "d")),
    ):
        parsed(svg)


def test_charts_on_one_page_have_ids_of_their_own() -> None:
    charts = some_charts()
    ids = [match for svg in charts for match in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids)) == 6
    assert some_charts() == charts, "and the same each time"


def test_series_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 3 labels"):
        lines(LABELS, [Series("a", (0.1, 0.2))], Canvas("t", "d"))


def test_a_label_has_a_second_line_where_there_is_room_and_none_is_cut_off() -> None:
    dated = [f"{label}\n2026-11-0{number}" for number, label in enumerate(LABELS, 1)]
    for width in (720, 320):
        root = parsed(lines(dated, SERIES, Canvas("t", "d", width)))
        texts = {text.text: text for text in root.iter(f"{SVG}text")}
        assert set(LABELS) <= texts.keys()
        dates = [float(text.get("x", "")) for words, text in texts.items() if words.startswith("2026-")]
        assert 1 <= len(dates) <= len(LABELS)
        assert max(dates) + 10 * 6.6 / 2 <= width
        assert all(after - before >= 66 for before, after in pairwise(dates))
        assert any("742, 2026-11-01: " in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_a_chance_lies_by_its_nines() -> None:
    places = [round(CHANCES.place(chance), 9) for chance in (*CHANCES.ticks, 1)]
    assert places == [0, 0.25, 0.5, 0.75, 1, 1]
    assert up_to(1.1).ticks == (0, 0.25, 0.5, 0.75, 1.0, 1.25)
    assert up_to(0.4).place(1) == 1
