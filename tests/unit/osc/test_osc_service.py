"""The commands about the service as a whole: figures, versions, health."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import PROJECT, FakeCloud, Refused

NOTHING = {"finished": 0, "succeeded": 0, "rate": None, "by_action": {}}
DAY = {
    **dict.fromkeys(("backups", "size_gb", "protected_volumes", "unprotected_volumes")),
    "succeeded": 0,
    "failed": 0,
}
STATISTICS: dict[str, Any] = {
    "project_id": PROJECT,
    "volumes": {"total": 12, "protected": 8, "unprotected": 4, "late": 1},
    "backups": {
        "total": 57,
        "size_gb": 340,
        "by_type": {"full": 20, "incremental": 37},
        "by_status": {"available": 55, "error": 2},
        "oldest": "2026-10-20T02:00:07Z",
        "newest": "2026-11-20T02:00:09Z",
    },
    "tasks": {
        "last_7_days": {
            "finished": 1001,
            "succeeded": 1000,
            "rate": 1000 / 1001,
            "by_action": {
                "backup": {"finished": 1000, "succeeded": 999, "rate": 0.999},
                "restore": {"finished": 1, "succeeded": 1, "rate": 1.0},
            },
        },
        "last_30_days": NOTHING,
    },
    "next_runs": [
        {"schedule_id": "1", "schedule_name": "nightly", "at": "2026-11-21T02:00:00Z"},
        {"schedule_id": "2", "schedule_name": "weekly", "at": "2026-11-22T23:30:00Z"},
    ],
    "waiting_runs": 1,
    "failing_schedules": 2,
    "days": [
        {**DAY, "date": "2026-11-19", "succeeded": 5},
        {**DAY, "date": "2026-11-20", "backups": 57, "size_gb": 340, "failed": 1},
    ],
    "quota": {
        "backups": 60,
        "backups_used": 57,
        "backups_full_on": "2026-11-23",
        "gigabytes": None,
        "gigabytes_used": 340,
        "gigabytes_full_on": None,
    },
    "quota_error": None,
}
INFO: dict[str, Any] = {
    "version": "1.0",
    "api_version": "v1.0",
    "cinder": {
        "microversion_needed": "3.43",
        "min_microversion": "3.0",
        "max_microversion": "3.71",
        "error": None,
    },
    "limits": {"max_limit": 1000, "max_volumes": 1000},
    "delegation_mode": "trust",
    "default_timezone": "UTC",
    "default_max_incrementals": 6,
    "default_retention": {"max_age_days": 30},
    "engines_up": 2,
}
HEALTH: dict[str, Any] = {
    "ok": True,
    "checks": [
        {"name": "database", "ok": True, "detail": "The database answers."},
        {"name": "engines", "ok": True, "detail": "1 up: ctl1."},
    ],
}


@pytest.fixture(autouse=True)
def singles(cloud: FakeCloud) -> dict[str, Any]:
    cloud.singles = copy.deepcopy({"statistics": STATISTICS, "info": INFO, "health": HEALTH})
    return cloud.singles


def _lines(table: str) -> dict[str, list[str]]:
    """The lines of each value of a display of one thing."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in table.splitlines():
        if line.startswith("|"):
            first, text = (cell.strip() for cell in line.strip("|").split("|", 1))
            name = first or name
            found.setdefault(name, []).append(text)
    return found


def test_statistics(openstack: Openstack) -> None:
    result = openstack("backup-manager statistics show")
    assert (result.code, result.err) == (0, "")
    shown = _lines(result.out)
    assert shown["volumes"] == ["12: 8 protected, 4 unprotected, 1 late"]
    assert shown["backups"] == [
        "57: 20 full, 37 incremental; 340 GB",
        "55 available, 2 error",
        "from 2026-10-20 02:00:07Z to 2026-11-20 02:00:09Z",
    ]
    assert shown["tasks"] == [
        "last 7 days: backup 99.9 % (999 of 1000), restore 100 % (1 of 1)",
        "last 30 days: none finished",
    ]
    assert shown["next_runs"] == ["2026-11-21 02:00:00Z  nightly", "2026-11-22 23:30:00Z  weekly"]
    assert (shown["waiting_runs"], shown["failing_schedules"]) == (["1"], ["2"])
    assert shown["days"] == [
        "2026-11-19  5 succeeded, 0 failed",
        "2026-11-20  0 succeeded, 1 failed; 57 backups, 340 GB",
    ]
    assert shown["quota"] == [
        "57 of 60 backups, full on 2026-11-23 if it goes on like this",
        "340 gigabytes of unlimited",
    ]
    assert openstack("backup-manager statistics show -f json").json == STATISTICS


