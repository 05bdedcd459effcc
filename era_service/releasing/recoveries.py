"""A planned rollout after its switch: the network compared with the epochs before it.

In: settings, a plan, an open session of the release team, and the source of certificates. Out: a ``Recovery``.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from era_service.config.schema import Settings
from era_service.releasing.rollouts import forecast_of, planned_quorum, require_network_of, trusted_configurations
from era_service.releasing.session import Release
from era_service.wiring.adoption import compatibility_of, open_registrations
from eras import Epoch, EraSwitchError
from release_tools.forecasting.result import Forecast
from release_tools.rollout.certificates import AggregatorCertificates, certificates_of_csv
from release_tools.rollout.plan import PlannedRollout
from release_tools.rollout.recovery import BEFORE_EPOCHS, EpochActivity, Recovery, recovery

if TYPE_CHECKING:
    from era_store import SqlRegistrations


@dataclass(frozen=True, slots=True)
class ActivitySources:
    """The registrations and signatures of a network.

    Attributes:
        aggregator: the URL of a Mithril aggregator, for its certificates.
        certificates: the text of a CSV of them, and its name.
        files: registrations, in place of those in the store.
        table: the table of eras and versions, in place of the configured one.
    """

    aggregator: str | None = None
    certificates: tuple[str, str] | None = None
    files: Sequence[str] = ()
    table: Path | None = None


def recovery_of(
    release: Release, plan: PlannedRollout, sources: ActivitySources, wanted: Fraction
) -> tuple[Recovery, tuple[str, ...]]:
    """The recovery of the network after the switch of a plan, and what is unknown, in words.

    Args:
        release: an open session.
        plan: the plan.
        sources: the sources of certificates and registrations.
        wanted: the share of the earlier level at which it counts as recovered.

    Raises:
        ConfigurationError: the plan is of another network, or the CSV cannot be read.
        ChainReadError, StoreError: the chain or the aggregator could not be read.
    """
    require_network_of(plan, release.network.magic)
    settings, reading = release.settings, release.read()
    epoch = release.epoch_of(reading)
    marker = next((one for one in reading.markers if one.name == plan.era), None)
    begins = None if marker is None else marker.epoch
    at = Epoch(plan.activate.at) if begins is None else begins
    known = _certificates(sources, Epoch(max(0, at - BEFORE_EPOCHS)), epoch)
    unknown: list[str] = []
    before: Forecast | None = None
    try:
        with open_registrations(settings, sources.files) as registrations:
            known = with_registrations(settings, registrations, known, at, epoch)
            if at > 0:
                table = compatibility_of(settings, sources.table)
                quorum = partial(planned_quorum, settings, plan, trusted_configurations(release))
                before = forecast_of(settings, plan, registrations, table, Epoch(at - 1), quorum=quorum)
    except EraSwitchError as error:
        unknown.append(str(error))
    if reading.stale is not None:
        unknown.append(f"what nodes trust is stale: {reading.stale}")
    found = recovery(known.values(), at=at, current=epoch, wanted=wanted, forecast=before)
    if begins is None:
        words = f"{plan.era} is not active on the chain: its marker has no epoch"
        found = replace(found, recovered=False, words=words)
    return found, tuple(unknown)


def _certificates(sources: ActivitySources, oldest: Epoch, epoch: Epoch) -> dict[Epoch, EpochActivity]:
    if sources.certificates is not None:
        found = certificates_of_csv(*sources.certificates)
    elif sources.aggregator is not None:
        with closing(AggregatorCertificates(sources.aggregator)) as aggregator:
            found = aggregator.since(oldest, epoch)
    else:
        found = ()
    return {one.epoch: one for one in found}


def with_registrations(
    settings: Settings, registrations: "SqlRegistrations", known: dict[Epoch, EpochActivity], at: Epoch, epoch: Epoch
) -> dict[Epoch, EpochActivity]:
    """The activity with the stake that may sign, or with the registered parties where the signers are unknown.

    Args:
        settings: what is configured.
        registrations: of the network.
        known: the activity of epochs that is known from elsewhere.
        at: the epoch of the switch.
        epoch: the current epoch.

    Raises:
        StoreError: the registrations cannot be read.
    """
    with_rows, found = set(registrations.epochs()), dict(known)
    for one in map(Epoch, range(max(0, at - BEFORE_EPOCHS), epoch + 1)):
        counts = Epoch(max(0, one - settings.quorum.lag_epochs))
        activity = found.get(one, EpochActivity(one))
        if activity.parties is not None:
            if counts in with_rows:
                registered = sum(tally.stake for tally in registrations.tally(counts))
                found[one] = replace(activity, registered=registered)
        elif one in with_rows:
            found[one] = replace(activity, parties=registrations.stakes_of(one))
    return found
