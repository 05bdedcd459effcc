# ruff: noqa: INP001 - alembic finds these files by their folder, and no package must import them
"""Runs the migrations over the connection that ``era_store.sql.schema`` hands in, within its transaction."""

from alembic import context

from era_store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,  # SQLite alters a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
