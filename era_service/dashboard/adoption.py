"""Adoption: stake by version over epochs, and by era the share that is ready against the gate.

In: the adoption of the last epochs and the gate (``release_tools.adoption.summary`` and ``gate``). Out: a ``Panel``,
and the ``Readiness`` of the headline.
"""

import math
from collections.abc import Collection, Sequence
from fractions import Fraction

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.views import (
    ADOPTION,
    CHART_WIDTHS,
    Cell,
    Fact,
    Figure,
    Notice,
    Panel,
    Readiness,
    Table,
    Tone,
    notice_panel,
)
from era_service.dashboard.words import listed, sentence
from eras.words import about_ada, counted, percents
from release_tools.adoption import charts
from release_tools.adoption.charts import Tone as ChartTone
from release_tools.adoption.gate import GateResult
from release_tools.adoption.shares import Base, Share, share_words
from release_tools.adoption.summary import EpochAdoption, EraShares, VersionRow

MAX_VERSIONS = 5
"""Versions that the chart distinguishes; the others of an epoch are shown together."""

HEIGHT = 250
"""Of the charts, in pixels."""

UNKNOWN = "unknown"
_OTHERS = "others"


def adoption_panel(
    epochs: Sequence[EpochAdoption], gate: GateResult | None, era: str | None, calendar: EpochCalendar
) -> Panel:
    """The panel of the adoption.

    Args:
        epochs: the last epochs with registrations, newest first; at least one.
        gate: the gate of the upcoming era, judged.
        era: the upcoming era, or the current one without one; ``None`` if it is not configured who supports it.
        calendar: when epochs begin.
    """
    now = epochs[0]
    return Panel(
        *ADOPTION,
        _lead(now),
        tuple(Notice("attention", sentence(alarm.words)) for alarm in now.alarms),
        _facts(now),
        tuple(
            figure
            for figure in (_versions_figure(epochs, era, calendar), _readiness_figure(epochs, gate, era, calendar))
            if figure is not None
        ),
        table=Table(
            f"Ready stake by era, epoch {now.epoch}",
            ("Era", "Version to run", ">Registered", ">Network", ">Recent"),
            tuple(_era_row(row, gate) for row in now.eras),
            empty="It is not configured which versions support which era: adoption.compatibility_file.",
        ),
    )


def no_adoption() -> Panel:
    """The panel before the first registration."""
    text = "Nodes register with POST registrations, or eraswitch adoption ingest SOURCE reads them from a file."
    return notice_panel(ADOPTION, "quiet", "No registrations yet", text)


def readiness(epochs: Sequence[EpochAdoption], gate: GateResult | None, era: str | None) -> Readiness | None:
    """The stake that is ready for ``era``, against its gate; ``None`` if that is unknown."""
    if gate is not None:
        if gate.share is None:
            return None
        words, asked = _with_parts(gate.share, _verdict(gate, gate.share)), f"gate {share_words(gate.threshold)}"
        of, threshold = float(gate.share.fraction), float(gate.threshold)
        return Readiness(gate.era, of, f"{gate.share}", threshold, asked, words, gate.met, gate.base.words)
    share = None if not epochs or (row := _of_era(epochs[0], era)) is None else row.known(Base.REGISTERED)
    if era is None or share is None:
        return None
    words = _with_parts(share, f"Of the registered stake in epoch {epochs[0].epoch}. No gate is configured.")
    return Readiness(era, float(share.fraction), f"{share}", None, "no gate", words, None, Base.REGISTERED.words)


def _of_era(adoption: EpochAdoption, era: str | None) -> EraShares | None:
    return next((row for row in adoption.eras if row.era == era), None)


def _with_parts(share: Share, words: str) -> str:
    """A sentence about a share, and on what evidence parties count as ready."""
    return f"{words} {sentence(f'Ready: {share.apart}')}" if share.apart else words


def _verdict(gate: GateResult, share: Share) -> str:
    base = gate.base.words
    if gate.met:
        spare = math.floor(share.part - gate.threshold * share.total)
        return f"The gate is met with {about_ada(spare)} to spare, of {base} in epoch {gate.epoch}."
    if not gate.missing_stake:
        return "Enough is ready now, but not for as many epochs as the gate asks for."
    missing = f"{about_ada(gate.missing_stake)} of {base} are missing"
    if not gate.enough:
        return f"{missing}, more than all registered parties have."
    whom = "the largest party" if gate.enough == 1 else f"the {gate.enough:,} largest parties"
    return f"{missing}: it takes {whom} not ready."


def _lead(now: EpochAdoption) -> str:
    newest = max(now.versions, key=lambda row: row.stake, default=None)
    words = f"{counted(now.parties, 'party', 'parties')} registered for epoch {now.epoch}"
    if newest is not None:
        words += f", most of the stake on {newest.release or 'an unknown version'}"
    changes = now.changes
    if changes is None:
        return words + "."
    happened = [f"{group.parties} {kind}" for kind, group in changes.groups if group.parties]
    return f"{words}. Since epoch {changes.since}: {listed(happened, 'nothing changed')}."


def _facts(now: EpochAdoption) -> tuple[Fact, ...]:
    facts = [Fact("Registered stake", about_ada(now.registered_stake), counted(now.parties, "party", "parties"))]
    if now.network_stake is None:
        facts.append(Fact("Whole network's stake", "not known", "eraswitch adoption network-stake"))
    else:
        registered = Share(now.registered_stake, now.network_stake)
        facts.append(Fact("Whole network's stake", about_ada(now.network_stake), f"{registered} of it registered"))
    if now.unknown.part:
        facts.append(Fact("Version unknown", f"{now.unknown}", "counts as not ready", "attention"))
    return tuple(facts)


