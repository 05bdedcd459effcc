"""The tables of the service: API tokens, and the last snapshot of the eras that the poller made for every replica."""

from sqlalchemy import BigInteger, Column, Float, LargeBinary, String, Table, Text

from era_store.sql.tables import metadata

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
