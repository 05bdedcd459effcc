"""Finds mistakes in the registrations of a node's switches at start-up. Pure: registrations in, words out.

1. Every era that is named is supported, and no name is used twice for the same era or for two kinds of switch.
2. Every behaviour has a function for every supported era; an interval is not empty.
3. A behaviour is called in the same way in every era: each function can be called, takes the calls that the others
   demand, by position and by name, and all of them are plain, or all coroutine functions, or all generators.
4. A behaviour that was declared with a type takes every call that the type allows.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, get_args, get_origin

_Call = tuple[int, frozenset[str]]
"""A call: how many arguments by position, and the names of those by keyword."""
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_NAME = attrgetter("name")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A function, and the era it is the behaviour ``name`` from."""

    name: str
    since: str
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Boolean:
    """A boolean switch, on from an era up to another."""

    name: str
    since: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Declared:
    """The type that a behaviour was declared with: a ``Callable[…]``, or a protocol with ``__call__``."""

    name: str
    of: Any


def problems_of(
    behaviours: Sequence[Behaviour], booleans: Sequence[Boolean], declared: Sequence[Declared], eras: tuple[str, ...]
) -> list[str]:
    """Everything that is wrong, in words.

    Args:
        behaviours: the functions that were registered.
        booleans: the boolean switches.
        declared: the types that were declared.
        eras: those of this software, in order.
    """
    return [
        *_unknown_eras(behaviours, booleans, eras),
        *_duplicates(behaviours, booleans, declared),
        *_missing(behaviours, declared, eras),
        *_empty_intervals(booleans, eras),
        *_other_calls(behaviours, declared),
    ]


def _unknown_eras(behaviours: Sequence[Behaviour], booleans: Sequence[Boolean], eras: tuple[str, ...]) -> Iterator[str]:
    began, ended = (
        map(attrgetter("name", "since"), (*behaviours, *booleans)),
        map(attrgetter("name", "until"), booleans),
    )
    for name, era in (*began, *ended):
        if era is not None and era not in eras:
            yield f"{name!r} names the era {era!r}, which is not supported"


def _duplicates(
    behaviours: Sequence[Behaviour], booleans: Sequence[Boolean], declared: Sequence[Declared]
) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for behaviour in behaviours:
        key = (behaviour.name, behaviour.since)
        if key in seen:
            yield f"{behaviour.name!r} has two behaviours since {behaviour.since!r}"
        seen.add(key)
    for what, listed in (("the boolean {} is registered twice", booleans), ("{} is declared twice", declared)):
        for name, times in sorted(Counter(map(_NAME, listed)).items()):
            if times > 1:
                yield what.format(repr(name))
    taken = set(map(_NAME, (*behaviours, *declared)))
    for name in sorted(taken.intersection(map(_NAME, booleans))):
        yield f"{name!r} is both a behaviour and a boolean"


def _missing(behaviours: Sequence[Behaviour], declared: Sequence[Declared], eras: tuple[str, ...]) -> Iterator[str]:
    firsts = dict.fromkeys(map(_NAME, declared), len(eras))
    for behaviour in behaviours:
        if behaviour.since in eras:
            place = eras.index(behaviour.since)
            firsts[behaviour.name] = min(place, firsts.get(behaviour.name, place))
    for name, first in firsts.items():
        for era in eras[:first]:
            yield f"{name!r} has no behaviour for the era {era!r}"


def _empty_intervals(booleans: Sequence[Boolean], eras: tuple[str, ...]) -> Iterator[str]:
    for s in booleans:
        if s.until in eras and s.since in eras and eras.index(s.until) <= eras.index(s.since):
            yield f"{s.name!r} ends with {s.until!r}, which does not come after {s.since!r}"


def _other_calls(behaviours: Sequence[Behaviour], declared: Sequence[Declared]) -> Iterator[str]:
    types = dict(map(attrgetter("name", "of"), declared))
    firsts: dict[str, _Called] = {}
    for behaviour in behaviours:
        if not callable(behaviour.function):
            yield f"{behaviour.name!r} of {behaviour.since!r} is {behaviour.function!r}, which cannot be called"
            continue
        called = _called(behaviour)
        first = firsts.setdefault(behaviour.name, called)
        for words in (
            _against(called, types[behaviour.name]) if behaviour.name in types else None,
            _between(first, called) if first is not called else None,
        ):
            if words is not None:
                yield words


@dataclass(frozen=True, slots=True)
class _Called:
    """A behaviour, and how its function is called.

    Attributes:
        behaviour: the behaviour.
        kind: plain function, coroutine function or generator function.
        signature: ``None`` where the function does not show it.
    """

    behaviour: Behaviour
    kind: str
    signature: inspect.Signature | None


