"""The rollup of registrations: what each release has of each epoch, by what its nodes can do.

It is kept as batches come and counted anew on demand.

In: a connection within a transaction that has its turn, and batches. Out: the rollup as it should be. Nobody else
writes ``registration_tally``.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain

from sqlalchemy import ColumnElement, Connection, Subquery, bindparam, delete, func, select, text

from era_store.registrations import SIGNED_FIRST, release_of
from era_store.sql.registration_bulk import Bulk
from era_store.sql.registration_counting import Row, Tallies, count
from era_store.sql.tables_registrations import Sum, party, registration, registration_tally
from eras import Epoch

STREAMED = 500
"""Rows that are held at a time while many are read; who wants the first few reads no more than these."""

# What every batch asks, made once: making a statement takes as long as running it.
EPOCHS = (
    select(registration_tally.c.epoch)
    .where(registration_tally.c.network == bindparam("in_network"))
    .distinct()
    .order_by(registration_tally.c.epoch.desc())
)
"""The epochs that have registrations, newest first."""
_TALLIES = select(registration_tally).where(
    registration_tally.c.network == bindparam("in_network"), registration_tally.c.epoch == bindparam("of")
)
_TALLY_GONE = delete(registration_tally).where(
    registration_tally.c.network == bindparam("in_network"),
    registration_tally.c.epoch == bindparam("of"),
    registration_tally.c.release == bindparam("named"),
    registration_tally.c.capability == bindparam("able"),
)
_TALLY_COME = text(
    "INSERT INTO registration_tally (network, epoch, release, capability, stake, parties) "
    "VALUES (:in_network, :of, :named, :able, :stake, :parties) ON CONFLICT (network, epoch, release, capability) "
    "DO UPDATE SET stake = excluded.stake, parties = excluded.parties"
).bindparams(bindparam("stake", type_=Sum))


def tallies_of(connection: Connection, network: int, epoch: int) -> Tallies:
    """Epoch, release and capability → lovelace and parties, of an epoch of a network."""
    return {
        (epoch, row.release, row.capability): (row.stake, row.parties)
        for row in connection.execute(_TALLIES, {"in_network": network, "of": epoch})
    }


def add_to_rollup(
    connection: Connection, network: int, rows: Sequence[Row], bulk: Bulk, *, apart_from_signers: bool
) -> tuple[Sequence[Row], Sequence[Row]]:
    """Change the rollup by what the rows change. The sums are made here: a database's own could overflow.

    Returns:
        The rows without repetitions among them, and the unsigned ones that are left out because a signed one of the
        same party and epoch is stored.
    """
    before: Tallies = {}
    for epoch in {row[0] for row in rows}:
        before |= tallies_of(connection, network, epoch)
    told = {key[0] for key in before}  # where there is no tally nothing is stored
    stored = bulk.standing([row for row in rows if row[0] in told]) if told else []
    refused: list[Row] = []
    if apart_from_signers and (signers := {row[:2] for row in stored if row[2] >= SIGNED_FIRST}):
        refused = [row for row in rows if row[2] < SIGNED_FIRST and row[:2] in signers]
        rows = [row for row in rows if row[2] >= SIGNED_FIRST or row[:2] not in signers]
    batch, changes = count(rows, stored)
    after = {}
    for key, (stake, parties) in changes.items():
        had_stake, had_parties = before.get(key, (0, 0))
        after[key] = (had_stake + stake, had_parties + parties)
    _write(connection, network, after)
    return batch, refused


def _write(connection: Connection, network: int, tallies: Tallies) -> None:
    """Put figures in the place of those that are there; a release without parties has none."""
    figures = [
        {"in_network": network, "of": of, "named": named, "able": able, "stake": stake, "parties": parties}
        for (of, named, able), (stake, parties) in tallies.items()
    ]
    for statement, some in (
        (_TALLY_GONE, [one for one in figures if not one["parties"]]),
        (_TALLY_COME, [one for one in figures if one["parties"]]),
    ):
        if some:
            connection.execute(statement, some)


def recount(connection: Connection, network: int, epoch: Epoch) -> int:
    """Count an epoch from its registrations, and correct the rollup. Returns how many of its figures were wrong."""
    wrong = wrong_tallies(connection, network, epoch)
    _write(connection, network, wrong)
    return len(wrong)


def wrong_tallies(connection: Connection, network: int, epoch: Epoch) -> Tallies:
    """The figures in the rollup of an epoch that are wrong, with the right ones, counted from its registrations."""
    right, told = counted(connection, network, epoch), tallies_of(connection, network, epoch)
    return {key: right.get(key, (0, 0)) for key in right.keys() | told.keys() if right.get(key) != told.get(key)}


def counted(connection: Connection, network: int, last: Epoch, epochs: int = 1) -> Tallies:
    """The stake and parties of each release, by the newest registrations over ``epochs`` epochs up to ``last``.

    It is counted from them, not read from the rollup.
    """
    release = cache(release_of)  # of few versions there are many
    found: Tallies = {}
    asked = {"in_network": network, "before": last - epochs, "last": last}
    with connection.execute(_VERSIONS, asked, execution_options={"yield_per": STREAMED}) as rows:
        for version, able, stake in chain.from_iterable(rows.partitions()):
            key = (last, release(version) or "", able)
            had_stake, had_parties = found.get(key, (0, 0))
            found[key] = (had_stake + stake, had_parties + 1)
    return found


def newest_first(within: ColumnElement[bool]) -> Subquery:
    """Registrations with their ``place`` among those of their party: 1 is the newest."""
    table = registration
    order = (table.c.epoch.desc(), table.c.precedence.desc(), table.c.arrival.desc())
    place = func.row_number().over(partition_by=table.c.party, order_by=order)
    return select(table, place.label("place")).where(within).subquery()


def within_epochs() -> ColumnElement[bool]:
    """Whether a registration is of an epoch after ``before``, up to ``last``."""
    return (registration.c.epoch > bindparam("before")) & (registration.c.epoch <= bindparam("last"))


_placed = newest_first(within_epochs())
_VERSIONS = (
    select(_placed.c.version, _placed.c.capability, _placed.c.stake)
    .join(party, party.c.id == _placed.c.party)
    .where(_placed.c.place == 1, party.c.network == bindparam("in_network"))
)
