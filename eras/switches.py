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
from eras.errors import ConfigurationError, EraSwitchError
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
        # era → name → behaviour or boolean; the key None is never there, so that no era to run finds nothing.
        self._behaviours_in: dict[str | None, dict[str, Callable[..., Any]]] = {}
        self._booleans_in: dict[str | None, dict[str, bool]] = {}

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
        if self._sealed:
            return
        problems = [*self._unknown_eras(), *self._duplicates(), *self._missing(), *self._empty_intervals()]
        if problems:
            raise SwitchError(
                f"The behaviour switches have {len(problems)} problem(s): {'; '.join(problems)}",
                next_step="Register each name for the first supported era, and again for each era that changes it",
                problems=problems,
            )
        supported = self._checker.supported
        self._booleans_in = {era: self._booleans_of(era) for era in supported}
        self._behaviours_in = {era: self._behaviours_of(era) for era in supported}

    # -- at run time ------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The behaviour ``name`` of the current era: ``switches["certificate_hash"](message)``.

        Raises:
            SwitchError: no behaviour has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        checker = self._checker
        # The view is read here rather than through the checker's property: a dispatch costs a look-up, and is measured.
        era = (checker._pinned_view() if checker._pins else checker._view).era
        try:
            return self._behaviours_in[era][name]
        except KeyError:
            raise self._not_found(name) from None

    def call(self, name: str, /, *args: Any) -> Any:
        """Run the behaviour ``name`` of the current era with positional arguments.

        Keyword arguments would cost every call a quarter more: ``switches[name](…)`` takes them.

        Raises:
            SwitchError: no behaviour has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        checker = self._checker
        # As ``__getitem__``, which it does not call: that would cost a fifth more.
        era = (checker._pinned_view() if checker._pins else checker._view).era
        try:
            behaviour = self._behaviours_in[era][name]
        except KeyError:
            raise self._not_found(name) from None
        return behaviour(*args)

    def is_on(self, name: str) -> bool:
        """Whether the boolean switch ``name`` is on in the current era.

        Raises:
            SwitchError: no boolean switch has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        try:
            return self._booleans_in[self._checker.current_era][name]
        except KeyError:
            raise self._not_found(name) from None

    def evaluate(self, name: str) -> Evaluation:
        """The value of a switch in the current era, with everything it rests on.

        Raises:
            SwitchError: nothing has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        already_pinned = self._checker.is_pinned
        with self._checker.pinned() as era:
            token, status = self._checker.token, self._checker.view.status
            booleans = self._booleans_in.get(era, {})
            value: Any = booleans[name] if name in booleans else self[name]
        reason = Reason.ACTIVE if status is EraStatus.READY else Reason.REMEMBERED
        if already_pinned:
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
        if not self._sealed:
            raise self._not_sealed()
        kinds = self._kinds()
        return tuple(
            SwitchDescription(
                name,
                kinds[name],
                tuple((era, self._described(era, name)) for era in self._checker.supported),
            )
            for name in sorted(kinds)
        )

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _sealed(self) -> bool:
        return bool(self._behaviours_in)

    def _kinds(self) -> dict[str, str]:
        return {b.name: "behaviour" for b in self._behaviours} | {s.name: "boolean" for s in self._booleans}

    def _described(self, era: str, name: str) -> str | bool:
        if name in self._booleans_in[era]:
            return self._booleans_in[era][name]
        behaviour = self._behaviours_in[era][name]
        return getattr(behaviour, "__qualname__", None) or repr(behaviour)

    def _behaviours_of(self, era: str) -> dict[str, Callable[..., Any]]:
        index = self._checker.supported.index
        begun = [b for b in self._behaviours if index(b.since) <= index(era)]
        return {b.name: b.function for b in sorted(begun, key=lambda b: index(b.since))}

    def _booleans_of(self, era: str) -> dict[str, bool]:
        index = self._checker.supported.index
        return {
            s.name: index(s.since) <= index(era) and (s.until is None or index(era) < index(s.until))
            for s in self._booleans
        }

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
        if self._sealed:
            raise SwitchError(
                f"The switch {name!r} was registered too late",
                expected="every registration before seal()",
                got="a sealed registry",
                next_step="Import the module that registers it before the node seals its switches",
            )

    def _not_found(self, name: str) -> EraSwitchError:
        """Why a look-up found nothing: no era to run, an open registry, or no such name."""
        try:
            _ = self._checker.current_era
        except EraSwitchError as error:
            return error
        if not self._sealed:
            return self._not_sealed()
        kinds = self._kinds()
        return SwitchError(
            f"{name!r} is a {kinds[name]}" if name in kinds else f"There is no switch {name!r}",
            expected=", ".join(f"{key} ({kind})" for key, kind in sorted(kinds.items())) or "a registered name",
            got=repr(name),
            next_step="Register it, or correct the name",
        )

    def _not_sealed(self) -> SwitchError:
        return SwitchError(
            "A switch was used before the registry was sealed",
            expected="seal() at start-up",
            got="an open registry",
            next_step="Call seal() once every module has registered its behaviours",
        )
