"""A forecast for people: a table, and a chart.

In: a ``Forecast``. Out: lines, or the text of an SVG image. The document for machines is ``Forecast.document``.
"""

from collections.abc import Callable, Iterator

from chain_reader.genesis import EpochCalendar
from era_service.cli.shared.output import printable, table_lines
from eras.words import about_ada, counted, percent
from release_tools.adoption.charts import CHANCES, Canvas, Series, lines, stacked, standalone
from release_tools.adoption.gate import GateResult
from release_tools.adoption.shares import needed_share
from release_tools.forecasting.documents import Phase
from release_tools.forecasting.lottery import chance_words, probability_words
from release_tools.forecasting.result import EpochOutlook, Forecast, Verdict
from release_tools.forecasting.safety import judge_switch, quorum_reason
from release_tools.forecasting.trend import Estimate

_CALLS_SHOWN = 20
_PHASES = {
    Phase.BEFORE: "before the switch",
    Phase.DANGER: "those that stopped still count",
    Phase.AFTER: "those that came back",
}


def forecast_lines(
    found: Forecast, gate: GateResult | None = None, calendar: EpochCalendar | None = None
) -> Iterator[str]:
    """The forecast for people, and whether it is safe to switch.

    Args:
        found: the forecast.
        gate: the configured gate, judged, if there is one.
        calendar: when epochs begin, if known.
    """
    now, dates = found.now, calendar or EpochCalendar()
    yield f"Forecast of {printable(found.era)} at epoch {found.at}, from registrations up to epoch {now.epoch}"
    if dates.iso(found.at) is not None:
        yield f"Begins       {dates.coming(found.at)}"
    yield f"Quorum       {found.quorum.model.words}, {printable(found.quorum.source)}"
    registered = f"the {about_ada(now.registered)} that {counted(now.parties, 'party', 'parties')} registered"
    yield f"Ready        {percent(now.share)} of {registered}"
    yield f"Reliability  {percent(found.reliability.average)}, {found.reliability.words}"
    yield f"Needed       {_needed(found)}"
    yield f"By trend     {_reached(found, dates)}"
    yield ""
    yield from _table(found)
    danger = found.danger
    yield ""
    worst = chance_words(danger.quorum_probability.value)
    yield f"The danger is greatest in {dates.epoch(danger.epoch)}: the chance of a quorum is {worst}"
    back = next(outlook for outlook in found.epochs if outlook.phase is Phase.AFTER)
    behind = f"{_estimated(back.share_behind, percent)} of {_whole(found)} behind it"
    yield f"From epoch {back.epoch} on it is {chance_words(back.quorum_probability.value)}, with {behind}"
    yield from _calls(found)
    yield ""
    safety = judge_switch(found, gate)
    yield f"Verdict      {safety.verdict.value}: {printable(safety.reasons[0])}"
    if gate is not None:
        yield gate_words(found, gate)


def gate_words(found: Forecast, gate: GateResult) -> str:
    """Whether the configured gate agrees with the verdict, decides it, or differs, and why."""
    if gate.met == (found.verdict is Verdict.SAFE):
        return f"Gate         agrees: {printable(gate.words)}"
    if gate.met:
        why = "it asks for a share, not for the chance of a quorum"
        return f"Gate         differs, because {why}: {printable(gate.words)}"
    return f"Gate         decides, because it asks for more than a quorum: {quorum_reason(found)}"


def _whole(found: Forecast) -> str:
    return "the network" if found.network_stake is not None else "today's stake"


def _needed(found: Forecast) -> str:
    wanted = probability_words(found.probability)
    if found.share_needed is None:
        return f"no share of the stake gives a {wanted} chance of a quorum"
    words = f"{needed_share(found.share_needed)} must sign for a {wanted} chance of a quorum"
    if found.ready_share_needed is None:
        return f"{words}: as reliably as parties sign, not even all of them are enough"
    return f"{words}, so {needed_share(found.ready_share_needed)} must be ready"


