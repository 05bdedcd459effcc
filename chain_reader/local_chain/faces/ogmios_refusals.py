"""Ogmios' answers to a transaction that the ledger refused: its error codes, with their data.

In: a ``LedgerRefusedError`` and the transaction it is about. Out: code, and data in the shape of that code. What the
ledger found comes from the facts of the error, the transaction's own facts from the transaction.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from chain_reader.local_chain.faces import ogmios_bodies as bodies
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.parameters import Genesis, ProtocolParameters
from chain_reader.local_chain.ledger.transaction import SignedTransaction, parse_transaction

INVALID_PARAMS = -32602
UNEXPECTED_MEMPOOL_ERROR = 3997

_UNDECODABLE = ("DecodingFailure", "DatumBytesTooLong")
_TOO_LARGE = ("MaxTxSizeUTxO",)


def refusal(
    error: LedgerRefusedError, cbor: bytes, genesis: Genesis, parameters: ProtocolParameters
) -> tuple[int, dict[str, object] | None]:
    """The code and data that Ogmios has for ``error``, which the ledger raised over ``cbor``."""
    if error.rule in _UNDECODABLE:
        return INVALID_PARAMS, {bodies.CURRENT_ERA: str(error)}
    if error.rule in _TOO_LARGE:
        return 3119, {
            "measuredTransactionSize": {"bytes": error.facts["size"]},
            "maximumTransactionSize": {"bytes": error.facts["most"]},
        }
    if error.rule not in _REFUSALS:
        return UNEXPECTED_MEMPOOL_ERROR, {"error": str(error)}
    code, data = _REFUSALS[error.rule]
    transaction = parse_transaction(cbor, max_bytes=parameters.max_transaction_size)
    return code, data(error.facts, transaction, genesis)


def _references(texts: list[str]) -> list[dict[str, object]]:
    pairs = (text.split("#") for text in texts)
    return [bodies.reference(transaction, int(index)) for transaction, index in pairs]


def _value(amounts: dict[str, int]) -> dict[str, dict[str, int]]:
    assets = {unit: quantity for unit, quantity in amounts.items() if unit != "lovelace"}
    return bodies.value(amounts.get("lovelace", 0), sorted(assets.items()))


def _interval(facts: dict[str, int | None]) -> dict[str, int]:
    ends = {"invalidBefore": facts["invalid_before"], "invalidAfter": facts["invalid_hereafter"]}
    return {name: slot for name, slot in ends.items() if slot is not None}


def _hash(data: bytes | None) -> dict[str, str]:
    return {"hash": (data or b"").hex()}


def _computed(transaction: SignedTransaction) -> dict[str, str]:
    return _hash(hashlib.blake2b(transaction.auxiliary or b"", digest_size=32).digest())


Data = Callable[[dict[str, Any], SignedTransaction, Genesis], dict[str, object] | None]

_REFUSALS: dict[str, tuple[int, Data]] = {
    "InvalidWitnessesUTXOW": (3100, lambda facts, made, genesis: {"invalidSignatories": facts["invalid"]}),
    "MissingVKeyWitnessesUTXOW": (3101, lambda facts, made, genesis: {"missingSignatories": facts["missing"]}),
    "MissingScriptWitnessesUTXOW": (3102, lambda facts, made, genesis: {"missingScripts": facts["scripts"]}),
    "ScriptWitnessNotValidatingUTXOW": (3103, lambda facts, made, genesis: {"failingNativeScripts": facts["scripts"]}),
    "ExtraneousScriptWitnessesUTXOW": (3104, lambda facts, made, genesis: {"extraneousScripts": facts["scripts"]}),
    "MissingTxBodyMetadataHash": (3105, lambda facts, made, genesis: {"metadata": _computed(made)}),
    "MissingTxMetadata": (3106, lambda facts, made, genesis: {"metadata": _hash(made.auxiliary_hash)}),
    "ConflictingMetadataHash": (
        3107,
        lambda facts, made, genesis: {"provided": _hash(made.auxiliary_hash), "computed": _computed(made)},
    ),
    "InvalidMetadata": (3108, lambda facts, made, genesis: None),
    "BadInputsUTxO": (3117, lambda facts, made, genesis: {"unknownOutputReferences": _references(facts["missing"])}),
    "OutsideValidityIntervalUTxO": (
        3118,
        lambda facts, made, genesis: {"validityInterval": _interval(facts), "currentSlot": facts["slot"]},
    ),
    "OutputTooBigUTxO": (
        3120,
        lambda facts, made, genesis: {"excessivelyLargeOutputs": [bodies.output(made.new.outputs[facts["output"]])]},
    ),
    "InputSetEmptyUTxO": (3121, lambda facts, made, genesis: None),
    "FeeTooSmallUTxO": (
        3122,
        lambda facts, made, genesis: {
            "minimumRequiredFee": bodies.ada(facts["least"]),
            "providedFee": bodies.ada(facts["fee"]),
        },
    ),
    "ValueNotConservedUTxO": (
        3123,
        lambda facts, made, genesis: {
            "valueConsumed": _value(facts["consumed"]),
            "valueProduced": _value(facts["produced"]),
        },
    ),
    "WrongNetwork": (
        3124,
        lambda facts, made, genesis: {
            "expectedNetwork": bodies.network(genesis),
            "discriminatedType": "address",
            "invalidEntities": [out.address for out in made.new.outputs if out.network_id != genesis.network_id],
        },
    ),
    "WrongNetworkInTxBody": (
        3124,
        lambda facts, made, genesis: {
            "expectedNetwork": bodies.network(genesis),
            "discriminatedType": "transaction",
        },
    ),
    "BabbageOutputTooSmallUTxO": (
        3125,
        lambda facts, made, genesis: {
            "insufficientlyFundedOutputs": [
                {
                    "output": bodies.output(made.new.outputs[facts["output"]]),
                    "minimumRequiredValue": bodies.ada(facts["least"]),
                }
            ]
        },
    ),
    "ValidationTagMismatch": (
        3136,
        lambda facts, made, genesis: {
            "declaredSpending": "collaterals",
            "mismatchReason": "the transaction is marked as invalid, and has no script that could fail",
        },
    ),
    "BabbageNonDisjointRefInputs": (
        3164,
        lambda facts, made, genesis: {"conflictingReferences": _references(facts["both"])},
    ),
}
