"""Points, outputs, parameters and genesis of a local chain in the JSON shapes of Ogmios v6.

In: values of ``model`` and ``parameters``. Out: JSON-ready values; ratios are strings (``3/10``), amounts tell units.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from chain_reader.genesis import exact
from chain_reader.local_chain.faces.blockfrost_bodies import (
    MAX_KES_EVOLUTIONS,
    SLOTS_PER_KES_PERIOD,
    UPDATE_QUORUM,
    whole,
)
from chain_reader.local_chain.ledger.model import POLICY_DIGITS, Block, NewOutput, Output
from chain_reader.local_chain.ledger.parameters import MAX_LOVELACE_SUPPLY, Genesis, ProtocolParameters, cost_models

ERAS = ("byron", "shelley", "allegra", "mary", "alonzo", "babbage", "conway")
CURRENT_ERA = ERAS[-1]


def point(block: Block) -> dict[str, Any]:
    """The point of ``block``."""
    return {"slot": block.slot, "id": block.hash}


def ada(lovelace: int) -> dict[str, Any]:
    """An amount of lovelace."""
    return {"ada": {"lovelace": lovelace}}


def value(lovelace: int, assets: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """Lovelace, and assets by policy and name."""
    found = ada(lovelace)
    for unit, quantity in assets:
        found.setdefault(unit[:POLICY_DIGITS], {})[unit[POLICY_DIGITS:]] = quantity
    return found


def reference(transaction: str, index: int) -> dict[str, Any]:
    """A reference to an output."""
    return {"transaction": {"id": transaction}, "index": index}


def output(found: Output | NewOutput) -> dict[str, Any]:
    """An output without its reference."""
    shown = {"address": found.address, "value": value(found.lovelace, found.assets)}
    if found.datum is not None:
        shown["datum"] = found.datum
    if found.datum_hash is not None:
        shown["datumHash"] = found.datum_hash
    return shown


def utxo(found: Output) -> dict[str, Any]:
    """An unspent output."""
    return reference(found.transaction, found.index) | output(found)


def start_time(genesis: Genesis) -> str:
    """When slot 0 began, in UTC."""
    return utc(genesis.system_start_s)


def utc(time_s: float) -> str:
    """A POSIX time in UTC, with a fraction of a second where it has one."""
    return datetime.fromtimestamp(time_s, UTC).isoformat().removesuffix("+00:00") + "Z"


def network(genesis: Genesis) -> str:
    """The kind of the network."""
    return "mainnet" if genesis.network_id == 1 else "testnet"


def bound(genesis: Genesis, epoch: int) -> dict[str, Any]:
    """The beginning of ``epoch``; its time counts from the start of the network."""
    slot = epoch * genesis.epoch_length
    return {"time": {"seconds": whole(float(slot * exact(genesis.slot_length_s)))}, "slot": slot, "epoch": epoch}


def era_summaries(genesis: Genesis, tip: Block) -> list[dict[str, Any]]:
    """The eras of the ledger.

    All before the current one ended where the network began; this one is known to last for as long as nodes could
    not yet have agreed on another.
    """
    safe_zone = int(3 * genesis.security_param / genesis.active_slots_coeff)
    parameters = {
        "epochLength": genesis.epoch_length,
        "slotLength": slot_length(genesis),
        "safeZone": safe_zone,
    }
    horizon = -(-(tip.slot + safe_zone) // genesis.epoch_length)
    ends = {**dict.fromkeys(ERAS, 0), CURRENT_ERA: horizon}
    return [{"start": bound(genesis, 0), "end": bound(genesis, ends[era]), "parameters": parameters} for era in ERAS]


def slot_length(genesis: Genesis) -> dict[str, Any]:
    """How long a slot is, in milliseconds, of which it may have fractions."""
    return {"milliseconds": whole(float(1000 * exact(genesis.slot_length_s)))}


def ratio(found: Fraction) -> str:
    """An exact ratio."""
    return f"{found.numerator}/{found.denominator}"


def protocol_parameters(found: ProtocolParameters) -> dict[str, Any]:
    """The protocol parameters.

    The sizes of reference scripts are left out: the clients and the servers of this version call them by different
    names.
    """
    return {
        "minFeeCoefficient": found.min_fee_coefficient,
        "minFeeConstant": ada(found.min_fee_constant),
        "minFeeReferenceScripts": {
            "range": found.min_fee_reference_script_range,
            "base": float(found.min_fee_reference_script_base),
            "multiplier": float(found.min_fee_reference_script_multiplier),
        },
        "minUtxoDepositCoefficient": found.coins_per_utxo_byte,
        "minUtxoDepositConstant": ada(0),
        "maxBlockBodySize": {"bytes": found.max_block_body_size},
        "maxBlockHeaderSize": {"bytes": found.max_block_header_size},
        "maxTransactionSize": {"bytes": found.max_transaction_size},
        "maxValueSize": {"bytes": found.max_value_size},
        "extraEntropy": "neutral",
        "stakeCredentialDeposit": ada(found.stake_credential_deposit),
        "stakePoolDeposit": ada(found.stake_pool_deposit),
        "stakePoolRetirementEpochBound": found.stake_pool_retirement_epoch_bound,
        "stakePoolPledgeInfluence": ratio(found.stake_pool_pledge_influence),
        "minStakePoolCost": ada(found.min_stake_pool_cost),
        "desiredNumberOfStakePools": found.desired_number_of_stake_pools,
        "federatedBlockProductionRatio": "0/1",
        "monetaryExpansion": ratio(found.monetary_expansion),
        "treasuryExpansion": ratio(found.treasury_expansion),
        "collateralPercentage": found.collateral_percentage,
        "maxCollateralInputs": found.max_collateral_inputs,
        "scriptExecutionPrices": {"memory": ratio(found.price_memory), "cpu": ratio(found.price_steps)},
        "maxExecutionUnitsPerTransaction": {
            "memory": found.max_transaction_memory,
            "cpu": found.max_transaction_steps,
        },
        "maxExecutionUnitsPerBlock": {"memory": found.max_block_memory, "cpu": found.max_block_steps},
        "stakePoolVotingThresholds": {
            "noConfidence": ratio(found.pool_threshold_no_confidence),
            "constitutionalCommittee": {
                "default": ratio(found.pool_threshold_committee),
                "stateOfNoConfidence": ratio(found.pool_threshold_committee_no_confidence),
            },
            "hardForkInitiation": ratio(found.pool_threshold_hard_fork),
            "protocolParametersUpdate": {"security": ratio(found.pool_threshold_security)},
        },
        "delegateRepresentativeVotingThresholds": {
            "noConfidence": ratio(found.drep_threshold_no_confidence),
            "constitution": ratio(found.drep_threshold_constitution),
            "constitutionalCommittee": {
                "default": ratio(found.drep_threshold_committee),
                "stateOfNoConfidence": ratio(found.drep_threshold_committee_no_confidence),
            },
            "hardForkInitiation": ratio(found.drep_threshold_hard_fork),
            "protocolParametersUpdate": {
                "network": ratio(found.drep_threshold_network_group),
                "economic": ratio(found.drep_threshold_economic_group),
                "technical": ratio(found.drep_threshold_technical_group),
                "governance": ratio(found.drep_threshold_governance_group),
            },
            "treasuryWithdrawals": ratio(found.drep_threshold_treasury_withdrawal),
        },
        "constitutionalCommitteeMinSize": found.committee_min_size,
        "constitutionalCommitteeMaxTermLength": found.committee_max_term_length,
        "governanceActionLifetime": found.governance_action_lifetime,
        "governanceActionDeposit": ada(found.governance_action_deposit),
        "delegateRepresentativeDeposit": ada(found.drep_deposit),
        "delegateRepresentativeMaxIdleTime": found.drep_activity,
        "plutusCostModels": {f"plutus:v{version}": costs for version, costs in cost_models().items()},
        "version": {"major": found.protocol_version[0], "minor": found.protocol_version[1]},
    }


def shelley_genesis(genesis: Genesis, parameters: ProtocolParameters) -> dict[str, Any]:
    """The genesis configuration of the Shelley era, which has all of a local chain's genesis."""
    return {
        "era": "shelley",
        "startTime": start_time(genesis),
        "networkMagic": genesis.network_magic,
        "network": network(genesis),
        "activeSlotsCoefficient": ratio(genesis.active_slots_coeff),
        "securityParameter": genesis.security_param,
        "epochLength": genesis.epoch_length,
        "slotsPerKesPeriod": SLOTS_PER_KES_PERIOD,
        "maxKesEvolutions": MAX_KES_EVOLUTIONS,
        "slotLength": slot_length(genesis),
        "updateQuorum": UPDATE_QUORUM,
        "maxLovelaceSupply": MAX_LOVELACE_SUPPLY,
        "initialParameters": protocol_parameters(parameters),
        "initialDelegates": [],
        "initialFunds": {},
        "initialStakePools": {"stakePools": {}, "delegators": {}},
    }
