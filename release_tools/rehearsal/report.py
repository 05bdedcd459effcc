"""The report of a rehearsal as a page that a release team can attach to its decision: one HTML file, nothing else.

In: an ``Outcome``. Out: HTML with inline charts and style, no script and no address; light and dark. Every chart stands
beside the table of the same numbers.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from html import escape

from eras.words import counted, percent
from release_tools.adoption.charts import CHANCES, Canvas, Moment, Series, Span, lines, stacked, stacked_bars, timeline
from release_tools.rehearsal.outcome import Outcome

_STYLE = """
:root{color-scheme:light dark;--chart-background:#fff;--chart-text:#1f2328;--chart-muted:#59636e;--chart-grid:#d8dee4;
--page:#fff;--ink:#1f2328;--soft:#59636e;--rule:#d8dee4;--fine:#1a7f37;--doubt:#8a5a00;--wrong:#b00020}
@media (prefers-color-scheme:dark){:root{--chart-background:#14181d;--chart-text:#e6edf3;--chart-muted:#9aa4af;
--chart-grid:#30363d;--chart-gate:#ff7b72;--page:#14181d;--ink:#e6edf3;--soft:#9aa4af;--rule:#30363d;--fine:#3fb950;
--doubt:#e3b341;--wrong:#ff7b72}}
body{background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;
padding:0 1rem}
h1{line-height:1.2;margin-bottom:.2rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--rule)}
svg{max-width:100%;height:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--rule)}th{color:var(--soft);font-weight:600}
td.n,th.n{text-align:right;white-space:nowrap}
.verdict{border-left:.4rem solid var(--grade);padding:.2rem 1rem;margin:1.2rem 0}
.verdict ul{margin:.4rem 0;padding-left:1.2rem}
.headline{font-size:1.4rem;line-height:1.3;font-weight:700;color:var(--grade);margin:.3rem 0}
.good{--grade:var(--fine)}.doubtful{--grade:var(--doubt)}.bad{--grade:var(--wrong)}
.soft{color:var(--soft)}.scroll{overflow-x:auto}
"""

COLUMNS = (
    "in it: nodes that run in the current era · ready: registered stake whose version knows the era to come · "
    "signing: of the registered stake · of network: of all stake there is"
)
"""The meaning of the columns of the table."""

_MARKS = {"good": "✓", "doubtful": "!", "bad": "✗"}
"""The grade, for who sees no colours."""


def html_report(outcome: Outcome) -> str:
    """The page."""
    scenario = outcome.scenario
    title = escape(scenario.title)
    verdict = outcome.verdict
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    expected = "No rule was broken, and it ended as the scenario expects." if outcome.ok else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{_STYLE}</style></head><body>
<h1>{title}</h1>
<p class="soft">A rehearsal with {scenario.nodes:,} nodes over {counted(scenario.epochs, "epoch")} from epoch
{scenario.first_epoch}, seed {scenario.seed}</p>
<section class="verdict {verdict.grade}"><p class="headline">{_MARKS[verdict.grade]} {escape(verdict.headline)}</p>
<ul>{reasons}</ul><p><b>Next:</b> {escape(verdict.next_step)}.</p></section>
<p class="soft">{expected}</p><p>{escape(scenario.story)}</p>
{"".join(_parts(outcome))}
</body></html>
"""


def _parts(outcome: Outcome) -> Iterable[str]:
    if outcome.violations:
        rows = [(one.rule, f"{one.epoch}", one.words) for one in outcome.violations]
        yield "<h2>Rules that were broken</h2>" + _table(("rule", "epoch", "what happened"), rows)
    if outcome.checked:
        rows = [(one.expected, one.got, "met" if one.met else "missed") for one in outcome.checked]
        yield "<h2>Expected</h2>" + _table(("expected", "came", ""), rows)
    yield "<h2>Eras</h2>" + _eras(outcome)
    yield "<h2>Nodes</h2>" + _nodes(outcome)
    yield "<h2>Stake by version</h2>" + _versions(outcome)
    yield "<h2>Quorum</h2>" + _quorum(outcome)
    yield f'<h2>By epoch</h2><p class="soft">{escape(COLUMNS)}</p>' + _by_epoch(outcome)
    done = [(f"{one.at:g}", one.words) for one in outcome.happenings]
    yield "<h2>What was done, and what went wrong</h2>" + _table(("epoch", "what"), done)
    told = [(one.kind, f"{one.first}", f"{one.nodes:,}", f"{one.times:,}") for one in outcome.told]
    yield "<h2>What nodes reported</h2>" + _table(
        ("decision", "first in epoch", "nodes", "times"), told, numbers=(2, 3)
    )


def _labels(outcome: Outcome) -> list[str]:
    return [f"{row.epoch}" for row in outcome.rows]


def _eras(outcome: Outcome) -> str:
    spans: list[Span] = []
    for row in outcome.rows:
        if spans and spans[-1].label == row.era:
            last = spans.pop()
            spans.append(Span(last.lane, last.label, last.start, row.epoch + 1))
        else:
            spans.append(Span("current era", row.era, row.epoch, row.epoch + 1))
    published = [(one.at, one.published) for one in outcome.happenings if one.published is not None]
    moments = [Moment(f"{change.to_dict()['change']}", at) for at, change in published]
    words = "; ".join(f"{span.label} from epoch {span.start:g}" for span in spans)
    return timeline(spans, Canvas("Eras", words), moments)


def _nodes(outcome: Outcome) -> str:
    nodes = outcome.scenario.nodes
    series = [
        Series("in the current era", tuple(Fraction(row.in_era, nodes) for row in outcome.rows), "ready"),
        Series("up, not in it yet", tuple(Fraction(row.up - row.in_era, nodes) for row in outcome.rows), "unknown"),
        Series("stopped", tuple(Fraction(row.stopped, nodes) for row in outcome.rows), "not-ready"),
    ]
    last = outcome.rows[-1]
    words = f"At the end {last.in_era:,} of {nodes:,} nodes run in {last.era}, and {last.stopped:,} have stopped."
    return stacked_bars(_labels(outcome), series, Canvas("Nodes by epoch", words))


def _versions(outcome: Outcome) -> str:
    names = dict.fromkeys(version.name for version in outcome.scenario.versions)
    shares = [
        {name: Fraction(stake, sum(row.by_version.values()) or 1) for name, stake in row.by_version.items()}
        for row in outcome.rows
    ]
    series = [Series(name, tuple(one.get(name) for one in shares)) for name in names]
    words = "The share of each version in the stake that registered in an epoch."
    return stacked_bars(_labels(outcome), series, Canvas("Registered stake by version", words))


def _quorum(outcome: Outcome) -> str:
    chances = [
        Series("chance of a quorum", tuple(row.quorum_probability for row in outcome.rows)),
        Series("chance forecast before the switch", tuple(row.forecast for row in outcome.rows)),
    ]
    signing = [
        Series("stake that signs, of the registered", tuple(row.signing for row in outcome.rows)),
        Series("stake that signs, of the network", tuple(row.behind for row in outcome.rows)),
    ]
    words = f"{outcome.lost} of {len(outcome.rows)} epochs had no quorum."
    return stacked(
        lines(_labels(outcome), chances, Canvas("Chance of a quorum", words), axis=CHANCES),
        lines(_labels(outcome), signing, Canvas("Stake that signs", "The share of the stake that signs.")),
        canvas=Canvas("Quorum", words),
    )


def _by_epoch(outcome: Outcome) -> str:
    head = ("epoch", "era", "up", "in it", "stopped", "ready", "signing", "of network", "chance", "forecast", "quorum")
    rows = [
        (
            f"{row.epoch}",
            row.era,
            f"{row.up:,}",
            f"{row.in_era:,}",
            f"{row.stopped:,}",
            "—" if row.ready is None else percent(row.ready),
            percent(row.signing),
            percent(row.behind),
            percent(row.quorum_probability),
            "—" if row.forecast is None else percent(row.forecast),
            "kept" if row.quorum else "missed",
        )
        for row in outcome.rows
    ]
    return _table(head, rows, numbers=range(2, 10))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = ()) -> str:
    right = set(numbers)

    def cells(tag: str, texts: Sequence[str]) -> str:
        kinds = [' class="n"' if index in right else "" for index in range(len(texts))]
        return "".join(f"<{tag}{kind}>{escape(text)}</{tag}>" for kind, text in zip(kinds, texts, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'
