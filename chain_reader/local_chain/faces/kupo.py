"""The Kupo-compatible HTTP face of a local chain, under ``/kupo``: an index of every output that ever was.

In: a ``LocalChain``. Out: Starlette routes whose answers have the shapes of Kupo 2.10 and later: matches by pattern,
patterns, checkpoints, datums, scripts (there are none), and health. Each answer carries the slot of the newest block
(``X-Most-Recent-Checkpoint``) and its hash (``ETag``), and is of that one moment.
"""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from chain_reader.local_chain.faces import queries
from chain_reader.local_chain.faces.blockfrost_bodies import data_hash
from chain_reader.local_chain.faces.queries import IndexedOutput
from chain_reader.local_chain.ledger.addresses import AddressError, parse_address
from chain_reader.local_chain.ledger.chain import LocalChain
from chain_reader.local_chain.ledger.model import POLICY_DIGITS
from eras import __version__

PREFIX = "/kupo"
WILDCARD = "*"
CHECKPOINT_HEADER = "X-Most-Recent-Checkpoint"

_REFERENCE = re.compile(r"(\*|[0-9]{1,9})@([0-9a-f]{64})")
_ASSET = re.compile(r"([0-9a-f]{56})\.(\*|([0-9a-f]{2}){1,32})")
_SLOT = re.compile("[0-9]{1,18}")
_HASH = re.compile("[0-9a-f]{64}")
_ORDERS = ("most_recent_first", "oldest_first")
_FILTERS = ("policy_id", "asset_name", "transaction_id", "output_index", "created_after", "created_before",
            "spent_after", "spent_before")  # fmt: skip

Keeps = Callable[[IndexedOutput], bool]


class _BadRequestError(ValueError):
    """A request that Kupo would not understand; its text is the hint."""


def kupo_routes(chain: LocalChain) -> Mount:
    """The routes of the face."""
    readers: dict[str, Callable[[Request], object]] = {
        "/matches": lambda request: _matches(chain, WILDCARD, request),
        "/matches/{pattern:path}": lambda request: _matches(chain, request.path_params["pattern"], request),
        "/patterns": lambda request: [WILDCARD],
        "/patterns/{pattern:path}": _patterns,
        "/checkpoints": lambda request: _checkpoints(chain),
        "/checkpoints/{slot}": lambda request: _checkpoint(chain, request),
        "/datums/{hash}": lambda request: _datum(chain, request),
        "/scripts/{hash}": lambda request: None,
        "/health": lambda request: _health(chain),
    }

    def get(read: Callable[[Request], object]) -> Callable[[Request], Response]:
        def at_one_moment(request: Request) -> Response:
            with chain.snapshot():
                tip = chain.tip()
                headers = {CHECKPOINT_HEADER: str(tip.slot), "ETag": tip.hash}
                if request.headers.get("If-None-Match") == tip.hash:
                    return Response(status_code=304, headers=headers)
                try:
                    return JSONResponse(read(request), headers=headers)
                except _BadRequestError as error:
                    return JSONResponse({"hint": str(error)}, 400, headers)

        return at_one_moment

    def unknown(request: Request) -> Response:
        hint = "Endpoint not found. Make sure to double-check the documentation at: <https://cardanosolutions.github.io/kupo>!"
        return JSONResponse({"hint": hint}, 404)

    routes = [Route(path, get(read), methods=["GET"]) for path, read in readers.items()]
    routes.append(Route("/{path:path}", unknown))
    return Mount(PREFIX, Router(routes, redirect_slashes=False))


def _matches(chain: LocalChain, pattern: str, request: Request) -> object:
    asked = request.query_params
    if "spent" in asked and "unspent" in asked:
        raise _BadRequestError("Invalid filter query: 'spent' and 'unspent' exclude each other.")
    order = asked.get("order", _ORDERS[0])
    if order not in _ORDERS:
        raise _BadRequestError("Invalid sort direction: most_recent_first or oldest_first.")
    address, transaction, keeps = _of_pattern(pattern)
    filters = [keeps, *(_filter(name, asked[name]) for name in _FILTERS if name in asked)]
    status = True if "spent" in asked else False if "unspent" in asked else None
    found = queries.indexed_outputs(
        chain, address, transaction=transaction, spent=status, newest_first=order == _ORDERS[0]
    )
    return [
        _match(output, resolved="resolve_hashes" in asked)
        for output in found
        if all(keeps(output) for keeps in filters)
    ]


