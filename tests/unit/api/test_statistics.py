"""Figures over REST: exact for a known history, and of nobody else's."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from backup_manager import exceptions
from backup_manager.db.models import ScheduleVolume, UsageSample
from backup_manager.rules.quota import Quota

from . import support
from .support import Caller, Cinder

DAY = timedelta(days=1)
PATH = "/v1/statistics"


@pytest.fixture
def delegation() -> str:
    row = support.delegation()
    support.add(row)
    return row.id


def _shown(caller: Caller, query: str = "") -> dict[str, Any]:
    answer = caller.get(PATH + query)
    assert answer.status == 200, answer.body
    return answer.body["statistics"]  # type: ignore[no-any-return]


def _volume(*schedule_ids: str, **values: Any) -> str:
    row = support.volume(**{"created_at": support.NOW - 30 * DAY, **values})
    support.add(row)
    support.add(*(ScheduleVolume(schedule_id=each, volume_id=row.id) for each in schedule_ids))
    return row.id


def _schedule(delegation_id: str, **values: Any) -> str:
    row = support.schedule(delegation_id, **{"created_at": support.NOW - 30 * DAY, **values})
    support.add(row)
    return row.id


def test_an_empty_project(member: Caller) -> None:
    nothing = {"finished": 0, "succeeded": 0, "rate": None, "by_action": {}}
    assert _shown(member) == {
        "project_id": support.OURS,
        "volumes": {"total": 0, "protected": 0, "unprotected": 0, "late": 0},
        "backups": {
            "total": 0,
            "size_gb": 0,
            "by_type": {"full": 0, "incremental": 0},
            "by_status": {},
            "oldest": None,
            "newest": None,
        },
        "tasks": {"last_7_days": nothing, "last_30_days": nothing},
        "next_runs": [],
        "waiting_runs": 0,
        "failing_schedules": 0,
        "days": [],
        "quota": {
            "backups": None,
            "backups_used": 0,
            "backups_full_on": None,
            "gigabytes": None,
            "gigabytes_used": 0,
            "gigabytes_full_on": None,
        },
        "quota_error": None,
    }


def test_volumes(member: Caller, delegation: str) -> None:
    nightly = _schedule(delegation)
    monthly = _schedule(delegation, name="monthly", cron="0 2 1 * *")
    disabled = _schedule(delegation, name="disabled", enabled=False, next_run_at=None)
    made = {
        "good": (_volume(nightly), 1),
        "of both, good for one": (_volume(nightly, monthly), 10),
        "rare": (_volume(monthly), 10),
        "stale": (_volume(nightly), 3),
        "disabled": (_volume(disabled), 10),
    }
    _volume()
    _volume(nightly)  # it never had a backup
    _volume(nightly, created_at=support.NOW)  # nor had this one, but it is new
    broken = _volume(nightly)
    support.add(support.backup(broken, status="error", created_at=support.NOW - DAY))
    for volume_id, days in made.values():
        support.add(support.backup(volume_id, created_at=support.NOW - days * DAY))
    assert _shown(member)["volumes"] == {"total": 9, "protected": 7, "unprotected": 2, "late": 4}


def test_volumes_that_a_selector_picks(member: Caller, delegation: str) -> None:
    _schedule(delegation, selector={"volume_types": ["gold"]})
    _schedule(delegation, enabled=False, next_run_at=None, selector={"whole_project": True})
    good = _volume(volume_type="gold")
    _volume(volume_type="gold")
    _volume(volume_type="silver")
    support.add(support.backup(good, created_at=support.NOW - DAY))
    assert _shown(member)["volumes"] == {"total": 3, "protected": 2, "unprotected": 1, "late": 1}


def test_a_volume_that_went_to_another_project_counts_there(
    member: Caller, stranger: Caller, delegation: str
) -> None:
    _volume(_schedule(delegation), project_id=support.THEIRS)
    nobody = {"total": 0, "protected": 0, "unprotected": 0, "late": 0}
    assert _shown(member)["volumes"] == nobody
    assert _shown(stranger)["volumes"] == {**nobody, "total": 1, "unprotected": 1}


def test_backups(member: Caller) -> None:
    def backup(days: int, size_gb: int = 10, **values: Any) -> None:
        volume_id = support.new_id()
        created_at = support.NOW - days * DAY
        support.add(support.backup(volume_id, size_gb=size_gb, created_at=created_at, **values))

    backup(5)
    backup(3, 20, type="incremental", is_incremental=True)
    backup(9, status="error")
    backup(0, status="creating", type="incremental", is_incremental=True)
    backup(1, 1000, project_id=support.THEIRS)
    assert _shown(member)["backups"] == {
        "total": 4,
        "size_gb": 50,
        "by_type": {"full": 2, "incremental": 2},
        "by_status": {"available": 2, "creating": 1, "error": 1},
        "oldest": "2026-11-15T12:00:00Z",
        "newest": "2026-11-17T12:00:00Z",
    }


def test_how_well_tasks_went(member: Caller) -> None:
    def run(days: int, action: str, *statuses: str, **values: Any) -> None:
        row = support.run(action=action, created_at=support.NOW - days * DAY, **values)
        support.add(row)
        for position, status in enumerate(statuses):
            support.add(support.task(row, position, action=action, status=status))

    run(0, "backup", "succeeded", "running", "pending", "cancelled")
    run(7, "backup", "succeeded", "failed")
    run(8, "backup", "failed", "expired", "skipped")
    run(30, "restore", "succeeded")
    run(31, "backup", "failed")
    run(1, "backup", "failed", project_id=support.THEIRS)
    tasks = _shown(member)["tasks"]
    week = {"finished": 3, "succeeded": 2, "rate": 2 / 3}
    assert tasks["last_7_days"] == {**week, "by_action": {"backup": week}}
    assert tasks["last_30_days"] == {
        "finished": 7,
        "succeeded": 3,
        "rate": 3 / 7,
        "by_action": {
            "backup": {"finished": 6, "succeeded": 2, "rate": 2 / 6},
            "restore": {"finished": 1, "succeeded": 1, "rate": 1.0},
        },
    }


def test_days(member: Caller, admin: Caller) -> None:
    """Samples and what ended, day by day in UTC; today is the last of 30."""
    today = support.NOW.date()
    midnight = support.NOW.replace(hour=0)
    before = midnight - timedelta(microseconds=1)

    def tasks(ended: Any, *statuses: str, **values: Any) -> None:
        row = support.run(**values)
        support.add(row)
        for position, status in enumerate(statuses):
            support.add(
                support.task(row, position, action=row.action, status=status, finished_at=ended)
            )

    tasks(midnight, "succeeded", "failed", "expired", "skipped", "cancelled")
    tasks(before, "succeeded", "succeeded")
    tasks(midnight, "failed", action="delete")
    tasks(None, "running")
    tasks(midnight - 2 * DAY, "skipped")
    tasks(midnight - 29 * DAY, "failed")
    tasks(midnight - 29 * DAY - timedelta(seconds=1), "failed")
    tasks(midnight, "succeeded", project_id=support.THEIRS)
    _sample(today, 10, 100)
    _sample(today - 5 * DAY, 8, 80)
    _sample(today - 30 * DAY, 1, 1)
    _sample(today, 5, 50, support.THEIRS)
    shown = {each.pop("date"): tuple(each.values()) for each in _shown(member)["days"]}
    nothing = (None, None, None, None)
    assert shown == {
        "2026-10-22": (*nothing, 0, 1),
        "2026-11-15": (8, 80, 0, 0, 0, 0),
        "2026-11-19": (*nothing, 2, 0),
        "2026-11-20": (10, 100, 0, 0, 1, 2),
    }
    assert list(shown) == sorted(shown)
    everywhere = _shown(admin, "?all_projects=true")["days"][-1]
    figures = ("backups", "size_gb", "succeeded", "failed")
    assert tuple(everywhere[name] for name in figures) == (15, 150, 2, 2)


def test_runs_that_wait(member: Caller, admin: Caller) -> None:
    for status in ("waiting", "waiting", "running"):
        support.add(support.run(status=status))
    support.add(support.run(support.THEIRS, status="waiting"))
    assert _shown(member)["waiting_runs"] == 2
    assert _shown(admin, "?all_projects=true")["waiting_runs"] == 3


def test_failing_schedules(member: Caller, admin: Caller, delegation: str) -> None:
    """As the list of schedules filters them: the last run that ended counts."""
    broken = support.delegation(user_id="colleague", state="broken")
    theirs = support.delegation(support.THEIRS, "stranger", state="broken")
    support.add(broken, theirs)
    support.add(support.schedule(theirs.id, support.THEIRS))
    _schedule(broken.id, name="broken")
    _schedule(broken.id, name="broken, disabled", enabled=False, next_run_at=None)
    for name, *ends in (
        ("new",),
        ("good", "failed", "succeeded"),
        ("bad", "succeeded", "failed"),
        ("bad, tried again", "partial", "running"),
        ("first run", "running"),
        ("missed", "succeeded", "missed"),
        ("expired", "expired"),
        ("skipped", "failed", "skipped"),
        ("disabled", "failed"),
    ):
        enabled = name != "disabled"
        schedule_id = _schedule(delegation, name=name, enabled=enabled)
        for number, status in enumerate(ends):
            at = support.NOW + timedelta(hours=number)
            support.add(support.run(schedule_id=schedule_id, status=status, created_at=at))
    failing = ["bad", "bad, tried again", "broken", "expired", "missed"]

    def names(query: str) -> list[str]:
        return [each["name"] for each in member.get(f"/v1/schedules{query}").body["schedules"]]

    assert names("?failing=true") == failing
    assert sorted(names("?failing=false") + failing) == names("")
    assert names("?failing=true&enabled=false") == []
    assert _shown(member)["failing_schedules"] == len(failing)
    assert _shown(admin, "?all_projects=true")["failing_schedules"] == len(failing) + 1


def test_next_runs(member: Caller, delegation: str) -> None:
    rare = support.NOW + 300 * DAY
    for number in range(5):
        _schedule(delegation, name=f"rare-{number}", cron="0 12 16 9 *", next_run_at=rare)
    _schedule(delegation, name="disabled", enabled=False, next_run_at=None)
    nightly = _schedule(delegation, next_run_at=support.NOW + timedelta(hours=14))
    found = _shown(member)["next_runs"]
    assert [(run["schedule_id"], run["schedule_name"]) for run in found] == [
        (nightly, "nightly")
    ] * 5
    assert [run["at"] for run in found] == [f"2026-11-{day}T02:00:00Z" for day in range(21, 26)]


def _sample(day: date, backups: int, size_gb: int, project_id: str = support.OURS) -> None:
    support.add(
        UsageSample(
            project_id=project_id,
            day=day,
            backups=backups,
            size_gb=size_gb,
            protected_volumes=0,
            unprotected_volumes=0,
        )
    )


def test_the_quota_and_its_trend(member: Caller, cinder: Cinder) -> None:
    cinder.quota = Quota(backups=20, backups_used=10, gigabytes=1000, gigabytes_used=100)
    today = support.NOW.date()
    _sample(today - 31 * DAY, 1000, 0)  # too old to count
    for days in (30, 20, 10, 0):
        _sample(today - days * DAY, 10 - days // 10, 100)
        _sample(today - days * DAY, 100 * days, days, support.THEIRS)
    assert _shown(member)["quota"] == {
        "backups": 20,
        "backups_used": 10,
        "backups_full_on": (today + 100 * DAY).isoformat(),
        "gigabytes": 1000,
        "gigabytes_used": 100,
        "gigabytes_full_on": None,
    }


def test_figures_without_a_quota(member: Caller, cinder: Cinder) -> None:
    cinder.quota_fails_with = exceptions.Forbidden("Cinder refuses your token: no access rule")
    _volume()
    shown = _shown(member)
    assert (shown["quota"], shown["volumes"]["total"]) == (None, 1)
    assert shown["quota_error"] == "Cinder refuses your token: no access rule"


def test_all_projects(admin: Caller, stranger: Caller, member: Caller, cinder: Cinder) -> None:
    _volume()
    _volume(project_id=support.THEIRS)
    assert _shown(stranger)["volumes"]["total"] == 1
    everywhere = _shown(admin, "?all_projects=true")
    assert (everywhere["project_id"], everywhere["volumes"]["total"]) == (None, 2)
    assert (everywhere["quota"], everywhere["quota_error"]) == (None, None)
    asked = len(cinder.asked)
    one = _shown(admin, f"?all_projects=true&project_id={support.THEIRS}")
    assert (one["project_id"], one["volumes"]["total"]) == (support.THEIRS, 1)
    assert len(cinder.asked) == asked, "an admin's token shows only his own project"
    assert _shown(admin)["volumes"]["total"] == 0
    refused = member.get(f"{PATH}?all_projects=true")
    assert (refused.status, "statistics:all_projects" in refused.error["message"]) == (403, True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"project_id={support.THEIRS}", "project_id"),
        ("all_projects=maybe", "all_projects"),
        ("limit=5", "limit"),
        (f"all_projects=true&project_id={'x' * 65}", "project_id"),
    ],
)
def test_bad_input_names_its_field(admin: Caller, query: str, field: str) -> None:
    answer = admin.get(f"{PATH}?{query}")
    assert (answer.status, answer.error["field"]) == (400, field)


def test_cinder_does_not_answer(member: Caller, cinder: Cinder) -> None:
    cinder.fails_with = exceptions.Unavailable("The volumes and backups could not be read: no")
    assert member.get(PATH).status == 503
