"""The Koios-compatible HTTP face of a local chain, under ``/koios``.

In: a ``LocalChain``. Out: Starlette routes whose answers have the shapes of Koios' API: tip, genesis, parameters, the
outputs at addresses and of assets, transactions with their inputs, their bytes and their status, submission. Lists
take PostgREST's ``order``, ``offset`` and ``limit``, and have at most 1,000 items.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from chain_reader.local_chain.faces import queries
from chain_reader.local_chain.faces.blockfrost_bodies import (
    MAX_KES_EVOLUTIONS,
    SLOTS_PER_KES_PERIOD,
    UPDATE_QUORUM,
    data_hash,
    fingerprint,
    total,
    whole,
)
from chain_reader.local_chain.faces.http_answers import read_body, read_object
from chain_reader.local_chain.faces.parameters import koios_parameters
from chain_reader.local_chain.faces.queries import IndexedOutput
from chain_reader.local_chain.ledger.addresses import AddressError, parse_address
from chain_reader.local_chain.ledger.chain import LocalChain
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.model import POLICY_DIGITS, Block, ChainTransaction, Output
from chain_reader.local_chain.ledger.parameters import MAX_LOVELACE_SUPPLY
from chain_reader.local_chain.ledger.plain_data import datum_as_json, transaction_mint

PREFIX = "/koios"
MAX_ROWS = 1_000
ERA = "Conway"

_EXTENDED = ("datum_hash", "inline_datum", "reference_script", "asset_list")

Asked = dict[str, Any]
Lister = Callable[[LocalChain, Asked], Iterable[dict[str, object]]]


def koios_routes(chain: LocalChain) -> Mount:
    """The routes of the face, to be mounted in an application that has ``http_answers.EXCEPTION_HANDLERS``."""
    read: dict[str, Lister] = {
        "/tip": lambda chain, asked: [_tip(chain)],
        "/genesis": lambda chain, asked: [_genesis(chain)],
        "/epoch_params": _epoch_params,
    }
    asked_for: dict[str, Lister] = {
        "/address_utxos": lambda chain, asked: _address_outputs(chain, asked, spent=False),
        "/address_outputs": lambda chain, asked: [
            {name: value for name, value in output.items() if name not in _EXTENDED}
            for output in _address_outputs(chain, asked, spent=None)
        ],
        "/asset_info": _asset_info,
        "/asset_utxos": _asset_utxos,
        "/utxo_info": _utxo_info,
        "/tx_info": lambda chain, asked: [_transaction(chain, made, asked) for made in _transactions(chain, asked)],
        "/tx_cbor": lambda chain, asked: [_cbor(made) for made in _transactions(chain, asked)],
        "/tx_status": _statuses,
    }

    listed = _last_kept(chain)

    def answered(lister: Lister, asked: Asked, request: Request) -> Response:
        return JSONResponse(_page(listed(lister, asked), request))

    def get(lister: Lister) -> Callable[[Request], Response]:
        return lambda request: answered(lister, dict(request.query_params), request)

    def post(lister: Lister) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(answered, lister, await read_object(request), request)

        return endpoint

    async def submit(request: Request) -> Response:
        cbor = await read_body(request)
        try:
            return JSONResponse(await run_in_threadpool(chain.submit, cbor), status_code=202)
        except LedgerRefusedError as error:
            return JSONResponse({"message": str(error)}, status_code=400)

    routes = [Route(path, get(lister), methods=["GET"]) for path, lister in read.items()]
    routes += [Route(path, post(lister), methods=["POST"]) for path, lister in asked_for.items()]
    routes.append(Route("/submittx", submit, methods=["POST"]))
    return Mount(PREFIX, Router(routes, redirect_slashes=False))


def _last_kept(chain: LocalChain) -> Callable[[Lister, Asked], list[dict[str, object]]]:
    """A function that lists all items, and keeps the last list while the tip stays: its next page is of the same."""
    kept: tuple[object, list[dict[str, object]]] = (None, [])

    def all_of(lister: Lister, asked: Asked) -> list[dict[str, object]]:
        nonlocal kept
        with chain.snapshot():
            question = (lister, json.dumps(asked, sort_keys=True), chain.tip())
            known, items = kept
            if known != question:
                items = list(lister(chain, asked))
                kept = (question, items)
        return list(items)

    return all_of


def _page(items: list[dict[str, Any]], request: Request) -> list[dict[str, object]]:
    asked = request.query_params
    for column in reversed([part for part in asked.get("order", "").split(",") if part]):
        name, _, direction = column.partition(".")
        if direction not in ("", "asc", "desc") or any(name not in item for item in items):
            raise HTTPException(400, f"column {name} does not exist")
        items.sort(key=lambda item: item[name], reverse=direction == "desc")
    try:
        offset, limit = int(asked.get("offset", 0)), int(asked.get("limit", MAX_ROWS))
    except ValueError as error:
        raise HTTPException(400, "offset and limit must be numbers") from error
    return items[max(0, offset) :][: max(0, min(limit, MAX_ROWS))]


def _texts(asked: Asked, name: str) -> tuple[str, ...]:
    found = asked.get(name)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise HTTPException(400, f"{name} must be a list of texts")
    return tuple(dict.fromkeys(found))


def _place(chain: LocalChain, block: Block) -> dict[str, object]:
    return {
        "epoch_no": block.epoch,
        "epoch_slot": block.slot % chain.genesis.epoch_length,
        "block_height": block.height,
    }


def _tip(chain: LocalChain) -> dict[str, object]:
    tip = chain.tip()
    return {
        "hash": tip.hash,
        "era": ERA,
        "abs_slot": tip.slot,
        "block_no": tip.height,
        "block_time": tip.time_s,
        "epoch_no": tip.epoch,
        "epoch_slot": tip.slot % chain.genesis.epoch_length,
    }


def _genesis(chain: LocalChain) -> dict[str, object]:
    found = chain.genesis
    return {
        "networkmagic": str(found.network_magic),
        "networkid": "Mainnet" if found.network_id else "Testnet",
        "epochlength": str(found.epoch_length),
        "slotlength": str(whole(found.slot_length_s)),
        "maxlovelacesupply": str(MAX_LOVELACE_SUPPLY),
        "systemstart": whole(found.system_start_s),
        "activeslotcoeff": str(float(found.active_slots_coeff)),
        "slotsperkesperiod": str(SLOTS_PER_KES_PERIOD),
        "maxkesrevolutions": str(MAX_KES_EVOLUTIONS),
        "securityparam": str(found.security_param),
        "updatequorum": str(UPDATE_QUORUM),
    }


def _epoch_params(chain: LocalChain, asked: Asked) -> Iterable[dict[str, object]]:
    tip = chain.tip()
    text = asked.get("_epoch_no", str(tip.epoch))
    if not text.isdigit() or int(text) > tip.epoch:
        return
    yield {**koios_parameters(chain.parameters, int(text)), "era": ERA, "block_hash": tip.hash}


def _address_outputs(chain: LocalChain, asked: Asked, *, spent: bool | None) -> Iterable[dict[str, object]]:
    for address in _texts(asked, "_addresses"):
        for output in queries.indexed_outputs(chain, address, spent=spent):
            yield _output(chain, output, extended=asked.get("_extended") is True)


def _units(asked: Asked) -> tuple[str, ...]:
    pairs = asked.get("_asset_list")
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise HTTPException(400, "_asset_list must be a list of policy ids with asset names")
    return tuple(dict.fromkeys(f"{policy}{name}" for policy, name in pairs))


def _asset_info(chain: LocalChain, asked: Asked) -> Iterable[dict[str, object]]:
    for unit in _units(asked):
        moves = queries.asset_moves(chain, unit)
        if not moves:
            continue
        minted = [move for move in moves if move.minted > 0] or [moves[0]]  # what the faucet made, nobody minted
        name = unit[POLICY_DIGITS:]
        yield {
            "policy_id": unit[:POLICY_DIGITS],
            "asset_name": name,
            "asset_name_ascii": bytes.fromhex(name).decode(errors="replace"),
            "fingerprint": fingerprint(unit),
            "minting_tx_hash": minted[-1].transaction,
            "total_supply": str(chain.supply(unit)),
            "mint_cnt": sum(move.minted > 0 for move in moves),
            "burn_cnt": sum(move.minted < 0 for move in moves),
            "creation_time": int(chain.slot_time_s(minted[0].slot)),
            "minting_tx_metadata": None,
            "token_registry_metadata": None,
            "cip68_metadata": None,
        }


def _asset_utxos(chain: LocalChain, asked: Asked) -> Iterable[dict[str, object]]:
    units = _units(asked)
    for output in queries.indexed_outputs(chain, None, spent=False):
        if any(unit in units for unit, _ in output.assets):
            yield _output(chain, output, extended=asked.get("_extended") is True)


def _utxo_info(chain: LocalChain, asked: Asked) -> Iterable[dict[str, object]]:
    wanted = _texts(asked, "_utxo_refs")
    for output in queries.indexed_outputs(chain, None):
        if f"{output.transaction}#{output.index}" in wanted:
            yield _output(chain, output, extended=asked.get("_extended") is True)


def _output(chain: LocalChain, output: IndexedOutput, *, extended: bool) -> dict[str, object]:
    return {
        "tx_hash": output.transaction,
        "tx_index": output.index,
        "address": output.address,
        "value": str(output.lovelace),
        "stake_address": None,
        "payment_cred": _credential(output.address),
        "epoch_no": chain.epoch_of(output.slot),
        "block_height": output.block_height,
        "block_time": int(chain.slot_time_s(output.slot)),
        **_datum(output),
        "reference_script": None,
        "asset_list": _assets(output.assets) if extended else None,
        "is_spent": output.spent is not None,
    }


def _datum(output: Output) -> dict[str, object]:
    inline = output.datum and {"bytes": output.datum, "value": datum_as_json(bytes.fromhex(output.datum))}
    return {"datum_hash": data_hash(output), "inline_datum": inline}


def _assets(assets: Iterable[tuple[str, int]]) -> list[dict[str, object]]:
    return [
        {
            "policy_id": unit[:POLICY_DIGITS],
            "asset_name": unit[POLICY_DIGITS:],
            "quantity": str(quantity),
            "decimals": 0,
        }
        for unit, quantity in assets
    ]


def _credential(address: str) -> str | None:
    try:
        return parse_address(address).payment_hash.hex()
    except AddressError:
        return None


def _transactions(chain: LocalChain, asked: Asked) -> Iterable[ChainTransaction]:
    found = (chain.transaction(transaction) for transaction in _texts(asked, "_tx_hashes"))
    return (made for made in found if made is not None)


def _transaction(chain: LocalChain, made: ChainTransaction, asked: Asked) -> dict[str, object]:
    with_inputs = asked.get("_inputs") is True
    with_assets = asked.get("_assets") is True
    return {
        "tx_hash": made.hash,
        "block_hash": made.block.hash,
        **_place(chain, made.block),
        "absolute_slot": made.block.slot,
        "tx_timestamp": made.block.time_s,
        "tx_block_index": made.index,
        "tx_size": made.size,
        "total_output": total(made.outputs)[0]["quantity"],
        "fee": str(made.fee),
        "treasury_donation": "0",
        "deposit": "0",
        "invalid_before": None if made.invalid_before is None else str(made.invalid_before),
        "invalid_after": None if made.invalid_hereafter is None else str(made.invalid_hereafter),
        "valid_contract": True,
        "collateral_inputs": [] if with_inputs else None,
        "collateral_output": None,
        "reference_inputs": [_part(output) for output in made.reference_inputs] if with_inputs else None,
        "inputs": [_part(output) for output in made.inputs] if with_inputs else [],
        "outputs": [_part(output) for output in made.outputs],
        "withdrawals": [],
        "assets_minted": _assets(transaction_mint(bytes.fromhex(made.cbor))) if with_assets else None,
        "certificates": [],
        "native_scripts": [],
        "plutus_contracts": [],
    }


def _part(output: Output) -> dict[str, object]:
    return {
        "payment_addr": {"bech32": output.address, "cred": _credential(output.address)},
        "stake_addr": None,
        "tx_hash": output.transaction,
        "tx_index": output.index,
        "value": str(output.lovelace),
        **_datum(output),
        "reference_script": None,
        "asset_list": _assets(output.assets),
    }


def _cbor(made: ChainTransaction) -> dict[str, object]:
    return {
        "tx_hash": made.hash,
        "block_hash": made.block.hash,
        "block_height": made.block.height,
        "epoch_no": made.block.epoch,
        "absolute_slot": made.block.slot,
        "tx_timestamp": made.block.time_s,
        "cbor": made.cbor,
        "valid_contract": True,
    }


def _statuses(chain: LocalChain, asked: Asked) -> Iterable[dict[str, object]]:
    height = chain.tip().height
    for transaction in _texts(asked, "_tx_hashes"):
        made = chain.transaction(transaction)
        yield {"tx_hash": transaction, "num_confirmations": None if made is None else height - made.block.height}
