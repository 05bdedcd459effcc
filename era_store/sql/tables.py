"""The tables of a store, as SQLAlchemy Core has them; a migration under ``migrations/versions`` makes each.

Nothing here is particular to SQLite. Epochs, slots and sequences are unsigned 64-bit integers, which neither SQLite
nor PostgreSQL has: they are kept as 20 digits, which sort as the numbers do. What cannot be turned into values again is
damage, not a bug of the reader: a ``ContentError``, which ``Database`` turns into a ``StoreDamagedError``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

Value = TypeVar("Value")


NOT_DECODED = (ValueError, TypeError, KeyError, AttributeError)
"""Errors of Python's which mean that what is stored is damaged."""


class ContentError(ValueError):
    """The stored value is not one that this project writes there."""

    @classmethod
    def of(cls, error: Exception) -> "ContentError":
        """The error for what Python could not make a value of."""
        return cls(f"what cannot be read back ({type(error).__name__})")


@contextmanager
def decoding() -> Iterator[None]:
    """Within the block, values are made from what is stored: an error of Python's means that it is damaged.

    Raises:
        ContentError: it is; ``Database.errors`` makes it a ``StoreDamagedError``.
    """
    try:
        yield
    except (ContentError, UnicodeEncodeError):  # the latter is about what was asked, not what is stored
        raise
    except NOT_DECODED as error:
        raise ContentError.of(error) from error


def typed(value: Any, *kinds: type[Value]) -> Value:
    """A stored value, which SQLite may hold with any type.

    Raises:
        ContentError: it is of another type.
    """
    if not isinstance(value, kinds):
        raise ContentError(f"a value of the type {type(value).__name__}, not {kinds[0].__name__}")
    return value


def number_of(digits: Any) -> int:
    """The number that is stored as decimal digits.

    Raises:
        ContentError: it is something else.
    """
    try:
        return int(digits)
    except NOT_DECODED as error:
        raise ContentError.of(error) from error


DIGITS = 20


class Unsigned(TypeDecorator[int]):
    """An unsigned 64-bit integer, as 20 decimal digits."""

    impl = String(DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """The digits of a number."""
        return None if value is None else f"{value:0{DIGITS}}"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        """The number of the digits."""
        return None if value is None else number_of(value)


class Words(TypeDecorator[str]):
    """Words for people; the one character that PostgreSQL's text cannot hold is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The words as they can be kept."""
        return None if value is None else value.replace("\0", "\N{REPLACEMENT CHARACTER}")


# A key that is an INTEGER in SQLite, which alone counts up there, and a BIGINT elsewhere.
Key = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

trust = Table(
    "trust",
    metadata,
    Column("id", Key, primary_key=True),
    Column("key_id", String(64), nullable=False, unique=True),
    Column("verification_keys", JSON, nullable=False),
    Column("network_magic", BigInteger),
    Column("address", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch", Unsigned, nullable=False),
    Column("tip_slot", Unsigned, nullable=False),
    Column("trusted_transaction", String(64)),
    Column("trusted_index", BigInteger),
    Column("trusted_datum", Text),
    Column("trusted_content", LargeBinary),
    Column("trusted_markers", JSON(none_as_null=True)),
    Column("trusted_lovelace", Unsigned),
    Column("trusted_slot", Unsigned),
    Column("trusted_height", BigInteger),
    Column("activation", JSON(none_as_null=True)),
    Column("sequence", Unsigned),
    Column("stale", Words),
    Column("legacy_differs", Boolean, nullable=False),
    Column("malformed", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("proven", Boolean, nullable=False),
    Column("sighting", JSON(none_as_null=True)),
)

payload = Table(
    "payload",
    metadata,
    Column("id", Key, primary_key=True),
    Column("trust_id", Key, ForeignKey("trust.id", ondelete="CASCADE"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("reference", String(80), nullable=False),
    Column("slot", Unsigned),
    Column("height", BigInteger),
    Column("seen_epoch", Unsigned, nullable=False),
    Column("seen_height", BigInteger),
    Column("verdict", String(40), nullable=False),
    Column("reason", Words, nullable=False),
    Column("superseded", Boolean, nullable=False),
    UniqueConstraint("trust_id", "digest"),
)

superseded_output = Table(
    "superseded_output",
    metadata,
    Column("trust_id", Key, ForeignKey("trust.id", ondelete="CASCADE"), primary_key=True),
    Column("reference", String(80), primary_key=True),
)

verdict = Table(
    "verdict",
    metadata,
    Column("id", Key, primary_key=True),
    Column("keys_id", String(64), nullable=False),  # the id of a TrustKey: keys, network and address
    Column("reference", String(80), nullable=False),
    Column("fingerprint", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("reason", Words, nullable=False),
    Column("content", LargeBinary),
    UniqueConstraint("keys_id", "reference"),
)

event = Table(
    "event",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("epoch", Unsigned),
    Column("facts", JSON, nullable=False),
    Column("version", String(40), nullable=False),
    Column("time_s", Float, nullable=False),
    # What an older version, which knows none of these, leaves out is added by the next writer that does.
    Column("role", String(10)),
    Column("stream", BigInteger),
    Column("cause", BigInteger),
    Column("verdict", String(40)),
    Column("hash", String(64)),
    Index("ix_event_kind", "kind"),
    Index("ix_event_role", "role"),
    sqlite_autoincrement=True,  # an id is never given twice, not even the last one's
)

event_head = Table(
    "event_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("first_id", BigInteger, nullable=False),
    Column("base_hash", String(64), nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("last_hash", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

schema_floor = Table(
    "schema_floor",
    metadata,
    Column("usable_from", String(40), primary_key=True),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("network", BigInteger, nullable=False),  # a row of era_store.sql.tables_registrations.network
    Column("name", Text, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("made_at_s", Float, nullable=False),
    Column("expires_at_s", Float),
    Column("revoked_at_s", Float),
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("time_s", Float, nullable=False),
)
