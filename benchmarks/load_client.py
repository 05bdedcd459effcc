"""A load generator: keep-alive connections by asyncio, as cheap as Python makes it, so that the server is what is slow.

In: an address and requests, each as its bytes. Out: how long every answer took. An answer that is no success counts as
an error; nothing is retried.
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
FINE = (200, 304)


@dataclass(slots=True)
class Times:
    """The seconds that answers took, and the statuses that were not a success."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        """The time within which that share of all was answered."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    def require_no_error(self) -> Self:
        """The same.

        Raises:
            RuntimeError: not everything was answered as it should be.
        """
        if self.errors or not self.seconds:
            raise RuntimeError(f"of {len(self.seconds)} requests not all were answered well: {dict(self.errors)}")
        return self


def request_bytes(path: str, *, method: str = "GET", body: bytes = b"", **headers: str) -> bytes:
    """A request; an underscore in the name of a header is a hyphen."""
    named = {"host": "benchmark"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        named |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection, one request at a time. One that the server closes while nothing is asked is opened again.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect."""
        made = cls(url)
        await made._connect()
        return made

    async def _connect(self) -> None:
        await self._loop.create_connection(lambda: self, self._host, self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came; an answer is complete when its length says so."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        status = int(self._received[9:12])
        length = LENGTH.search(self._received, 0, end)
        body_length = int(length[1]) if length is not None and status != 304 else 0
        if len(self._received) >= end + 4 + body_length:
            answer, self._answer, received = self._answer, None, self._received
            self._received = b""
            answer.set_result((status, received))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the answer that is awaited, if any."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server has closed the connection"))

    async def ask(self, request: bytes, times: Times) -> bytes:
        """Send a request and wait for its answer, head and body; how long it took goes into ``times``."""
        began = self._loop.time()
        if self._transport is None or self._transport.is_closing():
            await self._connect()
        assert self._transport is not None
        self._answer = self._loop.create_future()
        self._transport.write(request)
        status, received = await self._answer
        times.seconds.append(self._loop.time() - began)
        if status not in FINE:
            times.errors[str(status)] += 1
        return received

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


async def load(url: str, request: bytes, *, requests: int, connections: int) -> Times:
    """Send a request that often, over that many connections, each as fast as it is answered."""
    times, left = Times(), iter(range(requests))

    async def one() -> None:
        connection = await Connection.open(url)
        for _ in left:
            await connection.ask(request, times)
        connection.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return times.require_no_error()
