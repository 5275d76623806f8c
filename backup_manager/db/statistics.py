"""Figures about a project, or about all of them, added up by the database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, case, func, select
from sqlalchemy.orm import Session

from backup_manager.context import Scope
from backup_manager.db import paging
from backup_manager.db import schedule as db_schedule
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Backup, Run, Schedule, Task, Volume
from backup_manager.rules import run as run_rules


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


@dataclass
class Project:
    """What there is of a project.

    :param waiting: tasks that no engine took up yet
    :param oldest_waiting_at: when the run of the first of these was created
    :param running: tasks that an engine or Cinder works on
    """

    volumes: int = 0
    protected: int = 0
    backups: int = 0
    size_gb: int = 0
    schedules: int = 0
    failing: int = 0
    waiting: int = 0
    oldest_waiting_at: datetime | None = None
    running: int = 0


def volumes(session: Session, scope: Scope) -> tuple[int, int]:
    """How many volumes there are, and how many of them an enabled schedule protects."""
    of_schedules = paging.within(Schedule.project_id, scope)
    protected = _number(db_volume.is_protected(session, *of_schedules))
    query = select(func.count(), protected).select_from(Volume)
    total, number = session.execute(query.where(*paging.within(Volume.project_id, scope))).one()
    return total, number


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


def tasks_by_day(
    session: Session, scope: Scope, action: str, since: datetime
) -> dict[date, tuple[int, int]]:
    """How many tasks ended well, and how many badly, by the day in UTC on which they ended."""
    day = func.date(Task.finished_at, type_=Date)
    query = (
        select(day, _number(Task.status == run_rules.SUCCEEDED), _number(_ended_badly()))
        .where(
            Task.finished_at >= since,
            Task.action == action,
            *paging.within(Task.project_id, scope),
        )
        .group_by(day)
    )
    return {
        when: (succeeded, failed)
        for when, succeeded, failed in session.execute(query)
        if succeeded or failed
    }


def _ended_badly() -> ColumnElement[bool]:
    return Task.status.in_(run_rules.BAD_TASK)


def _number(condition: ColumnElement[bool]) -> Any:
    """How many rows of a group meet a condition."""
    return func.count(case((condition, 1)))


def waiting_runs(session: Session, scope: Scope) -> int:
    """How many runs wait for somebody's consent."""
    return _count(session, Run, Run.status == run_rules.WAITING, scope)


def failing_schedules(session: Session, scope: Scope) -> int:
    """How many enabled schedules don't do what they are there for."""
    return _count(session, Schedule, db_schedule.is_failing(), scope)


def _count(
    session: Session, model: type[Run | Schedule], condition: ColumnElement[bool], scope: Scope
) -> int:
    query = select(func.count()).select_from(model).where(condition)
    return session.scalar(query.where(*paging.within(model.project_id, scope))) or 0


def projects(session: Session, project_ids: Collection[str]) -> dict[str, Project]:
    """What there is of each of several projects now, counted by the database, by their ids."""
    found = {project_id: Project() for project_id in project_ids}
    is_protected = db_volume.is_protected(session, Schedule.project_id.in_(project_ids))
    total = func.count()
    for columns, attributes in (
        ((Volume.project_id, total, _number(is_protected)), ("volumes", "protected")),
        ((Backup.project_id, total, func.sum(Backup.size_gb)), ("backups", "size_gb")),
        (
            (Schedule.project_id, total, _number(db_schedule.is_failing())),
            ("schedules", "failing"),
        ),
    ):
        project_id, *figures = columns
        query = select(project_id, *figures).where(project_id.in_(project_ids))
        for of, *values in session.execute(query.group_by(project_id)):
            for attribute, value in zip(attributes, values, strict=True):
                setattr(found[of], attribute, int(value))
    for of, status, number, first in session.execute(_unfinished(project_ids)):
        if status == run_rules.PENDING:
            found[of].waiting, found[of].oldest_waiting_at = number, first
        else:
            found[of].running += number
    return found


def _unfinished(project_ids: Collection[str]) -> Any:
    """The tasks that wait for nobody's consent: how many, and the creation of the first."""
    statuses = run_rules.ACTIVE_TASK - {run_rules.WAITING}
    return (
        select(Task.project_id, Task.status, func.count(), func.min(Run.created_at))
        .join(Run, Run.id == Task.run_id)
        .where(Task.project_id.in_(project_ids), Task.status.in_(statuses))
        .group_by(Task.project_id, Task.status)
    )


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
