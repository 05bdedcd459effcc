"""Charts of adoption: the versions of each epoch, and the share that supports an era. Pure.

In: summaries of epochs. Out: inline SVG (``release_tools.adoption.charts``).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from eras.words import percents
from release_tools.adoption.charts import Canvas, Series, lines, stacked_bars
from release_tools.adoption.shares import Base
from release_tools.adoption.summary import EpochAdoption
from release_tools.adoption.versions import newest_first

MAX_VERSIONS = 7
"""Versions with a colour of their own; the smaller ones are one series."""


def versions_chart(adoptions: Sequence[EpochAdoption], *, label: Callable[[int], str] = str) -> str:
    """The share of each version of the registered stake, epoch by epoch.

    Args:
        adoptions: the epochs, in any order.
        label: what the axis calls an epoch.
    """
    epochs = sorted(adoptions, key=lambda adoption: adoption.epoch)
    shares = [{row.release: row.share.fraction for row in one.versions if row.is_known} for one in epochs]
    largest: dict[str | None, Fraction] = {}
    for of_epoch in shares:
        for release, share in of_epoch.items():
            largest[release] = max(share, largest.get(release, share))
    named = set(sorted(largest, key=lambda release: -largest[release])[:MAX_VERSIONS])
    series = [
        Series(f"{release}", tuple(of_epoch.get(release) for of_epoch in shares)) for release in newest_first(named)
    ]
    if len(largest) > len(named):
        rest = (sum(share for release, share in one.items() if release not in named) for one in shares)
        series.append(Series("other versions", tuple(rest)))
    if any(one.unknown.part for one in epochs):
        series.append(Series("unknown", tuple(one.unknown.fraction for one in epochs), "unknown"))
    return stacked_bars(
        [label(one.epoch) for one in epochs],
        series,
        Canvas("Registered stake by version", " ".join(_epoch_words(one) for one in epochs[-1:])),
    )


def support_chart(
    adoptions: Sequence[EpochAdoption], era: str, *, gate: Fraction | None = None, label: Callable[[int], str] = str
) -> str:
    """The share that supports an era, on every base that is known, epoch by epoch.

    Args:
        adoptions: the epochs, in any order; each has ``era``.
        era: the era.
        gate: a share to draw a line at.
        label: what the axis calls an epoch.
    """
    epochs = sorted(adoptions, key=lambda adoption: adoption.epoch)
    of_era = [next(shares for shares in one.eras if shares.era == era) for one in epochs]
    series = []
    for base in Base:
        shares = [shares.of(base) for shares in of_era]
        if any(share is not None for share in shares):
            values = tuple(None if share is None else float(share.fraction) for share in shares)
            series.append(Series(base.words, values, dashed=base is Base.RECENT))
    last = ", ".join(
        f"{share} of {base.words}" for base in Base for share in [of_era[-1].of(base)] if share is not None
    )
    return lines(
        [label(one.epoch) for one in epochs],
        series,
        Canvas(f"Stake that supports {era}", f"In epoch {epochs[-1].epoch} it is {last}."),
        gate=None if gate is None else float(gate),
    )


def _epoch_words(adoption: EpochAdoption) -> str:
    rows = sorted(adoption.versions, key=lambda row: -row.stake)
    shares = zip(rows, percents([row.share.fraction for row in rows]), strict=True)
    listed = [f"{row.release if row.is_known else 'unknown'} {share}" for row, share in shares]
    return f"In epoch {adoption.epoch}: {', '.join(listed[:8])}."
