"""Queries of the engine on tasks. Every change of status is a compare-and-swap.

Claims are made one engine at a time: each begins by writing to the one row of ``admission``, so
that what it then counts as in flight cannot change before it commits, on Galera too, where the
second writer of that row is turned away and repeats the whole transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from backup_manager.db.models import Admission, Run, Task
from backup_manager.rules import admission
from backup_manager.rules import run as rules

IN_FLIGHT = (rules.SUBMITTING, rules.RUNNING)
# Tasks with the same value of this take turns; one that locks nothing waits for nobody.
_LOCK = func.coalesce(Task.lock_volume_id, Task.id)


@dataclass(frozen=True)
class Claimed:
    """A task that this engine works on, with what it needs of its run.

    :param claimed_by: this very claim; whoever takes the task over has another one
    :param claimed_until: after this another engine may look after the task
    """

    id: str
    run_id: str
    project_id: str
    delegation_id: str
    schedule_id: str | None
    scheduled_for: datetime | None
    run_created_at: datetime
    action: str
    parameters: Mapping[str, Any]
    volume_id: str
    volume_name: str | None
    backup_id: str | None
    target_volume_id: str | None
    expires_at: datetime | None
    attempts: int
    submitted_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    error: str | None


def claim_pending(
    session: Session,
    *,
    claim_id: str,
    now: datetime,
    until: datetime,
    limit_total: int,
    limit_project: int,
    room: int,
) -> list[Claimed]:
    """Take waiting tasks, within the limits, fairly between projects.

    :param claim_id: names this claim, and no other one of whatever engine
    :param until: when the claim runs out
    :param limit_total: tasks in flight at once over all engines
    :param limit_project: tasks in flight at once in one project
    :param room: how many this engine can take now
    :returns: the claimed tasks, in status ``submitting``
    """
    session.execute(update(Admission).values(claims=Admission.claims + 1))
    in_flight = _in_flight(session)
    if sum(in_flight.values()) >= limit_total:
        return []
    can_start = _can_start(session, now)
    waiting = _waiting(session, can_start)
    granted = admission.shares(waiting, in_flight, limit_total, limit_project, room)
    chosen = _chosen(session, can_start, granted)
    session.execute(
        update(Task)
        .where(Task.id.in_(chosen), Task.status == rules.PENDING)
        .values(
            status=rules.SUBMITTING,
            locked_volume_id=Task.lock_volume_id,
            claimed_by=claim_id,
            claimed_until=until,
            attempts=Task.attempts + 1,
        )
        .execution_options(synchronize_session=False)
    )
    # Not by their ids: one that was cancelled just now still looks pending in this snapshot.
    return load(session, Task.status == rules.SUBMITTING, Task.claimed_by == claim_id)


def anything_waits(session: Session, now: datetime) -> bool:
    """A cheap look before ``claim_pending``, so that idle engines do not write at all."""
    return session.scalar(select(Task.id).where(*_is_waiting(now)).limit(1)) is not None


def _is_waiting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    in_time = or_(Task.expires_at.is_(None), Task.expires_at > now)
    return (Task.status == rules.PENDING, Task.not_before <= now, in_time)


def _can_start(session: Session, now: datetime) -> ColumnElement[bool]:
    """What is true of tasks that wait for none in flight."""
    other = aliased(Task)
    volume_is_free = ~exists().where(other.locked_volume_id == Task.lock_volume_id)
    can_start = and_(*_is_waiting(now), volume_is_free)
    # Cinder may accept a second restore of a backup while it begins the first, and then breaks one
    # of them off. Most often there is none; thousands of waiting backups cost nothing more then.
    used = _backups_in_use(session)
    if not used:
        return can_start
    return and_(can_start, or_(Task.action != "restore", Task.backup_id.not_in(used)))


def _backups_in_use(session: Session) -> Sequence[str | None]:
    """Those that are being restored or deleted."""
    query = select(Task.backup_id).where(
        Task.status.in_(IN_FLIGHT),
        Task.action.in_(("restore", "delete")),
        Task.backup_id.is_not(None),
    )
    return session.scalars(query).all()


def _waiting(session: Session, can_start: ColumnElement[bool]) -> dict[str, int]:
    """Number of tasks that could start, by project, the project that waits longest first."""
    rows = session.execute(
        select(Task.project_id, func.count(func.distinct(_LOCK)).label("number"))
        .where(can_start)
        .group_by(Task.project_id)
        .order_by(func.min(Task.not_before))
    )
    return {row.project_id: row.number for row in rows}


def _chosen(
    session: Session, can_start: ColumnElement[bool], granted: Mapping[str, int]
) -> list[str]:
    """Ids of the tasks that start now, the oldest of each project, none in the way of another."""
    chosen = []
    held: set[str] = set()
    for project_id, number in granted.items():
        for row in session.execute(_oldest(project_id, can_start).limit(number)):
            # A volume that went to another project may wait in both, a backup for two volumes.
            holds = {row.lock, row.backup_id} if row.action == "restore" else {row.lock}
            if not holds & held:
                held |= holds
                chosen.append(row.id)
    return chosen


def _oldest(project_id: str, can_start: ColumnElement[bool]) -> Any:
    """The tasks of a project that could start, one per lock, oldest first."""
    order = (Task.not_before, Task.run_id, Task.position)
    turn = func.row_number().over(partition_by=_LOCK, order_by=order).label("turn")
    waiting = (
        select(Task.id, Task.action, Task.backup_id, _LOCK.label("lock"), *order, turn)
        .where(can_start, Task.project_id == project_id)
        .subquery()
    )
    return (
        select(waiting.c.id, waiting.c.action, waiting.c.backup_id, waiting.c.lock)
        .where(waiting.c.turn == 1)
        .order_by(waiting.c.not_before, waiting.c.run_id, waiting.c.position)
    )


def _in_flight(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Task.project_id, func.count().label("number"))
        .where(Task.status.in_(IN_FLIGHT))
        .group_by(Task.project_id)
    )
    return {row.project_id: row.number for row in rows}


def load(session: Session, *conditions: ColumnElement[bool]) -> list[Claimed]:
    """Tasks with what the engine needs of their runs, in the order they were asked for."""
    rows = session.execute(
        select(Task, Run)
        .join(Run, Run.id == Task.run_id)
        .where(*conditions)
        .order_by(Task.not_before, Task.run_id, Task.position)
    )
    return [
        Claimed(
            id=task.id,
            run_id=run.id,
            project_id=task.project_id,
            delegation_id=run.delegation_id or "",
            schedule_id=run.schedule_id,
            scheduled_for=run.scheduled_for,
            run_created_at=run.created_at,
            action=task.action,
            parameters=task.parameters,
            volume_id=task.volume_id,
            volume_name=task.volume_name,
            backup_id=task.backup_id,
            target_volume_id=task.target_volume_id,
            expires_at=task.expires_at,
            attempts=task.attempts,
            submitted_at=task.submitted_at,
            claimed_by=task.claimed_by,
            claimed_until=task.claimed_until,
            error=task.error,
        )
        for task, run in rows
    ]


def swap(
    session: Session,
    task_id: str,
    expected: str,
    status: str,
    *,
    claimed_by: str | None = None,
    **values: Any,
) -> bool:
    """Change a task's status if it is still what the caller believes.

    A task that leaves flight gives its volume free in the same statement.

    :param expected: status that the task must have
    :param claimed_by: the claim that must hold the task, None for any
    :param values: further columns to set
    :returns: False when somebody else was quicker; nothing is changed then
    """
    conditions = [Task.id == task_id, Task.status == expected]
    if claimed_by is not None:
        conditions.append(Task.claimed_by == claimed_by)
    if status not in IN_FLIGHT:
        values["locked_volume_id"] = None
    if status != rules.SUBMITTING:
        values.update(claimed_by=None, claimed_until=None)
    result = session.execute(
        update(Task)
        .where(*conditions)
        .values(status=status, **values)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def is_running(session: Session, task_id: str, backup_id: str) -> bool:
    """Whether the task is under way with this very backup."""
    query = select(Task.id).where(
        Task.id == task_id, Task.status == rules.RUNNING, Task.backup_id == backup_id
    )
    return session.scalar(query) is not None


def of_backups(
    session: Session, run_id: str, backup_ids: Collection[str]
) -> dict[str, tuple[str, str | None]]:
    """Status and error of the tasks of a run that are about some backups, by their ids."""
    rows = session.execute(
        select(Task.backup_id, Task.status, Task.error)
        .where(Task.run_id == run_id, Task.backup_id.in_(backup_ids))
        .order_by(Task.position)
    )
    return {backup_id: (status, error) for backup_id, status, error in rows if backup_id}


def abandoned(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Ids of tasks that an engine took and did not report on in time."""
    return session.scalars(
        select(Task.id)
        .where(Task.status == rules.SUBMITTING, Task.claimed_until < now)
        .order_by(Task.claimed_until)
        .limit(limit)
    ).all()


def take_over(
    session: Session, task_id: str, claim_id: str, now: datetime, until: datetime
) -> bool:
    """Claim an abandoned task; False when another engine was quicker."""
    result = session.execute(
        update(Task)
        .where(Task.id == task_id, Task.status == rules.SUBMITTING, Task.claimed_until < now)
        .values(claimed_by=claim_id, claimed_until=until)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def overdue(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Ids of tasks that did not start before their time was up."""
    return session.scalars(
        select(Task.id)
        .where(Task.status == rules.PENDING, Task.expires_at <= now)
        .order_by(Task.expires_at)
        .limit(limit)
    ).all()


def running_projects(session: Session) -> Sequence[str]:
    """Projects with tasks under way in Cinder."""
    return session.scalars(
        select(Task.project_id).where(Task.status == rules.RUNNING).distinct()
    ).all()
