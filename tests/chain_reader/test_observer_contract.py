"""What every chain observer does, whatever it reads through."""

import pytest
from pycardano import TransactionInput

from chain_reader import (
    AgreementObserver,
    BlockfrostObserver,
    ChainObserver,
    ChainTip,
    DatumOutput,
    ObserverCapabilities,
    ReadLimitExceededError,
    ReadLimits,
    UnexpectedAnswerError,
)
from chain_reader.local_chain import FaucetOutput, Output
from chain_reader.ports import LocatingObserver, PagedObserver, read_datums
from eras import ChainReadError, Epoch
from tests.chain_reader.conftest import ADA, Network
from tests.local_chain_faces.wallet import Wallet


def facts(output: DatumOutput) -> tuple[str, str, int]:
    return output.reference, output.datum, output.lovelace


def placed(output: Output) -> tuple[str, str | None, int]:
    return f"{output.transaction}#{output.index}", output.datum, output.lovelace


def test_it_is_a_chain_observer(observer: ChainObserver):
    assert isinstance(observer, ChainObserver)
    assert observer.name
    assert isinstance(observer.capabilities, ObserverCapabilities)


def test_epoch_and_tip_follow_the_chain(observer: ChainObserver, network: Network):
    assert observer.epoch() == Epoch(5)
    network.chain.advance_to_epoch(7)
    assert observer.epoch() == Epoch(7)
    block = network.chain.tip()
    tip = observer.tip()
    assert (tip.slot, tip.height, tip.block_hash, tip.epoch) == (block.slot, block.height, block.hash, Epoch(7))


def test_an_address_never_used_has_no_datums(observer: ChainObserver):
    assert observer.datums(Wallet.new().address) == ()


def test_datums_are_those_of_unspent_outputs_with_an_inline_datum(observer: ChainObserver, network: Network):
    spent = network.publish({"thales": 1})
    network.spend(spent)
    network.chain.place([FaucetOutput(network.address, 2 * ADA)])  # without a datum
    network.chain.place([FaucetOutput(Wallet.new().address, 2 * ADA, datum="d87980")])  # elsewhere
    kept = [network.post_datum("182a"), network.publish({"thales": 1, "pythagoras": 9}), network.post_datum("d87980")]
    found = observer.datums(network.address)
    assert {facts(output) for output in found} == {placed(output) for output in kept}
    if observer.capabilities.order:
        assert [output.reference for output in found] == [placed(output)[0] for output in reversed(kept)]
    if observer.capabilities.slots:
        assert [output.slot for output in found] == [output.slot for output in reversed(kept)]


def test_two_outputs_of_one_transaction_are_told_apart(observer: ChainObserver, network: Network):
    both = network.chain.place([FaucetOutput(network.address, 2 * ADA, datum=datum) for datum in ("01", "02")])
    found = observer.datums(network.address)
    assert {facts(output) for output in found} == {placed(output) for output in both}
    if observer.capabilities.order:
        assert [output.index for output in found] == [1, 0]
    if observer.capabilities.history:
        assert [output.index for output in observer.history(network.address)] == [1, 0]


def test_an_address_with_more_outputs_than_a_page_is_read_whole(observer: ChainObserver, network: Network):
    for _ in range(3):
        network.chain.place([FaucetOutput(network.address, 2 * ADA, datum="d87980")] * 90)
    last = network.post_datum("182a")
    found = observer.datums(network.address)
    assert len({output.reference for output in found}) == len(found) == 271
    if observer.capabilities.order:
        assert found[0].reference == placed(last)[0]


def test_a_rollback_takes_outputs_away(observer: ChainObserver, network: Network):
    first = network.post_datum("01")
    network.post_datum("02")
    network.chain.rollback(1)
    assert [output.reference for output in observer.datums(network.address)] == [placed(first)[0]]


def test_only_spent_inputs_count_as_inputs(observer: ChainObserver, network: Network):
    stranger = Wallet.new()
    money = network.chain.fund(stranger.address, 50 * ADA)
    marker = network.publish({"thales": 1})
    copied = network.chain.submit(
        stranger.pay(
            money,
            network.address,
            5 * ADA,
            datum=marker.datum,
            reference_inputs=[TransactionInput.from_primitive([marker.transaction, marker.index])],
        )
    )
    if not observer.capabilities.inputs:
        with pytest.raises(ChainReadError, match="cannot be read"):
            observer.input_addresses(copied)
        return
    assert observer.input_addresses(copied) == (stranger.address,)
    assert observer.input_addresses(marker.transaction) == (network.address,)


