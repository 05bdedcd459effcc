"""The summary of an epoch: stake by version, the share that supports each era, changes, and anomalies.

In: the store's registrations, the table of eras and versions, and the rules. Out: an ``EpochAdoption``. Stake by
version comes from the rollup that ingest maintains, so an epoch of millions costs no more than one of ten; only the
details (parties that changed, parties not ready, the recent base) read the registrations themselves.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from era_store import VersionTally
from era_store.registrations import Uncounted
from eras import Epoch, EraSwitchError
from eras.words import about_ada, percents
from release_tools.adoption.compatibility import Compatibility
from release_tools.adoption.documents import (
    AdoptionSummary,
    AlarmDocument,
    EraSharesDocument,
    NetworkStakeDocument,
    PartyChangesDocument,
    RegisteredDocument,
    RejectedDocument,
    ShareDocument,
    UnknownShareDocument,
    VersionRowDocument,
)
from release_tools.adoption.parties import NotReady, PartyChanges, named, not_ready, party_changes
from release_tools.adoption.shares import AdoptionRules, Base, Share, is_ready, is_told, parties_words, support_share
from release_tools.adoption.versions import is_known, newest_first
from release_tools.registrations.judging import EPOCHS_AHEAD

if TYPE_CHECKING:
    from era_store import SqlRegistrations


class NoRegistrationsError(EraSwitchError):
    """There are no registrations to count."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The stake and parties of a release in an epoch.

    Attributes:
        release: the version without its build; ``None`` for parties that reported none.
        stake: the lovelace of its parties.
        parties: the number of its parties.
        share: its share of the registered stake.
        network_share: its share of the whole network's stake, if that is known.
        supports: the eras that all its nodes are ready for.
        in_part: the eras that some of its nodes report to be ready for.
    """

    release: str | None
    stake: int
    parties: int
    share: Share
    network_share: Share | None
    supports: tuple[str, ...]
    in_part: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether it is a semantic version."""
        return is_known(self.release)


@dataclass(frozen=True, slots=True)
class EraShares:
    """The share that supports an era, on the three bases.

    Attributes:
        era: the name of the era.
        minimum: the version to install, in words; ``None`` if the table does not have the era.
        registered: the share of the stake registered for the epoch.
        network: the share of the whole network's stake; ``None`` if that is unknown.
        recent: the share of the newest registrations of all parties; ``None`` in a summary without details.
        not_ready: the largest parties that are not ready; empty in a summary without details.
        behind: the number of parties that are not ready.
        told: whether it is known who is ready (``shares.is_told``).
    """

    era: str
    minimum: str | None
    registered: Share
    network: Share | None
    recent: Share | None
    not_ready: tuple[NotReady, ...]
    behind: int = 0
    told: bool = True

    def of(self, base: Base) -> Share | None:
        """The share on a base."""
        return {Base.REGISTERED: self.registered, Base.NETWORK: self.network, Base.RECENT: self.recent}[base]

    def known(self, base: Base) -> Share | None:
        """The share on a base; ``None`` also if it is unknown who is ready."""
        return self.of(base) if self.told else None

    def document(self) -> EraSharesDocument:
        """The shares as a JSON document."""
        found = EraSharesDocument.model_validate(self)
        return found if self.told else found.model_copy(update={base.value: None for base in Base})


