"""The logs: form, context on every line, and nothing secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from era_service.logs import (
    AT_ONCE,
    MAX_LINES,
    WINDOW_S,
    RepeatFilter,
    bind_era,
    change_log,
    configure_logging,
    toggle_debug,
    toggle_format,
)
from era_store.redaction import MASK, register_secret
from eras import Epoch, __version__


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def clean_context() -> Iterator[None]:
    yield
    bind_era(None, None)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_libraries_write_json_lines_with_the_context() -> None:
    stream = io.StringIO()
    configure_logging("info", "auto", stream)
    bind_era("thales", Epoch(5))
    logging.getLogger("eras").warning("read %s outputs", 3, extra={"outputs": 3})
    structlog.get_logger("chain").info("switched", era="pythagoras")
    first, second = lines(stream)
    assert (first["event"], first["level"], first["logger"], first["outputs"]) == (
        "read 3 outputs",
        "warning",
        "eras",
        3,
    )
    assert (first["era"], first["epoch"], first["version"]) == ("thales", 5, __version__)
    assert (second["event"], second["era"], second["epoch"]) == ("switched", "pythagoras", 5)


def test_the_context_is_on_a_line_before_any_era_is_known() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("x").info("starting")
    assert lines(stream)[0] | {"era": None, "epoch": None} == lines(stream)[0]


def test_text_on_a_terminal() -> None:
    stream = Terminal()
    configure_logging("info", "auto", stream)
    bind_era("thales", Epoch(5))
    logging.getLogger("eras").warning("hello")
    assert "hello" in stream.getvalue()
    assert "thales" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_level_and_noisy_libraries() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("eras").debug("no")
    logging.getLogger("urllib3").info("no")
    assert stream.getvalue() == ""
    configure_logging("debug", "json", stream)
    logging.getLogger("urllib3").info("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_configuring_again_replaces_our_handler_and_no_other() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first, second = io.StringIO(), io.StringIO()
    configure_logging("info", "json", first)
    configure_logging("info", "json", second)
    logging.getLogger("x").warning("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1
    assert other in logging.getLogger().handlers


def test_no_secret_reaches_a_line() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    register_secret("hush-hush")
    log = structlog.get_logger("x")
    log.info("a key", project_id="abc-def", nested={"api_key": "abc-def", "list": ["hush-hush"]})
    log.info("hush-hush in the text", url="https://me:abc-def@host/x", error=ValueError("hush-hush"))
    logging.getLogger("y").warning("standard %s", "hush-hush", extra={"signing_key": "abc-def"})
    try:
        int("hush-hush")
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert len(lines(stream)) == 4
    assert "hush-hush" not in text
    assert "abc-def" not in text
    assert f"https://{MASK}@host/x" in text
    assert "Traceback" in lines(stream)[3]["exception"]


def test_text_is_one_line_for_each_event_and_nothing_in_it_steers_the_terminal() -> None:
    stream = io.StringIO()
    configure_logging("info", "text", stream)
    bind_era("x\x1b[2J", Epoch(5))
    logging.getLogger("x").warning("a hook printed %s", "y\ny\x1b]0;pwned\x07\n2026 [info] all is well")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b]" not in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
    assert "y\\ny\\u001b]0;pwned" in stream.getvalue()
    try:
        int("many")
    except ValueError:
        logging.getLogger("x").exception("it broke")
    assert "Traceback (most recent call last):\n" in stream.getvalue(), "where lines belong they stay"


def test_nothing_steers_the_terminal_in_json_or_in_a_traceback() -> None:
    odd = "\x9b2J \x7f \u202e \ud800 \x1b[2J é"
    for form in ("json", "text"):
        stream = io.StringIO()
        configure_logging("info", form, stream)
        error = ValueError(odd)
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "it said %s", (odd,), (ValueError, error, None))
        (handler,) = (one for one in logging.getLogger().handlers if getattr(one, "stream", None) is stream)
        handler.handle(record)  # and no other: what captures the logs of a test could not report half a surrogate pair
        assert [char for char in stream.getvalue() if not (char.isprintable() or char == "\n")] == []
        assert "é" in stream.getvalue()
        if form == "json":
            assert lines(stream)[0]["event"] == f"it said {odd}"


def test_level_and_format_are_changed_while_it_runs() -> None:
    stream = io.StringIO()
    configure_logging("warning", "json", stream)
    log = logging.getLogger("x")
    log.debug("hidden")
    toggle_debug()
    log.debug("shown")
    toggle_format()
    log.debug("as text")
    toggle_format()
    toggle_debug()
    log.info("hidden again")
    texts = stream.getvalue().splitlines()
    assert [json.loads(line)["event"] for line in (texts[0], texts[1], *texts[4:])] == [
        "The log level is now debug",
        "shown",
        "The log format is now json",
        "The log level is now warning",
    ]
    assert ["The log format is now text" in texts[2], "as text" in texts[3]] == [True, True]
    configure_logging("debug", "json", stream)
    toggle_debug()
    assert logging.getLogger().level == logging.INFO


def test_repeated_lines_are_counted_and_other_lines_are_not_held_back() -> None:
    now = [0.0]
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    handler = next(one for one in logging.getLogger().handlers if any(isinstance(f, RepeatFilter) for f in one.filters))
    handler.filters = [RepeatFilter(lambda: now[0])]
    log = logging.getLogger("flood")
    for number in range(AT_ONCE + 7):
        log.warning("the provider is silent")
        log.warning("another %s", number)
    texts = [line["event"] for line in lines(stream)]
    assert texts.count("the provider is silent") == AT_ONCE
    assert sum(text.startswith("another") for text in texts) == AT_ONCE + 7
    now[0] = WINDOW_S + 1
    log.info("something else")
    told = [line for line in lines(stream) if "left_out" in line]
    assert [(line["left_out"], line["level"]) for line in told] == [(7, "warning")]
    assert "the provider is silent" in told[0]["event"]
    log.warning("the provider is silent")
    assert [line["event"] for line in lines(stream)].count("the provider is silent") == AT_ONCE + 1
    change_log("debug")
    for _ in range(2 * AT_ONCE):
        log.warning("all of these")
    assert [line["event"] for line in lines(stream)].count("all of these") == 2 * AT_ONCE


def test_what_was_left_out_of_many_different_lines_is_not_forgotten() -> None:
    sieve = RepeatFilter(lambda: 0.0)
    for number in range(MAX_LINES + 10):
        assert sieve.filter(logging.makeLogRecord({"name": "x", "msg": f"line {number}", "levelno": logging.WARNING}))
    assert len(sieve._windows) <= MAX_LINES + 1
