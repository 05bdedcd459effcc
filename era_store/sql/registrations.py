"""Registrations in a database: a batch and all that it changes go in together, and tallies come from a rollup.

In and out: the types of ``era_store.registrations``. Each batch adds its changes to the rollup
(``era_store.sql.registration_rollup``), which is never counted anew, so that a summary reads a few rows however many
registrations there are; ``rebuild`` does count anew.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    union,
    update,
)
from sqlalchemy import Row as SqlRow

from era_store.capability import Capability
from era_store.networks import NO_NETWORK, NetworkKey
from era_store.registrations import (
    MAX_REGISTRATION_EPOCH,
    SIGNED_FIRST,
    IngestResult,
    Registration,
    Reject,
    StoredReject,
    Uncounted,
    VersionTally,
    Withdrawal,
    largest_first,
    require_possible,
)
from era_store.sql.capabilities import capabilities_of, capability_numbers
from era_store.sql.database import AT_ONCE, Database
from era_store.sql.locks import take_turn
from era_store.sql.networks import NetworkNumber, numbers_of
from era_store.sql.notices import REGISTRATIONS, notify
from era_store.sql.registration_bulk import PartyNumbers, bulk_of
from era_store.sql.registration_counting import Row
from era_store.sql.registration_rollup import (
    EPOCHS,
    add_to_rollup,
    counted,
    recount,
    tallies_of,
    wrong_tallies,
)
from era_store.sql.registration_rows import (
    OF_PARTY,
    PAGE,
    STAKES,
    STAKES_OF,
    UNCOUNTED,
    WITHIN,
    registrations_of,
    streamed,
    with_names,
)
from era_store.sql.tables import decoding, typed
from era_store.sql.tables_registrations import (
    network_stake,
    registration,
    registration_reject,
    registration_source,
    registration_tally,
)
from eras import Epoch

_TURN = "registrations"

_NO_LIMIT = 2**62
"""More rows than there are, and more lovelace than a stake can be."""

# What is asked often, made once: making a statement takes as long as running it.
_SOURCE = select(registration_source.c.id).where(
    registration_source.c.network == bindparam("in_network"), registration_source.c.name == bindparam("named")
)
_LAST_ARRIVAL = select(func.max(registration_source.c.last_arrival))
_READ_SO_FAR = (
    update(registration_source)
    .where(registration_source.c.id == bindparam("of"))
    .values(
        last_arrival=bindparam("arrival"),
        time_s=bindparam("at_s"),
        cursor=func.coalesce(bindparam("read"), registration_source.c.cursor),
    )
)


class SqlRegistrations:
    """The registrations of a network. Several threads and processes may use them; they add batches one after the other.

    Args:
        database: reached and up to date.
        network: the network whose registrations these are.
    """

    def __init__(self, database: Database, network: NetworkKey = NO_NETWORK) -> None:
        self._database = database
        self._network = NetworkNumber(network)
        self._parties = PartyNumbers()

    def ingest(
        self,
        rows: Sequence[Registration],
        rejects: Sequence[Reject] = (),
        *,
        source: str,
        cursor: str | None = None,
        time_s: float,
        refuse: Callable[[int], Reject | None] | None = None,
    ) -> IngestResult:
        """Add a batch, with its rejects, and remember how far the source was read; all in one transaction.

        Args:
            rows: registrations, in the order they arrived.
            rejects: what else was in the source.
            source: whose cursor and rejects these are; rows name their own.
            cursor: how far the source was read; ``None`` leaves what is kept.
            time_s: POSIX time of this.
            refuse: called with the index of every unsigned row whose party has signed one for the epoch. The row is not
                added; the reject that is returned is kept. Without it such rows are added, and do not count (rule 2).

        Raises:
            StoreError: it could not be written; nothing of it is.
            ValueError: a row has a stake or an epoch that cannot be; none is added.
        """
        party_ids, epochs, _, stakes, _, names, signed, able = zip(*rows, strict=True) if rows else ((),) * 8
        require_possible(epochs, stakes)
        with self._database.write() as connection:
            take_turn(connection, _TURN)
            network = self._network.make(connection)
            sources = _source_numbers(connection, network, {source, *names}, time_s)
            arrival: int = connection.execute(_LAST_ARRIVAL).scalar_one()
            accepted, kept = 0, list(rejects)
            of_signers: Sequence[Row] = ()
            parties: dict[str, int] = {}
            if rows:
                bulk = bulk_of(connection, network)
                parties = self._parties.of(set(party_ids), connection, bulk)
                abilities = capability_numbers(connection, set(able))
                numbered = _numbered(rows, parties, abilities, sources, arrival)
                batch, of_signers = add_to_rollup(
                    connection, network, numbered, bulk, apart_from_signers=refuse is not None
                )
                accepted = bulk.insert(batch) if batch else 0
                if signed.count(None) < len(rows):
                    _keep_signed(connection, rows, batch, arrival)
            if refuse is not None:
                refused = [refuse(row[6] - arrival - 1) for row in of_signers]
                kept += [reject for reject in refused if reject is not None]
            if accepted:
                notify(connection, REGISTRATIONS)
            _keep_rejects(connection, sources[source], kept, time_s)
            read = {"of": sources[source], "arrival": arrival + len(rows), "at_s": time_s, "read": cursor}
            connection.execute(_READ_SO_FAR, read)
        if rows:
            self._parties.keep(parties)
        return IngestResult(accepted, len(rows) - len(of_signers) - accepted, len(kept))

    def cursor(self, source: str) -> str | None:
        """How far a source was read, or ``None``.

        Raises:
            StoreError: it could not be read.
        """
        table = registration_source
        with self._database.read() as connection:
            mine = (table.c.network == self._network.find(connection), table.c.name == source)
            found: str | None = connection.execute(select(table.c.cursor).where(*mine)).scalar()
            return found

    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs that have registrations, newest first.

        Raises:
            StoreError: they could not be read.
        """
        with self._database.read() as connection:
            return tuple(connection.execute(EPOCHS, {"in_network": self._network.find(connection)}).scalars())

    def tally(self, epoch: Epoch, *, epochs: int = 1) -> tuple[VersionTally, ...]:
        """The stake and parties of each release, largest stake first, by the newest registration of each party.

        Args:
            epoch: the last epoch.
            epochs: how many up to it; those of one are read, those of several are counted.

        Raises:
            StoreError: it could not be read.
        """
        with self._database.read() as connection, decoding():
            network = self._network.find(connection)
            if epochs == 1:
                tallies = tallies_of(connection, network, epoch)
            else:
                tallies = counted(connection, network, epoch, epochs)
            abilities = capabilities_of(connection, {number for _, _, number in tallies})
        return largest_first(
            VersionTally(release or None, stake, parties, abilities.get(number))
            for (_, release, number), (stake, parties) in tallies.items()
        )

    def newest(self, epoch: Epoch, *, after: str | None = None, limit: int | None = None) -> Iterator[Registration]:
        """The newest registration of each party for an epoch: largest stake first, then by party id.

        Args:
            epoch: the epoch.
            after: begin after this party; one without a registration there ends the list at once.
            limit: how many at most.

        Raises:
            StoreError: they could not be read.
        """
        with self._database.read() as connection:
            named = {"in_network": self._network.find(connection), "of": epoch, "named": after}
            stake = _NO_LIMIT
            if after is not None:
                last = connection.execute(OF_PARTY, named).first()
                if last is None:
                    return
                stake = last.stake
            most = _NO_LIMIT if limit is None else limit
            yield from streamed(connection, PAGE, {**named, "named": after or "", "stake": stake, "most": most})

    def newest_within(self, last: Epoch, epochs: int) -> Iterator[Registration]:
        """The newest registration of each party over ``epochs`` epochs up to ``last``, by party id.

        Raises:
            StoreError: they could not be read.
        """
        with self._database.read() as connection:
            values = {"in_network": self._network.find(connection), "before": last - epochs, "last": last}
            yield from streamed(connection, WITHIN, values)

    def stakes_of(self, epoch: Epoch) -> Mapping[str, int]:
        """Party → its stake, of its newest registration for an epoch.

        Raises:
            StoreError: they could not be read.
        """
        with self._database.read() as connection:
            found = connection.execute(STAKES_OF, {"in_network": self._network.find(connection), "of": epoch}).all()
            return {party_id: typed(stake, int) for party_id, stake in found}

    def stakes(self, party_ids: Collection[str], last: Epoch, epochs: int, *, apart_from: str) -> Mapping[str, int]:
        """Party → its stake, of its newest registration over ``epochs`` epochs up to ``last``, where it has one.

        Args:
            party_ids: which parties.
            last: the last epoch.
            epochs: how many.
            apart_from: the source that is not asked.

        Raises:
            StoreError: they could not be read.
        """
        found: dict[str, int] = {}
        some = list(party_ids)
        with self._database.read() as connection:
            asked = {
                "in_network": self._network.find(connection),
                "apart_from": apart_from,
                "epochs": list(range(max(0, last - epochs + 1), last + 1)),
            }
            for start in range(0, len(some), AT_ONCE):
                rows = connection.execute(STAKES, asked | {"named": some[start : start + AT_ONCE]})
                found |= {row.party_id: typed(row.stake, int) for row in rows}
        return found

    def rejects(
        self, *, source: str | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[StoredReject, ...]:
        """The rejects with an id greater than ``after``, oldest first.

        Raises:
            StoreError: they could not be read.
        """
        table, names = registration_reject, registration_source
        asked = select(table, names.c.name).join(names, names.c.id == table.c.source).where(table.c.id > after)
        if source is not None:
            asked = asked.where(names.c.name == source)
        with self._database.read() as connection:
            mine = asked.where(names.c.network == self._network.find(connection))
            return tuple(
                StoredReject(row.id, row.name, _reject(row), row.time_s)
                for row in connection.execute(mine.order_by(table.c.id).limit(limit))
            )

    def uncounted(self, epoch: Epoch) -> Uncounted:
        """The rejected registrations of an epoch, which are missing from its whole.

        Raises:
            StoreError: it could not be read.
        """
        with self._database.read() as connection:
            asked = {"in_network": self._network.find(connection), "of": epoch}
            return Uncounted.of((row.party_id, row.stake) for row in connection.execute(UNCOUNTED, asked))

    def rebuild(self, progress: Callable[[Epoch], None] | None = None) -> int:
        """Count every epoch of every network again, each in a transaction of its own, and correct the rollup.

        Returns:
            How many figures were wrong.

        Raises:
            StoreError: an epoch could not be read or written; those before it are correct.
        """
        wrong = 0
        epoch: Epoch | None = Epoch(-1)
        while (epoch := self._epoch_after(epoch)) is not None:
            with self._database.write() as connection:
                take_turn(connection, _TURN)
                with decoding():
                    wrong += sum(recount(connection, one, epoch) for one in numbers_of(connection))
            if progress is not None:
                progress(epoch)
        return wrong

    def wrong_figures(self) -> Mapping[Epoch, int]:
        """Epoch → how many figures of its rollup are not what its registrations add up to; only where some are not.

        Raises:
            StoreError: they could not be read.
        """
        found: dict[Epoch, int] = {}
        with self._database.read() as connection:
            either = union(select(registration.c.epoch), select(registration_tally.c.epoch))
            for (epoch,) in connection.execute(either.order_by("epoch")).all():
                if wrong := sum(len(wrong_tallies(connection, one, Epoch(epoch))) for one in numbers_of(connection)):
                    found[Epoch(epoch)] = wrong
        return found

    def sources(self) -> tuple[str, ...]:
        """The names of all sources, in alphabetical order.

        Raises:
            StoreError: they could not be read.
        """
        table = registration_source
        with self._database.read() as connection:
            asked = select(table.c.name).where(table.c.network == self._network.find(connection))
            return tuple(sorted(connection.execute(asked).scalars()))

    def withdraw(self, withdrawal: Withdrawal, *, time_s: float) -> Mapping[Epoch, int]:
        """Withdraw the registrations of a source, in one transaction; each becomes one of its rejects.

        Args:
            withdrawal: what, and why.
            time_s: POSIX time of this.

        Returns:
            Epoch → how many of its registrations are withdrawn.

        Raises:
            StoreError: it could not be done; nothing of it is.
        """
        table, names = registration, registration_source
        with self._database.write() as connection:
            take_turn(connection, _TURN)
            network = self._network.find(connection)
            mine = (names.c.network == network, names.c.name == withdrawal.source)
            number = connection.execute(select(names.c.id).where(*mine)).scalar()
            if number is None or withdrawal.from_epoch > MAX_REGISTRATION_EPOCH:
                return {}
            meant = (table.c.source == number) & (table.c.epoch >= withdrawal.from_epoch)
            if not withdrawal.signed_too:
                meant &= table.c.signed.is_(None)
            counted = select(table.c.epoch, func.count()).where(meant).group_by(table.c.epoch)
            found = {Epoch(epoch): count for epoch, count in connection.execute(counted)}
            if not found or withdrawal.dry_run:
                return found
            for epoch in sorted(found):
                these = meant & (table.c.epoch == epoch)
                asked = with_names(table).where(these).order_by(table.c.arrival)
                said = registrations_of(connection.execute(asked, {"in_network": network}).all())
                _keep_rejects(connection, number, [withdrawal.reject(row) for row in said], time_s)
                connection.execute(delete(table).where(these))
                recount(connection, network, epoch)
            notify(connection, REGISTRATIONS)
        return found

    def network_stake(self, epoch: Epoch) -> int | None:
        """The stake of the whole network in an epoch, in lovelace, where it was reported.

        Raises:
            StoreError: it could not be read.
        """
        table = network_stake
        with self._database.read() as connection:
            mine = (table.c.network == self._network.find(connection), table.c.epoch == epoch)
            found: int | None = connection.execute(select(table.c.lovelace).where(*mine)).scalar()
            return found

    def set_network_stake(self, epoch: Epoch, lovelace: int, *, source: str, time_s: float) -> None:
        """Remember the stake of the whole network in an epoch; a later figure takes the place of an earlier.

        Raises:
            StoreError: it could not be written.
            ValueError: the figure or the epoch cannot be.
        """
        require_possible([epoch], [lovelace])
        values = {"epoch": epoch, "lovelace": lovelace, "source": source, "time_s": time_s}
        with self._database.write() as connection:
            take_turn(connection, _TURN)
            network = self._network.make(connection)
            mine = (network_stake.c.network == network, network_stake.c.epoch == epoch)
            connection.execute(delete(network_stake).where(*mine))
            connection.execute(insert(network_stake).values(values | {"network": network}))

    def _epoch_after(self, epoch: Epoch | None) -> Epoch | None:
        """The next epoch that has rows or tallies; a search for each, where counting them all would read every row."""
        with self._database.read() as connection:
            found = [
                connection.execute(select(func.min(table.c.epoch)).where(table.c.epoch > epoch)).scalar()
                for table in (registration, registration_tally)
            ]
            return min((Epoch(typed(one, int)) for one in found if one is not None), default=None)


def _numbered(
    rows: Sequence[Registration],
    parties: Mapping[str, int],
    abilities: Mapping[Capability | None, int],
    sources: Mapping[str, int],
    arrival: int,
) -> list[Row]:
    """The rows as they are stored."""
    return [
        (
            epoch,
            parties[party_id],
            seen_at_s if signed is None else SIGNED_FIRST + seen_at_s,
            stake,
            version or "",
            abilities[able],
            number,
            sources[source],
        )
        for number, (party_id, epoch, version, stake, seen_at_s, source, signed, able) in enumerate(rows, arrival + 1)
    ]


def _keep_signed(connection: Connection, rows: Sequence[Registration], batch: Sequence[Row], arrival: int) -> None:
    """Put the signed words to the rows of the batch that are new; few have any."""
    table = registration
    for epoch, party_number, place, _, _, _, number, _ in batch:
        signed = rows[number - arrival - 1].signed
        if signed is not None:
            same = (table.c.epoch == epoch, table.c.party == party_number, table.c.precedence == place)
            connection.execute(update(table).where(*same, table.c.arrival == number).values(signed=signed))


def _source_numbers(connection: Connection, network: int, names: Collection[str], time_s: float) -> dict[str, int]:
    """The number of each source; one that has none gets one."""
    table = registration_source
    numbers: dict[str, int] = {}
    for name in sorted(names):
        number: int | None = connection.execute(_SOURCE, {"in_network": network, "named": name}).scalar()
        if number is None:
            made = insert(table).values(network=network, name=name, last_arrival=0, time_s=time_s)
            (number,) = connection.execute(made).inserted_primary_key or (0,)
        numbers[name] = number
    return numbers


def _reject(row: SqlRow[Any]) -> Reject:
    epoch = None if row.epoch is None else Epoch(row.epoch)
    return Reject(row.place, row.reason, row.content, epoch, row.party_id, row.stake)


def _keep_rejects(connection: Connection, source: int, rejects: Sequence[Reject], time_s: float) -> None:
    """Keep the rejects that are not there yet."""
    table = registration_reject
    rows = {
        (digest := _digest(reject)): {"source": source, "digest": digest, "time_s": time_s, **asdict(reject)}
        for reject in rejects
    }
    digests = list(rows)
    for start in range(0, len(digests), AT_ONCE):
        some = digests[start : start + AT_ONCE]
        known = select(table.c.digest).where(table.c.source == source, table.c.digest.in_(some))
        for digest in connection.execute(known).scalars():
            del rows[digest]
    if rows:
        connection.execute(insert(table), list(rows.values()))


def _digest(reject: Reject) -> str:
    text = "\0".join((reject.place, reject.reason, reject.content))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
