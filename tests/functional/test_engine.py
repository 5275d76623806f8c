"""What must hold when engines die, race each other, are told to stop or find an old database."""

from __future__ import annotations

import collections
import random
import signal
import time
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy

from backup_manager import sdk
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, wait_for


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sigkill_at_any_moment_leaves_one_backup_per_volume(
    own_stack: Stack, tenant: Tenant, seed: int
) -> None:
    chance = random.Random(seed)
    volume_ids = tenant.volumes(30)
    run = tenant.client.create_backup(volume_ids)
    # From before the first submission to after the last one.
    for moment in sorted(chance.uniform(0.3, 4.0) for _ in range(3)):
        engine = own_stack.engine("engine")
        engine.start()
        time.sleep(moment)
        engine.kill()
    with own_stack.running_engine():
        run = tenant.finished(run, seconds=120)
    assert run.status == "succeeded"
    backups = tenant.backups()
    assert collections.Counter(backup.volume_id for backup in backups) == dict.fromkeys(
        volume_ids, 1
    )
    tasks = list(tenant.client.run_tasks(run))
    assert {task.backup_id for task in tasks} == {backup.id for backup in backups}
    assert {task.status for task in tasks} == {"succeeded"}


def test_two_engines_fire_each_slot_once(own_stack: Stack, tenant: Tenant) -> None:
    (volume_id,) = tenant.volumes(1)
    schedules = [
        tenant.client.create_schedule(
            name=f"schedule-{number}",
            recurrence={"type": "cron", "expression": "0 0 1 1 *"},
            volume_ids=[volume_id],
        )
        for number in range(50)
    ]
    engines = [own_stack.engine(f"engine-{number}") for number in range(2)]
    for engine in engines:
        engine.start()
    wait_for(lambda: all("is ready" in engine.logged() for engine in engines), 30)
    due = (datetime.now(timezone.utc) + timedelta(seconds=2)).replace(microsecond=0)
    own_stack.move("schedules.next_run_at", due)
    wait_for(lambda: len(list(tenant.client.runs())) >= 50, 60, "50 runs")
    time.sleep(2)
    runs = list(tenant.client.runs())
    assert collections.Counter(run.schedule_id for run in runs) == {
        schedule.id: 1 for schedule in schedules
    }
    fired = [engine.logged().count("Fired schedule") for engine in engines]
    assert sum(fired) == 50
    for run in runs:
        if run.status in ("pending", "running"):
            tenant.client.post(f"/v1/runs/{run.id}/cancel")


def test_an_outage_fires_once_and_records_what_was_missed(own_stack: Stack, tenant: Tenant) -> None:
    (volume_id,) = tenant.volumes(1)
    schedule = tenant.client.create_schedule(
        name="often", recurrence={"type": "interval", "minutes": 10}, volume_ids=[volume_id]
    )
    slot = datetime.fromisoformat(schedule.next_run_at.replace("Z", "+00:00"))
    own_stack.move("schedules.next_run_at", slot - timedelta(minutes=60))
    with own_stack.running_engine():
        wait_for(lambda: len(list(tenant.client.runs())) == 2, 30)
        missed, made = sorted(tenant.client.runs(), key=lambda run: run.status)
        assert (missed.status, missed.missed_slots) == ("missed", 5)
        assert tenant.finished(made).status == "succeeded"
    latest = (slot - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert made.scheduled_for == latest
    assert tenant.client.get_schedule(schedule).next_run_at == schedule.next_run_at


def test_enabling_never_fires_a_past_slot(own_stack: Stack, tenant: Tenant) -> None:
    (volume_id,) = tenant.volumes(1)
    schedule = tenant.client.create_schedule(
        "off", {"type": "daily", "time": "00:00"}, [volume_id], is_enabled=False
    )
    assert schedule.next_run_at is None
    with own_stack.running_engine():
        schedule = tenant.client.update_schedule(schedule, is_enabled=True)
        assert schedule.next_run_at > datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        time.sleep(3)
        assert list(tenant.client.runs()) == []


def test_sigterm_drains_and_exits_0(own_stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    volume_ids = tenant.volumes(20)
    run = tenant.client.create_backup(volume_ids)
    engine = own_stack.engine("engine")
    engine.start()
    wait_for(lambda: len(tenant.backups()) >= 1, 30, "the first backup", pause=0.05)
    assert engine.terminate() == 0
    # Nothing is left half asked for: a task either waits or has its backup.
    tasks = list(tenant.client.run_tasks(run))
    assert {task.status for task in tasks} <= {"pending", "running", "succeeded"}
    accepted = {task.backup_id for task in tasks if task.backup_id}
    assert accepted == {backup.id for backup in tenant.backups()}
    assert own_stack_services(own_stack, sandbox) == []


def own_stack_services(stack: Stack, sandbox: Sandbox) -> list[str]:
    with sandbox.connection("admin") as admin:
        return [service.state for service in sdk.attach(admin).services()]


def test_services_show_who_is_alive(own_stack: Stack, sandbox: Sandbox) -> None:
    engine = own_stack.engine("engine")
    engine.start()
    wait_for(lambda: own_stack_services(own_stack, sandbox) == ["up"], 30)
    engine.kill()
    wait_for(lambda: own_stack_services(own_stack, sandbox) == ["down"], 30)
    # Its successor on the same host takes its place.
    with own_stack.running_engine():
        wait_for(lambda: own_stack_services(own_stack, sandbox) == ["up"], 30)


def test_sighup_rereads_the_log_level(own_stack: Stack) -> None:
    engine = own_stack.engine("engine", DEFAULT__debug="false")
    engine.start()
    wait_for(lambda: "is ready" in engine.logged(), 30)
    assert " DEBUG " not in engine.logged()
    own_stack.write_config("engine", DEFAULT__debug="true")
    engine.running.send_signal(signal.SIGHUP)
    wait_for(lambda: engine.logged().count("is ready") == 2, 30, "the engine to come back")
    wait_for(lambda: " DEBUG " in engine.logged(), 30, "debug messages")
    assert engine.terminate() == 0


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        pytest.param("0001", "Run: backup-manager-manage db sync", id="older"),
        pytest.param("9999", "The program is older than the database", id="newer"),
    ],
)
def test_another_schema_is_refused(own_stack: Stack, revision: str, words: str) -> None:
    with own_stack.sql() as database:
        change = sqlalchemy.text("UPDATE alembic_version SET version_num = :revision")
        database.execute(change, {"revision": revision})
    engine = own_stack.engine("engine")
    engine.start()
    assert engine.running.wait(30) == 1
    assert words in engine.logged()


