# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""The tables of the service: API tokens, the last snapshot."""

import sqlalchemy as sa
from alembic import op

revision = "era_0004"
down_revision = "era_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(16), nullable=False),
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


def downgrade() -> None:
    """Take the tables away."""
    for table in ("snapshot", "api_token"):
        op.drop_table(table)
