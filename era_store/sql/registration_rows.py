"""Registrations as they are read from a database: with the names of party and source.

In: a connection, and which rows. Out: ``Registration``s, a few at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, Select, bindparam, or_, select
from sqlalchemy import Row as SqlRow

from era_store.capability import Capability
from era_store.registrations import SIGNED_FIRST, Registration
from era_store.sql.registration_rollup import STREAMED, newest_first, within_epochs
from era_store.sql.tables import typed
from era_store.sql.tables_registrations import capability, party, registration, registration_reject, registration_source


def _newest(within: ColumnElement[bool]) -> Select[Any]:
    """The newest of each party of ``in_network``, with the names of party and source."""
    placed = newest_first(within)
    return with_names(placed).where(placed.c.place == 1)


def with_names(rows: FromClause) -> Select[Any]:
    """Rows of ``in_network`` for ``registrations_of``."""
    columns, names = rows.c, registration_source
    return (
        select(
            party.c.party_id,
            columns.epoch,
            columns.version,
            columns.stake,
            columns.precedence,
            names.c.name,
            columns.signed,
            capability.c.content,
        )
        .select_from(rows)
        .join(party, party.c.id == columns.party)
        .join(names, names.c.id == columns.source)
        .outerjoin(capability, capability.c.id == columns.capability)
        .where(party.c.network == bindparam("in_network"))
    )


def streamed(connection: Connection, asked: Select[Any], values: Mapping[str, object]) -> Iterator[Registration]:
    """Registrations as they are read."""
    # Closed by name: who stops in the middle leaves a cursor open on the server.
    with connection.execute(asked, values, execution_options={"yield_per": STREAMED}) as rows:
        for some in rows.partitions():
            yield from registrations_of(some)


def registrations_of(rows: Sequence[SqlRow[Any]]) -> Iterable[Registration]:
    """The registrations of rows of ``with_names``, made column by column: row by row takes twice as long."""
    if not rows:
        return ()
    party_ids, epochs, versions, stakes, places, sources, signed, texts = zip(*rows, strict=True)
    for column, kinds in ((epochs, (int,)), (versions, (str, NoneType)), (stakes, (int,)), (places, (float, int))):
        for one in dict(zip(map(type, column), column, strict=True)).values():
            typed(one, *kinds)
    seen_at_s = (place if words is None else place - SIGNED_FIRST for place, words in zip(places, signed, strict=True))
    able = {text: None if text is None else Capability.parse(text) for text in set(texts)}
    return map(
        Registration,
        party_ids,
        epochs,
        (version or None for version in versions),
        stakes,
        seen_at_s,
        sources,
        signed,
        map(able.__getitem__, texts),
    )


# Made once: making a statement takes as long as running it, and leaves cycles for the garbage collector.
_OF_EPOCH = _newest(registration.c.epoch == bindparam("of"))
_stake_of = _OF_EPOCH.selected_columns.stake
OF_PARTY = _OF_EPOCH.where(party.c.party_id == bindparam("named"))
"""The newest registration of the party ``named`` for the epoch ``of``."""
PAGE = (
    _OF_EPOCH.where(
        or_(_stake_of < bindparam("stake"), (_stake_of == bindparam("stake")) & (party.c.party_id > bindparam("named")))
    )
    .order_by(_stake_of.desc(), party.c.party_id)
    .limit(bindparam("most", type_=BigInteger))
)
"""The newest registrations for the epoch ``of``, after the party ``named`` with its ``stake``."""
WITHIN = _newest(within_epochs()).order_by(party.c.party_id)
"""The newest registrations of the epochs after ``before`` up to ``last``."""
STAKES_OF = _OF_EPOCH.with_only_columns(party.c.party_id, _stake_of)
"""Party and stake of the newest registrations for the epoch ``of``."""
STAKES = (
    with_names(registration)
    .where(
        registration.c.epoch.in_(bindparam("epochs", expanding=True)),
        registration_source.c.name != bindparam("apart_from"),
        party.c.party_id.in_(bindparam("named", expanding=True)),
    )
    .order_by(registration.c.epoch, registration.c.precedence, registration.c.arrival)  # oldest first
)
"""The registrations of the parties ``named`` for ``epochs``, but for those of the source ``apart_from``."""
_REGISTERED = (
    select(registration.c.epoch)
    .join(party, party.c.id == registration.c.party)
    .where(
        party.c.network == bindparam("in_network"),
        party.c.party_id == registration_reject.c.party_id,
        registration.c.epoch == bindparam("of"),
    )
)
UNCOUNTED = (
    select(registration_reject.c.party_id, registration_reject.c.stake)
    .join(registration_source, registration_source.c.id == registration_reject.c.source)
    .where(
        registration_reject.c.epoch == bindparam("of"),
        registration_source.c.network == bindparam("in_network"),
        ~_REGISTERED.exists(),
    )
    .order_by(registration_reject.c.id)
)
"""The rejects of the epoch ``of`` whose parties have no registration for it."""
