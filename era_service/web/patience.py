"""Patience: how long a client may take, so that nobody holds connections, and their memory, for nothing.

In: what uvicorn is to be run with. Out: the same, with three bounds that it has not of itself:

1. A request, its body included, has come in within so many seconds of its first byte (and of the connection), however
   it drips. An answer may take as long as it likes: the event stream has no end.
2. What is before the body fits into ``MAX_HEAD_BYTES``.
3. A client that takes nothing of what it is sent is let go after ``UNTAKEN_S``, as far as the system can tell (Linux).
"""

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import uvicorn

MAX_HEAD_BYTES: Final = 16 * 1024
UNTAKEN_S: Final = 60
OTHER_FILES: Final = 256
"""Files that are open beside the connections."""

_log = logging.getLogger(__name__)


def be_patient(config: "uvicorn.Config", within_s: float) -> None:
    """Have a configuration that is loaded wait ``within_s`` seconds for a request, and no longer."""
    config.h11_max_incomplete_event_size = MAX_HEAD_BYTES
    config.http_protocol_class = _patient(config.http_protocol_class, within_s)


def let_go_of_the_deaf(listener: socket.socket) -> None:
    """Have every connection to ``listener`` end that takes nothing for long."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listener.setsockopt(socket.IPPROTO_TCP, option, UNTAKEN_S * 1_000)


def allow_connections(most: int) -> None:
    """Let this process have that many connections, as far as the system does; where it does not, that is logged."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _log.warning(
            "The system allows %d open files, which is fewer than service.max_streams = %d needs: raise ulimit -n",
            allowed,
            most,
        )


def _patient(base: Any, within_s: float) -> Any:
    class Patient(base):  # type: ignore[misc]
        due: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self.watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self.stop_watching()
            super().connection_lost(exc)

        def watch(self) -> None:
            # After an answer, what comes in begins the next request; before it, only a body can be missing.
            is_whole = self.cycle is not None and not (self.cycle.more_body or self.cycle.response_complete)
            if is_whole:
                self.stop_watching()
            elif self.due is None:
                self.due = self.loop.call_later(within_s, self.give_up)

        def stop_watching(self) -> None:
            if self.due is not None:
                self.due.cancel()
                self.due = None

        def give_up(self) -> None:
            self.due = None
            self.transport.close()

    return Patient
