"""A planned rollout compared with the chain and the adoption: the facts for its gate, and its standing.

In: settings, a plan, and an open session of the release team. Out: a ``RolloutStanding``. What is unknown never
opens a gate: it is reported, and counts as missing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datum.configuration import EpochConfiguration
from era_service.config.schema import Settings
from era_service.releasing.configuration_publishing import at_place
from era_service.releasing.configurations import read_to_replace
from era_service.releasing.session import Release
from era_service.wiring.adoption import adoption_rules, compatibility_of, open_registrations
from era_service.wiring.quorum import GivenQuorum, quorum_in_force, quorum_of
from era_service.wiring.trust import configuration_policy
from eras import ConfigurationError, Epoch, EraSwitchError
from release_tools.adoption.compatibility import Compatibility
from release_tools.adoption.gate import judge_gate
from release_tools.adoption.shares import Gate
from release_tools.forecasting.forecast import DEFAULT_PROBABILITY, ForecastOrder, forecast
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.forecasting.result import Forecast
from release_tools.markers.change import ChangeKind, MarkerChange
from release_tools.publishing.journal import Journal
from release_tools.rollout.configurations import PlannedChange, configuration_standings, with_changes
from release_tools.rollout.plan import PlannedRollout
from release_tools.rollout.progress import GateEvidence, RolloutStanding, rollout_standing

if TYPE_CHECKING:
    from era_store import SqlRegistrations


def require_network_of(plan: PlannedRollout, magic: int) -> None:
    """Check that a plan is of the network that is named.

    Raises:
        ConfigurationError: it is of another one.
    """
    if plan.network_magic != magic:
        raise ConfigurationError(
            "The rollout plan is for another network",
            code="WrongPlan",
            expected=f"network magic {plan.network_magic}, as in the plan",
            got=f"{magic}",
            next_step="Name the network of the plan, or take the right plan",
        )


def standing_of(
    release: Release,
    plan: PlannedRollout,
    files: Sequence[str] = (),
    table: Path | None = None,
    *,
    waits: tuple[str, ...] = (),
    changes: tuple[PlannedChange, ...] = (),
) -> RolloutStanding:
    """The state of a rollout.

    Args:
        release: an open session.
        plan: the plan.
        files: registrations, in place of those in the store.
        table: the table of eras and versions, in place of the configured one.
        waits: the networks that the plan waits for, in words.
        changes: the planned changes of the protocol configuration.

    Raises:
        ConfigurationError: the plan is of another network.
        ChainReadError, StoreError: the chain could not be read.
    """
    require_network_of(plan, release.network.magic)
    reading = release.read()
    epoch = release.epoch_of(reading)
    known = trusted_configurations(release)
    evidence = gate_evidence(release.settings, plan, epoch, files, table, known=known, changes=changes)
    evidence = replace(evidence, waits=waits)
    if reading.stale is not None:
        evidence = replace(evidence, unknown=(*evidence.unknown, f"what nodes trust is stale: {reading.stale}"))
    share = None if evidence.adoption is None else evidence.adoption.share
    ready = None if share is None else float(share.fraction)
    configurations = configuration_standings(changes, known, epoch, ready=ready, waits=bool(waits))
    standing = rollout_standing(plan, reading.markers, epoch, evidence)
    return replace(standing, calendar=release.calendar(epoch), configurations=configurations)


def trusted_configurations(release: Release) -> tuple[EpochConfiguration, ...] | None:
    """The protocol configurations that nodes trust; ``None`` where none are read, or it is unknown."""
    policy = configuration_policy(release.settings)
    if policy is None:
        return None
    try:
        found = read_to_replace(at_place(release, policy))
    except EraSwitchError as error:
        logging.getLogger(__name__).warning("The protocol configurations could not be read: %s", error)
        return None
    return found.configurations


def unfinished_change(release: Release, plan: PlannedRollout, journal_root: Path) -> MarkerChange | None:
    """The step of a plan that an earlier run began and did not finish, by the journal.

    Raises:
        StoreError: the journal could not be read.
    """
    entry = Journal(journal_root, release.network.magic, release.policy.address).current()
    if entry is None or not isinstance(entry.change, MarkerChange) or entry.change.era != plan.era:
        return None
    return entry.change if entry.change.kind in (ChangeKind.ANNOUNCE, ChangeKind.ACTIVATE) else None


def gate_evidence(
    settings: Settings,
    plan: PlannedRollout,
    epoch: Epoch,
    files: Sequence[str] = (),
    table: Path | None = None,
    *,
    known: tuple[EpochConfiguration, ...] | None = None,
    changes: tuple[PlannedChange, ...] = (),
) -> GateEvidence:
    """The facts for the gate of a plan; an error becomes an unknown, in words, and is not raised."""
    unknown: list[str] = []
    adoption = found = None
    try:
        compatibility = compatibility_of(settings, table)
        with open_registrations(settings, files) as registrations:
            gate, rules = plan.activate.gate, adoption_rules(settings)
            asked = Gate(gate.share, gate.base, gate.for_epochs)
            adoption = judge_gate(registrations, plan.era, asked, compatibility, current=epoch, rules=rules)
            oldest = epoch - settings.adoption.gate_max_age_epochs
            if adoption.epoch < oldest:
                unknown.append(f"the newest registrations are of epoch {adoption.epoch}, older than epoch {oldest}")
            quorum = partial(planned_quorum, settings, plan, known, changes)
            found = forecast_of(settings, plan, registrations, compatibility, epoch, quorum=quorum)
    except EraSwitchError as error:
        unknown.append(str(error))
    return GateEvidence(adoption, found, tuple(unknown))


def forecast_of(
    settings: Settings,
    plan: PlannedRollout,
    registrations: "SqlRegistrations",
    table: Compatibility,
    epoch: Epoch,
    *,
    quorum: Callable[[], SourcedQuorum],
) -> Forecast | None:
    """The forecast of the switch as of an epoch before it; ``None`` if the plan requires none and none can be made.

    Raises:
        EraSwitchError: the plan requires it, and it cannot be made.
    """
    wanted, at = plan.activate.gate.quorum_probability, Epoch(plan.activate.at)
    if epoch >= at:
        return None
    try:
        order = ForecastOrder(
            era=plan.era,
            at=at,
            quorum=quorum(),
            current=epoch,
            probability=wanted or DEFAULT_PROBABILITY,
            lag_epochs=settings.quorum.lag_epochs,
        )
        return forecast(registrations, order, compatibility=table, rules=adoption_rules(settings))
    except ConfigurationError:
        if wanted is not None:
            raise
        return None


def planned_quorum(
    settings: Settings,
    plan: PlannedRollout,
    known: tuple[EpochConfiguration, ...] | None = None,
    changes: tuple[PlannedChange, ...] = (),
) -> SourcedQuorum:
    """The quorum parameters at the switch: by the plan, else the chain, else as configured or published.

    Args:
        settings: what is configured.
        plan: the plan.
        known: the protocol configurations that nodes trust, where they are read.
        changes: the plan's changes of them, which hold as if they were published.

    Raises:
        ConfigurationError: nothing gives them, or the given ones are not usable.
    """
    said, at = plan.quorum, Epoch(plan.activate.at)
    if said is not None:
        return quorum_of(settings, GivenQuorum(said.model, said.k, said.m, said.phi_f, said.source))
    before = [change for change in changes if change.epoch < at]
    where = "the chain, as it is trusted" + (", with the changes of the plan" if before else "")
    return quorum_in_force(settings, with_changes(known or (), before), at, where)
