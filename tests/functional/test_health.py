"""Figures and health of the real service, over REST and as commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from openstack import exceptions

from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once, wait_for
from tests.functional.test_commands import Shell

YEARLY = {"type": "cron", "expression": "0 0 1 1 *"}


@pytest.fixture
def administrator(sandbox: Sandbox) -> Tenant:
    return Tenant(sandbox, sandbox.create_project(role="admin"))


def _samples(stack: Stack, tenant: Tenant) -> list[tuple[str, int]]:
    """The days that are recorded, with the number of protected volumes."""
    with stack.sql() as database:
        rows = database.execute(
            sqlalchemy.text(
                "SELECT day, protected_volumes FROM usage_samples WHERE project_id = :project"
            ),
            {"project": tenant.project.id},
        )
        return [(str(day), protected) for day, protected in rows]


def _replace_samples(stack: Stack, tenant: Tenant, backups: Mapping[date, int]) -> None:
    project = {"project": tenant.project.id}
    with stack.sql() as database:
        database.execute(
            sqlalchemy.text("DELETE FROM usage_samples WHERE project_id = :project"), project
        )
        for day, number in backups.items():
            database.execute(
                sqlalchemy.text(
                    "INSERT INTO usage_samples (project_id, day, backups, size_gb, "
                    "protected_volumes, unprotected_volumes) VALUES (:project, :day, :n, 9, 0, 0)"
                ),
                {**project, "day": day.isoformat(), "n": number},
            )


def test_figures_after_a_known_history(
    stack: Stack, tenant: Tenant, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.set_quota(tenant.project.id, backups=20, backup_gigabytes=50)
    good, bad, _ = tenant.volumes(3)
    schedule = tenant.client.create_schedule(
        name="yearly", recurrence=YEARLY, volume_ids=[good, bad], backup_type="incremental"
    )
    with sandbox.fault("backup", error="the store is on fire", volume_id=bad):
        assert tenant.finished(tenant.client.run_schedule(schedule)).status == "partial"
    assert tenant.finished(tenant.client.create_backup([good], type="incremental")).is_successful

    def known() -> Any:
        found = tenant.client.get_statistics()
        return found if found.backups["by_status"] == {"available": 2, "error": 1} else None

    found = wait_for(known, 20, "the inventory to show the backups")
    assert found.project_id == tenant.project.id
    assert found.volumes == {"total": 3, "protected": 2, "unprotected": 1, "late": 0}
    assert found.backups["by_type"] == {"full": 2, "incremental": 1}
    assert (found.backups["total"], found.backups["size_gb"]) == (3, 3)
    assert found.backups["oldest"] < found.backups["newest"]
    success = {"finished": 3, "succeeded": 2, "rate": 2 / 3}
    week = {**success, "by_action": {"backup": success}}
    assert found.tasks == {"last_7_days": week, "last_30_days": week}
    year = datetime.now(timezone.utc).year
    assert [run["at"] for run in found.next_runs] == [
        f"{year + number}-01-01T00:00:00Z" for number in range(1, 6)
    ]
    assert found.quota == {
        "backups": 20,
        "backups_used": 3,
        "backups_full_on": None,
        "gigabytes": 50,
        "gigabytes_used": 3,
        "gigabytes_full_on": None,
    }

    # The engine records the day; from three days with two backups more each comes a trend.
    today = datetime.now(timezone.utc).date()
    found_days = wait_for(lambda: _samples(stack, tenant), 20, "the engine's sample of the day")
    assert found_days == [(str(today), 2)]
    _replace_samples(stack, tenant, {today - timedelta(days=ago): 10 - 2 * ago for ago in range(3)})
    full_on = today + timedelta(days=9)  # 17 places, two a day
    found = tenant.client.get_statistics()
    assert found.quota["backups_full_on"] == full_on.isoformat()
    assert found.quota["gigabytes_full_on"] is None

    shell = Shell(tenant.project.environment, tmp_path)
    raw = shell.json("statistics show")
    assert raw["quota"] == found.quota
    table = shell("statistics show")
    for line in (
        "3: 2 protected, 1 unprotected, 0 late",
        "3: 2 full, 1 incremental; 3 GB",
        "2 available, 1 error",
        "last 7 days: backup 66.6 % (2 of 3)",
        f"{year + 1}-01-01 00:00:00Z  yearly",
        f"3 of 20 backups, full on {full_on} if it goes on like this",
        "3 of 50 gigabytes ",
    ):
        assert line in table
    runs = shell.json(f"run list --volume {bad}")
    assert [run["Status"] for run in runs] == ["partial"]
    assert len(shell.json(f"run list --volume {good} --since 1h")) == 2


def test_whose_figures(
    stack: Stack, tenant: Tenant, administrator: Tenant, sandbox: Sandbox, tmp_path: Path
) -> None:
    tenant.volumes(2)
    reader = Tenant(sandbox, sandbox.create_project(role="reader"))
    assert tenant.client.get_statistics().volumes["total"] == 2
    assert reader.client.get_statistics().volumes["total"] == 0
    found = administrator.client.get_statistics(all_projects=True, project_id=tenant.project.id)
    assert (found.volumes["total"], found.quota) == (2, None)
    assert administrator.client.get_statistics(all_projects=True).volumes["total"] >= 2
    info = reader.client.get_info()
    assert info.cinder["error"] is None
    assert info.cinder["min_microversion"] == "3.0"
    assert tuple(map(int, info.cinder["max_microversion"].split("."))) >= (3, 70)
    assert (info.delegation_mode, info.engines_up > 0) == ("trust", True)
    for refused in (tenant, reader):
        with pytest.raises(exceptions.ForbiddenException):
            refused.client.get_statistics(all_projects=True)
        with pytest.raises(exceptions.ForbiddenException):
            refused.client.get_health()
    shell = Shell(tenant.project.environment, tmp_path)
    assert "health:show" in shell.refused("health")
    assert "is needed" in shell("info")
    assert shell.json("info")["limits"]["max_volumes"] == 1000
    as_admin = Shell(administrator.project.environment, tmp_path)
    raw = as_admin.json(f"statistics show --project {tenant.project.name}")
    assert (raw["project_id"], raw["volumes"]["total"]) == (tenant.project.id, 2)


def test_health(
    own_stack: Stack,
    tenant: Tenant,
    administrator: Tenant,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    shell = Shell(administrator.project.environment, tmp_path)

    def failed() -> dict[str, str]:
        checks = administrator.client.get_health().checks
        return {check.name: check.detail for check in checks if not check.is_ok}

    assert failed().keys() == {"engines"}
    volume_ids = tenant.volumes(1)
    engine = own_stack.engine("doomed")
    engine.start()
    wait_for(lambda: not failed(), 20, "the service to be healthy")
    assert shell("health").count("✓") == 7
    assert {check["OK"] for check in shell.json("health")} == {True}

    # A trust that is gone.
    schedule = tenant.client.create_schedule(name="s", recurrence=YEARLY, volume_ids=volume_ids)
    identity = tenant.connection.identity
    trusts = identity.get(f"/OS-TRUST/trusts?trustor_user_id={tenant.project.user_id}").json()
    for trust in trusts["trusts"]:
        identity.delete(f"/OS-TRUST/trusts/{trust['id']}")
    wait_for(failed, 30, "the broken delegation to be noticed")
    assert failed().keys() == {"delegations"}
    assert f"s ({schedule.id})" in failed()["delegations"]
    tenant.client.update_schedule(schedule.id, is_enabled=True)
    assert failed() == {}

    # A dead engine, and a schedule that it does not fire.
    engine.kill()
    own_stack.move(
        "schedules.next_run_at", datetime.now(timezone.utc) - timedelta(minutes=2), id=schedule.id
    )
    wait_for(lambda: "engines" in failed(), 20, "the dead engine to be noticed")
    assert failed().keys() == {"engines", "schedules"}
    assert "doomed since" in failed()["engines"]
    done = shell.run("health -f json")
    assert done.returncode == 1
    assert {check["Check"] for check in json.loads(done.stdout) if not check["OK"]} == {
        "engines",
        "schedules",
    }
    assert done.stderr == "2 of 7 checks failed: engines, schedules\n"

    sandbox.kill_cinder()
    try:
        assert failed().keys() == {"cinder", "engines", "schedules"}
        assert sandbox.cinder_url.partition("/v3")[0] in failed()["cinder"]
        assert administrator.client.get_info().cinder["error"]
    finally:
        sandbox.start_cinder()


@once
def test_watching_a_run(stack: Stack, tenant: Tenant, sandbox: Sandbox, tmp_path: Path) -> None:
    shell = Shell(tenant.project.environment, tmp_path)
    good, bad = tenant.volumes(2)
    run = tenant.client.create_backup([good])
    done = shell.run(f"run show {run.id} --watch -f json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "succeeded")
    assert done.stderr.splitlines()[-1] == "1 of 1 done"
    with sandbox.fault("backup", error="the store is on fire", volume_id=bad):
        run = tenant.client.create_backup([bad])
        done = shell.run(f"run show {run.id} --watch")
    assert done.returncode == 1
    assert "the store is on fire" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(f"Run {run.id}: 1 of 1 did not succeed")
