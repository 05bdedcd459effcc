"""Adoption: what share of the stake runs a version that knows an era. Pure.

What is in: registrations, in the order they came, and what each version knows. What comes out: shares in lovelace and
exact fractions, so that a gate compares whole numbers. Of one party's registrations in an epoch the newest counts, and
a version counts without its build suffix (``0.2.209+abc`` is ``0.2.209``), both as in Mithril's own summary.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from eras import Epoch


@dataclass(frozen=True, slots=True)
class Registration:
    """A node saying its version and its stake (lovelace) for an epoch."""

    party_id: str
    epoch: Epoch
    version: str
    stake: int

    @property
    def release(self) -> str:
        """The version without its build suffix."""
        return self.version.split("+", 1)[0]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, in lovelace."""

    part: int
    total: int

    @property
    def fraction(self) -> Fraction:
        """The exact share; nothing of nothing is 0."""
        return Fraction(self.part, self.total) if self.total else Fraction(0)

    def __str__(self) -> str:
        return f"{float(self.fraction * 100):.1f} %"


def newest_registrations(registrations: Iterable[Registration], epoch: Epoch) -> tuple[Registration, ...]:
    """The last registration of each party for ``epoch``, by party id."""
    newest = {entry.party_id: entry for entry in registrations if entry.epoch == epoch}
    return tuple(newest[party_id] for party_id in sorted(newest))


def support_share(
    registrations: Iterable[Registration],
    *,
    epoch: Epoch,
    era: str,
    known_eras: Mapping[str, Collection[str]],
) -> Share:
    """The share of the stake registered for ``epoch`` that runs a version which knows ``era``.

    Args:
        registrations: in the order they came.
        epoch: the epoch they registered for.
        era: the name of the era.
        known_eras: the names of the eras that each release knows. One that is not in it knows none, so that a
            version nobody has vouched for never opens a gate.
    """
    entries = newest_registrations(registrations, epoch)
    supporting = sum(entry.stake for entry in entries if era in known_eras.get(entry.release, ()))
    return Share(supporting, sum(entry.stake for entry in entries))
