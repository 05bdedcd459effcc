"""The pages of the parties: a list that can be searched, sorted and paged, and a page for each party.

In: a ``Gatherer``. Out: routes. The public view names no party, and has none of these pages.
"""

import csv
import io
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, StringConstraints

from era_service.dashboard.gather import Gatherer
from era_service.dashboard.parties import SEARCH, party_address
from era_service.dashboard.render import FRESH, answered, subpage
from era_service.dashboard.roster import GONE, NOT_READY, READY, UNKNOWN, Party, Roster
from era_service.dashboard.views import Cell, Fact, Notice, Panel, Table, Tone
from era_service.dashboard.words import moment
from era_service.service.refusals import RequestError
from era_service.service.service import Service
from eras.words import about_ada, counted, sheet_cell, visible

PAGE = 50
"""Parties on one page of the list."""

COLUMNS = ("party_id", "ticker", "stake", "version", "state", "since_epoch", "registered_epoch")
"""The columns of the list as CSV; the stake is in lovelace."""

_TONES: dict[str, Tone] = {READY: "good", NOT_READY: "attention", GONE: "bad", UNKNOWN: "quiet"}

Sort = Literal["stake", "party", "version", "state", "since"]
State = Literal["", "ready", "not ready", "not registered"]


class ListQuery(BaseModel):
    """The query on the list of parties; the name of the first parameter is ``SEARCH``."""

    party: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""
    state: State = ""
    sort: Sort = "stake"
    ascending: bool = False
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    def address(self, path: str = "parties", **changes: object) -> str:
        """The address of the list, with some parameters changed."""
        given = self.model_copy(update=changes).model_dump(exclude_defaults=True)
        return f"{path}?{urlencode(given)}" if given else path


Asked = Annotated[ListQuery, Query()]


def party_routes(service: Service, gatherer: Gatherer) -> APIRouter:
    """The routes of the parties' pages."""
    routes = APIRouter(include_in_schema=False)

    def roster_of() -> Roster | None:
        if service.settings.service.public:
            raise RequestError(
                "The public view names no party",
                expected="the dashboard",
                got="a page of parties",
                next_step="Ask for /",
                code="PathNotFound",
            )
        return gatherer.roster()

    @routes.get("/parties")
    def parties(request: Request, asked: Asked) -> Response:
        """The list of all parties."""
        return subpage(request, service, "parties.html", _list(roster_of(), asked))

    @routes.get("/parties.csv")
    def parties_csv(request: Request, asked: Asked) -> Response:
        """The same list, whole, as CSV."""
        text = _csv(_found(roster_of(), asked))
        headers = {**FRESH, "content-disposition": 'attachment; filename="parties.csv"'}
        return answered(request, text.encode(), "text/csv; charset=utf-8", headers=headers)

    @routes.get("/party/{name}")
    def party(request: Request, name: str) -> Response:
        """A party, by its id or its ticker."""
        roster = roster_of()
        found = () if roster is None else roster.find(name)
        if roster is None or not found:
            panel = Panel(
                "party",
                visible(name[:100]),
                notices=(
                    Notice("attention", "No such party", "Nobody with this id or ticker has registered recently."),
                ),
                links=(("All parties", "../parties"),),
            )
            shown: dict[str, object] = {"title": "No such party", "panels": (panel,)}
            return subpage(request, service, "party.html", shown, root="../", status=404)
        if len(found) > 1:
            return RedirectResponse(f"../parties?{urlencode({SEARCH: name})}", 303)
        (one,) = found
        panels = (_party_panel(one, roster, gatherer.minimum(roster.era)), _history_panel(one))
        shown = {"title": one.ticker or one.party_id, "panels": panels}
        return subpage(request, service, "party.html", shown, root="../")

    return routes


def _found(roster: Roster | None, asked: ListQuery) -> list[Party]:
    if roster is None:
        return []
    return roster.search(asked.party, asked.state, asked.sort, ascending=asked.ascending)