def test_reading_may_stop_where_the_answer_is_settled(observer: ChainObserver, network: Network):
    network.chain.place([FaucetOutput(network.address, 2 * ADA, datum="d87980")] * 90)
    marker = placed(network.publish({"thales": 1}))[0]
    network.chain.place([FaucetOutput(network.address, 2 * ADA, datum="d87980")] * 150)
    everything = observer.datums(network.address)
    assert read_datums(observer, network.address, lambda _: False) == everything
    found = read_datums(observer, network.address, lambda page: any(output.reference == marker for output in page))
    assert marker in [output.reference for output in found]
    if isinstance(observer, PagedObserver):
        assert found == everything[: len(found)]
        assert len(found) < len(everything)
    else:
        assert found == everything


def test_the_block_of_a_transaction_is_told_where_declared(observer: ChainObserver, network: Network):
    if not observer.capabilities.blocks:
        assert not isinstance(observer, LocatingObserver) or isinstance(observer, AgreementObserver)
        return
    assert isinstance(observer, LocatingObserver)
    marker = network.publish({"thales": 1})
    network.chain.advance_to_epoch(7)
    made = network.chain.transaction(marker.transaction)
    assert made is not None
    block = made.block
    assert observer.block_of(marker.transaction) == ChainTip(block.slot, block.height, block.hash, Epoch(5))
    assert observer.block_of("ab" * 32) is None
    network.chain.rollback(2)
    assert observer.block_of(marker.transaction) is None


def test_an_unknown_transaction_has_no_inputs_to_tell(observer: ChainObserver):
    with pytest.raises(ChainReadError):
        observer.input_addresses("ab" * 32)


def test_history_is_all_that_ever_was_newest_first(observer: ChainObserver, network: Network):
    if not observer.capabilities.history:
        with pytest.raises(ChainReadError, match="cannot be read"):
            observer.history(network.address)
        return
    first = network.publish({"thales": 1})
    second = network.post_datum("182a")
    network.spend(first)
    third = network.publish({"thales": 1, "pythagoras": 9})
    network.chain.place([FaucetOutput(network.address, 2 * ADA)])
    found = observer.history(network.address)
    assert [facts(output) for output in found] == [placed(output) for output in (third, second, first)]
    # the bytes of a transaction, by which Blockfrost's history is read, do not show who spent what it made
    spent = [None] * 3 if isinstance(observer, BlockfrostObserver) else [False, False, True]
    assert [output.spent for output in found] == spent
    for output, known in zip(found, (third, second, first), strict=True):
        assert output.height in (known.block_height, None)
        assert output.slot in (known.slot, None)
        # one has heights or slots, which order alike; those who agree may have no such measure in common
        placeless = output.height is None and output.slot is None
        assert placeless == (observer.name.startswith("2 of 2 (kupo"))


def test_history_need_not_be_asked_for_what_is_known(observer: ChainObserver, network: Network):
    if not isinstance(observer, BlockfrostObserver):
        return
    first = network.publish({"thales": 1})
    network.spend(first)
    network.chain.place([FaucetOutput(network.address, 2 * ADA, datum=datum) for datum in ("01", "02")])
    network.publish({"thales": 1, "pythagoras": 9})
    history = observer.history(network.address)
    known: dict[str, list[DatumOutput]] = {}
    for output in observer.datums(network.address):
        known.setdefault(output.transaction, []).append(output)
    unspent = set(known)
    few = BlockfrostObserver(
        f"{observer.name.removeprefix('blockfrost ')}/api/v0", limits=ReadLimits(max_transactions=3)
    )
    beside = few.history_beside(network.address, known)  # asks for the funds, the first marker, and its spending
    assert [(facts(output), output.height) for output in beside] == [
        (facts(output), output.height) for output in history
    ]
    assert [output.spent for output in beside] == [
        False if output.transaction in unspent else None for output in beside
    ]
    with pytest.raises(ReadLimitExceededError):
        few.history(network.address)
    few.close()


def test_the_history_of_an_address_never_used_is_empty(observer: ChainObserver):
    if observer.capabilities.history:
        assert observer.history(Wallet.new().address) == ()


@pytest.mark.parametrize("observer", ["blockfrost"], indirect=True)
@pytest.mark.parametrize("address", ["", "no address", "addr_test1/../../epochs/latest?x=", "addr_test1qqqqqqqqqq"])
def test_what_is_no_address_is_refused_and_not_taken_for_unused(observer: ChainObserver, address: str):
    with pytest.raises(ChainReadError) as caught:
        observer.datums(address)
    assert not isinstance(caught.value, UnexpectedAnswerError)
    assert observer.name in str(caught.value)


def test_closing_twice_is_fine(observer: ChainObserver):
    observer.close()
    observer.close()
