"""Finds mistakes in the registrations of a node's switches at start-up. Pure: registrations in, words out.

1. Every era that is named is supported, and no name is used twice for the same era or for two kinds of switch.
2. Every behaviour has a function for every supported era; an interval is not empty.
3. A behaviour is called in the same way in every era: each function can be called, takes the calls that the others
   demand, by position and by name, and all of them are plain, or all coroutine functions, or all generators.
4. A behaviour that was declared with a type takes every call that the type allows.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from eras.supported import SupportedEras

_Call = tuple[int, frozenset[str]]
"""A call: how many arguments by position, and the names of those by keyword."""
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


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
    behaviours: Sequence[Behaviour], booleans: Sequence[Boolean], declared: Sequence[Declared], supported: SupportedEras
) -> list[str]:
    """Everything that is wrong, in words.

    Args:
        behaviours: the functions that were registered.
        booleans: the boolean switches.
        declared: the types that were declared.
        supported: the eras of this software.
    """
    return [
        *_unknown_eras(behaviours, booleans, supported),
        *_duplicates(behaviours, booleans, declared),
        *_missing(behaviours, declared, supported),
        *_empty_intervals(booleans, supported),
        *_other_calls(behaviours, declared),
    ]


def _unknown_eras(
    behaviours: Sequence[Behaviour], booleans: Sequence[Boolean], supported: SupportedEras
) -> Iterator[str]:
    named = [(b.name, b.since) for b in behaviours] + [(s.name, s.since) for s in booleans]
    named += [(s.name, s.until) for s in booleans if s.until is not None]
    for name, era in named:
        if era not in supported:
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
    for what, names in (
        ("the boolean {} is registered twice", [switch.name for switch in booleans]),
        ("{} is declared twice", [one.name for one in declared]),
    ):
        yield from (what.format(repr(name)) for name in sorted(set(names)) if names.count(name) > 1)
    taken = {behaviour.name for behaviour in behaviours} | {one.name for one in declared}
    yield from (f"{name!r} is both a behaviour and a boolean" for name in sorted(taken & {s.name for s in booleans}))


def _missing(behaviours: Sequence[Behaviour], declared: Sequence[Declared], supported: SupportedEras) -> Iterator[str]:
    firsts = dict.fromkeys((one.name for one in declared), len(supported))
    for behaviour in behaviours:
        if behaviour.since in supported:
            index = supported.index(behaviour.since)
            firsts[behaviour.name] = min(index, firsts.get(behaviour.name, index))
    for name, first in firsts.items():
        yield from (f"{name!r} has no behaviour for the era {era!r}" for era in supported[:first])


def _empty_intervals(booleans: Sequence[Boolean], known: SupportedEras) -> Iterator[str]:
    for s in booleans:
        if s.until in known and s.since in known and known.index(str(s.until)) <= known.index(s.since):
            yield f"{s.name!r} ends with {s.until!r}, which does not come after {s.since!r}"


def _other_calls(behaviours: Sequence[Behaviour], declared: Sequence[Declared]) -> Iterator[str]:
    types = {one.name: one.of for one in declared}
    for name in dict.fromkeys(behaviour.name for behaviour in behaviours):
        usable = [b for b in behaviours if b.name == name and callable(b.function)]
        yield from (
            f"{name!r} of {b.since!r} is {b.function!r}, which cannot be called"
            for b in behaviours
            if b.name == name and not callable(b.function)
        )
        if name in types:
            yield from (words for b in usable if (words := _against(b, types[name])) is not None)
        yield from (words for b in usable[1:] if (words := _between(usable[0], b)) is not None)


def _between(first: Behaviour, other: Behaviour) -> str | None:
    """How the functions of two eras have to be called differently."""
    kinds = _kind(first.function), _kind(other.function)
    if kinds[0] != kinds[1]:
        return f"{first.name!r} is a {kinds[0]} in {first.since!r} and a {kinds[1]} in {other.since!r}"
    one, two = _signature(first.function), _signature(other.function)
    if one is None or two is None:
        return None
    if all(_takes(two, call) for call in _demanded(one)) and all(_takes(one, call) for call in _demanded(two)):
        return None
    return f"{first.name!r} takes {_parameters(one)} in {first.since!r} and {_parameters(two)} in {other.since!r}"


def _against(behaviour: Behaviour, of: Any) -> str | None:
    """How a function does not fit the type that it was declared with."""
    signature = _signature(behaviour.function)
    allowed, shown, coroutine = _allowed(of)
    if coroutine is not None and coroutine != (_kind(behaviour.function) == COROUTINE):
        kind = COROUTINE if coroutine else "plain function"
        return f"{behaviour.name!r} of {behaviour.since!r} is a {_kind(behaviour.function)}, and declared as a {kind}"
    if signature is None or all(_takes(signature, call) for call in allowed):
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


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # something in C that does not show its parameters
        return None


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


def _takes(signature: inspect.Signature, call: _Call) -> bool:
    try:
        signature.bind(*[None] * call[0], **dict.fromkeys(call[1]))
    except TypeError:
        return False
    return True


def _parameters(signature: inspect.Signature) -> str:
    return str(signature.replace(return_annotation=inspect.Signature.empty))
