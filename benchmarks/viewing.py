"""The dashboard's first view after a pause in which registrations came in, against a bare route with the same page.

A network of 3,000 parties and 12 epochs; both are served in this process, and asked in turn.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from benchmarks.measure import Benchmark, seconds
from era_service.service.changes import REGISTRATIONS
from era_store import Registration
from eras import Epoch, EraMarker
from tests.web.world import Client, World, serving

PARTIES, EPOCHS, ROUNDS = 3_000, 12, 9
PAUSE_S = 3.0
"""In which what came in is counted; whoever looks at the page later waits for nothing."""


class _Ended:
    def end(self) -> None:
        """There is no stream to end."""


def first_view() -> float:
    """The time of a first view divided by that of the bare route."""
    with TemporaryDirectory(prefix="eraswitch-bench-") as folder, World(Path(folder)) as world:
        world.publish((EraMarker("pythagoras", Epoch(1)), EraMarker("lagrange", Epoch(EPOCHS + 3))))
        for epoch in range(2, EPOCHS + 1):
            world.enter(epoch)
        world.service.store.registrations.ingest(list(_registrations()), source="benchmark", time_s=1.0)
        world.service.changes.notify(REGISTRATIONS)
        time.sleep(4 * PAUSE_S)  # the first time, what is needed is loaded
        page = world.client.get("/").text
        if f"{PARTIES:,} parties" not in page:
            raise RuntimeError("the page does not show what was registered")

        async def bare(_request: Request) -> HTMLResponse:
            return HTMLResponse(page)

        app = Starlette(routes=[Route("/", bare)])
        app.stream = _Ended()  # type: ignore[attr-defined]
        with serving(app) as url, Client(url) as plain:
            return statistics.median(
                _after_a_pause(world, lambda: world.client.get("/")) / seconds(lambda: plain.get("/"))
                for _ in range(ROUNDS)
            )


def _after_a_pause(world: World, view: Callable[[], object]) -> float:
    world.service.changes.notify(REGISTRATIONS)
    time.sleep(PAUSE_S)
    return seconds(view)


def _registrations() -> Iterator[Registration]:
    rng = random.Random(5)
    for epoch in range(1, EPOCHS + 1):
        for number in range(PARTIES):
            version = "2.0.0" if rng.random() < epoch / (EPOCHS + 2) else f"1.{number % 9}.0"
            yield Registration(
                f"pool1{number:051d}", Epoch(epoch), version, rng.randrange(10**14), float(epoch), "benchmark"
            )


BENCHMARKS = (Benchmark("viewing.first_view", 100, f"a bare route with the page of {PARTIES:,} parties", first_view),)
