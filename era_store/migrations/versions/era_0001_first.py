# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""The first schema: trust, payloads, superseded outputs, the verdict cache, the event log."""

import sqlalchemy as sa
from alembic import op

revision = "era_0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UNSIGNED = sa.String(20)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "trust",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("verification_keys", sa.JSON, nullable=False),
        sa.Column("network_magic", sa.BigInteger),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("epoch", UNSIGNED, nullable=False),
        sa.Column("tip_slot", UNSIGNED, nullable=False),
        sa.Column("trusted_transaction", sa.String(64)),
        sa.Column("trusted_index", sa.BigInteger),
        sa.Column("trusted_datum", sa.Text),
        sa.Column("trusted_content", sa.LargeBinary),
        sa.Column("trusted_markers", sa.JSON),
        sa.Column("trusted_lovelace", UNSIGNED),
        sa.Column("trusted_slot", UNSIGNED),
        sa.Column("trusted_height", sa.BigInteger),
        sa.Column("activation", sa.JSON),
        sa.Column("sequence", UNSIGNED),
        sa.Column("stale", sa.Text),
        sa.Column("legacy_differs", sa.Boolean, nullable=False),
        sa.Column("malformed", sa.Integer, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("proven", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trust"),
        sa.UniqueConstraint("key_id", name="uq_trust_key_id"),
    )
    op.create_table(
        "payload",
        sa.Column("id", KEY, nullable=False),
        sa.Column("trust_id", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("slot", UNSIGNED),
        sa.Column("height", sa.BigInteger),
        sa.Column("seen_epoch", UNSIGNED, nullable=False),
        sa.Column("seen_height", sa.BigInteger),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("superseded", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payload"),
        sa.ForeignKeyConstraint(["trust_id"], ["trust.id"], name="fk_payload_trust_id", ondelete="CASCADE"),
        sa.UniqueConstraint("trust_id", "digest", name="uq_payload_trust_id"),
    )
    op.create_table(
        "superseded_output",
        sa.Column("trust_id", KEY, nullable=False),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("trust_id", "reference", name="pk_superseded_output"),
        sa.ForeignKeyConstraint(["trust_id"], ["trust.id"], name="fk_superseded_output_trust_id", ondelete="CASCADE"),
    )
    op.create_table(
        "verdict",
        sa.Column("id", KEY, nullable=False),
        sa.Column("keys_id", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("fingerprint", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_verdict"),
        sa.UniqueConstraint("keys_id", "reference", name="uq_verdict_keys_id"),
    )
    op.create_table(
        "event",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("epoch", UNSIGNED),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_kind", "event", ["kind"])


def downgrade() -> None:
    """Take the tables away."""
    for table in ("event", "verdict", "superseded_output", "payload", "trust"):
        op.drop_table(table)
