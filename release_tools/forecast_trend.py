"""The trend of upgrades: how the ready share goes on from where it is, with what it may be off by. Pure.

In: the ready share of several epochs. Out: the share at an epoch to come with a 95 % interval, and when a share is
reached. Parties upgrade one after the other, whenever they like, so the share is a walk: it goes on from the last one
seen, by the mean of the steps seen, and strays as they did. It is walked on the scale of the angle ``asin(√share)``, on
which chance has the same say at every share, where the curve of upgrades is slow, fast and slow again, and which has
both ends, 0 and 1. The interval is that of the share itself, and widens with the distance. With fewer than
``MIN_POINTS`` epochs nothing is said.

Why no curve is fitted: a line through all log-odds says what early epochs, when hardly anybody was ready, suggest, and
overlooks what the last ones were. Over simulated rollouts it was too high by up to half the stake (docs/forecast.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eras import Epoch

MIN_POINTS = 4
"""Epochs from which a trend is said: they are three steps, and how far two of them stray is hardly known."""

CONFIDENCE = 0.95
HORIZON_EPOCHS = 200
"""A share that the trend reaches later than this many epochs ahead is not reached: about three years of mainnet."""


@dataclass(frozen=True, slots=True)
class ReadyPoint:
    """What was ready in an epoch.

    Attributes:
        epoch: the epoch of registration.
        ready: stake that runs a version which supports the era, in lovelace.
        registered: all registered stake, in lovelace; more than 0.
        parties: registered parties.
    """

    epoch: Epoch
    ready: int
    registered: int
    parties: int

    @property
    def share(self) -> float:
        """The ready share of the registered stake."""
        return self.ready / self.registered

    def to_dict(self) -> dict[str, Any]:
        """The point, JSON-ready."""
        return {
            "epoch": self.epoch,
            "ready_stake": self.ready,
            "registered_stake": self.registered,
            "ready_share": self.share,
            "parties": self.parties,
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval; ``low`` and ``high`` are ``None`` where no interval can be said."""

    value: float
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The estimate, JSON-ready."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Reached:
    """When a share is reached; ``None`` where it is not within ``HORIZON_EPOCHS``.

    Attributes:
        expected: by the trend.
        earliest: by the upper end of the interval.
        latest: by its lower end.
    """

    expected: Epoch | None
    earliest: Epoch | None
    latest: Epoch | None

    def to_dict(self) -> dict[str, Any]:
        """When, JSON-ready."""
        return {"expected": self.expected, "earliest": self.earliest, "latest": self.latest}


@dataclass(frozen=True, slots=True)
class Trend:
    """A walk of the angle ``asin(√share)`` (see the module).

    Attributes:
        last: the last epoch that was seen.
        angle: the angle in it.
        drift: how far it goes from one epoch to the next, in the mean.
        deviation: the standard deviation of that, for one epoch.
        points: how many epochs were seen.
        span: over how many epochs they are spread.
    """

    last: Epoch
    angle: float
    drift: float
    deviation: float
    points: int
    span: int

    def share(self, epoch: Epoch) -> Estimate:
        """The ready share at ``epoch``, with its interval."""
        low, middle, high = self.shares(epoch, [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2])
        return Estimate(middle, low, high)

    def shares(self, epoch: Epoch, chances: Sequence[float]) -> list[float]:
        """The ready shares at ``epoch``, not before the last seen, that it stays below with each of ``chances``."""
        from scipy.special import stdtrit

        ahead = max(0, epoch - self.last)
        middle = self.angle + self.drift * ahead
        scale = self.deviation * math.sqrt(ahead + ahead**2 / self.span)  # what is to come, and what is not known
        return [_share_of(middle + scale * float(student)) for student in stdtrit(self.points - 2, chances)]

    def reached(self, share: float, first: Epoch) -> Reached:
        """When the ready share is ``share`` or more, at ``first`` at the earliest."""
        found: dict[str, Epoch] = {}
        for ahead in range(HORIZON_EPOCHS + 1):
            epoch = Epoch(first + ahead)
            at = self.share(epoch)
            for name, value in (("expected", at.value), ("earliest", at.high), ("latest", at.low)):
                if value is not None and value >= share:
                    found.setdefault(name, epoch)
        return Reached(found.get("expected"), found.get("earliest"), found.get("latest"))

    def to_dict(self) -> dict[str, Any]:
        """The trend, JSON-ready."""
        return {
            "points": self.points,
            "angle": self.angle,
            "drift": self.drift,
            "deviation": self.deviation,
            "confidence": CONFIDENCE,
        }


def fit_trend(points: Sequence[ReadyPoint]) -> Trend | None:
    """The trend of ``points``, oldest first; ``None`` where they are fewer than ``MIN_POINTS`` and so say nothing."""
    if len(points) < MIN_POINTS:
        return None
    first, last = points[0], points[-1]
    span = last.epoch - first.epoch
    drift = (_angle(last.share) - _angle(first.share)) / span
    squares = math.fsum(
        (_angle(after.share) - _angle(before.share) - drift * gap) ** 2 / gap
        for before, after in pairwise(points)
        for gap in [after.epoch - before.epoch]
    )
    return Trend(last.epoch, _angle(last.share), drift, math.sqrt(squares / (len(points) - 2)), len(points), span)


def _angle(share: float) -> float:
    return math.asin(math.sqrt(share))


def _share_of(angle: float) -> float:
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2