def _called(behaviour: Behaviour) -> _Called:
    try:
        signature: inspect.Signature | None = inspect.signature(behaviour.function)
    except (TypeError, ValueError):  # something in C that does not show its parameters
        signature = None
    return _Called(behaviour, _kind(behaviour.function), signature)


def _between(one: _Called, two: _Called) -> str | None:
    """How the functions of two eras have to be called differently."""
    first, other = one.behaviour, two.behaviour
    if one.kind != two.kind:
        return f"{first.name!r} is a {one.kind} in {first.since!r} and a {two.kind} in {other.since!r}"
    if one.signature is None or two.signature is None or one.signature == two.signature:
        return None
    if _takes_all(two.signature, _demanded(one.signature)) and _takes_all(one.signature, _demanded(two.signature)):
        return None
    return (
        f"{first.name!r} takes {_parameters(one.signature)} in {first.since!r} "
        f"and {_parameters(two.signature)} in {other.since!r}"
    )


def _against(called: _Called, of: Any) -> str | None:
    """How a function does not fit the type that it was declared with."""
    behaviour, signature = called.behaviour, called.signature
    allowed, shown, coroutine = _allowed(of)
    if coroutine is not None and coroutine != (called.kind == COROUTINE):
        kind = COROUTINE if coroutine else "plain function"
        return f"{behaviour.name!r} of {behaviour.since!r} is a {called.kind}, and declared as a {kind}"
    if signature is None or _takes_all(signature, allowed):
        return None
    return f"{behaviour.name!r} of {behaviour.since!r} takes {_parameters(signature)}, and is declared with {shown}"


def is_callable_type(of: Any) -> bool:
    """Whether ``of`` is the type of something that can be called: ``Callable[…]``, or a class with ``__call__``."""
    return get_origin(of) is Callable or (isinstance(of, type) and "__call__" in dir(of) and of is not type)


COROUTINE = "coroutine function"


def _kind(function: Callable[..., Any]) -> str:
    for called in (function, getattr(function, "__call__", function)):  # noqa: B004 - the function behind an object
        if inspect.iscoroutinefunction(called):
            return COROUTINE
        if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
            return "generator function"
    return "plain function"


def _allowed(of: Any) -> tuple[list[_Call], str, bool | None]:
    """The calls that a type allows, its parameters as text, and whether it is a coroutine function, where known."""
    if get_origin(of) is Callable:
        parameters = get_args(of)[0]
        if not isinstance(parameters, list):
            return [], "…", None
        shown = ", ".join(getattr(one, "__name__", str(one)) for one in parameters)
        return [(len(parameters), frozenset())], f"({shown})", None
    call = inspect.signature(of.__call__)
    own = call.replace(parameters=list(call.parameters.values())[1:])
    named = [p for p in own.parameters.values() if p.kind not in _VARIABLE]
    by_position = sum(p.kind in _BY_POSITION for p in named)
    only_position = sum(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in named)
    keywords = frozenset(p.name for p in named if p.kind is inspect.Parameter.KEYWORD_ONLY)
    names = frozenset(p.name for p in named if p.kind is not inspect.Parameter.POSITIONAL_ONLY)
    calls = [*_demanded(own), (by_position, keywords), (only_position, names)]
    return calls, _parameters(own), inspect.iscoroutinefunction(of.__call__) or None


def _demanded(signature: inspect.Signature) -> list[_Call]:
    """The shortest calls that a function takes: with all it can by position, and with all it can by name."""
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in signature.parameters.values()):
        return []  # it looks at its arguments itself, as many wrappers do
    required = [p for p in signature.parameters.values() if p.default is p.empty and p.kind not in _VARIABLE]
    by_position = [p for p in required if p.kind in _BY_POSITION]
    keywords = frozenset(p.name for p in required if p.kind is inspect.Parameter.KEYWORD_ONLY)
    unnamed = len(by_position)
    while unnamed and _has_name(by_position[unnamed - 1]):
        unnamed -= 1
    return [(len(by_position), keywords), (unnamed, keywords | {p.name for p in by_position[unnamed:]})]


def _has_name(parameter: inspect.Parameter) -> bool:
    """Whether it is called by name; one that begins with an underscore is not."""
    return parameter.kind is not inspect.Parameter.POSITIONAL_ONLY and not parameter.name.startswith("_")


def _takes_all(signature: inspect.Signature, calls: Iterable[_Call]) -> bool:
    try:
        for by_position, keywords in calls:
            signature.bind(*[None] * by_position, **dict.fromkeys(keywords))
    except TypeError:
        return False
    return True


def _parameters(signature: inspect.Signature) -> str:
    return str(signature.replace(return_annotation=inspect.Signature.empty))
