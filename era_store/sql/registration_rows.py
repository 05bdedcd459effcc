"""Registrations as they are read from a database: with the names of party and source.

In: a connection, and which rows. Out: ``Registration``s, a few at a time.
"""

from collections.abc import Iterator
from types import NoneType
from typing import Any

from sqlalchemy import Connection, FromClause, Select, Subquery, select
from sqlalchemy import Row as SqlRow

from era_store.capability import Capability
from era_store.registrations import SIGNED_FIRST, Registration
from era_store.sql.registration_rollup import STREAMED
from era_store.sql.tables import typed
from era_store.sql.tables_registrations import capability, party, registration_source
from eras import Epoch


def newest_of(placed: Subquery, network: int) -> Select[Any]:
    """The newest of each party of a network, with the names of party and source."""
    return with_names(placed, network).where(placed.c.place == 1)


def with_names(rows: FromClause, network: int) -> Select[Any]:
    """Registrations of a network with the names of party and source, and what the node can do."""
    names = registration_source
    return (
        select(rows, party.c.party_id, names.c.name.label("source_name"), capability.c.content.label("able"))
        .join(party, party.c.id == rows.c.party)
        .join(names, names.c.id == rows.c.source)
        .outerjoin(capability, capability.c.id == rows.c.capability)
        .where(party.c.network == network)
    )


def streamed(connection: Connection, asked: Select[Any]) -> Iterator[Registration]:
    """Registrations as they are read."""
    # Closed by name: who stops in the middle leaves a cursor open on the server.
    with connection.execute(asked.execution_options(yield_per=STREAMED)) as rows:
        for row in rows:
            yield registration_of(row)


def registration_of(row: SqlRow[Any]) -> Registration:
    """The registration of a row with its names."""
    precedence_s = typed(row.precedence, float, int)
    seen_at_s = precedence_s if row.signed is None else precedence_s - SIGNED_FIRST
    able = None if row.able is None else Capability.parse(row.able)
    return Registration(
        row.party_id,
        Epoch(typed(row.epoch, int)),
        typed(row.version or None, str, NoneType),
        typed(row.stake, int),
        seen_at_s,
        row.source_name,
        row.signed,
        able,
    )
