"""Figures about a project: what is protected, how well, and how long there is room for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from sqlalchemy.orm import Session

from backup_manager import clock
from backup_manager.api import listing, mirror
from backup_manager.api import quota as api_quota
from backup_manager.api.call import Body, Call
from backup_manager.context import Scope
from backup_manager.db import session as db_session
from backup_manager.db import statistics as db
from backup_manager.db import usage as db_usage
from backup_manager.db import volume as db_volume
from backup_manager.db.models import UsageSample
from backup_manager.rules import chain, usage
from backup_manager.rules import statistics as rules
from backup_manager.rules.quota import Quota

_NEXT_RUNS = 5
_WEEK = timedelta(days=7)
_MONTH = timedelta(days=30)


def show_statistics(call: Call) -> Body:
    """Show figures about a project."""
    scope = listing.scope(call, "statistics:all_projects")
    is_own = scope == call.own
    if is_own:
        mirror.refresh(call)
    quota, quota_error = api_quota.tell(call) if is_own else (None, None)
    now = clock.now()
    with db_session.reader() as session:
        body = {
            "project_id": scope.project_id,
            "volumes": _volumes(session, scope, now),
            "backups": _backups(db.backups(session, scope)),
            "tasks": _tasks(session, scope, now),
            "next_runs": _next_runs(session, scope),
            "waiting_runs": db.waiting_runs(session, scope),
            "failing_schedules": db.failing_schedules(session, scope),
            "days": _days(session, scope, now.date()),
            "quota": quota and _view_quota(session, scope, quota, now),
            "quota_error": quota_error,
        }
    return {"statistics": body}


def _volumes(session: Session, scope: Scope, now: datetime) -> Body:
    total, protected = db.volumes(session, scope)
    return {
        "total": total,
        "protected": protected,
        "unprotected": total - protected,
        "late": len(db_volume.late_ids(session, scope, now)),
    }


def _backups(groups: Sequence[db.Backups]) -> Body:
    by_type = Counter({"full": 0, "incremental": 0})
    by_status: Counter[str] = Counter()
    for group in groups:
        by_type[group.type] += group.number
        by_status[group.status] += group.number
    usable = [group for group in groups if group.status == chain.AVAILABLE]
    return {
        "total": sum(by_status.values()),
        "size_gb": sum(group.size_gb for group in groups),
        "by_type": by_type,
        "by_status": by_status,
        "oldest": clock.iso(min((group.oldest for group in usable), default=None)),
        "newest": clock.iso(max((group.newest for group in usable), default=None)),
    }


def _tasks(session: Session, scope: Scope, now: datetime) -> Body:
    groups = db.tasks(session, scope, since=now - _MONTH, recently=now - _WEEK)
    return {
        "last_7_days": _period(groups, lambda group: group.recent),
        "last_30_days": _period(groups, lambda group: group.number),
    }


def _period(groups: Sequence[db.Tasks], number: Callable[[db.Tasks], int]) -> Body:
    of_all: Counter[str] = Counter()
    by_action: dict[str, Counter[str]] = {}
    for group in groups:
        if number(group):
            of_all[group.status] += number(group)
            by_action.setdefault(group.action, Counter())[group.status] += number(group)
    return {
        **_view_success(of_all),
        "by_action": {action: _view_success(counts) for action, counts in by_action.items()},
    }


def _view_success(counts: Counter[str]) -> Body:
    success = rules.success(counts)
    return {"finished": success.finished, "succeeded": success.succeeded, "rate": success.rate}


def _next_runs(session: Session, scope: Scope) -> list[Body]:
    schedules = [
        rules.Schedule(row.id, row.name, row.cron, row.timezone, row.next_run_at)
        for row in db.next_schedules(session, scope, _NEXT_RUNS)
        if row.next_run_at is not None
    ]
    return [
        {"schedule_id": each.id, "schedule_name": each.name, "at": clock.iso(at)}
        for at, each in rules.next_runs(schedules, _NEXT_RUNS)
    ]


def _days(session: Session, scope: Scope, today: date) -> list[Body]:
    """What there was on each of the last 30 days of which something is known, earliest first."""
    first = today - timedelta(days=usage.DAYS - 1)
    midnight = datetime.combine(first, time(), timezone.utc)
    samples = {sample.day: sample for sample in db_usage.by_day(session, scope, first)}
    tasks = db.tasks_by_day(session, scope, "backup", midnight)
    return [
        _view_day(day, samples.get(day), *tasks.get(day, (0, 0)))
        for day in sorted(samples.keys() | tasks.keys())
    ]


def _view_day(day: date, sample: db_usage.Day | None, succeeded: int, failed: int) -> Body:
    return {
        "date": day.isoformat(),
        "backups": sample and sample.backups,
        "size_gb": sample and sample.size_gb,
        "protected_volumes": sample and sample.protected_volumes,
        "unprotected_volumes": sample and sample.unprotected_volumes,
        "succeeded": succeeded,
        "failed": failed,
    }


def _view_quota(session: Session, scope: Scope, quota: Quota, now: datetime) -> Body:
    assert scope.project_id is not None
    today = now.date()
    first = today - timedelta(days=usage.DAYS)
    samples = db_usage.since(session, scope.project_id, first)

    def full_on(column: Callable[[UsageSample], int], used: int, limit: int | None) -> Any:
        day = usage.full_on([(row.day, column(row)) for row in samples], used, limit, today)
        return day and day.isoformat()

    return {
        "backups": quota.backups,
        "backups_used": quota.backups_used,
        "backups_full_on": full_on(lambda row: row.backups, quota.backups_used, quota.backups),
        "gigabytes": quota.gigabytes,
        "gigabytes_used": quota.gigabytes_used,
        "gigabytes_full_on": full_on(
            lambda row: row.size_gb, quota.gigabytes_used, quota.gigabytes
        ),
    }