def _era_row(row: EraShares, gate: GateResult | None) -> tuple[Cell, ...]:
    return (
        Cell(row.era),
        Cell(row.minimum or "none vouched for"),
        *(_share_cell(row, base, gate) for base in Base),
    )


def _share_cell(row: EraShares, base: Base, gate: GateResult | None) -> Cell:
    share = row.known(base)
    if share is None:
        return Cell("unknown")
    tone: Tone | None = None
    if gate is not None and gate.era == row.era and gate.base is base:
        tone = "good" if share.reaches(gate.threshold) else "attention"
    apart = f"; {share.apart}" if share.apart else ""
    return Cell(f"{share}", tone, note=f"{about_ada(share.part)}{apart}")


def _versions_figure(epochs: Sequence[EpochAdoption], era: str | None, calendar: EpochCalendar) -> Figure:
    oldest_first = list(reversed(epochs))
    labels, dated = ([form(one.epoch) for one in oldest_first] for form in (str, calendar.label))
    names = _names(epochs, era)
    shares = [_shares(one, names, era) for one in oldest_first]
    series = [charts.Series(name, tuple(one[name] for one in shares), tone) for name, tone in names.items()]
    title = "Stake by version" + ("" if era is None else f", versions ready for {era} below")
    description = f"Shares of the registered stake in epochs {labels[0]} to {labels[-1]}, a bar for each."
    svgs = tuple(
        charts.stacked_bars(dated, series, charts.Canvas(title, description, width, height=HEIGHT))
        for width in CHART_WIDTHS
    )
    rows = tuple(
        (Cell(label), *map(Cell, percents(tuple(one.values()))))
        for label, one in zip(reversed(labels), reversed(shares), strict=True)
    )
    columns = ("Epoch", *(f">{name}" for name in names))
    return Figure("versions-chart", title, svgs, Table("Shares of the registered stake by version", columns, rows))


def _names(epochs: Sequence[EpochAdoption], era: str | None) -> dict[str, ChartTone | None]:
    """The versions that the chart distinguishes, with their meaning: ready first, each kind newest first."""
    most: dict[str, Fraction] = {}
    tones: dict[str, ChartTone | None] = {}
    for one in epochs:
        for row in one.versions:
            name = _name(row, era)
            most[name] = max(most.get(name, Fraction(0)), row.share.fraction)
            tones.setdefault(name, _tone(row, era))
    kept = sorted(most, key=lambda name: -most[name])[:MAX_VERSIONS]
    order = ("ready", "not-ready", None, "unknown")
    found = {name: tones[name] for kind in order for name in tones if tones[name] == kind and name in kept}
    if len(most) > len(kept):
        found[_OTHERS] = "unknown"
    return found


def _name(row: VersionRow, era: str | None) -> str:
    name = f"{row.release}" if row.is_known else UNKNOWN
    return f"{name}, in part" if era in row.in_part else name


def _tone(row: VersionRow, era: str | None) -> ChartTone | None:
    if not row.is_known:
        return "unknown"
    if era is None or era in row.in_part:
        return None
    return "ready" if era in row.supports else "not-ready"


def _shares(adoption: EpochAdoption, names: Collection[str], era: str | None) -> dict[str, Fraction]:
    """The share of each version that the chart distinguishes in an epoch."""
    found = dict.fromkeys(names, Fraction(0))
    for row in adoption.versions:
        name = _name(row, era)
        found[name if name in names else _OTHERS] += row.share.fraction
    return found


def _readiness_figure(
    epochs: Sequence[EpochAdoption], gate: GateResult | None, era: str | None, calendar: EpochCalendar
) -> Figure | None:
    oldest_first = list(reversed(epochs))
    rows = [_of_era(one, era) for one in oldest_first]
    if era is None or not any(rows):
        return None
    labels, dated = ([form(one.epoch) for one in oldest_first] for form in (str, calendar.label))
    tones: dict[Base, ChartTone | None] = {Base.REGISTERED: "ready", Base.NETWORK: None}
    shares = {base: [None if row is None else row.known(base) for row in rows] for base in tones}
    shown = [base for base in tones if any(one is not None for one in shares[base])]
    series = [
        charts.Series(
            f"of {base.words}",
            tuple(None if one is None else one.fraction for one in shares[base]),
            tones[base],
            dashed=tones[base] is None,
        )
        for base in shown
    ]
    title = f"Ready for {era}"
    threshold = None if gate is None else float(gate.threshold)
    description = f"The share of the stake that supports {era}, by epoch" + (
        "." if gate is None else f", against the gate of {share_words(gate.threshold)}."
    )
    svgs = tuple(
        charts.lines(dated, series, charts.Canvas(title, description, width, height=HEIGHT), gate=threshold)
        for width in CHART_WIDTHS
    )
    cells = tuple(
        (Cell(label), *(Cell("unknown" if (one := shares[base][index]) is None else f"{one}") for base in shown))
        for index, label in reversed(list(enumerate(labels)))
    )
    columns = ("Epoch", *(f">{one.name.capitalize()}" for one in series))
    return Figure("readiness-chart", title, svgs, Table(f"Share of the stake that supports {era}", columns, cells))
