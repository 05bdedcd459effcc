"""The state of a planned rollout, and its next step. Pure.

In: the plan, the markers in force, the epoch, and the results of the gates. Out: a ``RolloutStanding``. The next step:

1. to announce, once its epoch has come;
2. to activate, once the gate is met, and no later than the plan's lead before the era begins;
3. neither of them until every network that the plan puts first has been verified as recovered;
4. none, if the markers are as planned, or if they differ from the plan: people must resolve that, never a command.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chain_reader.genesis import EpochCalendar
from eras import Epoch, EraMarker
from eras.words import counted
from release_tools.adoption.gate import GateResult
from release_tools.forecasting.result import Forecast
from release_tools.markers.change import ChangeKind, MarkerChange
from release_tools.rollout.configurations import ConfigurationStanding, StepState
from release_tools.rollout.plan import Person, PhaseName, PlannedRollout

_NO_DATES = EpochCalendar()


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """The facts for the gate of the second phase.

    Attributes:
        adoption: the result of the plan's gate; ``None`` if it is unknown.
        forecast: the forecast of the switch, if the plan requires a chance of a quorum and it is known.
        unknown: the reasons why something is unknown, in words.
        waits: the networks that are waited for, in words; they block the first phase as well.
    """

    adoption: GateResult | None = None
    forecast: Forecast | None = None
    unknown: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step of a rollout.

    Attributes:
        state: its state.
        words: the state in a sentence.
        phase: the phase that it belongs to; ``None`` if nothing is left to do.
        change: the change of the markers; ``None`` if there is none to make.
        lacks: the unmet conditions, in words.
    """

    state: StepState
    words: str
    phase: PhaseName | None = None
    change: MarkerChange | None = None
    lacks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The step, JSON-ready."""
        return {
            "state": self.state.value,
            "words": self.words,
            "phase": self.phase,
            "change": None if self.change is None else self.change.to_dict(),
            "lacks": list(self.lacks),
        }


@dataclass(frozen=True, slots=True)
class RolloutStanding:
    """The state of a rollout.

    Attributes:
        plan: the plan.
        epoch: the current epoch.
        marker: the era's marker in force; ``None`` if it has none.
        evidence: the facts for the gate.
        step: the next step.
        calendar: the start of epochs, if it is known.
        configurations: the state of the planned changes of the protocol configuration.
    """

    plan: PlannedRollout
    epoch: Epoch
    marker: EraMarker | None
    evidence: GateEvidence
    step: NextStep
    calendar: EpochCalendar = _NO_DATES
    configurations: tuple[ConfigurationStanding, ...] = ()

    @property
    def tell(self) -> tuple[Person, ...]:
        """The people to inform of the next step."""
        return () if self.step.phase is None else self.plan.people_to_tell(self.step.phase)

    @property
    def waits(self) -> bool:
        """Whether the next step waits for another network."""
        return bool(self.evidence.waits) and self.step.state is StepState.BLOCKED

    def to_dict(self) -> dict[str, object]:
        """The standing, JSON-ready."""
        evidence = self.evidence
        return {
            "era": self.plan.era,
            "epoch": self.epoch,
            "marker": None if self.marker is None else self.marker.to_dict(),
            "announce_epoch": self.plan.announce.epoch,
            "activate_at": self.plan.activate.at,
            "decide_by": self.plan.activate.decide_by,
            "gate": None if evidence.adoption is None else evidence.adoption.document().to_dict(),
            "forecast": None if evidence.forecast is None else evidence.forecast.document().to_dict(),
            "unknown": list(evidence.unknown),
            "waits": list(evidence.waits),
            "step": self.step.to_dict(),
            "configurations": [one.to_dict() for one in self.configurations],
            "tell": [str(person) for person in self.tell],
        }


def rollout_standing(
    plan: PlannedRollout, markers: Sequence[EraMarker], epoch: Epoch, evidence: GateEvidence
) -> RolloutStanding:
    """The state of a rollout.

    Args:
        plan: the plan.
        markers: the markers in force, as a node trusts them.
        epoch: the current epoch.
        evidence: the facts for the gate of the second phase, and the networks to wait for.
    """
    marker = next((one for one in markers if one.name == plan.era), None)
    step = _next_step(plan, marker, epoch, evidence)
    if evidence.waits and step.change is not None:
        words = f"Wait for the networks before this one; nothing is done for {plan.era} here until they have recovered"
        lacks = (*evidence.waits, *step.lacks)
        step = replace(step, state=StepState.BLOCKED, words=words, lacks=lacks)
    return RolloutStanding(plan, epoch, marker, evidence, step)


def _next_step(plan: PlannedRollout, marker: EraMarker | None, epoch: Epoch, evidence: GateEvidence) -> NextStep:
    at, decide_by = Epoch(plan.activate.at), plan.activate.decide_by
    if marker is not None and marker.epoch is not None:
        return _scheduled(plan, marker.epoch, epoch)
    activate = MarkerChange(ChangeKind.ACTIVATE, plan.era, at)
    if epoch > decide_by:
        return NextStep(
            StepState.LATE,
            f"It is too late to activate {plan.era} at epoch {at}: that had to be done by epoch {decide_by}, and now "
            f"is epoch {epoch}. Move activate.at in the plan",
            "announce" if marker is None else "activate",
        )
    if marker is None:
        announce = MarkerChange(ChangeKind.ANNOUNCE, plan.era)
        if epoch < plan.announce.epoch:
            words = f"Wait until epoch {plan.announce.epoch} to announce {plan.era}; the current epoch is {epoch}"
            return NextStep(StepState.WAITING, words, "announce", announce)
        return NextStep(StepState.DUE, f"Announce {plan.era}", "announce", announce)
    lacks = tuple(gate_lacks(plan, evidence))
    if lacks:
        words = f"The gate does not hold: {plan.era} is not to be activated yet, and by epoch {decide_by} at the latest"
        return NextStep(StepState.BLOCKED, words, "activate", activate, lacks)
    return NextStep(StepState.DUE, f"Activate {plan.era} at epoch {at}", "activate", activate)


def _scheduled(plan: PlannedRollout, begins: Epoch, epoch: Epoch) -> NextStep:
    at = plan.activate.at
    if begins != at:
        return NextStep(
            StepState.DEVIATED,
            f"The chain has {plan.era} at epoch {begins}, the plan has {at}. Update the plan, or move the "
            "activation: eraswitch marker postpone ERA",
            "activate",
        )
    if epoch < at:
        left = at - epoch
        return NextStep(StepState.DONE, f"Nothing is left to do: {plan.era} begins in {counted(left, 'epoch')}")
    return NextStep(StepState.DONE, f"Nothing is left to do: {plan.era} has begun, in epoch {at}")


def gate_lacks(plan: PlannedRollout, evidence: GateEvidence) -> list[str]:
    """Return the unmet conditions of the second phase's gate; empty if it is met."""
    wanted, found = plan.activate.gate.quorum_probability, evidence.forecast
    lacks = list(evidence.unknown)
    if not lacks and (evidence.adoption is None or (wanted is not None and found is None)):
        lacks.append("it was not checked")
    if evidence.adoption is not None and not evidence.adoption.met:
        lacks += [evidence.adoption.words, *evidence.adoption.lacks]
    if wanted is not None and found is not None:
        danger = found.danger
        chance = danger.quorum_probability.value
        if chance < wanted:
            shown = math.floor(chance * 1_000_000) / 1_000_000  # never rounded up to what is asked for
            lacks.append(f"the chance of a quorum in epoch {danger.epoch} is {shown:g}, and {wanted:.10g} is required")
    return lacks
