"""Run by alembic; the connection comes from backup_manager.db.migration."""

from __future__ import annotations

from alembic import context

from backup_manager.db import models

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=models.Base.metadata,
    # SQLite cannot alter most of a table: alembic then copies it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
