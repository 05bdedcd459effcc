"""A planned rollout against the chain and the adoption: what is known for its gate, and where it stands.

In: settings, a plan, and an open session of the release team. Out: a ``RolloutStanding``. What cannot be told never
opens a gate: it is said, and counts as missing.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from eras import ConfigurationError, Epoch, EraSwitchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from era_service.config.schema import Settings
    from era_service.releasing.session import Release
    from era_store import RegistrationRepository
    from release_tools.adoption.compatibility import Compatibility
    from release_tools.adoption.gate import GateResult
    from release_tools.forecasting.lottery_parameters import SourcedQuorum
    from release_tools.forecasting.result import Forecast
    from release_tools.markers.change import MarkerChange
    from release_tools.rollout.plan import PlannedRollout
    from release_tools.rollout.progress import GateEvidence, RolloutStanding


def require_network_of(plan: "PlannedRollout", magic: int) -> None:
    """Check that a plan is of the network that is named.

    Raises:
        ConfigurationError: it is of another one.
    """
    if plan.network_magic != magic:
        raise ConfigurationError(
            "The rollout plan is of another network",
            code="WrongPlan",
            expected=f"network magic {plan.network_magic}, as the plan says",
            got=f"{magic}",
            next_step="Name the network of the plan, or take the right plan",
        )


def standing_of(
    release: "Release",
    plan: "PlannedRollout",
    files: "Sequence[str]" = (),
    table: Path | None = None,
    waits: tuple[str, ...] = (),
) -> "RolloutStanding":
    """Where a rollout stands.

    Args:
        release: an open session.
        plan: the plan.
        files: registrations, in place of those in the store.
        table: the table of eras and versions, in place of the configured one.
        waits: which networks are waited for, in words.

    Raises:
        ConfigurationError: the plan is of another network.
        ChainReadError, StoreError: the chain could not be read.
    """
    from chain_reader.calendar import EpochCalendar
    from era_service.wiring.genesis import genesis_of_network
    from release_tools.rollout.progress import rollout_standing

    require_network_of(plan, release.network.magic)
    reading = release.read()
    epoch = release.epoch_of(reading)
    evidence = replace(gate_evidence(release.settings, plan, epoch, files, table), waits=waits)
    if reading.stale is not None:
        evidence = replace(evidence, unknown=(*evidence.unknown, f"what nodes trust is stale: {reading.stale}"))
    calendar = EpochCalendar(genesis_of_network(release.settings, release.observer), time.time())
    return replace(rollout_standing(plan, reading.markers, epoch, evidence), calendar=calendar)


def unfinished_change(release: "Release", plan: "PlannedRollout", journal_root: Path) -> "MarkerChange | None":
    """The step of a plan that an earlier run has begun, by the journal, and not seen through to its end.

    Raises:
        JournalError: the journal could not be read.
    """
    from release_tools.markers.change import ChangeKind
    from release_tools.publishing.journal import Journal

    entry = Journal(journal_root, release.network.magic, release.policy.address).current()
    if entry is None or entry.change.era != plan.era:
        return None
    return entry.change if entry.change.kind in (ChangeKind.ANNOUNCE, ChangeKind.ACTIVATE) else None


def gate_evidence(
    settings: "Settings",
    plan: "PlannedRollout",
    epoch: Epoch,
    files: "Sequence[str]" = (),
    table: Path | None = None,
) -> "GateEvidence":
    """What is known for the gate of a plan; whatever stands in the way is said in words, never raised."""
    from era_service.wiring.adoption import compatibility_of, open_registrations
    from release_tools.rollout.progress import GateEvidence

    unknown: list[str] = []
    adoption = found = None
    try:
        compatibility = compatibility_of(settings, table)
        with open_registrations(settings, files) as registrations:
            adoption = _adoption(settings, plan, registrations, compatibility, epoch)
            oldest = epoch - settings.adoption.gate_max_age_epochs
            if adoption.epoch < oldest:
                unknown.append(f"the newest registrations are of epoch {adoption.epoch}, older than epoch {oldest}")
            found = forecast_of(settings, plan, registrations, compatibility, epoch)
    except EraSwitchError as error:
        unknown.append(str(error))
    return GateEvidence(adoption, found, tuple(unknown))


def _adoption(
    settings: "Settings",
    plan: "PlannedRollout",
    registrations: "RegistrationRepository",
    table: "Compatibility",
    epoch: Epoch,
) -> "GateResult":
    from era_service.wiring.adoption import adoption_rules
    from release_tools.adoption.gate import judge_gate

    gate = plan.activate.gate
    return judge_gate(
        registrations,
        era=plan.era,
        threshold=gate.share,
        compatibility=table,
        base=gate.base,
        for_epochs=gate.for_epochs,
        current=epoch,
        rules=adoption_rules(settings),
    )


def forecast_of(
    settings: "Settings",
    plan: "PlannedRollout",
    registrations: "RegistrationRepository",
    table: "Compatibility",
    epoch: Epoch,
) -> "Forecast | None":
    """The forecast of the switch as of an epoch before it; one that the plan does not ask for may be left out.

    Raises:
        EraSwitchError: the plan asks for it, and it cannot be worked out.
    """
    from era_service.wiring.adoption import adoption_rules
    from release_tools.forecasting.forecast import DEFAULT_PROBABILITY, ForecastOrder, forecast

    wanted, at = plan.activate.gate.quorum_probability, Epoch(plan.activate.at)
    if epoch >= at:
        return None
    try:
        order = ForecastOrder(
            era=plan.era,
            at=at,
            quorum=planned_quorum(settings, plan),
            current=epoch,
            probability=wanted or DEFAULT_PROBABILITY,
            lag_epochs=settings.quorum.lag_epochs,
        )
        return forecast(registrations, order, compatibility=table, rules=adoption_rules(settings))
    except ConfigurationError:
        if wanted is not None:
            raise
        return None


def planned_quorum(settings: "Settings", plan: "PlannedRollout") -> "SourcedQuorum":
    """What decides the quorum: what the plan says, else what is configured or published.

    Raises:
        ConfigurationError: nothing says it.
        QuorumParametersError: what is said is not usable.
    """
    from era_service.wiring.quorum import GivenQuorum, quorum_of

    said = plan.quorum
    if said is None:
        return quorum_of(settings)
    return quorum_of(settings, GivenQuorum(said.model, said.k, said.m, said.phi_f, said.source))
