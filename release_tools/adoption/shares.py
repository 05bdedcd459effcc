"""Adoption: what share of the stake runs a version that supports an era. The values that all of it is counted in. Pure.

In: numbers. Out: shares as exact fractions, so that a gate compares whole lovelace; on what they are counted
(``Base``); and the rules of the counting (``AdoptionRules``). ``docs/adoption.md`` explains each.
"""

import enum
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from era_store import Registration, VersionTally
from eras import ConfigurationError, Epoch
from eras.words import percent, percents
from release_tools.adoption.compatibility import Compatibility

DEFAULT_STAKE_EPOCH_OFFSET = 1
DEFAULT_RECENT_EPOCHS = 5
_SHARE = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*(%?)")


class ShareError(ConfigurationError):
    """A text that should be a share is something else."""


class Base(enum.Enum):
    """Of what stake a share is counted."""

    REGISTERED = "registered"
    NETWORK = "network"
    RECENT = "recent"

    @property
    def words(self) -> str:
        """The description, in words."""
        return {
            Base.REGISTERED: "the registered stake",
            Base.NETWORK: "the stake of the whole network",
            Base.RECENT: "the stake of each party's newest registration",
        }[self]


@dataclass(frozen=True, slots=True)
class Gate:
    """The condition before an activation: a share of the stake must be ready.

    Attributes:
        threshold: the share that must be ready.
        base: of what stake.
        for_epochs: how many epochs one after the other must have it.
    """

    threshold: Fraction
    base: Base = Base.REGISTERED
    for_epochs: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, in lovelace.

    Attributes:
        part: the part.
        total: the whole.
        by_capability: of a part that is ready, what is because its nodes report that they can do it.
    """

    part: int
    total: int
    by_capability: int = 0

    @property
    def parts(self) -> "tuple[Share, Share]":
        """Of a part that is ready, what is by capability, and what by version of nodes that report nothing else."""
        able = self.by_capability
        return Share(able, self.total), Share(self.part - able, self.total)

    @property
    def apart_words(self) -> tuple[str, ...]:
        """The shares of ``parts``, as they stand beside the share itself."""
        return percents([part.fraction for part in self.parts])

    @property
    def apart(self) -> str:
        """How it is known who is ready: ``50.0 % by capability, 20.0 % by version``; empty if by version alone."""
        able, by_version = self.apart_words
        return f"{able} by capability, {by_version} by version" if self.by_capability else ""

    @property
    def words(self) -> str:
        """The share, and how it is known: ``70.0 % (50.0 % by capability, 20.0 % by version)``."""
        return f"{self} ({self.apart})" if self.apart else f"{self}"

    def of(self, total: int) -> "Share":
        """The same part of another whole."""
        return Share(self.part, total, self.by_capability)

    @property
    def fraction(self) -> Fraction:
        """The exact share; nothing of nothing is 0."""
        return Fraction(self.part, self.total) if self.total else Fraction(0)

    def reaches(self, threshold: Fraction) -> bool:
        """Whether the share is the threshold or more; that of nothing never is."""
        return self.total > 0 and self.fraction >= threshold

    def missing(self, threshold: Fraction) -> int:
        """The lovelace that must be added to the part until the threshold is reached; 0 where it is."""
        return max(0, math.ceil(threshold * self.total) - self.part)

    def __str__(self) -> str:
        return percent(self.fraction)


@dataclass(frozen=True, slots=True)
class AdoptionRules:
    """The rules by which adoption is counted.

    Attributes:
        stake_epoch_offset: a registration of epoch e counts with the network's stake of epoch e + this. As chain
            providers number active stake it is 1 on Mithril: a signer registers with the snapshot taken as e began,
            which is the active stake of e + 1.
        recent_epochs: over how many epochs a party's newest registration is looked for.
        unknown_alarm: an alarm is raised when this share of the registered stake has an unknown version.
        unknown_growth_alarm: the same when it grew by this much since the last epoch.
        swing_alarm: the same when the registered stake changed by this share since the last epoch.
        limit: parties that a list names at most.
        count_rejected: whether rows that were rejected are part of the whole, as not ready.
    """

    stake_epoch_offset: int = DEFAULT_STAKE_EPOCH_OFFSET
    recent_epochs: int = DEFAULT_RECENT_EPOCHS
    unknown_alarm: Fraction = Fraction(5, 100)
    unknown_growth_alarm: Fraction = Fraction(1, 100)
    swing_alarm: Fraction = Fraction(1, 2)
    limit: int = 20
    count_rejected: bool = True

    def stake_epoch(self, epoch: Epoch) -> Epoch:
        """The epoch whose network stake registrations of ``epoch`` count with."""
        return Epoch(epoch + self.stake_epoch_offset)


def is_ready(reported: VersionTally | Registration, era: str, compatibility: Compatibility) -> bool:
    """Whether a node is ready for an era: by what it reports that it can do, and where it does not, by its version."""
    if reported.capability is not None:
        return reported.capability.supports(era)
    return compatibility.supports(reported.release, era)


def is_told(tallies: Iterable[VersionTally], era: str, compatibility: Compatibility) -> bool:
    """Whether anybody can tell who is ready for an era: the table has it, or a node reports that it knows it."""
    reported = (tally.capability for tally in tallies if tally.capability is not None)
    return era in compatibility.eras or any(era in one.eras for one in reported)


def support_share(tallies: Sequence[VersionTally], era: str, compatibility: Compatibility, rejected: int = 0) -> Share:
    """The share of the stake of ``tallies`` that is ready for an era; what was rejected is part of its whole."""
    whole = sum(tally.stake for tally in tallies) + rejected
    ready = [tally for tally in tallies if is_ready(tally, era, compatibility)]
    able = sum(tally.stake for tally in ready if tally.capability is not None)
    return Share(sum(tally.stake for tally in ready), whole, able)


def parse_share(text: str) -> Fraction:
    """The share that ``text`` writes: ``95%``, ``66.7 %``, or ``0.95``; more than nothing, at most all.

    Raises:
        ShareError: it is not a share.
    """
    match = _SHARE.fullmatch(text.strip())
    share = Fraction(match[1]) / (100 if match[2] else 1) if match else Fraction(0)
    if not 0 < share <= 1:
        raise ShareError(
            "The share is not usable",
            expected="more than 0% and at most 100%, as 95% or 0.95",
            got=f"{text!r}"[:40],
            next_step=f"Did you mean {match[1]}%?" if match and not match[2] and 1 < share <= 100 else "Correct it",
        )
    return share


def needed_share(share: float) -> str:
    """A share that is needed: rounded up to two digits, so that what is read suffices."""
    return f"{math.ceil(share * 10_000) / 100:.2f} %"


def share_words(share: Fraction) -> str:
    """A share to four digits, never rounded up: ``95 %``, ``94.9999 %``."""
    return f"{math.floor(share * 1_000_000) / 10_000:g} %"


def parties_words(count: int) -> str:
    """A number of parties in words."""
    return f"{count} {'party' if count == 1 else 'parties'}"
