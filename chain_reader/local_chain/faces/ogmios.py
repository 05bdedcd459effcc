"""The Ogmios v6 face of a local chain: JSON-RPC 2.0 over a websocket at ``/``, by ``POST /``, and ``GET /health``.

In: a ``LocalChain``. Out: Starlette routes, whose answers and errors have the shapes and codes of Ogmios. Methods:

- ``queryNetwork/``: ``tip``, ``blockHeight``, ``startTime``, ``genesisConfiguration`` (Shelley's; 2004 for other eras)
- ``queryLedgerState/``: ``epoch``, ``tip``, ``utxo`` (by addresses, by output references, whole), ``eraSummaries``,
  ``eraStart``, ``protocolParameters``
- ``acquireLedgerState``, ``releaseLedgerState`` (over a websocket only), ``submitTransaction``
- ``evaluateTransaction``: no script budgets for a transaction without Plutus scripts, 3004 for one with them

Every other method is unknown (-32601). Between acquire and release the ledger queries of a connection are answered as
of the acquired block, while the chain grows; after a rollback of that block they fail with 2003. Requests of a
connection are answered one by one, in their order.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from chain_reader.local_chain.faces import ogmios_bodies as bodies
from chain_reader.local_chain.faces.http_answers import json_object, read_body
from chain_reader.local_chain.faces.ogmios_refusals import INVALID_PARAMS, refusal
from chain_reader.local_chain.faces.parameters import ogmios_parameters
from chain_reader.local_chain.faces.queries import FrozenState
from chain_reader.local_chain.ledger.addresses import AddressError, parse_address
from chain_reader.local_chain.ledger.chain import LocalChain
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.model import Block
from chain_reader.local_chain.ledger.transaction import parse_transaction

logger = logging.getLogger(__name__)

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
ACQUIRE_FAILED = 2000
ACQUIRED_EXPIRED = 2003
INVALID_GENESIS = 2004
NO_EVALUATION = 3004

_OF_CONNECTIONS = ("acquireLedgerState", "releaseLedgerState")

Params = dict[str, Any]


class OgmiosFaultError(Exception):
    """An error on its way to the client. Errors of JSON-RPC itself are ``general``; the others name the method."""

    def __init__(self, code: int, message: str, data: object = None, *, general: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.general = general

    def to_dict(self) -> dict[str, object]:
        """The error as JSON-RPC has it."""
        data = {} if self.data is None else {"data": self.data}
        return {"code": self.code, "message": str(self), **data}


class OgmiosSession:
    """One connection: what it asks is answered from ``chain``, at the block it acquired or else at the tip."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._acquired: Block | None = None
        self._queries: dict[str, Callable[[Params], object]] = {
            "queryNetwork/tip": lambda params: bodies.point(chain.tip()),
            "queryNetwork/blockHeight": lambda params: chain.tip().height,
            "queryNetwork/startTime": lambda params: bodies.start_time(chain.genesis),
            "queryNetwork/genesisConfiguration": self._genesis_configuration,
            "queryLedgerState/tip": lambda params: bodies.point(self._ledger_tip()),
            "queryLedgerState/epoch": lambda params: self._ledger_tip().epoch,
            "queryLedgerState/eraStart": lambda params: bodies.bound(chain.genesis, 0),
            "queryLedgerState/eraSummaries": lambda params: bodies.era_summaries(chain.genesis, self._ledger_tip()),
            "queryLedgerState/protocolParameters": lambda params: ogmios_parameters(chain.parameters),
            "queryLedgerState/utxo": self._utxo,
            "acquireLedgerState": self._acquire,
            "releaseLedgerState": self._release,
        }

    def answer(self, text: str | bytes) -> dict[str, object]:
        """The response to a request; an error is a response too."""
        request = json_object(text)
        try:
            method, params = _call(request)
            response = {"method": method, "result": self._result(method, params)}
        except OgmiosFaultError as fault:
            response = {"error": fault.to_dict()}
            if not fault.general:
                response = {"method": method} | response
        except Exception:
            logger.exception("An Ogmios request failed inside")
            response = {"error": {"code": INTERNAL_ERROR, "message": "Internal error."}}
        return {"jsonrpc": "2.0", **response, "id": None if request is None else request.get("id")}

    def _result(self, method: str, params: Params) -> object:
        commands = {"submitTransaction": self._submit, "evaluateTransaction": self._evaluate}
        if method in commands:
            return commands[method](params)
        if method not in self._queries:
            raise OgmiosFaultError(
                METHOD_NOT_FOUND,
                "Invalid request: unknown method in 'method' (beware names are case-sensitive).",
                {"known": sorted([*self._queries, *commands])},
                general=True,
            )
        with self._chain.snapshot():
            return self._queries[method](params)

    def _ledger_tip(self) -> Block:
        if self._acquired is None:
            return self._chain.tip()
        if self._chain.block(self._acquired.hash) is None:
            raise OgmiosFaultError(
                ACQUIRED_EXPIRED,
                "The acquired ledger state is no longer available.",
                "The acquired point is not on the chain any more.",
            )
        return self._acquired

    def _genesis_configuration(self, params: Params) -> object:
        era = _only(params, "era")["era"]
        if era == "shelley":
            return bodies.shelley_genesis(self._chain.genesis, self._chain.parameters)
        if era not in ("byron", "alonzo", "conway", "dijkstra"):
            raise _invalid_params("'era' must be one that has a genesis configuration")
        raise OgmiosFaultError(
            INVALID_GENESIS, f"There is no genesis configuration of {era}.", "A local chain has a Shelley genesis only."
        )

    def _utxo(self, params: Params) -> object:
        state = FrozenState(self._chain, self._ledger_tip())
        if not params:
            found = state.at_addresses(None)
        elif "addresses" in params:
            found = state.at_addresses(_addresses(_only(params, "addresses")["addresses"]))
        else:
            found = state.at_references(_references(_only(params, "outputReferences")["outputReferences"]))
        return [bodies.utxo(output) for output in found]

    def _acquire(self, params: Params) -> object:
        point = _only(params, "point")["point"]
        if point == "origin":
            block = self._chain.block(0)
        elif isinstance(point, dict) and set(point) == {"slot", "id"} and isinstance(point["id"], str):
            block = self._chain.block(point["id"])
        else:
            raise _invalid_params("'point' must be \"origin\" or an object of 'slot' and 'id'")
        if block is None or (point != "origin" and point["slot"] != block.slot):
            raise OgmiosFaultError(ACQUIRE_FAILED, "The point cannot be acquired.", "The point is not on the chain.")
        if self._chain.tip().height - block.height > self._chain.genesis.security_param:
            raise OgmiosFaultError(ACQUIRE_FAILED, "The point cannot be acquired.", "The point is too old.")
        self._acquired = block
        return {"acquired": "ledgerState", "point": point}

    def _release(self, params: Params) -> object:
        self._acquired = None
        return {"released": "ledgerState"}

    def _evaluate(self, params: Params) -> object:
        cbor = _transaction(_only({**params, "additionalUtxo": []}, "transaction", "additionalUtxo"))
        try:
            parse_transaction(cbor, max_bytes=self._chain.parameters.max_transaction_size)
        except LedgerRefusedError as error:
            if error.rule == "NotModelled":
                raise OgmiosFaultError(NO_EVALUATION, "No script can be evaluated.", {"reason": str(error)}) from error
            raise OgmiosFaultError(INVALID_PARAMS, str(error), {bodies.CURRENT_ERA: str(error)}) from error
        return []

    def _submit(self, params: Params) -> object:
        cbor = _transaction(_only(params, "transaction"))
        try:
            return {"transaction": {"id": self._chain.submit(cbor)}}
        except LedgerRefusedError as error:
            code, data = refusal(error, cbor, self._chain.genesis, self._chain.parameters)
            raise OgmiosFaultError(code, str(error), data) from error


