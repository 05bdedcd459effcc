"""Many registrations at once, in the words of each database: SQLite's ``executemany``, PostgreSQL's ``COPY``.

In: a connection inside a transaction that changes something, and whole batches. Out: numbers of parties, what is stored
of a batch's parties, and how many rows were new. What it means is ``era_store.sql.registrations``' to know.
"""

import json
from collections.abc import Collection, Sequence, Set
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select

from era_store.sql.registration_counting import Row
from era_store.sql.tables_registrations import PARTITION_EPOCHS, party

_NAMES = ("epoch", "party", "precedence", "stake", "version", "capability", "arrival", "source")
"""The columns of a ``Row``."""

_COLUMNS = ", ".join(_NAMES)
_OF_ROW = ", ".join(f"r.{name}" for name in _NAMES)

ROWS_AT_ONCE = 100
"""Rows that SQLite is handed at a time: row by row, the interpreter's lock would change hands for each. The oldest
SQLite that is supported takes 999 values in a statement."""


def _insert(rows: int) -> str:
    marks = ", ".join([f"({', '.join('?' * len(_NAMES))})"] * rows)
    return f"INSERT INTO registration ({_COLUMNS}) VALUES {marks} ON CONFLICT DO NOTHING"  # noqa: S608 - columns


_INSERT_ROW, _INSERT_ROWS = _insert(1), _insert(ROWS_AT_ONCE)


MAX_KNOWN = 20_000
"""Parties whose numbers are remembered, as many as take a few megabytes."""

_PARTY = select(party.c.party_id).where(party.c.id == bindparam("number"))


class Bulk(Protocol):
    """A batch's way into a database."""

    def party_numbers(self, party_ids: Collection[str]) -> dict[str, int]:
        """The number of each party; one that has none gets one."""
        ...

    def standing(self, rows: Sequence[Row]) -> list[Row]:
        """The newest rows that are stored of every party and epoch among ``rows``."""
        ...

    def insert(self, rows: Sequence[Row]) -> int:
        """Add the rows that are not there yet. Returns how many were new."""
        ...


def bulk_of(connection: Connection, network: int) -> Bulk:
    """The way into the database of ``connection``, for the parties of a network."""
    kind = PostgresBulk if connection.dialect.name == "postgresql" else SqliteBulk
    return kind(connection, network)


