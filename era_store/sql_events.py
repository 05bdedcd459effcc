"""The event log in a database. In: what happened. Out: entries with strictly increasing ids."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, insert, select

from era_store import tables
from era_store.database import Database
from era_store.records import NewEvent, StoredEvent
from eras import Epoch, __version__


class SqlEvents:
    """An ``EventRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, facts: dict[str, Any], *, time_s: float, epoch: Epoch | None = None) -> int:
        """Add an entry. Returns its id.

        Raises:
            StoreError: it could not be written.
        """
        with self._database.write() as connection:
            return append_events(connection, [NewEvent(kind, facts, epoch)], time_s)[0]

    def read(self, *, after: int = 0, limit: int | None = None) -> tuple[StoredEvent, ...]:
        """The entries with an id greater than ``after``, oldest first, at most ``limit``.

        Raises:
            StoreError: they could not be read.
        """
        event = tables.event
        asked = select(event).where(event.c.id > after).order_by(event.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(
                StoredEvent(row.id, row.kind, row.epoch, row.facts, row.version, row.time_s)
                for row in connection.execute(asked)
            )


def append_events(connection: Connection, events: Iterable[NewEvent], time_s: float) -> list[int]:
    """Add entries within a transaction. Returns their ids."""
    ids = []
    for event in events:
        values = {
            "kind": event.kind,
            "epoch": event.epoch,
            "facts": event.facts,
            "version": __version__,
            "time_s": time_s,
        }
        (key,) = connection.execute(insert(tables.event).values(values)).inserted_primary_key or (0,)
        ids.append(int(key))
    return ids
