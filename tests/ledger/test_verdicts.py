"""The local chain and a real ledger judge the same transactions alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_reader.local_chain import Genesis, LedgerRefusedError, LocalChain
from chain_reader.local_chain.ledger.errors import RULES
from tests.ledger import script_cases
from tests.ledger.cases import Case
from tests.ledger.judge import ScalusLedger
from tests.ledger.table import CASES
from tests.ledger.wallet import SLOT, Wallet

BY_NAME = [pytest.param(case, id=case.name) for case in CASES]


@pytest.fixture(scope="module")
def funded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalChain, Wallet]]:
    path: Path = tmp_path_factory.mktemp("ledger") / "chain.sqlite3"
    with LocalChain.create(path, genesis=Genesis(system_start_s=1_700_000_000)) as chain:
        chain.advance_slots(SLOT)
        yield chain, Wallet.funded(chain)


@pytest.mark.parametrize("case", BY_NAME)
def test_the_local_chain_names_the_rule(case: Case, funded: tuple[LocalChain, Wallet]) -> None:
    chain, wallet = funded
    height = chain.tip().height
    *before, judged = case.transactions(wallet)
    try:
        for transaction in before:
            chain.submit(transaction)
        tip = chain.tip()
        if case.rule is None:
            transaction_hash = chain.submit(judged)
            assert chain.tip().transactions == (transaction_hash,)
            found = chain.transaction(transaction_hash)
            assert found is not None
            assert found.cbor == judged.hex()
        else:
            with pytest.raises(LedgerRefusedError) as refusal:
                chain.submit(judged)
            assert refusal.value.rule == case.rule
            assert case.rule in str(refusal.value)
            assert chain.tip() == tip, "a refused transaction changes nothing"
    finally:
        if chain.tip().height > height:
            chain.rollback(chain.tip().height - height)


@pytest.mark.parametrize("case", BY_NAME)
def test_scalus_agrees(case: Case, funded: tuple[LocalChain, Wallet]) -> None:
    chain, wallet = funded
    ledger = ScalusLedger(wallet.outputs.values(), chain.current_slot())
    *before, judged = case.transactions(wallet)
    for transaction in before:
        assert ledger.submit(transaction).accepted
    verdict = ledger.submit(judged)
    if case.scalus is None:
        assert verdict.accepted, verdict.error
    else:
        assert not verdict.accepted
        assert case.scalus in (verdict.error or "")


def test_the_table() -> None:
    agreeing = [case for case in CASES if (case.rule is None) == (case.scalus is None)]
    accepted = [case for case in agreeing if case.rule is None]
    assert len(agreeing) >= 40
    assert len(accepted) >= 20
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert case in agreeing or case.why, f"{case.name}: the verdicts differ, and the table does not say why"
    assert len(set(script_cases.CASES).intersection(agreeing)) >= 40
    assert {case.rule for case in CASES} == {None, *RULES}, "every rule has a case"
