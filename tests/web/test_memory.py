"""Nothing of the service waits for the garbage collector: what is no longer used is freed at once.

A cycle that holds a reading would keep it until a full search for garbage, which a quiet service makes once in minutes.
"""

import gc
from collections import Counter
from collections.abc import Callable, Collection
from itertools import count, pairwise
from types import FrameType
from typing import NoReturn

import pytest

from chain_reader.providers.local import LocalObserver
from era_service.config.schema import QuorumSettings
from era_service.dashboard.gather import Gatherer
from eras import ChainReadError, Epoch, EraMarker
from tests.architecture.test_imports import PACKAGES
from tests.web.world import FIRST, LAGRANGE, World, registration

TURNS = 6


def left_by(action: Callable[[], object]) -> set[str]:
    """Our types and code of which something waits for the garbage collector, or there is more after each turn."""
    action()  # what is made once is not left
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    held = []
    try:
        for _ in range(TURNS):
            action()
            held.append(_ours(gc.get_objects()))
        gc.collect()
        found = set(_ours(gc.garbage))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    return found | {name for name in held[-1] if all(less[name] < more[name] for less, more in pairwise(held))}


def _ours(things: Collection[object]) -> Counter[str]:
    """How many there are of each of our types, and frames of each of our functions."""
    names: Counter[str] = Counter()
    for kind, number in Counter(map(type, things)).items():
        names[f"{kind.__module__}.{kind.__qualname__}"] += number
    names.update(
        f"{thing.f_globals.get('__name__')}.{thing.f_code.co_name}" for thing in things if type(thing) is FrameType
    )
    return Counter({name: number for name, number in names.items() if name.partition(".")[0] in PACKAGES})


@pytest.fixture
def uncounted(world: World) -> World:
    """A service that cannot forecast, for nothing gives its quorum: the error is kept beside the count."""
    world.service.settings = world.settings.model_copy(update={"quorum": QuorumSettings()})
    world.publish((*FIRST, EraMarker(LAGRANGE, Epoch(50))))
    rows = [registration(f"pool{number}", time_s=int(world.now_s)) for number in range(3)]
    assert world.client.post("/registrations", json={"registrations": rows}, headers=world.headers()).ok
    return world


def test_a_reading_and_a_page_leave_nothing(uncounted: World) -> None:
    gatherer, epochs = Gatherer(uncounted.service), count(2)

    def turn() -> None:
        uncounted.enter(next(epochs))
        page = gatherer.page()
        assert any("quorum is not configured" in str(panel) for panel in page.panels)

    assert left_by(turn) == set()


def test_a_provider_that_is_gone_leaves_nothing(uncounted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_arguments: object) -> NoReturn:
        raise ChainReadError("The provider is gone", next_step="Wait")

    for question in ("tip", "epoch", "datums"):
        monkeypatch.setattr(LocalObserver, question, gone)

    def turn() -> None:
        uncounted.read()
        assert uncounted.service.snapshot.status.stale is not None

    assert left_by(turn) == set()


def test_requests_leave_nothing(uncounted: World) -> None:
    headers = uncounted.headers()

    def turn() -> None:
        for path in ("/", "/era/status", "/era/history", "/adoption", "/registrations?epoch=1", "/metrics", "/nowhere"):
            uncounted.client.get(path, headers={"connection": "close"})
        # Nothing that raises in a worker thread: early versions of anyio keep the error until the thread works again.
        uncounted.client.post("/registrations", json={"registrations": [registration()]}, headers=headers)

    assert left_by(turn) == set()