def _of_pattern(pattern: str) -> tuple[str | None, str | None, Keeps]:
    """The address or transaction that a pattern names, and which of its outputs it keeps."""
    if pattern in (WILDCARD, f"{WILDCARD}/{WILDCARD}"):
        return None, None, lambda output: True
    if reference := _REFERENCE.fullmatch(pattern):
        index, transaction = reference.groups()
        return None, transaction, lambda output: index in (WILDCARD, str(output.index))
    if asset := _ASSET.fullmatch(pattern):
        policy, name = asset.group(1), asset.group(2)
        return (
            None,
            None,
            lambda output: any(
                unit == policy + name or (name == WILDCARD and unit.startswith(policy)) for unit, _ in output.assets
            ),
        )
    try:
        return parse_address(pattern).text, None, lambda output: True
    except AddressError as error:
        raise _BadRequestError(f"Invalid pattern! {error}") from error


def _filter(name: str, value: str) -> Keeps:
    if name in ("policy_id", "asset_name"):
        place = slice(POLICY_DIGITS) if name == "policy_id" else slice(POLICY_DIGITS, None)
        return lambda output: any(unit[place] == value for unit, _ in output.assets)
    if name == "transaction_id":
        return lambda output: output.transaction == value
    if not _SLOT.fullmatch(value):
        raise _BadRequestError(f"Invalid filter query: {name} must be a number.")
    number = int(value)
    keeps: dict[str, Keeps] = {
        "output_index": lambda output: output.index == number,
        "created_after": lambda output: output.slot >= number,
        "created_before": lambda output: output.slot <= number,
        "spent_after": lambda output: output.spent is not None and output.spent.slot >= number,
        "spent_before": lambda output: output.spent is not None and output.spent.slot <= number,
    }
    return keeps[name]


def _match(output: IndexedOutput, *, resolved: bool) -> dict[str, object]:
    datum_hash = data_hash(output)
    made = {
        "transaction_index": output.position,
        "transaction_id": output.transaction,
        "output_index": output.index,
        "address": output.address,
        "value": {"coins": output.lovelace, "assets": {_asset_id(unit): quantity for unit, quantity in output.assets}},
        "datum_hash": datum_hash,
        "script_hash": None,
        "created_at": {"slot_no": output.slot, "header_hash": output.block_hash},
        "spent_at": None
        if output.spent is None
        else {
            "slot_no": output.spent.slot,
            "header_hash": output.spent.block_hash,
            "transaction_id": output.spent.transaction,
            "input_index": output.spent.input_index,
            "redeemer": None,
        },
    }
    if datum_hash is not None:
        made["datum_type"] = "hash" if output.datum is None else "inline"
    return made | ({"datum": output.datum, "script": None} if resolved else {})


def _asset_id(unit: str) -> str:
    policy, name = unit[:POLICY_DIGITS], unit[POLICY_DIGITS:]
    return f"{policy}.{name}" if name else policy


def _patterns(request: Request) -> object:
    _of_pattern(request.path_params["pattern"])
    return [WILDCARD]


def _checkpoints(chain: LocalChain) -> object:
    tip = chain.tip().height
    depths = [0, *(2**power for power in range(tip.bit_length()))]  # near the tip, and ever rarer before
    blocks = (chain.block(tip - depth) for depth in depths if depth <= tip)
    return [{"slot_no": block.slot, "header_hash": block.hash} for block in blocks if block is not None]


def _checkpoint(chain: LocalChain, request: Request) -> object:
    text = request.path_params["slot"]
    if not _SLOT.fullmatch(text):
        raise _BadRequestError("Invalid slot number.")
    block = queries.block_at(chain, int(text))
    if block is None or ("strict" in request.query_params and block.slot != int(text)):
        return None
    return {"slot_no": block.slot, "header_hash": block.hash}


def _datum(chain: LocalChain, request: Request) -> object:
    wanted = request.path_params["hash"]
    if not _HASH.fullmatch(wanted):
        raise _BadRequestError("Invalid datum hash.")
    found = (output for output in queries.indexed_outputs(chain, None) if output.datum is not None)
    return next(({"datum": output.datum} for output in found if data_hash(output) == wanted), None)


def _health(chain: LocalChain) -> object:
    tip = chain.tip()
    return {
        "connection_status": "connected",
        "most_recent_checkpoint": tip.slot,
        "most_recent_node_tip": tip.slot,
        "seconds_since_last_block": 0,
        "network_synchronization": 1,
        "configuration": {"indexes": "installed"},
        "version": f"v2.11.0 (eraswitch {__version__})",
    }
