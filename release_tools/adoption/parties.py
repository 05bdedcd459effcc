"""Adoption by party: new, upgraded, downgraded and gone parties since an epoch, and those that are not ready.

In: registrations. Out: counts with their stake, and the largest parties of each kind by name. Versions are compared by
release. An unknown one is below every version (``release_tools.adoption.versions``), so that a party that no longer
reports its version appears as a downgrade.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from era_store import Registration
from eras import Epoch
from release_tools.adoption.compatibility import Compatibility
from release_tools.adoption.shares import AdoptionRules, Base, is_ready
from release_tools.adoption.versions import is_newer

if TYPE_CHECKING:
    from era_store import SqlRegistrations


@dataclass(frozen=True, slots=True)
class NotReady:
    """A party whose version does not support an era.

    Attributes:
        party_id: the party.
        stake: its stake in lovelace.
        version: the version as reported; ``None`` if it reported none.
        epoch: the epoch of this registration.
        ticker: the ticker of its pool, if it is known.
    """

    party_id: str
    stake: int
    version: str | None
    epoch: Epoch
    ticker: str | None = None

    @property
    def name(self) -> str:
        """The party id, with the ticker of its pool."""
        return self.party_id if self.ticker is None else f"{self.party_id} ({self.ticker})"


@dataclass(frozen=True, slots=True)
class PartyChange:
    """The change of a party between two epochs; a version is ``None`` if it was not reported, or the epoch missed."""

    party_id: str
    stake: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """All parties with the same kind of change.

    Attributes:
        parties: their number.
        stake: their lovelace; of gone parties, the lovelace that they had.
        largest: the largest of them.
    """

    parties: int
    stake: int
    largest: tuple[PartyChange, ...]

    @classmethod
    def of(cls, changes: Iterable[PartyChange], limit: int) -> "ChangeGroup":
        """Return the group of these changes, with the ``limit`` largest parties."""
        found = list(changes)
        largest = heapq.nsmallest(limit, found, key=lambda change: (-change.stake, change.party_id))
        return cls(len(found), sum(change.stake for change in found), tuple(largest))


@dataclass(frozen=True, slots=True)
class PartyChanges:
    """The changes among the parties since an earlier epoch.

    Attributes:
        since: the earlier epoch, the last one before with registrations.
        new: parties that were not registered.
        upgraded: parties with a newer version.
        downgraded: parties with an older version, or one that is unknown now.
        gone: parties that are no longer registered.
    """

    since: Epoch
    new: ChangeGroup
    upgraded: ChangeGroup
    downgraded: ChangeGroup
    gone: ChangeGroup

    @property
    def groups(self) -> tuple[tuple[str, ChangeGroup], ...]:
        """Each group with its name."""
        return tuple((name, getattr(self, name)) for name in ("new", "upgraded", "downgraded", "gone"))


def named(parties: Iterable[NotReady], tickers: Mapping[str, str]) -> tuple[NotReady, ...]:
    """Return the parties with the tickers of their pools.

    Args:
        parties: the parties.
        tickers: party id → ticker.
    """
    return tuple(replace(one, ticker=tickers.get(one.party_id, one.ticker)) for one in parties)


def party_changes(repository: "SqlRegistrations", epoch: Epoch, since: Epoch, rules: AdoptionRules) -> PartyChanges:
    """Return the changes among the parties from ``since`` to ``epoch``.

    Raises:
        StoreError: the registrations cannot be read.
    """
    before = {row.party_id: (row.release, row.stake) for row in repository.newest(since)}
    new, upgraded, downgraded = [], [], []
    for row in repository.newest(epoch):
        was = before.pop(row.party_id, None)
        if was is None:
            new.append(PartyChange(row.party_id, row.stake, None, row.release))
        elif is_newer(row.release, was[0]):
            upgraded.append(PartyChange(row.party_id, row.stake, was[0], row.release))
        elif is_newer(was[0], row.release):
            downgraded.append(PartyChange(row.party_id, row.stake, was[0], row.release))
    gone = (PartyChange(party_id, stake, release, None) for party_id, (release, stake) in before.items())
    groups = (ChangeGroup.of(changes, rules.limit) for changes in (new, upgraded, downgraded, gone))
    return PartyChanges(since, *groups)


def not_ready(
    repository: "SqlRegistrations",
    *,
    epoch: Epoch,
    era: str,
    compatibility: Compatibility,
    base: Base,
    rules: AdoptionRules,
) -> Iterator[NotReady]:
    """Yield the parties whose version does not support an era, largest first.

    The recent base has the parties of all recent epochs, the others those that registered in ``epoch``. They are read
    lazily, so that the first few are cheap.

    Raises:
        StoreError: the registrations cannot be read.
    """
    rows: Iterable[Registration] = repository.newest(epoch)
    if base is Base.RECENT:
        rows = sorted(repository.newest_within(epoch, rules.recent_epochs), key=lambda row: (-row.stake, row.party_id))
    for row in rows:
        if not is_ready(row, era, compatibility):
            yield NotReady(row.party_id, row.stake, row.version, row.epoch)
