"""The trusted markers, in a database. In and out: ``StoredTrust``, each saving one transaction with its events.

A save names the version it was made from. When another process has saved meanwhile, it writes nothing.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from datum.kinds import marker_of
from era_store.errors import StoreDamagedError
from era_store.memory import changed
from era_store.records import NewEvent, SeenPayload, Sighting, StoredOutput, StoredTrust, TrustKey
from era_store.sql import tables
from era_store.sql.database import Database
from era_store.sql.events import append_events
from era_store.sql.locks import take_turn
from era_store.sql.notices import tell
from eras import Epoch, MarkerError, Slot


class SqlTrust:
    """A ``TrustRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, key: TrustKey) -> StoredTrust | None:
        """The last saved trust, or ``None``.

        Raises:
            StoreError: it could not be read, or is damaged.
        """
        with self._database.read() as connection:
            row = connection.execute(select(tables.trust).where(tables.trust.c.key_id == key.id)).one_or_none()
            if row is None:
                return None
            try:
                return _trust(row, _payloads(connection, row.id), _superseded(connection, row.id))
            except (MarkerError, ValueError, TypeError, KeyError) as error:
                raise StoreDamagedError(
                    f"What is trusted at {key.address} cannot be read from the store {self._database.name}",
                    expected="what eraswitch wrote",
                    got=f"{type(error).__name__}",
                    next_step="Restore a backup: eraswitch db restore FILE",
                    store=self._database.name,
                ) from error

    def save(self, key: TrustKey, trust: StoredTrust, events: Iterable[NewEvent] = (), *, time_s: float) -> StoredTrust:
        """Write ``trust`` and its events in one transaction; returns it with its new version.

        Raises:
            StoreChangedError: another version is stored.
            StoreError: it could not be written; nothing is.
        """
        with self._database.write() as connection:
            trust_id = self._write_row(connection, key, trust)
            _write_payloads(connection, trust_id, trust.payloads)
            _write_superseded(connection, trust_id, trust.superseded_outputs)
            append_events(connection, events, time_s)
            tell(connection, "trust")
        return replace(trust, version=trust.version + 1)

    def _write_row(self, connection: Connection, key: TrustKey, trust: StoredTrust) -> int:
        table, values = tables.trust, _values(key, trust)
        found = connection.execute(select(table.c.id, table.c.version).where(table.c.key_id == key.id)).one_or_none()
        if trust.version != (0 if found is None else found.version):
            raise changed(self._database.name, trust.version)
        if found is None:
            take_turn(connection, f"trust {key.id}")  # of two first writers, the later one sees what the other wrote
            if connection.execute(select(table.c.id).where(table.c.key_id == key.id)).scalar() is not None:
                raise changed(self._database.name, trust.version)
            (made,) = connection.execute(insert(table).values(values)).inserted_primary_key or (0,)
            return int(made)
        # The version again: of two writers that read the same one, a database without a common lock lets one through.
        written = connection.execute(
            update(table).where(table.c.id == found.id, table.c.version == trust.version).values(values)
        )
        if written.rowcount != 1:
            raise changed(self._database.name, trust.version)
        return int(found.id)


def _values(key: TrustKey, trust: StoredTrust) -> dict[str, Any]:
    trusted = trust.trusted
    return {
        "key_id": key.id,
        "verification_keys": list(key.keys),
        "network_magic": key.network_magic,
        "address": key.address,
        "version": trust.version + 1,
        "epoch": trust.epoch,
        "tip_slot": trust.tip_slot,
        "trusted_transaction": None if trusted is None else trusted.transaction,
        "trusted_index": None if trusted is None else trusted.index,
        "trusted_datum": None if trusted is None else trusted.datum,
        "trusted_content": None if trusted is None else trusted.content,
        "trusted_markers": None if trusted is None else [marker.to_dict() for marker in trusted.markers],
        "trusted_lovelace": None if trusted is None else trusted.lovelace,
        "trusted_slot": None if trusted is None else trusted.slot,
        "trusted_height": None if trusted is None else trusted.height,
        "activation": None if trust.activation is None else trust.activation.to_dict(),
        "sequence": trust.sequence,
        "stale": trust.stale,
        "legacy_differs": trust.legacy_differs,
        "malformed": trust.malformed,
        "complete": trust.complete,
        "proven": trust.proven,
        "sighting": None if trust.sighting is None else trust.sighting.to_dict(),
    }


def _trust(row: Row[Any], payloads: tuple[SeenPayload, ...], superseded: frozenset[str]) -> StoredTrust:
    trusted = activation = None
    if row.trusted_transaction is not None:
        trusted = StoredOutput(
            row.trusted_transaction,
            row.trusted_index,
            row.trusted_datum,
            row.trusted_content,
            tuple(map(marker_of, row.trusted_markers)),
            row.trusted_lovelace,
            None if row.trusted_slot is None else Slot(row.trusted_slot),
            row.trusted_height,
        )
    if row.activation is not None:
        activation = marker_of(row.activation)
    return StoredTrust(
        trusted,
        Epoch(row.epoch),
        Slot(row.tip_slot),
        activation,
        row.sequence,
        payloads,
        superseded,
        row.stale,
        row.legacy_differs,
        row.malformed,
        row.complete,
        row.proven,
        Sighting.from_dict(row.sighting),
        row.version,
    )


def _payloads(connection: Connection, trust_id: int) -> tuple[SeenPayload, ...]:
    table = tables.payload
    asked = select(table).where(table.c.trust_id == trust_id).order_by(table.c.id)
    return tuple(
        SeenPayload(
            row.digest,
            row.content,
            row.reference,
            None if row.slot is None else Slot(row.slot),
            row.height,
            Epoch(row.seen_epoch),
            row.seen_height,
            row.verdict,
            row.reason,
            row.superseded,
        )
        for row in connection.execute(asked)
    )


def _superseded(connection: Connection, trust_id: int) -> frozenset[str]:
    table = tables.superseded_output
    return frozenset(connection.execute(select(table.c.reference).where(table.c.trust_id == trust_id)).scalars())


def _write_payloads(connection: Connection, trust_id: int, payloads: tuple[SeenPayload, ...]) -> None:
    """Add those that are new, change those whose verdict changed, drop those that are gone."""
    table = tables.payload
    known = {payload.digest: payload for payload in _payloads(connection, trust_id)}
    for payload in payloads:
        values = {name: getattr(payload, name) for name in SeenPayload.__slots__}
        before = known.pop(payload.digest, None)
        if before is None:
            connection.execute(insert(table).values(trust_id=trust_id, **values))
        elif before != payload:
            same = (table.c.trust_id == trust_id, table.c.digest == payload.digest)
            connection.execute(update(table).where(*same).values(values))
    for digest in known:
        connection.execute(delete(table).where(table.c.trust_id == trust_id, table.c.digest == digest))


def _write_superseded(connection: Connection, trust_id: int, references: frozenset[str]) -> None:
    table, known = tables.superseded_output, _superseded(connection, trust_id)
    for reference in sorted(references - known):
        connection.execute(insert(table).values(trust_id=trust_id, reference=reference))
    for reference in sorted(known - references):
        connection.execute(delete(table).where(table.c.trust_id == trust_id, table.c.reference == reference))
