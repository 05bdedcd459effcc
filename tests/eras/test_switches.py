"""The registry of behaviours: complete at start-up, a look-up afterwards."""

import functools

import pytest

from eras import (
    BehaviourSwitches,
    EraChecker,
    EraMarker,
    EraNotReadyError,
    Provenance,
    Reason,
    SupportedEras,
    SwitchError,
    UnsupportedEraError,
    select_eras,
)

ERAS = SupportedEras(["thales", "pythagoras", "lagrange"])
SCHEDULE = [EraMarker("thales", 1), EraMarker("pythagoras", 10), EraMarker("lagrange", 20), EraMarker("euler", 30)]
SOURCE = Provenance("a test", "ab" * 32, 7, "cd" * 32)


@pytest.fixture
def checker():
    checker = EraChecker(ERAS)
    checker.change_era(select_eras(SCHEDULE, 5, ERAS, provenance=SOURCE))
    return checker


@pytest.fixture
def switches(checker):
    switches = BehaviourSwitches(checker)

    @switches.behaviour("certificate_hash", since="pythagoras")
    def hash_of_pythagoras(text):
        return f"pythagoras:{text}"

    @switches.behaviour("certificate_hash", since="thales")
    def hash_of_thales(text, *, upper=False):
        return f"thales:{text.upper() if upper else text}"

    switches.boolean("aggregate_early", since="pythagoras", until="lagrange")
    switches.boolean("compact_wire", since="pythagoras")
    switches.seal()
    return switches


def test_a_behaviour_holds_until_a_later_era_replaces_it(checker, switches):
    assert switches.call("certificate_hash", "x") == "thales:x"
    assert switches["certificate_hash"]("x", upper=True) == "thales:X"
    checker.advance_epoch(10)
    assert switches.call("certificate_hash", "x") == "pythagoras:x"
    checker.advance_epoch(20)
    assert switches.call("certificate_hash", "x") == "pythagoras:x"


def test_a_boolean_is_on_from_since_up_to_until(checker, switches):
    seen = []
    for epoch in (5, 10, 20):
        checker.advance_epoch(epoch)
        seen.append((switches.is_on("aggregate_early"), switches.is_on("compact_wire")))
    assert seen == [(False, False), (True, True), (False, True)]


def test_where_a_flag_library_answers_the_default_this_raises(checker, switches):
    checker.advance_epoch(30)
    for ask in (switches.is_on, switches.evaluate):
        with pytest.raises(UnsupportedEraError):
            ask("compact_wire")
    with pytest.raises(UnsupportedEraError):
        switches.call("certificate_hash", "x")
    unread = BehaviourSwitches(EraChecker(ERAS))
    unread.boolean("on", since="thales")
    unread.seal()
    with pytest.raises(EraNotReadyError):
        unread.is_on("on")
    with pytest.raises(EraNotReadyError):
        unread["on"]


def test_a_unit_of_work_keeps_its_behaviour(checker, switches):
    with checker.pinned():
        checker.advance_epoch(10)
        assert switches.call("certificate_hash", "x") == "thales:x"
        assert not switches.is_on("compact_wire")
        assert switches.evaluate("compact_wire").reason is Reason.PINNED
    assert switches.call("certificate_hash", "x") == "pythagoras:x"


def test_the_details_of_an_evaluation(checker, switches):
    details = switches.evaluate("aggregate_early")
    assert (details.value, details.era, details.since, details.epoch) == (False, "thales", 1, 5)
    assert (details.reason, details.transaction, details.key) == (Reason.ACTIVE, "ab" * 32, "cd" * 32)
    assert switches.evaluate("certificate_hash").value("x") == "thales:x"
    checker.mark_stale("the provider does not answer")
    assert switches.evaluate("aggregate_early").reason is Reason.REMEMBERED
    checker.change_era(select_eras(SCHEDULE, 6, ERAS))
    assert switches.evaluate("aggregate_early").transaction is None
    assert switches.evaluate("aggregate_early").key is None


