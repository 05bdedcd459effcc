"""A network with a story, behind a running service: what the dashboard is looked at with.

The demo's story is played on its local chain, in a thread of its own that waits between two steps; what its nodes
register goes into the service's store, some small pools beside them, and the service reads the chain after each thing
that happens. ``World.play(step)`` goes on to the end of a step.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from chain_reader.local_chain import Genesis, LocalChainServer
from era_service.config.schema import Settings
from era_service.demo.node import ADA, ATTACK, COMPATIBILITY, FIRST, PYTHAGORAS, SECOND, THALES
from era_service.demo.presenters import DemoEvent
from era_service.demo.stage import Stage
from era_service.demo.story import Story
from era_service.web import Service, create_app
from era_store import Registration, open_store
from eras import Epoch
from tests.web.world import serving

EPOCH_S = 432_000
JUST_AFTER_S = 5.0
SMALL_POOLS = 24
ATTACKED, SWITCHED, RETIRED = 5, 6, 8
"""Steps of the story, by what has happened at their end."""


def small_pools(epoch: Epoch) -> Iterator[Registration]:
    """Pools that follow the release notes at their own pace: a few more in each epoch, three of them silent."""
    for number in range(SMALL_POOLS):
        upgraded = number % 8 < epoch + 1
        version = None if number % 9 == 8 else SECOND.version if upgraded else f"{FIRST.version}+pool{number}"
        stake = (40 + 7 * (number * 5 % 11)) * 10_000 * ADA
        name = f"pool1{number:02d}{'qxyz'[number % 4] * 49}"  # as long as they are
        yield Registration(name, epoch, version, stake, float(epoch), "pools")


class World:
    """The network of the demo, its store and its service. A context manager.

    Args:
        folder: where everything goes.
        sections: further settings, by table.
    """

    def __init__(self, folder: Path, **sections: dict[str, object]) -> None:
        self.folder = folder
        self._sections = sections
        self._step = threading.Condition()
        self._allowed = self._reached = 0
        self._ended = False
        self._failure: BaseException | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            # The sixth epoch has just begun when the tests look: there the countdown is that of the wall clock.
            began_s = int(time.time()) - ATTACK * EPOCH_S
            genesis = Genesis(epoch_length=EPOCH_S, system_start_s=began_s)
            self.stage = opening.enter_context(Stage(self.folder / "chain", genesis=genesis))
            self._provider = opening.enter_context(LocalChainServer(self.stage.chain.path))
            self.settings = self._configure(began_s)
            self.store = open_store(str(self.folder / "store.sqlite3"))
            self.service = Service(self.settings, self.store, clock=self.now_s)
            opening.callback(self.service.close)
            self.url = opening.enter_context(serving(create_app(self.service)))
            self._player = threading.Thread(target=self._tell, name="story", daemon=True)
            opening.callback(self._stop_playing)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def now_s(self) -> float:
        """The time by which the service goes: that of the chain."""
        chain = self.stage.chain
        return chain.slot_time_s(chain.current_slot()) + JUST_AFTER_S

    def play(self, step: int) -> None:
        """Let the story go on to the end of ``step``."""
        if not self._player.is_alive():
            self._player.start()
        with self._step:
            self._allowed = step
            self._step.notify_all()
            assert self._step.wait_for(lambda: self._reached > step or self._ended, timeout=120)
        if self._failure is not None:
            raise AssertionError("the story failed") from self._failure

    def register(self, *rows: Registration) -> None:
        """Take registrations in, as the HTTP API does."""
        from era_service.service.changes import REGISTRATIONS

        self.store.registrations.ingest(rows, source="test", time_s=self.now_s())
        self.service.changes.notify(REGISTRATIONS)

    def stop_provider(self) -> None:
        """From now on the service's only provider does not answer."""
        self._provider.stop()

    # --- the presenter of the story

    def show(self, event: DemoEvent) -> None:
        """See what happens in the story, and hold it between two steps."""
        if event.event in ("step", "finished"):
            self._wait_before(event.step if event.event == "step" else event.step + 1)
        elif event.event == "network":
            self._take_registrations(event)
            self.service.read_chain()
        elif event.event in ("epoch", "published", "posted"):
            self.service.read_chain()
        elif event.event == "failed":
            self._failure = AssertionError(event.text)

    def _wait_before(self, step: int) -> None:
        with self._step:
            self._reached = step
            self._step.notify_all()
            self._step.wait_for(lambda: self._allowed >= step or self._ended)  # however long the tests take
            if self._ended:
                raise _StoryEndedError

    def _take_registrations(self, event: DemoEvent) -> None:
        epoch = Epoch(event.epoch)
        nodes = [
            Registration(node["name"], epoch, node["version"], node["stake"], self.now_s(), "nodes")
            for node in event.facts["nodes"]
            if node["state"] == "running"
        ]
        total = sum(row.stake for row in nodes) + 45_000_000 * ADA
        self.store.registrations.set_network_stake(Epoch(epoch + 1), total, source="test", time_s=self.now_s())
        self.register(*nodes, *small_pools(epoch))

    def _tell(self) -> None:
        try:
            Story(self.stage, self).tell()  # type: ignore[arg-type]
        except _StoryEndedError:
            pass
        except BaseException as error:
            self._failure = error
        finally:
            with self._step:
                self._ended = True
                self._step.notify_all()

    def _stop_playing(self) -> None:
        with self._step:
            self._ended = True
            self._step.notify_all()
        if self._player.ident is not None:
            self._player.join(timeout=60)

    def _configure(self, began_s: int) -> Settings:
        table = self.folder / "compatibility.toml"
        table.write_text("".join(f'{era} = "{versions}"\n' for era, versions in COMPATIBILITY.items()))
        sections: dict[str, dict[str, object]] = {
            "network": {
                "name": "demo",
                "magic": 42,
                "era_address": self.stage.era_address,
                "verification_key": self.stage.era_key.verification_key.hex,
                "supported_eras": (THALES, PYTHAGORAS),
                "system_start_s": began_s,
                "slot_length_s": 1.0,
                "epoch_length": EPOCH_S,
            },
            "reader": {"adapter_type": "cardano-chain", "providers": ({"url": self._provider.blockfrost_url},)},
            "adoption": {"compatibility_file": table, "gate_threshold": "80%"},
            "quorum": {"k": 75, "m": 105, "phi_f": 0.95, "source": "the test"},
            "service": {},
        }
        for name, values in self._sections.items():
            sections[name] = {**sections.get(name, {}), **values}
        return Settings.model_validate(sections)


class _StoryEndedError(BaseException):
    """The story is not told to its end."""
