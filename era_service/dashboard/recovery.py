"""The recovery of the network from its newest switch: the third phase of a rollout.

In: the ``Recovery``, as ``rollout verify`` shows it. Out: a ``Panel``, and the page's first sentence after a switch.
"""

from collections.abc import Iterator, Mapping

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.parties import LISTED, party_address
from era_service.dashboard.views import CHART_WIDTHS, RECOVERY, Answer, Cell, Fact, Figure, Panel, Table, Tone
from era_service.dashboard.words import sentence
from eras.words import about_ada, counted, percent
from release_tools.adoption import charts
from release_tools.adoption.shares import share_words
from release_tools.forecasting.lottery import chance_words
from release_tools.rollout.recovery import EpochActivity, Recovery

HEIGHT = 230
"""Of the chart, in pixels."""


def recovery_answer(found: Recovery, *, stale: bool) -> Answer:
    """Whether the network recovered, as the page's first sentence.

    Args:
        found: its recovery.
        stale: whether the chain did not confirm the markers when it was last read.
    """
    reasons = ["The chain does not confirm what is known of it."] if stale else []
    if found.missing:
        reasons.append(f"{_missing_words(found)}.")
    tone: Tone = "good" if found.recovered and not stale else "attention"
    return Answer(tone, sentence(found.words), tuple(reasons))


def recovery_panel(found: Recovery, calendar: EpochCalendar, tickers: Mapping[str, str], *, public: bool) -> Panel:
    """The panel of a recovery.

    Args:
        found: the recovery.
        calendar: when epochs begin.
        tickers: party id → ticker.
        public: whether parties are numbered instead of named.
    """
    listed = list(found.missing.items())[:LISTED]
    rows = tuple(
        (
            Cell(f"Party {number}") if public else Cell(tickers.get(party) or party, link=party_address(party)),
            Cell(about_ada(stake)),
        )
        for number, (party, stake) in enumerate(listed, 1)
    )
    table = Table(
        "Parties that stopped and have not come back, the largest stake first",
        ("Stopped and not back", ">Stake before the switch"),
        rows,
        rest=len(found.missing) - len(rows),
    )
    return Panel(
        *RECOVERY,
        sentence(found.words),
        facts=tuple(_facts(found)),
        figures=(_figure(found, calendar),),
        table=table if rows else None,
        notes=("Participation is counted from registrations here; eraswitch rollout verify also counts certificates.",),
    )


def _facts(found: Recovery) -> Iterator[Fact]:
    if found.judged is not None and found.stake is not None:
        tone: Tone = "good" if found.stake >= found.wanted else "attention"
        wanted = f"{share_words(found.wanted)} of before the switch is required"
        yield Fact(f"Stake that registered for epoch {found.judged}", percent(found.stake), wanted, tone)
    if found.missing:
        parties = counted(len(found.missing), "party", "parties")
        yield Fact("Stopped and not back", parties, f"with {about_ada(sum(found.missing.values()))}", "attention")
    if found.forecast is not None:
        danger = found.forecast.danger
        under = f"chance of a quorum at epoch {danger.epoch}, the least likely"
        yield Fact("Forecast before the switch", chance_words(danger.quorum_probability.value), under)


def _missing_words(found: Recovery) -> str:
    parties = counted(len(found.missing), "party", "parties")
    verb = "has" if len(found.missing) == 1 else "have"
    return f"{parties} with {about_ada(sum(found.missing.values()))} stopped and {verb} not come back"


def _figure(found: Recovery, calendar: EpochCalendar) -> Figure:
    shares = [found.of_before(one) for one in found.epochs]
    series = (charts.Series("stake that registered", tuple(shares)),)
    title = "Stake, against before the switch"
    svgs = tuple(
        charts.lines(
            [calendar.label(one.epoch) for one in found.epochs],
            series,
            charts.Canvas(title, sentence(found.words), width, height=HEIGHT),
            gate=float(found.wanted),
            gate_name="recovered from",
            mark=(calendar.label(found.at), "the switch"),
            axis=charts.up_to(max((float(one) for one in shares if one is not None), default=1.0)),
        )
        for width in CHART_WIDTHS
    )
    columns = ("Epoch", ">Parties", ">Stake", ">Of before", ">Forecast chance of a quorum", "Note")
    rows = tuple(_row(found, one) for one in found.epochs)
    return Figure("recovery-chart", title, svgs, Table(title, columns, rows))


def _row(found: Recovery, one: EpochActivity) -> tuple[Cell, ...]:
    share, chance = found.of_before(one), found.chance_in(one.epoch)
    return (
        Cell(f"{one.epoch}"),
        Cell("" if one.parties is None else f"{len(one.parties):,}"),
        Cell("" if one.stake is None else about_ada(one.stake)),
        Cell("" if share is None else percent(share)),
        Cell("" if chance is None else chance_words(chance)),
        Cell("the switch" if one.epoch == found.at else "so far" if one.epoch == found.current else ""),
    )
