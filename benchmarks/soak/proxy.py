"""A TCP proxy that can reset every connection that goes through it, and refuse new ones for a while.

In: the ports behind it, which take turns. Out: a port of its own. One thread and one selector carry all connections.
"""

import selectors
import socket
import struct
import threading
import time
from typing import Self

_CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)
"""``SO_LINGER`` for which closing a socket sends a reset."""


class Proxy:
    """A proxy in front of a port of this machine. A context manager.

    Args:
        targets: the ports behind it; where none of them is open, a connection is closed.

    Attributes:
        targets: the ports that take turns from now on; connections that are open stay where they are.
    """

    def __init__(self, *targets: int) -> None:
        self.targets = targets
        self._turn = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.resets = 0
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._closed_until_s = 0.0
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._ending = True
        self._thread.join()
        self._listener.close()
        self._selector.close()

    def reset(self, closed_s: float = 0.0) -> int:
        """Reset every connection, and each new one for so many seconds; how many there were."""
        with self._lock:
            self._closed_until_s = time.monotonic() + closed_s
            found = len(self._pairs) // 2
            for end in tuple(self._pairs):
                self._drop(end, reset=True)
            self.resets += found
        return found

    def connections(self, target: int) -> int:
        """How many are open to a port behind it."""
        with self._lock:
            return sum(one.getpeername()[1] == target for one in self._pairs)

    def _run(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select(0.2):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs:
                        self._carry(key.fileobj)
        with self._lock:
            for end in tuple(self._pairs):
                self._drop(end, reset=True)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            if time.monotonic() < self._closed_until_s:
                raise ConnectionRefusedError
            behind = self._connected()
        except OSError:
            _close(client, reset=True)
            return
        for one, other in ((client, behind), (behind, client)):
            one.settimeout(5)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _connected(self) -> socket.socket:
        """A connection to the next port that takes one.

        Raises:
            OSError: none does.
        """
        self._turn += 1
        targets = self.targets
        failed: ConnectionError = ConnectionRefusedError("no port is behind the proxy")
        for number in range(len(targets)):
            try:
                return socket.create_connection(("127.0.0.1", targets[(self._turn + number) % len(targets)]), timeout=2)
            except ConnectionError as error:
                failed = error
        raise failed

    def _carry(self, end: socket.socket) -> None:
        try:
            data = end.recv(_CHUNK)
            if data:
                self._pairs[end].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(end, reset=False)

    def _drop(self, end: socket.socket, *, reset: bool) -> None:
        other = self._pairs.pop(end, None)
        if other is None:  # it went with its other end
            return
        del self._pairs[other]
        for one in (end, other):
            self._selector.unregister(one)
            _close(one, reset=reset)


def _close(connection: socket.socket, *, reset: bool) -> None:
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()
