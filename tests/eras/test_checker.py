"""The ``EraChecker``: readers, transitions, refusals, statuses, events, pins and threads."""

import contextvars
import logging
import threading

import pytest

from eras import (
    ConfigurationError,
    EraChecker,
    EraEvent,
    EraMarker,
    EraNotReadyError,
    EraRegressionError,
    EraStatus,
    MarkerError,
    Provenance,
    SupportedEras,
    UnsupportedEraError,
    select_eras,
)
from eras.selection import EraState
from eras.view import NO_VIEW, advanced

ERAS = SupportedEras(["thales", "pythagoras"])
SCHEDULE = [EraMarker("thales", 1), EraMarker("pythagoras", 10), EraMarker("lagrange", 20)]


def token(epoch, markers=SCHEDULE):
    return select_eras(markers, epoch, ERAS)


@pytest.fixture
def checker():
    checker = EraChecker(ERAS)
    checker.change_era(token(5))
    return checker


def recorded(checker, *events):
    seen = []
    for event in events or EraEvent:
        checker.on(event, seen.append)
    return seen


def test_before_the_first_reading_every_question_raises():
    checker = EraChecker(ERAS)
    assert checker.status is EraStatus.NOT_READY
    questions = [
        lambda: checker.current_era,
        lambda: checker.current_epoch,
        lambda: checker.upcoming_era,
        lambda: checker.upcoming_state,
        lambda: checker.is_active("thales"),
        checker.states,
        lambda: checker.advance_epoch(5),
        lambda: checker.pinned().__enter__(),
    ]
    for question in questions:
        with pytest.raises(EraNotReadyError, match="Read the markers at start-up"):
            question()


def test_what_a_reader_sees(checker):
    assert (checker.status, checker.current_era, checker.current_epoch) == (EraStatus.READY, "thales", 5)
    assert checker.upcoming_era == EraMarker("pythagoras", 10)
    assert checker.upcoming_state is EraState.SCHEDULED
    assert (checker.is_active("thales"), checker.is_active("pythagoras")) == (True, False)
    assert checker.supported is ERAS
    assert checker.token.markers == tuple(SCHEDULE)


def test_a_misspelt_era_does_not_read_as_not_active(checker):
    with pytest.raises(UnsupportedEraError, match="The requested era is not known.*'pythagorus'"):
        checker.is_active("pythagorus")


def test_rule_t9_a_known_switch_happens_at_its_epoch_with_no_provider_in_reach(checker):
    checker.mark_stale("the provider does not answer")
    checker.advance_epoch(9)
    assert checker.current_era == "thales"
    assert checker.upcoming_state is EraState.LOCKED
    checker.advance_epoch(10)
    assert checker.current_era == "pythagoras"
    assert checker.status is EraStatus.STALE
    checker.advance_epoch(20)
    assert checker.status is EraStatus.FATAL
    with pytest.raises(UnsupportedEraError, match="The current era is not supported .*'lagrange'"):
        _ = checker.current_era
    with pytest.raises(UnsupportedEraError, match="The current era is not supported"):
        checker.is_active("pythagoras")
    with pytest.raises(UnsupportedEraError), checker.pinned():
        pytest.fail("there is no era to pin")
    assert checker.upcoming_era is None
    assert checker.upcoming_state is None


def test_a_node_whose_first_era_is_still_to_come_runs_with_it_and_is_ready_once_something_is_read():
    checker = EraChecker(SupportedEras(["pythagoras"]))
    checker.change_era(token(5))
    assert checker.status is EraStatus.FATAL
    checker.mark_stale("the provider does not answer")
    assert checker.status is EraStatus.FATAL
    checker.advance_epoch(10)
    assert (checker.status, checker.current_era) == (EraStatus.STALE, "pythagoras")
    assert checker.view.message == "nothing has been read since epoch 5"
    checker.change_era(token(10))
    assert checker.status is EraStatus.READY


def test_the_checker_judges_by_its_own_supported_eras():
    checker = EraChecker(ERAS)
    checker.change_era(select_eras(SCHEDULE, 20, SupportedEras(["lagrange"])))
    assert checker.status is EraStatus.FATAL


@pytest.mark.parametrize(
    ("epoch", "markers", "text"),
    [
        (4, SCHEDULE, "expected epoch 12 or a later one, got epoch 4"),
        (13, SCHEDULE[:1], "expected pythagoras at epoch 10 or a later era, got thales at epoch 1"),
        (13, [EraMarker("thales", 10)], "got thales at epoch 10"),
        (13, [*SCHEDULE, EraMarker("thales", 13)], "got thales at epoch 13"),  # an earlier era again
    ],
)
def test_it_refuses_to_go_back(epoch, markers, text):
    checker = EraChecker(ERAS)
    checker.change_era(token(12))
    before = checker.token
    with pytest.raises(EraRegressionError, match=text):
        checker.change_era(token(epoch, markers))
    assert checker.token is before
    assert (checker.status, checker.current_era) == (EraStatus.ERROR, "pythagoras")
    checker.change_era(token(12))
    assert checker.status is EraStatus.READY


