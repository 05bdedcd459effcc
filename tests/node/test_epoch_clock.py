"""The epoch clock: told by genesis, corrected by tips, never back; and calls that are spread over a window."""

import statistics

import pytest

from chain_reader import PUBLIC_GENESES, ChainTip, NetworkGenesis
from chain_reader.providers.transport.limits import Clock
from era_service.node.epoch_clock import MAX_CORRECTION_S, EpochClock, spread
from eras import Epoch, Slot
from tests.node.world import EPOCH_LENGTH, PYTHAGORAS, THALES, Watched, publish

GENESIS = NetworkGenesis(42, 1_000_000.0, 1.0, 100)


class Machine:
    """A machine's two clocks; ``posix_s`` may be set, ``monotonic_s`` only passes."""

    def __init__(self, posix_s: float) -> None:
        self.posix_s, self.monotonic_s = posix_s, 50.0
        self.clock = Clock(lambda: self.monotonic_s, lambda: self.posix_s, self.pass_)

    def pass_(self, seconds: float) -> None:
        self.posix_s += seconds
        self.monotonic_s += seconds


def tip(slot: int, epoch: int | None = None) -> ChainTip:
    return ChainTip(Slot(slot), 7, "ab" * 32, None if epoch is None else Epoch(epoch))


def test_a_genesis_tells_the_epoch_and_the_next_boundary() -> None:
    machine = Machine(1_000_250.5)
    clock = EpochClock(GENESIS, clock=machine.clock)
    now = clock.now()
    assert (now.epoch, now.slot, now.next_epoch_s) == (2, 250, 49.5)
    machine.pass_(49.5)
    assert (clock.now().epoch, clock.now().next_epoch_s) == (3, 100.0)


def test_mainnet_by_its_anchor() -> None:
    clock = EpochClock(PUBLIC_GENESES[764_824_073], clock=Machine(1_596_059_091.0 + 432_000 * 329 + 10).clock)
    assert (clock.now().epoch, clock.now().next_epoch_s) == (537, 431_990.0)


def test_without_a_genesis_the_last_tip_tells() -> None:
    clock = EpochClock(clock=Machine(0.0).clock)
    assert (clock.now().epoch, clock.now().next_epoch_s) == (None, None)
    assert clock.correct(tip(3, 9)) is None
    assert (clock.now().epoch, clock.now().slot) == (9, 3)
    clock.correct(tip(2, 8))
    assert (clock.now().epoch, clock.now().slot) == (9, 3), "an epoch is never taken back"


def test_a_slow_clock_is_corrected_by_a_block_of_the_future_until_it_is_set() -> None:
    machine = Machine(1_000_250.0)
    clock = EpochClock(GENESIS, clock=machine.clock)
    assert clock.correct(tip(290)) == (
        "The clock of this machine is 40 s slow compared with the tip: it is corrected here, but set it right"
    )
    assert (clock.now().slot, clock.now().time_s - machine.posix_s) == (290, 40.0)
    assert clock.correct(tip(285)) is None, "an older tip shows nothing new"
    machine.pass_(10)
    assert (clock.now().slot, clock.now().epoch) == (300, 3)
    machine.posix_s += 40  # the operator sets the clock: the correction ends by itself
    assert (clock.now().slot, clock.now().time_s) == (300, machine.posix_s)


def test_a_clock_that_is_set_back_switches_on_time_though_readings_take_long(node: Watched) -> None:
    """What the tip proves is counted from when it was told; the rest of a reading may take seconds under load."""

    def slow(question: str, answer: object) -> object:
        if question == "datums":
            node.time.pass_(5)
        return node._answer(question, answer)

    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    node.provider.change = slow
    watcher.step()
    begins_s = node.genesis.time_of(Slot(6 * EPOCH_LENGTH)) - node.time.clock.posix()
    node.time.step(-30)
    node.until(watcher, begins_s - 0.1)
    assert watcher.checker.current_era == THALES
    node.until(watcher, 1.1)  # a block is found each second
    assert watcher.checker.current_era == PYTHAGORAS


def test_what_is_too_far_ahead_is_not_believed() -> None:
    machine = Machine(1_000_250.0)
    clock = EpochClock(GENESIS, clock=machine.clock)
    words = clock.correct(tip(250 + int(MAX_CORRECTION_S) + 1))
    assert words is not None
    assert "more than is accepted" in words
    assert (clock.now().epoch, clock.now().time_s) == (2, machine.posix_s)


def test_a_tip_that_is_behind_corrects_nothing() -> None:
    clock = EpochClock(GENESIS, clock=Machine(1_000_250.0).clock)
    assert clock.correct(tip(100)) is None
    assert clock.now().slot == 250


def test_an_epoch_is_never_taken_back_when_the_clock_is_set_back() -> None:
    machine = Machine(1_000_310.0)
    clock = EpochClock(GENESIS, clock=machine.clock)
    assert clock.now().epoch == 3
    machine.posix_s -= 200
    assert clock.now().epoch == 3
    assert clock.now().next_epoch_s == pytest.approx(290.0)


def test_thousands_of_nodes_spread_their_calls_evenly_and_each_always_waits_as_long() -> None:
    waits = [spread(f"pool{n}", 7, 60.0) for n in range(6_000)]
    assert waits == [spread(f"pool{n}", 7, 60.0) for n in range(6_000)]
    assert min(waits) >= 0
    assert max(waits) < 60
    busiest = max(sum(second <= wait < second + 1 for wait in waits) for second in range(60))
    assert busiest < 150  # a hundred a second on average
    assert statistics.mean(waits) == pytest.approx(30, abs=1)
    assert spread("pool1", 7, 60.0) != spread("pool1", 8, 60.0), "not the last one every time"


def test_without_a_genesis_it_learns_how_long_an_epoch_lasts() -> None:
    machine = Machine(1_000_000.0)
    clock = EpochClock(clock=machine.clock)
    assert clock.observed_epoch_s is None
    clock.correct(tip(550, 10))
    assert clock.observed_epoch_s == 50.0, "by slots of a second, until an epoch has passed"
    machine.pass_(4.0)
    clock.correct(tip(600, 11))
    machine.pass_(10.0)
    clock.correct(tip(610, 11))
    machine.pass_(2.0)
    clock.correct(tip(700, 13))
    assert clock.observed_epoch_s == 6.0
    told = EpochClock(GENESIS, clock=machine.clock)
    told.correct(tip(250, 2))
    assert told.observed_epoch_s is None, "a genesis says it"
