"""The parties that are not ready for the coming era, by stake, and the search among them.

In: parties with stake and version, and a search text. Out: a ``Panel``. In the public view they have numbers instead
of names, and cannot be searched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from era_service.dashboard.views import PARTIES, Cell, Panel, Search, Table, notice_panel
from era_service.dashboard.words import nobody_vouches
from era_store import release_of
from eras.words import about_ada, counted, percents
from release_tools.adoption.parties import NotReady
from release_tools.adoption.shares import Share
from release_tools.adoption.summary import EpochAdoption, EraShares

SEARCH = "party"
"""The query parameter with the search text."""

LISTED = 25
"""The largest number of parties that are listed."""

UNKNOWN = "unknown"


def party_address(party_id: str) -> str:
    """The path of a party's page, relative to the dashboard."""
    return f"party/{quote(party_id, safe='')}"


@dataclass(frozen=True, slots=True)
class Laggards:
    """The parties that are not ready, as far as they are shown.

    Attributes:
        era: the era that they are not ready for.
        listed: the listed ones, largest first.
        found: the number of those that match the search.
        parties: the number of all that are not ready.
        stake: the stake of all of them, in lovelace.
        ready: the share of the registered stake that is ready.
        sought: the search text.
    """

    era: str
    listed: tuple[NotReady, ...]
    found: int
    parties: int
    stake: int
    ready: Share
    sought: str

    @property
    def share(self) -> str:
        """Their share; together with the ready and the rejected stake it is 100 %."""
        ready, whole = self.ready.part, self.ready.total
        return percents([Share(part, whole).fraction for part in (ready, self.stake, whole - ready - self.stake)])[1]

    @classmethod
    def among(cls, behind: Iterable[NotReady], *, row: EraShares, now: EpochAdoption, sought: str) -> "Laggards":
        """Those among ``behind`` whose name or version contains ``sought``.

        Args:
            behind: the parties that are not ready, largest first; without a search only the first few are read.
            row: the shares of the era that they are not ready for, from which all of them are counted.
            now: the adoption of their epoch.
            sought: the search text.
        """
        if sought:
            wanted = sought.casefold()
            hits = [one for one in behind if wanted in one.name.casefold() or wanted in (one.version or UNKNOWN)]
            listed, found = tuple(hits[:LISTED]), len(hits)
        else:
            listed, found = tuple(islice(behind, LISTED)), row.behind
        stake = now.registered_stake - row.registered.part
        return cls(row.era, listed, found, row.behind, stake, row.registered, sought)


def unknown_parties(era: str) -> Panel:
    """The panel if it is not configured which versions support the era."""
    return notice_panel(PARTIES, "quiet", "It is not known who is ready", f"{nobody_vouches(era)}.")


def parties_panel(laggards: Laggards | None, *, public: bool) -> Panel:
    """The panel of the parties that are not ready; without ``laggards`` there is no era to prepare for."""
    if laggards is None:
        text = "No era is coming, or nobody has registered yet."
        return notice_panel(PARTIES, "quiet", "Nobody to call", text)
    if not laggards.parties:
        return notice_panel(PARTIES, "good", f"Every registered party is ready for {laggards.era}")
    rows = tuple(
        (
            Cell(f"Party {number}") if public else Cell(party.name, link=party_address(party.party_id)),
            Cell((release_of(party.version) if public else party.version) or UNKNOWN),
            Cell(about_ada(party.stake), note=f"{Share(party.stake, laggards.ready.total)}"),
        )
        for number, party in enumerate(laggards.listed, 1)
    )
    search = None
    if not public:
        found = f"{counted(laggards.found, 'party', 'parties')} found." if laggards.sought else ""
        search = Search(SEARCH, "Find a party by its name or version", laggards.sought, found)
    return Panel(
        *PARTIES,
        f"{counted(laggards.parties, 'party', 'parties')} with {laggards.share} of the registered stake "
        f"{'does' if laggards.parties == 1 else 'do'} not support {laggards.era}.",
        table=Table(
            f"Parties that are not ready for {laggards.era}, the largest stake first",
            ("Party", "Version", ">Stake"),
            rows,
            empty="No party that is not ready has this name or version.",
            rest=laggards.found - len(rows),
        ),
        search=search,
        links=() if public else (("All parties", "parties"), ("As CSV", "parties.csv")),
    )
