"""The tables of registrations: networks, parties, sources, registrations, the rollup of each epoch, rejects, stake.

A party and a source belong to a network, and with them all that refers to them; two networks share no row but those of
``capability``, which describe software.

``registration`` is kept in the order of its key, with no other index: one search finds what a party registered for an
epoch, in the order of time. That, and parties by number instead of by name, makes ten million of them cheap. It refers
to parties and sources without foreign keys, which would cost one more search for every row; the repository, the only
writer, numbers them in the same transaction. On PostgreSQL it is divided by epochs, and ingest makes the parts.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from era_store.sql.tables import Key, Words, metadata, number_of

PARTITION_EPOCHS = 100
"""Epochs in one part of the table on PostgreSQL."""


class Sum(TypeDecorator[int]):
    """A sum of lovelace, as decimal digits: of stakes that are wrong it can be larger than 64 bits."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """The digits of a number."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        """The number of the digits."""
        return None if value is None else number_of(value)


network = Table(
    "network",
    metadata,
    Column("id", Key, primary_key=True),
    Column("magic", BigInteger, nullable=False),  # -1 where it is not known: a unique column has no nulls
    Column("address", Text, nullable=False),  # empty where it is not known
    UniqueConstraint("magic", "address"),
)

capability = Table(
    "capability",
    metadata,
    Column("id", Key, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("content", Text, nullable=False),
)

party = Table(
    "party",
    metadata,
    Column("id", Key, primary_key=True),
    Column("network", BigInteger, nullable=False),
    Column("party_id", Text, nullable=False),
    UniqueConstraint("network", "party_id"),
)

registration_source = Table(
    "registration_source",
    metadata,
    Column("id", Key, primary_key=True),
    Column("network", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("cursor", Text),
    Column("last_arrival", BigInteger, nullable=False),  # of all of them the greatest numbers the next registration
    Column("time_s", Float, nullable=False),
    UniqueConstraint("network", "name"),
)

registration = Table(
    "registration",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("party", BigInteger, primary_key=True, autoincrement=False),
    Column("precedence", Float, primary_key=True),  # POSIX time seen, plus SIGNED_FIRST where it is signed
    Column("stake", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Text, primary_key=True),  # empty where none was stated: a key has no nulls
    Column("capability", BigInteger, primary_key=True, autoincrement=False),  # 0 where none was reported
    Column("arrival", BigInteger, nullable=False),
    Column("source", BigInteger, nullable=False),
    Column("signed", LargeBinary),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (epoch)",
)

registration_tally = Table(
    "registration_tally",
    metadata,
    Column("network", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("release", Text, primary_key=True),  # empty where none was stated
    Column("capability", BigInteger, primary_key=True, autoincrement=False),  # 0 where none was reported
    Column("stake", Sum, nullable=False),
    Column("parties", BigInteger, nullable=False),
)

registration_reject = Table(
    "registration_reject",
    metadata,
    Column("id", Key, primary_key=True),
    Column("source", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("place", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("content", Words, nullable=False),
    Column("epoch", Integer),  # whose whole it is missing from
    Column("party_id", Words),
    Column("stake", BigInteger),
    Column("time_s", Float, nullable=False),
    UniqueConstraint("source", "digest"),
    Index("ix_registration_reject_epoch", "epoch"),
)

network_stake = Table(
    "network_stake",
    metadata,
    Column("network", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("lovelace", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("time_s", Float, nullable=False),
)
