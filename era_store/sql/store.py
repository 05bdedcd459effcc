"""A store in a database: opened, brought up to date, and its three repositories.

In: a path or a URL. Out: a ``SqlStore``, which the caller closes.
"""

import logging
import time
import weakref
from types import TracebackType
from typing import Self
from uuid import uuid4

from sqlalchemy import URL

from era_store.errors import StoreUnavailableError
from era_store.networks import NO_NETWORK, NetworkKey
from era_store.ports import Notices, StoreLock
from era_store.sql.database import DEFAULT_WAIT_S, Database, parse_url
from era_store.sql.events import SqlEvents
from era_store.sql.locks import lock_of
from era_store.sql.notices import notices_of
from era_store.sql.registrations import SqlRegistrations
from era_store.sql.schema import HEAD, is_usable, revision_of, upgrade
from era_store.sql.service import SqlSnapshots, SqlTokens
from era_store.sql.tables import metadata
from era_store.sql.trust import SqlTrust, SqlVerdicts
from era_store.sqlite_files import make_file
from eras import StoreError

_log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
"""Between two tries to reach a database server that does not answer."""


class SqlStore:
    """Trust, verdicts and events in a database. Several threads and processes may use it.

    Args:
        database: reached and up to date.
        network: the network whose registrations and tokens it shows; trust names its network with every key.
    """

    def __init__(self, database: Database, network: NetworkKey) -> None:
        self.database = database
        self.network = network
        self.trust = SqlTrust(database)
        self.verdicts = SqlVerdicts(database)
        self.events = SqlEvents(database)
        self.registrations = SqlRegistrations(database, network)
        self.tokens = SqlTokens(database, network)
        self.snapshots = SqlSnapshots(database)

    def __repr__(self) -> str:
        return f"SqlStore({self.database.name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def try_to_write(self, *, wait_s: float) -> None:
        """Commit a change that nobody sees.

        Args:
            wait_s: seconds to wait while another process writes.

        Raises:
            StoreError: no change can be committed; the class names the reason.
        """
        self.database.try_to_write(wait_s)

    def lock(self, name: str) -> StoreLock:
        """Returns the lock of that name between the processes that share the store."""
        return lock_of(self.database, name)

    def notices(self) -> Notices:
        """Returns a listener for changes of the store from now on; the caller closes it before the store.

        Raises:
            StoreError: the database did not answer.
        """
        return notices_of(self.database)

    def close(self) -> None:
        """Close the database. Calling it twice is fine."""
        self.database.close()


def open_store(
    url: str,
    *,
    network: NetworkKey = NO_NETWORK,
    wait_s: float = DEFAULT_WAIT_S,
    migrate: bool = True,
    patience_s: float = 0.0,
) -> SqlStore:
    """Open a store; a missing SQLite file is created, readable by its owner only.

    Args:
        url: the path of a SQLite file, or a URL.
        network: the network whose registrations and tokens it shows.
        wait_s: seconds to wait while another process writes.
        migrate: whether to bring an older schema up to date; else it is an error.
        patience_s: seconds to wait for a database server that does not answer, such as one that is restarting; it is
            logged.

    Raises:
        StoreError: it cannot be opened; the class names the reason.
        ConfigurationError: ``url`` names no store.
    """
    database = Database(parse_url(url), wait_s=wait_s)
    try:
        if database.path is not None:
            make_file(database.path)
        _wait_for_an_answer(database, patience_s)
        _bring_up_to_date(database, migrate=migrate)
    except BaseException:
        database.close()
        raise
    return SqlStore(database, network)


def temporary_registrations() -> SqlRegistrations:
    """Registrations in memory, for as long as the result lives. Several threads may use it."""
    place = URL.create("sqlite", database=f"file:/{uuid4()}", query={"vfs": "memdb", "uri": "true"})
    database = Database(place)
    with database.write() as connection:
        metadata.create_all(connection, checkfirst=False)
    registrations = SqlRegistrations(database)
    weakref.finalize(registrations, database.close)
    return registrations


def _wait_for_an_answer(database: Database, patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    pause_s = FIRST_PAUSE_S
    while patience_s:
        try:
            with database.read():
                return
        except StoreUnavailableError as error:
            if time.monotonic() + pause_s > until_s:
                raise
            _log.warning("Waiting up to %.0f s more for the store: %s", until_s - time.monotonic(), error)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _bring_up_to_date(database: Database, *, migrate: bool) -> None:
    with database.read() as connection:
        revision = revision_of(connection, database.name)
    if not is_usable(revision):
        if not migrate:
            raise StoreError(
                f"The store {database.name} was written by an older version of eraswitch",
                expected=f"schema {HEAD}",
                got=revision or "an empty database",
                next_step="Make a backup, then run: eraswitch db upgrade",
                store=database.name,
                code="StoreOutdated",
            )
        with database.write() as connection:
            upgrade(connection, database.name)
    if database.path is not None:
        database.prepare_file()
