"""API tokens and snapshots in a database. In and out: the types of ``era_store.tokens`` and ``era_store.records``."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from era_store.networks import NetworkKey
from era_store.records import NewEvent, StoredSnapshot
from era_store.sql import tables
from era_store.sql.database import Database
from era_store.sql.events import append_events
from era_store.sql.locks import take_turn
from era_store.sql.networks import NetworkNumber
from era_store.sql.notices import notify
from era_store.sql.tables import typed
from era_store.tokens import ApiToken, token_not_found

# What every request that writes asks, made once.
_TOKEN = select(tables.api_token).where(
    tables.api_token.c.network == bindparam("in_network"), tables.api_token.c.id == bindparam("named")
)


class SqlTokens:
    """The API tokens of a network. Every method raises ``StoreError`` when the database cannot be asked.

    Args:
        database: reached and up to date.
        network: the network whose tokens these are.
    """

    def __init__(self, database: Database, network: NetworkKey) -> None:
        self._database = database
        self._network = NetworkNumber(network)

    def add(self, token: ApiToken) -> None:
        """Keep a new token."""
        values = asdict(token) | {"scopes": " ".join(token.scopes)}
        with self._database.write() as connection:
            take_turn(connection, "registrations")  # networks get their numbers one after the other
            connection.execute(insert(tables.api_token).values(values | {"network": self._network.make(connection)}))

    def find(self, token_id: str) -> ApiToken | None:
        """The token with that id."""
        with self._database.read() as connection:
            asked = {"in_network": self._network.find(connection), "named": token_id}
            row = connection.execute(_TOKEN, asked).one_or_none()
        return None if row is None else _token(row)

    def all(self) -> tuple[ApiToken, ...]:
        """Every token, oldest first."""
        table = tables.api_token
        with self._database.read() as connection:
            mine = table.c.network == self._network.find(connection)
            asked = select(table).where(mine).order_by(table.c.made_at_s, table.c.id)
            return tuple(_token(row) for row in connection.execute(asked))

    def revoke(self, token_id: str, *, time_s: float) -> ApiToken:
        """From now on it counts no more; one that was revoked stays as it is.

        Raises:
            ConfigurationError: no token has that id.
        """
        table = tables.api_token
        with self._database.write() as connection:
            mine = (table.c.network == self._network.find(connection), table.c.id == token_id)
            connection.execute(update(table).where(*mine, table.c.revoked_at_s.is_(None)).values(revoked_at_s=time_s))
            row = connection.execute(select(table).where(*mine)).one_or_none()
        if row is None:
            raise token_not_found(token_id)
        return _token(row)


class SqlSnapshots:
    """The newest snapshot under each key. Every method raises ``StoreError`` when the database cannot be asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, key_id: str) -> StoredSnapshot | None:
        """The newest, or ``None``."""
        table = tables.snapshot
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c.key_id == key_id)).one_or_none()
        return None if row is None else StoredSnapshot(bytes(row.content), row.time_s)

    def save(self, key_id: str, content: bytes, events: Iterable[NewEvent] = (), *, time_s: float) -> None:
        """Put a newer one in its place, and what is new into the event log."""
        table, values = tables.snapshot, {"content": content, "time_s": time_s}
        with self._database.write() as connection:
            written = connection.execute(update(table).where(table.c.key_id == key_id).values(values))
            if written.rowcount == 0:
                connection.execute(insert(table).values(key_id=key_id, **values))
            append_events(connection, events, time_s)
            notify(connection, "snapshot")


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        row.id,
        row.name,
        tuple(typed(row.scopes, str).split()),
        typed(row.made_at_s, float, int),
        row.expires_at_s,
        row.revoked_at_s,
        row.secret_hash,
    )