@dataclass(frozen=True, slots=True)
class AdoptionAlarm:
    """An anomaly that needs attention.

    Attributes:
        kind: ``unknown-share``, ``unknown-growth``, ``registered-swing``, ``network-stake`` or ``rejected``.
        words: its description.
    """

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class EpochAdoption:
    """The adoption in an epoch.

    Attributes:
        epoch: the epoch of the registrations.
        registered_stake: the lovelace of all registrations.
        parties: the number of registered parties.
        network_epoch: the epoch of the network stake that they are compared with.
        network_stake: that stake; ``None`` if it is unknown, or less than the registered stake.
        recent_epochs: the number of epochs of the recent base.
        versions: by release, newest first, unknown ones last.
        eras: by era, in the order asked for.
        unknown: the share of the registered stake whose version is unknown: ``absent`` or ``unreadable``.
        absent: the share of parties that reported no version.
        unreadable: the share of parties whose version is not a semantic version.
        rejected: the rejected rows of the epoch, which count as not ready.
        changes: the changes since the epoch before; ``None`` without one, or without details.
        alarms: the anomalies.
    """

    epoch: Epoch
    registered_stake: int
    parties: int
    network_epoch: Epoch
    network_stake: int | None
    recent_epochs: int
    versions: tuple[VersionRow, ...]
    eras: tuple[EraShares, ...]
    unknown: Share
    absent: Share
    unreadable: Share
    rejected: Uncounted
    changes: PartyChanges | None
    alarms: tuple[AdoptionAlarm, ...]

    @property
    def version_shares(self) -> tuple[str, ...]:
        """The share of each of ``versions`` in words, adding up to 100 %."""
        return percents([row.share.fraction for row in self.versions])

    def named(self, tickers: Mapping[str, str]) -> "EpochAdoption":
        """Return a copy with the tickers of pools.

        Args:
            tickers: party id → ticker.
        """
        return replace(self, eras=tuple(replace(era, not_ready=named(era.not_ready, tickers)) for era in self.eras))

    def document(self) -> AdoptionSummary:
        """The adoption as a JSON document."""
        return AdoptionSummary(
            epoch=self.epoch,
            registered=RegisteredDocument(stake=self.registered_stake, parties=self.parties),
            network=NetworkStakeDocument(epoch=self.network_epoch, stake=self.network_stake),
            recent_epochs=self.recent_epochs,
            versions=[VersionRowDocument.model_validate(row) for row in self.versions],
            eras=[era.document() for era in self.eras],
            unknown=UnknownShareDocument(
                **ShareDocument.of(self.unknown).model_dump(),
                absent=ShareDocument.of(self.absent),
                unreadable=ShareDocument.of(self.unreadable),
            ),
            rejected=RejectedDocument.model_validate(self.rejected),
            changes=None if self.changes is None else PartyChangesDocument.model_validate(self.changes),
            alarms=[AlarmDocument.model_validate(alarm) for alarm in self.alarms],
        )


def summarise(
    repository: "SqlRegistrations",
    *,
    epoch: Epoch | None = None,
    compatibility: Compatibility | None = None,
    eras: Sequence[str] | None = None,
    base: Base = Base.REGISTERED,
    rules: AdoptionRules | None = None,
    details: bool = True,
) -> EpochAdoption:
    """Summarise the adoption in an epoch.

    Args:
        repository: the registrations.
        epoch: the epoch; by default the newest that has registrations.
        compatibility: the table of eras and versions.
        eras: the eras to count; by default all that ``compatibility`` has.
        base: the base on which parties that are not ready are listed.
        rules: the rules for counting.
        details: whether to read single registrations for the recent base, changes, and parties that are not ready.

    Raises:
        NoRegistrationsError: the epoch has none.
        StoreError: they cannot be read.
    """
    rules = rules or AdoptionRules()
    compatibility = compatibility or Compatibility()
    eras = compatibility.eras if eras is None else tuple(eras)
    epochs = repository.epochs()
    if epoch is None and not epochs:
        raise _none_of(repository, None, epochs)
    epoch = epochs[0] if epoch is None else epoch
    tallies = repository.tally(epoch)
    if not tallies:
        raise _none_of(repository, epoch, epochs)
    registered = sum(tally.stake for tally in tallies)
    rejected = repository.uncounted(epoch) if rules.count_rejected else Uncounted()
    network_epoch = rules.stake_epoch(epoch)
    told = repository.network_stake(network_epoch)
    network = told if told is not None and told >= registered and told > 0 else None
    since = next((earlier for earlier in epochs if earlier < epoch), None)
    recent = repository.tally(epoch, epochs=rules.recent_epochs) if details and eras else None
    return EpochAdoption(
        epoch=epoch,
        registered_stake=registered,
        parties=sum(tally.parties for tally in tallies),
        network_epoch=network_epoch,
        network_stake=network,
        recent_epochs=rules.recent_epochs,
        versions=tuple(_version_rows(tallies, registered, network, eras, compatibility)),
        eras=tuple(
            EraShares(
                era,
                compatibility.minimum(era),
                ready := support_share(tallies, era, compatibility, rejected.stake),
                None if network is None else ready.of(network),
                None if recent is None else support_share(recent, era, compatibility, rejected.stake),
                tuple(
                    islice(
                        not_ready(
                            repository, epoch=epoch, era=era, compatibility=compatibility, base=base, rules=rules
                        ),
                        rules.limit,
                    )
                )
                if details
                else (),
                sum(one.parties for one in tallies if not is_ready(one, era, compatibility)),
                is_told(tallies, era, compatibility),
            )
            for era in eras
        ),
        unknown=_unknown(tallies),
        absent=_share_of(tallies, lambda release: release is None),
        unreadable=_share_of(tallies, lambda release: release is not None and not is_known(release)),
        rejected=rejected,
        changes=party_changes(repository, epoch, since, rules) if details and since is not None else None,
        alarms=(
            *([AdoptionAlarm("rejected", rejected_words(rejected))] if rejected.rows else ()),
            *_alarms(tallies, () if since is None else repository.tally(since), since, told, rules),
        ),
    )


