# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""Registrations, network stake and tokens belong to a network; nodes report what they can do; rejects have an epoch.

What was stored before belongs to the one network whose markers the store trusts; with several, or none, to none.
"""

import sqlalchemy as sa
from alembic import op

revision = "era_0006"
down_revision = "era_0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PARTITION_EPOCHS = 100
PRECEDENCE = "CASE WHEN signed IS NULL THEN seen_at_s ELSE seen_at_s + 2199023255552.0 END"
COPIED = {
    "party": ("id, network, party_id", "id, {network}, party_id"),
    "registration_source": (
        "id, network, name, cursor, last_arrival, time_s",
        "id, {network}, name, cursor, last_arrival, time_s",
    ),
    "registration": (
        "epoch, party, precedence, stake, version, capability, arrival, source, signed",
        f"epoch, party, {PRECEDENCE}, stake, version, 0, arrival, source, signed",
    ),
    "registration_tally": (
        "network, epoch, release, capability, stake, parties",
        "{network}, epoch, release, 0, stake, parties",
    ),
    "network_stake": ("network, epoch, lovelace, source, time_s", "{network}, epoch, lovelace, source, time_s"),
    "api_token": (
        "id, network, name, secret_hash, scopes, made_at_s, expires_at_s, revoked_at_s",
        "id, {network}, name, secret_hash, scopes, made_at_s, expires_at_s, revoked_at_s",
    ),
}
"""Table → its columns, and what they were before."""

COUNTED_UP = ("network", "party", "registration_source")


def upgrade() -> None:
    """Make the tables anew, with what was in them."""
    connection = op.get_bind()
    for table in COPIED:
        connection.execute(sa.text(f"CREATE TABLE former_{table} AS SELECT * FROM {table}"))  # noqa: S608
        op.drop_table(table)
    _make()
    for name, kind in (("epoch", sa.Integer), ("party_id", sa.Text), ("stake", sa.BigInteger)):
        op.add_column("registration_reject", sa.Column(name, kind))
    op.create_index("ix_registration_reject_epoch", "registration_reject", ["epoch"])
    places = connection.execute(sa.text("SELECT DISTINCT network_magic, address FROM trust")).all()
    magic, address = places[0] if len(places) == 1 else (None, "")
    values = {"magic": -1 if magic is None else magic, "address": address}
    connection.execute(sa.text("INSERT INTO network (id, magic, address) VALUES (1, :magic, :address)"), values)
    if connection.dialect.name == "postgresql":
        epochs = connection.execute(sa.text("SELECT DISTINCT epoch FROM former_registration")).scalars()
        for first in sorted({epoch // PARTITION_EPOCHS * PARTITION_EPOCHS for epoch in epochs}):
            bounds = f"FROM ({first}) TO ({first + PARTITION_EPOCHS})"
            made = f"CREATE TABLE registration_from_{first} PARTITION OF registration FOR VALUES {bounds}"
            connection.execute(sa.text(made))
    for table, (columns, before) in COPIED.items():
        copied = f"INSERT INTO {table} ({columns}) SELECT {before.format(network=1)} FROM former_{table}"  # noqa: S608
        connection.execute(sa.text(copied))
        op.drop_table(f"former_{table}")
    if connection.dialect.name == "postgresql":
        for table in COUNTED_UP:
            counted = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
            connection.execute(sa.text(counted))


def _make() -> None:
    op.create_table(
        "network",
        sa.Column("id", KEY, nullable=False),
        sa.Column("magic", sa.BigInteger, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_network"),
        sa.UniqueConstraint("magic", "address", name="uq_network_magic"),
    )
    op.create_table(
        "capability",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_capability"),
        sa.UniqueConstraint("digest", name="uq_capability_digest"),
    )
    op.create_table(
        "party",
        sa.Column("id", KEY, nullable=False),
        sa.Column("network", sa.BigInteger, nullable=False),
        sa.Column("party_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_party"),
        sa.UniqueConstraint("network", "party_id", name="uq_party_network"),
    )
    op.create_table(
        "registration_source",
        sa.Column("id", KEY, nullable=False),
        sa.Column("network", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("last_arrival", sa.BigInteger, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registration_source"),
        sa.UniqueConstraint("network", "name", name="uq_registration_source_network"),
    )
    key = ("epoch", "party", "precedence", "stake", "version", "capability")
    op.create_table(
        "registration",
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("party", sa.BigInteger, nullable=False),
        sa.Column("precedence", sa.Float, nullable=False),
        sa.Column("stake", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("capability", sa.BigInteger, nullable=False),
        sa.Column("arrival", sa.BigInteger, nullable=False),
        sa.Column("source", sa.BigInteger, nullable=False),
        sa.Column("signed", sa.LargeBinary),
        sa.PrimaryKeyConstraint(*key, name="pk_registration"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (epoch)",
    )
    op.create_table(
        "registration_tally",
        sa.Column("network", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("capability", sa.BigInteger, nullable=False),
        sa.Column("stake", sa.String(40), nullable=False),
        sa.Column("parties", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "epoch", "release", "capability", name="pk_registration_tally"),
    )
    op.create_table(
        "network_stake",
        sa.Column("network", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("lovelace", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("network", "epoch", name="pk_network_stake"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("network", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("made_at_s", sa.Float, nullable=False),
        sa.Column("expires_at_s", sa.Float),
        sa.Column("revoked_at_s", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
    )


def downgrade() -> None:
    """Refuse: networks that were told apart would be mixed.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("restore a backup that was made before the upgrade")