def test_a_cinder_that_is_down_loses_nothing(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume_id,) = tenant.volumes(1)
    run = tenant.client.create_backup([volume_id])
    sandbox.kill_cinder()
    try:
        with own_stack.running_engine():
            wait_for(
                lambda: any(task.error for task in tenant.client.run_tasks(run)),
                30,
                "the task to say that Cinder does not answer",
            )
            sandbox.start_cinder()
            assert tenant.finished(run, 90).status == "succeeded"
    finally:
        sandbox.start_cinder()
    assert len(tenant.backups(volume_id)) == 1


def test_what_was_being_backed_up_is_not_asked_for_again(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    """A run that follows another one costs Cinder no request more, though what is known is old."""
    volume_ids = tenant.volumes(5)
    run = tenant.client.create_backup(volume_ids)
    ids = ", ".join(f"'{volume_id}'" for volume_id in volume_ids)
    with own_stack.sql() as database:
        database.execute(
            sqlalchemy.text(f"UPDATE volumes SET status = 'backing-up' WHERE id IN ({ids})")
        )
    before = _looks_at(sandbox, volume_ids)
    # The API compared the project with Cinder when the run was made.
    with own_stack.running_engine(engine__sync_interval=3600):
        assert tenant.finished(run).status == "succeeded"
    assert _looks_at(sandbox, volume_ids) == before
    assert {task.attempts for task in tenant.client.run_tasks(run)} == {1}


def test_a_volume_that_somebody_backs_up_is_waited_for(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume_id,) = tenant.volumes(1)
    with (
        sandbox.fault("backup", delay=600, volume_id=volume_id),
        own_stack.running_engine(),
    ):
        tenant.connection.block_storage.create_backup(volume_id=volume_id, name="theirs")
        sandbox.wait_until_held(volume_id)
        run = tenant.client.create_backup([volume_id])
        (task,) = wait_for(
            lambda: [task for task in tenant.client.run_tasks(run) if task.error], 60
        )
        assert task.error_code == "volume-busy"
        assert "backing-up" in task.error
        assert len(tenant.backups(volume_id)) == 1
    with own_stack.running_engine("engine-2"):
        assert tenant.finished(run, 120).status == "succeeded"
    assert len(tenant.backups(volume_id)) == 2


def _looks_at(sandbox: Sandbox, volume_ids: list[str]) -> int:
    """How often Cinder was asked for one of the volumes."""
    log = (sandbox.settings.log_dir / "cinder.log").read_text()
    return sum(log.count(f"/volumes/{volume_id}") for volume_id in volume_ids)
