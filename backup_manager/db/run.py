"""Queries on runs and their tasks, as users see them. The engine's claims are in ``task``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from backup_manager import exceptions
from backup_manager.context import Scope
from backup_manager.db import delegation as db_delegation
from backup_manager.db import paging
from backup_manager.db.models import Delegation, Run, Schedule, Task
from backup_manager.rules import run as rules


@dataclass(frozen=True)
class Target:
    """What one task of a run is about.

    :param volume_id: the volume that is, or was, backed up
    :param volume_name: its name at that time, if it is known
    :param locks: volume that nothing else may be done to meanwhile; None for a new one
    :param backup_id: the backup to restore or delete
    :param target_volume_id: the volume to restore onto
    :param backup_type: of the backup, where it is there already; as for the size
    :param note: what a person should know about the task
    :param parameters: what this task needs to know beside what all of the run do
    """

    volume_id: str
    volume_name: str | None
    locks: str | None = None
    backup_id: str | None = None
    target_volume_id: str | None = None
    backup_type: str | None = None
    size_gb: int | None = None
    note: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def locked(cls, volume_id: str, volume_name: str | None, **more: Any) -> Target:
        """One that keeps others off the very volume that it is about."""
        return cls(volume_id, volume_name, locks=volume_id, **more)


def create(
    session: Session,
    *,
    now: datetime,
    project_id: str,
    user_id: str,
    delegation_id: str,
    action: str,
    trigger: str,
    targets: Sequence[Target],
    parameters: Mapping[str, Any],
    run_id: str | None = None,
    schedule_id: str | None = None,
    schedule_name: str | None = None,
    scheduled_for: datetime | None = None,
    request_id: str | None = None,
    skipped: Mapping[str, str] | None = None,
    turns: Mapping[str, datetime] | None = None,
    expires_at: datetime | None = None,
    error: str | None = None,
    waits: bool = False,
) -> Run:
    """Insert a run and one pending task per target; without targets it is over at once.

    :param parameters: what every task needs to know to do its work
    :param skipped: by volume, why nothing is done about it this time
    :param turns: by volume, when its task may start; the others may now
    :param expires_at: when the tasks are given up
    :param error: what is wrong with the run as a whole
    :param waits: nothing is done before somebody confirms the run
    :raises oslo_db.exception.DBDuplicateEntry: the slot of the schedule was fired already
    """
    run = Run(
        id=run_id or uuidutils.generate_uuid(),
        project_id=project_id,
        user_id=user_id,
        delegation_id=delegation_id,
        action=action,
        trigger=trigger,
        schedule_id=schedule_id,
        schedule_name=schedule_name,
        scheduled_for=scheduled_for,
        status=rules.WAITING if waits else rules.PENDING,
        request_id=request_id,
        created_at=now,
        missed_slots=0,
        error=error,
    )
    session.add(run)
    session.flush()
    session.add_all(
        Task(
            id=uuidutils.generate_uuid(),
            run_id=run.id,
            position=position,
            project_id=project_id,
            action=action,
            parameters={**parameters, **target.parameters},
            volume_id=target.volume_id,
            volume_name=target.volume_name,
            lock_volume_id=target.locks,
            backup_id=target.backup_id,
            target_volume_id=target.target_volume_id,
            backup_type=target.backup_type,
            size_gb=target.size_gb,
            note=target.note,
            attempts=0,
            not_before=(turns or {}).get(target.volume_id, now),
            expires_at=expires_at,
            **_beginning(target, skipped or {}, now, waits),
        )
        for position, target in enumerate(targets)
    )
    session.flush()
    if skipped or not targets:
        settle(session, run.id, now)
        session.refresh(run)
    return run


def _beginning(
    target: Target, skipped: Mapping[str, str], now: datetime, waits: bool
) -> dict[str, Any]:
    """The status that a task begins with."""
    reason = skipped.get(target.volume_id)
    if reason is None:
        return {"status": rules.WAITING if waits else rules.PENDING}
    return {
        "status": rules.SKIPPED,
        "error_code": "still-running",
        "error": reason,
        "finished_at": now,
    }


def record_missed(
    session: Session,
    schedule: Schedule,
    count: int,
    error: str,
    now: datetime,
    slot: datetime | None = None,
) -> Run:
    """Insert the run that stands for slots in which nothing was done.

    :param count: how many
    :param slot: the slot if it must not be fired any more; one that is not named may yet be, when
        the schedule is set to it again
    """
    run = Run(
        id=uuidutils.generate_uuid(),
        project_id=schedule.project_id,
        user_id=schedule.user_id,
        action="backup",
        trigger="schedule",
        schedule_id=schedule.id,
        schedule_name=schedule.name,
        scheduled_for=slot,
        missed_slots=count,
        status=rules.MISSED,
        created_at=now,
        finished_at=now,
        error=error,
    )
    session.add(run)
    return run


def counts(session: Session, run_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Number of tasks by status, for several runs in one query.

    :returns: run id to status to number; runs without tasks have an empty entry
    """
    result: dict[str, dict[str, int]] = {run_id: {} for run_id in run_ids}
    rows = session.execute(
        select(Task.run_id, Task.status, func.count())
        .where(Task.run_id.in_(result))
        .group_by(Task.run_id, Task.status)
    )
    for run_id, status, number in rows:
        result[run_id][status] = number
    return result


