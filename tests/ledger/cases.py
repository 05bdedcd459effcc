"""The table of transactions that the local chain and Scalus judge.

A line says what is special about a transaction, how it is made, the rule that the local chain names (``None``: it
accepts), and a piece of what Scalus says (``None``: it accepts). Where the two differ, the line says why.
"""

# ruff: noqa: E501

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import cbor2
from cbor2 import CBORTag

from chain_reader.local_chain.ledger.cbor import read_cbor
from tests.ledger.wallet import (
    ADA,
    AUXILIARY_HASH,
    BASE,
    END,
    FEE,
    FULL_VALUE,
    HASH,
    INPUTS,
    KEY,
    MAINNET,
    NATIVE_SCRIPT,
    NETWORK,
    OTHER_HASH,
    OTHER_KEY,
    OUTPUTS,
    OVERFULL_VALUE,
    OWN,
    POLICY,
    READ,
    SCRIPT,
    SIGNERS,
    SLOT,
    START,
    STRANGER,
    Wallet,
    assemble,
    output,
    signatures,
)

Made = bytes | tuple[bytes, ...]


@dataclass(frozen=True)
class Case:
    """A transaction, or several of which the last is judged and the others are good."""

    name: str
    make: Callable[[Wallet], Made]
    rule: str | None = None
    scalus: str | None = None
    why: str | None = None

    def transactions(self, wallet: Wallet) -> tuple[bytes, ...]:
        made = self.make(wallet)
        return made if isinstance(made, tuple) else (made,)


# What Scalus says for each rule of the ledger.
OF_SCALUS = {
    "BadInputsUTxO": "Missing inputs",
    "BabbageNonDisjointRefInputs": "Inputs intersects with reference inputs",
    "OutsideValidityIntervalUTxO": "is outside the validity interval",
    "MaxTxSizeUTxO": "exceeds maximum allowed size",
    "FeeTooSmallUTxO": "Fee or collateral validation failed",
    "ValueNotConservedUTxO": "Value not conserved",
    "BabbageOutputTooSmallUTxO": "Transaction outputs are too small",
    "OutputTooBigUTxO": "exceed maximum value storage size",
    "WrongNetwork": "Wrong network address",
    "WrongNetworkInTxBody": "Wrong network id in transaction body",
    "ValidationTagMismatch": "invalid flag passed script validation",
    "ScriptWitnessNotValidatingUTXOW": "Invalid native scripts",
    "MissingScriptWitnessesUTXOW": "Missing or extra script hashes",
    "ExtraneousScriptWitnessesUTXOW": "Missing or extra script hashes",
    "MissingVKeyWitnessesUTXOW": "Missing key hashes",
    "InvalidWitnessesUTXOW": "Invalid verified signatures",
    "MissingTxBodyMetadataHash": "Missing auxiliary data hash",
    "MissingTxMetadata": "Missing auxiliary data for",
    "ConflictingMetadataHash": "Invalid auxiliary data hash",
    "InvalidMetadata": "Invalid auxiliary data for",
    "DatumBytesTooLong": "must be <= 64 bytes",
}


def good(name: str, make: Callable[[Wallet], Made]) -> Case:
    return Case(name, make)


def bad(name: str, rule: str, make: Callable[[Wallet], Made]) -> Case:
    """Refused by both, for the same reason."""
    return Case(name, make, rule, OF_SCALUS[rule])


def junk(name: str, scalus: str, make: Callable[[Wallet], Made]) -> Case:
    """Cannot be decoded by either; Scalus says so in many ways."""
    return Case(name, make, "DecodingFailure", scalus)


def not_modelled(name: str, scalus: str | None, make: Callable[[Wallet], Made]) -> Case:
    """The local chain refuses it by design, whatever the ledger makes of it."""
    return Case(
        name,
        make,
        "NotModelled",
        scalus,
        "the local chain models keys and native scripts, not Plutus, stake or governance",
    )


def datum(name: str, data: bytes, rule: str | None = None, scalus: str | None = None) -> Case:
    """An output with an inline datum."""
    scalus = scalus or (OF_SCALUS[rule] if rule else None)
    return Case(f"a datum of {name}", lambda w: w.pay(first=output(..., datum=data)), rule, scalus)


