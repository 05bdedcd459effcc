"""A local chain behind one port: Blockfrost's HTTP API, Ogmios' websocket and the rehearsal's own endpoints.

    http://HOST:PORT/api/v0    Blockfrost's API (``faces.blockfrost``)
    ws://HOST:PORT/            Ogmios v6 (``faces.ogmios``), with its health at http://HOST:PORT/health
    http://HOST:PORT/kupo      Kupo's API, beside that websocket (``kupo``)
    http://HOST:PORT/koios     Koios' API (``koios``)
    http://HOST:PORT/local     advance, fund, roll back (``faces.control``), for clients on this machine

In: the path of a chain file. Out: a running server, in a thread of its own (a context manager) or in the foreground. It
logs by the standard library: ``uvicorn.error`` has every failure inside, with its traceback; clients never see one.
"""

import signal
import socket
import threading
import time
from collections.abc import Callable
from os import PathLike
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette

from chain_reader.local_chain.faces.blockfrost import blockfrost_routes
from chain_reader.local_chain.faces.control import control_routes
from chain_reader.local_chain.faces.http_answers import EXCEPTION_HANDLERS
from chain_reader.local_chain.faces.koios import koios_routes
from chain_reader.local_chain.faces.kupo import kupo_routes
from chain_reader.local_chain.faces.ogmios import ogmios_routes
from chain_reader.local_chain.ledger.chain import LocalChain
from eras import ChainReadError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
DRAIN_S = 5
MAX_PORT = 2**16 - 1


def build_application(chain: LocalChain, *, project_id: str | None = None) -> Starlette:
    """Every face of ``chain`` as one ASGI application.

    Args:
        chain: what it serves; the caller closes it.
        project_id: the token that Blockfrost's API asks for; ``None`` asks for none.
    """
    routes = [
        blockfrost_routes(chain, project_id=project_id),
        control_routes(chain),
        koios_routes(chain),
        kupo_routes(chain),
        *ogmios_routes(chain),
    ]
    application = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    application.router.redirect_slashes = False
    return application


class LocalChainServer:
    """Serves the chain in the file ``path``. ``with LocalChainServer(path) as server:`` runs it in a thread.

    Args:
        path: a chain that ``LocalChain.create`` made.
        host: the address to listen on.
        port: the port; 0 picks a free one, which is ``port`` once started.
        project_id: the token that Blockfrost's API asks for; ``None`` asks for none.
        clock: POSIX time in seconds, for a chain whose slots follow the clock.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        project_id: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.host = host
        self.port = port
        self._project_id = project_id
        self._clock = clock
        self._server: uvicorn.Server | None = None
        self._chain: LocalChain | None = None
        self._thread: threading.Thread | None = None

    @property
    def blockfrost_url(self) -> str:
        """The base URL of Blockfrost's API, its version included."""
        return f"http://{self._authority}/api/v0"

    @property
    def ogmios_url(self) -> str:
        """The URL of Ogmios' websocket."""
        return f"ws://{self._authority}"

    @property
    def koios_url(self) -> str:
        """The base URL of Koios' API."""
        return f"http://{self._authority}/koios"

    @property
    def kupo_url(self) -> str:
        """The base URL of Kupo's API."""
        return f"http://{self._authority}/kupo"

    @property
    def control_url(self) -> str:
        """The base URL of the rehearsal's own endpoints."""
        return f"http://{self._authority}/local"

    @property
    def _authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self) -> Self:
        """Serve in a thread; returns when requests are answered.

        Raises:
            StoreError: there is no local chain at the path.
            ChainReadError: the address cannot be listened on, or nothing answers there in time.
        """
        if self._thread is not None:
            raise RuntimeError("the server is running already")
        chain = LocalChain.open(self.path, clock=self._clock)
        try:
            listener = self._listen()
        except BaseException:
            chain.close()
            raise
        self.port = listener.getsockname()[1]
        application = build_application(chain, project_id=self._project_id)
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                lifespan="off",
                ws="websockets-sansio",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        self._chain = chain
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="local-chain-server", daemon=True
        )
        self._thread.start()
        self._wait_until_started()
        return self

    def stop(self) -> None:
        """Close every connection, the port and the chain. Calling it twice is fine."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_TIMEOUT_S)
        if self._chain is not None:
            self._chain.close()
        self._server = self._thread = self._chain = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def serve_forever(self, on_start: Callable[[Self], object] = lambda server: None) -> None:
        """Serve in the foreground until Ctrl-C or a request to terminate, then stop cleanly. For the main thread.

        Args:
            on_start: called once requests are answered.

        Raises:
            StoreError: there is no local chain at the path.
            ChainReadError: the address cannot be listened on.
        """
        ended = threading.Event()
        signals = (signal.SIGINT, signal.SIGTERM)
        with self:
            before: dict[signal.Signals, Any] = {name: signal.signal(name, lambda *_: ended.set()) for name in signals}
            try:
                on_start(self)
                ended.wait()
            finally:
                for name, handler in before.items():
                    signal.signal(name, handler)

    def _listen(self) -> socket.socket:
        if not 0 <= self.port <= MAX_PORT:
            raise self._no_listening(f"port {self.port}")
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            raise self._no_listening(str(error)) from error
        # connections inherit it; without, every answer waits 40 ms for the client to acknowledge its first part
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener

    def _no_listening(self, got: str) -> ChainReadError:
        return ChainReadError(
            f"The local chain cannot listen on {self._authority}",
            code="LocalChainServer",
            expected="an address of this machine and a free port",
            got=got,
            next_step="Stop the program that listens there, or choose another port (0 picks a free one)",
        )

    def _wait_until_started(self) -> None:
        assert self._server is not None and self._thread is not None  # noqa: S101, PT018 - start made them
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise ChainReadError(
                    f"The local chain does not answer at {self._authority}",
                    code="LocalChainServer",
                    expected=f"an answer within {START_TIMEOUT_S:.0f} s",
                    got="nothing",
                    next_step="See the log of uvicorn.error for the cause",
                )
            time.sleep(0.005)
