"""The protocol configuration in force, what changes next, and when.

In: the configurations that are trusted, and when epochs begin. Out: a ``Panel`` with a small chart of k, m and phi_f by
epoch, and the same as a table.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from chain_reader.genesis import EpochCalendar
from chain_reader.trust.verdicts import NOT_REFUSED
from era_service.dashboard.schedule import PAST_EPOCHS
from era_service.dashboard.views import CHART_WIDTHS, CONFIGURATION, Cell, Fact, Figure, Notice, Panel, Table
from era_service.dashboard.words import listed
from era_service.status.documents import ConfigurationFrom, ConfigurationStatus
from eras.words import counted
from release_tools.adoption import charts

PARAMETERS = ("k", "m", "phi_f")


def configuration_panel(found: ConfigurationStatus | None, calendar: EpochCalendar) -> Panel:
    """The panel of the protocol configuration."""
    if found is None or found.epoch is None or not found.configurations:
        nothing = Notice("quiet", "No protocol configuration is trusted yet", "It appears here once one is read.")
        return Panel(*CONFIGURATION, notices=(nothing, *(() if found is None else _notices(found))))
    return Panel(
        *CONFIGURATION,
        _lead(found, calendar),
        _notices(found),
        tuple(_facts(found, calendar)),
        (_figure(found, found.epoch, calendar),),
        notes=() if found.current is None else (f"Signed entity types: {_types(found.current)}.",),
    )


def _lead(found: ConfigurationStatus, calendar: EpochCalendar) -> str:
    now = found.current
    words = "None in force yet" if now is None else f"In force since {calendar.epoch(now.epoch)}"
    if found.next is None:
        return f"{words}; no change is announced."
    changes = listed(found.next.changes, "the first configuration" if now is None else "nothing that affects nodes")
    return f"{words}; at {calendar.coming(found.next.epoch)}: {changes}."


def _notices(found: ConfigurationStatus) -> tuple[Notice, ...]:
    notices = []
    if found.stale is not None:
        notices.append(Notice("attention", "Stale: what is remembered stays in force", found.stale))
    if found.legacy_differs:
        text = "The network could split: publish one that spends the misleading output."
        notices.append(Notice("bad", "Deployed Mithril readers may read another configuration", text))
    return tuple(notices)


def _facts(found: ConfigurationStatus, calendar: EpochCalendar) -> Iterator[Fact]:
    if found.current is not None:
        for name in PARAMETERS:
            yield Fact(name, _value(found.current, name))
    if found.next is not None:
        yield Fact("Next change", f"in {counted(found.next.epochs_left, 'epoch')}", calendar.epoch(found.next.epoch))
    refused = sum(outputs for verdict, outputs in found.verdicts.items() if verdict not in NOT_REFUSED)
    yield Fact("Refused", f"{refused:,}", "attacks and mistakes", "attention" if refused else None)


def _value(one: ConfigurationFrom, name: str) -> str:
    value = getattr(one.protocol_parameters, name)
    return "not a number" if value is None else f"{value:,}"


def _types(one: ConfigurationFrom) -> str:
    return listed(one.available_signed_entity_types)


def _figure(found: ConfigurationStatus, now: int, calendar: EpochCalendar) -> Figure:
    first = max(found.configurations[0].epoch, now - PAST_EPOCHS)
    spans = [span for name in PARAMETERS for span in _spans(found.configurations, name, first, now)]
    title = "Protocol configuration by epoch"
    svgs = [
        charts.timeline(
            spans,
            charts.Canvas(title, _lead(found, calendar), width),
            [charts.Moment(f"now: epoch {now}", now)],
            label=calendar.label,
        )
        for width in CHART_WIDTHS
    ]
    rows = tuple(
        (
            Cell(calendar.epoch(one.epoch)),
            *(Cell(_value(one, name)) for name in PARAMETERS),
            Cell(_types(one)),
        )
        for one in found.configurations
    )
    columns = ("From", *(f">{name}" for name in PARAMETERS), "Signed entity types")
    return Figure("configuration-chart", title, tuple(svgs), Table(title, columns, rows))


def _spans(configurations: Sequence[ConfigurationFrom], name: str, first: int, now: int) -> Iterator[charts.Span]:
    """How long a parameter has each of its values."""
    values = [(next(group).epoch, value) for value, group in groupby(configurations, lambda one: _value(one, name))]
    for index, (start, value) in enumerate(values):
        end = values[index + 1][0] if index + 1 < len(values) else None
        if end is None or end > first:
            tone: charts.Tone = "not-ready" if start > now else "unknown" if end is not None and end <= now else "ready"
            yield charts.Span(name, value, max(first, start), end, tone)
