"""The last snapshot of the eras, as bytes that the store does not read: what a poller hands to the other replicas.

In: bytes under the id of a ``TrustKey`` (or any other name). Out: the same, with the time they were written.
``era_store.sql.service`` keeps them in a database.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from era_store.records import NewEvent


class StoredSnapshot(NamedTuple):
    """A snapshot as it was written.

    Attributes:
        content: the bytes.
        time_s: POSIX time when it was written.
    """

    content: bytes
    time_s: float


class SnapshotRepository(Protocol):
    """The newest snapshot under each key."""

    def load(self, key_id: str) -> StoredSnapshot | None:
        """The newest, or ``None``."""
        ...

    def save(self, key_id: str, content: bytes, events: Iterable[NewEvent] = (), *, time_s: float) -> None:
        """Put a newer one in its place, and what is new into the event log, in one transaction."""
        ...
