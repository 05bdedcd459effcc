"""The queues before the core: bounded, with back-pressure, and nothing shed in silence."""

import threading
import time

import pytest

from chain_reader import ClockTicked, ObserverAnswered, ObserverFailed
from chain_reader.node.inputs import CommandGiven, InputsShed, RegistrationReceived
from chain_reader.node.intake import Intake, IntakeLimits
from eras import Epoch
from tests.chain_reader.deciding_world import THALES, Address


def registration(number: int) -> RegistrationReceived:
    return RegistrationReceived(f"pool{number}", Epoch(5), "1.0.0", 1, "file", 0.0)


def failed(source: str, code: str = "X") -> ObserverFailed:
    return ObserverFailed(source, code, "why", 0.0)


@pytest.fixture
def intake() -> Intake:
    return Intake(IntakeLimits(commands=2, observers=2, registrations=3, patience_s=0.02), clock=lambda: 7.0)


def drained(intake: Intake) -> list[object]:
    found = []
    while (event := intake.get(0)) is not None:
        found.append(event)
    return found


def test_commands_first_then_the_clock_then_answers_then_registrations(intake: Intake):
    tick, command = ClockTicked(Epoch(5), 0.0), CommandGiven("check", 0.0)
    for event in (registration(1), failed("a"), tick, command, registration(2)):
        assert intake.put(event)
    assert len(intake) == 5
    assert drained(intake) == [command, tick, failed("a"), registration(1), registration(2)]


def test_the_newest_tick_and_the_newest_answer_of_a_source_take_the_place_of_older_ones(intake: Intake):
    address = Address()
    address.publish(THALES)
    answer = ObserverAnswered(address.evidence(5), 0.0)
    for event in (ClockTicked(Epoch(5), 0.0), failed("provider"), ClockTicked(Epoch(6), 1.0), answer, failed("other")):
        assert intake.put(event)
    assert drained(intake) == [ClockTicked(Epoch(6), 1.0), answer, failed("other")]
    assert intake.shed == {}


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([registration(number) for number in range(5)], "registration-received"),
        ([failed(f"source {number}") for number in range(4)], "observer-failed"),
        ([CommandGiven("check", float(number)) for number in range(4)], "command-given"),
    ],
)
def test_what_a_full_queue_sheds_is_counted_and_the_core_is_told_first(intake: Intake, events: list, kind: str):
    taken = [intake.put(event) for event in events]
    assert taken.count(False) == intake.shed[kind] > 0
    told, *rest = drained(intake)
    assert told == InputsShed({kind: taken.count(False)}, 7.0)
    assert rest == events[: taken.count(True)]
    assert intake.get(0) is None
    assert intake.put(events[0])
    assert intake.shed[kind] == taken.count(False), "the count is since the beginning"


def test_who_puts_waits_for_room():
    intake = Intake(IntakeLimits(registrations=1, patience_s=30.0))
    assert intake.put(registration(1))
    done: list[bool] = []
    waiting = threading.Thread(target=lambda: done.append(intake.put(registration(2))))
    waiting.start()
    time.sleep(0.05)
    assert done == [], "back-pressure: it waits"
    assert intake.get(1) == registration(1)
    waiting.join(60)
    assert done == [True]
    assert intake.get(1) == registration(2)
    assert intake.shed == {}


def test_patience_can_be_less():
    intake = Intake(IntakeLimits(registrations=1, patience_s=60.0))
    intake.put(registration(1))
    began = time.monotonic()
    assert not intake.put(registration(2), patience_s=0)
    assert time.monotonic() - began < 30


def test_who_gets_waits_for_something(intake: Intake):
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(intake.get(30)))
    waiting.start()
    intake.put(registration(1))
    waiting.join(60)
    assert got == [registration(1)]
    assert intake.get(0.01) is None


def test_closing_wakes_everybody_and_keeps_what_is_there():
    intake = Intake(IntakeLimits(registrations=1, patience_s=30.0))
    intake.put(registration(1))
    done: list[bool] = []
    waiting = threading.Thread(target=lambda: done.append(intake.put(registration(2))))
    waiting.start()
    intake.close()
    intake.close()
    waiting.join(60)
    assert done == [False]
    assert [type(event) for event in drained(intake)] == [InputsShed, RegistrationReceived]
    assert intake.get() is None


def test_many_threads_lose_and_double_nothing():
    intake = Intake(IntakeLimits(registrations=5, patience_s=30.0))
    got: list[object] = []

    def consume() -> None:
        while (event := intake.get()) is not None:
            got.append(event)

    consumer = threading.Thread(target=consume)
    consumer.start()
    writers = [
        threading.Thread(target=lambda start=start: [intake.put(registration(start + n)) for n in range(200)])
        for start in (0, 1_000, 2_000)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    intake.close()
    consumer.join(60)
    assert len(got) == len({event.party_id for event in got if isinstance(event, RegistrationReceived)}) == 600
