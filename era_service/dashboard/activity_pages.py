"""The activity as a page and a feed, and the eras as a calendar: ``/activity``, ``/activity.atom``, ``/eras.ics``.

In: a service. Out: routes.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.activity import KINDS, Activity, activity_of
from era_service.dashboard.answering import answered
from era_service.dashboard.feeds import ATOM, CALENDAR, atom_feed, era_calendar
from era_service.dashboard.headline import rehearsal_notices
from era_service.dashboard.render import subpage_html, theme_of
from era_service.service.refusals import PathNotFoundError
from era_service.service.service import Service
from era_store.event_log import EventFilter
from eras import EraNotReadyError, Slot

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

    def told(before: int | None = None) -> tuple[tuple[Activity, ...], int | None]:
        """The activity, and before which event there may be more."""
        found = service.store.events.newest(EVENTS, EventFilter(kinds=KINDS), before=before)
        return activity_of(reversed(found), calendar()), found[-1].id if len(found) == EVENTS else None

    @routes.get("/activity")
    def page(request: Request, before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None) -> Response:
        """The activity, newest first."""
        entries, earlier = told(before)
        html = subpage_html(
            "activity.html",
            root="",
            theme=theme_of(request),
            public=service.settings.service.public,
            network=network,
            title="Activity",
            notices=rehearsal_notices(service.network),
            entries=entries,
            earlier=earlier,
            is_newest=before is None,
            has_dates=service.genesis is not None,
        )
        return answered(request, html.encode(), "text/html; charset=utf-8")

    @routes.get("/activity.atom")
    def feed(request: Request) -> Response:
        """The same as a feed."""
        entries, _ = told()
        return answered(request, atom_feed(entries, network=network, place=place), f"{ATOM}; charset=utf-8")

    @routes.get("/eras.ics")
    def eras(request: Request) -> Response:
        """The eras as a calendar."""
        made = None
        try:
            status = service.era_status()
        except EraNotReadyError:
            status = None
        if status is not None:
            genesis, slot = service.genesis, None if status.trusted is None else status.trusted.slot
            told_at_s = None if genesis is None or slot is None else genesis.time_of(Slot(slot))
            made = era_calendar(status.eras, calendar(), network=network, place=place, told_at_s=told_at_s)
        if made is None:
            raise PathNotFoundError(
                "There is no era with a date",
                expected="a schedule, and the genesis of the network, from the configuration or a provider",
                got="neither" if status is None else "no date",
                next_step="Configure the genesis under [network], or ask again when an era has its epoch",
            )
        return answered(request, made, f"{CALENDAR}; charset=utf-8")

    return routes
