"""The registry of behaviours: complete at start-up, a look-up afterwards."""

import enum
import functools
from collections.abc import Callable
from typing import Protocol

import pytest

from eras import (
    BehaviourSwitches,
    ConfigurationError,
    EraChecker,
    EraMarker,
    EraNotReadyError,
    Provenance,
    SupportedEras,
    UnsupportedEraError,
    select_eras,
)
from eras.switches import Reason
from tests.errors import raising

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
    with raising("Switch") as caught:
        switches.seal()
    assert problem in str(caught.value)
    with raising("Switch", match="sealed"):
        switches.call("x")


def test_all_problems_are_listed_at_once(checker):
    switches = BehaviourSwitches(checker)
    switches.behaviour("a", since="lagrange")(print)
    switches.behaviour("b", since="nowhere")(print)
    with raising("Switch", match="3 problems") as caught:
        switches.seal()
    assert len(caught.value.facts["problems"]) == 3


def test_a_sealed_registry_takes_no_more(switches):
    switches.seal()
    with raising("Switch", match="registered too late"):
        switches.behaviour("late", since="thales")
    with raising("Switch", match="registered too late"):
        switches.boolean("late", since="thales")
    with raising("Switch", match="registered too late"):
        switches.declare("late", Callable[[], str])


def test_a_decorator_applied_after_sealing_is_too_late(checker):
    switches = BehaviourSwitches(checker)
    decorator = switches.behaviour("late", since="thales")
    switches.seal()
    with raising("Switch", match="registered too late"):
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
        with raising("Switch", match="before the registry was sealed"):
            use()


def test_a_wrong_name_or_kind_is_named(switches):
    with raising("Switch", match="There is no switch 'certificate_hsh'.*certificate_hash .behaviour."):
        switches.call("certificate_hsh", "x")
    with raising("Switch", match="'compact_wire' is a boolean"):
        switches.call("compact_wire")
    with raising("Switch", match="'certificate_hash' is a behaviour"):
        switches.is_on("certificate_hash")


def test_retiring_an_era_is_deleting_its_one_registration():
    eras = SupportedEras(["pythagoras"])
    checker = EraChecker(eras)
    checker.change_era(select_eras(SCHEDULE, 12, eras))
    switches = BehaviourSwitches(checker)
    switches.behaviour("certificate_hash", since="pythagoras")(lambda text: f"pythagoras:{text}")
    switches.seal()
    assert switches.call("certificate_hash", "x") == "pythagoras:x"


class Era(enum.Enum):
    THALES = "thales"
    PYTHAGORAS = "pythagoras"
    LAGRANGE = "lagrange"


class Switch(enum.Enum):
    HASH = "certificate_hash"
    COMPACT = "compact_wire"


class Hash(Protocol):
    def __call__(self, text: str, *, rounds: int = 1) -> str: ...


def declared(checker, of, *functions):
    switches = BehaviourSwitches(checker)
    handle = switches.declare("certificate_hash", of)
    for era, function in zip(ERAS, functions, strict=False):
        handle.since(era)(function)
    return switches, handle


def test_a_declared_behaviour_is_called_through_its_handle(checker):
    switches, handle = declared(
        checker, Callable[[str], str], lambda text: f"t:{text}", lambda text: f"p:{text}", lambda text, x=1: f"l:{text}"
    )
    switches.seal()
    assert handle("x") == "t:x"
    checker.advance_epoch(10)
    assert handle("x") == "p:x"
    assert handle.in_era(Era.LAGRANGE)("x") == "l:x"
    assert switches.in_era("thales")["certificate_hash"]("x") == "t:x"
    with pytest.raises(TypeError):
        switches.in_era("thales")["certificate_hash"] = print
    assert repr(handle) == "TypedSwitch('certificate_hash')"
    with pytest.raises(UnsupportedEraError):
        handle.in_era("euler")


async def coroutine(text, *, rounds=1):
    return text


def generator(text):
    yield text


@pytest.mark.parametrize(
    ("of", "function", "problem"),
    [
        (Callable[[str], str], lambda: "", r"takes \(\), and is declared with \(str\)"),
        (Callable[[str], str], lambda a, b: "", r"takes \(a, b\), and is declared with \(str\)"),
        (Callable[[str], str], lambda a, *, b: "", r"takes \(a, \*, b\), and is declared"),
        (Hash, lambda text: "", r"takes \(text\), and is declared with \(text: str, \*, rounds: int = 1\)"),
        (Hash, lambda message, rounds=1: "", r"takes \(message, rounds=1\), and is declared"),
        (Hash, 3, r"is 3, which cannot be called"),
    ],
)
def test_what_does_not_fit_the_declared_type_is_found_at_start_up(checker, of, function, problem):
    switches, _ = declared(checker, of, function)
    with raising("Switch", match=f"'certificate_hash' of 'thales' {problem}"):
        switches.seal()