def test_describe_lists_what_runs_in_which_era(switches):
    assert [description.to_dict() for description in switches.describe()] == [
        {
            "name": "aggregate_early",
            "kind": "boolean",
            "by_era": {"thales": False, "pythagoras": True, "lagrange": False},
        },
        {
            "name": "certificate_hash",
            "kind": "behaviour",
            "by_era": {
                "thales": "switches.<locals>.hash_of_thales",
                "pythagoras": "switches.<locals>.hash_of_pythagoras",
                "lagrange": "switches.<locals>.hash_of_pythagoras",
            },
        },
        {"name": "compact_wire", "kind": "boolean", "by_era": {"thales": False, "pythagoras": True, "lagrange": True}},
    ]


def test_a_behaviour_without_a_qualified_name_is_described_by_its_repr(checker):
    switches = BehaviourSwitches(checker)
    switches.behaviour("x", since="thales")(functools.partial(print, 1))
    switches.seal()
    assert dict(switches.describe()[0].by_era)["thales"].startswith("functools.partial(")


@pytest.mark.parametrize(
    ("register", "problem"),
    [
        (lambda s: s.behaviour("x", since="pythagoras")(print), "'x' has no behaviour for the era 'thales'"),
        (
            lambda s: [s.behaviour("x", since="thales")(f) for f in (print, repr)],
            "'x' has two behaviours since 'thales'",
        ),
        (lambda s: s.behaviour("x", since="thalas")(print), "'x' names the era 'thalas', which is not supported"),
        (lambda s: s.boolean("x", since="thales", until="eulr"), "'x' names the era 'eulr'"),
        (lambda s: [s.boolean("x", since="thales") for _ in range(2)], "the boolean 'x' is registered twice"),
        (
            lambda s: [s.boolean("x", since="thales"), s.behaviour("x", since="thales")(print)],
            "'x' is both a behaviour and a boolean",
        ),
        (lambda s: s.boolean("x", since="lagrange", until="thales"), "'x' ends with 'thales'"),
        (lambda s: s.boolean("x", since="thales", until="thales"), "'x' ends with 'thales'"),
    ],
)
def test_problems_show_at_start_up_and_never_at_the_switch(checker, register, problem):
    switches = BehaviourSwitches(checker)
    register(switches)
    with pytest.raises(SwitchError) as caught:
        switches.seal()
    assert problem in str(caught.value)
    with pytest.raises(SwitchError, match="sealed"):
        switches.call("x")


def test_all_problems_are_listed_at_once(checker):
    switches = BehaviourSwitches(checker)
    switches.behaviour("a", since="lagrange")(print)
    switches.behaviour("b", since="nowhere")(print)
    with pytest.raises(SwitchError, match=r"3 problem\(s\)") as caught:
        switches.seal()
    assert len(caught.value.facts["problems"]) == 3


def test_a_sealed_registry_takes_no_more(switches):
    switches.seal()
    with pytest.raises(SwitchError, match="registered too late"):
        switches.behaviour("late", since="thales")
    with pytest.raises(SwitchError, match="registered too late"):
        switches.boolean("late", since="thales")


def test_a_decorator_applied_after_sealing_is_too_late(checker):
    switches = BehaviourSwitches(checker)
    decorator = switches.behaviour("late", since="thales")
    switches.seal()
    with pytest.raises(SwitchError, match="registered too late"):
        decorator(print)


def test_an_open_registry_answers_nothing(checker):
    switches = BehaviourSwitches(checker)
    switches.boolean("x", since="thales")
    for use in (
        lambda: switches.call("x"),
        lambda: switches.is_on("x"),
        lambda: switches.evaluate("x"),
        switches.describe,
    ):
        with pytest.raises(SwitchError, match="before the registry was sealed"):
            use()


def test_a_wrong_name_or_kind_is_named(switches):
    with pytest.raises(SwitchError, match="There is no switch 'certificate_hsh'.*certificate_hash .behaviour."):
        switches.call("certificate_hsh", "x")
    with pytest.raises(SwitchError, match="'compact_wire' is a boolean"):
        switches.call("compact_wire")
    with pytest.raises(SwitchError, match="'certificate_hash' is a behaviour"):
        switches.is_on("certificate_hash")


def test_retiring_an_era_is_deleting_its_one_registration():
    eras = SupportedEras(["pythagoras"])
    checker = EraChecker(eras)
    checker.change_era(select_eras(SCHEDULE, 12, eras))
    switches = BehaviourSwitches(checker)
    switches.behaviour("certificate_hash", since="pythagoras")(lambda text: f"pythagoras:{text}")
    switches.seal()
    assert switches.call("certificate_hash", "x") == "pythagoras:x"
