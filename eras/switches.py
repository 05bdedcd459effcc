"""The registry that a node's code uses to do in each era what that era demands.

A behaviour is registered for the era it begins with and holds until a later era registers a replacement; a boolean
switch is on from one era up to, not including, another. ``seal()`` checks at start-up that every supported era has
exactly one behaviour for every name, called in the same way in every era (``switch_checks``), and lays out one table
per era: a call afterwards is a look-up in that table. Retiring an era is deleting its one registration.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from typing_extensions import TypeForm

from eras.checker import EraChecker
from eras.errors import ConfigurationError, EraSwitchError, kept
from eras.events import EraStatus
from eras.marker import Epoch
from eras.supported import Name, name_of
from eras.switch_checks import Behaviour, Boolean, Declared, is_callable_type, problems_of
from eras.words import counted

Function = TypeVar("Function", bound=Callable[..., Any])
Found = TypeVar("Found")


class Reason(enum.Enum):
    """Why an evaluation has the value it has."""

    ACTIVE = "the era is active"
    PINNED = "the era is pinned for this unit of work"
    REMEMBERED = "the era is active on a remembered schedule that could not be refreshed"


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
    """One switch in each supported era: the behaviour's qualified name, or the boolean."""

    name: str
    kind: str
    by_era: tuple[tuple[str, str | bool], ...]

    def to_dict(self) -> dict[str, object]:
        """The description as JSON-ready facts."""
        return {"name": self.name, "kind": self.kind, "by_era": dict(self.by_era)}


