"""Adoption: stake by version over epochs, and by era the share that is ready against the gate.

In: the adoption of the last epochs and the gate (``release_tools.adoption.summary`` and ``adoption_gate``, as their
documents). Out: a ``Panel``, and the ``Readiness`` of the headline.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chain_reader.calendar import EpochCalendar
from era_service.dashboard.outlook import NO_CALENDAR
from era_service.dashboard.views import CHART_WIDTHS, Cell, Fact, Figure, Notice, Panel, Readiness, Table, Tone
from era_service.dashboard.words import counted, listed, percent_of, sentence
from eras.words import about_ada, percent

if TYPE_CHECKING:
    from release_tools.adoption.charts import Series
    from release_tools.adoption.charts import Tone as ChartTone
    from release_tools.adoption.shares import Share

Document = Mapping[str, Any]

MAX_VERSIONS = 5
"""Versions that the chart tells apart; the others of an epoch are shown together."""

HEIGHT = 250
"""Of the charts, in pixels."""

UNKNOWN = "unknown"
_OTHERS = "others"
_BASES: dict[str, str] = {
    "registered": "registered stake",
    "network": "whole network's stake",
    "recent": "newest of each party",
}


def adoption_panel(
    epochs: Sequence[Document], gate: Document | None, era: str | None, calendar: EpochCalendar = NO_CALENDAR
) -> Panel:
    """The panel of the adoption.

    Args:
        epochs: the last epochs with registrations, newest first; at least one.
        gate: how the era that is coming stands to its gate.
        era: that era, or the current one where none is coming; ``None`` where nobody can tell who supports it.
        calendar: when epochs begin.
    """
    now = epochs[0]
    return Panel(
        "adoption",
        "Adoption",
        _lead(now),
        tuple(Notice("attention", sentence(alarm["words"])) for alarm in now["alarms"]),
        _facts(now),
        tuple(
            figure
            for figure in (_versions_figure(epochs, era, calendar), _readiness_figure(epochs, gate, era, calendar))
            if figure is not None
        ),
        table=Table(
            f"Ready stake by era, epoch {now['epoch']}",
            ("Era", "Version to run", ">Registered", ">Network", ">Recent"),
            tuple(_era_row(row, gate) for row in now["eras"]),
            empty="Which versions support which era is not configured: adoption.compatibility_file.",
        ),
    )


def no_adoption() -> Panel:
    """The panel before the first registration."""
    return Panel(
        "adoption",
        "Adoption",
        notices=(
            Notice(
                "quiet",
                "No registrations yet",
                "Nodes register with POST registrations, or they are read in with eraswitch adoption ingest SOURCE.",
            ),
        ),
    )


def readiness(epochs: Sequence[Document], gate: Document | None, era: str | None) -> Readiness | None:
    """How much of the stake is ready for ``era``, against its gate; ``None`` where nobody can tell."""
    if gate is not None:
        if gate["share"] is None:
            return None
        share, threshold = _ready(gate["share"]), gate["threshold"]
        words = f"gate {percent_of(threshold)}"
        whole = _BASES.get(gate["base"], str(gate["base"]))
        told, of = _with_parts(share, _verdict(gate)), float(share.fraction)
        return Readiness(gate["era"], of, f"{share}", threshold, words, told, gate["met"], whole)
    row = next((row for row in epochs[0]["eras"] if row["era"] == era), None) if epochs else None
    if row is None or not row["told"]:
        return None
    share = _ready(row["registered"])
    told = _with_parts(share, f"Of the registered stake in epoch {epochs[0]['epoch']}. No gate is configured.")
    of = float(share.fraction)
    return Readiness(row["era"], of, f"{share}", None, "no gate", told, None, _BASES["registered"])


def _ready(share: Document) -> "Share":
    from release_tools.adoption.shares import Share

    return Share(share["stake"], share["total"], share["by_capability"])


def _with_parts(share: "Share", words: str) -> str:
    """A sentence about a share, and how it is known who is ready."""
    return f"{words} {sentence(f'Ready: {share.apart}')}" if share.apart else words


def _verdict(gate: Document) -> str:
    base = _BASES.get(gate["base"], gate["base"])
    if gate["met"]:
        spare = gate["share"]["stake"] - gate["threshold"] * gate["share"]["total"]
        return f"The gate is met with {about_ada(round(spare))} to spare, of the {base} in epoch {gate['epoch']}."
    missing = gate["missing_stake"] or 0
    if not missing:
        return "Enough is ready now, but not for as many epochs as the gate asks for."
    enough = gate["enough"]
    if not enough:
        return f"{about_ada(missing)} of the {base} are missing, more than all who registered could bring."
    whom = "the largest party" if enough == 1 else f"the {enough:,} largest parties"
    return f"{about_ada(missing)} of the {base} are missing: it takes {whom} not ready."


def _lead(now: Document) -> str:
    newest = max(now["versions"], key=lambda row: row["stake"], default=None)
    words = f"{counted(now['registered']['parties'], 'party', 'parties')} registered for epoch {now['epoch']}"
    if newest is not None:
        words += f", most of the stake on {newest['version'] or 'an unknown version'}"
    changes = now["changes"]
    if changes is None:
        return words + "."
    kinds = ("new", "upgraded", "downgraded", "gone")
    happened = [f"{changes[kind]['parties']} {kind}" for kind in kinds if changes[kind]["parties"]]
    return f"{words}. Since epoch {changes['since']}: {listed(happened, 'nothing changed')}."


def _facts(now: Document) -> tuple[Fact, ...]:
    registered, network = now["registered"]["stake"], now["network"]["stake"]
    facts = [Fact("Registered stake", about_ada(registered), counted(now["registered"]["parties"], "party", "parties"))]
    if network is None:
        facts.append(Fact("Whole network's stake", "not known", "eraswitch adoption network-stake"))
    else:
        facts.append(
            Fact("Whole network's stake", about_ada(network), f"{percent(registered / network)} of it registered")
        )
    if now["unknown"]["stake"]:
        facts.append(Fact("Version unknown", percent(now["unknown"]["share"]), "counts as not ready", "attention"))
    return tuple(facts)


def _era_row(row: Document, gate: Document | None) -> tuple[Cell, ...]:
    return (
        Cell(row["era"]),
        Cell(row["minimum"] or "none vouched for"),
        *(_share_cell(row, base, gate) for base in ("registered", "network", "recent")),
    )


def _share_cell(row: Document, base: str, gate: Document | None) -> Cell:
    if row[base] is None:
        return Cell("unknown")
    share = _ready(row[base])
    gated = gate is not None and gate["era"] == row["era"] and gate["base"] == base
    tone: Tone | None = None
    if gated and gate is not None:
        tone = "good" if share.fraction >= gate["threshold"] else "attention"
    apart = f"; {share.apart}" if share.apart else ""
    return Cell(f"{share}", tone, note=f"{about_ada(share.part)}{apart}")


def _versions_figure(epochs: Sequence[Document], era: str | None, calendar: EpochCalendar) -> Figure:
    from release_tools.adoption import charts

    oldest_first = list(reversed(epochs))
    labels, dated = ([form(one["epoch"]) for one in oldest_first] for form in (str, calendar.label))
    names = _names(epochs, era)
    series = [_series(name, tone, oldest_first, names, era) for name, tone in names.items()]
    title = "Stake by version" + ("" if era is None else f", versions ready for {era} below")
    description = f"Shares of the registered stake in epochs {labels[0]} to {labels[-1]}, a bar for each."
    svgs = tuple(
        charts.stacked_bars(dated, series, title=title, description=description, width=width, height=HEIGHT)
        for width in CHART_WIDTHS
    )
    rows = tuple(
        (Cell(label), *(Cell(percent(one.values[index] or 0.0)) for one in series))
        for index, label in reversed(list(enumerate(labels)))
    )
    columns = ("Epoch", *(f">{name}" for name in names))
    return Figure("versions-chart", title, svgs, Table("Shares of the registered stake by version", columns, rows))


def _names(epochs: Sequence[Document], era: str | None) -> "dict[str, ChartTone | None]":
    """The versions that the chart distinguishes, with their meaning: ready first, each kind newest first."""
    most: dict[str, float] = {}
    tones: dict[str, ChartTone | None] = {}
    for one in epochs:
        for row in one["versions"]:
            name = _name(row, era)
            most[name] = max(most.get(name, 0.0), row["share"])
            tones.setdefault(name, _tone(row, era))
    kept = sorted(most, key=lambda name: -most[name])[:MAX_VERSIONS]
    order = ("ready", "not-ready", None, "unknown")
    found = {name: tones[name] for kind in order for name in tones if tones[name] == kind and name in kept}
    if len(most) > len(kept):
        found[_OTHERS] = "unknown"
    return found


def _name(row: Document, era: str | None) -> str:
    name = str(row["version"]) if row["known"] else UNKNOWN
    return f"{name}, in part" if era in row["in_part"] else name


def _tone(row: Document, era: str | None) -> "ChartTone | None":
    if not row["known"]:
        return "unknown"
    if era is None:
        return None
    if era in row["in_part"]:
        return None
    return "ready" if era in row["supports"] else "not-ready"


def _series(
    name: str, tone: "ChartTone | None", epochs: Sequence[Document], names: Mapping[str, object], era: str | None
) -> "Series":
    from release_tools.adoption.charts import Series

    def share(one: Document) -> float:
        return float(sum(row["share"] for row in one["versions"] if _shown_as(row, names, era) == name))

    return Series(name, tuple(share(one) for one in epochs), tone)


def _shown_as(row: Document, names: Mapping[str, object], era: str | None) -> str:
    name = _name(row, era)
    return name if name in names else _OTHERS


def _readiness_figure(
    epochs: Sequence[Document], gate: Document | None, era: str | None, calendar: EpochCalendar
) -> Figure | None:
    from release_tools.adoption import charts

    oldest_first = list(reversed(epochs))
    rows = [next((row for row in one["eras"] if row["era"] == era), None) for one in oldest_first]
    if era is None or not any(rows):
        return None
    labels, dated = ([form(one["epoch"]) for one in oldest_first] for form in (str, calendar.label))
    bases: tuple[tuple[str, ChartTone | None], ...] = (("registered", "ready"), ("network", None))
    series = [
        charts.Series(f"of the {_BASES[base]}", tuple(_share(row, base) for row in rows), tone, dashed=tone is None)
        for base, tone in bases
        if any(_share(row, base) is not None for row in rows)
    ]
    title = f"Ready for {era}"
    threshold = None if gate is None else gate["threshold"]
    description = f"The share of the stake that supports {era}, by epoch" + (
        "." if threshold is None else f", against the gate of {percent_of(threshold)}."
    )
    svgs = tuple(
        charts.lines(dated, series, title=title, description=description, gate=threshold, width=width, height=HEIGHT)
        for width in CHART_WIDTHS
    )
    cells = tuple(
        (Cell(label), *(Cell(percent(one.values[index])) for one in series))
        for index, label in reversed(list(enumerate(labels)))
    )
    columns = ("Epoch", *(f">{one.name.capitalize()}" for one in series))
    return Figure("readiness-chart", title, svgs, Table(f"Share of the stake that supports {era}", columns, cells))


def _share(row: Document | None, base: str) -> float | None:
    if row is None or row[base] is None:
        return None
    return float(row[base]["share"])
