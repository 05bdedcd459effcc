"""An aggregator: accepts signatures over HTTP, checks them as the era requires, and refuses other eras' API versions.

    python examples/aggregator.py --provider blockfrost:URL --era-address ADDR --verification-key KEY

The watcher runs in the main thread; each request is a unit of work, within which the era cannot change. A signature
that is sent twice, by a signer that got no answer, counts once.
"""

import json
import logging
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from protocol import NODE_VERSION, api_versions, arguments, open_watcher, signing, spoken_version

from eraswitch import AGGREGATOR_NODE_VERSION_HEADER, API_VERSION_HEADER, EraSwitchError, NodeWatcher

MAX_BODY_BYTES = 64 * 1024
PATIENCE_S = 10.0
"""The time after which a signer that sends nothing is disconnected."""

Answer = tuple[HTTPStatus, dict[str, Any]]


class Aggregator:
    """The signatures accepted so far: (signer, round) → the era in which it was checked."""

    def __init__(self, watcher: NodeWatcher) -> None:
        self.watcher = watcher
        self.sign = signing(watcher.checker)
        self.versions = api_versions(watcher.checker.supported)
        self.taken: dict[tuple[str, int], str] = {}
        self.refused = 0
        self._lock = threading.Lock()

    def take(self, spoken: str | None, body: dict[str, Any]) -> Answer:
        """Accept a signature, or refuse it with the API version of this aggregator."""
        with self.watcher.work() as era:  # within the block the era cannot change
            version, theirs = self.versions.for_era(era), spoken_version(spoken)
            if theirs is None or not theirs.is_compatible_with(version):
                with self._lock:
                    self.refused += 1
                return HTTPStatus.PRECONDITION_FAILED, {"expected": str(version), "got": spoken}
            signer, number = str(body["signer"]), int(body["round"])
            if body["signature"] != self.sign(signer, f"round {number}"):
                return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": f"not a signature of the era {era}"}
            with self._lock:
                self.taken.setdefault((signer, number), era)
            return HTTPStatus.CREATED, {"era": era}

    def listed(self) -> Answer:
        """The accepted signatures."""
        with self._lock:
            taken, refused = dict(self.taken), self.refused
        rows = [{"signer": signer, "round": number, "era": era} for (signer, number), era in taken.items()]
        return HTTPStatus.OK, {"signatures": rows, "refused": refused}


def handler_of(aggregator: Aggregator) -> type[BaseHTTPRequestHandler]:
    """The HTTP face: ``POST`` and ``GET /signatures``."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_S

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", 0))
                if not 0 <= length <= MAX_BODY_BYTES:
                    self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"at most {MAX_BODY_BYTES} bytes"})
                    return
                body = json.loads(self.rfile.read(length))
                answer = aggregator.take(self.headers.get(API_VERSION_HEADER), body)
            except (KeyError, TypeError, ValueError) as error:
                answer = HTTPStatus.BAD_REQUEST, {"error": f"{type(error).__name__}: {error}"}
            except EraSwitchError as error:  # no era is known, or this version must stop
                answer = HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)}
            self._answer(*answer)

        def do_GET(self) -> None:
            self._answer(*aggregator.listed())

        def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            era = aggregator.watcher.checker.view.era
            if era is not None:
                self.send_header(API_VERSION_HEADER, str(aggregator.versions.for_era(era)))
            self.send_header(AGGREGATOR_NODE_VERSION_HEADER, NODE_VERSION)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    return Handler


class Server(ThreadingHTTPServer):
    """Answers every request that has begun before it ends."""

    daemon_threads = False


def main() -> int:
    """Serve until SIGTERM or Ctrl-C, or until the current era is one that this version does not know."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="aggregator %(message)s")

    with (
        open_watcher(options, "aggregator") as watcher,
        Server(("127.0.0.1", options.port), handler_of(Aggregator(watcher))) as server,
    ):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}) + "\n")
        sys.stdout.flush()
        end = watcher.run()
        server.shutdown()
    return end.code


if __name__ == "__main__":
    sys.exit(main())
