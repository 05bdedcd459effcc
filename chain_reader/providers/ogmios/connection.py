"""Questions to Ogmios over a websocket that is opened when it is needed, kept, and opened again when it was lost.

In: requests with the types of their answers. Out: their results, or a ``ChainReadError`` that names what was asked and
what came.

1. A connection serves one conversation at a time, and is kept for the next one only when that ended well: after a
   timeout or nonsense, a late answer could be taken for one to another question.
2. A kept connection that turns out to be closed is replaced at once; a new one that cannot be made or is lost is tried
   again where that may help (``retries``).
3. Connecting, every answer and the whole conversation end in time, and a message within its size.

The ``ogmios`` client would open the connection itself, without a timeout and with messages of 1 MiB at most, so that
spam at the era address ends every read, and its response types take nonsense for an answer (ADR 5).
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, ProxyError, WebSocketException
from websockets.sync.client import ClientConnection, connect

from chain_reader.providers.ogmios.answers import FAULT, Fault, Reply
from chain_reader.providers.transport.calls import Call, provider_name
from chain_reader.providers.transport.errors import (
    ProviderBannedError,
    ProviderFailedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits
from chain_reader.providers.transport.rate_limit import pace_of
from chain_reader.providers.transport.retries import retried, seconds_to_wait
from eras import ChainReadError

Answer = TypeVar("Answer")
Result = TypeVar("Result")

_LEDGER_STATE_FAULTS = range(2000, 3000)
"""Era mismatch, unavailable in the current era, acquired state expired: the node is syncing or crossing an era."""

_MESSAGE_TOO_BIG = 1009
_CLOSE_TIMEOUT_S = 1.0


class _Open:
    """An open connection; it closes as the context manager that it was opened by does."""

    def __init__(self, url: str, limits: ReadLimits, open_timeout: float) -> None:
        self._stack = ExitStack()
        self.connection: ClientConnection = self._stack.enter_context(
            connect(url, open_timeout=open_timeout, close_timeout=_CLOSE_TIMEOUT_S, max_size=limits.max_message_bytes)
        )

    def close(self) -> None:
        self._stack.close()


class _ConnectionLostError(Exception):
    """A kept connection was closed in the meantime, which proves nothing about Ogmios yet."""


class OgmiosConnection:
    """Conversations with one Ogmios server.

    Args:
        url: ``ws://host:port`` or ``wss://…``.
        limits: time, size, attempts and rate.
        clock: time and waiting.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(self, url: str, limits: ReadLimits, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.name = provider_name("ogmios", url, ("ws", "wss"))
        self._url = url
        self._limits = limits
        self._clock = clock
        self._pace = pace_of(url, limits, clock)
        self._ids = itertools.count(1)
        self._kept: _Open | None = None
        self._turn = threading.Lock()

    def converse(self, about: str, talk: "Callable[[Conversation], Answer]", *, once: bool = False) -> Answer:
        """The result of ``talk`` over the answers to its requests, the first of which is ``about``.

        It may be called again when the connection is lost, so it must only read; unless it is to be called ``once``,
        over a new connection, and whether a request arrived that was not answered remains unknown.

        Raises:
            ChainReadError: Ogmios could not be reached, or did not answer as it should.
        """
        until = self._clock.monotonic() + self._limits.read_deadline_s

        def attempt() -> Answer:
            self._pace.enter(Call(self.name, about), until)
            try:
                return self._attempt(about, talk, until, fresh=once)
            except ProviderBannedError as error:
                self._pace.ban(error.facts.get("retry_after_s"))
                raise

        return attempt() if once else retried(attempt, until, self._limits, self._clock)

    def ask(self, method: str, expected: TypeAdapter[Reply[Result]], *, once: bool = False, **params: Any) -> Result:
        """The result of one request."""
        return self.converse(method, lambda ogmios: ogmios.ask(method, expected, **params), once=once)

    def close(self) -> None:
        """Close the connection. Calling it twice is fine."""
        if (kept := self._take()) is not None:
            kept.close()

    def _attempt(self, about: str, talk: "Callable[[Conversation], Answer]", until: float, *, fresh: bool) -> Answer:
        conversation = Conversation(Call(self.name, about), self._limits, self._clock, until, self._ids)
        kept = None if fresh else self._take()
        if kept is not None:
            with suppress(_ConnectionLostError):
                return self._talk(conversation, kept, talk, was_kept=True)
        try:
            seconds = max(0.0, min(self._limits.connect_timeout_s, until - self._clock.monotonic()))
            opened = _Open(self._url, self._limits, seconds)
        except TimeoutError as error:
            raise conversation.too_late() from error
        except (OSError, WebSocketException) as error:
            raise conversation.unreachable(error) from error
        return self._talk(conversation, opened, talk, was_kept=False)

    def _talk(
        self,
        conversation: "Conversation",
        opened: _Open,
        talk: "Callable[[Conversation], Answer]",
        *,
        was_kept: bool,
    ) -> Answer:
        conversation.connection = opened.connection
        try:
            answer = talk(conversation)
        except BaseException as error:
            opened.close()
            if isinstance(error, TimeoutError):
                raise conversation.too_late() from error
            if isinstance(error, ConnectionClosed):
                if was_kept and (error.sent is None or error.rcvd_then_sent):  # not closed by us
                    raise _ConnectionLostError from error
                raise conversation.closed(error) from error
            if isinstance(error, OSError | WebSocketException):
                raise conversation.unreachable(error) from error
            raise
        self._keep(opened)
        return answer

    def _take(self) -> _Open | None:
        with self._turn:
            kept, self._kept = self._kept, None
        return kept

    def _keep(self, opened: _Open) -> None:
        with self._turn:
            spare, self._kept = self._kept, opened
        if spare is not None:  # another thread conversed meanwhile
            spare.close()


class Conversation:
    """Requests over one connection, and the errors they end in; ``call`` is the request now running."""

    def __init__(self, call: Call, limits: ReadLimits, clock: Clock, until: float, ids: Iterator[int]) -> None:
        self.connection: ClientConnection
        self.call = call
        self._limits = limits
        self._clock = clock
        self._until = until
        self._ids = ids

    def ask(self, method: str, expected: TypeAdapter[Reply[Result]], **params: Any) -> Result:
        """The result of one request.

        Raises:
            ChainReadError: the answer is an error, or makes no sense.
        """
        self.call = Call(self.call.provider, method)
        request: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": next(self._ids)}
        if params:
            request["params"] = params
        self.connection.send(json.dumps(request))
        seconds = min(self._limits.call_deadline_s, self._until - self._clock.monotonic())
        message = self.connection.recv(timeout=max(0.0, seconds))
        try:
            reply = self.call.parse(expected, message)
        except UnexpectedAnswerError:
            if (fault := _fault_in(message)) is not None:
                raise self._fault_error(fault) from None
            raise
        if (reply.method, reply.id) != (method, request["id"]):
            raise self.call.unexpected(
                f"the answer to {method} with id {request['id']}", f"one to {reply.method} with id {reply.id!r}"
            )
        return reply.result

    def _fault_error(self, fault: Fault) -> ChainReadError:
        got = f"error {fault.code} {fault.message}".rstrip()
        if fault.code in _LEDGER_STATE_FAULTS:
            return self.call.error(
                ProviderFailedError,
                "failed at the provider",
                got=got,
                next_step="Wait until the node has caught up with the chain, then read again",
                rpc_code=fault.code,
            )
        return self.call.error(
            ProviderRefusedError,
            "was refused",
            got=got,
            next_step="Check that this is Ogmios v6 or later, and that the address is one of its network",
            rpc_code=fault.code,
        )

    def too_late(self) -> ProviderTimeoutError:
        """The error for an answer, or a connection, that did not come in time."""
        return self.call.too_late(
            f"a connection within {self._limits.connect_timeout_s:g} s, "
            f"an answer within {self._limits.call_deadline_s:g} s",
            "none so far",
            "Check that the node and Ogmios are up, then read again",
        )

    def closed(self, error: ConnectionClosed) -> ChainReadError:
        """The error for a connection that ended before the answer did."""
        if error.sent is not None and error.sent.code == _MESSAGE_TOO_BIG:
            return self.call.beyond(
                "max_message_bytes",
                f"at most {self._limits.max_message_bytes} bytes",
                "Somebody may flood the address; raise max_message_bytes to read it all",
            )
        if error.sent is not None and error.rcvd is None:
            return self.call.unexpected(
                "websocket messages", f"a breach of its rules ({error.sent.reason or 'none given'})"
            )
        return self.call.error(
            TruncatedAnswerError,
            "got an incomplete answer",
            expected="an answer",
            got="a connection that was closed" + (f" with {error.rcvd.code} {error.rcvd.reason}" if error.rcvd else ""),
            next_step="Read again; if it happens again, check the log of Ogmios",
        )

    def unreachable(self, error: Exception) -> ChainReadError:
        """The error for a connection that never came about."""
        if isinstance(error, InvalidStatus):
            retry_after_s = seconds_to_wait(error.response.headers.get("Retry-After", ""), self._clock.posix())
            return self.call.status_error(error.response.status_code, retry_after_s=retry_after_s)
        if isinstance(error, InvalidHandshake) and not isinstance(error, ProxyError):
            return self.call.unexpected("a websocket", type(error).__name__)
        return self.call.error(
            ProviderUnreachableError,
            "could not be sent",
            expected="a connection",
            got=(error.strerror if isinstance(error, OSError) else None) or type(error).__name__,
            next_step="Check the URL of Ogmios, the network and any proxy",
        )


def _fault_in(message: str | bytes) -> Fault | None:
    """The JSON-RPC error that a message is, if it is one."""
    try:
        return FAULT.validate_json(message).error
    except ValidationError:
        return None