def cancel_pending(
    session: Session,
    run_id: str,
    now: datetime,
    reason: str = "Cancelled by a user.",
    statuses: Collection[str] = (rules.WAITING, rules.PENDING),
) -> int:
    """Cancel what no engine took yet. Call it first in a transaction.

    :param statuses: only tasks in one of these

    :returns: how many tasks were cancelled
    """
    lock(session, run_id)
    result = session.execute(
        update(Task)
        .where(Task.run_id == run_id, Task.status.in_(statuses))
        .values(status=rules.CANCELLED, finished_at=now, error=reason)
    )
    return result.rowcount  # type: ignore[attr-defined,no-any-return]


def confirm(session: Session, run_id: str, now: datetime, expires_at: datetime) -> int:
    """Have a run carried out that waits for somebody's consent. Call it first in a transaction.

    :param expires_at: when its tasks are given up
    :returns: how many tasks can start now; 0 when none waits (any more)
    """
    lock(session, run_id)
    result = session.execute(
        update(Task)
        .where(Task.run_id == run_id, Task.status == rules.WAITING)
        .values(status=rules.PENDING, not_before=now, expires_at=expires_at)
    )
    session.execute(
        update(Run)
        .where(Run.id == run_id, Run.status == rules.WAITING)
        .values(status=rules.PENDING, error=None)
    )
    return result.rowcount  # type: ignore[attr-defined,no-any-return]


def lock(session: Session, run_id: str) -> None:
    """Make the others who end tasks of this run wait; call it first in a transaction.

    Without it two engines that end the last two tasks at once would each still see the other's
    task under way, and nobody would finish the run.
    """
    session.execute(select(Run.id).where(Run.id == run_id).with_for_update())


def started(session: Session, run_ids: Iterable[str], now: datetime) -> None:
    """Note that the first tasks of these runs were taken up."""
    session.execute(
        update(Run)
        .where(Run.id.in_(list(run_ids)), Run.status == rules.PENDING)
        .values(status=rules.RUNNING, started_at=now)
        .execution_options(synchronize_session=False)
    )


def overlooked(session: Session, limit: int) -> Sequence[str]:
    """Ids of unfinished runs that have no unfinished task."""
    unfinished = exists().where(Task.run_id == Run.id, Task.status.in_(rules.ACTIVE_TASK))
    return session.scalars(
        select(Run.id).where(Run.status.in_(rules.ACTIVE_RUN), ~unfinished).limit(limit)
    ).all()


def unfinished(session: Session, project_id: str, trigger: str) -> Sequence[Run]:
    """The unfinished runs of a project that something set off."""
    return session.scalars(
        select(Run).where(
            Run.project_id == project_id,
            Run.trigger == trigger,
            Run.status.in_(rules.ACTIVE_RUN),
        )
    ).all()


def backup_ids(session: Session, run_id: str) -> set[str]:
    """The backups that the tasks of a run are about."""
    query = select(Task.backup_id).where(Task.run_id == run_id)
    return {each for each in session.scalars(query) if each}


def settle(session: Session, run_id: str, now: datetime) -> str:
    """Bring the status of a run in line with its tasks; a finished run stays finished.

    :returns: the status after the call
    """
    status = rules.status_of(counts(session, [run_id])[run_id])
    if status in (rules.WAITING, rules.PENDING):
        return status
    values: dict[str, Any] = {"status": status}
    if status in rules.FINAL_RUN:
        values["finished_at"] = now
    session.execute(
        update(Run).where(Run.id == run_id, Run.status.in_(rules.ACTIVE_RUN)).values(**values)
    )
    return status


def hold_delegation(session: Session, delegation_id: str) -> None:
    """Keep a delegation from being released until the transaction ends.

    What is inserted in it keeps the delegation from then on.

    :raises DelegationReleased: it is too late for that
    """
    # Writing to the row, where a lock would do, is what Galera's other nodes see.
    held = session.execute(
        update(Delegation)
        .where(Delegation.id == delegation_id, Delegation.state != db_delegation.RELEASING)
        .values(uses=Delegation.uses + 1)
        .execution_options(synchronize_session=False)
    )
    if not held.rowcount:  # type: ignore[attr-defined]
        raise exceptions.DelegationReleased()


# ---------------------------------------------------------------- history that is old