def summarise_last(
    repository: "SqlRegistrations",
    count: int,
    *,
    last: Epoch | None = None,
    details_of_all: bool = False,
    **options: Any,
) -> tuple[EpochAdoption, ...]:
    """Summarise the adoption in the last ``count`` epochs that have registrations, newest first.

    Args:
        repository: the registrations.
        count: the number of epochs.
        last: the last of them; by default the newest.
        details_of_all: whether all summaries have details, not only the newest.
        options: the other options of ``summarise``.

    Raises:
        NoRegistrationsError: there are none, or ``last`` has none.
        StoreError: they cannot be read.
    """
    epochs = repository.epochs()
    asked = [epoch for epoch in epochs if last is None or epoch <= last][:count]
    if not asked or (last is not None and asked[0] != last):
        raise _none_of(repository, last, epochs)
    return tuple(
        summarise(repository, epoch=epoch, details=details_of_all or epoch == asked[0], **options) for epoch in asked
    )


def require_told(
    repository: "SqlRegistrations", era: str, compatibility: Compatibility, epochs: Sequence[Epoch]
) -> None:
    """Check that it is known in one of the epochs who is ready for an era.

    Raises:
        EraNotListedError: neither the table nor the reports of nodes show it.
        StoreError: the registrations cannot be read.
    """
    if not any(is_told(repository.tally(epoch), era, compatibility) for epoch in epochs):
        compatibility.require_era(era)


def assumed_epoch(repository: "SqlRegistrations") -> Epoch | None:
    """Return the epoch to assume as the current one if it is unknown: the newest that has registrations.

    An epoch more than ``EPOCHS_AHEAD`` after the one before without more parties is due to a wrong clock or file, and
    is skipped.

    Raises:
        StoreError: the registrations cannot be read.
    """
    epochs = repository.epochs()
    for epoch, before in pairwise(epochs):
        parties = [sum(tally.parties for tally in repository.tally(one)) for one in (epoch, before)]
        if epoch - before <= EPOCHS_AHEAD or parties[0] > parties[1]:
            return epoch
    return epochs[-1] if epochs else None


def rejected_words(rejected: Uncounted) -> str:
    """Describe the rejected registrations of an epoch."""
    rows = f"{rejected.rows} {'row' if rejected.rows == 1 else 'rows'} of the epoch cannot be counted"
    stakes = f"{about_ada(rejected.stake)} of it counts as not ready"
    if rejected.unknown:
        stakes += f", and the stake of {rejected.unknown} cannot be read"
    return f"{rows}: {stakes}. See them: eraswitch adoption rejects"


def newest_begun(epochs: Sequence[Epoch], current: Epoch | None) -> Epoch | None:
    """Return the newest epoch that has registrations and has begun; ``None`` if there is none.

    Args:
        epochs: the epochs that have registrations, newest first.
        current: the current epoch; ``None`` if it is unknown, so that all may have begun.
    """
    return next((epoch for epoch in epochs if current is None or epoch <= current), None)


