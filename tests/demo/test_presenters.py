"""What each presenter makes of the events of a whole story."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from era_service.demo.presenters import DemoEvent, JsonPresenter, PlainPresenter
from era_service.demo.rich_presenter import PAUSE_BUDGET_S, RichPresenter
from era_service.demo.stage import Stage
from tests.demo.conftest import Recorder

Told = tuple[bool, Recorder, Stage]


def test_json_is_one_object_a_line(told: Told) -> None:
    stream = io.StringIO()
    with JsonPresenter(stream) as presenter:
        for event in told[1].events:
            presenter.show(event)
    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert written == [json.loads(json.dumps(event.to_dict())) for event in told[1].events]
    assert stream.getvalue().isascii()


def test_plain_has_every_text_and_nothing_for_terminals(told: Told) -> None:
    stream = io.StringIO()
    with PlainPresenter(stream) as presenter:
        for event in told[1].events:
            presenter.show(event)
    text = stream.getvalue()
    assert all(event.text in text for event in told[1].events)
    assert "\x1b" not in text
    assert "6/8 The switch" in text


def terminal(width: int) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(
        file=stream, force_terminal=True, width=width, height=24, color_system="256", highlight=False
    ), stream


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_shows_sections_a_table_and_a_summary(told: Told, width: int) -> None:
    console, stream = terminal(width)
    rests: list[float] = []
    with RichPresenter(console, pause=rests.append) as presenter:
        for event in told[1].events:
            presenter.show(event)
    shown = plain(stream.getvalue())
    assert max(map(len, shown.splitlines())) <= width
    assert "6/8 The switch ─" in shown
    assert "warns: must be upgraded" in shown
    assert "→ pythagoras at epoch 7" in shown
    assert "UnsupportedEraError" in shown
    assert "epoch 5   adoption of pythagoras ████████████████████░░░░ 85.1 %" in shown
    assert "…" not in shown, "a column of the table is too narrow"
    assert shown.rstrip().splitlines()[-1].startswith("╰"), "the summary comes last"
    assert 5 < sum(rests) <= PAUSE_BUDGET_S + 1e-9


def plain(output: str) -> str:
    from rich.text import Text

    return "\n".join(Text.from_ansi(line).plain for line in output.splitlines())


def test_failure_is_shown_on_every_presenter(tmp_path: Path) -> None:
    events = [
        DemoEvent("failed", 6, 7, "Step 6 does not hold: expected 7, got 8", {"code": "StepFailed"}),
        DemoEvent("finished", 6, 7, "NOT verified: the demo ended in step 6", {"verified": False}),
    ]
    console, rich_stream = terminal(80)
    streams = [io.StringIO(), io.StringIO(), rich_stream]
    for presenter in (JsonPresenter(streams[0]), PlainPresenter(streams[1]), RichPresenter(console)):
        with presenter:
            for event in events:
                presenter.show(event)
    for stream in streams:
        assert "expected 7, got 8" in plain(stream.getvalue())
        assert "NOT verified" in plain(stream.getvalue())


def test_live_display_ends_when_the_story_breaks() -> None:
    console, stream = terminal(80)
    with pytest.raises(RuntimeError, match="broken"), RichPresenter(console):
        raise RuntimeError("broken")
    assert stream.getvalue().endswith("\x1b[?25h"), "the cursor is back"
