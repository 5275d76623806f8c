"""Retention as far as it looks: hold, policies, previews and chains, on real backups."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from openstack import exceptions

from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once
from tests.functional.test_commands import Shell, _fields, _rows

NIGHTLY = {"type": "daily", "time": "02:00"}


class Chain:
    """A volume with a full backup and two incremental ones."""

    def __init__(self, tenant: Tenant) -> None:
        (self.volume,) = tenant.volumes(1)
        self.schedule = tenant.client.create_schedule(
            name="nightly",
            recurrence=NIGHTLY,
            volume_ids=[self.volume],
            backup_type="incremental",
            retention={"max_age_days": 7},
        )
        self.backups = []
        for _ in range(3):
            run = tenant.finished(tenant.client.run_schedule(self.schedule))
            (task,) = tenant.client.run_tasks(run)
            self.backups.append(task.backup_id)


@pytest.fixture
def chain(stack: Stack, tenant: Tenant) -> Chain:
    return Chain(tenant)


@pytest.fixture
def shell(stack: Stack, tenant: Tenant, tmp_path: Path) -> Shell:
    return Shell(tenant.project.environment, tmp_path)


def test_the_chain_of_real_backups(chain: Chain, tenant: Tenant) -> None:
    links = tenant.client.get_chain(chain.volume).backups
    full, first, second = chain.backups
    wanted = ("backup_id", "depth", "parent_id", "parent_source", "verified", "ours", "rule")
    assert [tuple(link[name] for name in wanted) for link in links] == [
        (full, 0, None, None, True, True, "max_age_days"),
        (first, 1, full, "recorded", True, True, "max_age_days"),
        (second, 2, first, "recorded", True, True, "max_age_days"),
    ]


def test_preview_of_a_chain_deletes_nothing(chain: Chain, tenant: Tenant, shell: Shell) -> None:
    full, first, second = chain.backups
    assert tenant.client.get_schedule(chain.schedule).retention == {"max_age_days": 7}
    shell(f"volume set {chain.volume} --retain keep-last=1")
    plan = tenant.client.preview_volume_retention(chain.volume)
    assert plan.going == []
    assert {each["backup_id"]: each["rule"] for each in plan.kept} == {
        full: "needed",
        first: "needed",
        second: "keep_last",
    }
    assert tenant.client.preview_schedule_retention(chain.schedule).digest == plan.digest

    rows = _rows(shell(f"chain show {chain.volume}"))
    assert [row[0] for row in rows] == [full, f"└─ {first}", f"└─ {second}"]
    assert [row[5:9] for row in rows] == [["yes", "yes", "-", "stays"]] * 3
    raw = shell.json(f"chain show {chain.volume} --long")
    assert [each["Depth"] for each in raw] == [0, 1, 2]
    assert (raw[0]["Verified"], raw[0]["Hold"], raw[0]["Stays"]) == (True, False, True)
    assert {backup.id for backup in tenant.backups(chain.volume)} == set(chain.backups)


@once
def test_preview_and_hold_by_commands(tenant: Tenant, shell: Shell) -> None:
    (volume,) = tenant.volumes(1)
    shell(f"schedule create weekly --volume {volume} --weekly 02:00 --weekday mon --retain "
          "keep-last=1")  # fmt: skip
    for _ in range(3):
        tenant.finished(tenant.client.run_schedule(tenant.client.find_schedule("weekly")))
    newest, middle, oldest = (backup.id for backup in tenant.backups(volume))
    shell(f"backup set {oldest} --hold --reason 'for the audit'")
    assert _fields(shell(f"backup show {oldest}"))["hold_reason"] == "for the audit"
    statuses = {row[0]: row[3] for row in _rows(shell("backup list"))}
    assert statuses == {newest: "available", middle: "available", oldest: "available, held"}
    held = {each["ID"]: each["Hold Reason"] for each in shell.json("backup list --long")}
    assert held == {newest: None, middle: None, oldest: "for the audit"}

    table = shell("retention preview --schedule weekly")
    assert [(row[0], row[2], row[-1]) for row in _rows(table)] == [
        ("goes", middle, "Not kept by schedule weekly: the newest."),
        ("stays", newest, "Kept by schedule weekly: the newest."),
        ("stays", oldest, "On hold: for the audit"),
    ]
    assert table.splitlines()[-1] == "1 of 3 backups would go, 1 of 3 GB."
    raw = shell.json(f"retention preview --volume {volume}")
    assert [(each["Retention"], each["Backup ID"]) for each in raw] == [
        ("goes", middle),
        ("stays", newest),
        ("stays", oldest),
    ]
    shell(f"backup set {oldest} --no-hold")
    assert tenant.client.preview_volume_retention(volume).count == 2
    shell("schedule set weekly --keep-everything")
    assert tenant.client.preview_volume_retention(volume).count == 0
    assert _fields(shell("schedule show weekly"))["retention"] == "keeps everything"
    shell("policy set --retain keep-last=2 --retain full-count=1")
    shell("schedule set weekly --inherit-retention")
    plan = tenant.client.preview_volume_retention(volume)
    assert [each["backup_id"] for each in plan.going] == [oldest]
    assert len(tenant.backups(volume)) == 3


@once
def test_policies_by_commands(stack: Stack, tenant: Tenant, shell: Shell) -> None:
    (volume,) = tenant.volumes(1)
    assert _fields(shell("policy show")) == {
        "retention": "not set",
        "effective": "the default of this installation: 30 days",
    }
    assert _fields(shell("policy set --retain max-age=90 --retain keep-monthly=12")) == {
        "retention": "max-age=90, keep-monthly=12",
        "effective": "the policy of the project: 90 days; the newest of each of 12 months",
    }
    shell(f"volume set {volume} --keep-everything")
    assert _fields(shell(f"policy show --volume {volume}")) == {
        "retention": "keeps everything",
        "effective": "the policy of the volume: everything is kept",
    }
    shell(f"volume set {volume} --no-retention")
    shell("policy unset")
    assert tenant.client.get_policy(volume).retention is None
    assert "retention.max_age_days" in shell.refused("policy set --retain max-age=1000")


@once
def test_simulation_by_commands(
    stack: Stack, tenant: Tenant, sandbox: Sandbox, shell: Shell
) -> None:
    (volume,) = tenant.volumes(1)
    shell(f"schedule create nightly --volume {volume} --daily 02:00 --retain keep-last=3")
    table = shell("retention simulate --days 9")
    rows = _rows(table)
    assert len(rows) == 9
    assert rows[-1][1:] == ["1", "1", "3", "3"]
    assert re.search(r"\nThe quota of \d+ backups lasts\.\n", table)
    sandbox.set_quota(tenant.project.id, backups=2)
    assert "The quota of 2 backups is too small from 2" in shell("retention simulate --days 9")
    assert len(shell.json("retention simulate")) == 90


def test_hold_outlives_the_comparison_with_cinder(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    (volume,) = tenant.volumes(1)
    run = tenant.finished(tenant.client.create_backup([volume]))
    (task,) = tenant.client.run_tasks(run)
    tenant.client.update_backup(task.backup_id, is_held=True, hold_reason="audit")
    changed = tenant.connection.block_storage.put(
        f"/backups/{task.backup_id}", json={"backup": {"name": "renamed"}}, microversion="3.9"
    )
    assert changed.status_code == 200
    stack.move(
        "projects.synced_at",
        datetime(2020, 1, 1, tzinfo=timezone.utc),
        project_id=tenant.project.id,
    )
    backup = tenant.client.get_backup(task.backup_id)
    assert (backup.name, backup.is_held, backup.hold_reason) == ("renamed", True, "audit")
    assert backup.is_ours
    # A hold keeps a backup from being deleted, not from being used.
    restored = tenant.finished(tenant.client.restore_backups([{"backup_id": task.backup_id}]))
    assert restored.status == "succeeded"


def test_readers_and_strangers(chain: Chain, tenant: Tenant, sandbox: Sandbox) -> None:
    reader = Tenant(sandbox, sandbox.create_project(role="reader")).client
    stranger = Tenant(sandbox, sandbox.create_project()).client
    changes = (
        lambda client: client.update_backup(chain.backups[0], is_held=True),
        lambda client: client.set_policy({"keep_last": 1}, chain.volume),
        lambda client: client.unset_policy(chain.volume),
    )
    looks = (
        lambda client: client.get_policy(chain.volume),
        lambda client: client.preview_volume_retention(chain.volume),
        lambda client: client.preview_schedule_retention(chain.schedule),
        lambda client: client.get_chain(chain.volume),
    )
    for action in (*changes, *looks):
        with pytest.raises(exceptions.NotFoundException):
            action(stranger)
    for action in changes:
        with pytest.raises(exceptions.ForbiddenException):
            action(reader)
    with pytest.raises(exceptions.ForbiddenException):
        reader.set_policy({"keep_last": 1})
    assert reader.get_policy().retention is None
    assert len(reader.simulate_retention(5).days) == 5
    assert not tenant.client.get_backup(chain.backups[0]).is_held
