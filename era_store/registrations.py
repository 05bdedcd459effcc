"""Registrations: nodes saying their version and their stake for an epoch. Records, and the rules.

In: batches of registrations from a source, with what was rejected and how far the source was read. Out: the newest
registration of each party, and what each release has of an epoch's stake. The rules, the same for every store:

1. Registrations are added, and never changed. One with the same party, epoch, version, stake and time seen as one that
   is there is a repetition, wherever it comes from, and changes nothing.
2. Of a party's registrations for an epoch the newest counts: the one seen last, and of those seen at the same time the
   one that arrived last. One that the party signed comes before every one that it did not, whenever it was seen.
3. A release is a version without its build metadata (``0.2.209+abc`` is ``0.2.209``). A missing version is kept as
   missing, and so is one that is nothing but build metadata. Blanks around it and a leading ``v`` are not part of it.
4. A batch, its rejects and the source's cursor are written together or not at all.
5. The registrations of a source can be withdrawn, for a reason: each becomes one of the source's rejects, unchanged.
6. A row that cannot be counted leaves a trace for its epoch (``Uncounted``), until its party registers properly: the
   rest is not the whole.
7. All of it belongs to one network (``era_store.networks``); a repository shows that of its own network only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from era_store.capability import Capability
from eras import Epoch

MAX_LOVELACE = 45_000_000_000_000_000
"""All the ada there can ever be: no stake is larger."""

MAX_REGISTRATION_EPOCH = 1_000_000
"""An epoch beyond this is no epoch of a network: at five days each it is 13,000 years away."""

MAX_PARTY_ID, MAX_VERSION = 200, 100
"""Characters of the id of a party, and of a version; both are printable."""

SIGNED_FIRST = 2.0**41
"""Added to the time of a signed registration to order it after every unsigned one; times are less than half of it."""


class Registration(NamedTuple):
    """The statement of a node: its version and its stake for an epoch.

    A tuple, because there are millions: a frozen dataclass takes three times as long to make.

    Attributes:
        party_id: who, as the network names it (``pool1…``).
        epoch: the epoch it was registered in.
        version: its version as it stated it; ``None`` if it stated none.
        stake: its stake, in lovelace.
        seen_at_s: POSIX time when it was seen; 0 where the source knows no time, so that any that does is newer.
        source: where it is from.
        signed: the node's own signed words, where it gave them.
        capability: what the node reports that it can do; ``None`` where it reports its version only.
    """

    party_id: str
    epoch: Epoch
    version: str | None
    stake: int
    seen_at_s: float
    source: str
    signed: bytes | None = None
    capability: Capability | None = None

    @property
    def release(self) -> str | None:
        """The version without its build metadata."""
        return release_of(self.version)

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON-ready values, such as ``adoption ingest`` reads; ``signed`` in hex."""
        facts: dict[str, object] = self._asdict()
        del facts["capability"]
        signed = {"signed": None if self.signed is None else self.signed.hex()}
        return facts | signed | ({} if self.capability is None else {"capability": self.capability.to_dict()})


@dataclass(frozen=True, slots=True)
class Reject:
    """A row of a source that is not a registration.

    Attributes:
        place: where in the source (``line 7``, ``event 123``).
        reason: why, in words that are the same for all of its kind.
        content: what was there, cut short.
        epoch: the epoch that it was for, whose whole it is missing from; ``None`` if it is missing from none.
        party_id: who, where that can be read.
        stake: the lovelace of it, where that can be read.
    """

    place: str
    reason: str
    content: str = ""
    epoch: Epoch | None = None
    party_id: str | None = None
    stake: int | None = None


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject as a store keeps it.

    Attributes:
        id: greater than that of every reject before.
        source: where it is from.
        reject: what and why.
        time_s: POSIX time when it was rejected first.
    """

    id: int
    source: str
    reject: Reject
    time_s: float


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of a batch.

    Attributes:
        accepted: registrations that are new.
        repeated: registrations that were there already.
        rejected: rejects handed in; one that was there already is not kept twice.
    """

    accepted: int = 0
    repeated: int = 0
    rejected: int = 0

    def __add__(self, other: "IngestResult") -> "IngestResult":
        return IngestResult(
            self.accepted + other.accepted, self.repeated + other.repeated, self.rejected + other.rejected
        )


@dataclass(frozen=True, slots=True)
class VersionTally:
    """The stake and parties of a release in an epoch.

    Attributes:
        release: the version without its build metadata; ``None`` for those that stated none.
        stake: lovelace of its parties.
        parties: how many they are.
        capability: what these nodes report that they can do; ``None`` for those that report their version only.
    """

    release: str | None
    stake: int
    parties: int
    capability: Capability | None = None


@dataclass(frozen=True, slots=True)
class Uncounted:
    """The rejected registrations of an epoch, which are missing from its whole.

    Attributes:
        rows: rejected rows whose party has no registration for the epoch; of several of one party, one.
        stake: the lovelace of those whose stake can be read.
        unknown: how many of them have a stake that cannot be read.
    """

    rows: int = 0
    stake: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, rejects: Iterable[tuple[str | None, int | None]]) -> "Uncounted":
        """The sum of rejects.

        Args:
            rejects: party, where known, and stake, where known; of one party the newest last.
        """
        stakes: list[int | None] = []
        of_party: dict[str, int | None] = {}
        for party_id, stake in rejects:
            if party_id is None:
                stakes.append(stake)
            else:
                of_party[party_id] = stake
        stakes += of_party.values()
        return cls(len(stakes), sum(one for one in stakes if one is not None), stakes.count(None))


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The registrations of a source that no longer count, and the reason.

    Attributes:
        source: whose.
        reason: why, for people.
        from_epoch: those of this epoch and later.
        signed_too: those that their parties have signed as well, which are true whoever handed them in.
        dry_run: count them only.
    """

    source: str
    reason: str
    from_epoch: Epoch
    signed_too: bool = False
    dry_run: bool = False

    def reject(self, withdrawn: Registration) -> Reject:
        """The stored registration, complete, as a line that ``adoption ingest`` reads."""
        content = json.dumps(withdrawn.to_dict(), separators=(",", ":"))
        return Reject(f"epoch {withdrawn.epoch}", f"withdrawn: {self.reason}", content)


def release_of(version: str | None) -> str | None:
    """A version without blanks around it, a leading ``v`` and its build metadata; ``None`` when nothing is left."""
    release = (version or "").split("+", 1)[0].strip()
    return (release[1:] if release[:1] in "vV" and release[1:2].isdigit() else release) or None


def require_possible(epochs: Iterable[int], stakes: Iterable[int]) -> None:
    """Refuse numbers that no store can keep and no network can have: sources turn them away before.

    Raises:
        ValueError: there is one.
    """
    for name, values, most in (("epoch", epochs, MAX_REGISTRATION_EPOCH), ("stake", stakes, MAX_LOVELACE)):
        found = list(values)
        if found and not (min(found) >= 0 and max(found) <= most):
            raise ValueError(f"a registration's {name} must be from 0 to {most}, got {min(found)} to {max(found)}")


def largest_first(tallies: Iterable[VersionTally]) -> tuple[VersionTally, ...]:
    """Tallies in the order of ``SqlRegistrations.tally``."""
    return tuple(sorted(tallies, key=lambda tally: (-tally.stake, tally.release or "", capability_text(tally))))


def capability_text(row: Registration | VersionTally) -> str:
    """The canonical text of what nodes report that they can do; empty where they do not."""
    return "" if row.capability is None else row.capability.text
