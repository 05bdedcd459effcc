"""The timeline of epochs and eras.

In: the status of the network, and when its epochs begin. Out: a ``Panel`` with one chart of the eras around now,
and the schedule as a table.
"""

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.views import CHART_WIDTHS, TIMELINE, Cell, Figure, Panel, Table, Tone, notice_panel
from era_service.dashboard.words import listed, moment
from era_service.service.documents import EraDocument, EraStatus
from eras.words import counted
from release_tools.adoption import charts

PAST_EPOCHS = 12
"""The epochs of the past that the chart shows."""

_TONES: dict[str, Tone] = {"active": "good", "scheduled": "attention", "locked": "attention"}
_CHART_TONES: dict[str, charts.Tone] = {"active": "ready", "past": "unknown"}


def schedule_panel(status: EraStatus, calendar: EpochCalendar) -> Panel:
    """The panel of the timeline."""
    if not status.eras or status.epoch is None:
        text = "The first marker appears here once it is read."
        return notice_panel(TIMELINE, "quiet", "No era is on the chain yet", text)
    rows = tuple(_row(era, calendar) for era in status.eras)
    table = Table("The eras, their states and epochs", ("Era", "State", ">Epoch", "When", "Supported here"), rows)
    return Panel(*TIMELINE, _lead(status), figures=(_figure(status, status.epoch, table, calendar),))


def _lead(status: EraStatus) -> str:
    coming = [era for era in status.eras if era.state in ("scheduled", "locked")]
    announced = [era.name for era in status.eras if era.state == "announced"]
    words = [f"Epoch {status.epoch}"]
    if status.current is not None:
        words.append(f"{status.current.name} is active")
    words += [f"{era.name} begins at epoch {era.epoch}" for era in coming]
    if announced:
        words.append(f"{listed(announced)} {'is' if len(announced) == 1 else 'are'} announced, without an epoch")
    return "; ".join(words) + "."


def _figure(status: EraStatus, now: int, table: Table, calendar: EpochCalendar) -> Figure:
    dated = [(era.epoch, era) for era in status.eras if era.epoch is not None]
    dated.sort(key=lambda pair: pair[0])
    first = max(dated[0][0] if dated else now, now - PAST_EPOCHS)
    spans = []
    for index, (epoch, era) in enumerate(dated):
        end = dated[index + 1][0] if index + 1 < len(dated) else None
        if end is None or end > first:
            label = f"since {epoch}" if epoch <= now else f"from {epoch}"
            spans.append(charts.Span(era.name, label, max(first, epoch), end, _CHART_TONES.get(era.state)))
    spans += [
        charts.Span(era.name, "no epoch yet", max(now, *(epoch for epoch, _ in dated)) + 1, None, "unknown")
        for era in status.eras
        if era.epoch is None
    ]
    moments = [charts.Moment(f"now: epoch {now}", now)]
    svgs = [
        charts.timeline(spans, charts.Canvas("Eras by epoch", _lead(status), width), moments, label=calendar.label)
        for width in CHART_WIDTHS
    ]
    return Figure("timeline-chart", "Eras by epoch", tuple(svgs), table)


def _row(era: EraDocument, calendar: EpochCalendar) -> tuple[Cell, ...]:
    when = ""
    if era.epoch is not None:
        begins_s = calendar.begins_s(era.epoch)
        when = "begun" if era.epochs_left is None else f"in {counted(era.epochs_left, 'epoch')}"
        when += "" if begins_s is None else f", {moment(begins_s)}"
    return (
        Cell(era.name),
        Cell(era.state, _TONES.get(era.state, "quiet")),
        Cell("none yet" if era.epoch is None else f"{era.epoch:,}"),
        Cell(when),
        Cell("yes", "good") if era.supported else Cell("no", "bad"),
    )
