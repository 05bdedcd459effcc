"""Reads a chain through an Ogmios v6 websocket, next to a Cardano node.

In: a URL. Out: the answers of the ``ChainObserver`` port. Ogmios queries the ledger state, which is a set: it knows
no order of outputs, no slots, no inputs of past transactions and no history, and says so in its capabilities.

The five requests are written here, and their answers parsed here. The ``ogmios`` client would open the connection
itself, without a timeout and with messages of 1 MiB at most, so that spam at the era address ends every read; its
response types fail on fields it does not know; and it belongs to the ``tools`` extra, while a node that embeds the
reader needs none of it.
"""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, ProxyError, WebSocketException
from websockets.sync.client import ClientConnection, connect

from chain_reader.observers.calls import Call, provider_name
from chain_reader.observers.errors import (
    ProviderFailedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimitExceededError,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from chain_reader.observers.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.observers.ogmios_answers import BLOCK_HEIGHT, EPOCH, FAULT, TIP, UTXO, Origin, Point, Reply
from chain_reader.observers.statuses import status_error
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from eras import ChainReadError, Epoch, Slot

Result = TypeVar("Result")

_LEDGER_STATE_FAULTS = range(2000, 3000)
"""Era mismatch, unavailable in the current era, acquired state expired: the node is syncing or crossing an era."""

_MESSAGE_TOO_BIG = 1009
_CLOSE_TIMEOUT_S = 1.0


class OgmiosObserver:
    """A ``ChainObserver`` over Ogmios v6. Each question opens a connection of its own and closes it.

    Args:
        url: ``ws://host:port`` or ``wss://…``.
        limits: time and size of reading; ``max_message_bytes`` must hold every output at the address.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(self, url: str, *, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        self._name = provider_name("ogmios", url, ("ws", "wss"))
        self._url = url
        self._limits = limits
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return f"OgmiosObserver({self._name!r})"

    @property
    def name(self) -> str:
        """What operators call it."""
        return self._name

    @property
    def capabilities(self) -> ObserverCapabilities:
        """None: the ledger state is a set of outputs."""
        return ObserverCapabilities()

    def epoch(self) -> Epoch:
        """The current epoch.

        Raises:
            ChainReadError: it could not be read.
        """
        with self._session("queryLedgerState/epoch") as session:
            return Epoch(session.ask("queryLedgerState/epoch", EPOCH))

    def tip(self) -> ChainTip:
        """The newest block; its height is unknown when a block arrives in the middle of the reading.

        Raises:
            ChainReadError: it could not be read.
        """
        with self._session("queryNetwork/tip") as session:
            before: Point | Origin = session.ask("queryNetwork/tip", TIP)
            height: int | Origin = session.ask("queryNetwork/blockHeight", BLOCK_HEIGHT)
            tip: Point | Origin = session.ask("queryNetwork/tip", TIP)
        if not isinstance(tip, Point):
            return ChainTip(Slot(0), None, None)
        return ChainTip(Slot(tip.slot), height if tip == before and isinstance(height, int) else None, tip.id)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, in no order.

        Raises:
            ChainReadError: they could not be read.
        """
        with self._session("queryLedgerState/utxo") as session:
            outputs = session.ask("queryLedgerState/utxo", UTXO, addresses=[address])
            strange = next((output.address for output in outputs if output.address != address), None)
            if strange is not None:
                raise session.call.unexpected(f"outputs at {address}", f"one at {strange}")
        return tuple(
            DatumOutput(output.transaction.id, output.index, output.datum, output.value.ada.lovelace, spent=False)
            for output in outputs
            if output.datum is not None
        )

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """Not known to Ogmios.

        Raises:
            ProviderRefusedError: always.
        """
        raise self._unknown(f"the inputs of transaction {transaction}")

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Not known to Ogmios.

        Raises:
            ProviderRefusedError: always.
        """
        raise self._unknown(f"the history of {address}")

    def close(self) -> None:
        """Nothing is kept open. Calling it twice is fine."""

    def _unknown(self, what: str) -> ProviderRefusedError:
        return Call(self._name, what).error(
            ProviderRefusedError,
            "cannot be asked for",
            expected="what the ledger state holds",
            next_step="Use an observer that declares this capability, such as Blockfrost",
        )

    @contextmanager
    def _session(self, request: str) -> Iterator["_Session"]:
        """A connection for some requests, ``request`` first; every failure comes out as a ``ChainReadError``."""
        session = _Session(Call(self._name, request), self._limits, self._ids)
        try:
            with connect(
                self._url,
                open_timeout=self._limits.connect_timeout_s,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=self._limits.max_message_bytes,
            ) as session.connection:
                yield session
        except TimeoutError as error:
            raise session.too_late() from error
        except ConnectionClosed as error:
            raise session.closed(error) from error
        except (OSError, WebSocketException) as error:
            raise session.unreachable(error) from error


class _Session:
    """Requests over one connection, and the errors they end in; ``call`` is the request now running."""

    def __init__(self, call: Call, limits: ReadLimits, ids: Iterator[int]) -> None:
        self.connection: ClientConnection
        self.call = call
        self._limits = limits
        self._until = time.monotonic() + limits.read_deadline_s
        self._ids = ids

    def ask(self, method: str, expected: TypeAdapter[Reply[Result]], **params: Any) -> Result:
        """The result of one request."""
        self.call = Call(self.call.provider, method)
        request: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "id": next(self._ids)}
        if params:
            request["params"] = params
        self.connection.send(json.dumps(request))
        seconds = min(self._limits.call_deadline_s, self._until - time.monotonic())
        message = self.connection.recv(timeout=max(0.0, seconds))
        try:
            reply = self.call.parse(expected, message)
        except UnexpectedAnswerError:
            self._require_no_fault(message)
            raise
        if (reply.method, reply.id) != (method, request["id"]):
            raise self.call.unexpected(
                f"the answer to {method} with id {request['id']}", f"one to {reply.method} with id {reply.id!r}"
            )
        return reply.result

    def _require_no_fault(self, message: str | bytes) -> None:
        try:
            fault = FAULT.validate_json(message).error
        except ValidationError:
            return  # not a JSON-RPC error either
        got = f"error {fault.code} {fault.message}".rstrip()
        if fault.code in _LEDGER_STATE_FAULTS:
            raise self.call.error(
                ProviderFailedError,
                "failed at the provider",
                got=got,
                next_step="Wait until the node has followed the chain to its tip, then read again",
                rpc_code=fault.code,
            )
        raise self.call.error(
            ProviderRefusedError,
            "was refused",
            got=got,
            next_step="Check that this is Ogmios v6, and that the address is one of its network",
            rpc_code=fault.code,
        )

    def too_late(self) -> ProviderTimeoutError:
        return self.call.error(
            ProviderTimeoutError,
            "was not answered in time",
            expected=f"a connection within {self._limits.connect_timeout_s:g} s, "
            f"an answer within {self._limits.call_deadline_s:g} s",
            got="none so far",
            next_step="Check that the node and Ogmios are up, then read again",
        )

    def closed(self, error: ConnectionClosed) -> ChainReadError:
        """The error for a connection that ended before the answer did."""
        if error.sent is not None and error.sent.code == _MESSAGE_TOO_BIG:
            return self.call.error(
                ReadLimitExceededError,
                "got an answer beyond the limit",
                expected=f"at most {self._limits.max_message_bytes} bytes",
                got="more",
                next_step="Somebody may flood the address; raise max_message_bytes to read it all",
                limit="max_message_bytes",
            )
        if error.sent is not None and error.rcvd is None:
            return self.call.unexpected(
                "websocket messages", f"a breach of its rules ({error.sent.reason or 'none given'})"
            )
        return self.call.error(
            TruncatedAnswerError,
            "got no whole answer",
            expected="an answer",
            got="a connection that was closed" + (f" with {error.rcvd.code} {error.rcvd.reason}" if error.rcvd else ""),
            next_step="Read again; if it happens again, look into the log of Ogmios",
        )

    def unreachable(self, error: Exception) -> ChainReadError:
        """The error for a connection that never came about."""
        if isinstance(error, InvalidStatus):
            return status_error(self.call, error.response.status_code)
        if isinstance(error, InvalidHandshake) and not isinstance(error, ProxyError):
            return self.call.unexpected("a websocket", type(error).__name__)
        return self.call.error(
            ProviderUnreachableError,
            "could not be asked",
            expected="a connection",
            got=(error.strerror if isinstance(error, OSError) else None) or type(error).__name__,
            next_step="Check the URL of Ogmios, the network and any proxy",
        )