def metadata(name: str, auxiliary: object, rule: str | None = None, scalus: str | None = None) -> Case:
    scalus = scalus or (OF_SCALUS[rule] if rule else None)
    return Case(f"metadata {name}", lambda w: w.pay(auxiliary=auxiliary), rule, scalus)


def tokens(**quantities: int) -> dict[bytes, dict[bytes, int]]:
    return {POLICY: {name.encode().strip(b"_"): quantity for name, quantity in quantities.items()}}


def by_hand(w: Wallet, template: str, **sign: object) -> bytes:
    """A body whose CBOR is written out, with the parts of a plain payment filled in, signed over those bytes."""
    parts = {"input": w.ref("funds"), "address": bytes(OWN), "paid": 99 * ADA, "fee": ADA}
    filled = template.format(**{name: cbor2.dumps(value).hex() for name, value in parts.items()})
    return assemble(bytes.fromhex(filled.replace(" ", "")), **sign)


def least(legacy: bool) -> int:
    made = [bytes(OWN), ADA] if legacy else {0: bytes(OWN), 1: ADA}
    return 4_310 * (160 + len(cbor2.dumps(made)))


BYRON = bytes.fromhex(
    "82d818582183581cba970ad36654d8dd8f74274b733452ddeab9a62a397746be3c42ccdda0001a9026da5b"
)  # a mainnet address

STRICTER = "the ledger's decoder refuses this too; Scalus is lenient"
LENIENT = "the ledger's decoder takes lengths that are not told ahead; Scalus does not"
SIGNED_SLOT = "Scalus reads slots as signed numbers"

