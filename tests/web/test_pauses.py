"""The process of the service is tuned for short pauses, when it is served and not before."""

import gc
import sys
from collections.abc import Iterator

import pytest

from era_service.service.changes import EVENTS, SNAPSHOT
from era_service.web.patience import SWITCH_INTERVAL_S, THRESHOLDS, keep_pauses_short
from tests.web.world import World


@pytest.fixture
def restored() -> Iterator[None]:
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.unfreeze()  # a worker of the tests has frozen what it began with
    yield
    sys.setswitchinterval(interval_s)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("restored")
def test_what_is_loaded_by_the_first_reading_is_looked_through_no_more(world: World) -> None:
    keep_pauses_short(world.service)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
    assert gc.get_threshold() == THRESHOLDS
    world.service.changes.notify(EVENTS)
    assert gc.get_freeze_count() == 0
    world.service.changes.notify(SNAPSHOT)
    assert gc.get_freeze_count() > 10_000
    held = [["loaded later"]]
    assert any(known is held for known in gc.get_objects())
    world.service.changes.notify(SNAPSHOT)
    assert not any(known is held for known in gc.get_objects())
    gc.unfreeze()
    world.service.changes.notify(SNAPSHOT)
    assert gc.get_freeze_count() == 0  # it has ended