def test_a_refusal_does_not_hide_that_the_current_era_is_unsupported():
    checker = EraChecker(ERAS)
    checker.change_era(token(20))
    with pytest.raises(EraRegressionError):
        checker.change_era(token(19))
    assert checker.status is EraStatus.FATAL


def test_advancing_refuses_an_earlier_epoch_and_nonsense(checker):
    with pytest.raises(EraRegressionError):
        checker.advance_epoch(4)
    with pytest.raises(MarkerError):
        checker.advance_epoch(-1)
    assert checker.current_epoch == 5


def test_an_activation_learnt_late_goes_forward(checker):
    checker.change_era(token(5, SCHEDULE[:1]))
    checker.change_era(token(12))
    assert checker.current_era == "pythagoras"


def test_states_with_a_cancelled_era(checker):
    checker.change_era(token(6, [SCHEDULE[0], EraMarker("euler", None)]))
    assert checker.states() == (
        (EraMarker("thales", 1), EraState.ACTIVE),
        (EraMarker("euler", None), EraState.ANNOUNCED),
        (EraMarker("pythagoras", 10), EraState.CANCELLED),
        (EraMarker("lagrange", 20), EraState.CANCELLED),
    )
    checker.change_era(token(7, [SCHEDULE[0], EraMarker("pythagoras", 12)]))
    cancelled = [marker for marker, state in checker.states() if state is EraState.CANCELLED]
    assert cancelled == [EraMarker("lagrange", 20), EraMarker("euler", None)]  # pythagoras was moved, not cancelled


def test_a_marker_said_twice_has_one_state(checker):
    checker.change_era(token(6, [SCHEDULE[0], *SCHEDULE[:2]]))
    assert [marker.name for marker, state in checker.states() if state is not EraState.CANCELLED] == [
        "thales",
        "pythagoras",
    ]


def test_a_retired_past_era_is_not_cancelled(checker):
    checker.change_era(token(10))
    checker.change_era(token(11, SCHEDULE[1:]))
    assert [state for _, state in checker.states()] == [EraState.ACTIVE, EraState.SCHEDULED]


def test_an_era_that_is_gone_in_the_epoch_of_its_activation_is_not_cancelled(checker):
    checker.change_era(token(6))
    checker.change_era(token(10, [SCHEDULE[0], SCHEDULE[2]]))
    assert [state for _, state in checker.states()] == [EraState.ACTIVE, EraState.SCHEDULED]


def test_a_later_era_from_an_earlier_epoch_is_a_step_back(checker):
    checker.change_era(token(12))
    with pytest.raises(EraRegressionError):
        checker.change_era(token(13, [SCHEDULE[0], EraMarker("lagrange", 5)]))
    assert checker.current_era == "pythagoras"


def test_a_view_without_a_reading_can_be_taken_over(checker):
    checker.change_era(token(5))
    checker.adopt(NO_VIEW)
    with pytest.raises(EraNotReadyError):
        _ = checker.current_era


def test_notice_epochs_are_a_setting():
    checker = EraChecker(ERAS, notice_epochs=6)
    checker.change_era(token(5))
    assert checker.upcoming_state is EraState.LOCKED


# -- events ---------------------------------------------------------------------------------------------------------


def test_events_in_order_with_the_status_already_changed():
    checker = EraChecker(ERAS)
    seen = []
    for event in EraEvent:
        checker.on(event, lambda d: seen.append((d.event, checker.status, d.epoch)))
    checker.change_era(token(5, SCHEDULE[:1]))
    checker.change_era(token(5))
    checker.change_era(token(5))
    checker.mark_stale("slow")
    checker.mark_stale("slower")
    checker.advance_epoch(10)
    checker.advance_epoch(20)
    assert seen == [
        (EraEvent.READY, EraStatus.READY, 5),
        (EraEvent.UPCOMING_CHANGED, EraStatus.READY, 5),
        (EraEvent.STALE, EraStatus.STALE, 5),
        (EraEvent.ERA_CHANGED, EraStatus.STALE, 10),
        (EraEvent.UPCOMING_CHANGED, EraStatus.STALE, 10),
        (EraEvent.UPCOMING_UNSUPPORTED, EraStatus.STALE, 10),
        (EraEvent.FATAL, EraStatus.FATAL, 20),
        (EraEvent.ERA_CHANGED, EraStatus.FATAL, 20),
        (EraEvent.UPCOMING_CHANGED, EraStatus.FATAL, 20),
    ]


