"""Queries on what projects had day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backup_manager.context import Scope
from backup_manager.db import paging, statistics
from backup_manager.db.models import Backup, UsageSample


def is_sampled(session: Session, project_id: str, day: date) -> bool:
    """Whether the day of a project is recorded."""
    return session.get(UsageSample, (project_id, day)) is not None


def sample(session: Session, project_id: str, day: date) -> None:
    """Record what a project has, as its inventory says, unless the day is recorded.

    :raises oslo_db.exception.DBDuplicateEntry: another engine just did
    """
    if is_sampled(session, project_id, day):
        return
    total, protected = statistics.volumes(session, Scope(project_id))
    number, size_gb = backups(session, project_id)
    session.add(
        UsageSample(
            project_id=project_id,
            day=day,
            backups=number,
            size_gb=size_gb,
            protected_volumes=protected,
            unprotected_volumes=total - protected,
        )
    )
    session.flush()


def backups(session: Session, project_id: str) -> tuple[int, int]:
    """How many backups a project has, and their size in GB."""
    query = select(func.count(), func.sum(Backup.size_gb)).where(Backup.project_id == project_id)
    number, size_gb = session.execute(query).one()
    return number, int(size_gb or 0)


@dataclass(frozen=True)
class Day:
    """What was recorded of a day, of all projects that have a sample of it."""

    day: date
    backups: int
    size_gb: int
    protected_volumes: int
    unprotected_volumes: int


def by_day(session: Session, scope: Scope, since: date) -> list[Day]:
    """What was recorded on a day and on those after it."""
    columns = (
        UsageSample.backups,
        UsageSample.size_gb,
        UsageSample.protected_volumes,
        UsageSample.unprotected_volumes,
    )
    query = (
        select(UsageSample.day, *(func.sum(column) for column in columns))
        .where(UsageSample.day >= since, *paging.within(UsageSample.project_id, scope))
        .group_by(UsageSample.day)
    )
    return [Day(day, *(int(figure) for figure in sums)) for day, *sums in session.execute(query)]


def since(session: Session, project_id: str, day: date) -> Sequence[UsageSample]:
    """What was recorded of a project on a day and after it, earliest first."""
    return session.scalars(
        select(UsageSample)
        .where(UsageSample.project_id == project_id, UsageSample.day >= day)
        .order_by(UsageSample.day)
    ).all()