def _call(request: dict[str, object] | None) -> tuple[str, Params]:
    if request is None:
        raise _invalid_request("must be a well-formed JSON object")
    if request.get("jsonrpc") != "2.0":
        raise _invalid_request("field 'jsonrpc' must be present and be \"2.0\"")
    method, params = request.get("method"), request.get("params", {})
    if not isinstance(method, str):
        raise _invalid_request("field 'method' must be present and be a string")
    if not isinstance(params, dict):
        raise _invalid_params("'params' must be an object")
    return method, params


def _invalid_request(what: str) -> OgmiosFaultError:
    return OgmiosFaultError(INVALID_REQUEST, f"Invalid request: {what}.", general=True)


def _invalid_params(what: str) -> OgmiosFaultError:
    return OgmiosFaultError(INVALID_PARAMS, f"Invalid request: {what}.", general=True)


def _only(params: Params, *names: str) -> Params:
    if set(params) != set(names):
        raise _invalid_params(f"'params' must be an object of '{names[0]}'")
    return params


def _transaction(params: Params) -> bytes:
    transaction = params["transaction"]
    if not isinstance(transaction, dict) or set(transaction) != {"cbor"}:
        raise _invalid_params("'transaction' must be an object of 'cbor'")
    try:
        return bytes.fromhex(transaction["cbor"])
    except (TypeError, ValueError) as error:
        raise _invalid_params("'cbor' must be a transaction's bytes in base16") from error


