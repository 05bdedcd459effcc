"""The forecast of the coming switch: the chance of a quorum at each epoch, with its interval.

In: the forecast's document (``release_tools.forecasting.forecast``). Out: a ``Panel`` with the curve, its table, and
the next step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from era_service.dashboard.views import CHART_WIDTHS, Cell, Fact, Figure, Notice, Panel, Table, Tone
from era_service.dashboard.words import counted, percent_of, sentence
from eras.words import percent

VISIBLE = 0.005
"""What differs by less is one line to the eye."""

PHASES = {"before": "before the switch", "danger": "stopped nodes still count", "after": "after the switch"}
"""What the phases of a forecast mean, in words."""


def outlook_panel(document: Mapping[str, Any]) -> Panel:
    """The panel of a forecast."""
    danger, wanted = document["danger"], document["probability"]
    chance = danger["quorum_probability"]["value"]
    tone: Tone = "good" if chance >= wanted else "attention" if chance >= 0.5 else "bad"
    facts = [
        Fact(f"Chance of a quorum at epoch {danger['epoch']}", _chance(danger), "the least likely epoch", tone),
        Fact("Ready stake needed", _needed(document), f"for a chance of {percent_of(wanted)}"),
        _when(document),
    ]
    return Panel(
        "forecast",
        "Forecast",
        f"If {document['era']} begins at epoch {document['at']}: {_advice(document)}",
        facts=tuple(fact for fact in facts if fact is not None),
        figures=(_figure(document),),
        notes=tuple(sentence(note) for note in document["notes"]),
    )


def no_outlook(reason: str) -> Panel:
    """The panel where there is nothing to forecast."""
    return Panel("forecast", "Forecast", notices=(Notice("quiet", "No forecast", sentence(reason)),))


def _chance(outlook: Mapping[str, Any]) -> str:
    """The chance of a quorum; what is nearly certain by the chance that it fails."""
    value, failure = outlook["quorum_probability"]["value"], outlook["failure_probability"]["value"]
    if value >= 0.9995:
        return "over 99.99 %" if failure < 0.0001 else f"{value * 100:.2f} %"
    return percent(value)


def _needed(document: Mapping[str, Any]) -> str:
    share = document["ready_share_needed"]
    return "no share suffices" if share is None else percent(share)


def _when(document: Mapping[str, Any]) -> Fact | None:
    reached = document["reached"]
    if reached is None:
        return None
    if reached["expected"] is None:
        return Fact("By the trend", "not reached", tone="bad")
    ends = [str(reached[end]) if reached[end] is not None else "never" for end in ("earliest", "latest")]
    now = document["now"]["epoch"]
    value = "reached" if reached["expected"] <= now else f"epoch {reached['expected']}"
    return Fact("Reached by the trend", value, f"between {ends[0]} and {ends[1]}" if ends[0] != ends[1] else "")


def _advice(document: Mapping[str, Any]) -> str:
    calls = document["calls"]
    if not calls and document["calls_suffice"]:
        return "as things stand the ready stake suffices."
    if document["calls_suffice"]:
        return f"{counted(len(calls), 'party', 'parties')} more to upgrade, the largest first, would suffice."
    return "all who are not ready would have to upgrade, and that would not suffice."


def _figure(document: Mapping[str, Any]) -> Figure:
    from release_tools.adoption import charts

    outlooks: Sequence[Mapping[str, Any]] = document["epochs"]
    labels = [str(outlook["epoch"]) for outlook in outlooks]
    chance = tuple(_of(outlook, "value") for outlook in outlooks)
    low = tuple(_of(outlook, "at_low") for outlook in outlooks)
    danger = document["danger"]
    signing = tuple(outlook["signing_share"]["value"] for outlook in outlooks)
    series = [charts.Series("chance of a quorum", chance, "ready")]
    if any((of or 0.0) - (least or 0.0) > VISIBLE for of, least in zip(chance, low, strict=True) if least is not None):
        series.insert(0, charts.Series("the same if few sign", low, "not-ready"))
    title = f"Chance of a quorum, {document['era']} at epoch {document['at']}"
    description = f"{title}: {_chance(danger)} at epoch {danger['epoch']}, the least likely."
    svgs = [
        charts.stacked(
            charts.lines(
                labels,
                series,
                title="Chance of a quorum",
                description=description,
                gate=document["probability"],
                gate_name="wanted",
                width=width,
                height=230,
            ),
            charts.lines(
                labels,
                [charts.Series("stake that signs", signing, "unknown")],
                title="Stake that signs, of the registered stake",
                description=f"At epoch {danger['epoch']}: {percent(danger['signing_share']['value'])}.",
                width=width,
                height=190,
            ),
            title=title,
            description=description,
            width=width,
        )
        for width in CHART_WIDTHS
    ]
    rows = tuple(_row(outlook) for outlook in outlooks)
    columns = ("Epoch", "Phase", ">Stake that signs (95 %)", ">Chance of a quorum", ">If few sign", ">If many sign")
    return Figure("forecast-chart", title, tuple(svgs), Table(f"{title}, epoch by epoch", columns, rows))


def _row(outlook: Mapping[str, Any]) -> tuple[Cell, ...]:
    low, high = _of(outlook, "at_low"), _of(outlook, "at_high")
    return (
        Cell(str(outlook["epoch"])),
        Cell(PHASES[outlook["phase"]]),
        Cell(_signing(outlook["signing_share"])),
        Cell(_chance(outlook)),
        Cell("" if low is None else percent(low)),
        Cell("" if high is None else percent(high)),
    )


def _signing(share: Mapping[str, Any]) -> str:
    """A share with the ends of its interval, which few and many signing mean."""
    if share["low"] is None or percent(share["low"]) == percent(share["high"]):
        return percent(share["value"])
    return f"{percent(share['value'])} ({percent(share['low'])} to {percent(share['high'])})"


def _of(outlook: Mapping[str, Any], part: str) -> float | None:
    value: float | None = outlook["quorum_probability"][part]
    return value
