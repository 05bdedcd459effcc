# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""The event log: role, stream, cause, verdict and hash of each event, and the head of the chain of hashes.

Every column may be left out, so that older code can still write; the first one that writes a hash chains what is there.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "era_0003"
down_revision = "era_0002"
branch_labels = None
depends_on = None

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "role": sa.String(10),
    "stream": sa.BigInteger(),
    "cause": sa.BigInteger(),
    "verdict": sa.String(40),
    "hash": sa.String(64),
}


def upgrade() -> None:
    """Add the columns and the head."""
    for name, kind in COLUMNS.items():
        op.add_column("event", sa.Column(name, kind))
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


def downgrade() -> None:
    """Take them away."""
    op.drop_table("event_head")
    op.drop_index("ix_event_role", "event")
    for name in COLUMNS:
        op.drop_column("event", name)
