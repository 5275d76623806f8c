"""The tables. Times are UTC, ids of our own are UUIDs.

Every query that the engine runs again and again has an index named after it below.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backup_manager.db.types import UtcDateTime

ID_LENGTH = 36
PROJECT_LENGTH = 64
NAME_LENGTH = 255
STATUS_LENGTH = 32


class Base(DeclarativeBase):
    __table_args__: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}

    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON}


def _table_args(*items: Any) -> Any:
    return (*items, Base.__table_args__)


class Delegation(Base):
    """How the engine comes to act for a user in a project."""

    __tablename__ = "delegations"
    __table_args__ = _table_args(
        UniqueConstraint("project_id", "user_id", name="uniq_delegations_project_user"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    user_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    mode: Mapped[str] = mapped_column(String(16))
    trust_id: Mapped[str | None] = mapped_column(String(PROJECT_LENGTH))
    state: Mapped[str] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    # Counts what was made to rely on it; see db.run.hold_delegation.
    uses: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Schedule(Base):
    __tablename__ = "schedules"
    __table_args__ = _table_args(
        Index("ix_schedules_due", "enabled", "next_run_at"),
        Index("ix_schedules_project_name", "project_id", "name"),
        Index("ix_schedules_delegation", "delegation_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    user_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    description: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    enabled: Mapped[bool]
    backup_type: Mapped[str] = mapped_column(String(16))
    max_incrementals: Mapped[int]
    recurrence: Mapped[dict[str, Any]]
    cron: Mapped[str] = mapped_column(String(NAME_LENGTH))
    timezone: Mapped[str] = mapped_column(String(64))
    delegation_id: Mapped[str] = mapped_column(ForeignKey("delegations.id"))
    # None inherits the policy of the project; {} keeps everything.
    retention: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Volumes beside the list, looked up at each firing.
    selector: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    start_window_s: Mapped[int] = mapped_column(default=3600, server_default="3600")
    completion_limit_s: Mapped[int | None]
    spread_s: Mapped[int] = mapped_column(default=0, server_default="0")
    next_run_at: Mapped[datetime | None]
    generation: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]


class ScheduleVolume(Base):
    __tablename__ = "schedule_volumes"
    __table_args__ = _table_args(Index("ix_schedule_volumes_volume", "volume_id"))

    schedule_id: Mapped[str] = mapped_column(
        ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True
    )
    volume_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)


class VolumePolicy(Base):
    """The retention of one volume, before that of its schedules."""

    __tablename__ = "volume_policies"
    __table_args__ = _table_args()

    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH), primary_key=True)
    volume_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    retention: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class ProjectPolicy(Base):
    """The retention of a project, where neither volume nor schedule has one."""

    __tablename__ = "project_policies"
    __table_args__ = _table_args()

    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH), primary_key=True)
    retention: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class Run(Base):
    """One firing of a schedule or one request of a user: what was asked, by whom, when."""

    __tablename__ = "runs"
    __table_args__ = _table_args(
        # What makes a second firing of one slot impossible, whatever the engines do.
        UniqueConstraint("schedule_id", "scheduled_for", name="uniq_runs_slot"),
        Index("ix_runs_project_created", "project_id", "created_at"),
        Index("ix_runs_schedule_created", "schedule_id", "created_at"),
        Index("ix_runs_status", "status"),
        Index("ix_runs_finished", "finished_at"),
        Index("ix_runs_delegation", "delegation_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    user_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    delegation_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    action: Mapped[str] = mapped_column(String(16))
    trigger: Mapped[str] = mapped_column(String(16))
    schedule_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    schedule_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    scheduled_for: Mapped[datetime | None]
    missed_slots: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(STATUS_LENGTH))
    error: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Task(Base):
    """One change to Cinder. Its status changes only by compare-and-swap.

    ``locked_volume_id`` repeats the volume's id while the task is in flight and is NULL
    otherwise: its unique index is the lock that keeps two tasks off one volume.
    """

    __tablename__ = "tasks"
    __table_args__ = _table_args(
        UniqueConstraint("locked_volume_id", name="uniq_tasks_volume_in_flight"),
        Index("ix_tasks_waiting", "status", "project_id", "not_before"),
        Index("ix_tasks_claims", "status", "claimed_until"),
        Index("ix_tasks_expiry", "status", "expires_at"),
        Index("ix_tasks_run", "run_id", "status"),
        Index("ix_tasks_backup", "backup_id"),
        Index("ix_tasks_volume", "volume_id", "run_id"),
        Index("ix_tasks_project_finished", "project_id", "finished_at"),
        Index("ix_tasks_project_status", "project_id", "status", "finished_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    position: Mapped[int]
    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    action: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[dict[str, Any]]
    volume_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    volume_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    # What the task keeps others off while in flight; None for a restore to a new volume.
    lock_volume_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    locked_volume_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    backup_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    parent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    target_volume_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    backup_type: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    size_gb: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(STATUS_LENGTH))
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    claimed_until: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)


class Admission(Base):
    """One row that engines write to before they count what is in flight: claims queue here."""

    __tablename__ = "admission"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    claims: Mapped[int]


class Project(Base):
    """When a project's inventory was compared with Cinder, and when what is due next.

    Moving a ``next_`` time forward by compare-and-swap is how one engine takes the work.
    """

    __tablename__ = "projects"
    __table_args__ = _table_args(
        Index("ix_projects_sync", "next_sync_at"),
        Index("ix_projects_retain", "next_retain_at"),
    )

    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH), primary_key=True)
    synced_at: Mapped[datetime | None]
    next_sync_at: Mapped[datetime | None]
    next_track_at: Mapped[datetime | None]
    next_retain_at: Mapped[datetime | None]


class Volume(Base):
    """A volume as Cinder last described it."""

    __tablename__ = "volumes"
    __table_args__ = _table_args(Index("ix_volumes_project_name", "project_id", "name"))

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    status: Mapped[str] = mapped_column(String(STATUS_LENGTH))
    size_gb: Mapped[int]
    volume_type: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    availability_zone: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    server_ids: Mapped[list[str]] = mapped_column(JSON)
    # Cinder's metadata; that name is taken in SQLAlchemy's classes. None: not read yet.
    labels: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    bootable: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class Backup(Base):
    """A backup as Cinder last described it, with what Cinder does not tell."""

    __tablename__ = "backups"
    __table_args__ = _table_args(
        Index("ix_backups_project_created", "project_id", "created_at"),
        Index("ix_backups_project_type", "project_id", "type", "created_at"),
        Index("ix_backups_project_status", "project_id", "status", "created_at"),
        Index("ix_backups_project_name", "project_id", "name"),
        Index("ix_backups_volume_created", "volume_id", "project_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH))
    volume_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    snapshot_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    description: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    status: Mapped[str] = mapped_column(String(STATUS_LENGTH))
    type: Mapped[str] = mapped_column(String(16))
    is_incremental: Mapped[bool]
    has_dependents: Mapped[bool]
    size_gb: Mapped[int]
    fail_reason: Mapped[str | None] = mapped_column(Text)
    availability_zone: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    data_timestamp: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    # Recorded by us, because Cinder does not tell it to members.
    parent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    parent_source: Mapped[str | None] = mapped_column(String(16))
    run_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    schedule_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    # Never deleted by anything automatic.
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    hold_reason: Mapped[str | None] = mapped_column(String(NAME_LENGTH))


class UsageSample(Base):
    """What a project had on a day."""

    __tablename__ = "usage_samples"
    __table_args__ = _table_args(Index("ix_usage_samples_day", "day"))

    project_id: Mapped[str] = mapped_column(String(PROJECT_LENGTH), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    backups: Mapped[int]
    size_gb: Mapped[int]
    protected_volumes: Mapped[int]
    unprotected_volumes: Mapped[int]


class Service(Base):
    """A running engine; its row goes when it stops in good order."""

    __tablename__ = "services"
    __table_args__ = _table_args(Index("ix_services_heartbeat", "heartbeat_at"))

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    binary: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(NAME_LENGTH))
    version: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
