"""Runs and their tasks: what was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy.orm import Session

from backup_manager import clock, exceptions
from backup_manager.api import listing
from backup_manager.api.call import Body, Call
from backup_manager.api.schemas.run import TASK_STATUS
from backup_manager.context import Scope
from backup_manager.db import project as db_project
from backup_manager.db import run as db
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.db.models import Run, Schedule, Task
from backup_manager.rules import run as rules
from backup_manager.rules import window

ALL_PROJECTS = "run:all_projects"


def list_runs(call: Call) -> Body:
    """List runs."""
    scope = listing.scope(call, ALL_PROJECTS)
    with db_session.reader() as session:
        page = db.list_page(session, scope, listing.paging(call), **listing.filters(call))
        counts = db.counts(session, [run.id for run in page.rows])
    return listing.body(call, "runs", page, lambda run: _view(run, counts[run.id]))


def show_run(call: Call, run_id: str) -> Body:
    """Show a run."""
    with db_session.reader() as session:
        return _shown(session, _get(session, call.reach(ALL_PROJECTS), run_id))


def list_tasks(call: Call, run_id: str) -> Body:
    """List the tasks of a run."""
    scope = listing.scope(call, ALL_PROJECTS)
    # A run is shown to an admin by its id alone; so are its tasks.
    scope = scope if call.query["all_projects"] else call.reach(ALL_PROJECTS)
    with db_session.reader() as session:
        run = _get(session, scope, run_id)
        page = db.list_tasks(session, run.id, listing.paging(call), **listing.filters(call))
    return listing.body(call, "tasks", page, view_task)


def cancel_run(call: Call, run_id: str) -> Body:
    """Cancel what has not been started of a run."""
    return _cancel(call.reach("run:cancel:all_projects"), run_id)


@db_session.retry
def _cancel(scope: Scope, run_id: str) -> Body:
    now = clock.now()
    with db_session.writer() as session:
        # Before anything is read: what engines report meanwhile must not be overlooked.
        db.lock(session, run_id)
        _get(session, scope, run_id)
        if not db.cancel_pending(session, run_id, now):
            raise exceptions.Conflict(
                f"Nothing of run {run_id} is pending any more, so there is nothing to cancel."
            )
        db.settle(session, run_id, now)
        session.expire_all()
        return _shown(session, _get(session, scope, run_id))


def confirm_run(call: Call, run_id: str) -> Body:
    """Have a run carried out that waits for consent.

    Automatic retention asks for it when it would delete unusually many backups of a project.
    """
    limit = timedelta(seconds=call.conf.engine.completion_limit)
    return _confirm(call.reach("run:confirm:all_projects"), run_id, limit)


@db_session.retry
def _confirm(scope: Scope, run_id: str, limit: timedelta) -> Body:
    now = clock.now()
    with db_session.writer() as session:
        # As for a cancellation.
        db.lock(session, run_id)
        run = _get(session, scope, run_id)
        if not db.confirm(session, run_id, now, now + limit):
            raise exceptions.Conflict(
                f"Run {run_id} does not wait for consent: its status is {run.status}."
            )
        session.expire_all()
        return _shown(session, _get(session, scope, run_id))


def start(
    call: Call,
    delegation_id: str,
    targets: Sequence[db.Target],
    parameters: Mapping[str, Any],
    schedule: Schedule | None = None,
    action: str = "backup",
    project_id: str | None = None,
) -> Body:
    """Make the run that the caller asks for, and show it.

    :param project_id: the project it works in; None for the caller's
    """
    run_id = uuidutils.generate_uuid()
    where = project_id or call.context.project_id
    return _start(run_id, call, where, delegation_id, targets, parameters, schedule, action)


@db_session.retry
def _start(
    run_id: str,
    call: Call,
    project_id: str,
    delegation_id: str,
    targets: Sequence[db.Target],
    parameters: Mapping[str, Any],
    schedule: Schedule | None,
    action: str,
) -> Body:
    now = clock.now()
    with db_session.writer() as session:
        if (made := db.get(session, Scope(project_id), run_id)) is not None:
            return _shown(session, made)  # the answer to an earlier COMMIT of this got lost
        db.hold_delegation(session, delegation_id)
        run = db.create(
            session,
            run_id=run_id,
            now=now,
            project_id=project_id,
            user_id=call.context.user_id,
            delegation_id=delegation_id,
            action=action,
            trigger="user",
            targets=targets,
            parameters=parameters,
            schedule_id=schedule.id if schedule else None,
            schedule_name=schedule.name if schedule else None,
            request_id=call.context.request_id,
            expires_at=window.expiry(now, schedule.completion_limit_s) if schedule else None,
            error=None if targets else db_schedule.NOTHING_SELECTED,
        )
        db_project.watch(session, run.project_id, now)
        return _shown(session, run)


def _get(session: Session, scope: Scope, run_id: str) -> Run:
    found = db.get(session, scope, run_id)
    if found is None:
        raise exceptions.NotFound(resource="run", id=run_id)
    return found


def _shown(session: Session, run: Run) -> Body:
    return {"run": _view(run, db.counts(session, [run.id])[run.id])}


def _view(run: Run, counts: Mapping[str, int]) -> Body:
    return {
        "id": run.id,
        "project_id": run.project_id,
        "user_id": run.user_id,
        "action": run.action,
        "trigger": run.trigger,
        "schedule_id": run.schedule_id,
        "schedule_name": run.schedule_name,
        "scheduled_for": clock.iso(run.scheduled_for),
        "status": run.status,
        "missed_slots": run.missed_slots,
        "counts": {
            "total": sum(counts.values()),
            **{status: counts.get(status, 0) for status in TASK_STATUS["enum"]},
        },
        "error": run.error,
        "request_id": run.request_id,
        "created_at": clock.iso(run.created_at),
        "started_at": clock.iso(run.started_at),
        "finished_at": clock.iso(run.finished_at),
    }


def view_task(task: Task) -> Body:
    """What is shown of a task."""
    seconds = rules.seconds(task.submitted_at, task.finished_at)
    return {
        "id": task.id,
        "run_id": task.run_id,
        "project_id": task.project_id,
        "action": task.action,
        "status": task.status,
        "volume_id": task.volume_id,
        "volume_name": task.volume_name,
        "backup_id": task.backup_id,
        "target_volume_id": task.target_volume_id,
        "backup_type": task.backup_type,
        "parent_id": task.parent_id,
        "note": task.note,
        "size_gb": task.size_gb,
        "attempts": task.attempts,
        "not_before": clock.iso(task.not_before),
        "submitted_at": clock.iso(task.submitted_at),
        "finished_at": clock.iso(task.finished_at),
        "seconds": seconds,
        # How much of a volume a backup reads, Cinder does not tell; a restore writes all of it.
        "rate_mb_s": (
            rules.rate(task.status, task.size_gb, seconds) if task.action == "restore" else None
        ),
        "error_code": task.error_code,
        "error": task.error,
    }
