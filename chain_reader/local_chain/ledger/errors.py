"""The errors of the local chain: a transaction that the ledger refuses, and a request that no chain could meet."""

from typing import Any

from eras import TransactionError

RULES: dict[str, str] = {
    # names of the ledger itself
    "DecodingFailure": "the bytes are not a Conway transaction",
    "InputSetEmptyUTxO": "it spends nothing",
    "BadInputsUTxO": "an input or reference input does not exist, or is spent",
    "BabbageNonDisjointRefInputs": "an output is both spent and only read",
    "OutsideValidityIntervalUTxO": "the current slot is outside the validity interval",
    "MaxTxSizeUTxO": "it is too big",
    "FeeTooSmallUTxO": "the fee is below the minimum for its size",
    "ValueNotConservedUTxO": "inputs and outputs do not balance",
    "BabbageOutputTooSmallUTxO": "an output holds less than the minimum for its size",
    "OutputTooBigUTxO": "the value of an output is too big",
    "WrongNetwork": "an output's address belongs to another network",
    "WrongNetworkInTxBody": "the body names another network",
    "ValidationTagMismatch": "it is marked as invalid, and has no script that could fail",
    "ScriptWitnessNotValidatingUTXOW": "the signatures or the validity interval do not satisfy a native script",
    "MissingScriptWitnessesUTXOW": "a script that an input or the mint requires is missing",
    "ExtraneousScriptWitnessesUTXOW": "it carries a script that nothing in it requires",
    "MissingVKeyWitnessesUTXOW": "a signature that an input or the body requires is missing",
    "InvalidWitnessesUTXOW": "a signature is wrong",
    "MissingTxBodyMetadataHash": "it has auxiliary data and the body no hash of it",
    "MissingTxMetadata": "the body has a hash of auxiliary data that is missing",
    "ConflictingMetadataHash": "the body's hash is not that of the auxiliary data",
    "InvalidMetadata": "a string in the metadata is longer than 64 bytes",
    # what the ledger's decoder refuses without a name of its own
    "DatumBytesTooLong": "a byte string in a datum is longer than 64 bytes",
    # what the local chain does not model
    "NotModelled": "it uses a part of the ledger that the local chain does not model",
}
"""Every rule that a refusal may name, with its meaning."""


class LedgerRefusedError(TransactionError):
    """The ledger refused a transaction; ``rule`` is one of ``RULES``, and the facts carry its numbers."""

    def __init__(self, rule: str, **parts: Any) -> None:
        self.rule = rule
        super().__init__(f"The ledger refused the transaction ({rule}): {RULES[rule]}", rule=rule, **parts)
