"""Planned changes of the protocol configuration: their state, the next step, and the effect on the quorum. Pure.

In: the plan's entries, the configurations that nodes trust, the epoch, and the ready share. Out: a
``ConfigurationStanding`` for each entry. The next step of an entry is

1. to publish it, once its epoch to do so has come, ideally before nodes register for the epoch that it changes;
2. none, if the chain has it;
3. none, if its epoch has begun without it: people must resolve that.
"""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from datum.configuration import (
    DEFAULT_CONFIGURATIONS,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolParameters,
    configuration_at,
    read_import,
    schedule,
)
from eras import ConfigurationError, Epoch
from release_tools.forecasting.lottery import Lottery
from release_tools.forecasting.lottery_parameters import change_words
from release_tools.rollout.plan import PlannedConfiguration, PlannedRollout


class StepState(enum.Enum):
    """The state of the next step.

    ``DUE``: it can be done now. ``WAITING``: its epoch has not come. ``BLOCKED``: its gate is not met. ``LATE``: its
    time is over, so the plan needs another epoch. ``DEVIATED``: the chain differs from the plan. ``DONE``: nothing is
    left to do.
    """

    DUE = "due"
    WAITING = "waiting"
    BLOCKED = "blocked"
    LATE = "late"
    DEVIATED = "deviated"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """An entry of the plan, with the content of its file.

    Attributes:
        planned: the entry.
        configuration: the configuration in its file; ``None`` if it has only parameters.
    """

    planned: PlannedConfiguration
    configuration: ProtocolConfiguration | None = None

    @property
    def epoch(self) -> Epoch:
        """The first epoch in which it applies."""
        return Epoch(self.planned.epoch)

    def over(self, known: Iterable[EpochConfiguration]) -> EpochConfiguration:
        """Return the whole configuration; an entry of parameters keeps everything else as before."""
        if self.configuration is not None:
            return EpochConfiguration(self.epoch, self.configuration)
        before = configuration_at(known, self.epoch) or DEFAULT_CONFIGURATIONS[0].configuration
        asked = self.planned
        assert asked.k is not None and asked.m is not None and asked.phi_f is not None  # noqa: S101, PT018 - as checked
        return EpochConfiguration(
            self.epoch, replace(before, parameters=ProtocolParameters(asked.k, asked.m, asked.phi_f))
        )


@dataclass(frozen=True, slots=True)
class ConfigurationStanding:
    """The standing of a planned change of the configuration.

    Attributes:
        change: the change.
        state: its state.
        differences: its differences from what nodes trust, in words.
        words: the next step, in a sentence.
        effect: the effect on the chance of a quorum, in words; empty if it is unknown.
    """

    change: PlannedChange
    state: StepState
    differences: tuple[str, ...]
    words: str
    effect: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The standing, JSON-ready."""
        return {
            **self.change.planned.model_dump(mode="json", exclude_none=True),
            "state": self.state.value,
            "differences": list(self.differences),
            "words": self.words,
            "effect": "; ".join(self.effect) or None,
        }


def planned_changes(plan: PlannedRollout, read: Callable[[str], bytes]) -> tuple[PlannedChange, ...]:
    """Return the entries of a plan by epoch, with the contents of their files.

    Args:
        plan: the plan.
        read: returns the content of a file.

    Raises:
        ConfigurationError: a file has no configuration for that epoch.
        ProtocolConfigurationError: a file cannot be imported.
    """
    found = []
    for one in sorted(plan.configuration, key=lambda entry: entry.epoch):
        if one.file is None:
            found.append(PlannedChange(one))
            continue
        held = {item.epoch: item.configuration for item in read_import(read(one.file))}
        if one.epoch not in held:
            raise ConfigurationError(
                "The rollout plan names a file without the configuration that it plans",
                expected=f"a configuration from epoch {one.epoch} in {one.file}",
                got=f"ones from epoch {', '.join(map(str, held)) or 'none at all'}",
                next_step="Correct configuration.epoch in the plan, or the file",
                code="RolloutPlan",
            )
        found.append(PlannedChange(one, held[Epoch(one.epoch)]))
    return tuple(found)


def with_changes(
    known: Iterable[EpochConfiguration], changes: Iterable[PlannedChange]
) -> tuple[EpochConfiguration, ...]:
    """Return the configurations with the changes of a plan."""
    planned = tuple(known)
    for change in changes:
        planned = schedule((*planned, change.over(planned)))
    return planned


def configuration_standings(
    changes: Sequence[PlannedChange],
    known: tuple[EpochConfiguration, ...] | None,
    epoch: Epoch,
    *,
    ready: float | None = None,
    waits: bool = False,
) -> tuple[ConfigurationStanding, ...]:
    """Return the state of each planned change.

    Args:
        changes: as ``planned_changes`` returns them.
        known: the configurations that nodes trust; ``None`` if they are unknown.
        epoch: the current epoch.
        ready: the ready share of the registered stake today, if it is known.
        waits: whether the plan waits for another network.
    """
    planned, standings = known or (), []
    for change in changes:
        wanted = change.over(planned)
        was = configuration_at(planned, change.epoch)
        differences = ("a first configuration",) if was is None else was.differences(wanted.configuration)
        effect: tuple[str, ...] = ()
        before = configuration_at(planned, Epoch(max(0, change.epoch - 1)))
        if ready is not None:
            model = None if before is None else _lottery(before)
            effect = change_words(model, _lottery(wanted.configuration), change.epoch, ready)
        state, words = _step(change, differences, known, epoch, waits=waits)
        standings.append(ConfigurationStanding(change, state, differences, words, effect))
        planned = schedule((*planned, wanted))
    return tuple(standings)


def _step(
    change: PlannedChange,
    differences: tuple[str, ...],
    known: tuple[EpochConfiguration, ...] | None,
    epoch: Epoch,
    *,
    waits: bool,
) -> tuple[StepState, str]:
    at, what = change.epoch, f"the protocol configuration of epoch {change.epoch}"
    if known is None:
        return StepState.BLOCKED, f"Whether {what} is on the chain is not known"
    if not differences:
        return StepState.DONE, f"{what[0].upper()}{what[1:]} is on the chain as planned"
    if epoch >= at:
        return StepState.LATE, f"It is too late to publish {what}: that epoch has begun. Move configuration.epoch"
    if waits:
        return StepState.BLOCKED, f"Wait for the networks before this one with {what}"
    not_before = change.planned.publish
    if not_before is not None and epoch < not_before:
        return StepState.WAITING, f"Wait until epoch {not_before} to publish {what}"
    file = change.planned.file or "FILE (from marker configuration export, with these parameters)"
    by = (
        "in this epoch, in which nodes register for it already"
        if epoch == at - 1
        else f"by epoch {at - 2}, before nodes register for it"
    )
    return StepState.DUE, f"Publish {what} {by}: eraswitch marker configuration publish {file}"


def _lottery(configuration: ProtocolConfiguration) -> Lottery:
    found = configuration.parameters
    return Lottery(found.k, found.m, found.phi_f)