def _list(roster: Roster | None, asked: ListQuery) -> dict[str, object]:
    """The data for the template of the list."""
    found = _found(roster, asked)
    pages = max(1, -(-len(found) // PAGE))
    asked = asked.model_copy(update={"page": min(asked.page, pages)})
    shown = found[(asked.page - 1) * PAGE : asked.page * PAGE]
    lead = "Nobody has registered yet."
    if roster is not None:
        epochs = f"epochs {roster.epochs[-1]} to {roster.epochs[0]}"
        lead = f"{counted(len(roster.parties), 'party', 'parties')} registered in {epochs}"
        lead += "." if roster.era is None else f"; ready means ready for {roster.era}."
    return {
        "title": "Parties",
        "query": asked,
        "states": (READY, NOT_READY, GONE),
        "lead": lead,
        "found": f"{counted(len(found), 'party', 'parties')} found." if asked.party or asked.state else "",
        "headings": [_heading(asked, *column) for column in _HEADINGS],
        "rows": [_row(one) for one in shown],
        "before": asked.address(page=asked.page - 1) if asked.page > 1 else "",
        "after": asked.address(page=asked.page + 1) if asked.page < pages else "",
        "place": f"Page {asked.page:,} of {pages:,}",
        "csv": asked.address("parties.csv", page=1),
    }


_HEADINGS: tuple[tuple[str, Sort, bool], ...] = (
    ("Party", "party", False),
    ("State", "state", False),
    ("Version", "version", False),
    ("Stake", "stake", True),
    ("Since epoch", "since", True),
)


def _heading(asked: ListQuery, text: str, sort: Sort, number: bool) -> dict[str, object]:
    """A heading that sorts by its column; a second time in the opposite order."""
    is_sorted = asked.sort == sort
    ascending = not asked.ascending if is_sorted else not number
    order = ("ascending" if asked.ascending else "descending") if is_sorted else ""
    address = asked.address(sort=sort, ascending=ascending, page=1)
    return {"text": text, "number": number, "order": order, "address": address}


def _row(one: Party) -> tuple[Cell, ...]:
    return (
        Cell(one.ticker or one.party_id, link=party_address(one.party_id), note=one.party_id if one.ticker else ""),
        Cell(one.state, _TONES[one.state]),
        Cell(one.version),
        Cell(about_ada(one.newest.stake)),
        Cell(f"{one.since}"),
    )


def _csv(parties: list[Party]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in parties:
        newest = one.newest
        party, ticker, version = (sheet_cell(text or "") for text in (one.party_id, one.ticker, newest.version))
        writer.writerow((party, ticker, newest.stake, version, one.state, one.since, newest.epoch))
    return out.getvalue()


def _party_panel(one: Party, roster: Roster, minimum: str | None) -> Panel:
    """The readiness of a party, and what its operator has to do."""
    newest = one.newest
    known_by = "" if roster.era is None else f", by its {'version' if newest.capability is None else 'capability'}"
    since = f"since epoch {one.since}" + (" at least" if one.since == roster.epochs[-1] else "") + known_by
    facts = (
        Fact(f"For {roster.era}" if roster.era else "Readiness", one.state, since, _TONES[one.state]),
        Fact("Version", one.version, f"as of epoch {newest.epoch}"),
        Fact("Stake", about_ada(newest.stake), f"{newest.stake:,} lovelace"),
    )
    notices: tuple[Notice, ...] = ()
    if one.state == NOT_READY:
        wanted = minimum or f"a release that supports {roster.era}"
        notices = (Notice("attention", f"Install {wanted}", f"This is what {roster.era} needs."),)
    elif one.state == GONE:
        notices = (
            Notice("attention", f"It did not register for epoch {roster.epochs[0]}", "Its node may have stopped."),
        )
    title = one.party_id if one.ticker is None else f"{one.ticker} ({one.party_id})"
    return Panel("party", title, notices=notices, facts=facts, links=(("All parties", "../parties"),))


def _history_panel(one: Party) -> Panel:
    """The versions of a party, epoch by epoch."""
    rows = tuple(
        (
            Cell(f"epoch {row.epoch}"),
            Cell(row.version or "unknown"),
            Cell(about_ada(row.stake)),
            Cell(moment(row.seen_at_s) if row.seen_at_s else "unknown"),
            Cell("signed by the party" if row.signed is not None else "not signed"),
        )
        for row in one.registrations
    )
    columns = ("For", "Version", ">Stake", "Seen", "Signature")
    return Panel("history", "Registrations", table=Table("What it registered, newest first", columns, rows))
