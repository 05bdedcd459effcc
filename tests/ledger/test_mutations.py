"""Randomly damaged transactions: the local chain answers each in words, and takes none that a real ledger refuses."""

import random
from collections import Counter
from collections.abc import Iterator

import cbor2
import pytest
from cbor2 import CBORTag

from chain_reader.local_chain import LedgerRefusedError, LocalChain
from chain_reader.local_chain.ledger.cbor import CborError, read_cbor
from tests.ledger.judge import ScalusLedger
from tests.ledger.script_cases import mint
from tests.ledger.wallet import (
    ADA,
    END,
    HASH,
    NETWORK,
    POLICY,
    READ,
    SCRIPTS,
    SIGNERS,
    SLOT,
    START,
    Wallet,
    assemble,
    output,
)

COUNT = 1_000


@pytest.fixture(scope="module")
def funded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalChain, Wallet]]:
    with LocalChain.create(tmp_path_factory.mktemp("mutations") / "chain.sqlite3") as chain:
        chain.advance_slots(SLOT)
        yield chain, Wallet.funded(chain)


def sound(wallet: Wallet) -> tuple[bytes, bytes, bytes]:
    """Transactions with much in them: one with most fields, one that moves tokens, and one that mints some."""
    rich = wallet.pay(
        first=output(..., datum=cbor2.dumps(CBORTag(121, [b"a" * 64, b"bc"]))),
        body={START: 1, END: 100, NETWORK: 0, SIGNERS: [HASH], READ: [wallet.ref("more")]},
        auxiliary={1: "text"},
    )
    assets = {POLICY: {b"": 7, b"aa": 5}}
    tokens = wallet.pay(spend=("tokens",), first=[output(...)[0], [..., assets]], then=(output(2 * ADA),))
    return rich, tokens, mint(wallet, SCRIPTS["lock"], body={END: SLOT + 10}, then=(output(2 * ADA),))


def damaged(transactions: tuple[bytes, bytes, bytes], seed: int) -> bytes:
    """One of them with a byte or two changed, lost or added, and signed anew where it still can be."""
    chance = random.Random(seed)
    chosen = chance.choice(transactions)
    data = bytearray(chosen)
    for _ in range(chance.choice([1, 1, 2])):
        at = chance.randrange(len(data) - 110)
        match chance.randrange(3):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at]
            case _:
                data.insert(at, chance.randrange(256))
    try:
        parts = read_cbor(bytes(data)).items
        scripts = {1: [SCRIPTS["lock"]]} if chosen == transactions[2] else None
        return assemble(parts[0].raw, scripts=scripts, valid=parts[2].number == 21, auxiliary=parts[3].raw)
    except (CborError, IndexError):
        return bytes(data)


def test_damaged_transactions(funded: tuple[LocalChain, Wallet]) -> None:
    chain, wallet = funded
    height = chain.tip().height
    outcomes: Counter[str | None] = Counter()
    ledger = ScalusLedger(wallet.outputs.values(), SLOT)
    transactions = sound(wallet)
    for seed in range(COUNT):
        data = damaged(transactions, seed)
        rule = None
        try:
            chain.submit(data)
            chain.rollback(1)
        except LedgerRefusedError as error:
            rule = error.rule
        outcomes[rule] += 1
        verdict = ledger.submit(data)
        assert verdict.accepted == (rule is None), f"seed {seed}: {rule}, and Scalus: {verdict.error}"
        if verdict.accepted:  # which changed that ledger
            ledger = ScalusLedger(wallet.outputs.values(), SLOT)
    assert chain.tip().height == height
    assert outcomes["DecodingFailure"] > COUNT / 2
    assert outcomes[None] > 0
    assert len(outcomes) > 5
