"""Deleting and cleaning up as users do it: by commands, and by those who may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from openstack import exceptions

from backup_manager import sdk
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once
from tests.functional.test_commands import Shell, _fields, _rows
from tests.functional.test_retain import _made, _retaining, _run_of_retention, _schedule

pytestmark = once


@pytest.fixture
def shell(stack: Stack, tenant: Tenant, tmp_path: Path) -> Shell:
    return Shell(tenant.project.environment, tmp_path)


def _backup(tenant: Tenant, volume_id: str, times: int) -> list[str]:
    """Ids of a new full backup and of what builds on it."""
    made = []
    for number in range(times):
        kind = "incremental" if number else "full"
        run = tenant.finished(tenant.client.create_backup([volume_id], type=kind))
        (task,) = tenant.client.run_tasks(run)
        made.append(task.backup_id)
    return made


def _left(tenant: Tenant) -> set[str]:
    return {backup.id for backup in tenant.backups()}


def test_a_chain_by_commands(tenant: Tenant, shell: Shell) -> None:
    (volume,) = tenant.volumes(1)
    full, first, second = _backup(tenant, volume, 3)
    message = shell.refused(f"backup delete {full} --yes")
    assert message == (
        f"Backup {full} of volume-0 can't be deleted: {first}, {second} build on it. "
        "Delete what builds on it as well (--cascade)."
    )
    tenant.client.update_backup(first, is_held=True, hold_reason="audit")
    done = shell.run(f"backup delete {full} {second} --cascade --dry-run")
    assert done.returncode == 1
    assert [row[:4] for row in _rows(done.stdout)] == [[second, "volume-0", "incremental", "1"]]
    assert done.stdout.splitlines()[-1] == "1 backup, 1 GB."
    assert done.stderr.splitlines() == [
        f"Backup {first} of volume-0 can't be deleted: On hold: audit.",
        f"Backup {full} of volume-0 can't be deleted: {first} builds on it.",
        "2 of 3 backups can't be deleted, so none is. Release it first (backup set --no-hold).",
    ]
    tenant.client.update_backup(first, is_held=False)
    message = shell.refused(f"backup delete {second}")
    assert message == "This deletes 1 backup (1 GB). Add --yes to do so without being asked."
    assert _left(tenant) == {full, first, second}

    run, lines = shell.waited(f"backup delete {first} {second} --yes")
    assert (run["action"], run["status"]) == ("delete", "succeeded")
    assert lines[-1] == "2 of 2 done"
    assert _left(tenant) == {full}
    shown = shell(f"run show {run['id']}")
    assert re.search(rf"volume-0 +succeeded +incremental, {second}, You named it\.", shown)


def test_a_clean_up_by_commands(tenant: Tenant, sandbox: Sandbox, shell: Shell) -> None:
    busy, quiet = tenant.volumes(2)
    full, child = _backup(tenant, busy, 2)
    (young,) = _backup(tenant, busy, 1)
    (only,) = _backup(tenant, quiet, 1)
    for backup_id in (full, child, only):
        sandbox.age_backup(backup_id, 40)
    table = shell("cleanup --days 30 --dry-run")
    reason = "Not kept by this clean-up: 30 days."
    assert _rows(table) == [["volume-0", "2", "2", "1", reason]]
    assert table.splitlines()[-1] == "2 of 4 backups, 2 of 4 GB. Of 1 volume nothing goes."
    rows = _rows(shell("cleanup --days 30 --dry-run --long"))
    assert [row[:2] for row in rows[:2]] == [["goes", child], ["goes", full]]
    assert {row[1]: row[-1] for row in rows[2:]} == {
        young: "Kept by this clean-up: younger than 30 days.",
        only: "The last good backup of the volume.",
    }
    raw = shell.json(f"cleanup --volume-policy volume-1=30 --volume-policy {busy}=50 --dry-run")
    assert (raw["count"], raw["going"], len(raw["kept"])) == (0, [], 4)
    assert {each["volume_name"]: each["kept"] for each in raw["volumes"]} == {
        "volume-0": 3,
        "volume-1": 1,
    }
    assert shell("cleanup --volume-policy volume-1=30 --yes") == (
        "0 of 1 backup, 0 of 1 GB. Of 1 volume nothing goes.\n"
    )
    assert _left(tenant) == {full, child, young, only}

    run, _ = shell.waited("cleanup --days 30 --yes")
    assert (run["status"], run["counts"]["succeeded"]) == ("succeeded", 2)
    assert _left(tenant) == {young, only}


def test_a_preview_that_is_out_of_date(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume,) = tenant.volumes(1)
    first, second, third = (_backup(tenant, volume, 1)[0] for _ in range(3))
    client = tenant.client
    sandbox.age_backup(first, 40)
    plan = client.preview_cleanup(max_age_days=30)
    assert [each["backup_id"] for each in plan.going] == [first]
    sandbox.age_backup(second, 40)
    with pytest.raises(exceptions.ConflictException, match="has changed since you looked"):
        client.cleanup(plan.digest, max_age_days=30)
    plan = client.preview_deletion([third], cascade=True)
    storage = tenant.connection.block_storage
    child = storage.create_backup(volume_id=volume, is_incremental=True)
    storage.wait_for_status(child, "available", interval=0.2)
    with pytest.raises(exceptions.ConflictException, match="has changed since you looked"):
        client.delete_backups([third], cascade=True, digest=plan.digest)
    with pytest.raises(exceptions.ConflictException, match=f"{child.id} builds on it"):
        client.delete_backups([third])
    assert _left(tenant) == {first, second, third, child.id}
    assert list(client.runs(action="delete")) == []


def test_those_who_may_not(stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume,) = tenant.volumes(1)
    (backup,) = _backup(tenant, volume, 1)
    digest = tenant.client.preview_deletion([backup]).digest
    stranger = Tenant(sandbox, sandbox.create_project()).client
    admin = Tenant(sandbox, sandbox.create_project(role="admin")).client
    reader = Tenant(sandbox, sandbox.create_project(role="reader")).client

    def requests(client: sdk.Proxy) -> list[object]:
        days = {volume: 30}
        return [
            lambda: client.preview_deletion([backup]),
            lambda: client.delete_backups([backup], digest=digest),
            lambda: client.preview_cleanup(volume_policies=days),
            lambda: client.cleanup("x", volume_policies=days, include_last=True),
        ]

    for client, error in (
        (stranger, exceptions.NotFoundException),
        (admin, exceptions.NotFoundException),
        (reader, exceptions.ForbiddenException),
    ):
        for request in requests(client):
            with pytest.raises(error):
                request()  # type: ignore[operator]
    for client in (stranger, admin):
        assert client.preview_cleanup(max_age_days=1).volumes == []
    assert _left(tenant) == {backup}
    assert [run.action for run in tenant.client.runs()] == ["backup"]


def test_consent_by_commands(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox, tmp_path: Path
) -> None:
    shell = Shell(tenant.project.environment, tmp_path)
    stranger = Tenant(sandbox, sandbox.create_project()).client
    admin = Tenant(sandbox, sandbox.create_project(role="admin")).client
    reader = Tenant(sandbox, sandbox.create_project(role="reader")).client
    (volume,) = tenant.volumes(1)
    with _retaining(own_stack):
        schedule = _schedule(tenant, volume, retention={})
        first, second, last = _made(tenant, schedule, 3)
        shell("schedule set yearly --retain keep-last=1")
        run = _run_of_retention(own_stack, tenant).id
        (row,) = _rows(shell("run list --status waiting"))
        assert row[:5] == [run, "delete", "-", "waiting", "0/2, 2 waiting"]
        assert "2 of the 3 backups of the project" in _fields(shell(f"run show {run}"))["error"]
        done = shell.run(f"run show {run} --watch")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith(f"openstack backup-manager run confirm {run}")
        assert shell.refused(f"run confirm {run}").startswith("This deletes 2 backups (2 GB).")
        with pytest.raises(exceptions.NotFoundException):
            stranger.confirm_run(run)
        with pytest.raises(exceptions.ForbiddenException):
            reader.confirm_run(run)
        assert _left(tenant) == {first, second, last}

        # An operator may agree as well.
        assert admin.confirm_run(run).status == "pending"
        assert tenant.finished(tenant.client.get_run(run), 120).status == "succeeded"
        assert "does not wait for consent" in shell.refused(f"run confirm {run} --yes")
        assert _left(tenant) == {last}
