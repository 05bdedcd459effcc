"""A service over a real chain: what the tests of the HTTP API talk to."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import requests
import uvicorn

from era_service.config.schema import Settings
from era_service.demo.stage import CHAIN_FILE, Stage
from era_service.web import Service, create_app
from era_service.wiring.trust import network_key
from era_store import open_store
from era_store.tokens import new_token
from eras import Epoch, EraMarker

PYTHAGORAS, LAGRANGE = "pythagoras", "lagrange"
FIRST = (EraMarker(PYTHAGORAS, Epoch(1)),)
ANNOUNCED = (*FIRST, EraMarker(LAGRANGE, None))
SCHEDULED = (*FIRST, EraMarker(LAGRANGE, Epoch(4)))
COMPATIBILITY = 'pythagoras = ">=1.0.0"\nlagrange = ">=2.0.0"\n'


class World:
    """A chain with markers, a store, and the service on both; nothing polls but ``read``. A context manager.

    Args:
        folder: where everything goes.
        store_url: the store; by default a SQLite file in the folder.
        sections: settings, by table.
    """

    def __init__(self, folder: Path, store_url: str | None = None, **sections: dict[str, Any]) -> None:
        self.folder = folder
        self.store_url = store_url or str(folder / "store.sqlite3")
        self._sections = sections
        self.now_s = time.time()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.stage = opening.enter_context(Stage(self.folder / "chain"))
            self.stage.begin_epoch(Epoch(1))
            self.posted = [self.stage.publish(FIRST, replacing=None)]
            (self.folder / "compatibility.toml").write_text(COMPATIBILITY)
            self.settings = self._configure()
            self.service = self.new_service()
            opening.callback(self.service.close)
            self.read()
            self.client = opening.enter_context(client_of(self.service))
            self._open = opening.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def new_service(self, **options: Any) -> Service:
        """Another service on the same store."""
        return Service(
            self.settings,
            open_store(self.store_url, network=network_key(self.settings)),
            clock=lambda: self.now_s,
            **options,
        )

    def read(self) -> None:
        """Read the chain, as the poller does, a second later."""
        self.now_s += 1
        self.service.poller.turn()

    def publish(self, markers: tuple[EraMarker, ...]) -> None:
        """Publish markers and read them."""
        self.posted.append(self.stage.publish(markers, replacing=self.posted[-1]))
        self.read()

    def enter(self, epoch: int) -> None:
        """Begin an epoch, and read."""
        self.stage.begin_epoch(Epoch(epoch))
        self.read()

    def token(self, **options: Any) -> str:
        """A token that may write."""
        text, record = new_token("test", ["registrations:write"], time_s=self.now_s, **options)
        self.service.store.tokens.add(record)
        return text

    def headers(self) -> dict[str, str]:
        """What a request that writes must carry."""
        return {"authorization": f"Bearer {self.token()}"}

    def kinds(self) -> list[str]:
        """The kinds of the events so far."""
        return [event.kind for event in self.service.store.events.read()]

    def _configure(self) -> Settings:
        sections: dict[str, dict[str, Any]] = {
            "network": {
                "name": "test",
                "magic": 42,
                "era_address": self.stage.era_address,
                "verification_key": self.stage.era_key.verification_key.hex,
            },
            "reader": {
                "adapter_type": "cardano-chain",
                "providers": ({"url": f"local:{self.stage.folder / CHAIN_FILE}"},),
            },
            "adoption": {"compatibility_file": self.folder / "compatibility.toml", "gate_threshold": "80%"},
            "quorum": {"k": 75, "m": 105, "phi_f": 0.95, "source": "the test"},
            "service": {"heartbeat_s": 0.5},  # who listens notices only then that it was told to stop
        }
        for name, values in self._sections.items():
            sections[name] = {**sections.get(name, {}), **values}
        return Settings.model_validate(sections)


class Client(requests.Session):
    """Requests to a service by path.

    Args:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.url = url

    def request(self, method: str | bytes, path: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Ask."""
        return super().request(method, self.url + str(path), *args, timeout=30, **options)


@contextmanager
def client_of(service: Service) -> Iterator[Client]:
    """A client of a service that is served meanwhile."""
    with serving(create_app(service)) as url, Client(url) as client:
        yield client


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an application that is served over HTTP, in a thread."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    try:
        deadline_s = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < deadline_s, "the service did not start in 30 s"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        app.stream.end()
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive()


def registration(party: str = "pool1a", **changes: Any) -> dict[str, Any]:
    """A registration as a node sends it."""
    return {"party_id": party, "epoch": 1, "stake": 1_000_000, "version": "1.0.0", "time_s": 1_000} | changes
