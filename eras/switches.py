"""The registry that a node's code uses to do in each era what that era demands.

A behaviour is registered for the era it begins with and holds until a later era registers a replacement; a boolean
switch is on from one era up to, not including, another. ``seal()`` checks at start-up that every supported era has
exactly one behaviour for every name, and lays out one table per era: a call afterwards is a look-up in that table.
Retiring an era is deleting its one registration.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from eras.checker import EraChecker
from eras.errors import ConfigurationError
from eras.events import EraStatus
from eras.marker import Epoch

Function = TypeVar("Function", bound=Callable[..., Any])


class SwitchError(ConfigurationError):
    """The switches of a node are not complete or not consistent, or one was used that does not exist."""


class Reason(enum.Enum):
    """Why an evaluation has the value it has."""

    ACTIVE = "the era is active"
    PINNED = "the era is pinned for this unit of work"
    REMEMBERED = "the era is active by a remembered schedule that could not be refreshed"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The value of a switch, and everything it rests on.

    Attributes:
        name: the switch.
        value: the behaviour (a callable) or the boolean.
        era: the era it was evaluated in.
        since: the epoch that this era began at.
        epoch: the epoch it was evaluated at.
        reason: why this era.
        transaction: hash of the transaction that published the era's marker, where known.
        key: verification key that the marker's signature was checked with, hex, where known.
    """

    name: str
    value: Any
    era: str
    since: Epoch | None
    epoch: Epoch
    reason: Reason
    transaction: str | None
    key: str | None


@dataclass(frozen=True, slots=True)
class SwitchDescription:
    """What one switch does in each supported era: the behaviour's qualified name, or the boolean."""

    name: str
    kind: str
    by_era: tuple[tuple[str, str | bool], ...]

    def to_dict(self) -> dict[str, Any]:
        """The description as JSON-ready facts."""
        return {"name": self.name, "kind": self.kind, "by_era": dict(self.by_era)}


@dataclass(frozen=True, slots=True)
class _Behaviour:
    name: str
    since: str
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Boolean:
    name: str
    since: str
    until: str | None