class PartyNumbers:
    """The numbers of parties, which never change, from one transaction to the next."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._newest = ("", 0)

    def of(self, party_ids: Set[str], connection: Connection, bulk: Bulk) -> dict[str, int]:
        """The number of each party, with those of others; one that has none gets one."""
        known = self._known
        # Another database may be in the place of the one that gave the numbers.
        if known and connection.execute(_PARTY, {"number": self._newest[1]}).scalar() != self._newest[0]:
            known = {}
        missing = party_ids - known.keys()
        return known | bulk.party_numbers(missing) if missing else known

    def keep(self, numbers: dict[str, int]) -> None:
        """Remember what ``of`` returned, once it is committed."""
        if numbers is not self._known and len(numbers) <= MAX_KNOWN:
            self._newest = max(numbers.items(), key=itemgetter(1))
            self._known = numbers


class SqliteBulk:
    """Batches into SQLite. A list of values goes in as one JSON text, which SQLite itself takes apart."""

    def __init__(self, connection: Connection, network: int) -> None:
        self._connection = connection
        self._network = network

    def party_numbers(self, party_ids: Collection[str]) -> dict[str, int]:
        """The number of each party."""
        asked = (
            "SELECT v.value, p.id FROM json_each(?) AS v CROSS JOIN party AS p "
            "WHERE p.network = ? AND p.party_id = v.value"
        )
        numbers = self._pairs(asked, (json.dumps(list(party_ids)), self._network))
        missing = [party_id for party_id in party_ids if party_id not in numbers]
        if missing:
            added = (
                "INSERT INTO party (network, party_id) SELECT n.value, v.value "
                "FROM json_each(?) AS v CROSS JOIN json_each(?) AS n RETURNING party_id, id"
            )
            numbers |= self._pairs(added, (json.dumps(missing), json.dumps([self._network])))
        return numbers

    def standing(self, rows: Sequence[Row]) -> list[Row]:
        """The newest rows that are stored."""
        asked = (
            f"SELECT {_OF_ROW} FROM json_each(?) AS p CROSS JOIN registration AS r "  # noqa: S608 - names of columns
            "WHERE r.epoch = ? AND r.party = p.value AND r.precedence = "
            "(SELECT max(x.precedence) FROM registration AS x WHERE x.epoch = ? AND x.party = p.value)"
        )
        parties: dict[int, set[int]] = {}
        for epoch, group in groupby(rows, itemgetter(0)):
            parties.setdefault(epoch, set()).update(row[1] for row in group)
        found: list[Row] = []
        for epoch, some in parties.items():
            values = json.dumps(list(some))
            found += self._connection.exec_driver_sql(asked, (values, epoch, epoch)).cursor.fetchall()
        return found

    def insert(self, rows: Sequence[Row]) -> int:
        """Add the rows that are not there yet, in the order of the table: neighbours share a page."""
        ordered = sorted(rows)
        rest = len(ordered) % ROWS_AT_ONCE
        added = 0
        if rest:
            added = self._connection.exec_driver_sql(_INSERT_ROW, ordered[:rest]).rowcount
        for start in range(rest, len(ordered), ROWS_AT_ONCE):
            values = tuple(chain.from_iterable(ordered[start : start + ROWS_AT_ONCE]))
            added += self._connection.exec_driver_sql(_INSERT_ROWS, values).rowcount
        return added

    def _pairs(self, statement: str, values: tuple[object, ...]) -> dict[str, int]:
        return dict(self._connection.exec_driver_sql(statement, values).cursor.fetchall())


class PostgresBulk:
    """Batches into PostgreSQL, by COPY into a table that lasts as long as the transaction."""

    def __init__(self, connection: Connection, network: int) -> None:
        self._connection = connection
        self._network = network

    def party_numbers(self, party_ids: Collection[str]) -> dict[str, int]:
        """The number of each party."""
        asked = "SELECT party_id, id FROM party WHERE network = %s AND party_id = ANY(%s)"
        numbers = self._pairs(asked, party_ids)
        missing = [party_id for party_id in party_ids if party_id not in numbers]
        if missing:
            added = "INSERT INTO party (network, party_id) SELECT %s::bigint, unnest(%s::text[]) RETURNING party_id, id"
            numbers |= self._pairs(added, missing)
        return numbers

    def standing(self, rows: Sequence[Row]) -> list[Row]:
        """The newest rows that are stored."""
        asked = (
            f"SELECT {_OF_ROW} FROM unnest(%s::integer[], %s::bigint[]) AS p (epoch, party) "  # noqa: S608 - columns
            "CROSS JOIN LATERAL (SELECT max(x.precedence) AS latest FROM registration AS x "
            "WHERE x.epoch = p.epoch AND x.party = p.party) AS m JOIN registration AS r "
            "ON r.epoch = p.epoch AND r.party = p.party AND r.precedence = m.latest"
        )
        pairs = {row[:2] for row in rows}
        values = ([epoch for epoch, _ in pairs], [party for _, party in pairs])
        found: list[Row] = list(self._connection.exec_driver_sql(asked, values).cursor.fetchall())
        return found

    def insert(self, rows: Sequence[Row]) -> int:
        """Add the rows that are not there yet; their parts of the table are made where they are missing."""
        for first in sorted({row[0] // PARTITION_EPOCHS * PARTITION_EPOCHS for row in rows}):
            self._make_part(first)
        self._connection.exec_driver_sql("CREATE TEMPORARY TABLE incoming (LIKE registration) ON COMMIT DROP")
        cursor: Any = self._connection.connection.cursor()
        with cursor.copy(f"COPY incoming ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.close()
        added = f"INSERT INTO registration ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming ON CONFLICT DO NOTHING"  # noqa: S608
        return self._connection.exec_driver_sql(added).rowcount

    def _make_part(self, first: int) -> None:
        name, end = f"registration_from_{first}", first + PARTITION_EPOCHS
        if self._connection.exec_driver_sql("SELECT to_regclass(%s)", (name,)).scalar() is not None:
            return
        # Made apart and then attached: CREATE … PARTITION OF would wait for every reader of the table.
        for statement in (
            f"CREATE TABLE {name} (LIKE registration)",
            f"ALTER TABLE registration ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})",
        ):
            self._connection.exec_driver_sql(statement)

    def _pairs(self, statement: str, values: Collection[str]) -> dict[str, int]:
        found = self._connection.exec_driver_sql(statement, (self._network, list(values)))
        return dict(found.cursor.fetchall())
