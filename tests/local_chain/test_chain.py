"""What a local chain says of its blocks, transactions and outputs, and how commands change it."""

import hashlib
import itertools
import sqlite3
import time
from pathlib import Path

import pytest

from chain_reader.local_chain import FaucetOutput, LocalChain
from tests.errors import raising
from tests.ledger.wallet import ADA, END, OTHER, OWN, POLICY, READ, SCRIPT, START, Wallet, output
from tests.local_chain.conftest import GENESIS

ADDRESS, OTHER_ADDRESS = OWN.encode(), OTHER.encode()


def content(path: Path) -> list[str]:
    """Everything in the file but the count of forks."""
    db = sqlite3.connect(path)
    lines = [line for line in db.iterdump() if 'INTO "chain"' not in line]
    db.close()
    return lines


def test_the_genesis_block(chain: LocalChain) -> None:
    tip = chain.tip()
    assert (tip.height, tip.slot, tip.epoch, tip.previous, tip.transactions) == (0, 0, 0, None, ())
    assert tip.time_s == GENESIS.system_start_s
    assert chain.block(0) == chain.block(tip.hash) == tip


def test_blocks_are_linked_and_found(chain: LocalChain, wallet: Wallet) -> None:
    chain.advance_slots(3)
    chain.submit(wallet.pay())
    blocks = [chain.block(height) for height in range(4)]
    for before, after in itertools.pairwise(blocks):
        assert before is not None
        assert after is not None
        assert after.previous == before.hash
        assert chain.block(after.hash) == after
    assert len({block.hash for block in blocks if block}) == 4
    assert all(len(block.hash) == 64 for block in blocks if block)
    assert blocks[3] == chain.tip()
    assert chain.block(4) is None
    assert chain.block(-1) is None
    assert chain.block(2**70) is None
    assert chain.block("0" * 64) is None


def test_slots_and_epochs_move_by_command(chain: LocalChain) -> None:
    assert chain.advance_slots(99).epoch == 0
    assert chain.advance_slots(1).epoch == 1
    block = chain.advance_to_epoch(7)
    assert (block.slot, block.epoch, block.height) == (700, 7, 3)
    assert block.time_s == GENESIS.system_start_s + 700
    assert (chain.current_slot(), chain.epoch()) == (700, 7)
    assert (chain.epoch_of(799), chain.epoch_of(800)) == (7, 8)
    assert chain.slot_time_s(800) == GENESIS.system_start_s + 800.0


@pytest.mark.parametrize("slots", [0, -1, 2**63])
def test_slots_that_cannot_be_advanced(chain: LocalChain, slots: int) -> None:
    with raising("LocalChainRequest", match="expected a slot after 0"):
        chain.advance_slots(slots)
    assert chain.tip().height == 0


@pytest.mark.parametrize("epoch", [0, 2, 2**64 - 1])
def test_epochs_that_cannot_be_advanced_to(chain: LocalChain, epoch: int) -> None:
    tip = chain.advance_to_epoch(2)
    with raising("LocalChainRequest", match=rf"after 200 \(epoch 2\).*got slot .* \(epoch {epoch}\)"):
        chain.advance_to_epoch(epoch)
    assert chain.tip() == tip


def test_funds(chain: LocalChain) -> None:
    chain.advance_slots(5)
    funded = chain.fund(ADDRESS, 5 * ADA)
    assert (funded.address, funded.lovelace, funded.index, funded.slot) == (ADDRESS, 5 * ADA, 0, 5)
    assert (funded.block_hash, funded.block_height) == (chain.tip().hash, 2)
    assert chain.utxos(ADDRESS) == (funded,)
    assert chain.output(funded.transaction, 0) == funded
    again = chain.fund(ADDRESS, 5 * ADA)
    assert again.transaction != funded.transaction
    made = chain.transaction(funded.transaction)
    assert made is not None
    assert (made.inputs, made.outputs, made.fee, made.index) == ((), (funded,), 0, 0)
    assert made.size == len(made.cbor) // 2 - 1


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (FaucetOutput("", ADA), "this address: expected a Shelley payment address"),
        (FaucetOutput("addr_test1junk", ADA), "this address"),
        (FaucetOutput(ADDRESS[:-1] + "x", ADA), "this address"),
        (FaucetOutput(OWN.to_primitive().hex(), ADA), "this address"),
        (FaucetOutput("stake_test1uqfu74w3wh4gfzu8m6e7j987h4lq9r3t7ef5gaw497uu85qsqfy27", ADA), "is a stake address"),
        (FaucetOutput("addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8", ADA), "one of network id 0"),
        (FaucetOutput("Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi", ADA), "is a Byron address"),
        (FaucetOutput(ADDRESS, 0), "at least 1 lovelace, got 0"),
        (FaucetOutput(ADDRESS, -1), "at least 1 lovelace"),
        (FaucetOutput(ADDRESS, True), "at least 1 lovelace, got True"),
        (FaucetOutput(ADDRESS, 45_000_000_000_000_001), "at most 45000000000000000 lovelace"),
        (FaucetOutput(ADDRESS, 2**70), "at most 45000000000000000 lovelace"),
        (FaucetOutput(ADDRESS, ADA, (("xy", 1),)), "this asset"),
        (FaucetOutput(ADDRESS, ADA, (("ab" * 27, 1),)), "this asset"),
        (FaucetOutput(ADDRESS, ADA, (("ab" * 28, 0),)), "this asset"),
        (FaucetOutput(ADDRESS, ADA, datum="xy"), "this datum"),
        (FaucetOutput(ADDRESS, ADA, datum="8201"), "this datum"),
        (FaucetOutput(ADDRESS, ADA, datum="5841" + "00" * 65), "longer than 64 bytes"),
    ],
)
def test_funds_that_cannot_be(chain: LocalChain, wanted: FaucetOutput, complaint: str) -> None:
    with raising("LocalChainRequest", match=complaint):
        chain.place([FaucetOutput(ADDRESS, ADA), wanted])
    assert chain.tip().height == 0


