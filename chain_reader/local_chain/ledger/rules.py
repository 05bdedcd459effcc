"""The rules of the ledger, as far as the local chain models it.

In: a decoded transaction, the unspent outputs it refers to, the slot, genesis and parameters. Out: nothing, or
``LedgerRefusedError`` that names the first rule broken, by the ledger's own name (``errors.RULES`` has them all).
Keys and native scripts are modelled; what needs a Plutus script is refused.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from chain_reader.local_chain.ledger.addresses import AddressError, PaymentAddress, parse_address
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.model import POLICY_DIGITS, Output
from chain_reader.local_chain.ledger.parameters import Genesis, ProtocolParameters
from chain_reader.local_chain.ledger.plain_data import MAX_BYTES
from chain_reader.local_chain.ledger.transaction import SignedTransaction
from eras import Slot

Reference = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The state that judges a transaction; ``unspent`` holds the outputs it refers to, as far as they exist."""

    unspent: Mapping[Reference, Output]
    slot: Slot
    genesis: Genesis
    parameters: ProtocolParameters


def judge(transaction: SignedTransaction, state: LedgerState) -> None:
    """Check ``transaction`` against every rule.

    Raises:
        LedgerRefusedError: a rule is broken.
    """
    for rule in _RULES:
        rule(transaction, state)


def _valid(transaction: SignedTransaction, _state: LedgerState) -> None:
    if not transaction.valid:
        raise LedgerRefusedError("ValidationTagMismatch", next_step="Mark the transaction as valid")


def _inputs_there(transaction: SignedTransaction, state: LedgerState) -> None:
    new = transaction.new
    if not new.inputs:
        raise LedgerRefusedError("InputSetEmptyUTxO", next_step="Spend an output")
    missing = [f"{hash_}#{index}" for hash_, index in (*new.inputs, *new.reference_inputs)
               if (hash_, index) not in state.unspent]  # fmt: skip
    if missing:
        raise LedgerRefusedError(
            "BadInputsUTxO",
            got=", ".join(missing),
            next_step="If the transaction was submitted before, it is on the chain already; else choose other inputs",
            missing=missing,
        )
    both = [f"{hash_}#{index}" for hash_, index in new.inputs if (hash_, index) in new.reference_inputs]
    if both:
        raise LedgerRefusedError("BabbageNonDisjointRefInputs", got=", ".join(both), both=both)


def _in_time(transaction: SignedTransaction, state: LedgerState) -> None:
    before, hereafter = transaction.new.invalid_before, transaction.new.invalid_hereafter
    if (before is not None and state.slot < before) or (hereafter is not None and state.slot >= hereafter):
        raise LedgerRefusedError(
            "OutsideValidityIntervalUTxO",
            expected=f"slot {state.slot} from {0 if before is None else before} to before {hereafter or 'ever'}",
            next_step="Submit it inside its interval, or build it again",
            slot=state.slot,
            invalid_before=before,
            invalid_hereafter=hereafter,
        )


def _fee(transaction: SignedTransaction, state: LedgerState) -> None:
    least = state.parameters.min_fee(transaction.new.size)
    if transaction.new.fee < least:
        raise LedgerRefusedError(
            "FeeTooSmallUTxO",
            expected=f"at least {least} lovelace",
            got=str(transaction.new.fee),
            least=least,
            fee=transaction.new.fee,
        )


def _networks(transaction: SignedTransaction, state: LedgerState) -> None:
    own = state.genesis.network_id
    strangers = [output.address for output in transaction.new.outputs if output.network_id != own]
    if strangers:
        raise LedgerRefusedError("WrongNetwork", expected=f"network id {own}", got=", ".join(strangers))
    if transaction.network_id not in (None, own):
        raise LedgerRefusedError("WrongNetworkInTxBody", expected=str(own), got=str(transaction.network_id))


def _value_conserved(transaction: SignedTransaction, state: LedgerState) -> None:
    consumed: Counter[str] = Counter()
    produced: Counter[str] = Counter(lovelace=transaction.new.fee)
    for reference in transaction.new.inputs:
        spent = state.unspent[reference]
        consumed.update({"lovelace": spent.lovelace, **dict(spent.assets)})
    for output in transaction.new.outputs:
        produced.update({"lovelace": output.lovelace, **dict(output.assets)})
    for unit, quantity in transaction.new.minted:
        (consumed if quantity > 0 else produced)[unit] += abs(quantity)
    if consumed != produced:
        units = sorted(unit for unit in consumed | produced if consumed[unit] != produced[unit])
        raise LedgerRefusedError(
            "ValueNotConservedUTxO",
            expected=", ".join(f"{consumed[unit]} {unit}" for unit in units),
            got=", ".join(f"{produced[unit]} {unit}" for unit in units),
            consumed=dict(consumed),
            produced=dict(produced),
        )


