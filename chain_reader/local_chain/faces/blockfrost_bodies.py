"""Blocks, transactions and outputs of a local chain in the JSON shapes of Blockfrost.

In: values of ``model`` and ``parameters``. Out: JSON-ready values; amounts are strings, as Blockfrost has them.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from chain_reader.bech32 import decode_bech32, encode_bech32
from chain_reader.local_chain.faces.queries import Amount, AssetMove, BlockTotals, TransactionPlace
from chain_reader.local_chain.ledger.model import POLICY_DIGITS, Block, ChainTransaction, Output
from chain_reader.local_chain.ledger.parameters import MAX_LOVELACE_SUPPLY, Genesis
from chain_reader.local_chain.ledger.plain_data import transaction_mint

SLOTS_PER_KES_PERIOD = 129_600
MAX_KES_EVOLUTIONS = 62
UPDATE_QUORUM = 5
SLOT_LEADER = "local-chain"  # there are no pools


def amount(lovelace: int, assets: Iterable[tuple[str, int]] = ()) -> list[dict[str, str]]:
    """An amount: lovelace first, then every asset by its unit."""
    return [
        {"unit": "lovelace", "quantity": str(lovelace)},
        *({"unit": unit, "quantity": str(quantity)} for unit, quantity in assets),
    ]


def total(outputs: Iterable[Output]) -> list[dict[str, str]]:
    """The sum of ``outputs``, as an amount."""
    lovelace = 0
    assets: Counter[str] = Counter()
    for output in outputs:
        lovelace += output.lovelace
        assets.update(dict(output.assets))
    return amount(lovelace, sorted(assets.items()))


def block(
    found: Block, totals: BlockTotals, *, tip: Block, next_hash: str | None, epoch_length: int
) -> dict[str, object]:
    """A block, as ``block_content``. What is output and paid is ``null`` where it holds no transaction."""
    return {
        "time": found.time_s,
        "height": found.height,
        "hash": found.hash,
        "slot": found.slot,
        "epoch": found.epoch,
        "epoch_slot": found.slot % epoch_length,
        "slot_leader": SLOT_LEADER,
        "size": totals.size,
        "tx_count": totals.transaction_count,
        "output": str(totals.output) if totals.transaction_count else None,
        "fees": str(totals.fees) if totals.transaction_count else None,
        "block_vrf": None,
        "op_cert": None,
        "op_cert_counter": None,
        "previous_block": found.previous,
        "next_block": next_hash,
        "confirmations": tip.height - found.height,
    }


def epoch(number: int, totals: BlockTotals, time_s: Callable[[int], float], epoch_length: int) -> dict[str, object]:
    """An epoch, as ``epoch_content``; ``time_s`` gives the time of a slot."""
    return {
        "epoch": number,
        "start_time": int(time_s(number * epoch_length)),
        "end_time": int(time_s((number + 1) * epoch_length)),
        "first_block_time": int(time_s(totals.first_slot)),
        "last_block_time": int(time_s(totals.last_slot)),
        "block_count": totals.block_count,
        "tx_count": totals.transaction_count,
        "output": str(totals.output),
        "fees": str(totals.fees),
        "active_stake": None,
    }


def data_hash(output: Output) -> str | None:
    """The hash of an output's datum: given, or computed where the datum is inline."""
    if output.datum is None:
        return output.datum_hash
    return hashlib.blake2b(bytes.fromhex(output.datum), digest_size=32).hexdigest()


def _output(found: Output) -> dict[str, object]:
    return {
        "address": found.address,
        "amount": amount(found.lovelace, found.assets),
        "output_index": found.index,
        "data_hash": data_hash(found),
        "inline_datum": found.datum,
        "reference_script_hash": None,
    }


def utxo(found: Output) -> dict[str, object]:
    """An unspent output, as an item of ``address_utxo_content``."""
    return {
        **_output(found),
        "tx_hash": found.transaction,
        "tx_index": found.index,  # deprecated there, and always the output's index
        "block": found.block_hash,
    }


def transaction(found: ChainTransaction) -> dict[str, object]:
    """A transaction, as ``tx_content``."""
    counts = (
        "withdrawal_count",
        "mir_cert_count",
        "delegation_count",
        "stake_cert_count",
        "pool_update_count",
        "pool_retire_count",
        "redeemer_count",
    )
    return {
        "hash": found.hash,
        "block": found.block.hash,
        "block_height": found.block.height,
        "block_time": found.block.time_s,
        "slot": found.block.slot,
        "index": found.index,
        "output_amount": total(found.outputs),
        "fees": str(found.fee),
        "deposit": "0",
        "size": found.size,
        "invalid_before": None if found.invalid_before is None else str(found.invalid_before),
        "invalid_hereafter": None if found.invalid_hereafter is None else str(found.invalid_hereafter),
        "utxo_count": len(found.inputs) + len(found.outputs),
        **dict.fromkeys(counts, 0),
        "asset_mint_or_burn_count": len(transaction_mint(bytes.fromhex(found.cbor))),
        "valid_contract": True,
        "treasury_donation": "0",
    }