def test_nothing_to_place(chain: LocalChain) -> None:
    with raising("LocalChainRequest", match="at least one"):
        chain.place([])


def test_there_is_no_more_lovelace_than_the_supply(chain: LocalChain) -> None:
    chain.fund(ADDRESS, 44_000_000_000_000_000)
    with raising("LocalChainRequest", match="at most 1000000000000000 lovelace"):
        chain.fund(ADDRESS, 1_000_000_000_000_001)
    assert chain.fund(ADDRESS, 1_000_000_000_000_000)


def test_outputs_of_every_kind_are_placed(chain: LocalChain) -> None:
    assets = ((POLICY.hex(), 2), (POLICY.hex() + "00ff", 2**63 - 1))
    wanted = [FaucetOutput(ADDRESS, ADA, assets), FaucetOutput(SCRIPT.encode(), ADA, datum="d8799f4161ff")]
    placed = chain.place(wanted)
    assert [(made.address, made.lovelace, made.assets, made.datum) for made in placed] == [
        (ADDRESS, ADA, assets, None),
        (SCRIPT.encode(), ADA, (), "d8799f4161ff"),
    ]
    assert chain.tip().transactions == (placed[0].transaction,)


def test_a_transaction_on_the_chain(chain: LocalChain, wallet: Wallet) -> None:
    chain.advance_slots(50)
    data = wallet.pay(
        spend=("more", "funds"),
        first=output(..., to=OTHER),
        then=(output(2 * ADA, datum=b"\x01"), output(2 * ADA, option=[0, b"\x02" * 32])),
        body={READ: [wallet.ref("datum")], START: 1, END: 2**64 - 1},
    )
    found = chain.transaction(chain.submit(data))
    assert found is not None
    assert found.block == chain.tip()
    assert found.block.transactions == (found.hash,)
    assert found.block.slot == 50
    assert [made.lovelace for made in found.inputs] == [50 * ADA, 100 * ADA], "in the order of the body"
    assert [made.spent_by for made in found.inputs] == [found.hash] * 2
    assert [made.lovelace for made in found.reference_inputs] == [30 * ADA]
    assert found.reference_inputs[0].spent_by is None
    assert [made.address for made in found.outputs] == [OTHER_ADDRESS, ADDRESS, ADDRESS]
    assert [made.lovelace for made in found.outputs] == [145 * ADA, 2 * ADA, 2 * ADA]
    assert [made.datum for made in found.outputs] == [None, "01", None]
    assert [made.datum_hash for made in found.outputs] == [None, None, "02" * 32]
    assert [made.index for made in found.outputs] == [0, 1, 2]
    assert (found.fee, found.size, found.cbor) == (ADA, len(data) - 1, data.hex())
    assert (found.invalid_before, found.invalid_hereafter) == (1, 2**64 - 1)
    assert chain.transaction("0" * 64) is None
    assert chain.output(found.hash, 3) is None
    assert chain.output(found.hash, 2**70) is None


def test_the_hash_is_of_the_bytes_as_they_were_sent(chain: LocalChain, wallet: Wallet) -> None:
    from chain_reader.local_chain.ledger.cbor import read_cbor
    from tests.ledger.cases import by_hand

    data = by_hand(wallet, "a3 02 1b00000000000f4240 01 9f 82{address}{paid} ff 00 9f{input}ff")
    body = read_cbor(data).items[0].raw
    assert chain.submit(data) == hashlib.blake2b(body, digest_size=32).hexdigest()


