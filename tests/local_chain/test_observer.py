"""The observer of a local chain: it knows everything that the port can ask."""

from pathlib import Path

import pytest

from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.ports import ChainObserver, ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.local import LocalObserver
from eras import ChainReadError, Epoch, Slot, StoreError
from tests.ledger.wallet import ADA, KEY, OTHER, OTHER_KEY, OWN, Wallet, output

ADDRESS = OWN.encode()


def test_it_is_an_observer(chain: LocalChain) -> None:
    observer = LocalObserver(chain)
    assert isinstance(observer, ChainObserver)
    assert observer.capabilities == ObserverCapabilities(
        order=True, slots=True, inputs=True, history=True, blocks=True, tokens=True
    )
    assert observer.name == f"local chain {chain.path}"


def test_tip_and_epoch(chain: LocalChain) -> None:
    block = chain.advance_to_epoch(4)
    observer = LocalObserver(chain)
    assert observer.tip() == ChainTip(slot=Slot(400), height=1, block_hash=block.hash, epoch=Epoch(4))
    assert observer.epoch() == 4


def test_datums_and_history_newest_first(chain: LocalChain) -> None:
    old, plain, new = chain.place(
        [FaucetOutput(ADDRESS, ADA, datum="01"), FaucetOutput(ADDRESS, ADA), FaucetOutput(ADDRESS, 2 * ADA, datum="02")]
    )
    wallet = Wallet({"old": chain.fund(ADDRESS, 3 * ADA)})
    spent = chain.submit(wallet.pay(spend=("old",), first=output(..., datum=b"\x03")))
    observer = LocalObserver(chain)
    made = DatumOutput(spent, 0, "03", 2 * ADA, slot=Slot(0), height=3, spent=False)
    assert observer.datums(ADDRESS) == (
        made,
        DatumOutput(new.transaction, 2, "02", 2 * ADA, slot=Slot(0), height=1, spent=False),
        DatumOutput(old.transaction, 0, "01", ADA, slot=Slot(0), height=1, spent=False),
    )
    assert plain.transaction not in [found.reference for found in observer.datums(ADDRESS)]
    chain.submit(Wallet({"made": chain.output(spent, 0)}).pay(spend=("made",), fee=ADA))  # type: ignore[dict-item]
    assert [found.datum for found in observer.datums(ADDRESS)] == ["02", "01"]
    assert [(found.datum, found.spent) for found in observer.history(ADDRESS)] == [
        ("03", True),
        ("02", False),
        ("01", False),
    ]
    assert observer.datums("addr_test1unknown") == observer.history("addr_test1unknown") == ()


def test_input_addresses(chain: LocalChain, wallet: Wallet) -> None:
    spent = chain.submit(wallet.pay(spend=("other", "funds"), keys=(KEY, OTHER_KEY), body={18: [wallet.ref("script")]}))
    assert LocalObserver(chain).input_addresses(spent) == (OTHER.encode(), ADDRESS)
    assert LocalObserver(chain).input_addresses(wallet.outputs["funds"].transaction) == ()
    with pytest.raises(ChainReadError, match="has no transaction 0000"):
        LocalObserver(chain).input_addresses("0" * 64)


def test_closing(chain: LocalChain) -> None:
    LocalObserver(chain).close()
    assert chain.tip()
    observer = LocalObserver.open(chain.path)
    assert observer.tip().height == 0
    observer.close()
    observer.close()
    for ask in (observer.tip, observer.epoch, lambda: observer.datums("x"), lambda: observer.input_addresses("x")):
        with pytest.raises(ChainReadError, match="could not be read"):
            ask()


def test_a_missing_chain(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        LocalObserver.open(tmp_path / "missing.sqlite3")
