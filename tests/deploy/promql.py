"""The part of PromQL that the alerts and the dashboard use: a strict parser, and an evaluator over a few scrapes.

Anything beyond that part is a syntax error here, so that nothing is used that the tests do not understand. One thing is
simpler than in Prometheus: an increase is not extrapolated to the ends of its range.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LOOKBACK_S = 300.0
TOKEN = re.compile(
    r"\s*(?:(?P<duration>\d+[smhd](?![\w.]))|(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-zA-Z_:][\w:]*)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/<>=(){}\[\],]))'
)
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AGGREGATES = ("sum", "min", "max")
RANGED = ("rate", "increase")
ORDER = (("or",), ("and", "unless"), ("==", "!=", ">", "<", ">=", "<="), ("+", "-"), ("*", "/"))
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
COUNT: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": lambda a, b: a / b if b else math.nan,
}  # fmt: skip
RESERVED = {"by", "on", "and", "or", "unless", *AGGREGATES, *RANGED, "time", "histogram_quantile"}

Labels = dict[str, str]
Vector = list[tuple[Labels, float]]
Samples = Mapping[str, Sequence[tuple[Labels, float]]]


class PromQLError(ValueError):
    """The expression is not of the part of PromQL that is used here."""


@dataclass(frozen=True)
class Selector:
    name: str
    matchers: tuple[tuple[str, str, str], ...]
    range_s: float | None = None

    def matches(self, labels: Labels) -> bool:
        return all(_match(labels.get(label, ""), sign, wanted) for label, sign, wanted in self.matchers)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Any, ...]
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    sign: str
    left: Any
    right: Any
    on: tuple[str, ...] | None


def parse(text: str) -> Any:
    """The expression as a tree."""
    return _Parser(text).whole()


def selectors(tree: Any) -> Iterator[Selector]:
    """Every selector in an expression."""
    if isinstance(tree, Selector):
        yield tree
    for below in (tree.left, tree.right) if isinstance(tree, Binary) else getattr(tree, "arguments", ()):
        yield from selectors(below)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise PromQLError(f"{text[at : at + 20]!r} is not understood")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    def whole(self) -> Any:
        tree = self._level(0)
        if self._at < len(self._tokens):
            raise PromQLError(f"{self._peek()!r} is too much")
        return tree

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str | None = None, kind: str | None = None) -> str:
        if self._at >= len(self._tokens):
            raise PromQLError(f"it ends where {wanted or kind} should be")
        found_kind, found = self._tokens[self._at]
        if (wanted is not None and found != wanted) or (kind is not None and found_kind != kind):
            raise PromQLError(f"{found!r} stands where {wanted or kind} should be")
        self._at += 1
        return found

    def _level(self, level: int) -> Any:
        if level == len(ORDER):
            return self._primary()
        left = self._level(level + 1)
        while self._peek() in ORDER[level]:
            sign = self._take()
            on = self._names("on") if self._peek() == "on" else None
            left = Binary(sign, left, self._level(level + 1), on)
        return left

    def _names(self, word: str) -> tuple[str, ...]:
        self._take(word)
        self._take("(")
        names = [self._take(kind="name")]
        while self._peek() == ",":
            self._take(",")
            names.append(self._take(kind="name"))
        self._take(")")
        return tuple(names)

    def _primary(self) -> Any:
        kind = self._tokens[self._at][0] if self._at < len(self._tokens) else ""
        if kind == "number":
            return float(self._take())
        if self._peek() == "(":
            self._take("(")
            tree = self._level(0)
            self._take(")")
            return tree
        name = self._take(kind="name")
        if name in AGGREGATES:
            by = self._names("by") if self._peek() == "by" else ()
            return Call(name, self._arguments(1), by)
        if name in RANGED:
            (of,) = arguments = self._arguments(1)
            if not isinstance(of, Selector) or of.range_s is None:
                raise PromQLError(f"{name} wants a range")
            return Call(name, arguments)
        if name in ("time", "histogram_quantile"):
            return Call(name, self._arguments(0 if name == "time" else 2))
        if name in RESERVED:
            raise PromQLError(f"{name!r} is no metric")
        return self._selector(name)

    def _arguments(self, count: int) -> tuple[Any, ...]:
        self._take("(")
        found = []
        for index in range(count):
            if index:
                self._take(",")
            found.append(self._level(0))
        self._take(")")
        return tuple(found)

    def _selector(self, name: str) -> Selector:
        matchers = []
        if self._peek() == "{":
            self._take("{")
            while self._peek() != "}":
                if matchers:
                    self._take(",")
                label, sign = self._take(kind="name"), self._take(kind="sign")
                if sign not in ("=", "!=", "=~", "!~"):
                    raise PromQLError(f"{sign!r} matches no label")
                matchers.append((label, sign, self._take(kind="text")[1:-1]))
            self._take("}")
        if self._peek() != "[":
            return Selector(name, tuple(matchers))
        self._take("[")
        duration = self._take(kind="duration")
        self._take("]")
        return Selector(name, tuple(matchers), int(duration[:-1]) * UNITS_S[duration[-1]])


def _match(value: str, sign: str, wanted: str) -> bool:
    found = re.fullmatch(wanted, value) is not None if "~" in sign else value == wanted
    return found is not sign.startswith("!")


class Scrapes:
    """Scrapes by their times, in which expressions are evaluated."""

    def __init__(self, scrapes: Mapping[float, Samples]) -> None:
        self._scrapes = dict(sorted(scrapes.items()))

    def evaluate(self, text: str, at_s: float) -> Vector | float:
        """What an expression comes to."""
        found: Vector | float = self._value(parse(text), at_s)
        return found

    def _value(self, tree: Any, at_s: float) -> Any:
        if isinstance(tree, float):
            return tree
        if isinstance(tree, Selector):
            return self._instant(tree, at_s)
        if isinstance(tree, Binary):
            return self._binary(tree, self._value(tree.left, at_s), self._value(tree.right, at_s))
        if tree.name == "time":
            return at_s
        if tree.name in RANGED:
            return list(self._increases(tree.arguments[0], at_s, per_s=tree.name == "rate"))
        values = [self._value(argument, at_s) for argument in tree.arguments]
        return _quantile(*values) if tree.name == "histogram_quantile" else _aggregate(tree, values[0])

    def _instant(self, selector: Selector, at_s: float) -> Vector:
        times = [time_s for time_s in self._scrapes if at_s - LOOKBACK_S < time_s <= at_s]
        samples = self._scrapes[times[-1]].get(selector.name, ()) if times else ()
        return [(labels, value) for labels, value in samples if selector.matches(labels)]

    def _increases(self, selector: Selector, at_s: float, *, per_s: bool) -> Iterator[tuple[Labels, float]]:
        assert selector.range_s is not None
        series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for time_s, samples in self._scrapes.items():
            if at_s - selector.range_s <= time_s <= at_s:
                for labels, value in samples.get(selector.name, ()):
                    if selector.matches(labels):
                        series.setdefault(tuple(sorted(labels.items())), []).append((time_s, value))
        for key, points in series.items():
            if len(points) > 1:
                pairs = pairwise(points)
                grown = sum(after if after < before else after - before for (_, before), (_, after) in pairs)
                yield dict(key), grown / (points[-1][0] - points[0][0]) if per_s else grown

    @staticmethod
    def _binary(tree: Binary, left: Any, right: Any) -> Any:
        def key(labels: Labels) -> tuple[tuple[str, str], ...]:
            return tuple(sorted((name, value) for name, value in labels.items() if tree.on is None or name in tree.on))

        if isinstance(left, float) and isinstance(right, float):
            return COUNT[tree.sign](left, right)
        if tree.sign in ("and", "or", "unless"):
            there, here = {key(labels) for labels, _ in right}, {key(labels) for labels, _ in left}
            if tree.sign == "or":
                return left + [sample for sample in right if key(sample[0]) not in here]
            return [sample for sample in left if (key(sample[0]) in there) is (tree.sign == "and")]
        others = None if isinstance(right, float) else {key(labels): value for labels, value in right}
        found: Vector = []
        if isinstance(left, float):
            return [(labels, COUNT[tree.sign](left, value)) for labels, value in right]
        for labels, one in left:
            other = right if others is None else others.get(key(labels))
            if other is None:
                continue
            if tree.sign in COMPARE:
                found += [(labels, one)] if COMPARE[tree.sign](one, other) else []
            else:
                found.append((dict(key(labels)), COUNT[tree.sign](one, other)))
        return found


def _aggregate(tree: Call, values: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for labels, value in values:
        groups.setdefault(tuple((name, labels[name]) for name in tree.by if name in labels), []).append(value)
    combine: Callable[[list[float]], float] = {"sum": sum, "min": min, "max": max}[tree.name]
    return [(dict(key), combine(group)) for key, group in groups.items()]


def _quantile(share: float, buckets: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for labels, value in buckets:
        key = tuple(sorted((name, label) for name, label in labels.items() if name != "le"))
        groups.setdefault(key, []).append((float(labels["le"]), value))
    found: Vector = []
    for key, group in groups.items():
        group.sort()
        rank, lower, before = share * group[-1][1], 0.0, 0.0
        if not rank:
            continue
        for bound, count in group:
            if count >= rank:
                inside = (rank - before) / (count - before) if math.isfinite(bound) else 0.0
                found.append((dict(key), lower + (bound - lower) * inside if inside else lower))
                break
            lower, before = bound, count
    return found
