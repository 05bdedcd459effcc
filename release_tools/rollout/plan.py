"""The plan of a rollout: two phases, their gates and epochs, and the people to inform. A TOML file, reviewed in git.

In: the text of a plan, or its contents. Out: a ``PlannedRollout``, or the text, always with the same keys, order and
comments, so that a change of the plan is a small change of the file. All mistakes in a plan are reported at once, each
with its key and the most similar valid one.
"""

import json
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from datum.foreign_text import toml_problem
from eras import ConfigurationError, Epoch
from eras.words import counted
from release_tools.adoption.shares import Base, ShareError, parse_share
from release_tools.findings import findings_of

MAX_PLAN_BYTES = 256 * 1024
PLAN_VERSION = 1
MAX_PLANNED_EPOCH = 1_000_000

PhaseName = Literal["announce", "activate"]
PHASES: tuple[PhaseName, ...] = get_args(PhaseName)


def _share_text(text: str) -> str:
    try:
        parse_share(text)
    except ShareError as error:
        raise ValueError(error.expected) from error
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("printable text on one line")
    return text


ShareText = Annotated[str, AfterValidator(_share_text)]
Words = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
PlannedEpoch = Annotated[int, Field(ge=0, le=MAX_PLANNED_EPOCH)]


class _Table(BaseModel):
    """An immutable table of the plan; unknown keys and values of another type are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AnnouncePhase(_Table):
    """The first phase: the marker without an epoch."""

    epoch: PlannedEpoch
    """Not before this epoch."""


class PlannedGate(_Table):
    """The conditions of the second phase."""

    threshold: ShareText
    of: Literal["registered", "network", "recent"] = "registered"
    for_epochs: Annotated[int, Field(ge=1, le=100)] = 1
    quorum_probability: Annotated[float, Field(gt=0, lt=1)] | None = None

    @property
    def share(self) -> Fraction:
        """The share of the stake that must be ready."""
        return parse_share(self.threshold)

    @property
    def base(self) -> Base:
        """The stake that the share refers to."""
        return Base(self.of)


class ActivatePhase(_Table):
    """The second phase: the marker gets its epoch."""

    at: PlannedEpoch
    """The epoch at which the era begins."""
    lead_epochs: Annotated[int, Field(ge=1, le=100)] = 2
    """The marker must be published this many epochs before the activation."""
    gate: PlannedGate

    @property
    def decide_by(self) -> Epoch:
        """The last epoch in which the activation can be published."""
        return Epoch(self.at - self.lead_epochs)


class PlannedQuorum(_Table):
    """The reviewed quorum parameters."""

    model: Literal["lottery", "cosmos", "ethereum"] = "lottery"
    k: Annotated[int, Field(ge=1)] | None = None
    m: Annotated[int, Field(ge=1)] | None = None
    phi_f: Annotated[float, Field(gt=0, le=1)] | None = None
    source: Words

    @model_validator(mode="after")
    def _in_full(self) -> Self:
        given = [name for name in ("k", "m", "phi_f") if getattr(self, name) is not None]
        if self.model == "lottery" and len(given) < 3:
            raise ValueError(f"all of k, m and phi_f for the lottery, got {' and '.join(given) or 'none of them'}")
        if self.model != "lottery" and given:
            raise ValueError(f"no parameters of the lottery with the model {self.model}, got {' and '.join(given)}")
        return self


class Person(_Table):
    """A person to inform."""

    name: Words
    contact: Words | None = None
    tell: tuple[PhaseName, ...] = Field(default=PHASES, strict=False)
    """The phases to inform about."""

    def __str__(self) -> str:
        return self.name if self.contact is None else f"{self.name} <{self.contact}>"


class PlannedConfiguration(_Table):
    """A change of the protocol configuration: its parameters, or a file with the whole configuration."""

    epoch: Annotated[int, Field(ge=1, le=MAX_PLANNED_EPOCH)]
    """The first epoch in which it applies; the network signs with it one epoch later."""
    publish: PlannedEpoch | None = None
    """The first epoch in which to publish it."""
    file: Words | None = None
    """A file of ``marker configuration export``; a relative path starts at the folder of the plan."""
    k: Annotated[int, Field(ge=1)] | None = None
    m: Annotated[int, Field(ge=1)] | None = None
    phi_f: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        given = [name for name in ("k", "m", "phi_f") if getattr(self, name) is not None]
        if len(given) != (0 if self.file is not None else 3):
            raise ValueError(f"file, or all of k, m and phi_f, got {' and '.join(given) or 'none of them'}")
        if self.k is not None and self.m is not None and self.k > self.m:
            raise ValueError(f"k of at most m, which is {self.m}, got {self.k}")
        if self.publish is not None and self.publish >= self.epoch:
            raise ValueError(f"publish before epoch {self.epoch}, from which on it holds")
        return self


class PlannedBefore(_Table):
    """A network that must have switched and recovered first."""

    network: Words
    network_magic: Annotated[int, Field(ge=0, lt=2**32)]
    verified: Words
    """The file that ``rollout verify --json`` wrote there; a relative path begins where the plan is."""
    share: ShareText = "90%"
    """The share of the activity before the switch at which this plan regards it as recovered."""


class PlannedRollout(_Table):
    """The plan of a rollout."""

    version: Literal[1]
    era: Words
    network_magic: Annotated[int, Field(ge=0, lt=2**32)]
    announce: AnnouncePhase
    activate: ActivatePhase
    before: tuple[PlannedBefore, ...] = Field(default=(), strict=False)
    quorum: PlannedQuorum | None = None
    configuration: tuple[PlannedConfiguration, ...] = Field(default=(), strict=False)
    people: tuple[Person, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.announce.epoch >= self.activate.decide_by:
            raise ValueError(
                f"activate.at at epoch {self.announce.epoch + self.activate.lead_epochs + 1} or later: announced in "
                f"epoch {self.announce.epoch}, and activated {counted(self.activate.lead_epochs, 'epoch')} ahead"
            )
        magics = [self.network_magic, *(one.network_magic for one in self.before)]
        if twice := [magic for magic in magics if magics.count(magic) > 1]:
            raise ValueError(f"before: other networks, each once; network magic {twice[0]} is there twice")
        epochs = [one.epoch for one in self.configuration]
        if again := [epoch for epoch in epochs if epochs.count(epoch) > 1]:
            raise ValueError(f"configuration: each epoch once; epoch {again[0]} is there twice")
        return self

    def people_to_tell(self, phase: PhaseName) -> tuple[Person, ...]:
        """Return the people to inform about a phase."""
        return tuple(person for person in self.people if phase in person.tell)

    @classmethod
    def of(cls, tree: dict[str, object], origin: str = "in memory") -> Self:
        """Return the plan in a tree of tables.

        Raises:
            ConfigurationError: it has mistakes; the error names all of them.
        """
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            mistakes = [str(one) for one in findings_of(error, "a key of the plan", cls)]
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise ConfigurationError(
            f"The rollout plan {origin} has {count}:",
            lines=mistakes,
            next_step="Correct the file",
            mistakes=mistakes,
            code="RolloutPlan",
        )

    @classmethod
    def from_text(cls, text: str, origin: str = "in memory") -> Self:
        """Return the plan in the text of a file.

        Raises:
            ConfigurationError: it is not TOML, or has mistakes.
        """
        if len(text.encode()) > MAX_PLAN_BYTES:
            raise _plan_error(origin, f"more than {MAX_PLAN_BYTES} bytes")
        try:
            tree = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise _plan_error(origin, toml_problem(error)[:200]) from error
        return cls.of(tree, origin)

    def to_text(self) -> str:
        """The plan as the text of a file."""
        return "\n".join(_lines(self)) + "\n"


def _lines(plan: PlannedRollout) -> Iterator[str]:
    """Every key in its place; defaults are written out, so that a review sees them."""
    gate, activate = plan.activate.gate, plan.activate
    yield f"# Rollout plan of the era {_toml(plan.era)}. Its progress: eraswitch rollout status THIS-FILE"
    yield f"version = {plan.version}"
    yield f"era = {_toml(plan.era)}"
    yield f"network_magic = {plan.network_magic}"
    for one in plan.before:
        yield ""
        yield "# This network first: nothing happens here until rollout verify --json reports that it recovered."
        yield "[[before]]"
        yield f"network = {_toml(one.network)}"
        yield f"network_magic = {one.network_magic}"
        yield f"verified = {_toml(one.verified)}"
        yield f"share = {_toml(one.share)}  # of what was before the switch there"
    yield ""
    yield "# Phase 1: the marker without an epoch. Nodes that do not know the era warn; nothing switches."
    yield "[announce]"
    yield f"epoch = {plan.announce.epoch}  # not before this epoch"
    yield ""
    yield "# Phase 2: the marker gets its epoch, if the gate holds. Nodes that know the era switch then, others stop."
    yield "[activate]"
    yield f"at = {activate.at}  # the era begins; to be activated by epoch {activate.decide_by}"
    yield f"lead_epochs = {activate.lead_epochs}"
    yield ""
    yield "[activate.gate]"
    yield f"threshold = {_toml(gate.threshold)}  # the share of the stake that must be ready"
    yield f"of = {_toml(gate.of)}  # registered, network or recent"
    yield f"for_epochs = {gate.for_epochs}  # in so many consecutive epochs"
    if gate.quorum_probability is not None:
        yield f"quorum_probability = {gate.quorum_probability!r}  # the chance of a quorum after the switch, at least"
    if plan.quorum is not None:
        yield ""
        yield "# What decides the quorum, and its source."
        yield "[quorum]"
        for name, value in plan.quorum:
            if value is not None:
                yield f"{name} = {_toml(value)}"
    for change in plan.configuration:
        yield ""
        yield "# A change of the protocol configuration: eraswitch marker configuration publish."
        yield "[[configuration]]"
        yield f"epoch = {change.epoch}  # it holds from then on; signed with from epoch {change.epoch + 1} on"
        if change.publish is not None:
            yield f"publish = {change.publish}  # not before this epoch"
        for name in ("file", "k", "m", "phi_f"):
            if getattr(change, name) is not None:
                yield f"{name} = {_toml(getattr(change, name))}"
    for person in plan.people:
        yield ""
        yield "[[people]]"
        yield f"name = {_toml(person.name)}"
        if person.contact is not None:
            yield f"contact = {_toml(person.contact)}"
        yield f"tell = {_toml(list(person.tell))}"


def _toml(value: object) -> str:
    """A value as TOML writes it: for text, numbers and lists of text the same as JSON."""
    return json.dumps(value, ensure_ascii=False)


def _plan_error(origin: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The rollout plan {origin} cannot be read",
        expected="TOML",
        got=got,
        next_step="Correct the file, or make one: eraswitch rollout plan ERA",
        code="RolloutPlan",
    )
