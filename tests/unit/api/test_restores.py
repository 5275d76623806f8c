"""Restores over REST."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backup_manager.db import session as db_session
from backup_manager.db.models import Task

from . import support
from .support import Answer, Caller

LATER = "2026-12-01T00:00:00Z"


@dataclass
class Place:
    """A volume with a full backup of yesterday and an incremental one, and a volume beside it."""

    volume: str
    full: str
    incremental: str
    other: str


@pytest.fixture
def place(member: Caller) -> Place:
    volume = support.volume(name="db", volume_type="fast", availability_zone="east")
    other = support.volume(name="other")
    yesterday = support.NOW - timedelta(days=1)
    full = support.backup(volume.id, created_at=yesterday.replace(microsecond=700000))
    incremental = support.backup(volume.id, is_incremental=True, parent_id=full.id)
    support.add(support.project(), volume, other, full, incremental)
    return Place(volume.id, full.id, incremental.id, other.id)


def restore(caller: Caller, *items: dict[str, Any]) -> Answer:
    return caller("POST", "/v1/restores", {"restore": {"items": list(items)}})


def tasks() -> list[Task]:
    with db_session.reader() as session:
        return list(session.scalars(select(Task).order_by(Task.position)))


def test_to_a_new_volume(member: Caller, place: Place) -> None:
    answer = restore(member, {"backup_id": place.incremental})
    assert answer.status == 202
    run = answer.body["run"]
    assert (run["action"], run["trigger"], run["counts"]["pending"]) == ("restore", "user", 1)
    (task,) = tasks()
    assert (task.volume_id, task.volume_name) == (place.volume, "db")
    assert (task.backup_id, task.target_volume_id) == (place.incremental, None)
    assert task.lock_volume_id is None
    assert task.parameters == {
        "new_volume": True,
        "name": "db-restored",
        "volume_type": "fast",
        "availability_zone": "east",
    }
    wanted = {"name": "n", "volume_type": "t", "availability_zone": "z"}
    restore(member, {"backup_id": place.incremental, **wanted})
    assert wanted in [{name: task.parameters[name] for name in wanted} for task in tasks()]


def test_onto_an_existing_volume(member: Caller, place: Place) -> None:
    answer = restore(member, {"backup_id": place.full, "target_volume_id": place.other})
    assert answer.status == 202
    (task,) = tasks()
    assert (task.target_volume_id, task.lock_volume_id) == (place.other, place.other)
    assert task.parameters == {"new_volume": False}
    (shown,) = member.get(f"/v1/runs/{answer.body['run']['id']}/tasks").body["tasks"]
    assert (shown["target_volume_id"], shown["seconds"]) == (place.other, None)


def test_of_a_volume_that_is_gone(member: Caller) -> None:
    backup = support.backup(support.new_id(), name=250 * "b")
    support.add(support.project(), backup)
    assert restore(member, {"backup_id": backup.id}).status == 202
    (task,) = tasks()
    assert task.volume_name is None
    assert task.parameters["name"] == 246 * "b" + "-restored"
    assert task.parameters["volume_type"] is None


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (LATER, "incremental"),
        ("2026-11-20T12:00:00Z", "incremental"),
        ("2026-11-20T11:59:59Z", "full"),
        # As the time of the backup is shown: without its fraction.
        ("2026-11-19T12:00:00Z", "full"),
        ("2026-11-19T14:00:00+02:00", "full"),
    ],
)
def test_by_point_in_time(member: Caller, place: Place, at: str, found: str) -> None:
    assert restore(member, {"volume_id": place.volume, "at": at}).status == 202
    assert [task.backup_id for task in tasks()] == [getattr(place, found)]


def test_before_the_oldest_restore_point(member: Caller, place: Place) -> None:
    answer = restore(member, {"volume_id": place.volume, "at": "2026-11-19T11:59:59Z"})
    assert (answer.status, answer.error["field"]) == (404, "items[0].at")
    assert f"its oldest one is {place.full} from 2026-11-19T12:00:00Z." in answer.error["message"]
    answer = restore(member, {"volume_id": place.other, "at": LATER})
    assert (answer.status, answer.error["field"]) == (404, "items[0].at")
    assert "it has none at all" in answer.error["message"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at": LATER}, "at"),
        ({"volume_id": support.UNKNOWN}, "volume_id"),
        ({"backup_id": "nothing"}, "backup_id"),
        ({"backup_id": None}, "backup_id"),
        ({"target_volume_id": support.UNKNOWN, "name": "n"}, "name"),
        ({"target_volume_id": support.UNKNOWN, "volume_type": "n"}, "volume_type"),
        ({"target_volume_id": support.UNKNOWN, "availability_zone": "n"}, "availability_zone"),
        ({"name": 256 * "n"}, "name"),
        ({"availability_zone": ""}, "availability_zone"),
        ({"force": True}, "force"),
    ],
)
def test_bad_items(member: Caller, place: Place, change: dict[str, Any], field: str) -> None:
    good = {"backup_id": place.full}
    answer = restore(member, good, {**good, **change})
    assert (answer.status, answer.error["field"]) == (400, f"items[1].{field}")
    assert support.count() == 0


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({}, "backup_id"),
        ({"volume_id": support.UNKNOWN}, "at"),
        ({"volume_id": support.UNKNOWN, "at": "yesterday"}, "at"),
    ],
)
def test_items_without_a_backup(member: Caller, item: dict[str, Any], field: str) -> None:
    answer = restore(member, item)
    assert (answer.status, answer.error["field"]) == (400, f"items[0].{field}")


def test_numbers_of_items(member: Caller, place: Place) -> None:
    item = {"backup_id": place.full}
    assert restore(member).error["field"] == "items"
    assert restore(member, *[item] * 101).error["field"] == "items"
    assert restore(member, *[item] * 100).status == 202


def test_one_volume_for_two_backups(member: Caller, place: Place) -> None:
    items = [{"backup_id": each, "target_volume_id": place.other} for each in (place.full,) * 2]
    answer = restore(member, *items)
    assert (answer.status, answer.error["field"]) == (400, "items[1].target_volume_id")
    assert "by items[0] already" in answer.error["message"]


def test_backups_that_cannot_be_restored(member: Caller, place: Place) -> None:
    broken = support.backup(place.volume, status="error")
    child = support.backup(place.volume, is_incremental=True, parent_id=broken.id)
    orphan = support.backup(support.new_id(), is_incremental=True)
    support.add(broken, child, orphan)
    for backup_id, reason in (
        (broken.id, "its status is error"),
        (child.id, f"backup {broken.id} of its chain is in status error"),
        (orphan.id, "its chain does not reach a full backup"),
    ):
        answer = restore(member, {"backup_id": backup_id})
        assert (answer.status, answer.error["field"]) == (409, "items[0].backup_id")
        assert reason in answer.error["message"]
    # They are passed over in favour of what can be restored.
    assert restore(member, {"volume_id": place.volume, "at": LATER}).status == 202
    assert [task.backup_id for task in tasks()] == [place.incremental]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status": "in-use", "server_ids": ["server-1"]}, "Detach it from server-1 first."),
        ({"status": "backing-up"}, "its status is backing-up, it must be available."),
        ({"size_gb": 0}, "has 0 GB, backup"),
    ],
)
def test_targets_that_cannot_be_overwritten(
    member: Caller, place: Place, values: dict[str, Any], reason: str
) -> None:
    target = support.volume(**values)
    support.add(target)
    answer = restore(member, {"backup_id": place.full, "target_volume_id": target.id})
    assert (answer.status, answer.error["field"]) == (409, "items[0].target_volume_id")
    assert reason in answer.error["message"]
    assert support.count() == 0


def test_what_is_not_in_the_project(member: Caller, stranger: Caller, place: Place) -> None:
    theirs = support.volume(support.THEIRS)
    support.add(theirs)
    items = [
        ({"backup_id": support.UNKNOWN}, "backup_id"),
        ({"volume_id": theirs.id, "at": LATER}, "volume_id"),
        ({"backup_id": place.full, "target_volume_id": theirs.id}, "target_volume_id"),
    ]
    for item, field in items:
        answer = restore(member, item)
        assert (answer.status, answer.error["field"]) == (404, f"items[0].{field}")
    assert restore(stranger, {"backup_id": place.full}).status == 404
    assert support.count() == 0


def test_readers_may_not(reader: Caller, place: Place) -> None:
    answer = restore(reader, {"backup_id": place.full})
    assert answer.status == 403
    assert "restore:create" in answer.error["message"]


def test_time_and_rate_of_a_task(member: Caller, place: Place) -> None:
    run = support.run(action="restore", status="running")
    began, ended = support.NOW, support.NOW + timedelta(seconds=20)
    times = {"submitted_at": began, "finished_at": ended, "size_gb": 5, "action": "restore"}
    support.add(run)
    support.add(
        support.task(run, 0, status="succeeded", **times),
        support.task(run, 1, status="failed", **times),
        support.task(run, 2, status="running", submitted_at=began),
    )
    shown = member.get(f"/v1/runs/{run.id}/tasks").body["tasks"]
    figures = [(task["seconds"], task["rate_mb_s"]) for task in shown]
    assert figures == [(20.0, 256.0), (20.0, None), (None, None)]
