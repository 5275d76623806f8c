"""Figures about a project, or about all of them, added up by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, case, func, select
from sqlalchemy.orm import Session, aliased

from backup_manager.context import Scope
from backup_manager.db import paging
from backup_manager.db import selector as db_selector
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Backup, Run, Schedule, ScheduleVolume, Task, Volume
from backup_manager.rules import chain


@dataclass(frozen=True)
class Protection:
    """A volume that an enabled schedule protects.

    :param since: when the later one of the two was created
    :param last_backup: when the volume's newest good backup was created, if there is one
    """

    volume_id: str
    cron: str
    timezone: str
    since: datetime
    last_backup: datetime | None


@dataclass(frozen=True)
class Backups:
    """All backups of one type and status."""

    type: str
    status: str
    number: int
    size_gb: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True)
class Tasks:
    """All tasks with one action and status."""

    action: str
    status: str
    number: int
    recent: int


def volumes(session: Session, scope: Scope) -> tuple[int, int]:
    """How many volumes there are, and how many of them an enabled schedule protects."""
    protected = func.sum(case((db_volume.is_protected(session, scope), 1), else_=0))
    query = select(func.count(), protected).select_from(Volume)
    total, number = session.execute(query.where(*paging.within(Volume.project_id, scope))).one()
    return total, int(number or 0)


def protections(session: Session, scope: Scope) -> list[Protection]:
    """Each volume with each enabled schedule that lists or selects it."""
    columns = (Volume.id, Volume.created_at, _last_backup())
    listed = session.execute(
        select(Schedule.created_at, Schedule.cron, Schedule.timezone, *columns)
        .join(ScheduleVolume, ScheduleVolume.schedule_id == Schedule.id)
        .join(Volume, Volume.id == ScheduleVolume.volume_id)
        .where(
            Schedule.enabled,
            # A volume may have been transferred away from the project that scheduled it.
            Volume.project_id == Schedule.project_id,
            *paging.within(Schedule.project_id, scope),
        )
    ).all()
    found = [_protection(*row) for row in listed]
    for schedule, volume_ids in db_selector.picks_of_each(session, scope):
        timing = (schedule.created_at, schedule.cron, schedule.timezone)
        rows = session.execute(select(*columns).where(Volume.id.in_(volume_ids))).all()
        found += [_protection(*timing, *row) for row in rows]
    return found


def _last_backup() -> ScalarSelect[datetime]:
    """When the newest good backup of a volume was created: a look at the end of an index."""
    candidate = aliased(Backup)
    return (
        select(candidate.created_at)
        .where(
            candidate.volume_id == Volume.id,
            candidate.project_id == Volume.project_id,
            candidate.status == chain.AVAILABLE,
        )
        .order_by(candidate.created_at.desc())
        .limit(1)
        .correlate(Volume)
        .scalar_subquery()
    )


def _protection(
    schedule_made: datetime,
    cron: str,
    timezone: str,
    volume_id: str,
    volume_made: datetime,
    last_backup: datetime | None,
) -> Protection:
    return Protection(volume_id, cron, timezone, max(volume_made, schedule_made), last_backup)


def backups(session: Session, scope: Scope) -> list[Backups]:
    """The backups by type and status."""
    query = (
        select(
            Backup.type,
            Backup.status,
            func.count(),
            func.sum(Backup.size_gb),
            func.min(Backup.created_at),
            func.max(Backup.created_at),
        )
        .where(*paging.within(Backup.project_id, scope))
        .group_by(Backup.type, Backup.status)
        .order_by(Backup.type, Backup.status)
    )
    return [
        Backups(type_, status, number, int(size), oldest, newest)
        for type_, status, number, size, oldest, newest in session.execute(query)
    ]


def tasks(session: Session, scope: Scope, since: datetime, recently: datetime) -> list[Tasks]:
    """The tasks of the runs that were created since a time, by action and status.

    :param recently: a later time, for ``recent``
    """
    recent = func.sum(case((Run.created_at >= recently, 1), else_=0))
    query = (
        select(Task.action, Task.status, func.count(), recent)
        .join(Run, Run.id == Task.run_id)
        .where(Run.created_at >= since, *paging.within(Run.project_id, scope))
        .group_by(Task.action, Task.status)
        .order_by(Task.action, Task.status)
    )
    return [
        Tasks(action, status, number, int(some))
        for action, status, number, some in session.execute(query)
    ]


def next_schedules(session: Session, scope: Scope, count: int) -> list[Schedule]:
    """The enabled schedules whose next run comes first."""
    query = (
        select(Schedule)
        .where(
            Schedule.enabled,
            Schedule.next_run_at.is_not(None),
            *paging.within(Schedule.project_id, scope),
        )
        .order_by(Schedule.next_run_at, Schedule.name, Schedule.id)
        .limit(count)
    )
    return list(session.scalars(query))
