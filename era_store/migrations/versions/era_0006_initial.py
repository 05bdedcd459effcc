# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""The first schema: trust, the event log, registrations by network, what the service keeps.

Those before it, up to ``era_0005``, were never released; ``era_store.sql.schema`` refuses a store of one of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "era_0006"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UNSIGNED = sa.String(20)


def upgrade() -> None:
    """Make the tables."""
    _trust_and_events()
    _registrations()
    _service()


def _trust_and_events() -> None:
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
        sa.Column("sighting", sa.JSON),
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
        sa.Column("role", sa.String(10)),
        sa.Column("stream", sa.BigInteger),
        sa.Column("cause", sa.BigInteger),
        sa.Column("verdict", sa.String(40)),
        sa.Column("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_kind", "event", ["kind"])
    op.create_index("ix_event_role", "event", ["role"])
    op.create_table(
        "event_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("first_id", sa.BigInteger, nullable=False),
        sa.Column("base_hash", sa.String(64), nullable=False),
        sa.Column("last_id", sa.BigInteger, nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_head"),
    )


def _registrations() -> None:
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
        "registration_reject",
        sa.Column("id", KEY, nullable=False),
        sa.Column("source", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("party_id", sa.Text),
        sa.Column("stake", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_registration_reject"),
        sa.UniqueConstraint("source", "digest", name="uq_registration_reject_source"),
    )
    op.create_index("ix_registration_reject_epoch", "registration_reject", ["epoch"])


def _service() -> None:
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
    op.create_table(
        "snapshot",
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_snapshot"),
    )
    op.create_table(
        "schema_floor",
        sa.Column("usable_from", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("usable_from", name="pk_schema_floor"),
    )


def downgrade() -> None:
    """Refuse: there is nothing before it.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("restore a backup that was made before the upgrade")