@pytest.mark.parametrize(
    ("of", "function"),
    [
        (Callable[[str], str], str),
        (Callable[[str], str], functools.partial(lambda a, b: b, 1)),
        (Callable[..., str], lambda a, b, *, c: ""),
        (Callable[[str], str], lambda *_: ""),
        (Callable[[str], str], coroutine),
        (Hash, lambda text, **_: ""),
        (Hash, lambda text, rounds=1: ""),
    ],
)
def test_what_fits_the_declared_type_is_taken(checker, of, function):
    switches, _ = declared(checker, of, function)
    switches.seal()


@pytest.mark.parametrize(
    ("first", "other", "problem"),
    [
        (lambda a: 1, lambda a, b: 1, r"takes \(a\) in 'thales' and \(a, b\) in 'pythagoras'"),
        (lambda a: 1, lambda b: 1, r"takes \(a\) in 'thales' and \(b\) in 'pythagoras'"),
        (lambda a: 1, lambda: 1, r"takes \(a\) in 'thales' and \(\) in 'pythagoras'"),
        (lambda a, *, b: 1, lambda a: 1, r"takes \(a, \*, b\) in 'thales'"),
        (lambda text: 1, coroutine, "is a plain function in 'thales' and a coroutine function in 'pythagoras'"),
        (generator, lambda text: 1, "is a generator function in 'thales' and a plain function in 'pythagoras'"),
    ],
)
def test_two_eras_that_have_to_be_called_differently_are_found_at_start_up(checker, first, other, problem):
    switches = BehaviourSwitches(checker)
    switches.behaviour("x", since="thales")(first)
    switches.behaviour("x", since="pythagoras")(other)
    with raising("Switch", match=f"'x' {problem}"):
        switches.seal()


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (lambda text: 1, lambda text, *, more=False: 1),
        (lambda _a: 1, lambda b, /: 1),
        (lambda a, _b: 1, lambda a, _c: 1),
        (lambda *a, **b: 1, lambda text: 1),
        (max, lambda text: 1),  # C, which says nothing of its parameters
        (coroutine, functools.partial(coroutine, rounds=2)),
    ],
)
def test_two_eras_that_can_be_called_in_the_same_way_are_taken(checker, first, other):
    switches = BehaviourSwitches(checker)
    switches.behaviour("x", since="thales")(first)
    switches.behaviour("x", since="pythagoras")(other)
    switches.seal()


@pytest.mark.parametrize("of", [int | None, 3, "text", None])
def test_a_type_that_cannot_be_called_is_no_declaration(checker, of):
    with raising("Switch", match="declared with a type that cannot be called"):
        BehaviourSwitches(checker).declare("x", of)


def test_a_coroutine_is_declared_by_its_protocol(checker):
    class Awaited(Protocol):
        async def __call__(self, text: str) -> str: ...

    switches, _ = declared(checker, Awaited, lambda text: text)
    with raising("Switch", match="is a plain function, and declared as a coroutine function"):
        switches.seal()


def test_what_is_declared_needs_its_behaviours_and_is_declared_once(checker):
    switches, _ = declared(checker, Hash)
    switches.declare("certificate_hash", Hash)
    switches.boolean("certificate_hash", since="thales")
    with raising("Switch") as raised:
        switches.seal()
    problems = raised.value.facts["problems"]
    assert problems == [
        "'certificate_hash' is declared twice",
        "'certificate_hash' is both a behaviour and a boolean",
        *(f"'certificate_hash' has no behaviour for the era {era!r}" for era in ERAS),
    ]


def test_members_of_an_enumeration_are_names_wherever_names_are(checker, switches):
    checker = EraChecker(SupportedEras(Era))
    with pytest.raises(EraNotReadyError):
        checker.is_active(Era.THALES)
    checker.change_era(select_eras([EraMarker(Era.THALES, 0)], 5, checker.supported))
    assert checker.current_era == "thales"
    assert [checker.is_active(era) for era in Era] == [True, False, False]
    assert checker.token.current == EraMarker("thales", 0)
    assert Era.LAGRANGE in checker.supported
    assert checker.supported.index(Era.LAGRANGE) == 2
    assert switches[Switch.HASH]("x") == switches.call(Switch.HASH, "x") == "thales:x"
    assert switches.is_on(Switch.COMPACT) is False
    assert switches.evaluate(Switch.HASH).name == "certificate_hash"
    assert switches.describe_era(Era.LAGRANGE)["compact_wire"] is True
    with pytest.raises(UnsupportedEraError, match="got 'euler'"):
        checker.is_active(enum.Enum("Other", {"EULER": "euler"}).EULER)
    with pytest.raises(ConfigurationError, match="an enumeration of strings"):
        switches.call(enum.Enum("Other", {"ONE": 1}).ONE)


def test_what_runs_in_one_era(switches):
    described = switches.describe_era("lagrange")
    assert list(described) == ["aggregate_early", "certificate_hash", "compact_wire"]
    assert described["aggregate_early"] is False
    assert described["certificate_hash"].endswith("hash_of_pythagoras")
    with pytest.raises(UnsupportedEraError):
        switches.describe_era("euler")
    with raising("Switch", match="before the registry was sealed"):
        BehaviourSwitches(EraChecker(ERAS)).describe_era("thales")
