"""The process of the service is tuned for short pauses, when it is served and not before."""

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Iterator
from weakref import ref

import httpx
import pytest

from era_service.service.changes import EVENTS, SNAPSHOT
from era_service.service.documents import RegistrationReceipt
from era_service.web import create_app, routes
from era_service.web.patience import (
    FULL_SEARCH_S,
    READINGS,
    RUSH_S,
    SWITCH_INTERVAL_S,
    THRESHOLDS,
    OneByOne,
    keep_pauses_short,
)
from eras import Epoch
from tests.web.world import World


class Held:
    """Something that a cycle holds."""


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
    assert gc.get_freeze_count() == 0  # what comes later is searched


@pytest.mark.usefixtures("restored")
def test_everything_is_searched_once_a_minute_but_not_as_an_epoch_begins(world: World) -> None:
    now_s = [100.0]
    keep_pauses_short(world.service, lambda: now_s[0])
    for _ in range(READINGS + 1):
        world.service.changes.notify(SNAPSHOT)

    def is_searched_at(at_s: float) -> bool:
        now_s[0] = at_s
        cycle = [Held()]
        cycle.append(cycle)  # type: ignore[arg-type]
        held = ref(cycle[0])
        gc.disable()  # nothing but what is tested finds it
        del cycle
        world.service.changes.notify(SNAPSHOT)
        found = held() is None
        gc.enable()
        gc.collect()
        return found

    assert not is_searched_at(100 + RUSH_S - 1)
    assert is_searched_at(100 + RUSH_S)
    assert not is_searched_at(100 + RUSH_S + FULL_SEARCH_S - 1)
    world.stage.begin_epoch(Epoch(2))
    now_s[0] = 100 + RUSH_S + FULL_SEARCH_S
    world.read()
    assert not is_searched_at(now_s[0] + RUSH_S - 1)
    assert is_searched_at(now_s[0] + 1)


def test_batches_of_registrations_are_taken_in_one_after_the_other(
    still_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, at_once = [], []

    def register(*_: object) -> RegistrationReceipt:
        running.append(None)
        time.sleep(0.01)  # the others come in between, if they may
        at_once.append(len(running))
        running.pop()
        return RegistrationReceipt(accepted=1, repeated=0, rejected=0, rejects=[], notes={})

    monkeypatch.setattr(routes, "register", register)

    async def post(client: httpx.AsyncClient) -> int:
        answer = await client.post(
            "/registrations", json={}, headers={"authorization": f"Bearer {still_world.token()}"}
        )
        return answer.status_code

    async def post_many() -> list[int]:
        transport = httpx.ASGITransport(create_app(still_world.service))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await asyncio.gather(*(post(client) for _ in range(8)))

    assert asyncio.run(post_many()) == [200] * 8
    assert at_once == [1] * 8


def test_work_that_hangs_holds_up_no_other_for_good() -> None:
    async def both() -> tuple[str, str]:
        turns, is_done = OneByOne(wait_s=0.01), threading.Event()
        first = asyncio.ensure_future(turns.run(is_done.wait, 10))
        await asyncio.sleep(0)  # its turn comes first
        second = await turns.run(lambda: "done")
        is_done.set()
        return second, "hung" if not await first else "released"

    assert asyncio.run(both()) == ("done", "released")
