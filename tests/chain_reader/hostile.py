"""Servers that answer anything but what was asked: for each way a provider can fail, lie or hang."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Chunks = Iterable[bytes]
Answer = Callable[[str], Chunks]
"""From the path of a request, query included, to the bytes to send; then the connection is closed."""


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Chunks:
    """A whole HTTP answer; ``body`` is JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return [f"HTTP/1.1 {status} Whatever\r\n{head}Connection: close\r\n\r\n".encode(), content]


def error(status: int, word: str = "Refused", message: str = "because") -> Chunks:
    """An error in Blockfrost's form."""
    return reply({"status_code": status, "error": word, "message": message}, status)


class HostileHttp:
    """An HTTP server that sends what ``answer`` gives for each request, and keeps the requests."""

    def __init__(self, answer: Answer, *, keep_alive: bool = False) -> None:
        self.answer = answer
        self.keep_alive = keep_alive
        self.requests: list[str] = []
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def silence(self, _path: str = "") -> Iterator[bytes]:
        """Nothing, until the server is stopped."""
        self.over.wait(30)
        yield b""

    def trickle(self, content: bytes, every_s: float = 0.05) -> Iterator[bytes]:
        """One byte after the other, for ever."""
        for byte in content:
            yield bytes([byte])
            if self.over.wait(every_s):
                return

    @property
    def paths(self) -> list[str]:
        return [request.split(" ", 2)[1] for request in self.requests]

    def __enter__(self) -> "HostileHttp":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while self._answer(connection) and self.keep_alive:
                    continue
            except OSError:
                return  # the client has had enough

    def _answer(self, connection: socket.socket) -> bool:
        """Answer one request; false when there is none."""
        request = b""
        while b"\r\n\r\n" not in request:
            received = connection.recv(65536)
            if not received:
                return False
            request += received
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", request)
        missing = 0 if length is None else int(length.group(1)) - len(request.partition(b"\r\n\r\n")[2])
        while missing > 0:  # what is not read would reset the connection, and the answer with it
            received = connection.recv(missing)
            if not received:
                return False
            request, missing = request + received, missing - len(received)
        self.requests.append(request.decode("latin-1"))
        for chunk in self.answer(self.requests[-1].split(" ", 2)[1]):
            connection.sendall(chunk)
        return True


@contextmanager
def hostile_websocket(answer: Callable[[dict[str, Any]], Iterable[str | bytes] | None], port: int = 0) -> Iterator[str]:
    """A websocket that sends the messages ``answer`` gives for each request, and hangs up where it gives ``None``."""
    connections: list[ServerConnection] = []

    def handle(connection: ServerConnection) -> None:
        connections.append(connection)
        try:
            for request in connection:
                messages = answer(json.loads(request))
                if messages is None:
                    connection.close(1011, "out of order")
                    return
                for message in messages:
                    connection.send(message)
        except ConnectionClosed:
            return

    with serve(handle, "127.0.0.1", port, close_timeout=1, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(60)
            for connection in connections:  # before websockets 17 a server that shuts down leaves them open
                connection.close()