# fmt: off
CASES = (
    # --- plain payments
    good("a payment back to the same address", lambda w: w.pay()),
    good("several inputs and outputs", lambda w: w.pay(spend=("funds", "more"), then=(output(3 * ADA), output(4 * ADA)))),
    good("to a base address", lambda w: w.pay(first=output(..., to=BASE))),
    good("to a script address", lambda w: w.pay(first=output(..., to=SCRIPT))),
    good("to a pointer address", lambda w: w.pay(first=output(..., to=b"\x40" + HASH + b"\x01\x02\x03"))),
    good("from a base address", lambda w: w.pay(spend=("base",))),
    good("from two keys", lambda w: w.pay(spend=("funds", "other"), keys=(KEY, OTHER_KEY))),
    good("from an output with a datum", lambda w: w.pay(spend=("datum",))),
    good("everything to the fee", lambda w: w.pay(spend=("base",), fee=30 * ADA, body={OUTPUTS: []})),
    good("the next one spends what it made", lambda w: (w.pay(), _child(w))),
    good("an output in the form of a list", lambda w: w.pay(first=[bytes(OWN), ...])),
    good("an output with a datum hash", lambda w: w.pay(first=output(..., option=[0, b"\x01" * 32]))),
    good("a listed output with a datum hash", lambda w: w.pay(first=[bytes(OWN), ..., b"\x01" * 32])),
    # --- inputs
    bad("an input that never was", "BadInputsUTxO", lambda w: w.pay(body={INPUTS: [[b"\x01" * 32, 0]]})),
    bad("an index that the transaction does not have", "BadInputsUTxO",
        lambda w: w.pay(body={INPUTS: [[w.ref("funds")[0], 99]]})),
    bad("submitted twice", "BadInputsUTxO", lambda w: (w.pay(), w.pay())),
    bad("a double spend", "BadInputsUTxO", lambda w: (w.pay(), w.pay(fee=2 * ADA))),
    Case("no inputs", lambda w: w.pay(body={INPUTS: []}), "InputSetEmptyUTxO", "Empty list found"),
    good("inputs as a tagged set", lambda w: w.pay(body={INPUTS: CBORTag(258, [w.ref("funds")])})),
    Case("an input twice", lambda w: w.pay(body={INPUTS: [w.ref("funds")] * 2}), "DecodingFailure", None, STRICTER),
    junk("a transaction hash of 31 bytes", "Hash must be 32", lambda w: w.pay(body={INPUTS: [[b"\x01" * 31, 0]]})),
    good("a reference input", lambda w: w.pay(body={READ: [w.ref("datum")]})),
    bad("a reference input that never was", "BadInputsUTxO", lambda w: w.pay(body={READ: [[b"\x01" * 32, 0]]})),
    bad("a reference input that was spent", "BadInputsUTxO",
        lambda w: (w.pay(), w.pay(spend=("more",), body={READ: [w.ref("funds")]}))),
    bad("an input both spent and read", "BabbageNonDisjointRefInputs", lambda w: w.pay(body={READ: [w.ref("funds")]})),
    junk("no members in the reference inputs", "Empty list found", lambda w: w.pay(body={READ: []})),
    # --- value
    bad("a lovelace too much", "ValueNotConservedUTxO", lambda w: w.pay(extra=1)),
    bad("a lovelace too little", "ValueNotConservedUTxO", lambda w: w.pay(extra=-1)),
    good("tokens kept", lambda w: w.pay(spend=("tokens",), first=output(..., assets=tokens(_=7, aa=5)))),
    good("tokens split", lambda w: w.pay(spend=("tokens",), first=output(..., assets=tokens(_=7)),
                                         then=(output(2 * ADA, assets=tokens(aa=5)),))),
    bad("tokens lost", "ValueNotConservedUTxO", lambda w: w.pay(spend=("tokens",))),
    bad("a token more", "ValueNotConservedUTxO",
        lambda w: w.pay(spend=("tokens",), first=output(..., assets=tokens(_=7, aa=6)))),
    bad("a token of nowhere", "ValueNotConservedUTxO", lambda w: w.pay(first=output(..., assets=tokens(b=1)))),
    junk("a token's name of 33 bytes", "AssetName must be at most 32",
         lambda w: w.pay(first=output(..., assets={POLICY: {b"n" * 33: 1}}))),
    Case("none of a token", lambda w: w.pay(first=output(..., assets=tokens(aa=0))), "DecodingFailure", None, STRICTER),
    good("a value of 5,000 bytes", lambda w: w.pay(spend=("full",), first=output(..., assets=FULL_VALUE))),
    bad("a value of 5,001 bytes", "OutputTooBigUTxO",
        lambda w: w.pay(spend=("overfull",), first=output(..., assets=OVERFULL_VALUE))),
    junk("lovelace as a big number", "Expected Long", lambda w: w.pay(first=output(2**64))),
    # --- the least an output must hold
    good("an output with the least it must hold", lambda w: w.pay(then=(output(least(legacy=False)),))),
    bad("an output a lovelace below", "BabbageOutputTooSmallUTxO",
        lambda w: w.pay(then=(output(least(legacy=False) - 1),))),
    good("a listed output with the least it must hold", lambda w: w.pay(then=([bytes(OWN), least(legacy=True)],))),
    bad("a listed output a lovelace below", "BabbageOutputTooSmallUTxO",
        lambda w: w.pay(then=([bytes(OWN), least(legacy=True) - 1],))),
    bad("a datum that its output cannot carry", "BabbageOutputTooSmallUTxO",
        lambda w: w.pay(then=(output(ADA, datum=cbor2.dumps([b"x" * 64] * 10)),))),
    # --- fee and size
    good("the least fee", lambda w: w.cheapest()),
    bad("a lovelace below the least fee", "FeeTooSmallUTxO", lambda w: w.cheapest(below=1)),
    bad("no fee", "FeeTooSmallUTxO", lambda w: w.pay(fee=0)),
    good("16,384 bytes", lambda w: w.sized(16_384)),
    bad("16,385 bytes", "MaxTxSizeUTxO", lambda w: w.sized(16_385)),
    Case("a fee below zero", lambda w: w.pay(fee=-1), "DecodingFailure", OF_SCALUS["FeeTooSmallUTxO"]),
    # --- signatures
    bad("no signature", "MissingVKeyWitnessesUTXOW", lambda w: w.pay(witnesses={})),
    bad("a stranger's signature", "MissingVKeyWitnessesUTXOW", lambda w: w.pay(keys=(STRANGER,))),
    bad("one of two signatures", "MissingVKeyWitnessesUTXOW", lambda w: w.pay(spend=("funds", "other"))),
    good("a stranger's signature too", lambda w: w.pay(keys=(KEY, STRANGER))),
    good("signatures as a tagged set", lambda w: w.pay(
        witnesses={0: CBORTag(258, signatures(_body(w.pay()), KEY))})),
    bad("a wrong signature", "InvalidWitnessesUTXOW",
        lambda w: w.pay(witnesses={0: [[bytes(KEY.verify_key), b"\x01" * 64]]})),
    bad("a signature of another body", "InvalidWitnessesUTXOW",
        lambda w: w.pay(witnesses={0: signatures(_body(w.pay(fee=2 * ADA)), KEY)})),
    bad("a wrong signature that is not needed", "InvalidWitnessesUTXOW",
        lambda w: w.pay(witnesses={0: [*signatures(_body(w.pay()), KEY), [bytes(STRANGER.verify_key), b"\x01" * 64]]})),
    good("a required signer that signs", lambda w: w.pay(body={SIGNERS: [OTHER_HASH]}, keys=(KEY, OTHER_KEY))),
    bad("a required signer that does not", "MissingVKeyWitnessesUTXOW", lambda w: w.pay(body={SIGNERS: [OTHER_HASH]})),
    junk("no members in the required signers", "Empty list found", lambda w: w.pay(body={SIGNERS: []})),
    junk("no members in the signatures", "Empty list found", lambda w: w.pay(witnesses={0: []})),
    junk("a key of 31 bytes", "Verification key must be 32", lambda w: w.pay(witnesses={0: [[b"k" * 31, b"s" * 64]]})),
    junk("a signature of 63 bytes", "Signature must be 64", lambda w: w.pay(witnesses={0: [[b"k" * 32, b"s" * 63]]})),
    # --- validity interval
    good("valid from the current slot on", lambda w: w.pay(body={START: SLOT})),
    bad("valid from the next slot on", "OutsideValidityIntervalUTxO", lambda w: w.pay(body={START: SLOT + 1})),
    good("valid until the current slot is over", lambda w: w.pay(body={END: SLOT + 1})),
    bad("valid until the current slot begins", "OutsideValidityIntervalUTxO", lambda w: w.pay(body={END: SLOT})),
    bad("never valid", "OutsideValidityIntervalUTxO", lambda w: w.pay(body={END: 0})),
    good("valid in the current slot only", lambda w: w.pay(body={START: SLOT, END: SLOT + 1})),
    Case("valid until the last slot there can be", lambda w: w.pay(body={END: 2**64 - 1}), None,
         OF_SCALUS["OutsideValidityIntervalUTxO"], SIGNED_SLOT),
    # --- networks and addresses
    good("naming its network", lambda w: w.pay(body={NETWORK: 0})),
    bad("naming another network", "WrongNetworkInTxBody", lambda w: w.pay(body={NETWORK: 1})),
    junk("naming no network", "Network ID must be 0 or 1", lambda w: w.pay(body={NETWORK: 2})),
    bad("to an address of another network", "WrongNetwork", lambda w: w.pay(first=output(..., to=MAINNET))),
    junk("to an address cut short", "Invalid Type-6 address", lambda w: w.pay(first=output(..., to=bytes(OWN)[:-1]))),
    junk("to an address with a byte more", "Invalid Type-0 address",
         lambda w: w.pay(first=output(..., to=bytes(BASE) + b"\x00"))),
    Case("to a stake address", lambda w: w.pay(first=output(..., to=b"\xe0" + HASH)), "DecodingFailure", None, STRICTER),
    # --- datums
    datum("a constructor with 64 bytes", cbor2.dumps(CBORTag(121, [b"x" * 64]))),
    datum("a constructor with 65 bytes", cbor2.dumps(CBORTag(121, [b"x" * 65])), "DatumBytesTooLong"),
    datum("65 bytes", cbor2.dumps(b"x" * 65), "DatumBytesTooLong"),
    datum("130 bytes in chunks", b"\x5f" + cbor2.dumps(b"x" * 64) * 2 + cbor2.dumps(b"xx") + b"\xff"),
    datum("a chunk of 65 bytes", b"\x5f" + cbor2.dumps(b"x" * 65) + b"\xff", "DatumBytesTooLong"),
    datum("a big number of 65 bytes", cbor2.dumps(CBORTag(2, b"\x01" * 65)), "DatumBytesTooLong"),
    datum("a list of no told length", bytes.fromhex("d8799f4161ff")),
    datum("a constructor in the general form", cbor2.dumps(CBORTag(102, [200, [b"x", 1, {2: -3}]]))),
    datum("text", cbor2.dumps("text"), "DecodingFailure", "Expected Allowed Data Item"),
    datum("an unknown tag", cbor2.dumps(CBORTag(99, [1])), "DecodingFailure", "Expected Allowed Data Constr Tag"),
    datum("nothing", b"", "DecodingFailure", "End of Input"),
    datum("two numbers", b"\x01\x02", "DecodingFailure", "Expected End-of-Input"),
    junk("a datum hash of 31 bytes", "Hash must be 32", lambda w: w.pay(first=output(..., option=[0, b"\x01" * 31]))),
    junk("a datum of an unknown kind", "Invalid DatumOption", lambda w: w.pay(first=output(..., option=[2, b"\x01"]))),
    # --- metadata
    metadata("of every kind", {1: {"text": [1, -2, b"bytes", {"k": "v"}]}, 2**64 - 1: 0}),
    metadata("in Mary's form", [{1: 2}, []]),
    metadata("in Alonzo's form", CBORTag(259, {0: {1: 2}})),
    metadata("with a text of 64 bytes", {1: "é" * 32}),
    metadata("with a text of 65 bytes", {1: "é" * 32 + "e"}, "InvalidMetadata"),
    metadata("with 65 bytes", {1: b"x" * 65}, "InvalidMetadata"),
    metadata("with null", {1: None}, "DecodingFailure", "Unexpected data item for TransactionMetadatum"),
    metadata("with a text for a label", {"label": 1}, "DecodingFailure", "Expected integer"),
    bad("a hash of metadata that is not there", "MissingTxMetadata", lambda w: w.pay(body={AUXILIARY_HASH: b"\x01" * 32})),
    bad("metadata without its hash", "MissingTxBodyMetadataHash",
        lambda w: w.pay(auxiliary={1: 2}, drop=[AUXILIARY_HASH])),
    bad("a hash of other metadata", "ConflictingMetadataHash",
        lambda w: w.pay(auxiliary={1: 2}, body={AUXILIARY_HASH: b"\x01" * 32})),
    # --- the form of a transaction
    bad("marked as invalid", "ValidationTagMismatch", lambda w: w.pay(valid=False)),
    junk("a number for the validity flag", "Expected Bool", lambda w: w.pay(valid=1)),
    junk("a fraction for the validity flag", "Expected Bool", lambda w: w.pay()[:-2] + bytes.fromhex("f90014 f6")),
    junk("bytes after its end", "Expected End-of-Input", lambda w: w.pay() + b"\x00"),
    junk("cut short", "end of input", lambda w: w.pay()[:-20]),
    junk("nothing at all", "End of Input", lambda w: b""),
    junk("a text", "Transaction", lambda w: b"dmarkers"),
    junk("a transaction of three parts", "Array-Header(4)", lambda w: b"\x83" + w.pay()[1:-2] + b"\xf6"),
    junk("an unknown field", "Unknown key 99", lambda w: w.pay(body={99: 1})),
    junk("a protocol update, which is gone since Conway", "Unknown key 6", lambda w: w.pay(body={6: [{}, 0]})),
    junk("no fee field", "None.get", lambda w: w.pay(drop=[FEE])),
    junk("a fee as a fraction", "Expected Long", lambda w: w.pay(body={FEE: 1e6})),
    good("a transaction of no told length", lambda w: b"\x9f" + w.pay()[1:] + b"\xff"),
    good("lists of no told length", lambda w: by_hand(w, "a3 00 9f{input}ff 01 9f82{address}{paid}ff 02 {fee}")),
    good("a number longer than it need be",
         lambda w: by_hand(w, "a3 00 81{input} 01 81 82{address}{paid} 02 1b00000000000f4240")),
    Case("a body of no told length", lambda w: by_hand(w, "bf 00 81{input} 01 81 82{address}{paid} 02 {fee} ff"), None,
         "Expected Map-Header", LENIENT),
    Case("an output of no told length", lambda w: by_hand(w, "a3 00 81{input} 01 81 9f{address}{paid}ff 02 {fee}"), None,
         "Expected Array or Map for TransactionOutput", LENIENT),
    Case("a field twice", lambda w: by_hand(w, "a4 00 81{input} 01 81 82{address}{paid} 02 {fee} 02 {fee}"),
         "DecodingFailure", None, STRICTER),
    Case("an unknown field in an output", lambda w: w.pay(first={**output(...), 9: 1}), "DecodingFailure", None, STRICTER),
    # --- what the local chain does not model
    not_modelled("a certificate", None, lambda w: w.pay(body={4: [[0, [0, HASH]]]}, extra=-2 * ADA)),
    not_modelled("a withdrawal", "Withdrawals validation failed", lambda w: w.pay(body={5: {b"\xe0" + HASH: 0}})),
    not_modelled("a script data hash", "Invalid script data hash", lambda w: w.pay(body={11: b"\x01" * 32})),
    not_modelled("collateral inputs", None, lambda w: w.pay(body={13: [w.ref("more")]})),
    not_modelled("a collateral return", None, lambda w: w.pay(body={16: output(ADA)})),
    not_modelled("a total of collateral", None, lambda w: w.pay(body={17: ADA})),
    not_modelled("votes", "VotingProcedures", lambda w: w.pay(body={19: {}})),
    not_modelled("proposals", None, lambda w: w.pay(body={20: []})),
    not_modelled("the treasury's value", None, lambda w: w.pay(body={21: 0})),
    not_modelled("a donation", None, lambda w: w.pay(body={22: ADA}, extra=-ADA)),
    not_modelled("bootstrap witnesses", "Empty list found", lambda w: w.pay(scripts={2: []})),
    not_modelled("a Plutus V1 script", "Missing or extra script hashes", lambda w: w.pay(scripts={3: [b"\x01"]})),
    not_modelled("a datum among the witnesses", "Datums validation failed", lambda w: w.pay(scripts={4: [1]})),
    not_modelled("redeemers", "at least one redeemer", lambda w: w.pay(scripts={5: {}})),
    not_modelled("a Plutus V2 script", "Missing or extra script hashes", lambda w: w.pay(scripts={6: [b"\x01"]})),
    not_modelled("a Plutus V3 script", "Missing or extra script hashes", lambda w: w.pay(scripts={7: [b"\x01"]})),
    not_modelled("a reference script", None,
                 lambda w: w.pay(first=output(..., script=CBORTag(24, cbor2.dumps([0, NATIVE_SCRIPT]))))),
    not_modelled("scripts in auxiliary data", None,
                 lambda w: w.pay(auxiliary=CBORTag(259, {0: {1: 2}, 1: [NATIVE_SCRIPT]}))),
    not_modelled("scripts in auxiliary data of Mary's form", None, lambda w: w.pay(auxiliary=[{1: 2}, [NATIVE_SCRIPT]])),
    not_modelled("to a Byron address", "Wrong network address", lambda w: w.pay(first=output(..., to=BYRON))),
)
# fmt: on


def _body(transaction: bytes) -> bytes:
    """The body of a transaction whose witnesses begin with signatures and whose auxiliary data is null."""
    return read_cbor(transaction).items[0].raw


def _child(w: Wallet) -> bytes:
    parent = hashlib.blake2b(_body(w.pay()), digest_size=32).digest()
    return w.pay(fee=2 * ADA, body={INPUTS: [[parent, 0]], OUTPUTS: [output(97 * ADA)]})
