"""Restores: what comes back, what is refused, and what must hold when engines die."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

import openstack.exceptions
import pytest

from sandbox.client import Sandbox
from tests.functional.proxy import NO_TROUBLE, Proxy, Trouble
from tests.functional.stack import Stack, Tenant, wait_for

_BYTES = 1024**2
# Claims run out as soon as an engine allows.
_QUICK = {"cinder__timeout": 1, "engine__claim_timeout": 12}


def _sum(data: bytes) -> str:
    """The checksum of a volume that begins with the data."""
    return hashlib.sha256(data.ljust(_BYTES, b"\0")).hexdigest()


def _backup(tenant: Tenant, *volume_ids: str, **options: Any) -> list[str]:
    """Ids of new backups of the volumes."""
    run = tenant.finished(tenant.client.create_backup(volume_ids, **options))
    assert run.status == "succeeded"
    return [task.backup_id for task in tenant.client.run_tasks(run)]


def _tasks(tenant: Tenant, run: Any, status: str = "succeeded", seconds: float = 60) -> list[Any]:
    """The tasks of a run, once it is finished with that status."""
    run = tenant.finished(run, seconds)
    tasks = list(tenant.client.run_tasks(run))
    assert run.status == status, [task.error for task in tasks]
    return tasks


def _refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, field and message of a refusal."""
    with pytest.raises(openstack.exceptions.HttpException) as refusal:
        call()
    error = refusal.value.response.json()["error"]
    return error["code"], error["field"], error["message"]


def _cinder_volumes(tenant: Tenant) -> set[str]:
    return {volume.id for volume in tenant.connection.block_storage.volumes()}


def test_an_incremental_comes_back_byte_by_byte(
    stack: Stack, sandbox: Sandbox, tenant: Tenant
) -> None:
    (source,) = tenant.volumes(1, b"monday")
    _backup(tenant, source)
    sandbox.write_volume(source, b"tuesday")
    (incremental,) = _backup(tenant, source, type="incremental")
    sandbox.write_volume(source, b"wednesday")
    with sandbox.connection("admin") as admin:
        kind = admin.block_storage.create_type(name=f"kind-{tenant.project.name}")
    wanted = {"name": "of tuesday", "availability_zone": "nova", "volume_type": kind.name}
    run = tenant.client.restore_backups([{"backup_id": incremental, **wanted}])
    assert (run.action, run.trigger, run.counts["total"]) == ("restore", "user", 1)
    (task,) = _tasks(tenant, run)
    assert (task.volume_id, task.volume_name, task.backup_id) == (source, "volume-0", incremental)
    assert (task.size_gb, task.attempts, task.error) == (1, 1, None)
    assert task.rate_mb_s == pytest.approx(1024 / task.seconds, rel=0.01)
    volume = tenant.connection.block_storage.get_volume(task.target_volume_id)
    assert {name: volume[name] for name in wanted} == wanted
    assert (volume.status, volume.size) == ("available", 1)
    assert sandbox.checksum(volume.id) == _sum(b"tuesday")
    assert sandbox.checksum(source) == _sum(b"wednesday")