def test_statistics_of_a_new_project(openstack: Openstack, singles: dict[str, Any]) -> None:
    backups = singles["statistics"]["backups"]
    backups.update(total=0, size_gb=0, by_status={}, oldest=None, newest=None)
    backups["by_type"].update(full=0, incremental=0)
    singles["statistics"].update(next_runs=[], quota=None, quota_error="Cinder is asleep")
    shown = _lines(openstack("backup-manager statistics show").out)
    assert shown["backups"] == ["0: 0 full, 0 incremental; 0 GB"]
    assert (shown["next_runs"], shown["quota"]) == (["-"], ["-"])
    assert shown["quota_error"] == ["Cinder is asleep"]


def test_statistics_never_round_up_to_all(openstack: Openstack, singles: dict[str, Any]) -> None:
    success = {"finished": 100_000, "succeeded": 99_999, "rate": 0.99999}
    singles["statistics"]["tasks"]["last_7_days"]["by_action"] = {"backup": success}
    shown = _lines(openstack("backup-manager statistics show").out)
    assert shown["tasks"][0] == "last 7 days: backup 99.9 % (99999 of 100000)"


def test_statistics_of_others(openstack: Openstack, cloud: FakeCloud) -> None:
    assert openstack("backup-manager statistics show --all-projects").code == 0
    assert cloud.requests[-1][2] == {"all_projects": "true"}
    assert openstack("backup-manager statistics show --project demo").code == 0
    assert cloud.requests[-1][2] == {"all_projects": "true", "project_id": PROJECT}
    cloud.refusals = [Refused(403, "It needs the policy statistics:all_projects")]
    result = openstack("backup-manager statistics show --all-projects")
    assert (result.code, result.err) == (1, "It needs the policy statistics:all_projects\n")


def test_info(openstack: Openstack, singles: dict[str, Any]) -> None:
    shown = _lines(openstack("backup-manager info").out)
    assert shown["cinder"] == ["3.0 to 3.71; 3.43 is needed"]
    assert shown["limits"] == ["max_limit: 1000", "max_volumes: 1000"]
    assert shown["default_retention"] == ["30 days"]
    assert openstack("backup-manager info -f json").json == INFO
    singles["info"]["default_retention"]["max_age_days"] = None
    singles["info"]["cinder"].update(error="No answer", max_microversion=None)
    shown = _lines(openstack("backup-manager info").out)
    assert shown["cinder"] == ["No answer; 3.43 is needed"]
    assert shown["default_retention"] == ["for ever"]


def test_health(openstack: Openstack) -> None:
    result = openstack("backup-manager health")
    assert (result.code, result.err) == (0, "")
    assert "| database | ✓  | The database answers. |" in result.out


def test_bad_health_is_a_table_and_an_exit_code(
    openstack: Openstack, singles: dict[str, Any]
) -> None:
    detail = "No engine is up, so nothing is backed up: start backup-manager-engine. " * 2
    singles["health"]["checks"][1].update(ok=False, detail=detail.strip())
    singles["health"]["ok"] = False
    result = openstack("backup-manager health")
    assert (result.code, result.err) == (1, "1 of 2 checks failed: engines\n")
    assert "| engines  | no |" in result.out
    assert max(map(len, result.out.splitlines())) < 100
    result = openstack("backup-manager health -f json")
    assert result.code == 1
    assert result.json[1] == {"Check": "engines", "OK": False, "Detail": detail.strip()}
