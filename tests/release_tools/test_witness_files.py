"""Signatures made by other programs: taken from their files, and added to the transaction that they are over."""

import json

import cbor2
import pytest

from chain_reader.local_chain import LocalChain
from release_tools import LocalChainGateway, PaymentKey, submit_transaction
from release_tools.keys.envelopes import EnvelopeError
from release_tools.transactions.files import CarriedTransaction, TransactionFileError
from release_tools.transactions.witness_files import read_signatures
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
        ("", "CBOR that cannot be read"),
        ("zz", "neither an envelope nor hex"),
        ("{", "no JSON"),
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


def test_one_that_does_not_belong_is_refused(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    funded.fund(wallet.address(0), 50_000_000)
    transaction = carried(gateway, wallet, wallet)
    with pytest.raises(TransactionFileError, match=f"one by {stranger.key_hash}"):
        transaction.add(read_signatures(signature_file(stranger, transaction), "a"))
    other = carried(gateway, wallet, stranger)
    with pytest.raises(TransactionFileError, match="expected signatures over its body"):
        transaction.add(read_signatures(signature_file(wallet, other), "a"))
