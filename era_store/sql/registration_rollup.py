"""The rollup of registrations: what each release has of each epoch, by what its nodes can do.

It is kept as batches come and counted anew on demand.

In: a connection within a transaction that has its turn, and batches. Out: the rollup as it should be. Nobody else
writes ``registration_tally``.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Subquery, bindparam, delete, func, select, text

from era_store.registrations import SIGNED_FIRST, release_of
from era_store.sql.registration_bulk import Bulk
from era_store.sql.registration_counting import Row, Tallies, count
from era_store.sql.tables_registrations import Sum, party, registration, registration_tally
from eras import Epoch

AT_ONCE = 500
"""Values in one statement: databases bound how many it may carry."""

STREAMED = 2_000
"""Rows that are held at a time while many are read."""

# What every batch asks, made once: making a statement takes as long as running it.
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
    counted: Tallies = {}
    placed = newest_first(registration.c.epoch == epoch)
    newest = (
        select(placed.c.version, placed.c.capability, placed.c.stake)
        .join(party, party.c.id == placed.c.party)
        .where(placed.c.place == 1, party.c.network == network)
    )
    for version, capability, stake in connection.execute(newest.execution_options(yield_per=STREAMED)):
        key = (epoch, release_of(version) or "", capability)
        had_stake, had_parties = counted.get(key, (0, 0))
        counted[key] = (had_stake + stake, had_parties + 1)
    told = tallies_of(connection, network, epoch)
    return {key: counted.get(key, (0, 0)) for key in counted.keys() | told.keys() if counted.get(key) != told.get(key)}


def newest_first(within: Any) -> Subquery:
    """Registrations with their ``place`` among those of their party: 1 is the newest."""
    table = registration
    order = (table.c.epoch.desc(), table.c.precedence.desc(), table.c.arrival.desc())
    place = func.row_number().over(partition_by=table.c.party, order_by=order)
    return select(table, place.label("place")).where(within).subquery()
