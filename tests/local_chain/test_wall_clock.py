"""A chain that the clock moves: slots pass, empty blocks come, and commands still lead ahead of the clock."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from chain_reader.local_chain import LedgerRefusedError, LocalChain
from tests.ledger.wallet import END, OWN, START, Wallet
from tests.local_chain.conftest import GENESIS

BEGIN_S = float(GENESIS.system_start_s)


class Clock:
    def __init__(self) -> None:
        self.now_s = BEGIN_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(path: Path, clock: Clock) -> Iterator[LocalChain]:
    genesis = replace(GENESIS, clock_mode="wall", slot_length_s=0.5, active_slots_coeff=Fraction(1, 20))
    with LocalChain.create(path, genesis=genesis, clock=clock) as chain:
        yield chain


def test_slots_pass(chain: LocalChain, clock: Clock) -> None:
    assert chain.current_slot() == 0
    clock.now_s += 4.9
    assert chain.current_slot() == 9
    assert chain.tip().height == 0


def test_blocks_come_at_their_interval(chain: LocalChain, clock: Clock) -> None:
    clock.now_s += 22.6  # slot 45
    assert (chain.tip().height, chain.tip().slot) == (2, 40)
    assert chain.tip() == chain.tip()
    first = chain.block(1)
    assert first is not None
    assert (first.slot, first.time_s) == (20, GENESIS.system_start_s + 10)
    clock.now_s = BEGIN_S + 50
    assert (chain.tip().slot, chain.epoch()) == (100, 1)


def test_a_snapshot_begins_with_the_blocks_that_are_due(chain: LocalChain, clock: Clock) -> None:
    clock.now_s += 10
    with chain.snapshot():
        assert chain.tip().slot == 20
        clock.now_s += 10
        assert chain.tip().slot == 20
    assert chain.tip().slot == 40


def test_a_long_sleep_brings_no_more_than_the_newest_blocks(path: Path, clock: Clock) -> None:
    genesis = replace(GENESIS, clock_mode="wall", security_param=10)
    with LocalChain.create(path, genesis=genesis, clock=clock) as chain:
        clock.now_s += 1_000_000
        assert (chain.tip().height, chain.tip().slot) == (10, 1_000_000)


def test_transactions_are_judged_at_the_clocks_slot(chain: LocalChain, clock: Clock) -> None:
    wallet = Wallet.funded(chain)
    early, late = wallet.pay(body={START: 30}), wallet.pay(body={END: 30})
    with pytest.raises(LedgerRefusedError, match="OutsideValidityInterval"):
        chain.submit(early)
    clock.now_s += 15
    with pytest.raises(LedgerRefusedError, match="OutsideValidityInterval"):
        chain.submit(late)
    chain.submit(early)
    assert (chain.tip().slot, chain.tip().height) == (30, 3), "genesis, funds, an empty block at 20, the transaction"


def test_a_command_leads_ahead_of_the_clock(chain: LocalChain, clock: Clock) -> None:
    clock.now_s += 2
    assert chain.advance_to_epoch(3).slot == 300
    assert chain.current_slot() == 300
    clock.now_s += 1
    assert chain.current_slot() == 302
    with LocalChain.open(chain.path, clock=clock) as again:
        assert again.current_slot() == 302
    assert chain.advance_slots(5).slot == 307


def test_the_slot_never_goes_back_with_the_clock(chain: LocalChain, clock: Clock) -> None:
    clock.now_s += 20
    tip = chain.tip()
    clock.now_s -= 1_000
    assert chain.current_slot() == tip.slot == 40
    chain.fund(OWN.encode(), 1)
    assert chain.tip().slot == 40


def test_after_a_rollback_other_blocks_come(chain: LocalChain, clock: Clock) -> None:
    clock.now_s += 20
    lost = chain.tip()
    assert chain.rollback(2).height == 0
    assert (chain.tip().slot, chain.tip().height) == (lost.slot, lost.height)
    assert chain.tip().hash != lost.hash
