# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""The oldest code that can use the schema, so that replicas of two versions can share it (``era_store.sql.schema``)."""

import sqlalchemy as sa
from alembic import op

revision = "era_0005"
down_revision = "era_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; ``era_store.sql.schema`` fills it."""
    op.create_table(
        "schema_floor",
        sa.Column("usable_from", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("usable_from", name="pk_schema_floor"),
    )


def downgrade() -> None:
    """Take the table away."""
    op.drop_table("schema_floor")
