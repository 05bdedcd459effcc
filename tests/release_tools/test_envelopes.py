"""Files between machines: cardano-cli's envelopes, canonical CBOR for wallets, signing by several, and bad files."""

import json
import traceback
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.local_chain.ledger.cbor import BYTES, LIST, MAP, NINT, TAG, TEXT, UINT, Item, read_cbor
from datum import EraMarkersPayload, SigningKey, encode_datum
from eras import EraMarker, EraSwitchError
from release_tools import (
    EraAddress,
    Funding,
    LedgerContext,
    LocalChainGateway,
    MissingSignatureError,
    PaymentKey,
    SpendableOutput,
    UnsignedTransaction,
    build_marker_transaction,
    sign_transaction,
    submit_transaction,
)
from release_tools.keys.envelopes import (
    EXTENDED_PAYMENT_KEY,
    PAYMENT_KEY,
    EnvelopeError,
    TextEnvelope,
    key_bytes,
    key_envelope,
    transaction_bytes,
)
from release_tools.transactions.files import CarriedTransaction
from tests.errors import raising
from tests.release_tools.publishing import ERA_KEY
from tests.release_tools.test_payment_key import extended_key

ADA = 1_000_000
SECRET = bytes(range(32))
MARKERS = (EraMarker("thales", 1), EraMarker("pythagoras", None))
DATUM = encode_datum(EraMarkersPayload(MARKERS).sign(ERA_KEY).to_bytes())


@pytest.fixture
def funded(chain: LocalChain, wallet: PaymentKey, stranger: PaymentKey) -> LocalChain:
    """The era address has 2 ada, the stranger's wallet 100 and some tokens."""
    chain.fund(wallet.address(0), 2 * ADA)
    units = (("ef" * 28 + "01", 5), ("ab" * 28 + "6161", 2), ("ab" * 28 + "ff", 1), ("ab" * 28, 9))
    chain.place([FaucetOutput(stranger.address(0), 100 * ADA), FaucetOutput(stranger.address(0), 5 * ADA, units)])
    return chain


def built(
    gateway: LocalChainGateway, era: PaymentKey, payer: PaymentKey, *, tokens: bool = False
) -> tuple[UnsignedTransaction, list[SpendableOutput]]:
    outputs = [*gateway.spendable_outputs(era.address(0)), *gateway.spendable_outputs(payer.address(0))]
    transaction = build_marker_transaction(
        DATUM,
        EraAddress(era.address(0)),
        Funding(payer.address(0), outputs, [output for output in outputs if output.assets] if tokens else []),
        LedgerContext.read(gateway),
    )
    return transaction, outputs


def carried(gateway: LocalChainGateway, era: PaymentKey, payer: PaymentKey, **how: bool) -> CarriedTransaction:
    transaction, outputs = built(gateway, era, payer, **how)
    return CarriedTransaction.of(transaction, 42, outputs)


# --- transactions