def _version_rows(
    tallies: Sequence[VersionTally],
    registered: int,
    network: int | None,
    eras: Sequence[str],
    compatibility: Compatibility,
) -> Iterator[VersionRow]:
    by_release: dict[str | None, list[VersionTally]] = defaultdict(list)
    for tally in tallies:
        by_release[tally.release].append(tally)
    for release in newest_first(by_release):
        some = by_release[release]
        stake = sum(tally.stake for tally in some)
        ready = {era: [is_ready(tally, era, compatibility) for tally in some] for era in eras}
        yield VersionRow(
            release,
            stake,
            sum(tally.parties for tally in some),
            Share(stake, registered),
            None if network is None else Share(stake, network),
            tuple(era for era in eras if all(ready[era])),
            tuple(era for era in eras if any(ready[era]) and not all(ready[era])),
        )


def _unknown(tallies: Sequence[VersionTally]) -> Share:
    return _share_of(tallies, lambda release: not is_known(release))


def _share_of(tallies: Sequence[VersionTally], counts: Callable[[str | None], bool]) -> Share:
    """The share of the tallies whose release counts."""
    part = sum(tally.stake for tally in tallies if counts(tally.release))
    return Share(part, sum(tally.stake for tally in tallies))


def _alarms(
    now: Sequence[VersionTally],
    before: Sequence[VersionTally],
    since: Epoch | None,
    told: int | None,
    rules: AdoptionRules,
) -> Iterator[AdoptionAlarm]:
    unknown, was = _unknown(now), _unknown(before)
    parties = sum(tally.parties for tally in now if not is_known(tally.release))
    if unknown.part and unknown.fraction >= rules.unknown_alarm:
        apart = (lambda release: release is None, lambda release: release is not None and not is_known(release))
        absent, unreadable = percents([_share_of(now, counts).fraction for counts in apart])
        yield AdoptionAlarm(
            "unknown-share",
            f"The version of {unknown} of the registered stake is unknown ({parties_words(parties)}; absent: {absent}, "
            f"unreadable: {unreadable}): it counts as not ready. Does a proxy or a release drop the version header?",
        )
    if told is not None and told < unknown.total:
        yield AdoptionAlarm(
            "network-stake",
            f"The given stake of the network, {about_ada(told)}, is less than the registered stake, so it is ignored",
        )
    if since is None:
        return
    if unknown.fraction - was.fraction >= rules.unknown_growth_alarm:
        yield AdoptionAlarm(
            "unknown-growth", f"Unknown versions grew from {was} of the registered stake in epoch {since} to {unknown}"
        )
    larger = max(unknown.total, was.total)
    if larger and abs(unknown.total - was.total) >= rules.swing_alarm * larger:
        yield AdoptionAlarm(
            "registered-swing",
            f"The registered stake went from {about_ada(was.total)} in epoch {since} to {about_ada(unknown.total)}: a "
            "share of it means little. Look at the whole network's, or at the recent one",
        )


def how_to_have_some(repository: "SqlRegistrations") -> str:
    """Return the next step if there are no registrations: to ingest them, or to correct the rejected ones."""
    first = next(iter(repository.rejects(limit=1)), None)
    if first is None:
        return "Ingest them: eraswitch adoption ingest SOURCE"
    refused = f"the first, {first.reject.place}, because {first.reject.reason}"
    return f"Correct {first.source}: every row was refused, {refused}"


def _none_of(repository: "SqlRegistrations", epoch: Epoch | None, epochs: Sequence[Epoch]) -> NoRegistrationsError:
    known = f"those of epochs {epochs[-1]} to {epochs[0]}" if epochs else "none at all"
    return NoRegistrationsError(
        "There are no registrations" + ("" if epoch is None else f" of epoch {epoch}"),
        expected="registrations of nodes" + ("" if epoch is None else f" in epoch {epoch}"),
        got=known,
        next_step=how_to_have_some(repository) if not epochs else "Name an epoch that has some",
        epoch=epoch,
    )
