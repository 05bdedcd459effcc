"""The activity as an Atom feed (RFC 4287), and the eras as an iCalendar (RFC 5545), for readers and calendars.

In: activity, the eras, and when epochs begin. Out: bytes, the same for the same input.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.activity import Activity
from era_service.dashboard.words import iso
from era_service.service.documents import EraDocument
from eras import __version__
from eras.visible import visible

ATOM = "application/atom+xml"
CALENDAR = "text/calendar"

_ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
_MOST_OCTETS = 75
"""In a line of an iCalendar; longer ones are folded."""


def atom_feed(entries: Sequence[Activity], *, network: str, place: str) -> bytes:
    """The activity as an Atom feed.

    Args:
        entries: what happened, newest first.
        network: its name.
        place: identifies this network; the ids of the feed and its entries are made of it.
    """
    ElementTree.register_namespace("", _ATOM_NAMESPACE)
    feed = ElementTree.Element(_atom("feed"))
    _add(feed, "id", _id(place))
    _add(feed, "title", f"{network}: eras")
    _add(feed, "updated", iso(entries[0].time_s if entries else 0))
    _add(ElementTree.SubElement(feed, _atom("author")), "name", "eraswitch")
    ElementTree.SubElement(feed, _atom("generator"), version=__version__).text = "eraswitch"
    ElementTree.SubElement(feed, _atom("link"), rel="self", href="activity.atom", type=ATOM)
    ElementTree.SubElement(feed, _atom("link"), rel="alternate", href="activity", type="text/html")
    for one in entries:
        entry = ElementTree.SubElement(feed, _atom("entry"))
        _add(entry, "id", _id(f"{place} {one.id} {one.time_s}"))
        _add(entry, "title", one.title)
        _add(entry, "updated", iso(one.time_s))
        _add(entry, "summary", one.detail or one.title)
        ElementTree.SubElement(entry, _atom("link"), rel="alternate", href=f"activity#e{one.id}", type="text/html")
        ElementTree.SubElement(entry, _atom("category"), term=one.kind)
    made: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return made


def _atom(name: str) -> str:
    return f"{{{_ATOM_NAMESPACE}}}{name}"


def _add(to: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(to, _atom(name)).text = visible(text)


def _id(text: str) -> str:
    return uuid5(NAMESPACE_URL, f"urn:eraswitch:activity:{text}").urn


def era_calendar(
    eras: Iterable[EraDocument], calendar: EpochCalendar, *, network: str, place: str, told_at_s: float | None
) -> bytes | None:
    """The eras that have a date as an iCalendar; ``None`` where none has one, which no iCalendar may be made of.

    Args:
        eras: the schedule.
        calendar: when epochs begin.
        network: its name.
        place: identifies this network; the ids of the events are made of it.
        told_at_s: when the schedule was published, POSIX seconds, where that is known.
    """
    events = [line for era in eras for line in _event(era, calendar, network, place, told_at_s)]
    if not events:
        return None
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//eraswitch//{__version__}//EN", "METHOD:PUBLISH")
    lines = (*head, f"X-WR-CALNAME:{_escaped(network)} eras", *events, "END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _event(
    era: EraDocument, calendar: EpochCalendar, network: str, place: str, told_at_s: float | None
) -> Iterator[str]:
    begins_s = None if era.epoch is None else calendar.begins_s(era.epoch)
    if begins_s is None:
        return
    yield "BEGIN:VEVENT"
    yield f"UID:{uuid5(NAMESPACE_URL, f'urn:eraswitch:era:{place} {era.name}')}"
    yield f"DTSTAMP:{_stamp(begins_s if told_at_s is None else told_at_s)}"
    yield f"DTSTART:{_stamp(begins_s)}"
    yield f"SUMMARY:{_escaped(f'{network}: the era {era.name} begins')}"
    yield f"DESCRIPTION:{_escaped(f'At epoch {era.epoch}; {era.state}.')}"
    yield "STATUS:CONFIRMED"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _stamp(posix_s: float) -> str:
    return datetime.fromtimestamp(posix_s, UTC).strftime("%Y%m%dT%H%M%SZ")


_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def _escaped(text: str) -> str:
    """Text as a value of an iCalendar has it."""
    return visible(text, keep="\n").translate(_ESCAPES)


def _folded(line: str) -> str:
    """A line of at most 75 octets, and the rest in lines that begin with a space; no character is cut in two."""
    parts, size = [""], 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _MOST_OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += character
        size += octets
    return "\r\n".join(parts)
