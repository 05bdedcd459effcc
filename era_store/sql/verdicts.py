"""The verdict cache in a database. In and out: verdicts in bulk, so that a restart costs little at a flooded address.

Rows are read and written with the driver's own speed: an address flooded with 20,000 outputs has as many of them.
"""

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, select

from era_store.memory import VERDICT_CAPACITY
from era_store.records import CachedVerdict, TrustKey
from era_store.sql import tables
from era_store.sql.database import Database
from era_store.sql.locks import take_turn

_AT_ONCE = 500
"""References in one statement: databases bound how many values a statement may carry."""


class SqlVerdicts:
    """A ``VerdictRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, key: TrustKey) -> dict[str, CachedVerdict]:
        """Every verdict kept for the keys at their address, by output reference.

        Raises:
            StoreError: they could not be read.
        """
        columns = tables.verdict.c
        asked = select(columns.reference, columns.fingerprint, columns.kind, columns.reason, columns.content).where(
            columns.keys_id == key.id
        )
        with self._database.read() as connection:
            return {row[0]: CachedVerdict._make(row) for row in connection.execute(asked).cursor.fetchall()}

    def save(self, key: TrustKey, verdicts: Iterable[CachedVerdict]) -> None:
        """Keep these too; those at the same reference are replaced, and the oldest go beyond the capacity.

        Raises:
            StoreError: they could not be written; none of them is.
        """
        keys_id, columns = key.id, tables.verdict.c
        rows = {
            verdict.reference: {
                "keys_id": keys_id,
                "reference": verdict.reference,
                "fingerprint": verdict.fingerprint,
                "kind": verdict.kind,
                "reason": verdict.reason,
                "content": verdict.content,
            }
            for verdict in verdicts
        }
        if not rows:
            return
        references = list(rows)
        of_keys = columns.keys_id == keys_id
        with self._database.write() as connection:
            take_turn(connection, f"verdicts {keys_id}")
            for start in range(0, len(references), _AT_ONCE):
                some = references[start : start + _AT_ONCE]
                connection.execute(delete(tables.verdict).where(of_keys, columns.reference.in_(some)))
            connection.execute(insert(tables.verdict), list(rows.values()))
            count = connection.execute(select(func.count()).where(of_keys)).scalar_one()
            if count > VERDICT_CAPACITY:
                newest = select(columns.id).where(of_keys).order_by(columns.id.desc()).offset(VERDICT_CAPACITY).limit(1)
                oldest = connection.execute(newest).scalar_one()
                connection.execute(delete(tables.verdict).where(of_keys, columns.id <= oldest))
