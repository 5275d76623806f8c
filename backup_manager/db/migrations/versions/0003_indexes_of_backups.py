"""Indexes for the filters of the list of backups."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("ix_backups_project_name", "backups", ["project_id", "name"])
    op.create_index("ix_backups_project_status", "backups", ["project_id", "status", "created_at"])
    op.drop_index("ix_backups_volume_created", "backups")
    op.create_index(
        "ix_backups_volume_created", "backups", ["volume_id", "project_id", "created_at"]
    )
