"""The event log in a database. In: what happened. Out: entries with strictly increasing ids, chained by their hashes.

Writers take turns within their transactions, so that there is one chain, in the order in which transactions end. What
an older version wrote without a hash, before or beside this one, is chained by the next writer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from era_store.event_log import (
    ALL_EVENTS,
    EventFilter,
    LogHead,
    LogLine,
    Written,
    added,
    continuing,
    grown,
    next_hash,
    parsed_facts,
)
from era_store.ports import EventRepository
from era_store.records import Facts, NewEvent, StoredEvent
from era_store.sql import tables
from era_store.sql.database import Database
from era_store.sql.locks import take_turn
from era_store.sql.notices import notify
from era_store.sql.tables import NOT_DECODED, ContentError, decoding, typed

PAGE = 1_000
"""Events read at once, where all of them are."""


class SqlEvents(EventRepository):
    """An ``EventRepository`` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, events: Sequence[NewEvent], *, time_s: float) -> tuple[int, ...]:
        """Add entries, all of them or none. Returns their ids.

        Raises:
            StoreError: they could not be written; none of them is.
        """
        with self._database.write() as connection:
            return append_events(connection, events, time_s)

    def read(
        self, *, after: int = 0, limit: int | None = None, only: EventFilter = ALL_EVENTS
    ) -> tuple[StoredEvent, ...]:
        """The entries with an id greater than ``after``, oldest first, at most ``limit``.

        Raises:
            StoreError: they could not be read.
        """
        columns = tables.event.c
        asked = _where(select(tables.event), after, only).order_by(columns.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_event(row, row.facts) for row in connection.execute(asked))

    def newest(self, limit: int, only: EventFilter = ALL_EVENTS, *, before: int | None = None) -> list[StoredEvent]:
        """The newest entries that are asked for, of those with an id less than ``before``, newest first.

        Raises:
            StoreError: they could not be read.
        """
        asked = _where(select(tables.event), 0, only).order_by(tables.event.c.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(tables.event.c.id < before)
        with self._database.read() as connection:
            return [_event(row, row.facts) for row in connection.execute(asked)]

    def lines(self, *, after: int = 0, only: EventFilter = ALL_EVENTS) -> Iterator[LogLine]:
        """Every entry with an id greater than ``after`` as it is hashed, oldest first, read page by page.

        Raises:
            StoreError: they could not be read.
            EventLogDamagedError: facts are no JSON.
        """
        while True:
            with self._database.read() as connection:
                page = _where(_RAW, after, only).order_by(tables.event.c.id).limit(PAGE)
                rows = connection.execute(page).all()
            with self._database.errors(), decoding():
                yield from map(_line, rows)
            if len(rows) < PAGE:
                return
            after = rows[-1].id

    def head(self) -> LogHead:
        """The first and last events of the log, including those that an older version added.

        Raises:
            StoreError: it could not be read.
        """
        with self._database.read() as connection:
            return _head(connection)

    def compact(self, first_id: int) -> int:
        """Take out every entry before ``first_id``, for good. Returns how many.

        Raises:
            StoreError: they could not be taken out; none of them is.
        """
        columns = tables.event.c
        with self._database.write() as connection:
            head = _chained_head(connection)
            rows = connection.execute(_RAW.where(columns.id < first_id).order_by(columns.id)).all()
            if not rows:
                return 0
            size = sum(len(_line(row).text.encode()) for row in rows)
            connection.execute(delete(tables.event).where(columns.id < first_id))
            _write_head(
                connection,
                replace(head, first_id=first_id, base_hash=rows[-1].hash, size_bytes=head.size_bytes - size),
            )
            notify(connection, "events")
            return len(rows)

    def restore(self, lines: Iterable[LogLine], base_hash: str) -> int:
        """Put the lines of another log into this one, with their ids and hashes. Returns how many were added.

        Args:
            lines: whole, oldest first, and held against their hashes; those that are here already are left as they are.
            base_hash: the hash before the first of them.

        Raises:
            StoreError: what is here is not how these lines begin.
            StoreError: they could not be written; none of them is.
        """
        with self._database.write() as connection:
            head = _chained_head(connection)
            known = connection.execute(select(tables.event.c.id, tables.event.c.hash)).all()
            new = list(continuing(lines, base_hash, {row.id: row.hash for row in known}, head, self._database.name))
            if not new:
                return 0
            _insert(connection, new)
            if not known:
                head = LogHead(new[0].event.id, base_hash)
            _write_head(connection, grown(head, new))
            if connection.dialect.name == "postgresql":  # the ids that were put in are not to be given again
                taken = text("SELECT setval(pg_get_serial_sequence('event', 'id'), :last)")
                connection.execute(taken, {"last": new[-1].event.id})
            notify(connection, "events")
            return len(new)


def append_events(connection: Connection, events: Iterable[NewEvent], time_s: float) -> tuple[int, ...]:
    """Add entries within a transaction. Returns their ids."""
    new = list(events)
    if not new:
        return ()
    head = _chained_head(connection)
    ids = _next_ids(connection, head, len(new))
    lines, head = added(new, ids, head, time_s)
    _insert(connection, lines)
    _write_head(connection, head)
    notify(connection, "events")
    return tuple(ids)


def _chained_head(connection: Connection) -> LogHead:
    """The head of the chain, for a writer: it takes its turn, and chains what an older version wrote."""
    take_turn(connection, "events")
    head = _head(connection)
    columns = tables.event.c
    late = connection.execute(_LATE, {"last": head.last_id}).all()
    if not late:
        return head
    lines = []
    before = head.last_hash
    for row in late:
        line = _line(row)
        before = next_hash(before, line.text)
        lines.append(replace(line, hash=before))
    connection.execute(
        update(tables.event)
        .where(columns.id == bindparam("of"))
        .values(hash=bindparam("to"), verdict=bindparam("judged")),
        [{"of": line.event.id, "to": line.hash, "judged": line.event.verdict} for line in lines],
    )
    if head.last_id == 0:
        head = replace(head, first_id=late[0].id)
    head = grown(head, lines)
    _write_head(connection, head)
    return head


def _head(connection: Connection) -> LogHead:
    row = connection.execute(_HEAD).one_or_none()
    if row is None:
        return LogHead()
    try:
        bytes.fromhex(row.base_hash + row.last_hash)
    except NOT_DECODED as error:
        raise ContentError.of(error) from error
    return LogHead(row.first_id, row.base_hash, row.last_id, row.last_hash, row.size_bytes)


def _write_head(connection: Connection, head: LogHead) -> None:
    values = asdict(head)
    if connection.execute(_CHANGED_HEAD, values).rowcount == 0:
        connection.execute(insert(tables.event_head).values(id=1, **values))


def _next_ids(connection: Connection, head: LogHead, count: int) -> list[int]:
    if connection.dialect.name == "postgresql":  # from the sequence, as older versions take them
        asked = text("SELECT nextval(pg_get_serial_sequence('event', 'id')) FROM generate_series(1, :count)")
        return list(connection.execute(asked, {"count": count}).scalars())
    return list(range(head.last_id + 1, head.last_id + 1 + count))


def _insert(connection: Connection, lines: Iterable[LogLine]) -> None:
    rows = [
        {
            "id": event.id,
            "kind": event.kind,
            "epoch": event.epoch,
            "facts": Written(line.facts),
            "version": event.version,
            "time_s": event.time_s,
            "role": event.role,
            "stream": event.stream,
            "cause": event.cause,
            "verdict": event.verdict,
            "hash": line.hash,
        }
        for line in lines
        for event in (line.event,)
    ]
    connection.execute(_EVENT, rows)


_RAW: Select[Any] = select(
    *[column for column in tables.event.c if column.name != "facts"],
    cast(tables.event.c.facts, Text).label("facts"),  # as it was written, which is what is hashed
)


# What every writer asks, made once.
_LATE = _RAW.where(tables.event.c.id > bindparam("last")).order_by(tables.event.c.id)
_HEAD, _CHANGED_HEAD, _EVENT = select(tables.event_head), update(tables.event_head), insert(tables.event)


def _line(row: Any) -> LogLine:
    facts = row.facts or "null"
    return LogLine(_event(row, parsed_facts(facts, row.id)), facts, row.hash)


def _event(row: Any, facts: Facts) -> StoredEvent:
    return StoredEvent(
        row.id,
        row.kind,
        row.epoch,
        facts,
        row.version,
        typed(row.time_s, float, int),
        row.role or "decision",
        row.stream,
        row.cause,
    )


def _where(asked: Select[Any], after: int, only: EventFilter) -> Select[Any]:
    columns = tables.event.c
    conditions: list[ColumnElement[bool]] = [columns.id > after]
    if only is ALL_EVENTS:
        return asked.where(*conditions)
    if only.kinds:
        conditions.append(columns.kind.in_(only.kinds))
    if only.roles:
        conditions.append(func.coalesce(columns.role, "decision").in_(only.roles))
    if only.verdicts:
        conditions.append(columns.verdict.in_(only.verdicts))
    if only.first_epoch is not None:
        conditions.append(columns.epoch >= only.first_epoch)
    if only.last_epoch is not None:
        conditions.append(columns.epoch <= only.last_epoch)
    if only.since_s is not None:
        conditions.append(columns.time_s >= only.since_s)
    if only.until_s is not None:
        conditions.append(columns.time_s < only.until_s)
    if only.stream is not None:
        conditions.append((columns.stream == only.stream) | (columns.id == only.stream))
    return asked.where(*conditions)
