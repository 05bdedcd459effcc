"""The trend of upgrades: a straight line through the log-odds of the ready share, with what it may be off by. Pure.

In: the ready share of several epochs. Out: the share at an epoch to come with a 95 % interval, and when a share is
reached. Upgrades spread as a logistic curve: slow, fast, slow; its log-odds are a line, so least squares do, and no
share leaves 0 to 1. The interval is that of a new observation, not of the line. A share of 0 or 1 has no log-odds: it
counts as half a party away from it, or half as far as the nearest of the others. With fewer than ``MIN_POINTS`` epochs
nothing is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eras import Epoch

MIN_POINTS = 4
"""Epochs from which a trend is said: a line and its scatter take three, and the third alone scatters as it likes."""

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
    """A line through log-odds (see the module).

    Attributes:
        slope: change of the log-odds from one epoch to the next.
        mean_epoch: middle of the epochs it was fitted to.
        mean_log_odds: the line's value there.
        points: how many epochs it was fitted to.
        spread: their sum of squared distances from ``mean_epoch``.
        residual: standard deviation around the line.
    """

    slope: float
    mean_epoch: float
    mean_log_odds: float
    points: int
    spread: float
    residual: float

    def share(self, epoch: Epoch) -> Estimate:
        """The ready share at ``epoch``, with its interval."""
        low, middle, high = self.shares(epoch, [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2])
        return Estimate(middle, low, high)

    def shares(self, epoch: Epoch, chances: Sequence[float]) -> list[float]:
        """The ready shares at ``epoch`` that it stays below with each of ``chances``."""
        from scipy.special import stdtrit

        distance = epoch - self.mean_epoch
        middle = self.mean_log_odds + self.slope * distance
        scale = self.residual * math.sqrt(1 + 1 / self.points + distance**2 / self.spread)
        return [_logistic(middle + scale * float(student)) for student in stdtrit(self.points - 2, chances)]

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
            "log_odds_per_epoch": self.slope,
            "residual": self.residual,
            "confidence": CONFIDENCE,
        }


def fit_trend(points: Sequence[ReadyPoint]) -> Trend | None:
    """The trend through ``points``; ``None`` where they are fewer than ``MIN_POINTS`` and so say nothing."""
    if len(points) < MIN_POINTS:
        return None
    mean_epoch = math.fsum(point.epoch for point in points) / len(points)
    inside = [min(point.share, 1 - point.share) for point in points if 0 < point.share < 1]
    margin = min([0.5 / max(point.parties, 1) for point in points] + [distance / 2 for distance in inside])
    log_odds = [_log_odds(point.share, margin) for point in points]
    mean = math.fsum(log_odds) / len(points)
    distances = [point.epoch - mean_epoch for point in points]
    spread = math.fsum(distance**2 for distance in distances)
    pairs = list(zip(distances, log_odds, strict=True))
    slope = math.fsum(distance * value for distance, value in pairs) / spread
    squares = math.fsum((value - mean - slope * distance) ** 2 for distance, value in pairs)
    residual = math.sqrt(squares / (len(points) - 2))
    return Trend(slope, mean_epoch, mean, len(points), spread, residual)


def _log_odds(share: float, margin: float) -> float:
    share = min(max(share, margin), 1 - margin)
    return math.log(share / (1 - share))


def _logistic(log_odds: float) -> float:
    if log_odds < 0:
        return math.exp(log_odds) / (1 + math.exp(log_odds))
    return 1 / (1 + math.exp(-log_odds))