def test_an_event_tells_what_changed_to_what(checker):
    seen = recorded(checker, EraEvent.ERA_CHANGED, EraEvent.UPCOMING_UNSUPPORTED)
    checker.advance_epoch(10)
    changed, unsupported = seen
    assert (changed.previous, changed.current) == (SCHEDULE[0], SCHEDULE[1])
    assert (unsupported.previous, unsupported.upcoming) == (None, SCHEDULE[2])
    assert "Upgrade to a version that knows 'lagrange'" in unsupported.message


def test_a_late_handler_runs_at_once_when_its_state_holds(checker):
    checker.advance_epoch(10)
    seen = recorded(checker)
    assert [details.event for details in seen] == [EraEvent.READY, EraEvent.UPCOMING_UNSUPPORTED]


def test_a_late_handler_before_the_first_reading_waits():
    checker = EraChecker(ERAS)
    checker.mark_stale("no provider yet")
    assert recorded(checker) == []
    assert checker.status is EraStatus.NOT_READY


def test_a_removed_handler_is_not_called(checker):
    seen = []
    checker.on(EraEvent.ERA_CHANGED, seen.append)
    checker.off(EraEvent.ERA_CHANGED, seen.append)
    checker.off(EraEvent.ERA_CHANGED, seen.append)
    checker.advance_epoch(10)
    assert seen == []


def test_a_handler_that_raises_is_reported_and_stops_nobody(caplog):
    def broken(_details):
        raise ValueError("boom")

    seen, reports = [], []
    checker = EraChecker(ERAS, report_handler_error=lambda details, error: reports.append((details.event, error)))
    checker.on(EraEvent.READY, broken)
    checker.on(EraEvent.READY, seen.append)
    checker.change_era(token(5))
    assert len(seen) == 1
    assert [(event, str(error)) for event, error in reports] == [(EraEvent.READY, "boom")]

    checker = EraChecker(ERAS)
    checker.on(EraEvent.READY, broken)
    with caplog.at_level(logging.ERROR, logger="eras"):
        checker.change_era(token(5))
    assert "A handler of the event 'ready' raised ValueError" in caplog.text


def test_handlers_run_outside_the_lock_and_may_change_the_era():
    checker = EraChecker(ERAS)
    order = []

    def advance(details):
        order.append(("changed", details.epoch))
        if details.epoch == 5:
            checker.advance_epoch(10)
            order.append(("returned", checker.current_era))

    checker.on(EraEvent.READY, advance)
    checker.on(EraEvent.ERA_CHANGED, advance)
    checker.change_era(token(5))
    assert order == [("changed", 5), ("returned", "pythagoras"), ("changed", 10)]


# -- pins and threads -----------------------------------------------------------------------------------------------


def test_an_era_whose_epoch_is_told_anew_has_not_changed(checker):
    seen = recorded(checker, EraEvent.ERA_CHANGED)
    checker.change_era(token(6, [EraMarker("thales", 3), EraMarker("pythagoras", 10)]))
    assert seen == []
    checker.advance_epoch(10)
    assert [(event.previous.name, event.current.name) for event in seen] == [("thales", "pythagoras")]


def test_a_pinned_era_does_not_flip_in_the_middle(checker):
    with checker.pinned() as era:
        checker.advance_epoch(10)
        assert (era, checker.current_era, checker.is_active("thales"), checker.current_epoch) == (
            "thales",
            "thales",
            True,
            5,
        )
        assert checker.is_pinned
        with checker.pinned() as inner:
            assert inner == "thales"
        assert checker.current_era == "thales"
        assert contextvars.Context().run(lambda: checker.current_era) == "pythagoras"
    assert (checker.current_era, checker.is_pinned) == ("pythagoras", False)


def test_a_pin_is_released_when_the_work_fails(checker):
    with pytest.raises(RuntimeError), checker.pinned():
        raise RuntimeError
    checker.advance_epoch(10)
    assert checker.current_era == "pythagoras"


def test_a_task_that_outlives_the_block_it_was_started_in_is_not_pinned_any_more(checker):
    seen = []

    def work_on():
        seen.append((checker.current_era, checker.is_active("thales"), checker.is_pinned))
        with checker.pinned() as era:
            seen.append((era, checker.current_era, checker.is_pinned))

    with checker.pinned(), checker.pinned():
        inner = contextvars.copy_context()  # as asyncio copies it for a task, or a server for a request
        inner.run(work_on)
    assert seen == [("thales", True, True), ("thales", "thales", True)]
    checker.advance_epoch(10)
    seen.clear()
    with contextvars.Context().run(checker.pinned):  # somebody else's unit of work
        inner.run(work_on)
    assert seen == [("pythagoras", False, False), ("pythagoras", "pythagoras", True)]