def _outputs(transaction: SignedTransaction, state: LedgerState) -> None:
    for place, output in enumerate(transaction.new.outputs):
        least = state.parameters.min_lovelace(output.size)
        if output.lovelace < least:
            raise LedgerRefusedError(
                "BabbageOutputTooSmallUTxO",
                expected=f"at least {least} lovelace in output {place}",
                got=str(output.lovelace),
                output=place,
                least=least,
            )
        if output.value_size > state.parameters.max_value_size:
            raise LedgerRefusedError(
                "OutputTooBigUTxO",
                expected=f"at most {state.parameters.max_value_size} bytes in the value of output {place}",
                got=str(output.value_size),
                output=place,
            )


def _signed(transaction: SignedTransaction, state: LedgerState) -> None:
    body_hash = bytes.fromhex(transaction.new.hash)
    for witness in transaction.signatures:
        try:
            VerifyKey(witness.key).verify(body_hash, witness.signature)
        except BadSignatureError as error:
            key = witness.key.hex()
            raise LedgerRefusedError("InvalidWitnessesUTXOW", got=f"a signature by key {key}", invalid=[key]) from error
    needed = {payer.payment_hash for payer in _payers(transaction, state) if not payer.is_script}
    needed.update(transaction.required_signers)
    missing = sorted(key.hex() for key in needed - _signers(transaction))
    if missing:
        raise LedgerRefusedError(
            "MissingVKeyWitnessesUTXOW",
            expected=f"signatures by {', '.join(missing)} (key hashes)",
            next_step="Sign with every key that it spends from",
            missing=missing,
        )


def _scripts(transaction: SignedTransaction, state: LedgerState) -> None:
    needed = {payer.payment_hash for payer in _payers(transaction, state) if payer.is_script}
    needed.update(bytes.fromhex(unit[:POLICY_DIGITS]) for unit, _ in transaction.new.minted)
    signers = _signers(transaction)
    start, end = transaction.new.invalid_before, transaction.new.invalid_hereafter
    given = {script.hash: script for script in transaction.scripts}
    verdicts = (
        (
            "ScriptWitnessNotValidatingUTXOW",
            "Sign with more of its keys, and keep the transaction's validity interval within the script's",
            (key for key in needed & given.keys() if not given[key].satisfied_by(signers, start, end)),
        ),
        ("MissingScriptWitnessesUTXOW", "Add the native script to the witnesses", needed - given.keys()),
        ("ExtraneousScriptWitnessesUTXOW", "Leave it out of the witnesses", given.keys() - needed),
    )
    for rule, next_step, hashes in verdicts:
        found = sorted(key.hex() for key in hashes)
        if found:
            raise LedgerRefusedError(rule, got=f"script {', '.join(found)}", next_step=next_step, scripts=found)


def _signers(transaction: SignedTransaction) -> frozenset[bytes]:
    """The hashes of the keys that sign."""
    return frozenset(hashlib.blake2b(witness.key, digest_size=28).digest() for witness in transaction.signatures)


def _payers(transaction: SignedTransaction, state: LedgerState) -> Iterator[PaymentAddress]:
    """The addresses that are spent from."""
    for reference in transaction.new.inputs:
        try:
            yield parse_address(state.unspent[reference].address)
        except AddressError as error:
            got = f"spending {reference[0]}#{reference[1]}: {error}"
            raise LedgerRefusedError("NotModelled", got=got) from error


def _metadata(transaction: SignedTransaction, _state: LedgerState) -> None:
    named, auxiliary = transaction.auxiliary_hash, transaction.auxiliary
    if auxiliary is None:
        if named is not None:
            raise LedgerRefusedError("MissingTxMetadata", got=f"the hash {named.hex()}")
        return
    own = hashlib.blake2b(auxiliary, digest_size=32).digest()
    if named is None:
        raise LedgerRefusedError("MissingTxBodyMetadataHash", expected=f"the hash {own.hex()}")
    if named != own:
        raise LedgerRefusedError("ConflictingMetadataHash", expected=own.hex(), got=named.hex())
    if transaction.longest_metadata > MAX_BYTES:
        raise LedgerRefusedError("InvalidMetadata", got=f"{transaction.longest_metadata} bytes")


_RULES: tuple[Callable[[SignedTransaction, LedgerState], None], ...] = (
    _valid,
    _inputs_there,
    _in_time,
    _fee,
    _networks,
    _value_conserved,
    _outputs,
    _scripts,
    _signed,
    _metadata,
)
