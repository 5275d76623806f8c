"""Queries on projects: whose inventory is when looked at, and by which engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from backup_manager.db import paging
from backup_manager.db import session as db_session
from backup_manager.db.models import Project, Schedule

LISTING = paging.Listing(Project, {"project_id": Project.project_id}, id=Project.project_id)


def get(session: Session, project_id: str) -> Project | None:
    return session.get(Project, project_id)


def synced(session: Session, project_ids: Iterable[str]) -> dict[str, datetime]:
    """When each of several projects was last compared with Cinder, by its id."""
    query = select(Project.project_id, Project.synced_at)
    rows = session.execute(query.where(Project.project_id.in_(set(project_ids))))
    return {project_id: moment for project_id, moment in rows if moment is not None}


@db_session.retry
def ensure(project_id: str) -> None:
    """Have a row for the project."""
    with db_session.reader() as session:
        if get(session, project_id) is not None:
            return
    with db_session.writer() as session:
        if get(session, project_id) is None:
            session.add(Project(project_id=project_id))


def watch(session: Session, project_id: str, now: datetime) -> None:
    """Have the engines look after the project's inventory and retention from now on."""
    session.execute(
        update(Project)
        .where(Project.project_id == project_id, Project.next_sync_at.is_(None))
        .values(next_sync_at=now, next_retain_at=now)
    )


def unwatch(session: Session, project_id: str) -> None:
    """Leave the project alone, unless it has an enabled schedule by now."""
    scheduled = exists().where(Schedule.project_id == project_id, Schedule.enabled)
    session.execute(
        update(Project)
        .where(Project.project_id == project_id, ~scheduled)
        .values(next_sync_at=None, next_retain_at=None)
        .execution_options(synchronize_session=False)
    )


def due_for_sync(session: Session, now: datetime, limit: int) -> Sequence[str]:
    return session.scalars(
        select(Project.project_id)
        .where(Project.next_sync_at <= now)
        .order_by(Project.next_sync_at)
        .limit(limit)
    ).all()


def claim_sync(session: Session, project_id: str, now: datetime, interval: int) -> bool:
    """Take the project's sync that is due.

    :param interval: seconds until it is due again
    :returns: False when another engine was quicker
    """
    due = Project.next_sync_at <= now
    return _claim(session, Project.next_sync_at, due, project_id, now, interval)


def due_for_retention(session: Session, now: datetime, limit: int) -> Sequence[str]:
    return session.scalars(
        select(Project.project_id)
        .where(Project.next_retain_at <= now)
        .order_by(Project.next_retain_at)
        .limit(limit)
    ).all()


def claim_retention(session: Session, project_id: str, now: datetime, interval: int) -> bool:
    """Take the pass of retention that is due; as ``claim_sync``."""
    due = Project.next_retain_at <= now
    return _claim(session, Project.next_retain_at, due, project_id, now, interval)


def hurry_retention(session: Session, project_id: str, now: datetime) -> None:
    """Have retention look at the project soon, since there is something new."""
    # Not at once: many small runs in a row must not each have it looked at.
    soon = now + timedelta(seconds=60)
    session.execute(
        update(Project)
        .where(Project.project_id == project_id, Project.next_retain_at > soon)
        .values(next_retain_at=soon)
        .execution_options(synchronize_session=False)
    )


def claim_track(session: Session, project_id: str, now: datetime, interval: float) -> bool:
    """Take the look at the project's running tasks that is due; as ``claim_sync``."""
    due = or_(Project.next_track_at.is_(None), Project.next_track_at <= now)
    return _claim(session, Project.next_track_at, due, project_id, now, interval)


def _claim(
    session: Session,
    column: InstrumentedAttribute[datetime | None],
    is_due: ColumnElement[bool],
    project_id: str,
    now: datetime,
    interval: float,
) -> bool:
    result = session.execute(
        update(Project)
        .where(Project.project_id == project_id, is_due)
        .values({column.key: now + timedelta(seconds=interval)})
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]
