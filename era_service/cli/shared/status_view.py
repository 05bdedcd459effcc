"""The status of the network in words: eras, what is trusted and why, what was refused, protocol configurations."""

from chain_reader.genesis import EpochCalendar
from era_service.cli.shared.output import printable
from era_service.cli.shared.publication_view import refused_lines
from era_service.status.documents import ConfigurationStatus, LegacyDocument, ListedEra, SourceDocument, StatusDocument
from eras.words import counted


def in_words(document: StatusDocument, calendar: EpochCalendar, how: str | None) -> list[str]:
    """The status for people; ``how`` is why the markers are in force, without the signature."""
    on = "" if document.network is None else f" on {document.network}"
    epoch = "epoch unknown" if document.epoch is None else calendar.epoch(document.epoch)
    lines = [
        f"E{epoch[1:]}{on}",
        f"Current era   {printable(document.current_era or 'unknown')}",
        f"Upcoming era  {_upcoming(document, calendar)}",
    ]
    if document.eras:
        width = max(len(printable(era.name)) for era in document.eras)
        lines.append("Eras")
        begins = ["no epoch yet" if era.epoch is None else f"from {calendar.epoch(era.epoch)}" for era in document.eras]
        widths = width, max(18, *map(len, begins))
        lines += [_era_line(era, words, *widths) for era, words in zip(document.eras, begins, strict=True)]
    lines += [*_trusted_lines(document.trusted, how), *_legacy_lines(document.legacy), *_refused_lines(document)]
    return [*lines, *_configuration_lines(document.configuration, calendar)]


def _configuration_lines(found: ConfigurationStatus | None, calendar: EpochCalendar) -> list[str]:
    """The protocol configuration in force and the next change, where they are read."""
    if found is None:
        return []
    if found.current is None:
        return ["Configuration none in force"]
    current, coming = found.current, found.next
    parameters = ", ".join(f"{name} {value}" for name, value in current.protocol_parameters)
    lines = [f"Configuration {parameters}, from epoch {current.epoch}"]
    if coming is None:
        return [*lines, "  next change none"]
    left = counted(coming.epochs_left, "epoch")
    lines.append(f"  next change in {left}: {calendar.coming(coming.epoch)}")
    return lines + [f"    {change}" for change in coming.changes]


def _upcoming(document: StatusDocument, calendar: EpochCalendar) -> str:
    if document.upcoming_era is None:
        return "none" if document.current_era else "unknown"
    name, left = printable(document.upcoming_era), document.epochs_to_upcoming
    if left is None or document.epoch is None:
        return f"{name}, announced"
    epoch = document.epoch + left
    dated = "" if calendar.begins_s(epoch) is None else f": {calendar.coming(epoch)}"
    return f"{name}, in {counted(left, 'epoch')}{dated}"


def _era_line(era: ListedEra, begins: str, width: int, begins_width: int) -> str:
    known = "supported" if era.supported else "NOT SUPPORTED"
    return f"  {printable(era.name):<{width}}  {begins:<{begins_width}}  {era.state or 'unknown':<9}  {known}"


def _trusted_lines(trusted: SourceDocument | None, how: str | None) -> list[str]:
    if trusted is None:
        return ["Trusted       nothing"]
    lines = [f"Trusted       {printable(trusted.source)}"]
    if trusted.transaction is not None:
        slot = "" if trusted.slot is None else f" at slot {trusted.slot}"
        lines.append(f"  transaction {trusted.transaction}{slot}")
    if trusted.key is not None:
        lines.append(f"  signed by   {trusted.key}")
    if trusted.why is not None:
        lines.append(f"  because     {printable(how or trusted.why)}")
    return lines


def _legacy_lines(legacy: LegacyDocument | None) -> list[str]:
    """The view of Mithril readers, when it differs."""
    if legacy is None or not legacy.differs:
        return []
    schedules = [
        ", ".join(dict.fromkeys(f"{marker.name} {_begins(marker.epoch)}" for marker in markers))
        for markers in legacy.possible
    ]
    return ["Mithril readers could read", *(f"  {printable(schedule)}" for schedule in schedules or ["no marker"])]


def _begins(epoch: int | None) -> str:
    return "without an epoch" if epoch is None else f"at {epoch}"


def _refused_lines(document: StatusDocument) -> list[str]:
    lines = refused_lines(document.verdicts)
    lines += [f"  {item.output} {item.verdict}: {printable(item.reason)}" for item in document.refused]
    if document.refused_not_listed:
        lines.append(f"  and {document.refused_not_listed} more (see --limit)")
    return lines
