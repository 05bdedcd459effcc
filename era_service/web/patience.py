"""Time limits for clients, so that idle ones do not hold connections and their memory; and short pauses.

In: an application. Out: the settings by which uvicorn serves it with two limits that it lacks by default:

1. A request with its body must arrive within a number of seconds from its first byte (and from the connection), however
   slowly it drips. An answer may take any time: the event stream has no end.
2. The head of a request fits into ``MAX_HEAD_BYTES``.

And for a listener: a client that accepts no data is disconnected after ``UNTAKEN_S``, where the system supports it.

Pauses are kept short too, since thousands ask at once when an epoch begins (``keep_pauses_short``).
``python -m benchmarks --only serving.boundary`` shows the effect of each measure.
"""

import asyncio
import gc
import logging
import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from era_service.service.changes import SNAPSHOT
from era_service.service.service import Service
from eras import Epoch

MAX_HEAD_BYTES: Final = 16 * 1024
UNTAKEN_S: Final = 60
OTHER_FILES: Final = 256
"""Files that are open besides the connections."""

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)
_deadline: ContextVar["_Deadline | None"] = ContextVar("_deadline", default=None)
"""The deadline of the connection whose request this task answers: inherited from the protocol that starts the task."""


def uvicorn_settings(app: ASGIApp, within_s: float) -> dict[str, Any]:
    """The settings of uvicorn that serve ``app`` and wait at most ``within_s`` seconds for a request."""

    class Patient(H11Protocol):
        """The protocol of one connection, with its deadline."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.deadline = _Deadline(transport, within_s)
            super().connection_made(transport)

        def data_received(self, data: bytes) -> None:
            self.deadline.begin()
            _deadline.set(self.deadline)
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.deadline.met()
            super().connection_lost(exc)

    return {"app": _noting(app), "http": Patient, "h11_max_incomplete_event_size": MAX_HEAD_BYTES}


def drop_stalled_clients(listener: socket.socket) -> None:
    """End every connection to ``listener`` whose client accepts no data for long."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listener.setsockopt(socket.IPPROTO_TCP, option, UNTAKEN_S * 1_000)


def allow_connections(most: int) -> None:
    """Allow this process that many connections, as far as the system permits; log a warning if it does not."""
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


class _Deadline:
    """The time until which the request on a connection must be complete; then the connection is closed."""

    def __init__(self, transport: asyncio.Transport, within_s: float) -> None:
        self._transport, self._within_s = transport, within_s
        self._due: asyncio.TimerHandle | None = None
        self._is_waiting = True
        self.begin()

    def begin(self) -> None:
        """Note data: it begins a request, unless a complete one is not answered yet."""
        if self._is_waiting and self._due is None:
            self._due = asyncio.get_running_loop().call_later(self._within_s, self._transport.close)

    def met(self, *, is_answered: bool = False) -> None:
        """Note that the request is complete, or answered: the next data begins another one."""
        self._is_waiting = is_answered
        if self._due is not None:
            self._due.cancel()
            self._due = None


def _noting(app: ASGIApp) -> ASGIApp:
    """The application, which notes on the deadline when a request is complete, and when it is answered."""

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        deadline = _deadline.get()
        if scope["type"] != "http" or deadline is None:
            await app(scope, receive, send)
            return

        async def receive_all() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                deadline.met()
            return message

        async def send_all(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                deadline.met(is_answered=True)
            await send(message)

        if not any(name in _OF_A_BODY for name, _ in scope["headers"]):
            deadline.met()
        await app(scope, receive_all, send_all)

    return noting


_OF_A_BODY: Final = (b"content-length", b"transfer-encoding")


TURN_S: Final = 10.0
"""How long work waits for its turn before it begins without it: one that hangs holds up no other for good."""


class OneByOne:
    """Does work in a worker thread, one piece after the other.

    Threads that compute at once hand the interpreter's lock to and fro, the more often the shorter the pauses of the
    event loop are kept: side by side, batches of registrations take twice the processor time.

    Args:
        wait_s: seconds after which work begins beside what is being done.
    """

    def __init__(self, wait_s: float = TURN_S) -> None:
        self._wait_s = wait_s
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work when its turn has come, and return what it returns; it may raise anything."""
        with ExitStack() as turn:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    await self._turn.acquire()
                    turn.callback(self._turn.release)
            return await run_in_threadpool(work, *args, **kwargs)


SWITCH_INTERVAL_S: Final = 0.0001
THRESHOLDS: Final = (250, 2, 100_000)
READINGS: Final = 2
"""The remembered snapshot, and the first one that is read: then all code is loaded."""
FULL_SEARCH_S: Final = 60.0
"""Between two searches of everything for garbage. One takes some 20 ms where there are 3,000 connections."""
RUSH_S: Final = 10.0
"""How long nodes ask for an epoch that began: nothing is searched meanwhile."""


def keep_pauses_short(service: Service, clock: Callable[[], float] = time.monotonic) -> None:
    """Tune this process, which does nothing but serve ``service``, so that its event loop is never held up for long.

    - A worker thread that computes yields to the event loop after a tenth of a millisecond, not after five whole ones:
      it would otherwise lose as much at every packet it sends.
    - What exists once the service has read, all the code above all, is not garbage and is not searched for any. New
      objects are searched by the 250, which takes less than a millisecond. Everything is searched once a minute, but
      not as an epoch begins: cycles that outlive the searches for new ones, such as of closed connections, wait for it.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*THRESHOLDS)
    service.changes.listen(_Tidying(service, clock).note)


class _Tidying:
    """Decides at each reading of a service whether everything is searched for garbage."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service, self._clock = service, clock
        self._loading = READINGS
        self._epoch: Epoch | None = None
        self._due_s = 0.0

    def note(self, kind: str) -> None:
        """Take note of a change; only a reading matters."""
        if kind != SNAPSHOT:
            return
        if self._loading:
            self._loading -= 1
            gc.collect()
            gc.freeze()
            return
        now_s, token = self._clock(), self._service.checker.view.token
        epoch = None if token is None else token.epoch
        if epoch != self._epoch:
            self._epoch, self._due_s = epoch, max(self._due_s, now_s + RUSH_S)
        elif now_s >= self._due_s:
            gc.collect()
            self._due_s = now_s + FULL_SEARCH_S
