"""What schedules back up when: selectors, start windows, completion limits, spread, overlap."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from openstack import exceptions

from backup_manager import sdk
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once, wait_for
from tests.functional.test_commands import Shell

# Never by itself while a test runs.
SELDOM = {"type": "cron", "expression": "0 0 1 1 *"}


@pytest.fixture
def shell(stack: Stack, tenant: Tenant, tmp_path: Any) -> Shell:
    return Shell(tenant.project.environment, tmp_path)


def _fire(stack: Stack, schedule: Any, ago: timedelta = timedelta(0)) -> datetime:
    """Make a schedule due; returns the slot."""
    slot = datetime.now(timezone.utc).replace(microsecond=0) - ago
    stack.move("schedules.next_run_at", slot, id=schedule.id)
    return slot


def _run_of(tenant: Tenant, schedule: Any, **filters: Any) -> Any:
    """The newest run of a schedule, once there is one."""
    return wait_for(
        lambda: next(tenant.client.runs(schedule_id=schedule.id, **filters), None),
        30,
        "the schedule to fire",
    )


def _volumes_of(tenant: Tenant, run: Any) -> set[str]:
    return {task.volume_id for task in tenant.client.run_tasks(run)}


def _label(tenant: Tenant, volume_id: str, **metadata: str) -> None:
    tenant.connection.block_storage.set_volume_metadata(volume_id, **metadata)


@once
def test_selectors_from_the_shell(
    stack: Stack, tenant: Tenant, sandbox: Sandbox, shell: Shell
) -> None:
    listed, labelled, excluded, other = tenant.volumes(4)
    for volume_id in (labelled, excluded):
        _label(tenant, volume_id, backup="yes")
    shell(
        f"schedule create labelled --cron '0 0 1 1 *' --volume {listed} "
        f"--select-metadata backup=yes --exclude {excluded}"
    )
    shown = shell.json("schedule show labelled")
    assert (shown["volumes"], shown["selected"]) == ([listed], [labelled])
    schedule = tenant.client.find_schedule("labelled")
    _fire(stack, schedule)
    run = tenant.finished(_run_of(tenant, schedule))
    assert run.status == "succeeded"
    assert _volumes_of(tenant, run) == {listed, labelled}

    # One that gets the label later is picked up, one that loses it is not backed up any more.
    _label(tenant, other, backup="yes")
    tenant.connection.block_storage.delete_volume_metadata(labelled, ["backup"])
    # Within the time that the API may take for what it knows of the project.
    wait_for(lambda: tenant.client.get_schedule(schedule).selected_ids == [other], 20)
    _fire(stack, schedule)
    wait_for(lambda: len(list(tenant.client.runs(schedule_id=schedule.id))) == 2, 30)
    assert _volumes_of(tenant, _run_of(tenant, schedule)) == {listed, other}
    assert [row["Name"] for row in shell.json("volume list --unprotected")] == [
        "volume-1",
        "volume-2",
    ]
    assert shell("schedule set labelled --no-selector") == ""
    refused = shell.refused("schedule set labelled --no-volume")
    assert refused == "volumes: must not be empty without a selector"


def test_servers_select_their_volumes(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    attached, _ = tenant.volumes(2)
    sandbox.attach(tenant.connection, attached)
    (attachment,) = tenant.connection.block_storage.get_volume(attached).attachments
    schedule = tenant.client.create_schedule(
        "servers", SELDOM, selector={"servers": [attachment["server_id"]]}
    )
    assert schedule.selected_ids == [attached]
    run = tenant.finished(tenant.client.run_schedule(schedule))
    assert (run.status, _volumes_of(tenant, run)) == ("succeeded", {attached})


def test_nothing_selected_is_said(stack: Stack, tenant: Tenant) -> None:
    tenant.volumes(1)
    schedule = tenant.client.create_schedule(
        "nothing", SELDOM, selector={"metadata": {"backup": "never"}}
    )
    _fire(stack, schedule)
    run = _run_of(tenant, schedule)
    assert (run.status, run.counts["total"]) == ("skipped", 0)
    assert run.error.startswith("There was nothing to back up")
    assert tenant.backups() == []


def test_volumes_are_added_and_removed(
    stack: Stack, tenant: Tenant, sandbox: Sandbox, shell: Shell
) -> None:
    first, second, third = tenant.volumes(3)
    schedule = tenant.client.create_schedule("list", SELDOM, [first])
    done = shell.run("schedule add volume list volume-0 volume-1 nothing -f value -c Result")
    assert (done.returncode, done.stdout.split()) == (1, ["present", "added", "not_found"])
    assert done.stderr == "No such volume in this project: nothing\n"
    assert sorted(tenant.client.get_schedule(schedule).volume_ids) == sorted([first, second])

    with sandbox.connection("alt") as connection:
        stranger = sdk.attach(connection)
        foreign = sandbox.create_volume(connection, "foreign").id
        for change in (stranger.add_schedule_volumes, stranger.remove_schedule_volumes):
            with pytest.raises(exceptions.NotFoundException):
                change(schedule, [foreign])
    result = tenant.client.add_schedule_volumes(schedule, [foreign, third])
    assert result == {"added": [third], "present": [], "not_found": [foreign]}
    with sandbox.connection("reader") as reader:
        for path in ("volumes", "volumes/remove"):
            answer = sdk.attach(reader).post(
                f"/v1/schedules/{schedule.id}/{path}", json={"volumes": [first]}
            )
            assert answer.status_code == 403

    table = shell(f"schedule remove volume list volume-0 {second}")
    assert table.count("removed") == 2
    assert tenant.client.get_schedule(schedule).volume_ids == [third]
    assert "would be left without volumes" in shell.refused("schedule remove volume list volume-2")


def test_volumes_added_at_once_are_all_there(stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(9)
    schedule = tenant.client.create_schedule("crowd", SELDOM, volume_ids[:1])
    results: list[dict[str, list[str]]] = []

    def add(volume_id: str) -> None:
        client = sdk.attach(tenant.project.connection())
        results.append(client.add_schedule_volumes(schedule.id, [volume_id]))

    threads = [threading.Thread(target=add, args=(each,)) for each in volume_ids[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each for result in results for each in result["added"]) == sorted(volume_ids[1:])
    changed = tenant.client.get_schedule(schedule)
    assert sorted(changed.volume_ids) == sorted(volume_ids)
    assert changed.generation == 9


def test_a_slot_found_too_late_is_recorded_not_fired(stack: Stack, tenant: Tenant) -> None:
    (volume_id,) = tenant.volumes(1)
    schedule = tenant.client.create_schedule("late", SELDOM, [volume_id], start_window_s=600)
    slot = _fire(stack, schedule, ago=timedelta(minutes=11))
    run = _run_of(tenant, schedule)
    assert (run.status, run.missed_slots, run.counts["total"]) == ("missed", 1, 0)
    stamp = slot.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert run.error.startswith(f"The slot of {stamp} was found 11 min late")
    assert "up to 10 min late" in run.error
    _fire(stack, schedule, ago=timedelta(minutes=9))
    wait_for(lambda: len(list(tenant.client.runs(schedule_id=schedule.id))) == 2, 30)
    made = tenant.finished(_run_of(tenant, schedule))
    assert made.status == "succeeded"
    assert len(tenant.backups(volume_id)) == 1


def test_spread(stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(4)
    schedule = tenant.client.create_schedule("spread", SELDOM, volume_ids, spread_s=8)
    slot = _fire(stack, schedule)
    run = tenant.finished(_run_of(tenant, schedule))
    assert run.status == "succeeded"
    tasks = list(tenant.client.run_tasks(run))
    turns = sorted(datetime.fromisoformat(task.not_before.replace("Z", "+00:00")) for task in tasks)
    assert [(turn - slot).total_seconds() for turn in turns] == pytest.approx([0, 2, 4, 6], abs=1.5)
    assert all(task.submitted_at >= task.not_before for task in tasks)


def test_a_volume_still_under_way_is_skipped(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    slow, quick = tenant.volumes(2)
    schedule = tenant.client.create_schedule("overlap", SELDOM, [slow, quick])
    with sandbox.fault("backup", delay=30, volume_id=slow):
        _fire(stack, schedule, ago=timedelta(seconds=5))
        first = _run_of(tenant, schedule)
        sandbox.wait_until_held(slow)
        wait_for(lambda: tenant.client.get_run(first.id).counts["succeeded"] == 1, 30)
        _fire(stack, schedule)
        wait_for(lambda: len(list(tenant.client.runs(schedule_id=schedule.id))) == 2, 30)
        second = _run_of(tenant, schedule)
        assert second.id != first.id
        tasks = {task.volume_id: task for task in tenant.client.run_tasks(second)}
        assert (tasks[slow].status, tasks[slow].error_code) == ("skipped", "still-running")
        assert "earlier run of this schedule is not finished" in tasks[slow].error
        wait_for(lambda: tenant.client.get_run(second.id).status == "partial", 30)
    assert tenant.finished(first).status == "succeeded"
    assert (len(tenant.backups(slow)), len(tenant.backups(quick))) == (1, 2)


def test_a_backup_past_its_limit_is_given_up_but_not_lost(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume_id,) = tenant.volumes(1)
    schedule = tenant.client.create_schedule("limit", SELDOM, [volume_id], completion_limit_s=60)
    with sandbox.fault("backup", delay=60, volume_id=volume_id):
        slot = _fire(stack, schedule)
        run = _run_of(tenant, schedule)
        sandbox.wait_until_held(volume_id)
        wait_for(lambda: tenant.client.get_run(run.id).counts["running"] == 1, 30)
        # Nobody can wait for a minute.
        stack.move("tasks.expires_at", slot, run_id=run.id)
        run = tenant.finished(run)
        assert run.status == "expired"
        (task,) = tenant.client.run_tasks(run)
        assert (task.status, task.error_code) == ("expired", "expired")
        assert "completion limit of its schedule" in task.error
        (backup,) = tenant.backups(volume_id)
        assert backup.status == "creating"
    wait_for(lambda: tenant.backups(volume_id)[0].status == "available", 30)
    found = wait_for(
        lambda: (shown := tenant.client.get_backup(backup.id)).status == "available" and shown, 30
    )
    assert (found.run_id, found.schedule_id) == (run.id, schedule.id)


def test_a_task_past_its_limit_is_never_submitted(own_stack: Stack, tenant: Tenant) -> None:
    late, _ = volume_ids = tenant.volumes(2)
    schedule = tenant.client.create_schedule("limit", SELDOM, volume_ids, completion_limit_s=3600)
    run = tenant.client.run_schedule(schedule)
    own_stack.move("tasks.expires_at", datetime.now(timezone.utc), volume_id=late)
    with own_stack.running_engine():
        run = tenant.finished(run)
    assert run.status == "partial"
    tasks = {task.volume_id: task for task in tenant.client.run_tasks(run)}
    assert (tasks[late].status, tasks[late].attempts) == ("expired", 0)
    assert "had not started by" in tasks[late].error
    assert tenant.backups(late) == []


@once
def test_what_the_quota_has_no_room_for(
    stack: Stack, tenant: Tenant, sandbox: Sandbox, shell: Shell
) -> None:
    volume_ids = tenant.volumes(2)
    sandbox.set_quota(tenant.project.id, backups=1)
    names = "--volume volume-0 --volume volume-1"
    refused = shell.refused(f"schedule create tight --daily 02:00 {names} --strict")
    assert "this needs 2, and 0 of 1 are used, so 1 are free" in refused
    assert list(tenant.client.schedules()) == []
    done = shell.run(f"schedule create tight --daily 02:00 {names} -f json")
    assert done.returncode == 0
    assert done.stderr.startswith("The project's quota of backups is too small: this needs 2")
    with pytest.raises(exceptions.ConflictException):
        tenant.client.create_backup(volume_ids, strict=True)
    assert list(tenant.client.runs()) == []
    assert tenant.client.create_backup(volume_ids[:1], strict=True).warnings == []
