"""Hooks that work, hang, crash, flood, do not exist: whoever fires them goes on, and a line says how each ended."""

import asyncio
import json
import logging
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from era_service.node.hooks import QUEUE_LENGTH, Facts, Hook, HookEnd, HookEvent, Hooks
from eras import ConfigurationError, EraChecker, EraEvent
from tests.node.programs import alive, gone, in_child, program

FACTS = {"epoch": 7, "era": "pythagoras"}


def fired(hook: Hook, **options: Any) -> HookEnd:
    """How the one run of a hook ended."""
    ends: list[HookEnd] = []
    with Hooks([hook], on_end=ends.append, **options) as hooks:
        assert hooks.fire(hook.event, FACTS) == 1
    (end,) = ends
    return end


def hook(path: Path, body: str, event: HookEvent = HookEvent.ACTIVATED) -> Hook:
    return Hook(event, program(path / "hook", body))


def test_an_executable_gets_the_facts_on_stdin_and_the_event_as_its_argument(tmp_path: Path) -> None:
    end = fired(hook(tmp_path, f"cat > {tmp_path}/in; echo $# $1"))
    assert (end.outcome, end.code, end.output, end.ok) == ("ended", 0, "1 activated\n", True)
    assert json.loads((tmp_path / "in").read_text()) == {"event": "activated", **FACTS}


def test_a_bare_name_is_a_file_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program(tmp_path / "bare", "echo here")
    assert fired(Hook(HookEvent.ACTIVATED, Path("bare"))).output == "here\n"


def test_only_hooks_of_the_event_run_and_they_run_in_order(tmp_path: Path) -> None:
    told: list[tuple[str, HookEvent]] = []

    def first(event: HookEvent, facts: Facts) -> None:
        time.sleep(0.05)
        told.append((facts["era"], event))

    second = Hook(HookEvent.ACTIVATED, lambda event, facts: told.append(("second", event)))
    other = Hook(HookEvent.REFUSED, lambda event, facts: told.append(("other", event)))
    with Hooks([Hook(HookEvent.ACTIVATED, first), second, other]) as hooks:
        assert hooks.fire(HookEvent.ACTIVATED, FACTS) == 2
        assert hooks.fire(HookEvent.ANNOUNCED, FACTS) == 0
        assert hooks.wait(60)
    assert told == [("pythagoras", HookEvent.ACTIVATED), ("second", HookEvent.ACTIVATED)]


def test_no_secret_of_the_environment_reaches_it(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "ERASWITCH_READER__PROJECT_ID": "secret", "NOTIFY_SOCKET": "/x", "MINE": "1"}
    end = fired(hook(tmp_path, "env"), environ=environ, pass_environment=["MINE"])
    names = {line.partition("=")[0] for line in end.output.splitlines()}
    assert {"PATH", "MINE"} <= names
    assert "secret" not in end.output
    assert "NOTIFY_SOCKET" not in names


def test_one_that_hangs_is_killed_with_its_group_and_nobody_waited_for_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hanging = hook(tmp_path, f"trap '' TERM; sleep 600 & echo $! $$ > {pids}; wait")
    ends: list[HookEnd] = []
    with Hooks([hanging], timeout_s=2.0, on_end=ends.append) as hooks:
        hooks.fire(HookEvent.ACTIVATED, FACTS)
        assert ends == [], "firing waits for nobody"
    assert [end.outcome for end in ends] == ["timed out"]
    assert gone([int(pid) for pid in pids.read_text().split()])


def test_megabytes_are_cut_and_the_program_can_go_on(tmp_path: Path) -> None:
    end = fired(hook(tmp_path, "head -c 5000000 /dev/zero | tr '\\0' 'x'; exit 3"), max_output_bytes=1_000)
    assert (end.outcome, end.code) == ("failed", 3)
    assert end.output == "x" * 1_000 + " … (5000000 bytes in all, cut)"


def test_one_that_never_ends_printing_is_killed_in_time(tmp_path: Path) -> None:
    began = time.monotonic()
    end = fired(hook(tmp_path, "exec yes"), timeout_s=0.3)
    assert end.outcome == "timed out"
    assert time.monotonic() - began < 20


