"""Before a switch: hooks prepare a node an epoch ahead and at the switch, and may veto it only by stopping the node."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from era_service.node.hooks import Facts, Hook, HookEvent
from era_service.node.watcher import WatchEnd
from era_store import EventFilter
from eras import EraNotReadyError
from tests.node.programs import program
from tests.node.world import PYTHAGORAS, THALES, Watched, publish

OUTCOMES = EventFilter(kinds=("prepared", "unprepared", "vetoed"))


class Prepares:
    """A hook that notes its facts, and does what it is told to."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.does: Callable[[Facts], object] = lambda facts: None

    def __call__(self, event: HookEvent, facts: Facts) -> None:
        self.told.append(dict(facts))
        self.does(facts)


@pytest.fixture
def prepares() -> Prepares:
    return Prepares()


def hooked(node: Watched, *runs: Any, **options: Any) -> Any:
    """A watcher with hooks before the switch, which are over when the clock moves on."""
    watcher = node.watcher(more_hooks=[Hook(HookEvent.BEFORE_SWITCH, run) for run in runs], **options)
    watcher._wait = lambda seconds: (watcher._preparation.wait(), node.sleep(seconds))
    return watcher


def walk(node: Watched, watcher: Any, epoch: int) -> None:
    node.to_epoch(watcher, epoch)
    watcher._preparation.wait()
    watcher.step()


def outcomes(node: Watched) -> list[tuple[str, dict[str, Any]]]:
    """What the event log has of them."""
    told: list[tuple[str, dict[str, Any]]] = []
    before = None
    while (event := node.store.events.last(OUTCOMES, before=before)) is not None:
        told.insert(0, (event.kind, dict(event.facts)))
        before = event.id
    return told


def test_they_run_an_epoch_ahead_and_at_the_switch_and_the_event_log_has_it(node: Watched, prepares: Prepares) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 8))
    watcher = hooked(node, prepares)
    walk(node, watcher, 6)
    assert prepares.told == []
    walk(node, watcher, 7)
    walk(node, watcher, 8)
    walk(node, watcher, 9)
    told = {"event": "before-switch", "era": PYTHAGORAS, "begins": 8}
    assert prepares.told == [{**told, "phase": "ahead", "epoch": 7}, {**told, "phase": "switch", "epoch": 8}]
    assert outcomes(node) == [
        ("prepared", {"era": PYTHAGORAS, "phase": "ahead"}),
        ("prepared", {"era": PYTHAGORAS, "phase": "switch"}),
    ]
    with watcher.work() as era:
        assert era == PYTHAGORAS


def test_what_is_learnt_in_the_last_epoch_is_prepared_at_once(node: Watched, prepares: Prepares) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    node.until(watcher := hooked(node, prepares), 0)
    watcher._preparation.wait()
    assert [facts["phase"] for facts in prepares.told] == ["ahead"]


def test_no_work_begins_while_the_switch_is_prepared(node: Watched, prepares: Prepares) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 7))
    release = threading.Event()
    watcher = hooked(node, prepares)
    walk(node, watcher, 6)
    prepares.does = lambda facts: release.wait(60)
    with watcher.work() as era:
        node.to_epoch(watcher, 7)
        assert era == watcher.checker.current_era == THALES, "what has begun is finished in its era"
    assert watcher.checker.current_era == PYTHAGORAS
    with pytest.raises(EraNotReadyError, match=r"era pythagoras: expected .*, got hooks that are still running"):
        watcher.work().__enter__()
    release.set()
    walk(node, watcher, 7)
    with watcher.work() as era:
        assert era == PYTHAGORAS


def test_a_failure_ahead_is_a_warning(node: Watched, prepares: Prepares, caplog: pytest.LogCaptureFixture) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 7))
    watcher = hooked(node, prepares)

    def fail(facts: Facts) -> None:
        if facts["phase"] == "ahead":
            raise ValueError("no room for a backup")

    prepares.does = fail
    walk(node, watcher, 6)
    with watcher.work() as era:
        assert era == THALES
    assert "could not be prepared for the era pythagoras" in caplog.text
    assert "ValueError: no room for a backup" in caplog.text
    walk(node, watcher, 7)
    assert [kind for kind, _ in outcomes(node)] == ["unprepared", "prepared"]


