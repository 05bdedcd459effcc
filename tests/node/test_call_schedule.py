"""When a provider is called: rules 1 to 5 of the schedule, on a clock that stands still."""

import itertools
import math

import pytest

from era_service.node.call_schedule import BACKOFF_FIRST_S, Call, CallOptions, CallSchedule
from era_service.node.epoch_clock import Moment, spread
from eras import Epoch, Slot

OPTIONS = CallOptions(
    poll_interval_s=600.0, spread_s=60.0, backoff_max_s=300.0, node_id="pool1", read_interval_s=math.inf
)


def at(epoch: int, left_s: float | None) -> Moment:
    return Moment(0.0, Epoch(epoch), Slot(0), left_s)


def test_a_reading_at_start_up_then_one_poll_an_interval() -> None:
    schedule = CallSchedule(OPTIONS, 100.0)
    assert (schedule.due(99.9), schedule.due(100.0)) == (None, Call.READ)
    schedule.read(Epoch(5), at(5, 400_000.0), 100.0, next_activation=None)
    calls, now = [], 100.0
    while now < 100 + 6_000:
        now = schedule.due_s
        calls.append(schedule.due(now))
        schedule.polled(now)
    assert calls == [Call.POLL] * 10


def test_an_epoch_that_began_is_read_within_the_spread() -> None:
    schedule = CallSchedule(OPTIONS, 0.0)
    schedule.read(Epoch(5), at(5, 10.0), 0.0, next_activation=None)
    schedule.epoch_began(Epoch(6), 10.0)
    assert schedule.due_s == 10.0 + spread("pool1", Epoch(6), 60.0)
    assert schedule.due(schedule.due_s) is Call.READ


def test_before_an_activation_it_is_read_once_more() -> None:
    schedule = CallSchedule(OPTIONS, 0.0)
    schedule.read(Epoch(5), at(5, 500.0), 0.0, next_activation=Epoch(6))
    assert 500 - 120 <= schedule.due_s < 500 - 60
    now = schedule.due_s
    assert schedule.due(now) is Call.READ
    schedule.read(Epoch(5), at(5, 500 - now), now, next_activation=Epoch(6))
    assert schedule.due_s == now + 600, "once"


@pytest.mark.parametrize(("begins", "left_s"), [(7, 500.0), (None, 500.0), (6, 50.0), (6, None)])
def test_else_it_is_not(begins: int | None, left_s: float | None) -> None:
    schedule = CallSchedule(OPTIONS, 0.0)
    schedule.read(Epoch(5), at(5, left_s), 0.0, next_activation=None if begins is None else Epoch(begins))
    assert schedule.due_s == 600.0


def test_failures_back_off_to_a_limit_and_are_forgotten_after_an_answer() -> None:
    schedule, now, waits = CallSchedule(OPTIONS, 0.0), 0.0, []
    for _ in range(40):
        schedule.failed(now)
        waits.append(schedule.due_s - now)
        now = schedule.due_s
        assert schedule.due(now) is Call.READ
    limits = [min(300.0, BACKOFF_FIRST_S * 2**n) for n in range(40)]
    assert all(limit / 2 <= wait < limit for wait, limit in zip(waits, limits, strict=True))
    schedule.read(Epoch(5), at(5, None), now, next_activation=None)
    schedule.failed(now)
    assert schedule.due_s - now < BACKOFF_FIRST_S


def test_two_nodes_that_fail_together_do_not_try_again_together() -> None:
    one, other = CallSchedule(OPTIONS, 0.0), CallSchedule(CallOptions(node_id="pool2"), 0.0)
    one.failed(0.0)
    other.failed(0.0)
    assert abs(one.due_s - other.due_s) > 0.01


def test_a_chain_that_has_not_reached_the_epoch_is_read_again_soon() -> None:
    schedule = CallSchedule(OPTIONS, 0.0)
    schedule.read(Epoch(5), at(6, 400_000.0), 0.0, next_activation=None)
    assert 0 < schedule.due_s <= BACKOFF_FIRST_S
    schedule.read(Epoch(6), at(6, 400_000.0), 3.0, next_activation=None)
    assert schedule.due_s == 603.0


def test_within_an_epoch_it_is_read_once_an_hour_at_moments_that_are_spread() -> None:
    firsts = []
    for number in range(200):
        schedule, now, readings = CallSchedule(CallOptions(node_id=f"pool{number}"), 0.0), 0.0, []
        while now < 10 * 3_600.0:
            if schedule.due(now) is Call.READ:
                readings.append(now)
                schedule.read(Epoch(5), at(5, 400_000.0), now, next_activation=None)
            else:
                schedule.polled(now)
            now = schedule.due_s
        gaps = [later - earlier for earlier, later in itertools.pairwise(readings)]
        assert max(gaps) < 3_600.1
        assert gaps[1:] == pytest.approx([3_600.0] * (len(gaps) - 1))
        firsts.append(readings[1])
    quarters = [sum(quarter * 900.0 <= first < (quarter + 1) * 900.0 for first in firsts) for quarter in range(4)]
    assert min(quarters) > 25, "not all in the same minutes"


def test_without_a_genesis_an_epoch_is_polled_for_several_times_while_it_lasts() -> None:
    schedule = CallSchedule(CallOptions(600.0, 60.0, 300.0, "pool1"), 0.0)
    moment = Moment(0.0, Epoch(5), None, None)
    for lasts_s, polled_s in ((None, 600.0), (100_000.0, 600.0), (60.0, 6.0), (0.5, 1.0)):
        schedule.epoch_lasts(lasts_s)
        schedule.read(Epoch(5), moment, 0.0, next_activation=None)
        assert (schedule.due(polled_s - 0.1), schedule.due(polled_s)) == (None, Call.POLL)
