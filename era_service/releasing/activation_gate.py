"""The configured gate before an activation: checked before anything is signed, and overridden only with a reason.

In: settings, a change of the markers, the epoch, and perhaps a reason. Out: the result of the gate, or an error.
The rules:

1. Only an activation has a gate, and only where ``adoption.gate_threshold`` is set; the first marker of a network has
   none, since nobody can have registered before it.
2. It is judged by the registrations up to the current epoch; those of later epochs do not count, and those older than
   ``adoption.gate_max_age_epochs`` meet no gate.
3. A gate that cannot be judged, for whatever reason, is not met.
4. A reason overrides it, and is written into the event log before anything is published; without a store for it, the
   gate cannot be overridden.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from era_service.config.schema import Settings
from era_service.wiring.adoption import (
    adoption_rules,
    compatibility_of,
    configured_gate,
    open_adoption_store,
    require_store,
)
from eras import Epoch, EraSwitchError
from release_tools import GateResult, judge_gate
from release_tools.adoption.gate import GateNotMetError
from release_tools.adoption.shares import Gate
from release_tools.adoption.summary import NoRegistrationsError
from release_tools.markers.change import ChangeKind, MarkerChange, RolloutPlan

if TYPE_CHECKING:
    from era_store import SqlRegistrations

OVERRIDDEN = "gate-overridden"
"""The kind of the event that keeps a reason."""


@dataclass(frozen=True, slots=True)
class ActivationGate:
    """The gate's result for an activation that may proceed.

    Attributes:
        change: the activation.
        epoch: the epoch it was judged in.
        is_configured: whether there is a gate.
        result: its result; ``None`` where it could not be judged, or there is none.
        why: why it was not met; ``None`` where it was, or there is none.
        override: the reason for which it is overridden; ``None`` where it need not be.
        is_first: whether this is the first marker of the network, in whose way no gate stands.
    """

    change: MarkerChange
    epoch: Epoch
    is_configured: bool
    result: GateResult | None = None
    why: str | None = None
    override: str | None = None
    is_first: bool = False

    @property
    def lines(self) -> list[str]:
        """The gate in plain words."""
        if self.is_configured and self.is_first:
            return ["Gate: none for the first marker of a network, before which no node runs an era"]
        if not self.is_configured:
            return ["Gate: none is configured (adoption.gate_threshold), so the adoption was not checked"]
        if self.override is None and self.result is not None:
            return [self.result.words, *(f"  ! {alarm.words}" for alarm in self.result.alarms)]
        return [f"Gate: OVERRIDDEN, for the reason: {self.override}", f"  {self.why}"]

    def to_dict(self) -> dict[str, object]:
        """The gate, JSON-ready."""
        return {
            "configured": self.is_configured,
            "met": None if not self.is_configured or self.is_first else self.why is None,
            "why": self.why,
            "override": self.override,
            "result": None if self.result is None else self.result.document().to_dict(),
        }

    def record(self, settings: Settings) -> None:
        """Write into the event log that the gate is overridden, if it is.

        Raises:
            ConfigurationError: there is no store to keep the reason in.
            StoreError: it cannot be written.
        """
        if self.override is None:
            return

        facts = {**self.change.to_dict(), "reason": self.override, **self.to_dict()}
        with open_adoption_store(settings) as store:
            store.events.append(OVERRIDDEN, facts, time_s=time.time(), epoch=self.epoch)


def pass_gate(settings: Settings, plan: RolloutPlan, override: str | None = None) -> ActivationGate | None:
    """Run the configured gate before an activation; ``None`` for any other change.

    Args:
        settings: what is configured.
        plan: what is about to be done.
        override: the reason to proceed although the gate is not met.

    Raises:
        GateNotMetError: it is not met, or cannot be judged, and there is no reason to proceed.
        ConfigurationError: it is to be overridden, and there is no store to keep the reason in.
    """
    change, epoch = plan.change, plan.epoch
    if not isinstance(change, MarkerChange) or change.kind is not ChangeKind.ACTIVATE:
        return None
    gate = configured_gate(settings)
    if gate is None or not plan.before:
        return ActivationGate(change, epoch, is_configured=gate is not None, is_first=not plan.before)
    if override is not None:
        require_store(settings)
    result = None
    try:
        with open_adoption_store(settings) as store:
            result = _judged(store.registrations, settings, gate, change.era, epoch)
        result.require_met()
    except EraSwitchError as error:
        if override is None:
            raise _gate_not_met(error, result) from error
        return ActivationGate(change, epoch, is_configured=True, result=result, why=str(error), override=override)
    return ActivationGate(change, epoch, is_configured=True, result=result)


def _judged(repository: "SqlRegistrations", settings: Settings, gate: Gate, era: str, epoch: Epoch) -> GateResult:
    known = repository.epochs()
    last = next((one for one in known if one <= epoch), None)
    oldest = epoch - settings.adoption.gate_max_age_epochs
    if last is None or last < oldest:
        raise NoRegistrationsError(
            "There are no registrations that are recent enough",
            expected=f"some of epoch {max(0, oldest)} to {epoch}, which is now",
            got="none at all" if not known else f"those of epochs {known[-1]} to {known[0]}",
            next_step="Ingest them: eraswitch adoption ingest SOURCE",
        )
    return judge_gate(repository, era, gate, compatibility_of(settings), epoch=last, rules=adoption_rules(settings))


def _gate_not_met(error: EraSwitchError, result: GateResult | None) -> GateNotMetError:
    advice = '. Or continue without it, for a reason that is kept: --override-gate "REASON"'
    return GateNotMetError(
        error.what if result is not None else f"The gate cannot be judged, so it is not met: {error.what}",
        expected=error.expected,
        got=error.got,
        next_step=f"{error.next_step or 'Correct it'}{advice}",
        gate=None if result is None else result.document().to_dict(),
        cause=error.code,
    )
