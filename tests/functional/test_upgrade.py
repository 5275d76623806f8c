"""A database in use is upgraded from each revision there ever was: nothing in it is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy

from backup_manager import conf
from backup_manager.context import Scope
from backup_manager.db import delegation, migration, models, project, run, schedule, task
from backup_manager.db import session as db_session

Rows = Mapping[str, list[dict[str, Any]]]

NAME = "数据卷 💾 Größe"
THEN = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=timezone.utc)
# As both databases write times.
STAMP = "2026-03-29 01:02:03.456789"
LATER = "2026-03-30 00:00:00.000000"
PENDING, RUNNING, DONE = "pending", "running", "succeeded"


def _task(number: int, status: str) -> dict[str, Any]:
    volume_id = f"volume-{number}"
    return {
        "id": f"task-{number}", "run_id": "run", "position": number, "project_id": "p",
        "action": "backup", "parameters": json.dumps({"name": NAME}), "volume_id": volume_id,
        "volume_name": NAME, "locked_volume_id": volume_id if status == RUNNING else None,
        "backup_id": None if status == PENDING else f"backup-{number}", "parent_id": None,
        "backup_type": "full", "note": NAME, "size_gb": 1, "status": status, "attempts": 1,
        "not_before": STAMP, "claimed_by": None, "claimed_until": None, "submitted_at": STAMP,
        "finished_at": STAMP if status == DONE else None, "error_code": None, "error": NAME,
    }  # fmt: skip


# What each revision has in its tables: whole rows of the first one.
FIRST: Rows = {
    "delegations": [
        {
            "id": "delegation", "project_id": "p", "user_id": "u", "mode": "trust",
            "trust_id": "trust", "state": "active", "error": None, "expires_at": None, "uses": 3,
            "checked_at": STAMP, "created_at": STAMP,
        }
    ],
    "projects": [
        {"project_id": "p", "synced_at": STAMP, "next_sync_at": STAMP, "next_track_at": STAMP}
    ],
    "volumes": [
        {
            "id": "volume-0", "project_id": "p", "name": NAME, "status": "in-use", "size_gb": 7,
            "volume_type": "ssd", "availability_zone": "nova", "server_ids": '["server"]',
            "bootable": True, "created_at": STAMP, "updated_at": None, "recorded_at": STAMP,
        }
    ],
    "backups": [
        {
            "id": "backup-2", "project_id": "p", "volume_id": "volume-2", "snapshot_id": None,
            "name": NAME, "description": NAME, "status": "available", "type": "full",
            "is_incremental": False, "has_dependents": True, "size_gb": 7, "fail_reason": None,
            "availability_zone": None, "data_timestamp": STAMP, "created_at": STAMP,
            "updated_at": None, "recorded_at": STAMP, "parent_id": None, "parent_source": None,
            "run_id": "run", "schedule_id": "schedule",
        }
    ],
    "schedules": [
        {
            "id": "schedule", "project_id": "p", "user_id": "u", "name": NAME,
            "description": NAME, "enabled": True, "backup_type": "incremental",
            "max_incrementals": 6, "recurrence": '{"type": "daily", "time": "02:00"}',
            "cron": "0 2 * * *", "timezone": "Asia/Shanghai", "delegation_id": "delegation",
            "next_run_at": STAMP, "generation": 4, "created_at": STAMP, "updated_at": None,
        }
    ],
    "schedule_volumes": [{"schedule_id": "schedule", "volume_id": "volume-0"}],
    "runs": [
        {
            "id": "run", "project_id": "p", "user_id": "u", "delegation_id": "delegation",
            "action": "backup", "trigger": "schedule", "schedule_id": "schedule",
            "schedule_name": NAME, "scheduled_for": STAMP, "missed_slots": 2, "status": "running",
            "error": None, "request_id": "req-1", "created_at": STAMP, "started_at": STAMP,
            "finished_at": None,
        }
    ],
    "tasks": [_task(number, status) for number, status in enumerate((PENDING, RUNNING, DONE))],
    "services": [
        {
            "id": "engine", "binary": "backup-manager-engine", "host": "h", "version": "0.1.0",
            "started_at": STAMP, "heartbeat_at": STAMP,
        }
    ],
}  # fmt: skip
# And what later ones have more: values for the new columns of rows above, and tables of their own.
ADDED: dict[str, Rows] = {
    "0002": {
        "backups": [{"held": True, "hold_reason": NAME}],
        "projects": [{"next_retain_at": STAMP}],
        "schedules": [
            {
                "retention": '{"max_age_days": 30}', "selector": '{"whole_project": true}',
                "start_window_s": 60, "completion_limit_s": 120, "spread_s": 30,
            }
        ],
        "tasks": [
            {"lock_volume_id": f"volume-{number}", "target_volume_id": None, "expires_at": LATER}
            for number in range(3)
        ],
        "volumes": [{"labels": json.dumps({"tier": NAME})}],
        "project_policies": [{"project_id": "p", "retention": "{}", "updated_at": STAMP}],
        "volume_policies": [
            {"project_id": "p", "volume_id": "volume-0", "retention": "{}", "updated_at": STAMP}
        ],
        "usage_samples": [
            {
                "project_id": "p", "day": "2026-03-29", "backups": 1, "size_gb": 7,
                "protected_volumes": 1, "unprotected_volumes": 0,
            }
        ],
    },
    "0003": {},
    "0004": {},
}  # fmt: skip


@pytest.fixture
def configured(database: str) -> Iterator[None]:
    options = conf.load(config_files=[])
    options.set_override("connection", database, group="database")
    db_session.configure(options)
    yield
    db_session.engine().dispose()


def _rows(revision: str) -> dict[str, list[dict[str, Any]]]:
    rows = {table: [dict(row) for row in found] for table, found in FIRST.items()}
    for step in migration.revisions():
        for table, more in ADDED.get(step, {}).items():
            old = rows.get(table, [{} for _ in more])
            rows[table] = [{**row, **new} for row, new in zip(old, more, strict=True)]
        if step == revision:
            break
    return rows


def _fill(rows: Rows) -> None:
    """Plain SQL: the models are those of the newest revision."""
    with db_session.engine().begin() as connection:
        for table, found in rows.items():
            for row in found:
                names = ", ".join(f"`{name}`" for name in row)
                values = ", ".join(f":{name}" for name in row)
                statement = f"INSERT INTO {table} ({names}) VALUES ({values})"
                connection.execute(sqlalchemy.text(statement), row)


def _content() -> dict[str, list[dict[str, Any]]]:
    with db_session.engine().connect() as connection:
        tables = sqlalchemy.inspect(connection).get_table_names()
        return {
            table: [
                dict(row) for row in connection.execute(sqlalchemy.text(f"SELECT * FROM {table}"))
                .mappings()
            ]
            for table in tables
            if table != "alembic_version"
        }  # fmt: skip


@pytest.mark.parametrize("revision", migration.revisions())
def test_nothing_is_lost_and_work_goes_on(configured: None, revision: str) -> None:
    migration.sync(revision)
    rows = _rows(revision)
    _fill(rows)
    before = _content()
    for table, found in before.items():
        # Whoever writes a migration says above what it adds, or this test would miss it.
        known = set(rows[table][0]) if table in rows else {"id", "claims"}
        assert found, table
        assert set(found[0]) == known, table

    migration.sync()
    migration.check()
    after = _content()
    for table, found in before.items():
        assert [
            {name: row[name] for name in found[0] if name in row} for row in after[table]
        ] == found, table
    _look_as_users_do()
    _work_as_engines_do(revision)


def _look_as_users_do() -> None:
    scope = Scope("p")
    with db_session.reader() as session:
        (seen,) = session.scalars(sqlalchemy.select(models.Schedule))
        assert (seen.name, seen.recurrence["time"], seen.enabled) == (NAME, "02:00", True)
        assert seen.next_run_at == THEN
        found = run.get(session, scope, "run")
        assert found is not None
        assert (found.schedule_name, found.missed_slots, found.status) == (NAME, 2, "running")
        assert run.counts(session, ["run"])["run"] == {PENDING: 1, RUNNING: 1, DONE: 1}
        backup = session.get(models.Backup, "backup-2")
        assert backup is not None
        assert (backup.description, backup.data_timestamp) == (NAME, THEN)
        volume = session.get(models.Volume, "volume-0")
        assert volume is not None
        assert (volume.name, volume.server_ids) == (NAME, ["server"])


def _work_as_engines_do(revision: str) -> None:
    """What is due is found, and what new columns mean holds for old rows."""
    now = THEN + timedelta(seconds=1)
    with db_session.reader() as session:
        assert schedule.due(session, now, 10) == [("schedule", THEN)]
        assert task.anything_waits(session, now)
        assert task.running_projects(session) == ["p"]
        assert list(project.due_for_retention(session, now, 10)) == ["p"]
        assert [row.id for row in delegation.in_use(session, "p")] == ["delegation"]
        seen = session.get_one(models.Schedule, "schedule")
        backup = session.get_one(models.Backup, "backup-2")
        waiting = session.get_one(models.Task, "task-0")
        assert waiting.lock_volume_id == "volume-0", "a backup keeps others off its volume"
        if revision == "0001":
            assert (seen.start_window_s, seen.spread_s, seen.retention) == (3600, 0, None)
            assert (seen.selector, seen.completion_limit_s, backup.held) == (None, None, False)
        else:
            assert (seen.start_window_s, seen.spread_s) == (60, 30)
            assert (seen.retention, backup.held) == ({"max_age_days": 30}, True)
    with db_session.writer() as session:
        # What keeps a second task off a volume still does.
        with pytest.raises(Exception, match=r"(?i)duplicate|unique"):
            session.execute(
                sqlalchemy.update(models.Task)
                .where(models.Task.id == "task-0")
                .values(locked_volume_id="volume-1")
            )
        session.rollback()
