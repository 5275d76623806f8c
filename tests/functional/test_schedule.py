"""The main job: schedules fire in time and protect real volumes."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy
from openstack import exceptions

from backup_manager import sdk
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, wait_for


def _next_minute(margin: int = 8) -> datetime:
    """The next full minute that is at least ``margin`` seconds away."""
    soon = datetime.now(timezone.utc) + timedelta(seconds=margin)
    return soon.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_schedules_fire_at_the_right_second(stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(3)
    minute = _next_minute()
    local = minute.astimezone(timezone(timedelta(hours=8)))
    at = local.strftime("%H:%M")
    recurrences = {
        "daily": {"type": "daily", "time": at},
        "weekly": {"type": "weekly", "time": at, "weekdays": [local.isoweekday()]},
        "cron": {"type": "cron", "expression": f"{local.minute} {local.hour} * * *"},
    }
    for (name, recurrence), volume_id in zip(recurrences.items(), volume_ids, strict=True):
        schedule = tenant.client.create_schedule(
            name=name, recurrence=recurrence, timezone="Asia/Shanghai", volume_ids=[volume_id]
        )
        assert _parsed(schedule.next_run_at) == minute

    wait_for(lambda: len(list(tenant.client.runs())) == 3, 90, "three runs")
    for run in list(tenant.client.runs()):
        assert _parsed(run.scheduled_for) == minute
        finished = tenant.finished(run)
        assert finished.status == "succeeded"
        with stack.sql() as database:
            created = database.execute(
                sqlalchemy.text("SELECT created_at FROM runs WHERE id = :id"), {"id": run.id}
            ).scalar_one()
        created = datetime.fromisoformat(str(created)).replace(tzinfo=timezone.utc)
        assert timedelta(0) <= created - minute < timedelta(seconds=1)
    for name, volume_id in zip(recurrences, volume_ids, strict=True):
        (backup,) = tenant.backups(volume_id)
        assert backup.status == "available"
        stamp = local.strftime("%Y-%m-%d-%H-%M")
        assert backup.name.endswith(f"-backup-{volume_id}-{stamp}")
        schedule = tenant.client.find_schedule(name)
        assert _parsed(schedule.next_run_at) > minute
        assert schedule.last_run["status"] == "succeeded"


def test_second_run_is_incremental_and_restores_exactly(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume_id,) = tenant.volumes(1, b"before " * 1000)
    schedule = tenant.client.create_schedule(
        name="increments",
        backup_type="incremental",
        recurrence={"type": "daily", "time": "00:00"},
        volume_ids=[volume_id],
    )
    first = tenant.finished(tenant.client.run_schedule(schedule))
    (task,) = tenant.client.run_tasks(first)
    assert (first.status, task.backup_type) == ("succeeded", "full")
    assert task.note.startswith("made full: ")

    sandbox.write_volume(volume_id, b"after " * 1000, offset=65536)
    expected = sandbox.checksum(volume_id)
    second = tenant.finished(tenant.client.run_schedule(schedule))
    (task,) = tenant.client.run_tasks(second)
    assert (second.status, task.backup_type, task.note) == ("succeeded", "incremental", None)

    incremental, full = tenant.backups(volume_id)
    assert (full.is_incremental, incremental.is_incremental) == (False, True)
    # Only an administrator may ask Cinder for the children of a backup.
    with sandbox.connection("admin") as admin:
        children = admin.block_storage.get(
            f"/backups/detail?all_tenants=1&parent_id={full.id}", microversion="3.43"
        ).json()["backups"]
    assert [child["id"] for child in children] == [incremental.id]
    assert task.parent_id == full.id
    shown = tenant.client.get_backup(incremental.id)
    assert (shown.parent_id, shown.parent_source) == (full.id, "recorded")

    sandbox.write_volume(volume_id, b"spoilt " * 1000)
    restored = sandbox.restore_backup(tenant.connection, incremental.id)
    sandbox.wait_for_volume(tenant.connection, restored)
    assert sandbox.checksum(restored) == expected


def test_backups_belong_to_the_tenant_alone(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume_id,) = tenant.volumes(1)
    run = tenant.finished(tenant.client.create_backup([volume_id], name="mine"))
    (backup,) = tenant.backups(volume_id)
    with sandbox.connection("admin") as admin:
        seen = admin.block_storage.get("/backups/detail?all_tenants=1", microversion="3.56").json()[
            "backups"
        ]
        (row,) = [item for item in seen if item["id"] == backup.id]
        assert row["os-backup-project-attr:project_id"] == tenant.project.id
        assert row["user_id"] == tenant.project.user_id
        service_user = admin.identity.find_user("backup-manager")
        assignments = list(
            admin.identity.role_assignments(
                user_id=service_user.id, scope_project_id=tenant.project.id
            )
        )
    assert assignments == []

    stranger = sdk.attach(sandbox.connection("alt"))
    for path in (f"/v1/backups/{backup.id}", f"/v1/volumes/{volume_id}", f"/v1/runs/{run.id}"):
        assert stranger.get(path).status_code == 404
    assert stranger.get(f"/v1/runs/{run.id}/tasks").status_code == 404
    assert stranger.post(f"/v1/runs/{run.id}/cancel").status_code == 404


def test_a_volume_in_use_is_backed_up(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume_id,) = tenant.volumes(1)
    sandbox.attach(tenant.connection, volume_id)
    run = tenant.finished(tenant.client.create_backup([volume_id]))
    assert run.status == "succeeded"
    volume = tenant.client.get_volume(volume_id)
    assert volume.status == "in-use"
    assert volume.can_back_up


def test_a_volume_attached_behind_our_back_is_backed_up(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume_id,) = tenant.volumes(1)
    # The inventory learns of the volume while it is free, and is fresh enough not to look again.
    assert tenant.client.get_volume(volume_id).status == "available"
    sandbox.attach(tenant.connection, volume_id)
    run = tenant.finished(tenant.client.create_backup([volume_id]))
    assert run.status == "succeeded"


def test_incremental_after_the_parent_was_deleted_becomes_full(
    stack: Stack, tenant: Tenant
) -> None:
    (volume_id,) = tenant.volumes(1)
    tenant.finished(tenant.client.create_backup([volume_id]))
    (backup,) = tenant.backups(volume_id)
    tenant.connection.block_storage.delete_backup(backup)
    tenant.connection.block_storage.wait_for_delete(backup, interval=0.2, wait=30)
    run = tenant.finished(tenant.client.create_backup([volume_id], type="incremental"))
    (task,) = tenant.client.run_tasks(run)
    assert (run.status, task.backup_type) == ("succeeded", "full")
    assert "made full" in task.note


def test_chains_end_at_their_limit(stack: Stack, tenant: Tenant) -> None:
    (volume_id,) = tenant.volumes(1)
    types = []
    for _ in range(4):
        run = tenant.finished(
            tenant.client.create_backup([volume_id], type="incremental", max_incrementals=2)
        )
        types += [task.backup_type for task in tenant.client.run_tasks(run)]
    assert types == ["full", "incremental", "incremental", "full"]


def test_an_unusable_volume_is_skipped_with_the_reason(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    good, bad = tenant.volumes(2)
    with sandbox.connection("admin") as admin:
        admin.block_storage.reset_volume_status(bad, status="error")
    wait_for(lambda: tenant.connection.block_storage.get_volume(bad).status == "error")
    wait_for(lambda: tenant.client.get_volume(bad).status == "error", 90, pause=2)
    volume = tenant.client.get_volume(bad)
    assert not volume.can_back_up
    assert "error" in volume.reason
    run = tenant.finished(tenant.client.create_backup([good, bad]))
    tasks = {task.volume_id: task for task in tenant.client.run_tasks(run)}
    assert run.status == "partial"
    assert tasks[good].status == "succeeded"
    assert (tasks[bad].status, tasks[bad].error_code) == ("skipped", "volume-unusable")


def test_a_backup_that_fails_says_why(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume_id,) = tenant.volumes(1)
    with sandbox.fault("backup", error="the store is on fire", volume_id=volume_id):
        run = tenant.finished(tenant.client.create_backup([volume_id]))
    (task,) = tenant.client.run_tasks(run)
    assert (run.status, task.status) == ("failed", "failed")
    assert "the store is on fire" in task.error


def test_a_full_quota_fails_after_a_few_attempts(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    volume_ids = tenant.volumes(2)
    sandbox.set_quota(tenant.project.id, backups=1)
    run = tenant.finished(tenant.client.create_backup(volume_ids))
    tasks = list(tenant.client.run_tasks(run))
    assert run.status == "partial"
    (failed,) = [task for task in tasks if task.status == "failed"]
    assert failed.error_code == "over-quota"
    assert "Maximum number of backups allowed (1) exceeded" in failed.error


def test_pending_tasks_can_be_cancelled(own_stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(2)
    run = tenant.client.create_backup(volume_ids)
    assert run.status == "pending"
    cancelled = tenant.client.cancel_run(run)
    assert cancelled.status == "cancelled"
    with pytest.raises(exceptions.ConflictException):
        tenant.client.cancel_run(run)
    with own_stack.running_engine():
        assert tenant.backups() == []


def test_one_backup_per_volume_at_a_time(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume_id,) = tenant.volumes(1)
    with sandbox.fault("backup", delay=30, volume_id=volume_id):
        runs = [tenant.client.create_backup([volume_id]) for _ in range(3)]
        sandbox.wait_until_held(volume_id)
        time.sleep(3)
        assert len(tenant.backups(volume_id)) == 1
        states = sorted(tenant.client.get_run(run.id).status for run in runs)
        assert states == ["pending", "pending", "running"]
    assert [tenant.finished(run).status for run in runs] == ["succeeded"] * 3
    assert len(tenant.backups(volume_id)) == 3
