"""Writes what became of a task, always by compare-and-swap from the status it had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy.orm import Session

from backup_manager import clock, exceptions
from backup_manager.db import project as db_project
from backup_manager.db import run as db_run
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.task import Claimed
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

_MARGIN_S = 10
#: Of a task that failed, where Cinder has no words of its own.
NO_REASON = "Cinder gives no reason."


class ClaimLost(Exception):
    """Another engine looks after the task by now: touch nothing."""


class Skipped(Exception):
    """The task has nothing to do; the message says why.

    :param code: the same for programs
    """

    def __init__(self, message: str, code: str) -> None:
        self.code = code
        super().__init__(message)


class NotYet(Exception):
    """The task waits for something that takes its time; that uses up no attempt.

    The message says what it waits for.
    """


class Unclear(Exception):
    """What Cinder did cannot be told, and asking again could do harm; the message says why."""


@dataclass(frozen=True)
class Ending:
    """How a task ends that Cinder was at work on.

    :param code: short name of the trouble, None when all went well
    :param values: what became known of the task's columns
    """

    status: str
    code: str | None = None
    error: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def renew(conf: cfg.ConfigOpts, task: Claimed) -> None:
    """Make sure that the claim outlasts a request to Cinder; call it right before each change.

    :raises ClaimLost: it ran out, and somebody else took the task over
    """
    assert task.claimed_until is not None
    if clock.now() + timedelta(seconds=needed_s(conf)) <= task.claimed_until:
        return
    _renew(conf, task)


def needed_s(conf: cfg.ConfigOpts) -> int:
    """Seconds that one request to Cinder may take: to connect, and then for the answer."""
    return 2 * int(conf.cinder.timeout) + _MARGIN_S


def check_timeouts(conf: cfg.ConfigOpts) -> None:
    """:raises BackupManagerError: a claim could end while Cinder still answers"""
    needed = needed_s(conf)
    if conf.engine.claim_timeout < needed:
        raise exceptions.BackupManagerError(
            f"[engine]claim_timeout is {conf.engine.claim_timeout} s; with [cinder]timeout = "
            f"{conf.cinder.timeout} s it must be at least {needed} s."
        )


@db_session.retry
def _renew(conf: cfg.ConfigOpts, task: Claimed) -> None:
    until = clock.now() + timedelta(seconds=conf.engine.claim_timeout)
    with db_session.writer() as session:
        kept = db.swap(
            session,
            task.id,
            rules.SUBMITTING,
            rules.SUBMITTING,
            claimed_by=task.claimed_by,
            claimed_until=until,
        )
    if not kept:
        raise ClaimLost(task.id)


@db_session.retry
def change(task: Claimed, expected: str, status: str, **values: Any) -> bool:
    """Change a task that goes on.

    :param expected: status that the task must still have; one that is being submitted must still
        be held by the very claim that ``task`` was loaded with
    :returns: False when somebody else was quicker
    """
    with db_session.writer() as session:
        return db.swap(
            session, task.id, expected, status, claimed_by=_claim(task, expected), **values
        )


@db_session.retry
def finish(task: Claimed, expected: str, status: str, **values: Any) -> bool:
    """End a task, and its run when it was the last one; parameters as ``change``."""
    now = clock.now()
    with db_session.writer() as session:
        db_run.lock(session, task.run_id)
        changed = db.swap(
            session,
            task.id,
            expected,
            status,
            claimed_by=_claim(task, expected),
            finished_at=now,
            **values,
        )
        if changed:
            _settle(session, task, now)
        return changed


def conclude(endings: Iterable[tuple[Claimed, Ending]]) -> int:
    """End tasks that were under way in Cinder, those of a run in one transaction.

    :returns: how many; those are left out that somebody else was quicker to end
    """
    by_run: defaultdict[str, list[tuple[Claimed, Ending]]] = defaultdict(list)
    for task, ending in endings:
        if ending.code is not None:
            LOG.warning("Task %s %s: %s", task.id, ending.status, ending.error)
        by_run[task.run_id].append((task, ending))
    return sum(_conclude(run_id, by_run[run_id]) for run_id in by_run)


@db_session.retry
def _conclude(run_id: str, endings: list[tuple[Claimed, Ending]]) -> int:
    now = clock.now()
    with db_session.writer() as session:
        db_run.lock(session, run_id)
        ended = [task for task, ending in endings if _swap(session, task, ending, now)]
        if ended:
            _settle(session, ended[0], now)
        return len(ended)


def _swap(session: Session, task: Claimed, ending: Ending, now: datetime) -> bool:
    return db.swap(
        session,
        task.id,
        rules.RUNNING,
        ending.status,
        finished_at=now,
        error_code=ending.code,
        error=ending.error,
        **ending.values,
    )


def _settle(session: Session, task: Claimed, now: datetime) -> None:
    """End the run of a task that ended, if it was the last one."""
    status = db_run.settle(session, task.run_id, now)
    if status in rules.FINAL_RUN and task.action == "backup":
        db_project.hurry_retention(session, task.project_id, now)


def limit_of(task: Claimed) -> str:
    """Whose completion limit a task is under, in words."""
    by_schedule = task.schedule_id is not None and task.expires_at is not None
    return "of its schedule" if by_schedule else "of the service"


def _claim(task: Claimed, expected: str) -> str | None:
    return task.claimed_by if expected == rules.SUBMITTING else None
