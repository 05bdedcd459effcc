"""The rollup of registrations: what each release has of each epoch, kept as batches come and counted anew on demand.

In: a connection within a transaction that has its turn, and batches. Out: the rollup as it should be. Nobody else
writes ``registration_tally``.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Subquery, bindparam, delete, func, insert, select

from era_store.registrations import release_of
from era_store.sql.registration_bulk import Bulk
from era_store.sql.registration_counting import Row, Tallies, count
from era_store.sql.tables_registrations import registration, registration_tally
from eras import Epoch

AT_ONCE = 500
"""Values in one statement: databases bound how many it may carry."""

STREAMED = 2_000
"""Rows that are held at a time while many are read."""

# What every batch asks, made once: making a statement takes as long as running it.
_TALLIES = select(registration_tally).where(registration_tally.c.epoch.in_(bindparam("epochs", expanding=True)))
_TALLY_GONE = delete(registration_tally).where(
    registration_tally.c.epoch == bindparam("of"), registration_tally.c.release == bindparam("named")
)
_TALLY_COME = insert(registration_tally)


def tallies_of(connection: Connection, epochs: Sequence[int]) -> Tallies:
    """Epoch and release → lovelace and parties, of some epochs."""
    found: Tallies = {}
    for start in range(0, len(epochs), AT_ONCE):
        told = connection.execute(_TALLIES, {"epochs": epochs[start : start + AT_ONCE]})
        found |= {(row.epoch, row.release): (row.stake, row.parties) for row in told}
    return found


def add_to_rollup(connection: Connection, rows: Sequence[Row], bulk: Bulk) -> Sequence[Row]:
    """Change the rollup by what the rows change. The sums are made here: a database's own could overflow.

    Returns:
        The rows without repetitions among them.
    """
    before = tallies_of(connection, sorted({row[0] for row in rows}))
    told = {epoch for epoch, _ in before}  # where there is no tally nothing is stored
    stored = bulk.standing([row for row in rows if row[0] in told]) if told else []
    batch, changes = count(rows, stored)
    after = {}
    for key, (stake, parties) in changes.items():
        had_stake, had_parties = before.get(key, (0, 0))
        after[key] = (had_stake + stake, had_parties + parties)
    _write(connection, after)
    return batch


def _write(connection: Connection, tallies: Tallies) -> None:
    """Put figures in the place of those that are there; a release without parties has none."""
    if not tallies:
        return
    connection.execute(_TALLY_GONE, [{"of": epoch, "named": release} for epoch, release in tallies])
    kept = [
        {"epoch": epoch, "release": release, "stake": stake, "parties": parties}
        for (epoch, release), (stake, parties) in tallies.items()
        if parties
    ]
    if kept:
        connection.execute(_TALLY_COME, kept)


def recount(connection: Connection, epoch: Epoch) -> int:
    """Count an epoch from its registrations, and correct the rollup. Returns how many of its figures were wrong."""
    wrong = wrong_tallies(connection, epoch)
    _write(connection, wrong)
    return len(wrong)


def wrong_tallies(connection: Connection, epoch: Epoch) -> Tallies:
    """What the rollup of an epoch should have instead of what it has, counted from its registrations."""
    counted: Tallies = {}
    placed = newest_first(registration.c.epoch == epoch)
    newest = select(placed.c.version, placed.c.stake).where(placed.c.place == 1)
    for version, stake in connection.execute(newest.execution_options(yield_per=STREAMED)):
        key = (epoch, release_of(version) or "")
        had_stake, had_parties = counted.get(key, (0, 0))
        counted[key] = (had_stake + stake, had_parties + 1)
    told = tallies_of(connection, [epoch])
    return {key: counted.get(key, (0, 0)) for key in counted.keys() | told.keys() if counted.get(key) != told.get(key)}


def newest_first(within: Any) -> Subquery:
    """Registrations with their ``place`` among those of their party: 1 is the newest."""
    table = registration
    order = (table.c.epoch.desc(), table.c.seen_at_s.desc(), table.c.arrival.desc())
    place = func.row_number().over(partition_by=table.c.party, order_by=order)
    return select(table, place.label("place")).where(within).subquery()
