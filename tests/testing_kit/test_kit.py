"""The test kit, as a program that embeds eraswitch uses it."""

import enum
from collections.abc import Callable

import pytest

from chain_reader import ChainObserver
from era_service.node.hooks import Hook, HookEvent, Hooks
from era_service.node.watcher import NodeWatcher
from eras import EraChecker, EraNotReadyError, EraRegressionError, EraStatus, UnsupportedEraError
from eraswitch.testing import EraSchedule, FakeProvider, read_again

pytest_plugins = ["eraswitch.testing.pytest_plugin"]

THALES, PYTHAGORAS = "thales", "pythagoras"
Watch = Callable[..., NodeWatcher]


class Era(enum.Enum):
    THALES = "thales"
    PYTHAGORAS = "pythagoras"


def test_a_checker_in_an_era(checker_in_era: Callable[..., EraChecker]) -> None:
    assert checker_in_era(THALES).current_era == THALES
    assert checker_in_era(Era.PYTHAGORAS, Era).is_active(Era.PYTHAGORAS)
    with pytest.raises(UnsupportedEraError):
        _ = checker_in_era("euler", Era).current_era


def test_a_schedule_that_advances(era_schedule: type[EraSchedule]) -> None:
    schedule = era_schedule((THALES, 0), (PYTHAGORAS, 7), epoch=6)
    assert (schedule.epoch, schedule.checker.current_era) == (6, THALES)
    schedule.go_stale()
    schedule.advance()
    assert (schedule.checker.current_era, schedule.checker.status) == (PYTHAGORAS, EraStatus.STALE)
    schedule.publish((THALES, 0), (PYTHAGORAS, 7), ("euler", None))
    assert schedule.checker.status is EraStatus.READY
    assert str(schedule.checker.upcoming_era) == "euler (announced)"
    with pytest.raises(EraRegressionError):
        schedule.publish((THALES, 0))


def test_a_provider_is_one(fake_provider: FakeProvider) -> None:
    assert isinstance(fake_provider, ChainObserver)


def test_a_node_reads_what_is_published_and_switches(fake_provider: FakeProvider, watched_node: Watch) -> None:
    fake_provider.publish((THALES, 0))
    told: list[str] = []
    hooks = Hooks([Hook(HookEvent.ACTIVATED, lambda event, facts: told.append(facts["era"]))])
    watcher = watched_node(Era, hooks=hooks)
    fake_provider.publish((THALES, 0), (PYTHAGORAS, 6))
    read_again(watcher)
    with watcher.work() as era:
        assert era == THALES
    fake_provider.advance()
    read_again(watcher)
    with watcher.work() as era:
        assert era == PYTHAGORAS
    assert told == [THALES, PYTHAGORAS]
    assert {"tip", "datums", "inputs"} <= set(fake_provider.asked)


def test_a_provider_that_fails(fake_provider: FakeProvider, watched_node: Watch) -> None:
    fake_provider.fail("quota exceeded")
    watcher = watched_node([THALES])
    with pytest.raises(EraNotReadyError):
        _ = watcher.checker.current_era
    fake_provider.recover()
    fake_provider.publish((THALES, 0))
    read_again(watcher)
    assert watcher.checker.status is EraStatus.READY
    fake_provider.fail("quota exceeded")
    read_again(watcher)
    assert (watcher.checker.current_era, watcher.checker.status) == (THALES, EraStatus.STALE)
    assert "quota exceeded" in watcher.checker.view.message


def test_a_provider_that_lags(fake_provider: FakeProvider, watched_node: Watch) -> None:
    fake_provider.publish((THALES, 0), (PYTHAGORAS, 6))
    watcher = watched_node(Era)
    fake_provider.advance()
    fake_provider.lag()
    read_again(watcher)
    assert watcher.checker.current_epoch == 5
    fake_provider.recover()
    read_again(watcher)
    assert (watcher.checker.current_epoch, watcher.checker.current_era) == (6, PYTHAGORAS)


def test_a_provider_that_lies(fake_provider: FakeProvider, watched_node: Watch) -> None:
    fake_provider.publish((THALES, 0), (PYTHAGORAS, 9))
    watcher = watched_node(Era)
    fake_provider.lie(hides=True)
    read_again(watcher)
    assert watcher.checker.current_era == THALES, "an empty answer proves nothing"
    fake_provider.lie(epochs_ahead=1)
    read_again(watcher)
    assert watcher.checker.current_epoch == 6


def test_strangers_at_the_address(fake_provider: FakeProvider, watched_node: Watch) -> None:
    fake_provider.publish((THALES, 0))
    watcher = watched_node(Era)
    fake_provider.forge((PYTHAGORAS, 1))
    fake_provider.replay((THALES, 0), (PYTHAGORAS, 2))
    read_again(watcher)
    assert (watcher.checker.current_era, watcher.checker.upcoming_era) == (THALES, None)


def test_an_address_of_somebody_else_and_a_history(fake_provider: FakeProvider) -> None:
    fake_provider.publish((THALES, 0))
    assert fake_provider.datums("addr_test1other") == ()
    with pytest.raises(Exception, match="does not know the history"):
        fake_provider.history("addr_test1other")
    fake_provider.close()
