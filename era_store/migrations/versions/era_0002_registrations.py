# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""The tables of registrations."""

import sqlalchemy as sa
from alembic import op

revision = "era_0002"
down_revision = "era_0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "party",
        sa.Column("id", KEY, nullable=False),
        sa.Column("party_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_party"),
        sa.UniqueConstraint("party_id", name="uq_party_party_id"),
    )
    op.create_table(
        "registration_source",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("last_arrival", sa.BigInteger, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registration_source"),
        sa.UniqueConstraint("name", name="uq_registration_source_name"),
    )
    op.create_table(
        "registration",
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("party", sa.BigInteger, nullable=False),
        sa.Column("seen_at_s", sa.Float, nullable=False),
        sa.Column("stake", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("arrival", sa.BigInteger, nullable=False),
        sa.Column("source", sa.BigInteger, nullable=False),
        sa.Column("signed", sa.LargeBinary),
        sa.PrimaryKeyConstraint("epoch", "party", "seen_at_s", "stake", "version", name="pk_registration"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (epoch)",
    )
    op.create_table(
        "registration_tally",
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("stake", sa.String(40), nullable=False),
        sa.Column("parties", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("epoch", "release", name="pk_registration_tally"),
    )
    op.create_table(
        "registration_reject",
        sa.Column("id", KEY, nullable=False),
        sa.Column("source", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registration_reject"),
        sa.UniqueConstraint("source", "digest", name="uq_registration_reject_source"),
    )
    op.create_table(
        "network_stake",
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("lovelace", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("epoch", name="pk_network_stake"),
    )


def downgrade() -> None:
    """Take the tables away."""
    for table in (
        "network_stake",
        "registration_reject",
        "registration_tally",
        "registration",
        "registration_source",
        "party",
    ):
        op.drop_table(table)
