"""Retention, selectors, windows, restore, usage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backup_manager.db.types import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "project_policies",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("retention", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id"),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "usage_samples",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("backups", sa.Integer(), nullable=False),
        sa.Column("size_gb", sa.Integer(), nullable=False),
        sa.Column("protected_volumes", sa.Integer(), nullable=False),
        sa.Column("unprotected_volumes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day"),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("usage_samples", schema=None) as batch_op:
        batch_op.create_index("ix_usage_samples_day", ["day"], unique=False)

    op.create_table(
        "volume_policies",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("volume_id", sa.String(length=36), nullable=False),
        sa.Column("retention", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "volume_id"),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("backups", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("held", sa.Boolean(), server_default=sa.text("0"), nullable=False)
        )
        batch_op.add_column(sa.Column("hold_reason", sa.String(length=255), nullable=True))

    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_retain_at", UtcDateTime(), nullable=True))
        batch_op.create_index("ix_projects_retain", ["next_retain_at"], unique=False)
    # Retention looks after the same projects.
    op.execute("UPDATE projects SET next_retain_at = next_sync_at")

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index("ix_runs_finished", ["finished_at"], unique=False)

    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retention", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("selector", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(
            sa.Column("start_window_s", sa.Integer(), server_default="3600", nullable=False)
        )
        batch_op.add_column(sa.Column("completion_limit_s", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("spread_s", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lock_volume_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("target_volume_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("expires_at", UtcDateTime(), nullable=True))
        batch_op.create_index("ix_tasks_volume", ["volume_id", "run_id"], unique=False)
        batch_op.create_index("ix_tasks_expiry", ["status", "expires_at"], unique=False)

    with op.batch_alter_table("volumes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("labels", sa.JSON(none_as_null=True), nullable=True))

    # Tasks that wait while this runs are backups, which lock what they back up.
    op.execute("UPDATE tasks SET lock_volume_id = volume_id")