def _addresses(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(address, str) for address in found):
        raise _invalid_params("'addresses' must be a list of addresses")
    for address in found:
        try:
            parse_address(address)
        except AddressError as error:
            if not error.byron:
                raise _invalid_params(f"'addresses' must be a list of payment addresses, and {error}") from error
    return tuple(found)


def _references(found: Any) -> tuple[tuple[str, int], ...]:
    try:
        references = tuple((item["transaction"]["id"], item["index"]) for item in found)
    except (TypeError, KeyError) as error:
        raise _invalid_params("'outputReferences' must be a list of objects of 'transaction' and 'index'") from error
    if not all(isinstance(made, str) and type(index) is int and 0 <= index < 2**64 for made, index in references):
        raise _invalid_params("an output reference must have a transaction id and an index")
    return references


def ogmios_routes(chain: LocalChain) -> list[BaseRoute]:
    """The routes of the face."""

    async def converse(websocket: WebSocket) -> None:
        await websocket.accept()
        session = OgmiosSession(chain)
        with suppress(WebSocketDisconnect):  # a client may leave while its answer is on the way
            while (message := await websocket.receive())["type"] == "websocket.receive":
                text = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
                await websocket.send_text(json.dumps(await run_in_threadpool(session.answer, text)))

    async def call(request: Request) -> Response:
        response = await run_in_threadpool(_answer_once, chain, await read_body(request))
        return JSONResponse(response, status_code=_status(response))

    def health(request: Request) -> Response:
        return JSONResponse(_health(chain))

    return [
        WebSocketRoute("/", converse),
        Route("/", call, methods=["POST"]),
        Route("/health", health, methods=["GET"]),
    ]


def _answer_once(chain: LocalChain, body: bytes) -> dict[str, object]:
    """The response to a request that comes alone: no state of the ledger can be acquired for a next one."""
    request = json_object(body)
    if request is not None and request.get("method") in _OF_CONNECTIONS:
        fault = _invalid_request(f"{request['method']} needs a websocket, as it is about the requests that follow")
        return {"jsonrpc": "2.0", "error": fault.to_dict(), "id": request.get("id")}
    return OgmiosSession(chain).answer(body)


def _status(response: dict[str, object]) -> int:
    error = response.get("error")
    if not isinstance(error, dict):
        return 200
    return 500 if error["code"] == INTERNAL_ERROR else 400


def _health(chain: LocalChain) -> dict[str, object]:
    with chain.snapshot():
        tip = chain.tip()
        return {
            "startTime": bodies.start_time(chain.genesis),
            "lastTipUpdate": bodies.utc(chain.slot_time_s(tip.slot)),
            "lastKnownTip": bodies.point(tip) | {"height": tip.height},
            "networkSynchronization": 1.0,
            "currentEra": bodies.CURRENT_ERA,
            "currentEpoch": tip.epoch,
            "slotInCurrentEpoch": tip.slot % chain.genesis.epoch_length,
            "connectionStatus": "connected",
            "network": bodies.network(chain.genesis),
        }
