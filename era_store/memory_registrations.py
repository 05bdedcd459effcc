"""Registrations that are kept as long as a process lives: the port's rules, without a database.

In and out: the types of ``era_store.registrations``.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from era_store.capability import Capability
from era_store.registrations import (
    IngestResult,
    Registration,
    Reject,
    StoredReject,
    Uncounted,
    VersionTally,
    Withdrawal,
    capability_text,
    largest_first,
    precedence,
    require_possible,
)
from eras import Epoch

_Identity = tuple[float, int, str, str]


class MemoryRegistrations:
    """A ``RegistrationRepository`` that lives as long as its process. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._epochs: dict[Epoch, dict[str, dict[_Identity, Registration]]] = {}
        self._rejects: dict[tuple[str, Reject], StoredReject] = {}
        self._sources: set[str] = set()
        self._cursors: dict[str, str] = {}
        self._network: dict[Epoch, int] = {}

    def ingest(
        self,
        rows: Sequence[Registration],
        rejects: Sequence[Reject] = (),
        *,
        source: str,
        cursor: str | None = None,
        time_s: float,
    ) -> IngestResult:
        """Add a batch."""
        require_possible((row.epoch for row in rows), (row.stake for row in rows))
        accepted = 0
        with self._lock:
            self._sources |= {source, *(row.source for row in rows)}
            for row in rows:
                known = self._epochs.setdefault(row.epoch, {}).setdefault(row.party_id, {})
                accepted += _identity(row) not in known
                known.setdefault(_identity(row), row)
            for reject in rejects:
                self._reject(source, reject, time_s)
            if cursor is not None:
                self._cursors[source] = cursor
        return IngestResult(accepted, len(rows) - accepted, len(rejects))

    def cursor(self, source: str) -> str | None:
        """How far a source was read."""
        return self._cursors.get(source)

    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs that have registrations, newest first."""
        with self._lock:
            return tuple(sorted(self._epochs, reverse=True))

    def tally(self, epoch: Epoch) -> tuple[VersionTally, ...]:
        """The stake and parties of each release in an epoch, largest stake first."""
        groups: dict[tuple[str | None, Capability | None], list[int]] = defaultdict(list)
        for row in self.newest(epoch):
            groups[row.release, row.capability].append(row.stake)
        return largest_first(
            VersionTally(release, sum(stakes), len(stakes), capability)
            for (release, capability), stakes in groups.items()
        )

    def newest(self, epoch: Epoch, *, after: str | None = None, limit: int | None = None) -> Iterator[Registration]:
        """The newest registration of each party for an epoch."""
        with self._lock:
            found = [_newest(rows.values()) for rows in self._epochs.get(epoch, {}).values()]
        found.sort(key=lambda row: (-row.stake, row.party_id))
        if after is not None:
            places = [place for place, row in enumerate(found) if row.party_id == after]
            found = found[places[0] + 1 :] if places else []
        return iter(found[:limit])

    def newest_within(self, last: Epoch, epochs: int) -> Iterator[Registration]:
        """The newest registration of each party over some epochs."""
        with self._lock:
            within = sorted(epoch for epoch in self._epochs if last - epochs < epoch <= last)
            found = {
                party_id: _newest(rows.values()) for epoch in within for party_id, rows in self._epochs[epoch].items()
            }
        return iter([found[party_id] for party_id in sorted(found)])

    def signers(self, epoch: Epoch, party_ids: Collection[str]) -> frozenset[str]:
        """Those of some parties that have signed a registration for an epoch."""
        with self._lock:
            known = self._epochs.get(epoch, {})
            return frozenset(
                party_id
                for party_id in party_ids
                if any(row.signed is not None for row in known.get(party_id, {}).values())
            )

    def stakes(self, party_ids: Collection[str], last: Epoch, epochs: int, *, apart_from: str) -> Mapping[str, int]:
        """Party → its stake, of its newest registration over some epochs."""
        found: dict[str, int] = {}
        with self._lock:
            for epoch in sorted(epoch for epoch in self._epochs if last - epochs < epoch <= last):
                for party_id in party_ids:
                    told = self._epochs[epoch].get(party_id, {}).values()
                    if rows := [row for row in told if row.source != apart_from]:
                        found[party_id] = _newest(rows).stake
        return found

    def rejects(
        self, *, source: str | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[StoredReject, ...]:
        """The rejects with an id greater than ``after``, oldest first."""
        with self._lock:
            found = [reject for reject in self._rejects.values() if reject.id > after]
        return tuple(reject for reject in found if source in (None, reject.source))[:limit]

    def uncounted(self, epoch: Epoch) -> Uncounted:
        """The rejected registrations of an epoch, which are missing from its whole."""
        with self._lock:
            known = self._epochs.get(epoch, {})
            found = [one.reject for one in self._rejects.values() if one.reject.epoch == epoch]
        return Uncounted.of((one.party_id, one.stake) for one in found if one.party_id not in known)

    def rebuild(self, progress: Callable[[Epoch], None] | None = None) -> int:
        """Nothing is kept that could be wrong."""
        for epoch in self.epochs():
            if progress is not None:
                progress(epoch)
        return 0

    def sources(self) -> tuple[str, ...]:
        """The names of all sources."""
        with self._lock:
            return tuple(sorted(self._sources))

    def withdraw(self, withdrawal: Withdrawal, *, time_s: float) -> Mapping[Epoch, int]:
        """Take out what a source said."""
        with self._lock:
            found = [
                row
                for row in self._all()
                if row.source == withdrawal.source
                and row.epoch >= withdrawal.from_epoch
                and (withdrawal.signed_too or row.signed is None)
            ]
            for row in [] if withdrawal.dry_run else found:
                parties = self._epochs[row.epoch]
                del parties[row.party_id][_identity(row)]
                if not parties[row.party_id]:
                    del parties[row.party_id]
                if not parties:
                    del self._epochs[row.epoch]
                self._reject(withdrawal.source, withdrawal.reject(row), time_s)
        return Counter(row.epoch for row in found)

    def network_stake(self, epoch: Epoch) -> int | None:
        """The stake of the whole network in an epoch."""
        return self._network.get(epoch)

    def set_network_stake(self, epoch: Epoch, lovelace: int, *, source: str, time_s: float) -> None:
        """Remember the stake of the whole network in an epoch."""
        require_possible((epoch,), (lovelace,))
        self._network[epoch] = lovelace

    def _all(self) -> Iterator[Registration]:
        return (row for parties in self._epochs.values() for rows in parties.values() for row in rows.values())

    def _reject(self, source: str, reject: Reject, time_s: float) -> None:
        stored = StoredReject(len(self._rejects) + 1, source, reject, time_s)
        self._rejects.setdefault((source, reject), stored)


def _identity(row: Registration) -> _Identity:
    """The key of a registration among those of a party for an epoch."""
    return (precedence(row), row.stake, row.version or "", capability_text(row))


def _newest(rows: Iterable[Registration]) -> Registration:
    """The newest of registrations that are in the order of their arrival."""
    newest: Registration | None = None
    for row in rows:
        if newest is None or precedence(row) >= precedence(newest):
            newest = row
    assert newest is not None  # noqa: S101 - no key is without a row
    return newest
