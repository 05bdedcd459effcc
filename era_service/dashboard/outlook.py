"""The forecast of the coming switch: the chance of a quorum at each epoch, with its interval.

In: the forecast (``release_tools.forecasting.forecast``). Out: a ``Panel`` with the curve, its table, and the next
step.
"""

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.views import (
    CHART_WIDTHS,
    FORECAST,
    Cell,
    Fact,
    Figure,
    Panel,
    Table,
    Tone,
    notice_panel,
)
from era_service.dashboard.words import sentence
from eras.words import counted, percent
from release_tools.adoption import charts
from release_tools.adoption.shares import needed_share
from release_tools.forecasting.documents import Phase
from release_tools.forecasting.lottery import chance_words, probability_words
from release_tools.forecasting.result import EpochOutlook, Forecast
from release_tools.forecasting.trend import Estimate

VISIBLE = 0.005
"""Curves that differ by less look like one line."""

PHASES = {
    Phase.BEFORE: "before the switch",
    Phase.DANGER: "stopped nodes still count",
    Phase.AFTER: "after the switch",
}
"""The phases of a forecast, in words."""


def outlook_panel(found: Forecast, calendar: EpochCalendar, *, is_decided: bool) -> Panel:
    """The panel of a forecast.

    Args:
        found: the forecast.
        calendar: when epochs begin.
        is_decided: whether the marker has the epoch of the switch; otherwise it is the earliest possible one.
    """
    danger = found.danger
    chance = danger.quorum_probability.value
    supposed = f"If {found.era} begins at" + ("" if is_decided else " the earliest that may be,")
    tone: Tone = "good" if chance >= found.probability else "attention" if chance >= 0.5 else "bad"
    facts = [
        Fact(f"Chance of a quorum at epoch {danger.epoch}", chance_words(chance), "the least likely epoch", tone),
        Fact("Ready stake needed", _needed(found), f"for a chance of {probability_words(found.probability)}"),
        _when(found),
    ]
    return Panel(
        *FORECAST,
        f"{supposed} {calendar.epoch(found.at)}: {_advice(found)}",
        facts=tuple(fact for fact in facts if fact is not None),
        figures=(_figure(found, calendar),),
        notes=tuple(sentence(note) for note in found.notes),
    )


def no_outlook(reason: str) -> Panel:
    """The panel without a forecast."""
    return notice_panel(FORECAST, "quiet", "No forecast", sentence(reason))


def _needed(found: Forecast) -> str:
    share = found.ready_share_needed
    return "no share suffices" if share is None else needed_share(share)


def _when(found: Forecast) -> Fact | None:
    reached = found.reached
    if reached is None:
        return None
    if reached.expected is None:
        return Fact("By the trend", "not reached", tone="bad")
    ends = ["never" if end is None else str(end) for end in (reached.earliest, reached.latest)]
    value = "reached" if reached.expected <= found.now.epoch else f"epoch {reached.expected}"
    return Fact("Reached by the trend", value, f"between {ends[0]} and {ends[1]}" if ends[0] != ends[1] else "")


def _advice(found: Forecast) -> str:
    if not found.calls_suffice:
        return "even if everyone upgraded, it would not suffice."
    if not found.calls:
        return "the ready stake is enough."
    return f"{counted(len(found.calls), 'party', 'parties')} more to upgrade, the largest first, would suffice."


def _figure(found: Forecast, calendar: EpochCalendar) -> Figure:
    outlooks = found.epochs
    labels = [calendar.label(outlook.epoch) for outlook in outlooks]
    mark = (calendar.label(found.at), "the switch")
    chance = tuple(outlook.quorum_probability.value for outlook in outlooks)
    low = tuple(outlook.quorum_probability.at_low for outlook in outlooks)
    danger = found.danger
    signing = tuple(outlook.signing_share.value for outlook in outlooks)
    series = [charts.Series("chance of a quorum", chance, "ready")]
    if any(of - least > VISIBLE for of, least in zip(chance, low, strict=True) if least is not None):
        series.insert(0, charts.Series("the same if few sign", low, "not-ready"))
    title = f"Chance of a quorum, {found.era} at epoch {found.at}"
    least_likely = chance_words(danger.quorum_probability.value)
    description = f"{title}: {least_likely} at epoch {danger.epoch}, the least likely."
    svgs = [
        charts.stacked(
            charts.lines(
                labels,
                series,
                charts.Canvas("Chance of a quorum", description, width, height=230),
                gate=found.probability,
                gate_name="wanted",
                axis=charts.CHANCES,
                mark=mark,
            ),
            charts.lines(
                labels,
                [charts.Series("stake that signs", signing, "unknown")],
                charts.Canvas(
                    "Stake that signs, of the registered stake",
                    f"At epoch {danger.epoch}: {percent(danger.signing_share.value)}.",
                    width,
                    height=190,
                ),
                mark=mark,
            ),
            canvas=charts.Canvas(title, description, width),
        )
        for width in CHART_WIDTHS
    ]
    rows = tuple(_row(outlook) for outlook in outlooks)
    columns = ("Epoch", "Phase", ">Stake that signs (95 %)", ">Chance of a quorum", ">If few sign", ">If many sign")
    return Figure("forecast-chart", title, tuple(svgs), Table(f"{title}, epoch by epoch", columns, rows))


def _row(outlook: EpochOutlook) -> tuple[Cell, ...]:
    chance = outlook.quorum_probability
    return (
        Cell(str(outlook.epoch)),
        Cell(PHASES[outlook.phase]),
        Cell(_signing(outlook.signing_share)),
        Cell(chance_words(chance.value)),
        Cell("" if chance.at_low is None else chance_words(chance.at_low)),
        Cell("" if chance.at_high is None else chance_words(chance.at_high)),
    )


def _signing(share: Estimate) -> str:
    """A share with the ends of its interval: if few sign, and if many do."""
    if share.low is None or percent(share.low) == percent(share.high):
        return percent(share.value)
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"
