"""The Blockfrost-compatible HTTP face of a local chain: the routes under ``/api/v0``.

In: a ``LocalChain``. Out: Starlette routes whose answers and errors have the shapes, statuses and words of Blockfrost's
API, as far as a ledger without pools and scripts goes: health, blocks, epochs, genesis, network, addresses,
transactions, submission. Every answer is read from the chain at one moment. An address that was never seen is a 404, as
at Blockfrost.
"""

import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from chain_reader.local_chain.faces import blockfrost_bodies as bodies
from chain_reader.local_chain.faces import queries as face_queries
from chain_reader.local_chain.faces.http_answers import not_found, read_body
from chain_reader.local_chain.faces.parameters import blockfrost_parameters
from chain_reader.local_chain.ledger.addresses import AddressError, parse_address
from chain_reader.local_chain.ledger.chain import LocalChain
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.model import Block, ChainTransaction
from chain_reader.local_chain.ledger.plain_data import transaction_metadata
from eras import __version__

PREFIX = "/api/v0"
MAX_INT = 2**31 - 1
MAX_PAGE = 21_474_836
MAX_COUNT = 100

HASH_DIGITS = 64
HASH = re.compile("[0-9a-f]{64}")
UNIT = re.compile("[0-9a-f]{56}([0-9a-f]{2}){0,32}")
INVALID_ASSET = "Invalid or malformed asset format."
INVALID_ADDRESS = "Invalid address for this network or malformed address format."
INVALID_RANGE = "Invalid (malformed or out of range) from/to parameter(s)."

Reader = Callable[[LocalChain, Request], object]


def blockfrost_routes(chain: LocalChain, *, project_id: str | None = None) -> Mount:
    """The routes of the face, to be mounted in an application that has ``http_answers.EXCEPTION_HANDLERS``.

    Args:
        chain: what they read and change.
        project_id: the token that requests must carry in the header ``project_id``; ``None`` asks for none.
    """
    readers: dict[str, Reader] = {
        "/": _root,
        "/health": lambda chain, request: {"is_healthy": True},
        "/health/clock": lambda chain, request: {"server_time": int(time.time() * 1000)},
        "/blocks/latest": lambda chain, request: _block_body(chain, chain.tip()),
        "/blocks/latest/txs": lambda chain, request: _block_transactions(chain.tip(), request),
        "/blocks/{hash_or_number}": lambda chain, request: _block_body(chain, _asked_block(chain, request)),
        "/blocks/{hash_or_number}/txs": lambda chain, request: _block_transactions(
            _asked_block(chain, request), request
        ),
        "/epochs/latest": lambda chain, request: _epoch_body(chain, chain.tip().epoch),
        "/epochs/latest/parameters": lambda chain, request: blockfrost_parameters(chain.parameters, chain.tip().epoch),
        "/epochs/{number}": lambda chain, request: _epoch_body(chain, _asked_epoch(request)),
        "/epochs/{number}/parameters": _epoch_parameters,
        "/genesis": lambda chain, request: bodies.genesis(chain.genesis),
        "/network": lambda chain, request: bodies.network(chain.supply()),
        "/assets/{asset}": _asset,
        "/addresses/{address}": _address,
        "/addresses/{address}/total": _address_total,
        "/addresses/{address}/utxos": _address_utxos,
        "/addresses/{address}/utxos/{asset}": _address_utxos,
        "/addresses/{address}/transactions": _address_transactions,
        "/txs/{hash}": lambda chain, request: bodies.transaction(_found(chain, request)),
        "/txs/{hash}/utxos": lambda chain, request: bodies.transaction_utxos(_found(chain, request)),
        "/txs/{hash}/cbor": lambda chain, request: {"cbor": _found(chain, request).cbor},
        "/txs/{hash}/metadata": _metadata,
    }

    def get(read: Reader) -> Callable[[Request], Response]:
        def at_one_moment(request: Request) -> Response:
            _check_token(request, project_id)
            with chain.snapshot():
                return JSONResponse(read(chain, request))

        return at_one_moment

    async def submit(request: Request) -> Response:
        _check_token(request, project_id)
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/cbor":
            raise HTTPException(415, "Unsupported Media Type")
        cbor = await read_body(request)
        try:
            return JSONResponse(await run_in_threadpool(chain.submit, cbor))
        except LedgerRefusedError as error:
            raise HTTPException(400, str(error)) from error

    routes = [Route(path, get(read), methods=["GET"]) for path, read in readers.items()]
    routes.append(Route("/tx/submit", submit, methods=["POST"]))
    return Mount(PREFIX, Router(routes, redirect_slashes=False))


def _check_token(request: Request, project_id: str | None) -> None:
    if project_id is None:
        return
    token = request.headers.get("project_id")
    if token is None:
        raise HTTPException(403, "Missing project token. Please include project_id in your request.")
    if not hmac.compare_digest(token.encode(), project_id.encode()):
        raise HTTPException(403, "Invalid project token.")


# --- what a request asks for


@dataclass(frozen=True, slots=True)
class _Page:
    offset: int
    limit: int
    newest_first: bool


