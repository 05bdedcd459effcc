"""The protocol parameters of a local chain under the names that Blockfrost, Koios and Ogmios have for each of them.

In: ``ProtocolParameters``. Out: JSON-ready values, whose forms differ: Blockfrost has quantities as text and ratios as
decimals, Ogmios has units and exact ratios. Koios' names are Blockfrost's but for a few.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from chain_reader.local_chain.ledger.parameters import ProtocolParameters, cost_models

NO_NONCE = "0" * 64  # there is no randomness

# What it is, or its value where the chain does not model it; Blockfrost's names (those of a quantity are marked);
# Ogmios' path and unit. The sizes of reference scripts are left out: clients and servers of Ogmios of this version call
# them by different names.
_NAMES = """
min_fee_coefficient  min_fee_a                        minFeeCoefficient
min_fee_constant     min_fee_b                        minFeeConstant:lovelace
max_transaction_size max_tx_size                      maxTransactionSize:bytes
max_value_size       *max_val_size                    maxValueSize:bytes
coins_per_utxo_byte  *min_utxo,*coins_per_utxo_size,*coins_per_utxo_word minUtxoDepositCoefficient
90112                max_block_size                   maxBlockBodySize:bytes
1100                 max_block_header_size            maxBlockHeaderSize:bytes
2000000              *key_deposit                     stakeCredentialDeposit:lovelace
500000000            *pool_deposit                    stakePoolDeposit:lovelace
18                   e_max                            stakePoolRetirementEpochBound
500                  n_opt                            desiredNumberOfStakePools
3/10                 a0                               stakePoolPledgeInfluence
3/1000               rho                              monetaryExpansion
1/5                  tau                              treasuryExpansion
170000000            *min_pool_cost                   minStakePoolCost:lovelace
577/10000            price_mem                        scriptExecutionPrices.memory
721/10000000         price_step                       scriptExecutionPrices.cpu
16500000             *max_tx_ex_mem                   maxExecutionUnitsPerTransaction.memory
10000000000          *max_tx_ex_steps                 maxExecutionUnitsPerTransaction.cpu
72000000             *max_block_ex_mem                maxExecutionUnitsPerBlock.memory
20000000000          *max_block_ex_steps              maxExecutionUnitsPerBlock.cpu
150                  collateral_percent               collateralPercentage
3                    max_collateral_inputs            maxCollateralInputs
15                   min_fee_ref_script_cost_per_byte minFeeReferenceScripts.base:decimal
25600                -                                minFeeReferenceScripts.range
6/5                  -                                minFeeReferenceScripts.multiplier:decimal
7                    *committee_min_size              constitutionalCommitteeMinSize
146                  *committee_max_term_length       constitutionalCommitteeMaxTermLength
6                    *gov_action_lifetime             governanceActionLifetime
100000000000         *gov_action_deposit              governanceActionDeposit:lovelace
500000000            *drep_deposit                    delegateRepresentativeDeposit:lovelace
20                   *drep_activity                   delegateRepresentativeMaxIdleTime
51/100               pvt_motion_no_confidence         SPO.noConfidence
51/100               pvt_committee_normal             SPO.constitutionalCommittee.default
51/100               pvt_committee_no_confidence      SPO.constitutionalCommittee.stateOfNoConfidence
51/100               pvt_hard_fork_initiation         SPO.hardForkInitiation
51/100               pvt_p_p_security_group,pvtpp_security_group SPO.protocolParametersUpdate.security
67/100               dvt_motion_no_confidence         DREP.noConfidence
67/100               dvt_committee_normal             DREP.constitutionalCommittee.default
3/5                  dvt_committee_no_confidence      DREP.constitutionalCommittee.stateOfNoConfidence
3/4                  dvt_update_to_constitution       DREP.constitution
3/5                  dvt_hard_fork_initiation         DREP.hardForkInitiation
67/100               dvt_p_p_network_group            DREP.protocolParametersUpdate.network
67/100               dvt_p_p_economic_group           DREP.protocolParametersUpdate.economic
67/100               dvt_p_p_technical_group          DREP.protocolParametersUpdate.technical
3/4                  dvt_p_p_gov_group                DREP.protocolParametersUpdate.governance
67/100               dvt_treasury_withdrawal          DREP.treasuryWithdrawals
"""
_GROUPS = {"SPO": "stakePoolVotingThresholds", "DREP": "delegateRepresentativeVotingThresholds"}

_KOIOS = {
    "epoch": "epoch_no",
    "max_block_header_size": "max_bh_size",
    "e_max": "max_epoch",
    "n_opt": "optimal_pool_count",
    "a0": "influence",
    "rho": "monetary_expand_rate",
    "tau": "treasury_growth_rate",
    "decentralisation_param": "decentralisation",
    "protocol_major_ver": "protocol_major",
    "protocol_minor_ver": "protocol_minor",
    "min_utxo": "min_utxo_value",
    "cost_models_raw": "cost_models",
}
_NOT_AT_KOIOS = ("cost_models", "coins_per_utxo_word", "pvt_p_p_security_group")
_TEXT_AT_KOIOS = ("min_utxo", "min_pool_cost", "key_deposit", "pool_deposit", "coins_per_utxo_size",
                  "gov_action_deposit", "drep_deposit")  # fmt: skip


def _each(found: ProtocolParameters) -> Iterator[tuple[Any, tuple[str, ...], str]]:
    """Each value, with Blockfrost's names and Ogmios' path."""
    for line in _NAMES.split("\n")[1:-1]:
        own, names, path = line.split()
        value = getattr(found, own) if own.isidentifier() else Fraction(own) if "/" in own else int(own)
        yield value, () if names == "-" else tuple(names.split(",")), path


def blockfrost_parameters(found: ProtocolParameters, epoch: int) -> dict[str, object]:
    """The protocol parameters, as ``epoch_param_content``.

    The deprecated ``cost_models`` has costs by their position, not by their name.
    """
    shown: dict[str, object] = {
        "epoch": epoch,
        "protocol_major_ver": found.protocol_version[0],
        "protocol_minor_ver": found.protocol_version[1],
        "decentralisation_param": 0,
        "extra_entropy": None,
        "nonce": NO_NONCE,
        "cost_models": {f"PlutusV{version}": dict(enumerate(costs)) for version, costs in cost_models().items()},
        "cost_models_raw": {f"PlutusV{version}": costs for version, costs in cost_models().items()},
    }
    for value, names, _ in _each(found):
        for name in names:
            quantity = str(value) if name.startswith("*") else float(value) if isinstance(value, Fraction) else value
            shown[name.removeprefix("*")] = quantity
    return shown


def koios_parameters(found: ProtocolParameters, epoch: int) -> dict[str, object]:
    """The protocol parameters, as an item of ``epoch_params``; fewer quantities are text there."""
    return {
        _KOIOS.get(name, name): int(value)
        if isinstance(value, str) and name not in _TEXT_AT_KOIOS and value != NO_NONCE
        else value
        for name, value in blockfrost_parameters(found, epoch).items()
        if name not in _NOT_AT_KOIOS
    }


def ogmios_parameters(found: ProtocolParameters) -> dict[str, object]:
    """The protocol parameters, as ``queryLedgerState/protocolParameters``."""
    shown: dict[str, object] = {
        "minUtxoDepositConstant": {"ada": {"lovelace": 0}},
        "extraEntropy": "neutral",
        "federatedBlockProductionRatio": "0/1",
        "plutusCostModels": {f"plutus:v{version}": costs for version, costs in cost_models().items()},
        "version": {"major": found.protocol_version[0], "minor": found.protocol_version[1]},
    }
    for value, _, path_and_unit in _each(found):
        path, _, unit = path_and_unit.partition(":")
        *around, name = path.split(".")
        within: Any = shown
        for part in around:
            within = within.setdefault(_GROUPS.get(part, part), {})
        within[name] = _in_unit(value, unit)
    return shown


def _in_unit(value: Any, unit: str) -> object:
    """A value as Ogmios has it."""
    if unit == "lovelace":
        return {"ada": {"lovelace": value}}
    if unit == "bytes":
        return {"bytes": value}
    if unit == "decimal":
        return float(value)
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value
