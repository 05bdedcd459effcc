"""The thread token on the writing side: minted once, passed on by every publication, never minted again (rule T0)."""

import cbor2
import pytest
from pycardano import InvalidHereAfter, ScriptAll, ScriptPubkey, VerificationKeyHash

from chain_reader.local_chain import LocalChain
from chain_reader.thread_token import spelled, token_unit
from eras import ConfigurationError, Slot, TransactionError
from release_tools import (
    EraAddress,
    LocalChainGateway,
    PaymentKey,
    SpendableOutput,
    TransactionRefusedError,
    UnsignedTransaction,
    sign_transaction,
    submit_transaction,
)
from release_tools.transactions.balancing import witness_set
from release_tools.transactions.drafting import MarkerThread, Purse, ReadersView
from release_tools.transactions.files import CarriedTransaction
from release_tools.transactions.owners import MAX_LOCK_SLOTS, KeyScript, ThreadToken, TokenMint
from release_tools.transactions.sweeping import draft_sweep
from tests.errors import raising
from tests.release_tools.publishing import ERA_KEY
from tests.release_tools.test_transactions import ADA, build_on, datum, marker_output


@pytest.fixture
def minted(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> UnsignedTransaction:
    """The first marker, in the chain, with the token that it minted."""
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = build_on(gateway, wallet, thread_token=TokenMint())
    submit_transaction(gateway, sign_transaction(transaction, [wallet]))
    return transaction


def holders(gateway: LocalChainGateway, address: str, unit: str) -> list[SpendableOutput]:
    return [output for output in gateway.spendable_outputs(address) if unit in dict(output.assets)]


def test_the_first_marker_mints_one_token(
    gateway: LocalChainGateway, wallet: PaymentKey, minted: UnsignedTransaction
) -> None:
    assert minted.minted is not None
    assert minted.thread_token == minted.minted.unit
    (holder,) = holders(gateway, wallet.address(0), minted.minted.unit)
    assert holder.assets == ((minted.minted.unit, 1),)
    assert (holder.reference, holder.datum) == (f"{minted.hash}#0", datum().hex())
    assert minted.minted.script.lock == minted.invalid_hereafter
    assert minted.minted.script.key_hashes == (wallet.key_hash,)


def test_every_publication_passes_it_on(
    gateway: LocalChainGateway, wallet: PaymentKey, minted: UnsignedTransaction
) -> None:
    unit = minted.thread_token
    assert unit is not None
    previous = marker_output(gateway, wallet.address(0), minted.hash)
    for number in range(3):
        transaction = build_on(gateway, wallet, datum=datum(50 + number), previous=previous, thread_token=unit)
        submit_transaction(gateway, sign_transaction(transaction, [wallet]))
        assert transaction.thread_token == unit
        assert transaction.minted is None
        previous = marker_output(gateway, wallet.address(0), transaction.hash)
        assert holders(gateway, wallet.address(0), unit) == [previous]


def test_it_is_passed_on_though_nobody_configured_it(
    gateway: LocalChainGateway, wallet: PaymentKey, minted: UnsignedTransaction
) -> None:
    previous = marker_output(gateway, wallet.address(0), minted.hash)
    assert build_on(gateway, wallet, previous=previous).thread_token == minted.thread_token


def test_a_marker_without_it_can_get_one_later(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    first = build_on(gateway, wallet)
    submit_transaction(gateway, sign_transaction(first, [wallet]))
    previous = marker_output(gateway, wallet.address(0), first.hash)
    adopting = build_on(gateway, wallet, previous=previous, thread_token=TokenMint())
    submit_transaction(gateway, sign_transaction(adopting, [wallet]))
    assert adopting.thread_token is not None
    assert len(holders(gateway, wallet.address(0), adopting.thread_token)) == 1


def test_no_second_one_is_minted_beside_it(
    gateway: LocalChainGateway, wallet: PaymentKey, minted: UnsignedTransaction
) -> None:
    previous = marker_output(gateway, wallet.address(0), minted.hash)
    with raising("ThreadToken", match="A thread token exists already"):
        build_on(gateway, wallet, previous=previous, thread_token=TokenMint())


def test_after_its_slot_the_ledger_refuses_another(
    chain: LocalChain,
    gateway: LocalChainGateway,
    wallet: PaymentKey,
    minted: UnsignedTransaction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same policy again: refused once its slot is over, though the owner signs; before it, the ledger takes it."""
    assert minted.minted is not None
    again = ThreadToken(minted.minted.script)
    monkeypatch.setattr(ThreadToken, "of", classmethod(lambda *_: again))
    in_time = build_on(gateway, wallet, thread_token=TokenMint())
    submit_transaction(gateway, sign_transaction(in_time, [wallet]))
    chain.rollback(1)
    chain.advance_slots(minted.invalid_hereafter - gateway.tip_slot() + 1)
    late = build_on(gateway, wallet, thread_token=TokenMint())
    with pytest.raises(TransactionError):
        sign_transaction(late, [wallet])
    digest = bytes.fromhex(late.hash)
    body = sign_with(wallet, late, digest)
    with pytest.raises(TransactionRefusedError, match="ScriptWitnessNotValidating"):
        gateway.submit(body)


def sign_with(wallet: PaymentKey, transaction: UnsignedTransaction, digest: bytes) -> bytes:
    return transaction.cbor_with(witness_set([wallet.witness(digest)], [one.cbor for one in transaction.scripts]))


def test_it_can_be_minted_for_a_day_at_most(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = build_on(gateway, wallet, thread_token=TokenMint(), validity_slots=10 * MAX_LOCK_SLOTS)
    assert transaction.minted is not None
    assert transaction.minted.script.lock == transaction.invalid_hereafter == gateway.tip_slot() + MAX_LOCK_SLOTS


def test_a_publication_that_would_lose_it_is_not_built(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey
) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    with raising("ThreadToken", match="readers would not trust one without it"):
        build_on(gateway, wallet, thread_token="ab" * 28 + "00")


def test_a_fee_of_a_lovelace_less_is_refused(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey) -> None:
    """The fee accounts for the script and the minting, and for nothing else."""
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = build_on(gateway, wallet, thread_token=TokenMint())
    signed = sign_transaction(transaction, [wallet])
    least = gateway.protocol_parameters()
    assert transaction.size == len(signed.cbor)
    assert transaction.fee == least.min_fee_constant + least.min_fee_per_byte * (len(signed.cbor) - 1)


def test_it_travels_between_machines(gateway: LocalChainGateway, wallet: PaymentKey, chain: LocalChain) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = build_on(gateway, wallet, thread_token=TokenMint())
    built = CarriedTransaction.of(transaction, 42, gateway.spendable_outputs(wallet.address(0)))
    carried = CarriedTransaction.parse(built.to_text())
    assert carried.missing_keys == (wallet.key_hash,)
    assert carried.summary()["minted"] == {transaction.thread_token: 1}
    signed = carried.sign([wallet])
    assert signed.is_signed
    assert submit_transaction(gateway, signed.to_signed()) == transaction.hash


@pytest.mark.parametrize("change", ["two", "burnt", "open lock", "elsewhere"])
def test_what_mints_otherwise_is_not_signed(
    change: str, gateway: LocalChainGateway, wallet: PaymentKey, chain: LocalChain
) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = build_on(gateway, wallet, thread_token=TokenMint())
    built = CarriedTransaction.of(transaction, 42, gateway.spendable_outputs(wallet.address(0)))
    body, witnesses, flag, auxiliary = cbor2.loads(built.cbor)
    ((policy, names),) = body[9].items()
    ((name, _),) = names.items()
    if change == "two":
        body[9] = {policy: {name: 2}}
    elif change == "burnt":
        body[9] = {policy: {name: -1}}
    elif change == "open lock":
        body[3] += 1
    else:
        marker, back = body[1]
        body[1] = [{**marker, 1: marker[1][0]}, [back[0], [back[1], {policy: {name: 1}}]]]
    with pytest.raises(TransactionError, match="mints a thread token"):
        CarriedTransaction(cbor2.dumps([body, witnesses, flag, auxiliary]))


def test_a_sweep_carries_no_token_off(
    gateway: LocalChainGateway, wallet: PaymentKey, minted: UnsignedTransaction
) -> None:
    previous = marker_output(gateway, wallet.address(0), minted.hash)
    drafted = draft_sweep(
        gateway,
        MarkerThread(
            gateway.network(),
            EraAddress(wallet.address(0)),
            (ERA_KEY.verification_key,),
            token=minted.thread_token,
        ),
        ReadersView(
            next(output.reference for output in gateway.spendable_outputs(wallet.address(0)) if output.is_plain)
        ),
        Purse(wallet.address(0)),
    )
    assert drafted is None, f"{previous.reference} holds the token"


# --- names and scripts


def test_a_name_is_read_as_it_is_written() -> None:
    unit = "ab" * 28 + b"era-thread".hex()
    assert token_unit(spelled(unit)) == unit
    assert token_unit(f" {spelled(unit).upper()} ") == unit
    assert token_unit("ab" * 28 + ".") == "ab" * 28
    for text in ("", unit, "ab" * 27 + ".00", "ab" * 28 + ".0", "ab" * 28 + "." + "00" * 33):
        with pytest.raises(ConfigurationError, match="thread token is not usable"):
            token_unit(text)


def test_a_script_is_hashed_as_the_ledger_hashes_it() -> None:
    owner = KeyScript.of_key("0c" * 28)
    theirs = ScriptAll([ScriptPubkey(VerificationKeyHash(b"\x0c" * 28)), InvalidHereAfter(7_200)])
    assert owner.before(Slot(7_200)).hash == theirs.hash().payload.hex()
