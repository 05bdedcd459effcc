"""The last snapshot of the eras, as bytes that the store does not read: what a poller hands to the other replicas.

In: bytes under the id of a ``TrustKey`` (or any other name). Out: the same, with the time they were written.
``era_store.sql.service`` keeps them in a database.
"""

from typing import NamedTuple


class StoredSnapshot(NamedTuple):
    """A snapshot as it was written.

    Attributes:
        content: the bytes.
        time_s: POSIX time when it was written.
    """

    content: bytes
    time_s: float
