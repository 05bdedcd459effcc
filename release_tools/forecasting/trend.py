"""The trend of upgrades: how the ready share continues from its present value, and by how much that may be wrong. Pure.

In: the ready share of several epochs. Out: the share at an epoch to come with a 95 % interval, and when a share is
reached. Parties upgrade one after the other, whenever they like, so the share is a random walk from the last one seen,
with the mean and the spread of the steps seen. It walks on the scale of the angle ``asin(√share)``, on which chance has
the same weight at every share, where the curve of upgrades is slow, fast and slow again, and which ends at 0 and at 1.
The interval is that of the share itself, and widens with the distance. Below the last share it strays only as far as
falls were seen: those that have upgraded rarely go back, and a jump up does not predict a fall. With fewer than
``MIN_POINTS`` epochs, or where nothing moved in them, there is no trend.

Why no curve is fitted: a line through all log-odds follows the early epochs, when hardly anybody was ready, and
overlooks what the last ones were. Over simulated rollouts it was too high by up to half the stake (docs/forecast.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from eras import Epoch

MIN_POINTS = 4
"""Epochs from which a trend is said: they are three steps, and how far two of them stray is hardly known."""

CONFIDENCE = 0.95
HORIZON_EPOCHS = 200
"""A share that the trend reaches later than this many epochs ahead is not reached: about three years of mainnet."""


@dataclass(frozen=True, slots=True)
class ReadyPoint:
    """The ready stake in an epoch.

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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval; ``low`` and ``high`` are ``None`` where there is no interval."""

    value: float
    low: float | None = None
    high: float | None = None


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


@dataclass(frozen=True, slots=True)
class Trend:
    """A walk of the angle ``asin(√share)`` (see the module).

    Attributes:
        last: the last epoch that was seen.
        angle: the angle in it.
        drift: how far it goes from one epoch to the next, in the mean.
        deviation: the standard deviation of that, for one epoch.
        falls: how much of that continues below the last angle, 0 to 1: nothing where the share never fell, all of it
            where it fell as much as it rose, or more.
        points: how many epochs were seen.
        span: over how many epochs they are spread.
    """

    confidence: ClassVar[float] = CONFIDENCE
    last: Epoch
    angle: float
    drift: float
    deviation: float
    falls: float
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
        floor = min(self.angle, middle)
        angles = (middle + scale * float(student) for student in stdtrit(self.points - 2, chances))
        return [_share_of(angle - (1 - self.falls) * min(angle - floor, 0)) for angle in angles]

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


def fit_trend(points: Sequence[ReadyPoint]) -> Trend | None:
    """The trend of ``points``, oldest first.

    Returns:
        The trend; ``None`` where there are fewer than ``MIN_POINTS``, or all have the same share: how it moves, and how
        far it strays, was not seen then.
    """
    if len(points) < MIN_POINTS or len({point.share for point in points}) == 1:
        return None
    first, last = points[0], points[-1]
    span = last.epoch - first.epoch
    drift = (_angle(last.share) - _angle(first.share)) / span
    steps = [
        (_angle(after.share) - _angle(before.share), after.epoch - before.epoch) for before, after in pairwise(points)
    ]
    squares = math.fsum((step - drift * gap) ** 2 / gap for step, gap in steps)
    falls = 2 * math.fsum(min(step, 0) ** 2 / gap for step, gap in steps)  # twice: as many rose, if it is by chance
    return Trend(
        last=last.epoch,
        angle=_angle(last.share),
        drift=drift,
        deviation=math.sqrt(squares / (len(points) - 2)),
        falls=math.sqrt(min(falls / squares, 1.0)) if squares else 1.0,
        points=len(points),
        span=span,
    )


def _angle(share: float) -> float:
    return math.asin(math.sqrt(share))


def _share_of(angle: float) -> float:
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2
