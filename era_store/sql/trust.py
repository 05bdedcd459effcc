"""The trusted markers and the verdict cache, in a database. In and out: ``StoredTrust``, and verdicts in bulk.

Each saving of trust is one transaction with its events. It names the version it was made from: when another process
has saved meanwhile, it writes nothing. Verdicts are read and written with the driver's own speed, so that a restart
costs little: an address flooded with 20,000 outputs has as many of them.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from era_store.errors import StoreDamagedError
from era_store.memory import VERDICT_CAPACITY, changed
from era_store.records import CachedVerdict, NewEvent, SeenPayload, StoredOutput, StoredTrust, TrustKey, adapter_of
from era_store.sql import tables
from era_store.sql.database import AT_ONCE, Database
from era_store.sql.events import append_events
from era_store.sql.locks import take_turn
from era_store.sql.notices import notify
from eras import MarkerError

_TRUSTED = "trusted_"

# What every reading of the chain asks, made once.
_TRUST = select(tables.trust).where(tables.trust.c.key_id == bindparam("of"))
_KNOWN = select(tables.trust.c.id).where(tables.trust.c.key_id == bindparam("of"))
_PAYLOADS = (
    select(*[tables.payload.c[name] for name in SeenPayload.__slots__])
    .where(tables.payload.c.trust_id == bindparam("of"))
    .order_by(tables.payload.c.id)
)
_SUPERSEDED = select(tables.superseded_output.c.reference).where(tables.superseded_output.c.trust_id == bindparam("of"))
_VERDICTS = select(*[tables.verdict.c[name] for name in CachedVerdict._fields]).where(
    tables.verdict.c.keys_id == bindparam("of")
)


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
            row = connection.execute(_TRUST, {"of": key.id}).one_or_none()
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
            notify(connection, "trust")
        return replace(trust, version=trust.version + 1)

    def _write_row(self, connection: Connection, key: TrustKey, trust: StoredTrust) -> int:
        table, values = tables.trust, _values(key, trust)
        if trust.version:  # in the statement: of two writers that have read the same one, one comes through
            mine = (table.c.key_id == key.id, table.c.version == trust.version)
            written = update(table).where(*mine).values(values).returning(table.c.id)
            found = connection.execute(written).scalar()
        else:
            take_turn(connection, f"trust {key.id}")  # of two first writers, the later one sees what the other wrote
            found = None
            if connection.execute(_KNOWN, {"of": key.id}).first() is None:
                found = connection.execute(insert(table).values(values).returning(table.c.id)).scalar()
        if found is None:
            raise changed(self._database.name, trust.version)
        return int(found)


def _values(key: TrustKey, trust: StoredTrust) -> dict[str, object]:
    """The values of a row: those of the record, by name, and of what is trusted as ``trusted_…``."""
    kept = adapter_of(StoredTrust).dump_python(trust, exclude={"payloads", "superseded_outputs", "version"})
    trusted = kept.pop("trusted") or {}
    return {
        **kept,
        **{f"{_TRUSTED}{name}": trusted.get(name) for name in StoredOutput.__slots__},
        "key_id": key.id,
        "verification_keys": list(key.keys),
        "network_magic": key.network_magic,
        "address": key.address,
        "version": trust.version + 1,
    }


def _trust(row: Row[Any], payloads: list[dict[str, object]], superseded: frozenset[str]) -> StoredTrust:
    kept: dict[str, object] = {**row._mapping, "payloads": payloads, "superseded_outputs": superseded}
    trusted = {name: kept.pop(f"{_TRUSTED}{name}") for name in StoredOutput.__slots__}
    kept["trusted"] = None if trusted["transaction"] is None else trusted
    stored: StoredTrust = adapter_of(StoredTrust).validate_python(kept)
    return stored


def _payloads(connection: Connection, trust_id: int) -> list[dict[str, object]]:
    """The values of every payload, by name."""
    return [dict(row._mapping) for row in connection.execute(_PAYLOADS, {"of": trust_id})]


def _superseded(connection: Connection, trust_id: int) -> frozenset[str]:
    return frozenset(connection.execute(_SUPERSEDED, {"of": trust_id}).scalars())


def _write_payloads(connection: Connection, trust_id: int, payloads: tuple[SeenPayload, ...]) -> None:
    """Add those that are new, change those whose verdict changed, drop those that are gone."""
    table = tables.payload
    known = {payload["digest"]: payload for payload in _payloads(connection, trust_id)}
    for payload in payloads:
        values = adapter_of(SeenPayload).dump_python(payload)
        before = known.pop(payload.digest, None)
        if before is None:
            connection.execute(insert(table).values(trust_id=trust_id, **values))
        elif before != values:
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


class SqlVerdicts:
    """A ``VerdictRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, key: TrustKey) -> dict[str, CachedVerdict]:
        """Every verdict kept for the keys at their address, by output reference.

        Raises:
            StoreError: they could not be read.
        """
        with self._database.read() as connection:
            rows = connection.execute(_VERDICTS, {"of": key.id}).cursor.fetchall()
            return {row[0]: CachedVerdict._make(row) for row in rows}

    def save(self, key: TrustKey, verdicts: Iterable[CachedVerdict]) -> None:
        """Keep these too; those at the same reference are replaced, and the oldest go beyond the capacity.

        Raises:
            StoreError: they could not be written; none of them is.
        """
        keys_id, columns = key.id, tables.verdict.c
        rows = {verdict.reference: {"keys_id": keys_id, **verdict._asdict()} for verdict in verdicts}
        if not rows:
            return
        references = list(rows)
        of_keys = columns.keys_id == keys_id
        with self._database.write() as connection:
            take_turn(connection, f"verdicts {keys_id}")
            for start in range(0, len(references), AT_ONCE):
                some = references[start : start + AT_ONCE]
                connection.execute(delete(tables.verdict).where(of_keys, columns.reference.in_(some)))
            connection.execute(insert(tables.verdict), list(rows.values()))
            count = connection.execute(select(func.count()).where(of_keys)).scalar_one()
            if count > VERDICT_CAPACITY:
                newest = select(columns.id).where(of_keys).order_by(columns.id.desc()).offset(VERDICT_CAPACITY).limit(1)
                oldest = connection.execute(newest).scalar_one()
                connection.execute(delete(tables.verdict).where(of_keys, columns.id <= oldest))