@pytest.mark.parametrize("makes", ["fail", "raise", "hang", "missing"])
def test_a_failure_at_the_switch_stops_the_node_with_the_reason(
    node: Watched, makes: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))

    def raises(event: HookEvent, facts: Facts) -> None:
        if facts["phase"] == "switch":
            raise ValueError("the database is too old")

    quiet_ahead = "grep -q ahead && exit 0"
    runs: dict[str, Any] = {
        "fail": program(tmp_path / "fail", f"{quiet_ahead}; echo looking; echo the database is too old; exit 3"),
        "raise": raises,
        "hang": program(tmp_path / "hang", f"{quiet_ahead}; exec sleep 60"),
        "missing": tmp_path / "missing",
    }
    watcher = hooked(node, runs[makes])
    node.hooks._before_switch_timeout_s = 2.0
    end = watcher.run()
    why = {
        "fail": f"the database is too old ({tmp_path}/fail failed with exit code 3)",
        "raise": "ValueError: the database is too old",
        "hang": f"{tmp_path}/hang timed out",
        "missing": f"No such file or directory ({tmp_path}/missing not started)",
    }[makes]
    assert end.code == 4
    assert end.reason.startswith(f"the switch to the era pythagoras was vetoed: {why}")
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert any("was vetoed, and the node stops" in line for line in errors)
    assert outcomes(node)[-1][0] == "vetoed"
    with pytest.raises(EraNotReadyError):
        watcher.work().__enter__()


def test_a_restart_does_not_overrule_a_veto(node: Watched, prepares: Prepares) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))

    def veto(facts: Facts) -> None:
        raise ValueError("not yet")

    prepares.does = veto
    for _ in range(2):
        assert hooked(node, prepares).run().reason.startswith("the switch to the era pythagoras was vetoed")
        node.hooks.close()
    assert [facts["phase"] for facts in prepares.told] == ["ahead", "switch", "switch"]
    prepares.does = lambda facts: None
    watcher = hooked(node, prepares)
    walk(node, watcher, 6)
    with watcher.work() as era:
        assert era == PYTHAGORAS
    node.hooks.close()
    node.until(hooked(node, prepares), 0)
    assert len(prepares.told) == 4, "once it is prepared, no start runs them again"


def test_a_switch_that_was_cut_short_is_prepared_at_the_next_start(node: Watched, prepares: Prepares) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 7))
    watcher = hooked(node, prepares)
    walk(node, watcher, 6)
    release = threading.Event()
    prepares.does = lambda facts: release.wait(60)
    node.to_epoch(watcher, 7)  # and the node is killed here
    watcher = hooked(node, prepares)
    watcher.step()
    assert watcher.checker.current_era == PYTHAGORAS
    with pytest.raises(EraNotReadyError, match="hooks that are still running"):
        watcher.work().__enter__()
    release.set()
    walk(node, watcher, 7)
    with watcher.work() as era:
        assert era == PYTHAGORAS
    assert [facts["phase"] for facts in prepares.told] == ["ahead", "switch", "switch"]


def test_after_a_failure_the_next_hooks_are_not_run(node: Watched, prepares: Prepares) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))

    def fails(event: HookEvent, facts: Facts) -> None:
        raise ValueError(facts["phase"])

    watcher = hooked(node, fails, prepares)
    assert watcher.run().code == 4
    assert prepares.told == []


def test_an_era_that_is_not_supported_is_not_prepared_for(node: Watched, prepares: Prepares) -> None:
    node.supported = (THALES,)
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    assert hooked(node, prepares).run() == WatchEnd(4, "the current era is not supported")
    assert prepares.told == []


def test_the_old_binary_is_stopped_before_they_run_and_the_new_one_started_after_them(
    node: Watched, prepares: Prepares
) -> None:
    class Runner:
        needs_looking_after = False

        def __init__(self) -> None:
            self.did: list[str] = []

        @property
        def folder(self) -> Any:
            return type("Folder", (), {"verified": staticmethod(lambda era: era)})

        def run(self, era: str) -> bool:
            if self.did[-1:] != [f"run {era}"]:
                self.did.append(f"run {era}")
            return True

        def ended(self) -> None:
            return None

        def stop(self, grace_s: float | None = None, *, hurry: Callable[[], bool] = bool) -> None:
            if self.did[-1:] != ["stop"]:
                self.did.append("stop")

    runner = Runner()
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    prepares.does = lambda facts: release.wait(60) if facts["phase"] == "switch" else None
    release = threading.Event()
    watcher = hooked(node, prepares, runner=runner)
    node.to_epoch(watcher, 6)
    assert runner.did == ["run thales", "stop"]
    release.set()
    walk(node, watcher, 6)
    assert runner.did == ["run thales", "stop", "run pythagoras"]