class TypedSwitch(Generic[Function]):
    """A behaviour that was declared with its type: register by ``since``, call it as the function that it stands for.

    ``BehaviourSwitches.declare`` makes it.
    """

    __slots__ = ("_switches", "name")

    def __init__(self, switches: "BehaviourSwitches", name: str) -> None:
        self._switches = switches
        self.name = name

    def since(self, era: Name) -> Callable[[Function], Function]:
        """Decorator: the function is the behaviour from the era on, until a later era replaces it.

        Raises:
            ConfigurationError: the registry is sealed already.
        """
        return self._switches.behaviour(self.name, since=era)

    @property
    def __call__(self) -> Function:
        """The behaviour of the current era, so that ``handle(…)`` calls it.

        Raises:
            ConfigurationError: the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        return cast("Function", self._switches[self.name])

    def in_era(self, era: Name) -> Function:
        """The behaviour of an era, whichever is current.

        Raises:
            ConfigurationError: the registry is not sealed.
            UnsupportedEraError: this software does not know the era.
        """
        return cast("Function", self._switches.in_era(era)[self.name])

    def __repr__(self) -> str:
        return f"TypedSwitch({self.name!r})"


class BehaviourSwitches:
    """The behaviours and boolean switches of a node, resolved by the current era of ``checker``."""

    def __init__(self, checker: EraChecker) -> None:
        self._checker = checker
        self._behaviours: list[Behaviour] = []
        self._booleans: list[Boolean] = []
        self._declared: list[Declared] = []
        # era → name → behaviour or boolean; the key None is never there, so that no era to run finds nothing.
        self._behaviours_in: dict[str | None, dict[str, Callable[..., Any]]] = {}
        self._booleans_in: dict[str | None, dict[str, bool]] = {}
        self._is_sealed = False

    # -- at import time ---------------------------------------------------------------------------------------------

    def declare(self, name: Name, of: "TypeForm[Function]") -> TypedSwitch[Function]:
        """A behaviour with its type, by which type checkers and ``seal`` know what fits.

            certificate_hash = switches.declare("certificate_hash", Callable[[bytes], bytes])

        Args:
            name: the behaviour.
            of: ``Callable[[…], …]``, or a protocol with ``__call__``, which also names the parameters.

        Raises:
            ConfigurationError: the registry is sealed already, or ``of`` is not the type of a function.
        """
        declared = name_of(name)
        if self._is_sealed:
            raise _sealed_already(declared)
        if not is_callable_type(of):
            raise ConfigurationError(
                f"The switch {declared!r} was declared with a type that cannot be called",
                expected="Callable[[…], …], or a protocol with __call__",
                got=repr(of),
                next_step="Declare the type of the function; for a value that is on or off, use boolean()",
                code="Switch",
            )
        self._declared.append(Declared(declared, of))
        return TypedSwitch(self, declared)

    def behaviour(self, name: Name, *, since: Name) -> Callable[[Function], Function]:
        """Decorator: the function is the behaviour ``name`` from the era ``since`` on, until a later era replaces it.

        Raises:
            ConfigurationError: the registry is sealed already.
        """
        behaviour, era = name_of(name), name_of(since)
        if self._is_sealed:
            raise _sealed_already(behaviour)

        def register(function: Function) -> Function:
            if self._is_sealed:
                raise _sealed_already(behaviour)
            self._behaviours.append(Behaviour(behaviour, era, function))
            return function

        return register

    def boolean(self, name: Name, *, since: Name, until: Name | None = None) -> None:
        """A switch that is on from the era ``since`` up to, not including, the era ``until``.

        Raises:
            ConfigurationError: the registry is sealed already.
        """
        switch = Boolean(name_of(name), name_of(since), None if until is None else name_of(until))
        if self._is_sealed:
            raise _sealed_already(switch.name)
        self._booleans.append(switch)

    # -- at start-up ------------------------------------------------------------------------------------------------

    def seal(self) -> None:
        """Check every registration and close the registry; calling it again is fine.

        Raises:
            ConfigurationError: a behaviour is missing for a supported era, registered twice for the same era, begins
                with an unsupported era, or is called differently in two eras or than it was declared; or a name is used
                for two kinds of switch. All problems are listed at once.
        """
        if self._is_sealed:
            return
        eras = tuple(self._checker.supported)
        problems = problems_of(self._behaviours, self._booleans, self._declared, eras)
        if problems:
            raise ConfigurationError(
                f"The behaviour switches have {counted(len(problems), 'problem')}: {'; '.join(problems)}",
                next_step="Register each name for the first supported era, and again for each era that changes it",
                problems=problems,
                code="Switch",
            )
        self._lay_out(eras)
        self._is_sealed = True

    # -- at run time ------------------------------------------------------------------------------------------------

    def __getitem__(self, name: Name) -> Callable[..., Any]:
        """The behaviour ``name`` of the current era: ``switches["certificate_hash"](message)``.

        Raises:
            ConfigurationError: no behaviour has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        checker = self._checker
        # The view is read here rather than through the checker's property: a dispatch costs a look-up, and is measured.
        era = (checker._pinned_view() if checker._pins else checker._view).era
        try:
            return self._behaviours_in[era][name]  # type: ignore[index]
        except KeyError:
            return self._by_member(self._behaviours_in, era, name)

    def call(self, name: Name, /, *args: Any) -> Any:
        """Run the behaviour ``name`` of the current era with positional arguments.

        Keyword arguments would cost every call a quarter more: ``switches[name](…)`` takes them.

        Raises:
            ConfigurationError: no behaviour has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        checker = self._checker
        # As ``__getitem__``, which it does not call: that would cost a fifth more.
        era = (checker._pinned_view() if checker._pins else checker._view).era
        try:
            behaviour = self._behaviours_in[era][name]  # type: ignore[index]
        except KeyError:
            behaviour = self._by_member(self._behaviours_in, era, name)
        return behaviour(*args)

    def is_on(self, name: Name) -> bool:
        """Whether the boolean switch ``name`` is on in the current era.

        Raises:
            ConfigurationError: no boolean switch has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        return self._by_member(self._booleans_in, self._checker.current_era, name)

    def evaluate(self, name: Name) -> Evaluation:
        """The value of a switch in the current era, with everything it rests on.

        Raises:
            ConfigurationError: nothing has that name, or the registry is not sealed.
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        name = name_of(name)
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
        """The behaviours in every era, sorted by name.

        Raises:
            ConfigurationError: the registry is not sealed.
        """
        if not self._is_sealed:
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

    def describe_era(self, era: Name) -> dict[str, str | bool]:
        """Every switch in one era, whichever is current, with its behaviour's qualified name or its value.

        Raises:
            ConfigurationError: the registry is not sealed.
            UnsupportedEraError: this software does not know the era.
        """
        known = self._known(era)
        return {name: self._described(known, name) for name in sorted(self._kinds())}

    def in_era(self, era: Name) -> Mapping[str, Callable[..., Any]]:
        """The behaviours of one era, whichever is current: to answer a peer that is in it still, or already.

        Raises:
            ConfigurationError: the registry is not sealed.
            UnsupportedEraError: this software does not know the era.
        """
        return MappingProxyType(self._behaviours_in[self._known(era)])

    # -- inside -----------------------------------------------------------------------------------------------------

    def _known(self, era: Name) -> str:
        """The name of an era that has its table."""
        if not self._is_sealed:
            raise self._not_sealed()
        supported = self._checker.supported
        return supported[supported.index(era)]

    def _by_member(self, table: Mapping[str | None, Mapping[str, Found]], era: str | None, name: Name) -> Found:
        """The entry of a table under a name, which may be a member of an enumeration."""
        try:
            return table[era][name_of(name)]
        except KeyError:
            raise self._not_found(name_of(name)) from None

    def _kinds(self) -> dict[str, str]:
        behaviours = [one.name for one in self._declared] + [one.name for one in self._behaviours]
        return dict.fromkeys(behaviours, "behaviour") | dict.fromkeys((s.name for s in self._booleans), "boolean")

    def _described(self, era: str, name: str) -> str | bool:
        if name in self._booleans_in[era]:
            return self._booleans_in[era][name]
        behaviour = self._behaviours_in[era][name]
        return getattr(behaviour, "__qualname__", None) or repr(behaviour)

    def _lay_out(self, eras: tuple[str, ...]) -> None:
        """Make the table of every era: that of the era before it, with what begins and ends with it."""
        behaviours: dict[str, Callable[..., Any]] = {}
        booleans = dict.fromkeys([switch.name for switch in self._booleans], False)
        for era in eras:
            for behaviour in self._behaviours:
                if behaviour.since == era:
                    behaviours[behaviour.name] = behaviour.function
            for switch in self._booleans:
                if era in (switch.since, switch.until):
                    booleans[switch.name] = era == switch.since
            self._behaviours_in[era], self._booleans_in[era] = behaviours.copy(), booleans.copy()

    def _not_found(self, name: str) -> EraSwitchError:
        """Why a look-up found nothing: no era to run, an open registry, or no such name."""
        try:
            _ = self._checker.current_era
        except EraSwitchError as error:
            return kept(error)
        if not self._is_sealed:
            return self._not_sealed()
        kinds = self._kinds()
        return ConfigurationError(
            f"{name!r} is a {kinds[name]}" if name in kinds else f"There is no switch {name!r}",
            expected=", ".join(f"{key} ({kind})" for key, kind in sorted(kinds.items())) or "a registered name",
            got=repr(name),
            next_step="Register it, or correct the name",
            code="Switch",
        )

    def _not_sealed(self) -> ConfigurationError:
        return ConfigurationError(
            "A switch was used before the registry was sealed",
            expected="seal() at start-up",
            got="an open registry",
            next_step="Call seal() once every module has registered its behaviours",
            code="Switch",
        )


def _sealed_already(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"The switch {name!r} was registered too late",
        expected="every registration before seal()",
        got="a sealed registry",
        next_step="Import the module that registers it before the node seals its switches",
        code="Switch",
    )
