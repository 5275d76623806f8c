"""Indexes for the list of tasks."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Called by alembic."""
    op.create_index("ix_tasks_project_finished", "tasks", ["project_id", "finished_at"])
    op.create_index("ix_tasks_project_status", "tasks", ["project_id", "status", "finished_at"])
