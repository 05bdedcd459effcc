"""A scenario: the network, the release team's actions, the failures, and the required end.

In: TOML. Out: a frozen ``Scenario``, or an error that names every mistaken key with the nearest right one.
Epochs may be written with a fraction: ``106.5`` is half-way through epoch 106. Shares are of the nodes, 0 to 1, unless
a key names it. ``docs/rehearsal.md`` explains each key.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from chain_reader.node.kinds import DecisionKind
from datum.foreign_text import toml_problem
from eras import ConfigurationError
from eras.nearest import nearest
from eras.words import counted
from release_tools.adoption.versions import is_known
from release_tools.findings import MisfitError, findings_of
from release_tools.rehearsal.actions import (
    MAX_EPOCHS,
    Activate,
    Announce,
    AnyAction,
    Configure,
    ForgeConfiguration,
    Name,
    Outage,
    Parameters,
    Part,
    Partition,
    Replay,
    Table,
    When,
    Withdraw,
)

MAX_FILE_BYTES = 1 << 20
MAX_NODES = 100_000


def _release(name: str) -> str:
    if not is_known(name) or "+" in name:
        raise ValueError("a semantic version, as 0.4.0")
    return name


def _kind(name: str) -> str:
    kinds = [kind.value for kind in DecisionKind]
    if name not in kinds:
        raise ValueError(f"a kind of decision, as docs/events.md lists them, not {name!r}{_hint(name, kinds)}")
    return name


def _hint(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f" (did you mean {near!r}?)" if near else ""


Release = Annotated[Name, AfterValidator(_release)]
Kind = Annotated[Name, AfterValidator(_kind)]


class Version(Table):
    """A version of the node.

    Attributes:
        name: the version that registrations state.
        eras: the eras it knows, oldest first.
        share: the part of the nodes that run it at the start.
    """

    name: Release
    eras: tuple[Name, ...] = Field(min_length=1)
    share: Part = 0.0


class Upgrade(Table):
    """Operators install a version.

    Attributes:
        to: the version.
        after: when it can be installed.
        median_epochs: half of those who ever install it have done so this long after.
        spread: how unlike the operators are: 0 all at once, 1 some within a day and some after months (log-normal).
        never: the part of the nodes that never do.
        never_are: whether these are ``any`` nodes, or the ``largest``.
        largest_first: whether those with the most stake are the fastest, as when the team calls them.
    """

    to: Name
    after: When
    median_epochs: Annotated[float, Field(gt=0, le=MAX_EPOCHS)] = 2.0
    spread: Annotated[float, Field(ge=0, le=3)] = 0.6
    never: Part = 0.0
    never_are: Literal["any", "largest"] = "any"
    largest_first: bool = False


class Stake(Table):
    """How stake is spread over the nodes.

    Attributes:
        distribution: ``log-normal``, ``equal``, or ``file``.
        sigma: unevenness of the log-normal.
        largest_share: no node has more than this part of the stake, as saturation keeps pools from it.
        total_ada: all stake.
        file: one stake in lovelace a line, or a CSV with a column ``stake``; nodes take them in turn.
        drift: the part of its stake that each node gains or loses in an epoch, at most.
    """

    distribution: Literal["log-normal", "equal", "file"] = "log-normal"
    sigma: Annotated[float, Field(gt=0, le=4)] = 1.5
    largest_share: Annotated[float, Field(gt=0, le=1)] = 0.01
    total_ada: Annotated[int, Field(gt=0, le=45_000_000_000)] = 20_000_000_000
    file: Path | None = None
    drift: Part = 0.0

    @model_validator(mode="after")
    def _file_where_it_is_asked_for(self) -> Self:
        if (self.distribution == "file") != (self.file is not None):
            raise ValueError('file together with distribution = "file"')
        return self


class Quorum(Parameters):
    """The quorum parameters; where they are on the chain, those that the team published first.

    Attributes:
        lag_epochs: epochs from a registration to the signatures it counts for.
    """

    lag_epochs: Annotated[int, Field(ge=0, le=10)] = 2


class Provider(Table):
    """A provider of chain data.

    Attributes:
        name: what it is called.
        share: the part of the nodes that ask it.
        lag_ticks: how late it is.
        knows: ``everything``, or only the ``unspent`` outputs, as Ogmios does.
    """

    name: Name
    share: Part = 1.0
    lag_ticks: Annotated[int, Field(ge=0, le=10_000)] = 0
    knows: Literal["everything", "unspent"] = "everything"


class Clocks(Table):
    """Clocks that are wrong.

    Attributes:
        wrong: the part of the nodes whose clock is wrong.
        off_ticks: by how much at most, either way.
    """

    wrong: Part = 0.0
    off_ticks: Annotated[int, Field(ge=0, le=1_000)] = 1


class Keys(Table):
    """Keys of operators that expire, as KES keys do: a node with an expired one runs, and neither registers nor signs.

    Attributes:
        expire_at: when.
        share: the part of the nodes.
        renewed_after: epochs until an operator has renewed it.
    """

    expire_at: When
    share: Part
    renewed_after: Annotated[float, Field(gt=0, le=MAX_EPOCHS)] = 2.0


class Expect(Table):
    """The required end; a missing field is not checked.

    Attributes:
        current: the era that is current at the end, by the chain.
        switched: the least part of the nodes that are up and in that era at the end.
        stopped: the most part of the nodes that stopped because they do not know it.
        quorum_lost_epochs: the least and the most epochs without a quorum.
        told: decisions that at least one node must have made, by kind.
        not_told: those that no node may have made.
    """

    current: Name | None = None
    switched: Part | None = None
    stopped: Part | None = None
    quorum_lost_epochs: tuple[int, int] | None = None
    told: tuple[Kind, ...] = ()
    not_told: tuple[Kind, ...] = ()

    @model_validator(mode="after")
    def _least_before_most(self) -> Self:
        least, most = self.quorum_lost_epochs or (0, 0)
        if not 0 <= least <= most:
            raise ValueError(f"quorum_lost_epochs with the least before the most, not {least} and {most}")
        return self


class Scenario(Table):
    """A scenario of a rehearsal, as its TOML file describes it.

    Attributes:
        title: one line.
        story: what it shows, for the report.
        seed: what is drawn is drawn from this.
        nodes: how many.
        first_epoch: the epoch it begins in.
        epochs: how many epochs it lasts.
        ticks_per_epoch: how often in an epoch a node looks at its clock and asks its provider.
        confirmations: blocks that must lie upon a payload (T8).
        first_era: the era that is active from the beginning.
        versions: of the node.
        upgrades: who installs what, when.
        stake: how it is spread.
        quorum: what decides it.
        providers: whom the nodes ask.
        clocks: those that are wrong.
        keys: those that expire.
        actions: what happens, in any order.
        expect: how it must end.
    """

    title: Annotated[str, Field(min_length=1, max_length=120)]
    story: Annotated[str, Field(max_length=4_000)] = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    nodes: Annotated[int, Field(ge=1, le=MAX_NODES)] = 3_000
    first_epoch: Annotated[int, Field(ge=1, le=2**31)] = 100
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 12
    ticks_per_epoch: Annotated[int, Field(ge=2, le=100)] = 4
    confirmations: Annotated[int, Field(ge=0, le=1_000)] = 1
    first_era: Name = "thales"
    versions: tuple[Version, ...] = Field(min_length=1)
    upgrades: tuple[Upgrade, ...] = ()
    stake: Stake = Stake()
    quorum: Quorum
    providers: tuple[Provider, ...] = (Provider(name="provider"),)
    clocks: Clocks = Clocks()
    keys: Keys | None = None
    actions: tuple[AnyAction, ...] = ()
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        _require_shares("versions", self.versions)
        _require_shares("providers", self.providers)
        versions = _names("versions", self.versions)
        providers = _names("providers", self.providers)
        if not any(self.first_era in version.eras for version in self.versions if version.share > 0):
            raise MisfitError("versions", f"one that knows the first era, {self.first_era}, and that somebody runs")
        last = self.first_epoch + self.epochs
        for index, upgrade in enumerate(self.upgrades):
            _require_known(f"upgrades.{index}.to", upgrade.to, versions)
        for index, action in enumerate(self.actions):
            if not self.first_epoch <= action.at < last:
                raise MisfitError(f"actions.{index}.at", f"an epoch from {self.first_epoch} to before {last}")
            if isinstance(action, Announce | Activate | Withdraw):
                _require_known(f"actions.{index}.era", action.era, self.eras)
            if isinstance(action, Outage | Partition):
                _require_known(f"actions.{index}.provider", action.provider, providers)
        if self.expect.current is not None:
            _require_known("expect.current", self.expect.current, self.eras)
        return self

    @property
    def configures(self) -> bool:
        """Whether the parameters of the lottery are on the chain, and nodes read them there."""
        return any(
            isinstance(action, Configure | ForgeConfiguration)
            or (isinstance(action, Replay) and action.of == "configurations")
            for action in self.actions
        )

    def tick_of(self, when: float) -> int:
        """The tick of a moment, which is an epoch in parts."""
        return round((when - self.first_epoch) * self.ticks_per_epoch)

    @property
    def eras(self) -> tuple[str, ...]:
        """Every era that any version knows, oldest first."""
        return tuple(dict.fromkeys(era for version in self.versions for era in version.eras))

    def changed(self, **changes: Any) -> Self:
        """The same scenario with other values, checked again.

        Raises:
            ConfigurationError: it is impossible with these.
        """
        return self.of({name: getattr(self, name) for name in type(self).model_fields} | changes)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The scenario in a file; a stake file beside it is found by its name.

        Raises:
            ConfigurationError: it cannot be read, or has mistakes; the error names all of them.
        """
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise _scenario_error(f"the file {path}", f"at most {MAX_FILE_BYTES} bytes", "more")
            tree = tomllib.loads(content.decode())
        except OSError as error:
            raise _scenario_error(f"the file {path}", "a file that can be read", error.strerror or "nothing") from error
        except (ValueError, RecursionError) as error:
            raise _scenario_error(f"the file {path}", "TOML", toml_problem(error)[:200]) from error
        scenario = cls.of(tree, origin=f"the file {path}")
        stakes = scenario.stake.file
        if stakes is None or stakes.is_absolute():
            return scenario
        return scenario.model_copy(update={"stake": scenario.stake.model_copy(update={"file": path.parent / stakes})})

    @classmethod
    def of(cls, tree: Mapping[str, Any], *, origin: str = "the scenario") -> Self:
        """The scenario that a mapping describes, as the file does.

        Raises:
            ConfigurationError: it has mistakes; the error names all of them.
        """
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            listed = [f"{one}" for one in findings_of(error, "a key of the scenario", cls, place_of=_place)]
            raise ConfigurationError(
                f"{origin[:1].upper()}{origin[1:]} has {counted(len(listed), 'mistake')}:",
                lines=listed,
                next_step="Correct it; docs/rehearsal.md has every key",
                mistakes=listed,
                code="Scenario",
            ) from None


def _names(key: str, tables: tuple[Version, ...] | tuple[Provider, ...]) -> tuple[str, ...]:
    names = tuple(table.name for table in tables)
    if len(set(names)) < len(names):
        raise MisfitError(key, "each name once")
    return names


def _require_shares(key: str, tables: tuple[Version, ...] | tuple[Provider, ...]) -> None:
    total = sum(table.share for table in tables)
    if abs(total - 1) > 1e-9:
        raise MisfitError(key, f"shares that make 1 together, not {total:g}")


def _require_known(key: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise MisfitError(key, f"one of {', '.join(known)}, not {name!r}{_hint(name, known)}")


def _place(place: Sequence[str]) -> Sequence[str]:
    """The place without the kind of an action, which pydantic adds."""
    return [*place[:2], *place[3:]] if len(place) > 2 and place[0] == "actions" else place


def _scenario_error(what: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The scenario in {what} cannot be used",
        expected=expected,
        got=got,
        next_step="Correct the file",
        code="Scenario",
    )