def test_a_pin_outlives_the_one_it_was_inside_of_but_not_its_own_block(checker):
    with checker.pinned():
        with checker.pinned():
            task = contextvars.copy_context()
        checker.advance_epoch(10)
        assert task.run(lambda: checker.current_era) == "thales"  # the outer block still runs
        unit = checker.pinned()
        task.run(unit.__enter__)
    assert task.run(lambda: checker.current_era) == "thales"  # its own unit of work does
    task.run(unit.__exit__, None, None, None)
    assert task.run(lambda: checker.current_era) == "pythagoras"


def test_tasks_that_start_tasks_do_not_chain_their_pins(checker):
    context = contextvars.Context()
    for _ in range(3):
        with checker.pinned():
            pass
        context = context.run(_context_inside_a_pin, checker)
    assert context.run(lambda: context[checker._pin]).outer is None


def _context_inside_a_pin(checker):
    with checker.pinned():
        return contextvars.copy_context()


def test_many_threads_never_see_half_a_change():
    checker = EraChecker(ERAS)
    checker.change_era(token(1))
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            view = checker.view
            consistent = view.era == view.token.current.name and view.active == {
                "thales": view.token.epoch < 10,
                "pythagoras": view.token.epoch >= 10,
            }
            with checker.pinned() as era:
                if not consistent or checker.current_era != era or not checker.is_active(era):
                    wrong.append(view)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for epoch in range(2, 20):
        for _ in range(50):
            checker.change_era(token(epoch))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_writers_deliver_every_event_once():
    checker = EraChecker(ERAS)
    seen = recorded(checker, EraEvent.ERA_CHANGED, EraEvent.READY)
    barrier = threading.Barrier(2)

    def write():
        barrier.wait()
        for epoch in range(1, 15):
            try:
                checker.change_era(token(epoch))
            except EraRegressionError:
                continue

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [details.event for details in seen].count(EraEvent.ERA_CHANGED) == 1
    assert checker.current_epoch == 14


def test_the_provenance_of_the_markers_is_kept(checker):
    source = Provenance("file markers.json", "ab" * 32, 7, "cd" * 32)
    checker.change_era(select_eras(SCHEDULE, 6, ERAS, provenance=source))
    checker.advance_epoch(7)
    assert checker.token.provenance is source


def test_where_nothing_keeps_the_era_up_to_date_every_question_raises(checker):
    with checker.pinned():
        checker.mark_unattended("the loop has ended")
        assert checker.current_era == "thales", "work under way is finished"
    assert checker.status is EraStatus.UNATTENDED
    for question in (
        lambda: checker.current_era,
        lambda: checker.is_active("thales"),
        lambda: checker.current_epoch,
        lambda: checker.upcoming_era,
        checker.states,
        lambda: checker.advance_epoch(11),
        lambda: checker.pinned().__enter__(),
    ):
        with pytest.raises(EraNotReadyError, match="Nothing keeps the era up to date: .*got the loop has ended"):
            question()
    checker.change_era(token(11))
    assert checker.current_era == "pythagoras", "read again"


def test_an_unsupported_era_stays_the_reason(checker):
    checker.change_era(token(20))
    checker.mark_unattended("the loop has ended")
    assert checker.status is EraStatus.FATAL
    with pytest.raises(UnsupportedEraError):
        _ = checker.current_era


def test_in_a_forked_process_pins_and_locks_of_the_parent_are_gone(checker):
    with checker.pinned(), checker._writers:
        checker.forked("forked")
        with pytest.raises(EraNotReadyError, match="got forked"):
            _ = checker.current_era


def test_a_handler_that_a_call_would_not_run_is_refused(checker):
    async def coroutine(details): ...

    def generator(details):
        yield

    for handler, kind in ((coroutine, "a coroutine function"), (generator, "a generator function")):
        with pytest.raises(ConfigurationError, match=f"a handler of the event 'ready'.*got {kind}"):
            checker.on(EraEvent.READY, handler)


def test_a_view_that_was_decided_elsewhere_is_taken_over_and_told(checker):
    later = advanced(checker.view, 10, ERAS)
    seen = recorded(checker, EraEvent.ERA_CHANGED)
    checker.adopt(later)
    assert (checker.view, checker.current_era, len(seen)) == (later, "pythagoras", 1)
    checker.adopt(later)
    assert (checker.view, len(seen)) == (later, 1), "the same again is not news"


def test_a_view_of_an_earlier_epoch_is_not_taken_over(checker):
    before = checker.view
    checker.advance_epoch(6)
    after = checker.view
    with pytest.raises(EraRegressionError):
        checker.adopt(before)
    assert checker.view is after