class BehaviourSwitches:
    """The behaviours and boolean switches of a node, resolved by the current era of ``checker``."""

    def __init__(self, checker: EraChecker) -> None:
        self._checker = checker
        self._behaviours: list[_Behaviour] = []
        self._booleans: list[_Boolean] = []
        self._tables: dict[str, dict[str, Any]] = {}

    # -- at import time ---------------------------------------------------------------------------------------------

    def behaviour(self, name: str, *, since: str) -> Callable[[Function], Function]:
        """Decorator: the function is the behaviour ``name`` from the era ``since`` on, until a later era replaces it.

        Raises:
            SwitchError: the registry is sealed already.
        """
        self._require_open(name)

        def register(function: Function) -> Function:
            self._require_open(name)
            self._behaviours.append(_Behaviour(name, since, function))
            return function

        return register

    def boolean(self, name: str, *, since: str, until: str | None = None) -> None:
        """A switch that is on from the era ``since`` up to, not including, the era ``until``.

        Raises:
            SwitchError: the registry is sealed already.
        """
        self._require_open(name)
        self._booleans.append(_Boolean(name, since, until))

    # -- at start-up ------------------------------------------------------------------------------------------------

    def seal(self) -> None:
        """Check every registration and close the registry; calling it again is fine.

        Raises:
            SwitchError: a behaviour is missing for a supported era, registered twice for the same era, begins with an
                era that is not supported, or a name is used for two kinds of switch. All problems are listed at once.
        """
        if self._tables:
            return
        problems = [*self._unknown_eras(), *self._duplicates(), *self._missing(), *self._empty_intervals()]
        if problems:
            raise SwitchError(
                f"The behaviour switches have {len(problems)} problem(s): {'; '.join(problems)}",
                next_step="Register one behaviour per name for the first supported era, and one for each era that changes it",
                problems=problems,
            )
        self._tables = {era: self._table(era) for era in self._checker.supported}

    # -- at run time ------------------------------------------------------------------------------------------------

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Run the behaviour ``name`` of the current era.

        Raises:
            SwitchError: no behaviour has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        try:
            behaviour = self._tables[self._checker.current_era][name]
        except KeyError:
            raise self._unknown(name) from None
        return behaviour(*args, **kwargs)

    def is_on(self, name: str) -> bool:
        """Whether the boolean switch ``name`` is on in the current era.

        Raises:
            SwitchError: no boolean switch has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        value = self._value(self._checker.current_era, name)
        if not isinstance(value, bool):
            raise self._unknown(name)
        return value

    def evaluate(self, name: str) -> Evaluation:
        """The value of a switch in the current era, with everything it rests on.

        Raises:
            SwitchError: nothing has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        with self._checker.pinned() as era:
            token, status = self._checker.token, self._checker.view.status
            value = self._value(era, name)
        reason = Reason.ACTIVE if status is EraStatus.READY else Reason.REMEMBERED
        if self._checker.is_pinned:
            reason = Reason.PINNED
        source = token.provenance
        return Evaluation(
            name,
            value,
            era,
            token.current.epoch,
            token.epoch,
            reason,
            source.transaction if source else None,
            source.key if source else None,
        )

    def describe(self) -> tuple[SwitchDescription, ...]:
        """What runs in which era, sorted by name.

        Raises:
            SwitchError: the registry is not sealed.
        """
        if not self._tables:
            raise self._not_sealed()
        behaviours = {registration.name for registration in self._behaviours}
        names = sorted(behaviours | {registration.name for registration in self._booleans})
        return tuple(
            SwitchDescription(
                name,
                "behaviour" if name in behaviours else "boolean",
                tuple((era, _described(table[name])) for era, table in self._tables.items()),
            )
            for name in names
        )

    # -- inside -----------------------------------------------------------------------------------------------------

    def _value(self, era: str, name: str) -> Any:
        try:
            return self._tables[era][name]
        except KeyError:
            raise self._unknown(name) from None

    def _table(self, era: str) -> dict[str, Any]:
        index = self._checker.supported.index
        begun = sorted((b for b in self._behaviours if index(b.since) <= index(era)), key=lambda b: index(b.since))
        booleans = {
            s.name: index(s.since) <= index(era) and (s.until is None or index(era) < index(s.until))
            for s in self._booleans
        }
        return booleans | {behaviour.name: behaviour.function for behaviour in begun}

    def _unknown_eras(self) -> list[str]:
        named = [(b.name, b.since) for b in self._behaviours] + [(s.name, s.since) for s in self._booleans]
        named += [(s.name, s.until) for s in self._booleans if s.until is not None]
        known = self._checker.supported
        return [f"{name!r} names the era {era!r}, which is not supported" for name, era in named if era not in known]

    def _duplicates(self) -> list[str]:
        seen: set[tuple[str, str]] = set()
        problems = []
        for behaviour in self._behaviours:
            key = (behaviour.name, behaviour.since)
            if key in seen:
                problems.append(f"{behaviour.name!r} has two behaviours since {behaviour.since!r}")
            seen.add(key)
        booleans = [switch.name for switch in self._booleans]
        taken = {behaviour.name for behaviour in self._behaviours}
        problems += [
            f"the boolean {name!r} is registered twice" for name in sorted(set(booleans)) if booleans.count(name) > 1
        ]
        problems += [f"{name!r} is both a behaviour and a boolean" for name in sorted(taken & set(booleans))]
        return problems

    def _missing(self) -> list[str]:
        supported = self._checker.supported
        firsts: dict[str, int] = {}
        for behaviour in self._behaviours:
            if behaviour.since in supported:
                index = supported.index(behaviour.since)
                firsts[behaviour.name] = min(index, firsts.get(behaviour.name, index))
        return [
            f"{name!r} has no behaviour for the era {era!r}"
            for name, first in firsts.items()
            for era in supported[:first]
        ]

    def _empty_intervals(self) -> list[str]:
        known = self._checker.supported
        return [
            f"{s.name!r} ends with {s.until!r}, which does not come after {s.since!r}"
            for s in self._booleans
            if s.until in known and s.since in known and known.index(str(s.until)) <= known.index(s.since)
        ]

    def _require_open(self, name: str) -> None:
        if self._tables:
            raise SwitchError(
                f"The switch {name!r} was registered too late",
                expected="every registration before seal()",
                got="a sealed registry",
                next_step="Import the module that registers it before the node seals its switches",
            )

    def _unknown(self, name: str) -> SwitchError:
        if not self._tables:
            return self._not_sealed()
        kinds = {
            key: "boolean" if isinstance(value, bool) else "behaviour" for key, value in self._first_table().items()
        }
        return SwitchError(
            f"There is no such switch as {name!r}" if name not in kinds else f"{name!r} is a {kinds[name]}",
            expected=", ".join(f"{key} ({kind})" for key, kind in sorted(kinds.items())) or "a registered name",
            got=repr(name),
            next_step="Register it, or correct the name",
        )

    def _first_table(self) -> dict[str, Any]:
        return next(iter(self._tables.values()))

    def _not_sealed(self) -> SwitchError:
        return SwitchError(
            "A switch was used before the registry was sealed",
            expected="seal() at start-up",
            got="an open registry",
            next_step="Call seal() once every module has registered its behaviours",
        )


def _described(value: Any) -> str | bool:
    if isinstance(value, bool):
        return value
    return getattr(value, "__qualname__", None) or repr(value)