def test_a_volume_that_is_gone_comes_back(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    (source,) = tenant.volumes(1, b"precious")
    _backup(tenant, source)
    moment = datetime.now(timezone.utc)
    tenant.connection.block_storage.delete_volume(source)
    wait_for(lambda: not _cinder_volumes(tenant), 30)
    (task,) = _tasks(tenant, tenant.client.restore_backups([{"volume_id": source, "at": moment}]))
    volume = tenant.connection.block_storage.get_volume(task.target_volume_id)
    assert volume.name.startswith(f"volume-0-backup-{source}")
    assert volume.name.endswith("-restored")
    assert sandbox.checksum(volume.id) == _sum(b"precious")


def test_onto_existing_volumes(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    source, other = tenant.volumes(2, b"good")
    (backup,) = _backup(tenant, source)
    for target in (other, source, other):
        sandbox.write_volume(target, b"spoilt")
        items = [{"backup_id": backup, "target_volume_id": target}]
        (task,) = _tasks(tenant, tenant.client.restore_backups(items))
        assert task.target_volume_id == target
        assert sandbox.checksum(target) == _sum(b"good")
    assert _cinder_volumes(tenant) == {source, other}


def test_what_is_refused_changes_nothing(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    source, used = tenant.volumes(2, b"data")
    (backup,) = _backup(tenant, source)
    large = sandbox.create_volume(tenant.connection, "large", size=2).id
    (of_large,) = _backup(tenant, large)
    sandbox.attach(tenant.connection, used)
    stranger = Tenant(sandbox, sandbox.create_project())
    (foreign,) = stranger.volumes(1)
    (foreign_backup,) = _backup(stranger, foreign)
    runs = len(list(tenant.client.runs()))

    def refused(**item: str) -> tuple[int, str, str]:
        good = {"backup_id": backup}
        return _refused(lambda: tenant.client.restore_backups([good, item]))

    code, field, message = refused(backup_id=backup, target_volume_id=used)
    assert (code, field) == (409, "items[1].target_volume_id")
    assert "its status is in-use, it must be available. Detach it" in message
    code, field, message = refused(backup_id=of_large, target_volume_id=source)
    assert (code, field) == (409, "items[1].target_volume_id")
    assert f"Volume {source} has 1 GB, backup {of_large} needs 2 GB." in message
    assert refused(backup_id=backup, target_volume_id=foreign)[:2] == (
        404,
        "items[1].target_volume_id",
    )
    assert refused(backup_id=foreign_backup)[:2] == (404, "items[1].backup_id")
    assert refused(volume_id=foreign, at="2030-01-01T00:00:00Z")[:2] == (404, "items[1].volume_id")
    twice = [{"backup_id": backup, "target_volume_id": source}] * 2
    assert _refused(lambda: tenant.client.restore_backups(twice))[:2] == (
        400,
        "items[1].target_volume_id",
    )
    assert len(list(tenant.client.runs())) == runs
    assert _cinder_volumes(tenant) == {source, used, large}
    assert [sandbox.checksum(each) for each in (source, used)] == [_sum(b"data")] * 2


def test_who_may_restore(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    (source,) = tenant.volumes(1)
    (backup,) = _backup(tenant, source)
    items = [{"backup_id": backup}]
    reader = Tenant(sandbox, sandbox.create_project(role="reader"))
    assert _refused(lambda: reader.client.restore_backups(items))[0] == 403
    stranger = Tenant(sandbox, sandbox.create_project())
    assert _refused(lambda: stranger.client.restore_backups(items))[0] == 404


def test_by_point_in_time(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    (source,) = tenant.volumes(1, b"first")
    (oldest,) = _backup(tenant, source)
    time.sleep(1)  # times of backups are shown in whole seconds
    sandbox.write_volume(source, b"later")
    (later,) = _backup(tenant, source, type="incremental")
    shown = {each: tenant.client.get_backup(each).created_at for each in (oldest, later)}
    code, field, message = _refused(
        lambda: tenant.client.restore_backups([{"volume_id": source, "at": "2026-01-01T00:00:00Z"}])
    )
    assert (code, field) == (404, "items[0].at")
    assert f"its oldest one is {oldest} from {shown[oldest]}" in message
    items = [{"volume_id": source, "at": shown[each]} for each in (oldest, later)]
    tasks = _tasks(tenant, tenant.client.restore_backups(items))
    assert [task.backup_id for task in tasks] == [oldest, later]
    assert [sandbox.checksum(task.target_volume_id) for task in tasks] == [
        _sum(b"first"),
        _sum(b"later"),
    ]


def test_many_at_once_and_one_that_fails(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    sources = tenant.volumes(4)
    backups = _backup(tenant, *sources)
    # Cinder may take two restores of one backup at once, and then breaks one of them off.
    items = [{"backup_id": backup} for backup in [*backups, *[backups[1]] * 4]]
    with sandbox.fault("restore", error="the store is on fire", volume_id=sources[0]):
        failed, *good = _tasks(tenant, tenant.client.restore_backups(items), "partial")
    # Cinder's own words; what the driver said is for administrators only.
    assert failed.error == "restore backup:Backup driver failed to restore backup."
    assert (failed.status, failed.error_code) == ("failed", "restore-failed")
    assert failed.note == "the volume was made for this restore and can be deleted"
    tenant.connection.block_storage.delete_volume(failed.target_volume_id, ignore_missing=False)
    assert (failed.rate_mb_s, failed.seconds is None) == (None, False)
    assert {task.status for task in good} == {"succeeded"}
    restored = [sandbox.checksum(task.target_volume_id) for task in good]
    assert restored == [_sum(b"volume %d" % number) for number in (1, 2, 3, 1, 1, 1, 1)]
    assert {task.attempts for task in good} == {1}


def test_a_restore_that_cinder_breaks_off(stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    (source,) = tenant.volumes(1)
    (backup,) = _backup(tenant, source)
    with sandbox.connection("admin") as admin, sandbox.fault("restore", delay=60, volume_id=source):
        run = tenant.client.restore_backups([{"backup_id": backup}])
        sandbox.wait_until_held(source, "restore")
        admin.block_storage.reset_backup_status(backup, "available")
        sandbox.wait_for_backup(tenant.connection, backup)
    (task,) = _tasks(tenant, run, "failed")
    assert task.error_code == "restore-failed"
    assert task.error.startswith("Cinder gives no reason. It breaks a restore off when the status")
    assert task.note == "the volume was made for this restore and can be deleted"


def test_what_cinder_will_not_make(stack: Stack, tenant: Tenant) -> None:
    (source,) = tenant.volumes(1)
    (backup,) = _backup(tenant, source)
    items = [
        {"backup_id": backup, "volume_type": "no-such-type"},
        {"backup_id": backup, "availability_zone": "no-such-zone"},
    ]
    kind, zone = _tasks(tenant, tenant.client.restore_backups(items), "failed")
    assert "no-such-type" in kind.error
    assert "no-such-zone" in zone.error
    assert _cinder_volumes(tenant) == {source}


def _made_by_cinder(sandbox: Sandbox, tenant: Tenant, *volume_ids: str) -> list[str]:
    """Ids of new backups, for a service without an engine."""
    storage = tenant.connection.block_storage
    made = [storage.create_backup(volume_id=volume_id).id for volume_id in volume_ids]
    for backup_id in made:
        sandbox.wait_for_backup(tenant.connection, backup_id)
    return made


def test_a_volume_that_is_used_by_then_is_left_alone(
    own_stack: Stack, sandbox: Sandbox, tenant: Tenant
) -> None:
    source, target = tenant.volumes(2)
    (backup,) = _made_by_cinder(sandbox, tenant, source)
    run = tenant.client.restore_backups([{"backup_id": backup, "target_volume_id": target}])
    sandbox.attach(tenant.connection, target)
    with own_stack.running_engine():
        (task,) = _tasks(tenant, run, "failed")
    assert task.error == f"Volume {target} is in status in-use; it must be available."
    assert sandbox.checksum(target) == _sum(b"volume 1")


def test_sigkill_at_any_moment_leaves_one_volume_per_task(
    own_stack: Stack, sandbox: Sandbox, tenant: Tenant
) -> None:
    sources = tenant.volumes(6)
    backups = _made_by_cinder(sandbox, tenant, *sources)
    run = tenant.client.restore_backups([{"backup_id": backup} for backup in backups])
    storage = tenant.connection.block_storage
    moments: list[Callable[[], bool]] = [
        # Cinder makes the first volumes, and is asked for more.
        lambda: len(_cinder_volumes(tenant)) > 6,
        # It is asked to restore onto some.
        lambda: any(volume.status == "restoring-backup" for volume in storage.volumes()),
        # The first are done.
        lambda: tenant.client.get_run(run.id).counts["succeeded"] > 0,
    ]
    with ExitStack() as slow:
        for source in sources[:3]:
            slow.enter_context(sandbox.fault("restore", delay=1, volume_id=source))
        for has_come in moments:
            engine = own_stack.engine("engine", **_QUICK)
            engine.start()
            wait_for(has_come, 60, pause=0.01)
            engine.kill()
    with own_stack.running_engine(**_QUICK):
        tasks = _tasks(tenant, run, seconds=120)
    made = {task.target_volume_id for task in tasks}
    assert len(made) == 6
    assert _cinder_volumes(tenant) == {*sources, *made}
    restored = [sandbox.checksum(task.target_volume_id) for task in tasks]
    assert restored == [_sum(b"volume %d" % number) for number in range(6)]


def test_answers_that_get_lost(own_stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    sources = tenant.volumes(4)
    backups = _made_by_cinder(sandbox, tenant, *sources)
    (existing,) = tenant.volumes(1, b"to be overwritten")
    items = [{"backup_id": backup} for backup in backups]
    items[3]["target_volume_id"] = existing
    lost = [Trouble(drop=True), Trouble(status=500), Trouble(delay=2)] * 2 + [Trouble(drop=True)]

    def rule(method: str, _: int) -> Trouble:
        return lost.pop(0) if method == "POST" and lost else NO_TROUBLE

    proxy = Proxy(sandbox.cinder_url, rule)
    with (
        proxy.running(),
        own_stack.running_engine(cinder__endpoint_override=proxy.url, **_QUICK),
    ):
        tasks = _tasks(tenant, tenant.client.restore_backups(items), seconds=120)
    # Three volumes and four restores: nothing was asked for twice.
    assert proxy.count("POST") == 7
    assert _cinder_volumes(tenant) == {*sources, *(task.target_volume_id for task in tasks)}
    restored = [sandbox.checksum(task.target_volume_id) for task in tasks]
    assert restored == [_sum(b"volume %d" % number) for number in range(4)]
