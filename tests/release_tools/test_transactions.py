"""Marker transactions, each judged by the ledger of the local chain."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycardano import Transaction

from chain_reader import DatumOutput, ScreenedOutput
from chain_reader.local_chain import LocalChain
from chain_reader.providers.gateway import Network, TransactionParameters
from chain_reader.trust.verdicts import Superseded, Unconfirmed
from datum import (
    Accepted,
    EraMarkersPayload,
    SigningKey,
    Unreadable,
    Verdict,
    VerifiedMarkers,
    WrongSigner,
    encode_datum,
)
from datum.extension_rules import RolledBack, WrongNetwork
from datum.verdicts import OtherKind
from eras import Epoch, EraMarker, Slot, TransactionError, __version__
from release_tools import (
    EraAddress,
    Funding,
    LedgerContext,
    LocalChainGateway,
    MissingSignatureError,
    PaymentKey,
    SpendableOutput,
    TransactionRefusedError,
    UnsignedTransaction,
    build_marker_transaction,
    sign_transaction,
    submit_transaction,
)
from release_tools.transactions.balancing import DEFAULT_VALIDITY_SLOTS
from release_tools.transactions.drafting import MarkerThread, ReadersView, signed_outputs
from release_tools.transactions.posting import post_datum
from tests.errors import raising

PARAMETERS = TransactionParameters(
    min_fee_per_byte=44, min_fee_constant=155_381, max_tx_size=16_384, coins_per_utxo_byte=4_310
)
ADA = 1_000_000


def datum(size: int = 200, fill: int = 7) -> bytes:
    """A datum of constructor 0 with byte strings of at most 64 bytes, ``size`` bytes of content in all."""
    content = bytes([fill]) * size
    chunks = [content[start : start + 64] for start in range(0, size, 64)]
    return b"\xd8\x79\x9f" + b"".join(cbor2.dumps(chunk) for chunk in chunks) + b"\xff"


def output(wallet: PaymentKey, lovelace: int, number: int = 1, **more: Any) -> SpendableOutput:
    return SpendableOutput(f"{number:064x}", 0, wallet.address(0), lovelace, **more)


def build(wallet: PaymentKey, payers: Sequence[SpendableOutput], **more: Any) -> UnsignedTransaction:
    values: dict[str, Any] = {
        "datum": datum(),
        "era_address": wallet.address(0),
        "change_address": wallet.address(0),
        "parameters": PARAMETERS,
        "slot": Slot(1_000),
        "validity_slots": DEFAULT_VALIDITY_SLOTS,
        **more,
    }
    return build_marker_transaction(
        values.pop("datum"),
        EraAddress(values.pop("era_address")),
        Funding(values.pop("change_address"), payers, values.pop("also_spend", ())),
        LedgerContext(values.pop("parameters"), 0, values.pop("slot"), values.pop("validity_slots")),
        **values,
    )


def build_on(gateway: LocalChainGateway, payer: PaymentKey, **more: Any) -> UnsignedTransaction:
    """Build from what the chain holds."""
    return build(
        payer,
        more.pop("payer_outputs", None) or gateway.spendable_outputs(payer.address(0)),
        **{"parameters": gateway.protocol_parameters(), "slot": gateway.tip_slot(), **more},
    )


def marker_output(gateway: LocalChainGateway, address: str, transaction: str) -> SpendableOutput:
    (found,) = [
        known for known in gateway.spendable_outputs(address) if known.transaction == transaction and known.datum
    ]
    return found


def test_bootstrap_is_taken_by_the_ledger(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = build_on(gateway, wallet)
    submitted = submit_transaction(gateway, sign_transaction(transaction, [wallet]))

    on_chain = chain.transaction(submitted)
    assert on_chain is not None
    assert submitted == transaction.hash
    assert on_chain.fee == transaction.fee
    marker, change = on_chain.outputs
    assert marker.datum == datum().hex()
    assert marker.lovelace == transaction.marker_lovelace
    assert change.lovelace == transaction.change_lovelace == 100 * ADA - transaction.fee - marker.lovelace
    assert transaction.spends_era_address
    assert gateway.transaction_depth(submitted) == 0


def test_a_posted_datum_replaces_an_output_that_is_there(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    address = wallet.address(0)
    chain.fund(address, 100 * ADA)
    first = post_datum(gateway, datum(), address, wallet)
    second = post_datum(gateway, datum(65), address, wallet, replacing=f"{first.hash}#0")
    assert f"{first.hash}#0" in second.inputs
    assert [known.reference for known in gateway.spendable_outputs(address) if known.datum] == [f"{second.hash}#0"]
    with pytest.raises(TransactionError, match=f"expected {first.hash}#0, unspent") as raised:
        post_datum(gateway, datum(), address, wallet, replacing=f"{first.hash}#0")
    assert raised.value.next_step


def test_update_spends_the_previous_marker(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> None:
    """Ten updates leave one marker output at the era address, and each spends the one before."""
    chain.fund(wallet.address(0), 100 * ADA)
    address = wallet.address(0)
    previous = None
    for number in range(10):
        transaction = build_on(gateway, wallet, datum=datum(50 * number + 1, number), previous=previous)
        submitted = submit_transaction(gateway, sign_transaction(transaction, [wallet]))
        if previous is not None:
            assert previous.reference in transaction.inputs
        previous = marker_output(gateway, address, submitted)
    assert [known.datum for known in gateway.spendable_outputs(address) if known.datum] == [datum(451, 9).hex()]
    assert len(gateway.spendable_outputs(address)) == 2


def test_another_wallet_may_pay(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    """The era address belongs to one key, the fee is paid from another: both sign."""
    era_address = wallet.address(0)
    chain.fund(stranger.address(0), 100 * ADA)
    pays: dict[str, Any] = {"era_address": era_address, "change_address": stranger.address(0)}
    first = build_on(gateway, stranger, **pays)
    assert not first.spends_era_address
    submitted = submit_transaction(gateway, sign_transaction(first, [stranger]))

    second = build_on(gateway, stranger, **pays, previous=marker_output(gateway, era_address, submitted))
    assert second.spends_era_address
    assert second.required_keys == tuple(sorted([wallet.key_hash, stranger.key_hash]))
    submit_transaction(gateway, sign_transaction(second, [wallet, stranger]))
    assert len(gateway.spendable_outputs(era_address)) == 1


def test_bootstrap_proves_its_author_where_it_can(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey
) -> None:
    """A little ada at the era address is spent along, though the paying wallet alone would do."""
    chain.fund(wallet.address(0), 2 * ADA)
    chain.fund(stranger.address(0), 100 * ADA)
    outputs = [*gateway.spendable_outputs(stranger.address(0)), *gateway.spendable_outputs(wallet.address(0))]
    transaction = build_on(
        gateway, wallet, payer_outputs=outputs, change_address=stranger.address(0), slot=gateway.tip_slot()
    )
    assert transaction.spends_era_address
    submit_transaction(gateway, sign_transaction(transaction, [wallet, stranger]))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 200, 1_023, 4_000, 12_000])
def test_datum_is_on_the_chain_byte_for_byte(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, size: int
) -> None:
    chain.fund(wallet.address(0), 1_000 * ADA)
    for content in (datum(size), definite_datum(size)):
        submitted = submit_transaction(gateway, sign_transaction(build_on(gateway, wallet, datum=content), [wallet]))
        written = chain.output(submitted, 0)
        assert written is not None
        assert written.datum == content.hex()


def definite_datum(size: int) -> bytes:
    """The same datum with a list of definite length, which pycardano would write the other way."""
    content = bytes(size)
    return cbor2.dumps(cbor2.CBORTag(121, [content[start : start + 64] for start in range(0, size, 64)]))


def test_fee_is_the_least_for_the_signed_size(wallet: PaymentKey, stranger: PaymentKey) -> None:
    for payers in ([output(wallet, 50 * ADA)], [output(wallet, 2 * ADA, 1), output(stranger, 2 * ADA, 2)]):
        transaction = build(wallet, payers)
        signed = sign_transaction(transaction, [wallet, stranger])
        assert len(signed.cbor) == transaction.size
        assert transaction.fee == 44 * (transaction.size - 1) + 155_381


def test_one_lovelace_less_is_too_small_a_fee(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    cheaper = moved_lovelace(build_on(gateway, wallet), wallet, fee=-1, change=1)
    with pytest.raises(TransactionRefusedError, match="FeeTooSmallUTxO"):
        submit_transaction(gateway, sign_transaction(cheaper, [wallet]))


def moved_lovelace(
    transaction: UnsignedTransaction, wallet: PaymentKey, *, fee: int = 0, marker: int = 0, change: int = 0
) -> UnsignedTransaction:
    """The same transaction with lovelace moved between its parts."""
    body = Transaction.from_cbor(sign_transaction(transaction, [wallet]).cbor).transaction_body
    body.fee += fee
    body.outputs[0].amount.coin += marker
    body.outputs[1].amount.coin += change
    return dataclasses.replace(transaction, body=body.to_cbor())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(1, 6 * ADA) | st.integers(2**32 - 10, 2**32 + 6 * ADA), min_size=1, max_size=6),
    size=st.integers(0, 600),
    per_byte=st.sampled_from([0, 1, 44, 1_000]),
    constant=st.sampled_from([0, 65_000, 155_381]),
    coins=st.sampled_from([0, 1, 4_310]),
    updates=st.booleans(),
)
def test_what_is_built_always_balances(
    wallet: PaymentKey, amounts: list[int], size: int, per_byte: int, constant: int, coins: int, updates: bool
) -> None:
    """Whatever is there: value is conserved, fee and least amounts are met, or the funds truly do not suffice."""
    parameters = TransactionParameters(per_byte, constant, 16_384, coins)
    previous = output(wallet, 3 * ADA, 99, datum="00") if updates else None
    payers = [output(wallet, amount, number) for number, amount in enumerate(amounts)]
    total = sum(amounts) + (previous.lovelace if previous else 0)
    try:
        transaction = build(wallet, payers, datum=datum(size), parameters=parameters, previous=previous)
    except TransactionError as error:
        assert error.code == "InsufficientFunds"
        assert error.facts["held_lovelace"] == total < error.facts["needed_lovelace"]
        enough = [*payers, output(wallet, error.facts["missing_lovelace"], 98)]
        build(wallet, enough, datum=datum(size), parameters=parameters, previous=previous)
        return
    body = Transaction.from_cbor(sign_transaction(transaction, [wallet]).cbor).transaction_body
    spent = [known for known in [*payers, previous] if known and known.reference in transaction.inputs]
    assert sum(known.lovelace for known in spent) == transaction.fee + sum(made.lovelace for made in body.outputs)
    least_fee = per_byte * (transaction.size - 1) + constant
    assert least_fee <= transaction.fee <= least_fee + 4 * per_byte
    assert all(made.lovelace >= (160 + len(made.to_cbor())) * coins for made in body.outputs)
    assert previous is None or previous.reference in transaction.inputs


def test_marker_holds_the_least_ada_its_size_allows(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    """One lovelace less, and the ledger refuses the output."""
    chain.fund(wallet.address(0), 100 * ADA)
    poorer = moved_lovelace(build_on(gateway, wallet), wallet, marker=-1, change=1)
    with pytest.raises(TransactionRefusedError, match="BabbageOutputTooSmallUTxO"):
        submit_transaction(gateway, sign_transaction(poorer, [wallet]))


def test_remainder_too_small_for_change_joins_the_marker(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    chain.fund(wallet.address(0), 2_500_000)
    transaction = build_on(gateway, wallet)
    assert transaction.change_lovelace == 0
    assert transaction.marker_lovelace == 2_500_000 - transaction.fee
    submitted = submit_transaction(gateway, sign_transaction(transaction, [wallet]))
    assert [known.transaction for known in gateway.spendable_outputs(wallet.address(0))] == [submitted]


def test_tokens_datums_and_scripts_are_never_touched(wallet: PaymentKey) -> None:
    spared = [
        output(wallet, 900 * ADA, 1, assets=(("ab" * 28, 1),)),
        output(wallet, 900 * ADA, 2, datum="d87980"),
        output(wallet, 900 * ADA, 3, datum_hash="cd" * 32),
        output(wallet, 900 * ADA, 4, reference_script="ef" * 28),
    ]
    plain = output(wallet, 50 * ADA, 5)
    assert build(wallet, [*spared, plain]).inputs == (plain.reference,)
    with raising("InsufficientFunds", match="4 outputs with tokens, datums or scripts were left alone"):
        build(wallet, spared)


def test_largest_outputs_pay_first_and_the_order_given_does_not_matter(wallet: PaymentKey) -> None:
    payers = [output(wallet, amount * ADA, amount) for amount in (1, 40, 3, 2)]
    assert build(wallet, payers) == build(wallet, payers[::-1])
    assert build(wallet, payers).inputs == (payers[1].reference,)


def test_output_that_is_listed_twice_counts_once(wallet: PaymentKey) -> None:
    marker, small = output(wallet, 2 * ADA, 1, datum="d87980"), output(wallet, ADA, 2)
    assert build(wallet, [small, marker, small], previous=marker) == build(wallet, [small], previous=marker)


def test_no_funds(wallet: PaymentKey) -> None:
    with raising("InsufficientFunds", match=r"got 0\.0 ADA in 0 outputs") as caught:
        build(wallet, [])
    facts = caught.value.facts
    assert (facts["address"], facts["held_lovelace"]) == (wallet.address(0), 0)
    assert facts["missing_lovelace"] == facts["needed_lovelace"] > ADA
    assert f"Send {facts['missing_lovelace'] / ADA:.6f}".rstrip("0") in str(caught.value)


def test_an_address_of_another_is_named_beside_the_one_that_pays(wallet: PaymentKey) -> None:
    stranger = PaymentKey(bytes(range(1, 33)))
    marker = output(stranger, 1_500_000, 1, datum="d87980")
    with raising("InsufficientFunds") as caught:
        build_marker_transaction(
            datum(100),
            EraAddress(stranger.address(0)),
            Funding(wallet.address(0), ()),
            LedgerContext(PARAMETERS, 0, Slot(0)),
            previous=marker,
        )
    got = caught.value.got or ""
    assert f"0.0 ADA in 0 outputs that may be spent at {wallet.address(0)}" in got
    assert f"1.5 ADA in 1 output that may be spent at {stranger.address(0)}" in got


def test_transaction_says_what_made_it_and_where_it_belongs(wallet: PaymentKey) -> None:
    transaction = build(wallet, [output(wallet, 50 * ADA)], slot=Slot(5_000), validity_slots=300)
    body, witnesses, valid, auxiliary_data = cbor2.loads(transaction.cbor_with(b"\xa0"))
    assert body[15] == 0
    assert body[3] == 5_300 == transaction.invalid_hereafter
    assert (witnesses, valid) == ({}, True)
    assert auxiliary_data.value == {0: {674: {"msg": [f"eraswitch {__version__}"]}}}


def test_expired_transaction_is_refused(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    signed = sign_transaction(build_on(gateway, wallet, validity_slots=10), [wallet])
    chain.advance_slots(10)
    with pytest.raises(TransactionRefusedError, match="OutsideValidityIntervalUTxO"):
        submit_transaction(gateway, signed)


def test_missing_key_is_named(wallet: PaymentKey, stranger: PaymentKey) -> None:
    transaction = build(wallet, [output(wallet, 50 * ADA)])
    with pytest.raises(MissingSignatureError, match=f"no key for {wallet.key_hash}"):
        sign_transaction(transaction, [stranger])


def test_key_that_is_not_required_does_not_sign(wallet: PaymentKey, stranger: PaymentKey) -> None:
    transaction = build(wallet, [output(wallet, 50 * ADA)])
    assert sign_transaction(transaction, [wallet, stranger]) == sign_transaction(transaction, [wallet])


def test_too_large_a_datum(wallet: PaymentKey) -> None:
    with raising("TransactionTooLarge", match="expected at most 16384 bytes"):
        build(wallet, [output(wallet, 500 * ADA)], datum=datum(16_000))


SCRIPT_ADDRESS = "addr_test1wpnlxv2xv9a9ucvnvzqakwepzl9ltx7jzgm53av2e9ncv4sysemm8"


@pytest.mark.parametrize("which", ["era_address", "change_address"])
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "expected a bech32 address"),
        ("addr_test1nonsense", "expected a bech32 address"),
        ("Ae2tdPwUPEZ4YjgvykNpoFeYUxoyhNj2kg8KfKWN2FizsSpLUPv68MpTVDo", "network"),
        ("mainnet", "another network: expected network id 0, got network id 1"),
        (SCRIPT_ADDRESS, "not owned by a payment key"),
        ("stake_test1upyz3gk6mw5he20apnwfn96cn9rscgvmmsxc9r86dh0k66gswf59n", "not owned by a payment key"),
    ],
)
def test_unusable_address(wallet: PaymentKey, which: str, address: str, expected: str) -> None:
    address = wallet.address(1) if address == "mainnet" else address
    with pytest.raises(TransactionError, match=expected):
        build(wallet, [output(wallet, 50 * ADA)], **{which: address})


def test_marker_elsewhere_or_with_tokens_is_not_replaced(wallet: PaymentKey, stranger: PaymentKey) -> None:
    for previous in (
        output(stranger, 3 * ADA, 9, datum="d87980"),
        output(wallet, 3 * ADA, 9, assets=(("ab" * 28, 2),)),
        output(wallet, 3 * ADA, 9, assets=(("ab" * 28, 1), ("cd" * 28, 1))),
    ):
        with pytest.raises(TransactionError, match="marker output to replace cannot be spent"):
            build(wallet, [output(wallet, 50 * ADA)], previous=previous)


def test_spent_output_is_refused(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    signed = sign_transaction(build_on(gateway, wallet), [wallet])
    submit_transaction(gateway, signed)
    with pytest.raises(TransactionRefusedError, match="BadInputsUTxO"):
        submit_transaction(gateway, signed)


def test_other_hash_than_ours_is_an_error(wallet: PaymentKey) -> None:
    class Forgetful(LocalChainGateway):
        name = "forgetful"

        def __init__(self) -> None:
            pass

        def submit(self, cbor: bytes) -> str:
            return "00" * 32

    signed = sign_transaction(build(wallet, [output(wallet, 50 * ADA)]), [wallet])
    with pytest.raises(TransactionError, match="forgetful reported another hash for the transaction"):
        submit_transaction(Forgetful(), signed)


# --- what readers have judged


@pytest.mark.parametrize(
    ("verdict", "signed"),
    [
        (lambda verified: Accepted("", verified), True),
        (lambda verified: Superseded("", verified), True),
        (lambda verified: Unconfirmed("", verified), True),
        (lambda _: RolledBack("a lower sequence"), True),
        (lambda _: WrongNetwork("another network"), True),
        (lambda _: Unreadable("not shown"), True),
        (lambda _: WrongSigner("another key", b""), False),
        (lambda _: OtherKind("configurations", "configuration"), False),
    ],
)
def test_what_readers_refuse_for_another_reason_than_its_signature_is_signed_all_the_same(
    wallet: PaymentKey, verdict: Callable[[VerifiedMarkers], Verdict], *, signed: bool
) -> None:
    """Of what is signed, whatever became of it, a change that sweeps takes it along, and another one warns of it."""
    key = SigningKey(bytes(range(32)))
    payload = EraMarkersPayload((EraMarker("thales", Epoch(1)),)).sign(key)
    made = output(wallet, ADA, datum=encode_datum(payload.to_bytes()).hex())
    shown = DatumOutput(made.transaction, made.index, made.datum or "", made.lovelace)
    judged = ScreenedOutput(shown, verdict(payload.verify(key.verification_key)))
    thread = MarkerThread(Network.of(42), EraAddress(made.address), (key.verification_key,))
    assert signed_outputs([made], thread, ReadersView.of(None, [judged])) == ([made] if signed else [])
    assert signed_outputs([made], thread, ReadersView(None)) == [made], "nobody has judged it"