def test_built_here_signed_there_by_two_submitted_elsewhere(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    transaction, outputs = built(gateway, wallet, stranger)
    first = CarriedTransaction.of(transaction, 42, outputs).to_text()

    second = CarriedTransaction.parse(first).sign([wallet])
    assert second.missing_keys == (stranger.key_hash,)
    assert not second.is_signed
    with pytest.raises(MissingSignatureError, match=f"expected signatures by {stranger.key_hash}, too"):
        second.to_signed()
    assert json.loads(second.to_text())["type"] == "Unwitnessed Tx ConwayEra"

    third = CarriedTransaction.parse(second.to_text()).sign([stranger, wallet])
    assert third.is_signed
    assert json.loads(third.to_text())["type"] == "Witnessed Tx ConwayEra"
    last = CarriedTransaction.parse(third.to_text()).to_signed()
    assert last == sign_transaction(transaction, [wallet, stranger]), "the same bytes as signed at one place"
    assert submit_transaction(gateway, last) == transaction.hash


def test_the_envelope_is_cardano_clis_with_our_facts_beside(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    funded.fund(wallet.address(0), 50 * ADA)
    transaction = carried(gateway, wallet, wallet)
    document = json.loads(transaction.to_text())
    assert list(document) == ["type", "description", "cborHex", "eraswitch"]
    assert document["description"] == "Ledger Cddl Format"
    _, witnesses, valid, _ = cbor2.loads(bytes.fromhex(document["cborHex"]))
    assert (witnesses, valid) == ({}, True)
    assert document["eraswitch"]["required_keys"] == [wallet.key_hash]
    assert document["eraswitch"]["network_magic"] == 42
    again = CarriedTransaction.parse(transaction.to_text())
    assert again == transaction
    for kind in ("Tx ConwayEra", "TxBodyConway", "Witnessed Tx ConwayEra", "Tx BabbageEra", "Unwitnessed Tx LaterEra"):
        assert CarriedTransaction.parse(json.dumps({**document, "type": kind})) == transaction
    bare = CarriedTransaction.parse(f" {document['cborHex']}\n")
    assert (bare.cbor, bare.facts) == (transaction.cbor, None)


def test_one_that_another_tool_built_is_signed_with_all_keys_given(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    transaction = CarriedTransaction.parse(carried(gateway, wallet, stranger).cbor.hex())
    assert not transaction.is_signed
    signed = transaction.sign([wallet, stranger])
    assert sorted(signed.signed_by) == sorted([wallet.key_hash, stranger.key_hash])
    assert submit_transaction(gateway, signed.to_signed()) == transaction.hash


def test_extended_key_signs_what_the_ledgers_take(chain: LocalChain, gateway: LocalChainGateway) -> None:
    key = PaymentKey(extended_key())
    chain.fund(key.address(0), 50 * ADA)
    from tests.release_tools import conftest

    conftest.SEEDS["extended"] = extended_key()  # so that the second ledger knows its outputs
    try:
        signed = carried(gateway, key, key).sign([key])
        assert submit_transaction(gateway, signed.to_signed()) == signed.hash
    finally:
        del conftest.SEEDS["extended"]


@pytest.mark.parametrize("tokens", [False, True])
def test_the_body_is_canonical_cbor_as_hardware_wallets_ask(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey, tokens: bool
) -> None:
    """CIP-21: minimal numbers, definite lengths, map keys in their order and each once. Judged by both ledgers."""
    transaction = carried(gateway, wallet, stranger, tokens=tokens)
    body = read_cbor(transaction.cbor).items[0]
    require_canonical(body)
    assert {key.number for key, _ in body.pairs} == {0, 1, 2, 3, 7, 15}
    signed = transaction.sign([wallet, stranger])
    assert submit_transaction(gateway, signed.to_signed()) == transaction.hash
    change = gateway.spendable_outputs(stranger.address(0))[-1]
    assert sorted(dict(change.assets).values()) == ([1, 2, 5, 9] if tokens else [])
    assert len(signed.cbor) == built_size(signed)


def built_size(signed: CarriedTransaction) -> int:
    summary = signed.summary()
    assert (summary["fee"] - 155_381) % 44 == 0
    return int((summary["fee"] - 155_381) // 44) + 1


def require_canonical(item: Item) -> None:
    """An obviously right check of RFC 7049, section 3.9, on the original bytes."""
    lengths = {BYTES: len(item.data), TEXT: len(item.data), LIST: len(item.items), MAP: len(item.items) // 2}
    number = lengths.get(item.major, item.number if item.major in (UINT, TAG) else -1 - item.number)
    if item.major in (UINT, NINT, TAG, *lengths):
        assert item.raw.startswith(head(item.major, number)), item.raw.hex()[:60]
    if item.major == MAP:
        keys = [key.raw for key, _ in item.pairs]
        assert keys == sorted(set(keys), key=lambda key: (len(key), key))
    for inside in item.items:
        require_canonical(inside)


def head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 256**size)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + number.to_bytes(size, "big")


def test_what_it_does_is_told_from_its_own_bytes(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    summary = carried(gateway, wallet, stranger).summary(ERA_KEY.verification_key)
    marker, change = summary["outputs"]
    assert marker["address"] == wallet.address(0)
    assert marker["markers"] == {"list": [one.to_dict() for one in MARKERS], "signed_by_era_key": True}
    assert (change["address"], change["markers"]) == (stranger.address(0), None)
    total = sum(one["lovelace"] for one in summary["inputs"])
    assert total == summary["fee"] + marker["lovelace"] + change["lovelace"]
    assert summary["network_id"] == 0
    other = carried(gateway, wallet, stranger).summary(SigningKey(bytes(32)).verification_key)
    assert other["outputs"][0]["markers"]["signed_by_era_key"] is False
    assert carried(gateway, wallet, stranger).summary()["outputs"][0]["markers"]["signed_by_era_key"] is None


def test_facts_beside_a_transaction_cannot_change_what_is_signed(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    document = json.loads(carried(gateway, wallet, stranger).to_text())
    document["eraswitch"] |= {"required_keys": [], "spends": []}
    lied = CarriedTransaction.parse(json.dumps(document))
    assert lied.summary()["outputs"] == carried(gateway, wallet, stranger).summary()["outputs"]
    with pytest.raises(MissingSignatureError, match="There is nothing to sign"):
        lied.sign([wallet])


def test_another_network_is_refused(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    transaction = carried(gateway, wallet, stranger)
    transaction.require_network(42, 0)
    with raising("TransactionFile", match="expected a transaction for network magic 1, got 42"):
        transaction.require_network(1, 0)
    with raising("TransactionFile", match="network id 1"):
        CarriedTransaction(transaction.cbor).require_network(764824073, 1)


def test_key_that_need_not_sign_does_not(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    third = PaymentKey(bytes(32))
    transaction = carried(gateway, wallet, stranger)
    assert transaction.sign([third, wallet]).signed_by == (wallet.key_hash,)
    with pytest.raises(MissingSignatureError, match=f"got {third.key_hash}"):
        transaction.sign([third])
    signed = transaction.sign([wallet, stranger])
    with pytest.raises(MissingSignatureError, match="expected a transaction that lacks a signature"):
        signed.sign([wallet])


def test_wrong_signature_is_found_when_the_file_is_read(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    signed = carried(gateway, wallet, stranger).sign([wallet])
    (one,) = signed.signatures
    for wrong in (bytes([one.signature[0] ^ 1]) + one.signature[1:], bytes(64)):
        with raising("TransactionFile", match="expected signatures over its body"):
            CarriedTransaction(signed.cbor.replace(one.signature, wrong))


def test_what_is_no_marker_transaction_is_not_signed(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    """A certificate, a withdrawal, a minting: nobody signs one by mistake."""
    body, _, flag, auxiliary = cbor2.loads(carried(gateway, wallet, stranger).cbor)
    for field, value in ((4, [[0, [0, bytes(28)]]]), (5, {b"\xe0" + bytes(28): 1}), (9, {bytes(28): {b"": 1}})):
        with raising("TransactionFile", match="publishes markers and does nothing else"):
            CarriedTransaction(cbor2.dumps([{**body, field: value}, {}, flag, auxiliary]))
    with raising("TransactionFile", match="a whole transaction: body, signatures"):
        CarriedTransaction(cbor2.dumps(body))


# --- bad files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "hex digits"),
        ("zz", "hex digits"),
        ("00", "a whole transaction"),
        ("ff", "CBOR"),
        ("00" * 70_000, "at most 65536 bytes"),
        ("9f" * 50_000, "CBOR"),
        ("{", "not JSON"),
        ('{"type": 7}', "type 7"),
        ('{"type": "Tx ConwayEra"}', "got none"),
        ('{"type": "Tx ConwayEra", "cborHex": "xyz"}', "got none"),
        ('{"type": "Tx LaterEra", "cborHex": "00"}', "a whole transaction"),
        ('{"type": "TxWitness ConwayEra", "cborHex": "00"}', "a signature of a transaction"),
        ('{"type": "Something", "cborHex": "00"}', "got type 'Something'"),
        (
            '{"type": "PaymentSigningKeyShelley_ed25519", "cborHex": "5820' + SECRET.hex() + '"}',
            "a transaction, such as of type",
        ),
        ('{"a":' * 100_000, "not JSON"),
    ],
)
def test_file_that_is_no_transaction(text: str, expected: str) -> None:
    with pytest.raises(EraSwitchError, match=expected) as caught:
        CarriedTransaction.parse(text, "tx.signed")
    assert caught.value.exit_code == 2
    assert SECRET.hex() not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "facts",
    [
        7,
        "x",
        [],
        {},
        {"version": 2},
        {"version": 1},
        {"version": 1, "network_magic": -1, "required_keys": [], "spends": []},
        {"version": 1, "network_magic": 42, "required_keys": [7], "spends": []},
        {"version": 1, "network_magic": 42, "required_keys": [], "spends": [7]},
        {"version": 1, "network_magic": True, "required_keys": [], "spends": []},
    ],
)
def test_facts_that_make_no_sense(
    funded: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey, facts: Any
) -> None:
    document = json.loads(carried(gateway, wallet, stranger).to_text())
    with raising("TransactionFile", match="expected facts"):
        CarriedTransaction.parse(json.dumps({**document, "eraswitch": facts}))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_make_it_fail_otherwise(content: bytes) -> None:
    envelope = json.dumps({"type": "Tx ConwayEra", "cborHex": content.hex()})
    for text in (content.hex(), content.decode(errors="replace"), envelope):
        with pytest.raises(EraSwitchError):
            CarriedTransaction.parse(text)


# --- keys


@pytest.mark.parametrize(("raw", "kind"), [(bytes(32), PAYMENT_KEY), (bytes(128), EXTENDED_PAYMENT_KEY)])
def test_key_envelopes(raw: bytes, kind: str) -> None:
    envelope = key_envelope(raw, extended=len(raw) == 128)
    assert envelope.type == kind
    assert key_bytes(TextEnvelope.parse(envelope.to_json(), "payment.skey"), "payment.skey") == raw
    assert raw.hex() not in repr(envelope)


def test_no_key_where_a_transaction_belongs_and_the_other_way_round() -> None:
    key = key_envelope(SECRET)
    with pytest.raises(EnvelopeError, match="tx.json is not usable: expected a transaction"):
        transaction_bytes(key, "tx.json")
    with pytest.raises(EnvelopeError, match="expected a key of type"):
        key_bytes(TextEnvelope("Tx ConwayEra", b"\x80"), "payment.skey")