def test_an_address_has_the_transactions_that_touch_it(chain: LocalChain, wallet: Wallet) -> None:
    paid = chain.submit(wallet.pay(first=output(..., to=OTHER)))
    placed = wallet.outputs["funds"].transaction
    assert [found.hash for found in chain.transactions(ADDRESS)] == [placed, paid]
    assert [found.hash for found in chain.transactions(ADDRESS, newest_first=True)] == [paid, placed]
    assert [found.hash for found in chain.transactions(OTHER_ADDRESS)] == [placed, paid]
    assert [found.hash for found in chain.transactions(ADDRESS, offset=1)] == [paid]
    assert [found.hash for found in chain.transactions(ADDRESS, limit=1)] == [placed]
    assert chain.transactions(SCRIPT.encode(), newest_first=True, limit=5)[0].hash == placed
    assert chain.transactions("addr_test1unknown") == ()


def test_pages_of_outputs(chain: LocalChain) -> None:
    first = chain.place([FaucetOutput(ADDRESS, n) for n in range(1, 6)])
    second = chain.fund(ADDRESS, 6)
    everything = (*first, second)
    assert chain.utxos(ADDRESS) == chain.outputs(ADDRESS) == everything
    assert chain.utxos(ADDRESS, newest_first=True) == everything[::-1]
    assert chain.utxos(ADDRESS, offset=1, limit=2) == everything[1:3]
    assert chain.utxos(ADDRESS, newest_first=True, offset=4, limit=10) == everything[1::-1]
    assert chain.utxos(ADDRESS, offset=6) == ()
    assert chain.utxos(ADDRESS, limit=0) == ()


def test_spent_outputs_are_remembered(chain: LocalChain, wallet: Wallet) -> None:
    spender = chain.submit(wallet.pay())
    unspent = {(made.transaction, made.index) for made in chain.utxos(ADDRESS)}
    ever = {(made.transaction, made.index): made.spent_by for made in chain.outputs(ADDRESS)}
    spent = (wallet.outputs["funds"].transaction, wallet.outputs["funds"].index)
    assert ever.keys() - unspent == {spent}
    assert ever[spent] == spender
    assert (spender, 0) in unspent


def test_many_outputs_at_an_address_are_cheap(chain: LocalChain) -> None:
    chain.place([FaucetOutput(ADDRESS, n) for n in range(1, 20_001)])
    assert [made.lovelace for made in chain.utxos(ADDRESS, offset=19_990)] == list(range(19_991, 20_001))
    start_s = time.perf_counter()
    assert len(chain.utxos(ADDRESS)) == 20_000
    whole_s = time.perf_counter() - start_s
    for newest_first, offset in [(True, 0), (False, 0), (True, 15_000)]:
        times_s = []
        for _ in range(5):
            start_s = time.perf_counter()
            assert len(chain.utxos(ADDRESS, newest_first=newest_first, offset=offset, limit=100)) == 100
            times_s.append(time.perf_counter() - start_s)
        assert min(times_s) < whole_s / 5, "a page costs a page, not the whole address"


def test_rollback(chain: LocalChain, wallet: Wallet, path: Path) -> None:
    chain.advance_slots(5)
    before, tip = content(path), chain.tip()
    spent = chain.submit(wallet.pay(first=output(..., to=OTHER)))
    chain.submit(wallet.pay(spend=("more",), body={READ: [[bytes.fromhex(spent), 0]]}))
    chain.advance_to_epoch(9)
    chain.fund(ADDRESS, ADA)
    assert content(path) != before
    assert chain.rollback(4) == tip == chain.tip()
    assert content(path) == before
    assert (chain.current_slot(), chain.epoch()) == (5, 0)
    assert chain.transaction(spent) is None
    assert chain.output(spent, 0) is None


def test_what_was_rolled_back_can_come_again_in_another_block(chain: LocalChain, wallet: Wallet) -> None:
    transaction = chain.submit(wallet.pay())
    lost = chain.tip()
    chain.rollback(1)
    assert chain.submit(wallet.pay()) == transaction
    assert (chain.tip().slot, chain.tip().transactions) == (lost.slot, lost.transactions)
    assert chain.tip().hash != lost.hash


@pytest.mark.parametrize("blocks", [0, -1, 3, 2**70])
def test_a_rollback_beyond_genesis(chain: LocalChain, blocks: int) -> None:
    chain.advance_slots(1)
    tip = chain.advance_slots(1)
    with raising("LocalChainRequest", match=f"expected 1 to 2 blocks, got {blocks}"):
        chain.rollback(blocks)
    assert chain.tip() == tip
    assert chain.rollback(2).height == 0
    with raising("LocalChainRequest", match="expected a chain with a block above genesis"):
        chain.rollback(1)
