"""No work where nobody looks after the era: after a fork, a stop, a death, a suspension; and before the start."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from era_service.node import waiting
from era_service.node.waiting import Alarm, in_background
from era_service.node.watcher import NodeWatcher
from eras import BehaviourSwitches, EraChecker, EraNotReadyError, EraStatus, UnsupportedEraError
from tests.node.programs import in_child
from tests.node.world import PYTHAGORAS, THALES, Watched, publish


def refusals(watcher: NodeWatcher) -> list[str]:
    """What each way to get work, or to go on, raises."""
    switches = BehaviourSwitches(watcher.checker)
    switches.behaviour("sign", since=THALES)(lambda: "signed")
    switches.seal()

    def work() -> str:
        with watcher.work() as era:
            return era

    asked: list[Callable[[], object]] = [
        work,
        lambda: watcher.wait_ready(0),
        lambda: watcher.checker.current_era,
        lambda: watcher.checker.is_active(THALES),
        lambda: watcher.checker.current_epoch,
        lambda: switches.call("sign"),
    ]
    raised = []
    for ask in asked:
        try:
            raised.append(f"got {ask()}")
        except EraNotReadyError as error:
            raised.append(str(error))
    return raised


def started(node: Watched) -> NodeWatcher:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher(wait=None, begin=in_background)
    watcher.start()
    assert watcher.wait_ready(60)
    return watcher


def test_a_forked_process_has_no_era_and_is_told_so(node: Watched) -> None:
    watcher = started(node)
    raised = in_child(lambda: refusals(watcher))
    assert isinstance(raised, list)
    for words in raised:
        assert words.startswith(
            "Nothing keeps the era up to date: expected a running watcher, got this process was forked"
        )
        assert "in each process, after the fork" in words or "in the process that asks" in words
    for again in (watcher.run, watcher.start):
        assert "Create and start a watcher in each process" in str(in_child(again))
    with watcher.work() as era:
        assert era == THALES, "the parent goes on"
    watcher.stop()


def test_a_process_that_is_forked_off_within_a_unit_of_work_has_no_era_either(node: Watched) -> None:
    watcher = started(node)
    with watcher.work():
        raised = in_child(lambda: watcher.checker.current_era)
        assert watcher.checker.current_era == THALES
    assert "EraNotReadyError: Nothing keeps the era up to date" in str(raised)
    watcher.stop()


def test_locks_that_another_thread_held_at_the_fork_do_not_hang_the_child(node: Watched) -> None:
    watcher = started(node)
    with watcher._lock, watcher.checker._writers:
        raised = in_child(lambda: refusals(watcher))
    assert "forked" in str(raised)
    watcher.stop()


def test_a_watcher_made_before_the_fork_and_started_after_it_is_the_child_s_own(node: Watched) -> None:
    watcher = node.watcher()
    alarm_of_the_parent = watcher._alarm
    assert in_child(lambda: watcher.stop() or watcher._attendance.absent) == "a stop was requested"
    began = time.monotonic()
    alarm_of_the_parent.sleep(0.2)
    assert time.monotonic() - began >= 0.2, "the child rang its own alarm"
    assert "Call start(), run() or watch() first" in str(unstarted(watcher))


def unstarted(watcher: NodeWatcher) -> EraNotReadyError:
    with pytest.raises(EraNotReadyError) as raised:
        watcher._attendance.require()
    return raised.value


def test_after_stop_there_is_no_era(node: Watched) -> None:
    watcher = started(node)
    watcher.stop()
    assert watcher.checker.status is EraStatus.UNATTENDED
    for words in refusals(watcher):
        assert words.startswith(
            "Nothing keeps the era up to date: expected a running watcher, got a stop was requested"
        )


def test_after_its_death_there_is_no_era(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.provider.change = lambda *_: {}["a mistake in an observer"]
    watcher.command("check")
    with pytest.raises(KeyError):
        watcher.run()
    for words in refusals(watcher):
        assert "got the watcher failed: 'a mistake in an observer'" in words


def test_work_under_way_is_finished_in_its_era(node: Watched) -> None:
    watcher = started(node)
    with watcher.work() as era:
        watcher.stop()
        assert watcher.checker.current_era == era
    with pytest.raises(EraNotReadyError):
        _ = watcher.checker.current_era


def test_what_is_remembered_is_no_era_before_somebody_looks_after_it(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    node.until(node.watcher(), 0)
    node.hooks.close()
    watcher = node.watcher()
    assert watcher.checker.current_era == THALES, "remembered"
    with pytest.raises(EraNotReadyError, match="got the watcher was not started"), watcher.work():
        pass


def test_after_a_suspension_no_work_begins_until_it_has_looked_and_the_view_is_stale_until_it_has_read(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.kinds()
    node.down = True
    assert node.genesis is not None
    node.time.pass_(1.1 * node.genesis.epoch_length)  # asleep across the switch
    with pytest.raises(EraNotReadyError, match=r"it should have looked \d+ s ago"), watcher.work():
        pass
    watcher.step()
    assert watcher.checker.status is EraStatus.STALE
    with watcher.work() as era:
        assert era == PYTHAGORAS, "what is trusted happens"
    assert node.kinds()[:3] == ["stale", "provider-failed", "activated"]
    assert "The chain is being read again: the era was not kept up to date for" in caplog.text
    node.down = False
    node.until(watcher, 700)
    assert watcher.checker.status is EraStatus.READY
    assert node.kinds()[-1] == "provider-answered"


def test_a_clock_that_stands_still_while_a_machine_sleeps_is_not_the_only_one_that_is_looked_at(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.time._posix += 3_600  # the monotonic clock of Linux does not count a suspension
    with pytest.raises(EraNotReadyError, match="suspended"), watcher.work():
        pass
    watcher.step()
    with watcher.work() as era:
        assert era == THALES


def test_an_era_that_is_not_supported_stays_the_reason(node: Watched) -> None:
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    watcher = node.watcher()
    assert watcher.run().code == 4
    assert not watcher.wait_ready(0)
    with pytest.raises(UnsupportedEraError):
        _ = watcher.checker.current_era


def test_a_sleep_ends_when_the_time_of_day_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a suspension, for which the clock of ``select`` stands still."""
    day = iter([0.0, *[100.0] * 3, *[3_700.0] * 10])
    monkeypatch.setattr(waiting, "SLICE_S", 0.01)
    monkeypatch.setattr(waiting, "time", SimpleNamespace(time=lambda: next(day), monotonic=time.monotonic))
    Alarm().sleep(3_600.0)
    assert next(day) == 3_700.0


def test_a_checker_whose_writer_ended_is_told_by_whoever_ended_it() -> None:
    checker = EraChecker()
    checker.mark_unattended("the loop has ended")
    with pytest.raises(EraNotReadyError, match="got the loop has ended"):
        _ = checker.current_era
