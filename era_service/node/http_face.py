"""The era over HTTP, on this machine only, for nodes that are written in another language.

In: a ``NodeWatcher``, and where to listen. Out: ``GET /era`` and ``GET /wait?epoch=N``, as JSON, or only the name of
the era for clients that accept ``text/plain``. The rules:

1. 200: the node may work in the era that is named. 503: it may not, and the answer has the reason: nothing was read,
   the era is not supported, a switch is being prepared or was vetoed, or no watcher runs. There is no default era.
2. ``/wait`` answers as soon as the epoch has begun, or 204 after ``timeout`` seconds: the client asks again.
3. It listens on a loopback address, and refuses a foreign ``Host``: a web page could have led a browser here.
"""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlsplit

from chain_reader.providers.transport.rate_limit import is_loopback
from era_service.config.types import loopback_place
from era_service.node.watcher import NodeWatcher
from eras import ConfigurationError, Epoch, EraStatus, EraSwitchError

DEFAULT_WAIT_S, LONGEST_WAIT_S = 60.0, 600.0
WAITING_AT_ONCE = 64
_TICK_S = 0.1
_PATIENCE_S = 10.0
_log = logging.getLogger(__name__)


class _Upcoming(TypedDict):
    name: str
    epoch: Epoch | None
    epochs_left: int | None
    supported: bool | None


class NodeEra(TypedDict):
    """The answer of ``GET /era``."""

    ready: bool
    reason: str | None
    epoch: Epoch | None
    current_era: str | None
    current_supported: bool | None
    upcoming_era: _Upcoming | None
    supported_eras: list[str]
    fresh: bool
    status: str
    message: str


def era_document(watcher: NodeWatcher) -> NodeEra:
    """Everything that a node needs, in one consistent document: epoch, eras, freshness, and whether it may work."""
    view = watcher.checker.view
    token = view.token
    why_not: str | None = None
    try:
        with watcher.work():
            pass
    except EraSwitchError as error:
        why_not = str(error)
    upcoming = None if token is None else token.upcoming
    coming: _Upcoming | None = None
    if token is not None and upcoming is not None:
        coming = {
            "name": upcoming.name,
            "epoch": upcoming.epoch,
            "epochs_left": None if upcoming.epoch is None else upcoming.epoch - token.epoch,
            "supported": token.upcoming_supported,
        }
    return {
        "ready": why_not is None,
        "reason": why_not,
        "epoch": None if token is None else token.epoch,
        "current_era": None if token is None else token.current.name,
        "current_supported": None if token is None else token.current_supported,
        "upcoming_era": coming,
        "supported_eras": list(watcher.checker.supported),
        "fresh": view.status is EraStatus.READY,
        "status": view.status.value,
        "message": view.message,
    }


@contextmanager
def era_face(watcher: NodeWatcher, where: str) -> Iterator[str]:
    """Serve the era of a watcher within the block, at the URL that the block gets.

    Args:
        watcher: the watcher.
        where: ``PORT`` or ``HOST:PORT`` of a loopback address; port 0 is any free one.

    Raises:
        ConfigurationError: it is not a loopback address, or it is in use.
    """
    try:
        host, port = loopback_place(where)
    except ValueError as error:
        raise ConfigurationError(
            "The watcher listens on this machine only",
            code="WatchAddress",
            expected=str(error),
            got=repr(where),
            next_step="Correct --http, or watch.http; for other machines there is eraswitch serve",
        ) from error
    try:
        server = _Server(host, port, watcher)
    except OSError as error:
        raise ConfigurationError(
            f"The watcher cannot listen on {where}",
            code="WatchAddress",
            expected="an address that is free",
            got=error.strerror or str(error),
            next_step="Give another port, or 0 for any free one",
        ) from error
    url = f"http://{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="eraswitch-http", daemon=True
    )
    thread.start()
    _log.info("The era is served at %s/era", url)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_PATIENCE_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # threads of waiting clients end with the process

    def __init__(self, host: str, port: int, watcher: NodeWatcher) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.watcher = watcher
        self.places = threading.Semaphore(WAITING_AT_ONCE)
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_S
    server_version = "eraswitch"

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        host = urlsplit(f"//{self.headers.get('Host', 'localhost')}").hostname or ""
        if not is_loopback(host):
            self._send(HTTPStatus.FORBIDDEN, "expected the name of this machine's loopback address as Host")
        elif asked.path == "/era":
            self._era()
        elif asked.path == "/wait":
            self._wait(parse_qs(asked.query))
        else:
            self._send(HTTPStatus.NOT_FOUND, "expected /era or /wait?epoch=N")

    def _wait(self, query: dict[str, list[str]]) -> None:
        try:
            epoch = int(query["epoch"][0])
            wait_s = float(query.get("timeout", [str(DEFAULT_WAIT_S)])[0])
        except (KeyError, ValueError):
            self._send(HTTPStatus.BAD_REQUEST, "expected /wait?epoch=N, optionally with timeout=SECONDS")
            return
        if not self.server.places.acquire(blocking=False):
            self._send(HTTPStatus.TOO_MANY_REQUESTS, f"{WAITING_AT_ONCE} are waiting already")
            return
        try:
            until = time.monotonic() + min(max(wait_s, 0.0), LONGEST_WAIT_S)
            while not self._has_begun(epoch) and self.server.watcher.end is None:
                if not time.monotonic() < until:
                    self.send_response(HTTPStatus.NO_CONTENT)
                    self.end_headers()
                    return
                time.sleep(_TICK_S)
        finally:
            self.server.places.release()
        self._era()

    def _has_begun(self, epoch: int) -> bool:
        token = self.server.watcher.checker.view.token
        return token is not None and token.epoch >= epoch

    def _era(self) -> None:
        document = era_document(self.server.watcher)
        status = HTTPStatus.OK if document["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
        if "text/plain" in self.headers.get("Accept", ""):
            self._send(status, (document["current_era"] if document["ready"] else document["reason"]) or "")
        else:
            self._send(status, json.dumps(document), "application/json")

    def _send(self, status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class has
        """Log a request, at level debug."""
        _log.debug(format, *args)
