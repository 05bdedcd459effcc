"""Networks in a database: the number of each.

In: a ``NetworkKey`` and a connection. Out: its number, by which other tables refer to it.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, insert, inspect, select

from era_store.networks import NetworkKey
from era_store.sql.tables import trust
from era_store.sql.tables_registrations import network

UNKNOWN_MAGIC = -1
"""The value in place of a magic that is not configured."""

_MISSING = 0
"""The number of a network of which nothing is stored: no row has it."""


class NetworkNumber:
    """The number of one network, looked up once.

    Args:
        key: the network.
    """

    def __init__(self, key: NetworkKey) -> None:
        self._magic = UNKNOWN_MAGIC if key.magic is None else key.magic
        self._address = key.address or ""
        self._found: int | None = None

    def find(self, connection: Connection) -> int:
        """The number; one that no row has, if nothing of the network is stored."""
        if self._found is None:
            mine = (network.c.magic == self._magic, network.c.address == self._address)
            self._found = connection.execute(select(network.c.id).where(*mine)).scalar()
        return _MISSING if self._found is None else self._found

    def make(self, connection: Connection) -> int:
        """The number, given if there was none; inside a transaction that has its turn."""
        if self.find(connection) == _MISSING:
            made = insert(network).values(magic=self._magic, address=self._address)
            (number,) = connection.execute(made).inserted_primary_key or (_MISSING,)
            return int(number)
        return self.find(connection)


def numbers_of(connection: Connection) -> tuple[int, ...]:
    """The numbers of all networks of which a store holds registrations or tokens."""
    return tuple(connection.execute(select(network.c.id)).scalars())


def networks_of(connection: Connection) -> Iterator[NetworkKey]:
    """The networks of which a store holds anything, those whose markers it trusts included; some may come twice."""
    tables = set(inspect(connection).get_table_names())
    if network.name in tables:
        for row in connection.execute(select(network.c.magic, network.c.address)):
            yield NetworkKey(None if row.magic == UNKNOWN_MAGIC else row.magic, row.address or None)
    if trust.name in tables:
        for row in connection.execute(select(trust.c.network_magic, trust.c.address)):
            yield NetworkKey(row.network_magic, row.address)