def _reached(found: Forecast, dates: EpochCalendar) -> str:
    reached = found.reached
    if found.ready_share_needed is None:
        return "never"
    if reached is not None and reached.latest == found.now.epoch:
        return "reached already"
    if reached is None:
        return "not known"
    if reached.expected is None and reached.earliest is None:
        return "not in sight"
    expected = "not in sight" if reached.expected is None else f"reached in {dates.epoch(reached.expected)}"
    until = "on, with no end in sight" if reached.latest is None else f"to {reached.latest}"
    return f"{expected} (95 % interval: epoch {reached.earliest} {until})"


def _table(found: Forecast) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("epoch", "counts", "signs, of what counts", "quorum", f"behind it, of {_whole(found)}", "")
    ]
    before = [outlook for outlook in found.epochs if outlook.phase is Phase.BEFORE]
    if before:
        first, last = before[0], before[-1]
        rows.append((_span(first.epoch, last.epoch), _span(first.registered_at, last.registered_at), *_row(last)[2:]))
    rows += [_row(outlook) for outlook in found.epochs[len(before) :]]
    yield from table_lines(rows)


def _row(outlook: EpochOutlook) -> tuple[str, ...]:
    return (
        f"{outlook.epoch}",
        f"{outlook.registered_at}",
        _estimated(outlook.signing_share, percent),
        chance_words(outlook.quorum_probability.value),
        _estimated(outlook.share_behind, percent),
        _PHASES[outlook.phase],
    )


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _estimated(estimate: Estimate, words: Callable[[float], str]) -> str:
    text = words(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({words(estimate.low)} to {words(estimate.high)})"


def _calls(found: Forecast) -> Iterator[str]:
    if not found.calls:
        return
    count = len(found.calls)
    parties = counted(count, "party", "parties")
    enough = f"{parties} would do" if found.calls_suffice else f"not enough even with all {parties}"
    yield f"Whom to call ({enough}; then would be ready, and the quorum now):"
    shown = found.calls[:_CALLS_SHOWN]
    width = max(len(printable(call.party_id)) for call in shown)
    for call in shown:
        version = printable(call.version or "no version")
        after = f"{percent(call.ready_share_after)}, {chance_words(call.quorum_probability_after)}"
        yield f"  {printable(call.party_id):<{width}}  {about_ada(call.stake)}  {version}  → {after}"
    if count > len(shown):
        yield f"  and {count - len(shown)} more (see --json)"


def forecast_chart(found: Forecast, calendar: EpochCalendar | None = None) -> str:
    """The forecast as a file of SVG: the ready stake and its trend, and below it the chance of a quorum."""
    observed = {point.epoch: point.share for point in found.observed}
    outlooks = {outlook.epoch: outlook for outlook in found.epochs}
    epochs = sorted({*observed, *outlooks})
    dates = calendar or EpochCalendar()
    labels, mark = [dates.label(epoch) for epoch in epochs], (dates.label(found.at), "the switch")
    trend = {epoch: found.trend.share(epoch) for epoch in epochs if epoch >= found.now.epoch} if found.trend else {}
    series = [Series("ready", tuple(observed.get(epoch) for epoch in epochs))]
    for name, side in (("trend", "value"), ("trend, at worst", "low"), ("trend, at best", "high")):
        if trend:
            values = tuple(getattr(trend[epoch], side) if epoch in trend else None for epoch in epochs)
            series.append(Series(name, values, dashed=side != "value"))
    needed = found.ready_share_needed
    share = lines(
        labels,
        series,
        Canvas(
            "Ready share of the registered stake",
            "No share suffices." if needed is None else f"{percent(needed)} is needed.",
            height=240,
        ),
        gate=needed,
        gate_name="needed",
        mark=mark,
    )
    chances = tuple(outlooks[epoch].quorum_probability.value if epoch in outlooks else None for epoch in epochs)
    chance = lines(
        labels,
        [Series("chance of a quorum", chances)],
        Canvas("Chance of a quorum", f"{probability_words(found.probability)} is wanted.", height=240),
        gate=found.probability,
        gate_name="wanted",
        mark=mark,
        axis=CHANCES,
    )
    drawn = stacked(
        share,
        chance,
        canvas=Canvas(
            f"Forecast of {printable(found.era)} at epoch {found.at}",
            "; ".join(line for line in forecast_lines(found) if line),
        ),
    )
    return standalone(drawn)
