"""The forecast of the coming switch: the chance of a quorum at each epoch, with its interval.

In: the forecast's document (``release_tools.forecasting.forecast``). Out: a ``Panel`` with the curve, its table, and
the next step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chain_reader.calendar import EpochCalendar
from era_service.dashboard.views import CHART_WIDTHS, Cell, Fact, Figure, Notice, Panel, Table, Tone
from era_service.dashboard.words import counted, percent_of, sentence
from eras.words import percent
from release_tools.adoption.shares import needed_share
from release_tools.forecasting.lottery import chance_words

VISIBLE = 0.005
"""What differs by less is one line to the eye."""

NO_CALENDAR = EpochCalendar()
"""Where nobody tells when epochs begin."""

PHASES = {"before": "before the switch", "danger": "stopped nodes still count", "after": "after the switch"}
"""What the phases of a forecast mean, in words."""


def outlook_panel(
    document: Mapping[str, Any], calendar: EpochCalendar = NO_CALENDAR, *, is_decided: bool = True
) -> Panel:
    """The panel of a forecast.

    Args:
        document: the forecast.
        calendar: when epochs begin.
        is_decided: whether the epoch of the switch is that of the marker, and not only the earliest that may be.
    """
    danger, wanted = document["danger"], document["probability"]
    chance = danger["quorum_probability"]["value"]
    supposed = f"If {document['era']} begins at" + ("" if is_decided else " the earliest that may be,")
    tone: Tone = "good" if chance >= wanted else "attention" if chance >= 0.5 else "bad"
    facts = [
        Fact(f"Chance of a quorum at epoch {danger['epoch']}", _chance(danger), "the least likely epoch", tone),
        Fact("Ready stake needed", _needed(document), f"for a chance of {percent_of(wanted)}"),
        _when(document),
    ]
    return Panel(
        "forecast",
        "Forecast",
        f"{supposed} {calendar.epoch(document['at'])}: {_advice(document)}",
        facts=tuple(fact for fact in facts if fact is not None),
        figures=(_figure(document, calendar),),
        notes=tuple(sentence(note) for note in document["notes"]),
    )


def no_outlook(reason: str) -> Panel:
    """The panel where there is nothing to forecast."""
    return Panel("forecast", "Forecast", notices=(Notice("quiet", "No forecast", sentence(reason)),))


def _chance(outlook: Mapping[str, Any]) -> str:
    return chance_words(outlook["quorum_probability"]["value"])


def _needed(document: Mapping[str, Any]) -> str:
    share = document["ready_share_needed"]
    return "no share suffices" if share is None else needed_share(share)


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


def _figure(document: Mapping[str, Any], calendar: EpochCalendar) -> Figure:
    from release_tools.adoption import charts

    outlooks: Sequence[Mapping[str, Any]] = document["epochs"]
    labels = [calendar.label(outlook["epoch"]) for outlook in outlooks]
    mark = (calendar.label(document["at"]), "the switch")
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
                axis=charts.CHANCES,
                mark=mark,
                width=width,
                height=230,
            ),
            charts.lines(
                labels,
                [charts.Series("stake that signs", signing, "unknown")],
                title="Stake that signs, of the registered stake",
                description=f"At epoch {danger['epoch']}: {percent(danger['signing_share']['value'])}.",
                mark=mark,
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
        Cell("" if low is None else chance_words(low)),
        Cell("" if high is None else chance_words(high)),
    )


def _signing(share: Mapping[str, Any]) -> str:
    """A share with the ends of its interval, which few and many signing mean."""
    if share["low"] is None or percent(share["low"]) == percent(share["high"]):
        return percent(share["value"])
    return f"{percent(share['value'])} ({percent(share['low'])} to {percent(share['high'])})"


def _of(outlook: Mapping[str, Any], part: str) -> float | None:
    value: float | None = outlook["quorum_probability"][part]
    return value
