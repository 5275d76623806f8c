"""What the service answers, as the tests of the pages need it."""

from __future__ import annotations

import uuid
from typing import Any

PROJECT = "1"


def identifier(number: int) -> str:
    return str(uuid.UUID(int=number))


def volume(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "id": identifier(number),
        "project_id": PROJECT,
        "name": f"volume-{number}",
        "status": "available",
        "size_gb": 10,
        "volume_type": "lvmdriver-1",
        "availability_zone": "nova",
        "server_ids": [],
        "bootable": False,
        "created_at": "2026-11-01T00:00:00Z",
        "can_back_up": True,
        "reason": None,
        "schedules": [],
        "last_backup": None,
        "late": False,
        "seen_at": "2026-11-01T00:00:00Z",
        **differences,
    }


TASK_STATUSES = (
    "cancelled",
    "expired",
    "failed",
    "pending",
    "running",
    "skipped",
    "submitting",
    "succeeded",
    "waiting",
)


def run(number: int = 1, *, counts: dict[str, int] | None = None, **differences: Any) -> Any:
    """A run.

    :param counts: how many tasks it has, by those statuses that any has
    """
    tasks = {"succeeded": 1} if counts is None else counts
    return {
        "id": identifier(number),
        "project_id": PROJECT,
        "user_id": "somebody",
        "action": "backup",
        "trigger": "user",
        "schedule_id": None,
        "schedule_name": None,
        "scheduled_for": None,
        "status": "succeeded",
        "missed_slots": 0,
        "counts": {"total": sum(tasks.values()), **dict.fromkeys(TASK_STATUSES, 0), **tasks},
        "error": None,
        "request_id": "req-of-the-run",
        "created_at": "2026-11-01T02:00:00Z",
        "started_at": "2026-11-01T02:00:01Z",
        "finished_at": "2026-11-01T02:03:21Z",
        **differences,
    }


def task(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "id": identifier(number),
        "run_id": identifier(1),
        "project_id": PROJECT,
        "action": "backup",
        "status": "succeeded",
        "volume_id": identifier(number),
        "volume_name": f"volume-{number}",
        "backup_id": identifier(100 + number),
        "target_volume_id": None,
        "backup_type": "full",
        "parent_id": None,
        "note": None,
        "size_gb": 10,
        "attempts": 1,
        "not_before": "2026-11-01T02:00:00Z",
        "submitted_at": "2026-11-01T02:00:01Z",
        "finished_at": "2026-11-01T02:00:13Z",
        "seconds": 12.0,
        "rate_mb_s": None,
        "error_code": None,
        "error": None,
        **differences,
    }


def schedule(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "id": identifier(number),
        "project_id": PROJECT,
        "user_id": "1",
        "name": f"schedule-{number}",
        "description": None,
        "enabled": True,
        "backup_type": "incremental",
        "max_incrementals": 6,
        "recurrence": {"type": "daily", "time": "02:00"},
        "recurrence_text": "every day at 02:00",
        "cron": "0 2 * * *",
        "timezone": "Asia/Shanghai",
        "volumes": [identifier(1)],
        "selector": None,
        "start_window_s": 3600,
        "completion_limit_s": None,
        "spread_s": 0,
        "retention": None,
        "next_run_at": "2026-11-20T18:00:00Z",
        "last_run": None,
        "delegation": {
            "mode": "trust",
            "state": "active",
            "user_id": "1",
            "error": None,
            "checked_at": None,
        },
        "generation": 3,
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": None,
        "selected": [],
        **differences,
    }


def statistics(**differences: Any) -> dict[str, Any]:
    success = {"finished": 4, "succeeded": 3, "rate": 0.75}
    period = {**success, "by_action": {"backup": success}}
    return {
        "project_id": PROJECT,
        "volumes": {"total": 6, "protected": 4, "unprotected": 2, "late": 1},
        "backups": {
            "total": 9,
            "size_gb": 90,
            "by_type": {"full": 3, "incremental": 6},
            "by_status": {"available": 9},
            "oldest": "2026-11-01T00:00:00Z",
            "newest": "2026-11-20T00:00:00Z",
        },
        "tasks": {"last_7_days": period, "last_30_days": period},
        "next_runs": [],
        "quota": {
            "backups": 10,
            "backups_used": 9,
            "backups_full_on": "2026-12-01",
            "gigabytes": None,
            "gigabytes_used": 90,
            "gigabytes_full_on": None,
        },
        "quota_error": None,
        "waiting_runs": 0,
        "failing_schedules": 0,
        "days": [],
        **differences,
    }


