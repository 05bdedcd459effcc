"""The activity as a page and a feed, and the eras as a calendar: ``/activity``, ``/activity.atom``, ``/eras.ics``.

In: a service. Out: routes. The feed is Atom (RFC 4287), the calendar iCalendar (RFC 5545); both are pure functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.activity import KINDS, Activity, activity_of
from era_service.dashboard.render import answered, subpage
from era_service.dashboard.words import iso
from era_service.service.documents import EraDocument
from era_service.service.refusals import RequestError
from era_service.service.service import Service
from era_store.event_log import EventFilter
from eras import Slot, __version__
from eras.words import visible

EVENTS = 200
"""Events on one page, and in the feed."""

MAX_ID = 2**63 - 1


def activity_routes(service: Service) -> APIRouter:
    """The routes of the activity."""
    routes = APIRouter(include_in_schema=False)
    network = service.network.name or "this network"
    place = service.network.era_address or network

    def calendar() -> EpochCalendar:
        return EpochCalendar(service.genesis, service.clock())

    def newest(before: int | None = None) -> tuple[tuple[Activity, ...], int | None]:
        """The activity, and the id of the event before which there may be more."""
        found = service.store.events.newest(EVENTS, EventFilter(kinds=KINDS), before=before)
        return activity_of(reversed(found), calendar()), found[-1].id if len(found) == EVENTS else None

    @routes.get("/activity")
    def page(request: Request, before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None) -> Response:
        """The activity, newest first."""
        entries, earlier = newest(before)
        shown = {
            "title": "Activity",
            "entries": entries,
            "earlier": earlier,
            "is_newest": before is None,
            "has_dates": service.genesis is not None,
        }
        return subpage(request, service, "activity.html", shown)

    @routes.get("/activity.atom")
    def feed(request: Request) -> Response:
        """The activity as a feed."""
        entries, _ = newest()
        return answered(request, atom_feed(entries, network=network, place=place), f"{ATOM}; charset=utf-8")

    @routes.get("/eras.ics")
    def eras(request: Request) -> Response:
        """The eras as a calendar."""
        status = service.era_status() if service.has_read else None
        genesis, slot = service.genesis, None if status is None or status.trusted is None else status.trusted.slot
        published_at_s = None if genesis is None or slot is None else genesis.time_of(Slot(slot))
        listed = () if status is None else status.eras
        made = era_calendar(listed, calendar(), network=network, place=place, published_at_s=published_at_s)
        if made is None:
            raise RequestError(
                "There is no era with a date",
                expected="a schedule, and the genesis of the network, from the configuration or a provider",
                got="neither" if status is None else "no date",
                next_step="Configure the genesis under [network], or ask again when an era has its epoch",
                code="PathNotFound",
            )
        return answered(request, made, f"{CALENDAR}; charset=utf-8")

    return routes


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
        place: identifies this network in the ids of the feed and of its entries.
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
        ElementTree.SubElement(entry, _atom("category"), term=one.kind.label)
    made: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return made


def _atom(name: str) -> str:
    return f"{{{_ATOM_NAMESPACE}}}{name}"


def _add(to: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(to, _atom(name)).text = visible(text)


def _id(text: str) -> str:
    return uuid5(NAMESPACE_URL, f"urn:eraswitch:activity:{text}").urn


def era_calendar(
    eras: Iterable[EraDocument], calendar: EpochCalendar, *, network: str, place: str, published_at_s: float | None
) -> bytes | None:
    """The eras that have a date as an iCalendar; ``None`` if none has one: an iCalendar must not be empty.

    Args:
        eras: the schedule.
        calendar: when epochs begin.
        network: its name.
        place: identifies this network in the ids of the events.
        published_at_s: when the schedule was published, POSIX seconds, where that is known.
    """
    events = [line for era in eras for line in _event(era, calendar, network, place, published_at_s)]
    if not events:
        return None
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//eraswitch//{__version__}//EN", "METHOD:PUBLISH")
    lines = (*head, f"X-WR-CALNAME:{_escaped(network)} eras", *events, "END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _event(
    era: EraDocument, calendar: EpochCalendar, network: str, place: str, published_at_s: float | None
) -> Iterator[str]:
    begins_s = None if era.epoch is None else calendar.begins_s(era.epoch)
    if begins_s is None:
        return
    yield "BEGIN:VEVENT"
    yield f"UID:{uuid5(NAMESPACE_URL, f'urn:eraswitch:era:{place} {era.name}')}"
    yield f"DTSTAMP:{_stamp(begins_s if published_at_s is None else published_at_s)}"
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
    """Text as a value in an iCalendar."""
    return visible(text, keep="\n").translate(_ESCAPES)


def _folded(line: str) -> str:
    """A line folded after 75 octets; lines that continue it begin with a space, and no character is cut in two."""
    parts, size = [""], 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _MOST_OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += character
        size += octets
    return "\r\n".join(parts)