def old(session: Session, before: datetime, limit: int) -> list[str]:
    """Ids of finished runs that ended before a time, oldest first.

    :param limit: as many runs at most, and as many as have ten times that number of tasks
    """
    query = select(Run.id).where(*_is_old(before)).order_by(Run.finished_at).limit(limit)
    run_ids = list(session.scalars(query))
    tasks = counts(session, run_ids)
    totals = accumulate(sum(tasks[run_id].values()) for run_id in run_ids)
    fitting = sum(1 for total in totals if total <= 10 * limit)
    # The largest run must not stay for ever.
    return run_ids[: max(fitting, 1)]


def purge(session: Session, run_ids: Sequence[str], before: datetime) -> int:
    """Delete runs and their tasks.

    :returns: how many of the runs were finished before the time, and are gone now
    """
    result = session.execute(
        delete(Run)
        .where(Run.id.in_(run_ids), *_is_old(before))
        .execution_options(synchronize_session=False)
    )
    return result.rowcount  # type: ignore[attr-defined,no-any-return]


def count_old(session: Session, before: datetime) -> tuple[int, int]:
    """How many finished runs ended before a time, and how many tasks they have."""
    runs = select(func.count()).select_from(Run).where(*_is_old(before))
    tasks = select(func.count()).select_from(Task).join(Run, Task.run_id == Run.id)
    return session.scalar(runs) or 0, session.scalar(tasks.where(*_is_old(before))) or 0


def with_tasks(session: Session, run_ids: Sequence[str]) -> list[tuple[Run, list[Task]]]:
    """Runs in the order of their ids' list, each with its tasks in order."""
    runs = {row.id: row for row in session.scalars(select(Run).where(Run.id.in_(run_ids)))}
    tasks = defaultdict(list)
    query = select(Task).where(Task.run_id.in_(run_ids)).order_by(Task.run_id, Task.position)
    for row in session.scalars(query):
        tasks[row.run_id].append(row)
    return [(runs[run_id], tasks[run_id]) for run_id in run_ids if run_id in runs]


def _is_old(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Run.finished_at < before, Run.status.in_(rules.FINAL_RUN))


# ---------------------------------------------------------------- what users list

LISTING = paging.Listing(Run, {"created_at": Run.created_at})
TASKS_OF_RUN = paging.Listing(Task, {"position": Task.position})
# What is not finished counts as later than all that is.
TASKS = paging.Listing(Task, {"finished_at": Task.finished_at}, frozenset({"finished_at"}))


def get(session: Session, scope: Scope, run_id: str) -> Run | None:
    """The run, None when the scope has no such one."""
    return session.scalar(
        select(Run).where(Run.id == run_id, *paging.within(Run.project_id, scope))
    )


def list_page(
    session: Session,
    scope: Scope,
    page: paging.Paging,
    *,
    schedule_id: str | None = None,
    status: str | None = None,
    action: str | None = None,
    trigger: str | None = None,
    volume_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> paging.Page[Run]:
    """A page of runs.

    :param volume_id: only runs that did, or are to do, something about this volume
    :param since: created at that time or later
    :param until: created before that time
    """
    filters = (
        *paging.equal(Run.schedule_id, schedule_id),
        *paging.equal(Run.status, status),
        *paging.equal(Run.action, action),
        *paging.equal(Run.trigger, trigger),
        *(_about(volume_id) if volume_id is not None else ()),
        *paging.between(Run.created_at, since, until),
    )
    bounds = paging.within(Run.project_id, scope)
    return paging.fetch(session, LISTING, page, bounds, filters)


def _about(volume_id: str) -> tuple[ColumnElement[bool], ...]:
    """Runs with a task that is about a volume, or that writes to it."""
    of_run = Task.run_id == Run.id
    written = exists().where(of_run, Task.target_volume_id == volume_id)
    about = exists().where(of_run, Task.volume_id == volume_id)
    return (or_(about, and_(Run.action == "restore", written)),)


def list_tasks(
    session: Session, run_id: str, page: paging.Paging, *, status: str | None = None
) -> paging.Page[Task]:
    """A page of the tasks of a run, in the order in which they were created."""
    bounds = (Task.run_id == run_id,)
    return paging.fetch(session, TASKS_OF_RUN, page, bounds, paging.equal(Task.status, status))


def list_all_tasks(
    session: Session,
    scope: Scope,
    page: paging.Paging,
    *,
    status: str | None = None,
    action: str | None = None,
    volume_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> paging.Page[Task]:
    """A page of the tasks of all runs.

    :param volume_id: only tasks about this volume, or that write to it
    :param since: finished at that time or later, or not finished
    :param until: finished before that time
    """
    filters = paging.equal(Task.status, status) + paging.equal(Task.action, action)
    if volume_id is not None:
        written = and_(Task.action == "restore", Task.target_volume_id == volume_id)
        filters += (or_(Task.volume_id == volume_id, written),)
    if since is not None:
        filters += (or_(Task.finished_at >= since, Task.finished_at.is_(None)),)
    filters += paging.between(Task.finished_at, None, until)
    return paging.fetch(session, TASKS, page, paging.within(Task.project_id, scope), filters)