def project(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "project_id": f"project-{number}",
        "volumes": 10,
        "protected_volumes": 8,
        "unprotected_volumes": 2,
        "backups": 30,
        "size_gb": 300,
        "schedules": 3,
        "failing_schedules": 0,
        "tasks_waiting": 0,
        "tasks_running": 0,
        "oldest_waiting_at": None,
        "synced_at": "2026-11-01T00:00:00Z",
        **differences,
    }


def check(name: str = "database", **differences: Any) -> dict[str, Any]:
    return {"name": name, "ok": True, "detail": "The database answers.", **differences}


def engine(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "id": identifier(number),
        "binary": "backup-manager-engine",
        "host": f"host-{number}",
        "version": "1.0.0",
        "state": "up",
        "started_at": "2026-11-01T00:00:00Z",
        "heartbeat_at": "2026-11-01T01:00:00Z",
        **differences,
    }


def info(**differences: Any) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "api_version": "v1.0",
        "cinder": {
            "microversion_needed": "3.43",
            "min_microversion": "3.0",
            "max_microversion": "3.71",
            "error": None,
        },
        "limits": {
            "max_limit": 1000,
            "max_volumes": 500,
            "max_incrementals": 100,
            "max_preview": 50,
            "max_running_per_project": 10,
        },
        "delegation_mode": "trust",
        "default_timezone": "UTC",
        "default_max_incrementals": 6,
        "default_retention": {"max_age_days": 30},
        "engines_up": 1,
        **differences,
    }


def backup(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "id": identifier(100 + number),
        "project_id": PROJECT,
        "name": f"backup-{number}",
        "description": None,
        "status": "available",
        "type": "full",
        "is_incremental": False,
        "has_dependents": False,
        "volume_id": identifier(1),
        "volume_name": "volume-1",
        "snapshot_id": None,
        "parent_id": None,
        "parent_source": None,
        "size_gb": 10,
        "fail_reason": None,
        "run_id": None,
        "schedule_id": None,
        "ours": True,
        "held": False,
        "hold_reason": None,
        "created_at": "2026-11-01T02:00:00Z",
        "data_timestamp": None,
        "availability_zone": "nova",
        "retention": None,
        "seen_at": "2026-11-01T03:00:00Z",
        **differences,
    }


def decision(number: int = 1, **differences: Any) -> dict[str, Any]:
    """What becomes of a backup, as plans have it."""
    return {
        "backup_id": identifier(100 + number),
        "volume_id": identifier(1),
        "volume_name": "volume-1",
        "type": "full",
        "size_gb": 10,
        "created_at": "2026-11-01T02:00:00Z",
        "status": "available",
        "rule": "named",
        "reason": "You named it.",
        **differences,
    }


def plan(going: Any = (), kept: Any = (), **differences: Any) -> dict[str, Any]:
    return {
        "digest": "digest-of-the-plan",
        "going": list(going),
        "kept": list(kept),
        "count": len(going),
        "size_gb": sum(each["size_gb"] for each in going),
        "warnings": [],
        **differences,
    }


def link(number: int = 1, **differences: Any) -> dict[str, Any]:
    """A backup in a chain."""
    return {
        **decision(number, rule="keep_last", reason="One of the newest."),
        "keep": True,
        "parent_id": None,
        "parent_source": None,
        "depth": 0,
        "is_incremental": False,
        "has_dependents": False,
        "verified": True,
        "ours": True,
        "held": False,
        "hold_reason": None,
        **differences,
    }


def chain(*links: Any, **differences: Any) -> dict[str, Any]:
    return {
        "volume_id": identifier(1),
        "volume_name": "volume-1",
        "backups": list(links),
        **differences,
    }
