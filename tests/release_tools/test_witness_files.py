"""Signatures made by other programs: taken from their files, and added to the transaction that they are over."""

import json

import cbor2
import pytest

from chain_reader.local_chain import LocalChain
from release_tools import LocalChainGateway, PaymentKey, submit_transaction
from release_tools.keys.envelopes import EnvelopeError
from release_tools.transactions.files import CarriedTransaction
from release_tools.transactions.witness_files import read_signatures
from tests.errors import raising
from tests.release_tools.test_envelopes import carried, funded

__all__ = ["funded"]

KEY, SIGNATURE = bytes(range(32)), bytes(64)


def envelope(kind: str, content: object) -> str:
    return json.dumps({"type": kind, "description": "", "cborHex": cbor2.dumps(content).hex()})


@pytest.mark.parametrize(
    "text",
    [
        envelope("TxWitness ConwayEra", [0, [KEY, SIGNATURE]]),
        envelope("TxWitness LaterEra", [0, [KEY, SIGNATURE]]),
        envelope("TxWitness ConwayEra", [KEY, SIGNATURE]),
        cbor2.dumps([0, [KEY, SIGNATURE]]).hex() + "\n",
        cbor2.dumps({0: [[KEY, SIGNATURE]]}).hex(),
        cbor2.dumps({0: cbor2.CBORTag(258, [[KEY, SIGNATURE]])}).hex(),
        envelope("Unwitnessed Tx ConwayEra", [{}, {0: [[KEY, SIGNATURE]]}, True, None]),
        envelope("Tx ConwayEra", [{}, {0: cbor2.CBORTag(258, [[KEY, SIGNATURE]])}, True, None]),
    ],
)
def test_forms_of_a_signature(text: str) -> None:
    (found,) = read_signatures(text, "the file")
    assert (found.key, found.signature) == (KEY, SIGNATURE)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "no hex digits"),
        (envelope("TxWitness ConwayEra", 0).replace('"00"', '"zz"'), "no hex digits"),
        ("8200825820", "CBOR that cannot be read: the data ends early"),
        ("zz", "neither an envelope nor hex"),
        ("{", "not JSON"),
        ("00", "hex without a signature"),
        ("a0", "hex without a signature"),
        ("80", "a key of 32 bytes and a signature of 64"),
        (cbor2.dumps([1, [KEY, SIGNATURE, b"", b""]]).hex(), "a signature of a Byron address"),
        (cbor2.dumps([0, [KEY, SIGNATURE[1:]]]).hex(), "a key of 32 bytes and a signature of 64"),
        (envelope("Unwitnessed Tx ConwayEra", [{}, {}, True, None]), "without a signature"),
        (envelope("PaymentSigningKeyShelley_ed25519", KEY), "PaymentSigningKeyShelley_ed25519"),
    ],
)
def test_what_holds_no_signature(text: str, got: str) -> None:
    with pytest.raises(EnvelopeError) as caught:
        read_signatures(text, "witness.json")
    assert got in str(caught.value)
    assert "witness.json" in str(caught.value)


def signature_file(key: PaymentKey, transaction: CarriedTransaction) -> str:
    witness = key.witness(bytes.fromhex(transaction.hash))
    return envelope("TxWitness ConwayEra", [0, [bytes(witness.vkey.payload), witness.signature]])


def test_signed_elsewhere_and_submitted_here(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    transaction = carried(gateway, wallet, stranger)
    half = transaction.add(read_signatures(signature_file(stranger, transaction), "a"))
    assert half.missing_keys == (wallet.key_hash,)
    whole = half.add(read_signatures(signature_file(wallet, transaction), "b"))
    assert whole.add(whole.signatures) == whole
    assert whole == transaction.sign([wallet, stranger])
    assert submit_transaction(gateway, whole.to_signed()) == transaction.hash


@pytest.mark.parametrize("era", ["Conway", "Babbage"])
def test_a_file_of_cardano_hw_cli(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey, era: str
) -> None:
    """Its bytes, as in that tool's own test files: a pair of 0 and the pair of key and signature, no description."""
    transaction = carried(gateway, wallet, stranger)
    made = wallet.witness(bytes.fromhex(transaction.hash))
    cbor = f"8200825820{bytes(made.vkey.payload).hex()}5840{made.signature.hex()}"
    text = json.dumps({"type": f"TxWitness {era}Era", "description": "", "cborHex": cbor}, indent=4)
    signed = transaction.add(read_signatures(text, "ledger.witness"), "ledger.witness")
    assert signed.missing_keys == (stranger.key_hash,)
    assert signed.add(read_signatures(text, "ledger.witness"), "ledger.witness") == signed, "twice is once"


def test_one_that_does_not_belong_is_refused(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    funded.fund(wallet.address(0), 50_000_000)
    transaction = carried(gateway, wallet, wallet)
    with raising("TransactionFile", match=f"A signature in a .* one by {stranger.key_hash}"):
        transaction.add(read_signatures(signature_file(stranger, transaction), "a"), "a")
    other = carried(gateway, wallet, stranger)
    with raising("TransactionFile", match=f"in a .* over the transaction {transaction.hash}, got one by"):
        transaction.sign([wallet]).add(read_signatures(signature_file(wallet, other), "a"), "a")
