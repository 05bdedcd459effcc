"""Blocks, transactions and outputs of a local chain in the JSON shapes of Blockfrost.

In: values of ``model`` and ``parameters``. Out: JSON-ready values; amounts are strings, as Blockfrost has them.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from chain_reader.bech32 import encode_bech32
from chain_reader.local_chain.faces.queries import Amount, AssetMove, BlockTotals, TransactionPlace
from chain_reader.local_chain.ledger.model import POLICY_DIGITS, Block, ChainTransaction, Output
from chain_reader.local_chain.ledger.parameters import MAX_LOVELACE_SUPPLY, Genesis, ProtocolParameters, cost_models
from chain_reader.local_chain.ledger.plain_data import transaction_mint

SLOTS_PER_KES_PERIOD = 129_600
MAX_KES_EVOLUTIONS = 62
UPDATE_QUORUM = 5
SLOT_LEADER = "local-chain"  # there are no pools
NO_NONCE = "0" * 64  # nor any randomness


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


def protocol_parameters(found: ProtocolParameters, epoch: int) -> dict[str, object]:
    """The protocol parameters, as ``epoch_param_content``.

    The deprecated ``cost_models`` has costs by their position, not by their name.
    """
    integers = {
        "epoch": epoch,
        "min_fee_a": found.min_fee_coefficient,
        "min_fee_b": found.min_fee_constant,
        "max_block_size": found.max_block_body_size,
        "max_tx_size": found.max_transaction_size,
        "max_block_header_size": found.max_block_header_size,
        "e_max": found.stake_pool_retirement_epoch_bound,
        "n_opt": found.desired_number_of_stake_pools,
        "protocol_major_ver": found.protocol_version[0],
        "protocol_minor_ver": found.protocol_version[1],
        "collateral_percent": found.collateral_percentage,
        "max_collateral_inputs": found.max_collateral_inputs,
        "decentralisation_param": 0,
        "min_fee_ref_script_cost_per_byte": found.min_fee_reference_script_base,
    }
    quantities = {
        "key_deposit": found.stake_credential_deposit,
        "pool_deposit": found.stake_pool_deposit,
        "min_utxo": found.coins_per_utxo_byte,
        "min_pool_cost": found.min_stake_pool_cost,
        "max_tx_ex_mem": found.max_transaction_memory,
        "max_tx_ex_steps": found.max_transaction_steps,
        "max_block_ex_mem": found.max_block_memory,
        "max_block_ex_steps": found.max_block_steps,
        "max_val_size": found.max_value_size,
        "coins_per_utxo_size": found.coins_per_utxo_byte,
        "coins_per_utxo_word": found.coins_per_utxo_byte,
        "committee_min_size": found.committee_min_size,
        "committee_max_term_length": found.committee_max_term_length,
        "gov_action_lifetime": found.governance_action_lifetime,
        "gov_action_deposit": found.governance_action_deposit,
        "drep_deposit": found.drep_deposit,
        "drep_activity": found.drep_activity,
    }
    ratios = {
        "a0": found.stake_pool_pledge_influence,
        "rho": found.monetary_expansion,
        "tau": found.treasury_expansion,
        "price_mem": found.price_memory,
        "price_step": found.price_steps,
        "pvt_motion_no_confidence": found.pool_threshold_no_confidence,
        "pvt_committee_normal": found.pool_threshold_committee,
        "pvt_committee_no_confidence": found.pool_threshold_committee_no_confidence,
        "pvt_hard_fork_initiation": found.pool_threshold_hard_fork,
        "pvt_p_p_security_group": found.pool_threshold_security,
        "pvtpp_security_group": found.pool_threshold_security,
        "dvt_motion_no_confidence": found.drep_threshold_no_confidence,
        "dvt_committee_normal": found.drep_threshold_committee,
        "dvt_committee_no_confidence": found.drep_threshold_committee_no_confidence,
        "dvt_update_to_constitution": found.drep_threshold_constitution,
        "dvt_hard_fork_initiation": found.drep_threshold_hard_fork,
        "dvt_p_p_network_group": found.drep_threshold_network_group,
        "dvt_p_p_economic_group": found.drep_threshold_economic_group,
        "dvt_p_p_technical_group": found.drep_threshold_technical_group,
        "dvt_p_p_gov_group": found.drep_threshold_governance_group,
        "dvt_treasury_withdrawal": found.drep_threshold_treasury_withdrawal,
    }
    return {
        **integers,
        **{name: str(quantity) for name, quantity in quantities.items()},
        **{name: float(ratio) for name, ratio in ratios.items()},
        "extra_entropy": None,
        "nonce": NO_NONCE,
        "cost_models": {f"PlutusV{version}": dict(enumerate(costs)) for version, costs in cost_models().items()},
        "cost_models_raw": {f"PlutusV{version}": costs for version, costs in cost_models().items()},
    }


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
    from pycardano import Address, ScriptHash, VerificationKeyHash

    parts = Address.from_primitive(text)
    staking = parts.staking_part if isinstance(parts.staking_part, VerificationKeyHash | ScriptHash) else None
    return {
        "address": text,
        "amount": amount(lovelace, assets),
        "stake_address": staking and Address(staking_part=staking, network=parts.network).encode(),
        "type": "shelley",
        "script": isinstance(parts.payment_part, ScriptHash),
    }