def transaction_utxos(found: ChainTransaction) -> dict[str, object]:
    """The inputs and outputs of a transaction, as ``tx_content_utxo``."""

    def read(output: Output, *, reference: bool) -> dict[str, object]:
        return {**_output(output), "tx_hash": output.transaction, "collateral": False, "reference": reference}

    return {
        "hash": found.hash,
        "inputs": [
            *(read(output, reference=False) for output in found.inputs),
            *(read(output, reference=True) for output in found.reference_inputs),
        ],
        "outputs": [{**_output(made), "collateral": False, "consumed_by_tx": made.spent_by} for made in found.outputs],
    }


def address_transaction(found: TransactionPlace, time_s: float) -> dict[str, object]:
    """A transaction, as an item of ``address_transactions_content``; ``time_s`` is that of its slot."""
    return {
        "tx_hash": found.hash,
        "tx_index": found.index,
        "block_height": found.height,
        "block_time": int(time_s),
    }


def genesis(found: Genesis) -> dict[str, object]:
    """The genesis, as ``genesis_content``; where seconds are not whole, it has the fraction, as devnets' answers do."""
    return {
        "active_slots_coefficient": float(found.active_slots_coeff),
        "update_quorum": UPDATE_QUORUM,
        "max_lovelace_supply": str(MAX_LOVELACE_SUPPLY),
        "network_magic": found.network_magic,
        "epoch_length": found.epoch_length,
        "system_start": whole(found.system_start_s),
        "slots_per_kes_period": SLOTS_PER_KES_PERIOD,
        "slot_length": whole(found.slot_length_s),
        "max_kes_evolutions": MAX_KES_EVOLUTIONS,
        "security_param": found.security_param,
    }


def whole(number: float) -> float:
    """The same number, as an integer if it is one: JSON distinguishes 1 from 1.0."""
    return int(number) if number == int(number) else number


def network(circulating: int) -> dict[str, object]:
    """The supply, as ``network``: what is not in circulation is in the reserves."""
    supply = {
        "max": str(MAX_LOVELACE_SUPPLY),
        "total": str(circulating),
        "circulating": str(circulating),
        "locked": "0",
        "treasury": "0",
        "reserves": str(MAX_LOVELACE_SUPPLY - circulating),
    }
    return {"supply": supply, "stake": {"live": "0", "active": "0"}}


def fingerprint(unit: str) -> str:
    """The fingerprint of a token (CIP-14)."""
    return encode_bech32("asset", hashlib.blake2b(bytes.fromhex(unit), digest_size=20).digest())


def asset(unit: str, supply: int, moves: Sequence[AssetMove]) -> dict[str, object]:
    """A token, as ``asset``; what the faucet made was minted by nobody."""
    return {
        "asset": unit,
        "policy_id": unit[:POLICY_DIGITS],
        "asset_name": unit[POLICY_DIGITS:] or None,
        "fingerprint": fingerprint(unit),
        "quantity": str(supply),
        "initial_mint_tx_hash": moves[0].transaction,
        "mint_or_burn_count": sum(move.minted != 0 for move in moves),
        **dict.fromkeys(("onchain_metadata", "onchain_metadata_standard", "onchain_metadata_extra", "metadata")),
    }


def address_total(text: str, received: Amount, sent: Amount, transactions: int) -> dict[str, object]:
    """The totals that an address ever received and sent, as ``address_content_total``."""
    return {
        "address": text,
        "received_sum": amount(*received),
        "sent_sum": amount(*sent),
        "tx_count": transactions,
    }


def address(text: str, lovelace: int, assets: Iterable[tuple[str, int]]) -> dict[str, object]:
    """An address with what is unspent there, as ``address_content``."""
    raw = decode_bech32(text)[1]
    kind, network_id = raw[0] >> 4, raw[0] & 0xF
    staking = bytes([0xE0 | (kind & 2) << 3 | network_id]) + raw[29:]
    return {
        "address": text,
        "amount": amount(lovelace, assets),
        "stake_address": encode_bech32("stake" if network_id else "stake_test", staking) if kind < 4 else None,
        "type": "shelley",
        "script": bool(kind & 1),
    }
