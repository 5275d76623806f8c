"""Projects over REST: what administrators see of each."""

from __future__ import annotations

from datetime import timedelta

from backup_manager.db.models import ScheduleVolume

from . import support
from .support import Caller, Cinder

PATH = "/v1/projects"


def test_everything_that_is_shown(admin: Caller, cinder: Cinder) -> None:
    support.add(support.project(), support.project(support.THEIRS))
    delegation, theirs = support.delegation(), support.delegation(support.THEIRS, state="broken")
    listing = support.schedule(delegation.id)
    golden = support.schedule(delegation.id, selector={"volume_types": ["gold"]})
    broken = support.schedule(theirs.id, support.THEIRS, selector={"whole_project": True})
    volumes = [support.volume(), support.volume(volume_type="gold"), support.volume()]
    support.add(delegation, theirs, listing, golden, broken, *volumes)
    support.add(ScheduleVolume(schedule_id=listing.id, volume_id=volumes[0].id))
    support.add(*(support.backup(volumes[0].id, size_gb=size) for size in (3, 4)))
    support.add(support.backup(support.new_id(), support.THEIRS))
    for hours, statuses in ((3, ["succeeded", "running"]), (2, ["pending", "submitting"])):
        run = support.run(created_at=support.NOW - timedelta(hours=hours))
        tasks = [support.task(run, n, status=status) for n, status in enumerate(statuses)]
        support.add(run, *tasks)
    waiting = support.run(status="waiting", created_at=support.NOW - timedelta(hours=9))
    support.add(waiting, support.task(waiting, status="waiting"))
    first, second = admin.get(PATH).body["projects"]
    assert first == {
        "project_id": support.OURS,
        "volumes": 3,
        "protected_volumes": 2,
        "unprotected_volumes": 1,
        "backups": 2,
        "size_gb": 7,
        "schedules": 2,
        "failing_schedules": 0,
        "tasks_waiting": 1,
        "tasks_running": 2,
        "oldest_waiting_at": "2026-11-20T10:00:00Z",
        "synced_at": "2026-11-20T12:00:00Z",
    }
    nothing = dict.fromkeys(first, 0)
    assert second == {
        **nothing,
        "project_id": support.THEIRS,
        "backups": 1,
        "size_gb": 1,
        "schedules": 1,
        "failing_schedules": 1,
        "oldest_waiting_at": None,
        "synced_at": "2026-11-20T12:00:00Z",
    }
    assert cinder.asked == []


def test_pages(admin: Caller) -> None:
    ids = [f"{number:032x}" for number in range(5)]
    support.add(*(support.project(id_) for id_ in reversed(ids)))
    for sort, expected in (("", ids), ("&sort=project_id:desc", ids[::-1])):
        pages = admin.walk(f"{PATH}?limit=2{sort}", "projects")
        assert [[each["project_id"] for each in page] for page in pages] == [
            expected[:2],
            expected[2:4],
            expected[4:],
        ]
    assert admin.get(f"{PATH}?marker=nobody").error["field"] == "marker"
    assert admin.get(f"{PATH}?all_projects=true").error["field"] == "all_projects"


def test_the_same_as_in_the_statistics(admin: Caller, member: Caller) -> None:
    delegation = support.delegation()
    schedule = support.schedule(delegation.id, selector={"whole_project": True})
    support.add(support.project(), delegation, schedule)
    support.add(*(support.volume() for _ in range(3)), support.volume(support.THEIRS))
    (shown,) = admin.get(PATH).body["projects"]
    figures = member.get("/v1/statistics").body["statistics"]
    assert shown["volumes"] == figures["volumes"]["total"] == 3
    assert shown["protected_volumes"] == figures["volumes"]["protected"] == 3


def test_who_may(member: Caller, reader: Caller, admin: Caller) -> None:
    assert admin.get(PATH).body == {"projects": []}
    for caller in (member, reader):
        answer = caller.get(PATH)
        assert (answer.status, "project:list" in answer.error["message"]) == (403, True)
