"""What retention deletes by itself, when it stops, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from sandbox.client import Sandbox
from tests.functional.stack import Program, Stack, Tenant, wait_for

YEARLY = {"type": "cron", "expression": "0 0 1 1 *"}


@contextmanager
def _retaining(stack: Stack, **options: Any) -> Iterator[Program]:
    """An engine that deletes what the policies let go."""
    with stack.running_engine("retaining", retention__interval=3600, **options) as engine:
        yield engine


def _look(stack: Stack, tenant: Tenant) -> None:
    """Have retention look at the project now."""
    now = datetime.now(timezone.utc)
    stack.move("projects.next_retain_at", now, project_id=tenant.project.id)


def _retention_runs(tenant: Tenant) -> list[Any]:
    return list(tenant.client.runs(trigger="retention"))


def _run_of_retention(stack: Stack, tenant: Tenant, number: int = 1) -> Any:
    """The newest run of retention, when there are so many."""

    def look() -> Any:
        # What Cinder has may be known a little later than it is there.
        _look(stack, tenant)
        found = _retention_runs(tenant)
        return len(found) >= number and found[0]

    return wait_for(look, 120, f"run {number} of retention", pause=2)


def _made(tenant: Tenant, schedule: Any, times: int) -> list[str]:
    """Ids of backups that the schedule made of its one volume, the oldest first."""
    made = []
    for _ in range(times):
        run = tenant.finished(tenant.client.run_schedule(schedule))
        (task,) = tenant.client.run_tasks(run)
        assert task.status == "succeeded", task.error
        made.append(task.backup_id)
    return made


def _left(tenant: Tenant) -> set[str]:
    return {backup.id for backup in tenant.backups()}


def _schedule(tenant: Tenant, volume_id: str, **values: Any) -> Any:
    return tenant.client.create_schedule(
        name="yearly", recurrence=YEARLY, volume_ids=[volume_id], **values
    )


def test_only_what_no_rule_keeps_goes(own_stack: Stack, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1)
    with own_stack.running_engine():
        schedule = _schedule(tenant, volume, backup_type="incremental", max_incrementals=1)
        old, old_child, held, held_child, last, last_child = _made(tenant, schedule, 6)
        foreign = tenant.connection.block_storage.create_backup(volume_id=volume, name="mine")
        tenant.connection.block_storage.wait_for_status(foreign, "available", interval=0.2)
        tenant.client.update_backup(held, is_held=True, hold_reason="for the audit")
        tenant.client.update_schedule(schedule, retention={"incremental_count": 1})
    assert _retention_runs(tenant) == []
    with _retaining(own_stack):
        run = tenant.finished(_run_of_retention(own_stack, tenant), 120)
    assert (run.action, run.status, run.error) == ("delete", "succeeded", None)
    tasks = list(tenant.client.run_tasks(run))
    gone = [old_child, old, held_child]
    assert sorted(task.backup_id for task in tasks) == sorted(gone)
    order = [task.backup_id for task in tasks]
    assert order.index(old_child) < order.index(old)
    assert {(task.attempts, task.size_gb, task.error) for task in tasks} == {(1, 1, None)}
    (note,) = {task.note for task in tasks}
    assert note == "Not kept by schedule yearly: the newest incremental one."
    assert _left(tenant) == {held, last, last_child, foreign.id}
    assert {backup.id for backup in tenant.client.backups()} == _left(tenant)


def test_old_age_is_enough_for_a_new_installation(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume,) = tenant.volumes(1)
    with _retaining(own_stack):
        schedule = _schedule(tenant, volume)
        old, middle, new = _made(tenant, schedule, 3)
        sandbox.age_backup(old, 31)
        sandbox.age_backup(middle, 29)
        run = tenant.finished(_run_of_retention(own_stack, tenant), 120)
        (task,) = tenant.client.run_tasks(run)
        assert (task.status, task.backup_id) == ("succeeded", old)
        assert task.note == "Not kept by the default of this installation: 30 days."
        assert _left(tenant) == {middle, new}


def test_too_much_at_once_waits_for_a_person(own_stack: Stack, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1)
    with _retaining(own_stack):
        schedule = _schedule(tenant, volume)
        first, second, third = _made(tenant, schedule, 3)
        tenant.client.update_schedule(schedule, retention={"keep_last": 1})
        run = _run_of_retention(own_stack, tenant)
        assert (run.status, run.counts["waiting"]) == ("waiting", 2)
        assert "2 of the 3 backups" in run.error
        assert "run confirm" in run.error
        # The same again is no reason for another run; something else is.
        _look(own_stack, tenant)
        made = _made(tenant, schedule, 1)
        run = _run_of_retention(own_stack, tenant, 2)
        assert run.status == "waiting"
        newest, replaced = _retention_runs(tenant)
        assert (replaced.status, replaced.counts["cancelled"]) == ("cancelled", 2)
        assert {task.backup_id for task in tenant.client.run_tasks(newest)} == {
            first,
            second,
            third,
        }
        assert len(_left(tenant)) == 4

        tenant.client.confirm_run(newest)
        assert tenant.finished(newest, 120).status == "succeeded"
        assert _left(tenant) == {*made}


def test_what_changed_since_is_left_alone(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume,) = tenant.volumes(1)
    with _retaining(own_stack):
        schedule = _schedule(tenant, volume)
        oldest, older, newest = _made(tenant, schedule, 3)
        tenant.client.update_schedule(schedule, retention={"keep_last": 1})
        run = _run_of_retention(own_stack, tenant)
        assert run.status == "waiting"
        # Meanwhile the good one is gone, and with it the reason why the others may go.
        storage = tenant.connection.block_storage
        storage.delete_backup(newest)
        wait_for(lambda: newest not in _left(tenant), 60)
        tenant.client.confirm_run(run)
        run = tenant.finished(run, 120)
        assert run.status == "partial"
        ended = {task.backup_id: task for task in tenant.client.run_tasks(run)}
        assert ended[oldest].status == "succeeded"
        assert (ended[older].status, ended[older].error_code) == ("skipped", "keep_last")
        assert _left(tenant) == {older}


def test_a_project_without_an_enabled_schedule_is_left_alone(
    own_stack: Stack, tenant: Tenant
) -> None:
    (volume,) = tenant.volumes(1)
    with _retaining(own_stack, engine__sync_interval=1):
        schedule = _schedule(tenant, volume)
        made = _made(tenant, schedule, 3)
        tenant.client.update_schedule(schedule, is_enabled=False)
        tenant.client.set_policy(retention={"keep_last": 1})

        def unwatched() -> bool:
            with own_stack.sql() as database:
                found = database.exec_driver_sql("SELECT next_retain_at FROM projects").scalars()
                return found.all() == [None]

        wait_for(unwatched, 60, "the project to be left alone")
        assert _retention_runs(tenant) == []
        assert _left(tenant) == {*made}