def _page(request: Request) -> _Page:
    def number(name: str, default: int, most: int) -> int:
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.removeprefix("-").isdigit()):
            raise HTTPException(400, f"querystring/{name} must be integer")
        if text.startswith("-") or not text.strip("0"):
            raise HTTPException(400, f"querystring/{name} must be >= 1")
        if len(text.lstrip("0")) > len(str(most)) or int(text) > most:
            raise HTTPException(400, f"querystring/{name} must be <= {most}")
        return int(text)

    count = number("count", MAX_COUNT, MAX_COUNT)
    page = number("page", 1, MAX_PAGE)
    order = request.query_params.get("order", "asc")
    if order not in ("asc", "desc"):
        raise HTTPException(400, "querystring/order must be equal to one of the allowed values")
    return _Page(offset=(page - 1) * count, limit=count, newest_first=order == "desc")


def _natural(text: str, complaint: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_INT)) and int(text) <= MAX_INT):
        raise HTTPException(400, complaint)
    return int(text)


def _seen_address(chain: LocalChain, request: Request) -> str:
    try:
        address = parse_address(request.path_params["address"])
    except AddressError as error:
        raise HTTPException(400, INVALID_ADDRESS) from error
    if address.network_id != chain.genesis.network_id:
        raise HTTPException(400, INVALID_ADDRESS)
    if not chain.outputs(address.text, limit=1):
        raise not_found()
    return address.text


def _unit(request: Request) -> str:
    unit: str = request.path_params["asset"]
    if not UNIT.fullmatch(unit):
        raise HTTPException(400, INVALID_ASSET)
    return unit


def _found(chain: LocalChain, request: Request) -> ChainTransaction:
    transaction = chain.transaction(request.path_params["hash"])
    if transaction is None:
        raise not_found()
    return transaction


# --- the answers that need more than a shape


def _root(chain: LocalChain, request: Request) -> object:
    return {"url": str(request.base_url), "version": __version__}


def _block_body(chain: LocalChain, block: Block) -> object:
    following = chain.block(block.height + 1)
    return bodies.block(
        block,
        face_queries.block_totals(chain, block.height, block.height),
        tip=chain.tip(),
        next_hash=None if following is None else following.hash,
        epoch_length=chain.genesis.epoch_length,
    )


def _asked_block(chain: LocalChain, request: Request) -> Block:
    text = request.path_params["hash_or_number"]
    key: str | int = text
    if text.isdigit() and len(text) != HASH_DIGITS:
        key = _natural(text, "Missing, out of range or malformed block number.")
    elif not HASH.fullmatch(text):
        raise HTTPException(400, "Missing or malformed block hash.")
    block = chain.block(key)
    if block is None:
        raise not_found()
    return block


def _block_transactions(block: Block, request: Request) -> object:
    page = _page(request)
    found = block.transactions[::-1] if page.newest_first else block.transactions
    return found[page.offset : page.offset + page.limit]


def _epoch_body(chain: LocalChain, epoch: int) -> object:
    totals = face_queries.epoch_totals(chain, epoch)
    if totals is None:
        raise not_found()
    return bodies.epoch(epoch, totals, chain.slot_time_s, chain.genesis.epoch_length)


def _asked_epoch(request: Request) -> int:
    return _natural(request.path_params["number"], "Missing, out of range or malformed epoch_number.")


def _epoch_parameters(chain: LocalChain, request: Request) -> object:
    epoch = _asked_epoch(request)
    if epoch > chain.tip().epoch:
        raise not_found()
    return blockfrost_parameters(chain.parameters, epoch)


def _asset(chain: LocalChain, request: Request) -> object:
    unit = _unit(request)
    moves = face_queries.asset_moves(chain, unit)
    if not moves:
        raise not_found()
    return bodies.asset(unit, chain.supply(unit), moves)


def _address(chain: LocalChain, request: Request) -> object:
    address = _seen_address(chain, request)
    return bodies.address(address, *face_queries.amount_at(chain, address, spent=False))


def _address_total(chain: LocalChain, request: Request) -> object:
    address = _seen_address(chain, request)
    received, sent = face_queries.amount_at(chain, address), face_queries.amount_at(chain, address, spent=True)
    return bodies.address_total(address, received, sent, face_queries.transaction_count(chain, address))


def _address_utxos(chain: LocalChain, request: Request) -> object:
    page = _page(request)
    unit = _unit(request) if "asset" in request.path_params else None
    address = _seen_address(chain, request)
    outputs = chain.utxos(address, unit=unit, newest_first=page.newest_first, offset=page.offset, limit=page.limit)
    return [bodies.utxo(output) for output in outputs]


def _address_transactions(chain: LocalChain, request: Request) -> object:
    page = _page(request)
    address = _seen_address(chain, request)
    first, last = _position(request, "from", (0, 0)), _position(request, "to", (MAX_INT, MAX_INT))
    if first > last:
        raise HTTPException(400, INVALID_RANGE)
    found = face_queries.transaction_places(
        chain, address, first, last, newest_first=page.newest_first, offset=page.offset, limit=page.limit
    )
    return [bodies.address_transaction(made, chain.slot_time_s(made.slot)) for made in found]


def _position(request: Request, name: str, default: tuple[int, int]) -> tuple[int, int]:
    """The beginning or end of a range of transactions: ``height`` or ``height:index``."""
    if name not in request.query_params:
        return default
    height, _, index = request.query_params[name].partition(":")
    return _natural(height, INVALID_RANGE), _natural(index, INVALID_RANGE) if index else default[1]


def _metadata(chain: LocalChain, request: Request) -> object:
    found = transaction_metadata(bytes.fromhex(_found(chain, request).cbor))
    return [{"label": label, "json_metadata": value} for label, value in found]