def test_one_that_leaves_something_behind_with_its_output_open_is_not_waited_for(tmp_path: Path) -> None:
    end = fired(hook(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; echo done"), timeout_s=30)
    left = int((tmp_path / "pid").read_text())
    assert alive(left), "what it left on purpose goes on"
    os.kill(left, signal.SIGKILL)
    assert (end.outcome, end.output) == ("ended", "done\n")
    assert end.seconds < 20


def test_one_that_crashes(tmp_path: Path) -> None:
    end = fired(hook(tmp_path, "kill -SEGV $$"))
    assert (end.outcome, end.code, end.ok) == ("killed", -11, False)


def test_output_that_is_no_text(tmp_path: Path) -> None:
    assert fired(hook(tmp_path, "printf '\\377\\000a'")).output == "\ufffd\0a"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "not a file"),
        (lambda path: path.write_text("#!/bin/sh\n"), "not executable"),
    ],
)
def test_what_cannot_be_run_is_named_at_start_up_and_stops_nothing(
    make: Any, problem: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hook"
    make(path)
    bad = Hook(HookEvent.REFUSED, path)
    good = Hook(HookEvent.REFUSED, lambda event, facts: None)
    ends: list[HookEnd] = []
    with caplog.at_level(logging.INFO), Hooks([bad, good], on_end=ends.append) as hooks:
        assert hooks.problems() == (f"The hook refused {path} cannot be run: {problem}",)
        hooks.fire(HookEvent.REFUSED, FACTS)
    assert [end.outcome for end in ends] == ["not started", "ended"]
    assert f"The hook refused {path} not started" in caplog.text


def test_a_script_without_an_interpreter_that_exists(tmp_path: Path) -> None:
    path = program(tmp_path / "hook", "")
    path.write_text("#!/no/such/interpreter\n")
    end = fired(Hook(HookEvent.ACTIVATED, path))
    assert (end.outcome, end.output) == ("not started", "No such file or directory")


@pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_a_callable_that_raises(raised: BaseException) -> None:
    def call(event: HookEvent, facts: Facts) -> None:
        raise raised

    end = fired(Hook(HookEvent.ACTIVATED, call))
    assert (end.outcome, end.output) == ("raised", f"{type(raised).__name__}: {raised}")


def test_a_callable_that_hangs_is_left_behind_and_the_next_one_runs() -> None:
    release, ends = threading.Event(), list[HookEnd]()
    hanging = Hook(HookEvent.ACTIVATED, lambda event, facts: release.wait(30))
    after = Hook(HookEvent.ACTIVATED, lambda event, facts: None)
    with Hooks([hanging, after], timeout_s=2.0, on_end=ends.append) as hooks:
        hooks.fire(HookEvent.ACTIVATED, FACTS)
    release.set()
    assert [end.outcome for end in ends] == ["timed out", "ended"]


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    release, ran = threading.Event(), list[int]()

    def slow(event: HookEvent, facts: Facts) -> None:
        release.wait(30)
        ran.append(facts["n"])

    with Hooks([Hook(HookEvent.REFUSED, slow)]) as hooks:
        hooks.fire(HookEvent.REFUSED, {"n": 0})
        while len(hooks._refused):
            time.sleep(0.01)
        taken = sum(hooks.fire(HookEvent.REFUSED, {"n": n}) for n in range(1, QUEUE_LENGTH + 11))
        assert (taken, hooks.dropped) == (QUEUE_LENGTH, 10)
        assert not hooks.wait(0.05)
        release.set()
    assert ran == list(range(QUEUE_LENGTH + 1))
    assert "is not run: 256 are waiting already" in caplog.text


def test_a_line_says_how_each_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fired(hook(tmp_path, "echo swapped; exit 4"))
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    said = record.getMessage().removeprefix(f"The hook activated {tmp_path}/hook failed with exit code 4 in ")
    assert re.fullmatch(r"\d+\.\d+ s: swapped", said)


def test_closing_twice_and_firing_afterwards_is_fine() -> None:
    hooks = Hooks([Hook(HookEvent.REFUSED, lambda event, facts: None)])
    hooks.fire(HookEvent.REFUSED, FACTS)
    hooks.close()
    hooks.close()
    assert hooks.fire(HookEvent.REFUSED, FACTS) == 0


def test_what_strangers_cause_delays_nothing_else_and_nothing_else_is_dropped() -> None:
    release, told = threading.Event(), list[str]()

    def slow(event: HookEvent, facts: Facts) -> None:
        release.wait(60)

    safety = [event for event in HookEvent if event is not HookEvent.REFUSED]
    noting = [Hook(event, lambda event, facts: told.append(str(event))) for event in safety]
    with Hooks([Hook(HookEvent.REFUSED, slow), *noting]) as hooks:
        for _ in range(QUEUE_LENGTH + 50):
            hooks.fire(HookEvent.REFUSED, FACTS)
        for event in safety * QUEUE_LENGTH:
            assert hooks.fire(event, FACTS) == 1
        assert hooks.wait(60, refused=False), "the refusals are still held up"
        assert told == [str(event) for event in safety] * QUEUE_LENGTH
        assert not hooks.wait(0)
        release.set()


def test_at_the_end_refusals_have_the_time_of_one(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    hooks = Hooks([Hook(HookEvent.REFUSED, lambda event, facts: release.wait(60))], timeout_s=60)
    for _ in range(10):
        hooks.fire(HookEvent.REFUSED, FACTS)
    hooks.close(0.1)
    release.set()
    assert "hooks were still waiting at the end, not run" in caplog.text


def test_async_hooks_are_awaited() -> None:
    told: list[str] = []

    async def hook(event: HookEvent, facts: Facts) -> None:
        await asyncio.sleep(0)
        told.append(facts["era"])

    class Object:
        async def __call__(self, event: HookEvent, facts: Facts) -> None:
            await hook(event, facts)

    async def failing(event: HookEvent, facts: Facts) -> None:
        raise ValueError(facts["era"])

    async def late(event: HookEvent, facts: Facts) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            told.append("cancelled")

    assert fired(Hook(HookEvent.ACTIVATED, hook)).ok
    assert fired(Hook(HookEvent.ACTIVATED, Object())).ok
    assert told == ["pythagoras"] * 2
    end = fired(Hook(HookEvent.ACTIVATED, failing))
    assert (end.outcome, end.output) == ("raised", "ValueError: pythagoras")
    assert fired(Hook(HookEvent.ACTIVATED, late), timeout_s=1.0).outcome == "timed out"
    until = time.monotonic() + 30
    while "cancelled" not in told and time.monotonic() < until:
        time.sleep(0.01)
    assert told[-1] == "cancelled"


def test_what_a_call_would_not_run_is_refused_when_it_is_registered() -> None:
    def generator(*_: Any) -> Any:
        yield

    async def generating(*_: Any) -> Any:
        yield

    async def coroutine(*_: Any) -> None: ...

    for wrong in (generator, generating):
        with pytest.raises(ConfigurationError, match="cannot be registered as the hook activated"):
            Hook(HookEvent.ACTIVATED, wrong)
    with pytest.raises(ConfigurationError, match="as on_end.*got a coroutine function"):
        Hooks(on_end=coroutine)
    with pytest.raises(ConfigurationError, match="as a handler of the event 'ready'.*got a coroutine function"):
        EraChecker().on(EraEvent.READY, coroutine)  # type: ignore[arg-type]


def test_hooks_run_in_a_forked_process_too() -> None:
    told: list[str] = []
    with Hooks([Hook(HookEvent.ACTIVATED, lambda event, facts: told.append(facts["era"]))]) as hooks:
        hooks.fire(HookEvent.ACTIVATED, {"era": "thales"})
        assert hooks.wait(30)

        def child() -> list[str]:
            hooks.fire(HookEvent.ACTIVATED, {"era": "pythagoras"})
            hooks.wait(30)
            return told

        assert in_child(child) == ["thales", "pythagoras"]
