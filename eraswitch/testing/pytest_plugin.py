"""The fixtures for pytest: ``era_schedule``, ``checker_in_era``, ``fake_provider`` and ``watched_node``."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from era_service.node.watcher import NodeWatcher
from eras import EraChecker
from eraswitch.testing import schedule
from eraswitch.testing.provider import FakeProvider
from eraswitch.testing.watching import watcher_of


@pytest.fixture
def era_schedule() -> type[schedule.EraSchedule]:
    """Makes schedules: ``era_schedule(("pythagoras", 0), ("lagrange", 7), epoch=6)``, then ``.advance()``."""
    return schedule.EraSchedule


@pytest.fixture
def checker_in_era() -> Callable[..., EraChecker]:
    """Makes checkers: ``checker_in_era("lagrange", ["pythagoras", "lagrange"])``."""
    return schedule.checker_in_era


@pytest.fixture
def fake_provider() -> FakeProvider:
    """A provider in epoch 5, with nothing published."""
    return FakeProvider(epoch=5)


@pytest.fixture
def watched_node(fake_provider: FakeProvider) -> Iterator[Callable[..., NodeWatcher]]:
    """Makes watchers over ``fake_provider``: ``watched_node(["pythagoras"], hooks=…)``; ends them after the test."""
    made: list[NodeWatcher] = []

    def make(supported: Any, **more: Any) -> NodeWatcher:
        made.append(watcher_of(fake_provider, supported, **more))
        return made[-1]

    yield make
    for watcher in made:
        watcher.stop()
        watcher.hooks.close()
