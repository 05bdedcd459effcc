"""All parties of the last epochs: whether each is ready, since when, and which versions it ran.

In: registrations, the upcoming era, and the tickers of pools. Out: a ``Roster``, which finds a party by its id or
ticker, and lists, searches and sorts all of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from era_store import Registration, SqlRegistrations
from eras import Epoch
from release_tools import Compatibility
from release_tools.adoption.shares import is_ready
from release_tools.adoption.versions import parse_release

READY, NOT_READY, GONE, UNKNOWN = "ready", "not ready", "not registered", "unknown"
"""The states of a party; unknown if it is not configured which versions support the era."""


@dataclass(frozen=True, slots=True)
class Party:
    """A party, as of the newest epoch.

    Attributes:
        party_id: its id.
        ticker: the ticker of its pool, if known.
        state: its readiness for the era.
        since: the first epoch of its present state without a break, as far back as the roster goes.
        registrations: its newest registration of each epoch, the newest epoch first.
    """

    party_id: str
    ticker: str | None
    state: str
    since: int
    registrations: tuple[Registration, ...]

    @property
    def newest(self) -> Registration:
        """Its newest registration."""
        return self.registrations[0]

    @property
    def version(self) -> str:
        """The version that it runs, as it registered it."""
        return self.newest.version or "unknown"


class Roster:
    """The parties of some epochs.

    Args:
        repository: the registrations.
        epochs: the epochs of the roster, newest first; at least one.
        era: the era to be ready for; ``None`` if it is not configured who supports it.
        compatibility: which versions support which era.
        tickers: party id → ticker.
    """

    def __init__(
        self,
        repository: SqlRegistrations,
        epochs: Iterable[int],
        era: str | None,
        compatibility: Compatibility,
        tickers: Mapping[str, str],
    ) -> None:
        self.era = era
        self.epochs = tuple(epochs)
        found: dict[str, list[Registration]] = {}
        for epoch in self.epochs:
            for row in repository.newest(Epoch(epoch)):
                found.setdefault(row.party_id, []).append(row)

        def state_of(row: Registration) -> str:
            if era is None:
                return UNKNOWN
            return READY if is_ready(row, era, compatibility) else NOT_READY

        def party(name: str, rows: list[Registration]) -> Party:
            state = state_of(rows[0])
            since: int = rows[0].epoch
            for row in rows:
                if state_of(row) != state:
                    break
                since = row.epoch
            if rows[0].epoch != self.epochs[0]:
                state, since = GONE, next(e for e in reversed(self.epochs) if e > rows[0].epoch)
            return Party(name, tickers.get(name), state, since, tuple(rows))

        self.parties = {name: party(name, rows) for name, rows in found.items()}
        self._by_ticker: dict[str, list[Party]] = {}
        for one in self.parties.values():
            if one.ticker is not None:
                self._by_ticker.setdefault(one.ticker.casefold(), []).append(one)

    def find(self, name: str) -> tuple[Party, ...]:
        """The parties with that id or that ticker: one by its id, several where pools share a ticker."""
        known = self.parties.get(name)
        return (known,) if known is not None else tuple(self._by_ticker.get(name.casefold(), ()))

    def search(self, sought: str = "", state: str = "", sort: str = "stake", *, ascending: bool = False) -> list[Party]:
        """The parties whose id, ticker or version contains ``sought``, sorted.

        Args:
            sought: the search text; empty for all parties.
            state: only those in this state.
            sort: ``stake``, ``party``, ``version``, ``state`` or ``since``.
            ascending: whether the smallest comes first.
        """
        wanted = sought.casefold()

        def holds(one: Party) -> bool:
            names = (one.party_id, one.ticker or "", one.version)
            return (not state or one.state == state) and any(wanted in name.casefold() for name in names)

        keys: dict[str, Callable[[Party], Any]] = {
            "stake": lambda one: one.newest.stake,
            "party": lambda one: (one.ticker or one.party_id).casefold(),
            "version": lambda one: _order(one.newest.release),
            "state": lambda one: one.state,
            "since": lambda one: one.since,
        }
        found = sorted(filter(holds, self.parties.values()), key=lambda one: (-one.newest.stake, one.party_id))
        return sorted(found, key=keys[sort], reverse=not ascending)


def _order(release: str | None) -> tuple[object, ...]:
    version = parse_release(release)
    return (0,) if version is None else (1, version)
