"""Values for counting adoption: the share of the stake that runs a version which supports an era. Pure.

Shares are exact fractions, so that a gate compares whole lovelace. ``Base`` is the stake that they refer to, and
``AdoptionRules`` are the rules for counting. ``docs/adoption.md`` explains each.
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

_SHARE = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*(%?)")


class ShareError(ConfigurationError):
    """A text is not a share."""


class Base(enum.Enum):
    """The stake that a share refers to."""

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
        base: the stake that the share refers to.
        for_epochs: the number of consecutive epochs that must have the share.
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
        by_capability: the lovelace of a ready part whose nodes report the capability themselves.
    """

    part: int
    total: int
    by_capability: int = 0

    @property
    def parts(self) -> "tuple[Share, Share]":
        """The ready shares by reported capability, and by the version of nodes that report nothing else."""
        able = self.by_capability
        return Share(able, self.total), Share(self.part - able, self.total)

    @property
    def apart_words(self) -> tuple[str, ...]:
        """The shares of ``parts`` in words."""
        return percents([part.fraction for part in self.parts])

    @property
    def apart(self) -> str:
        """The shares by origin, ``50.0 % by capability, 20.0 % by version``; empty if all are by version."""
        able, by_version = self.apart_words
        return f"{able} by capability, {by_version} by version" if self.by_capability else ""

    @property
    def words(self) -> str:
        """The share with its origin: ``70.0 % (50.0 % by capability, 20.0 % by version)``."""
        return f"{self} ({self.apart})" if self.apart else f"{self}"

    def of(self, total: int) -> "Share":
        """Return the share of the same part in another whole."""
        return Share(self.part, total, self.by_capability)

    @property
    def fraction(self) -> Fraction:
        """The exact share; nothing of nothing is 0."""
        return Fraction(self.part, self.total) if self.total else Fraction(0)

    def reaches(self, threshold: Fraction) -> bool:
        """Whether the share is the threshold or more; never for a total of 0."""
        return self.total > 0 and self.fraction >= threshold

    def missing(self, threshold: Fraction) -> int:
        """The lovelace that the part lacks to reach the threshold; 0 if it does."""
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
        recent_epochs: the number of epochs in which the newest registration of a party is searched.
        unknown_alarm: an alarm is raised if this share of the registered stake has an unknown version.
        unknown_growth_alarm: an alarm is raised if that share grew by this much since the last epoch.
        swing_alarm: an alarm is raised if the registered stake changed by this share since the last epoch.
        limit: the number of parties in a list at most.
        count_rejected: whether rejected rows count as not ready.
    """

    stake_epoch_offset: int = 1
    recent_epochs: int = 5
    unknown_alarm: Fraction = Fraction(5, 100)
    unknown_growth_alarm: Fraction = Fraction(1, 100)
    swing_alarm: Fraction = Fraction(1, 2)
    limit: int = 20
    count_rejected: bool = True

    def stake_epoch(self, epoch: Epoch) -> Epoch:
        """The epoch whose network stake registrations of ``epoch`` count with."""
        return Epoch(epoch + self.stake_epoch_offset)


def is_ready(reported: VersionTally | Registration, era: str, compatibility: Compatibility) -> bool:
    """Whether a node is ready for an era, by its reported capability, or by its version if it reports none."""
    if reported.capability is not None:
        return reported.capability.supports(era)
    return compatibility.supports(reported.release, era)


def is_told(tallies: Iterable[VersionTally], era: str, compatibility: Compatibility) -> bool:
    """Whether it is known who is ready for an era: the table has it, or a node reports it as a capability."""
    reported = (tally.capability for tally in tallies if tally.capability is not None)
    return era in compatibility.eras or any(era in one.eras for one in reported)


def support_share(tallies: Sequence[VersionTally], era: str, compatibility: Compatibility, rejected: int = 0) -> Share:
    """Return the share of the stake of ``tallies`` that is ready for an era; the total includes ``rejected``."""
    whole = sum(tally.stake for tally in tallies) + rejected
    ready = [tally for tally in tallies if is_ready(tally, era, compatibility)]
    able = sum(tally.stake for tally in ready if tally.capability is not None)
    return Share(sum(tally.stake for tally in ready), whole, able)


def parse_share(text: str) -> Fraction:
    """Parse a share such as ``95%``, ``66.7 %``, or ``0.95``, more than 0 and at most 1.

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
    """Format a required share, rounded up to two digits so that the printed share suffices."""
    return f"{math.ceil(share * 10_000) / 100:.2f} %"


def share_words(share: Fraction) -> str:
    """Format a share with four digits, never rounded up: ``95 %``, ``94.9999 %``."""
    return f"{math.floor(share * 1_000_000) / 10_000:g} %"


def parties_words(count: int) -> str:
    """Format a number of parties."""
    return f"{count} {'party' if count == 1 else 'parties'}"
