"""Deletions of named backups over REST."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backup_manager import exceptions
from backup_manager.db import session as db_session
from backup_manager.db.models import Backup, Run, Task

from . import support
from .support import NOW, Answer, Caller

DAY = timedelta(days=1)


@dataclass
class Place:
    """A volume with a full backup, two increments on it, and another full one that is younger."""

    volume: str
    full: str
    first: str
    second: str
    young: str


@pytest.fixture
def place(member: Caller) -> Place:
    volume = support.volume(name="db")
    support.add(support.project(), volume)
    full = _backup(volume.id, 5, type="full", has_dependents=True)
    first = _backup(volume.id, 4, full, has_dependents=True)
    second = _backup(volume.id, 3, first)
    return Place(volume.id, full, first, second, _backup(volume.id, 1, size_gb=7))


def _backup(volume_id: str, age: float, parent_id: str | None = None, **values: Any) -> str:
    made: dict[str, Any] = {"run_id": support.new_id(), "created_at": NOW - age * DAY}
    if parent_id is not None:
        made.update(is_incremental=True, type="incremental")
        made.update(parent_id=parent_id, parent_source="recorded")
    row = support.backup(volume_id, **{**made, **values})
    support.add(row)
    return row.id


def delete(caller: Caller, *backup_ids: str, **more: Any) -> Answer:
    return caller("POST", "/v1/deletions", {"deletion": {"backup_ids": list(backup_ids), **more}})


def plan(caller: Caller, *backup_ids: str, **more: Any) -> dict[str, Any]:
    before = support.count(Run, Task, Backup)
    answer = delete(caller, *backup_ids, dry_run=True, **more)
    assert answer.status == 200, answer.body
    assert support.count(Run, Task, Backup) == before
    return answer.body["plan"]  # type: ignore[no-any-return]


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [each["backup_id"] for each in entries]


def tasks() -> list[Task]:
    with db_session.reader() as session:
        return list(session.scalars(select(Task).order_by(Task.position)))


def change(backup_id: str, **values: Any) -> None:
    with db_session.writer() as session:
        row = session.get(Backup, backup_id)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)


def test_one(member: Caller, place: Place, cinder: support.Cinder) -> None:
    shown = plan(member, place.young)
    assert (shown["count"], shown["size_gb"], shown["kept"]) == (1, 7, [])
    (going,) = shown["going"]
    assert (going["backup_id"], going["volume_name"]) == (place.young, "db")
    assert (going["rule"], going["reason"]) == ("named", "You named it.")
    cinder.asked.clear()
    answer = delete(member, place.young)
    assert answer.status == 202
    assert cinder.asked == [0]
    run = answer.body["run"]
    assert (run["action"], run["trigger"], run["counts"]["pending"]) == ("delete", "user", 1)
    (task,) = tasks()
    assert (task.backup_id, task.volume_id, task.volume_name) == (place.young, place.volume, "db")
    assert (task.size_gb, task.backup_type, task.note) == (7, "full", "You named it.")
    assert (task.lock_volume_id, task.parameters) == (place.volume, {"by": "name"})
    assert member.get(f"/v1/runs/{run['id']}/tasks").body["tasks"][0]["size_gb"] == 7


def test_several_go_leaf_first(member: Caller, place: Place) -> None:
    named = (place.full, place.second, place.first)
    assert ids(plan(member, *named)["going"]) == [place.second, place.first, place.full]
    assert delete(member, *named).status == 202
    assert [task.backup_id for task in tasks()] == [place.second, place.first, place.full]


def test_a_parent_is_refused(member: Caller, place: Place) -> None:
    shown = plan(member, place.full, place.young)
    assert ids(shown["going"]) == [place.young]
    (refused,) = shown["kept"]
    assert (refused["backup_id"], refused["rule"]) == (place.full, "needed")
    assert refused["reason"] == f"{place.first}, {place.second} build on it."
    assert refused["remedy"] == "Delete what builds on it as well (--cascade)."
    answer = delete(member, place.full, place.young)
    assert answer.status == 409
    assert answer.error["message"] == (
        f"Nothing was deleted. Backup {place.full} can't be deleted: {place.first}, "
        f"{place.second} build on it. Delete what builds on it as well (--cascade)."
    )
    assert support.count() == 0


def test_cascade(member: Caller, place: Place) -> None:
    shown = plan(member, place.full, cascade=True)
    assert ids(shown["going"]) == [place.second, place.first, place.full]
    assert shown["going"][0]["reason"] == f"It builds on {place.first}."
    answer = delete(member, place.full, cascade=True)
    assert (answer.status, answer.error["field"]) == (400, "digest")
    assert support.count() == 0
    assert delete(member, place.full, cascade=True, digest=shown["digest"]).status == 202
    assert [task.backup_id for task in tasks()] == [place.second, place.first, place.full]


def test_failed_children_count(member: Caller, place: Place) -> None:
    child = _backup(place.volume, 0.5, place.young, status="error")
    # Cinder's own flag says nothing of them.
    (refused,) = plan(member, place.young)["kept"]
    assert refused["reason"] == f"{child} builds on it."
    assert ids(plan(member, place.young, cascade=True)["going"]) == [child, place.young]


def test_what_has_changed_since_the_look(member: Caller, place: Place) -> None:
    digest = plan(member, place.full, cascade=True)["digest"]
    _backup(place.volume, 2, place.second)
    answer = delete(member, place.full, cascade=True, digest=digest)
    assert answer.status == 409
    assert "has changed since you looked" in answer.error["message"]
    assert delete(member, place.young, digest=digest).status == 409
    assert support.count() == 0
    assert delete(member, place.young, digest=plan(member, place.young)["digest"]).status == 202


@pytest.mark.parametrize(
    ("values", "reason", "remedy"),
    [
        ({"held": True, "hold_reason": "audit"}, "On hold: audit.", "--no-hold"),
        ({"held": True}, "On hold.", "--no-hold"),
        ({"status": "creating"}, "Its status is creating;", "Wait until"),
        ({"status": "error", "snapshot_id": support.UNKNOWN}, "from a snapshot", "not on Ceph"),
    ],
)
def test_what_may_not_go(
    member: Caller, place: Place, values: dict[str, Any], reason: str, remedy: str
) -> None:
    change(place.young, **values)
    (refused,) = plan(member, place.young)["kept"]
    assert reason.rstrip(".") in refused["reason"]
    assert remedy in refused["remedy"]
    answer = delete(member, place.young)
    assert answer.status == 409
    for text in (place.young, reason, remedy):
        assert text in answer.error["message"]
    assert support.count() == 0


def test_what_is_being_restored(member: Caller, place: Place) -> None:
    run = support.run(action="restore", status="running")
    restore = support.task(run, action="restore", status="running", backup_id=place.second)
    support.add(run, restore)
    (refused,) = plan(member, place.second)["kept"]
    assert refused["remedy"] == "Wait until the restore is over, or cancel that."
    # What it builds on is not better off.
    shown = plan(member, place.first, cascade=True)
    assert shown["going"] == []
    remedies = {each["backup_id"]: each["remedy"] for each in shown["kept"]}
    assert remedies == {place.second: refused["remedy"], place.first: None}
    answer = delete(member, place.first, cascade=True, digest=shown["digest"])
    assert answer.status == 409
    assert place.second in answer.error["message"]


def test_warning_of_a_volume_without_a_good_backup(member: Caller, place: Place) -> None:
    assert plan(member, place.young)["warnings"] == []
    shown = plan(member, place.full, place.young, cascade=True)
    assert shown["warnings"] == [f"Volume db ({place.volume}) is left without any good backup."]
    gone = _backup(support.new_id(), 1)
    (warning,) = plan(member, gone)["warnings"]
    assert warning.startswith("Volume without a name (")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"backup_ids": []}, "backup_ids"),
        ({"backup_ids": "all"}, "backup_ids"),
        ({"backup_ids": ["first"]}, "backup_ids[0]"),
        ({"backup_ids": [support.UNKNOWN] * 2}, "backup_ids[1]"),
        ({"backup_ids": [support.new_id() for _ in range(101)]}, "backup_ids"),
        ({"cascade": "yes"}, "cascade"),
        ({"dry_run": 1}, "dry_run"),
        ({"digest": 65 * "0"}, "digest"),
        ({"force": True}, "force"),
    ],
)
def test_bad_requests(member: Caller, place: Place, change: dict[str, Any], field: str) -> None:
    body = {"deletion": {"backup_ids": [place.young], **change}}
    answer = member("POST", "/v1/deletions", body)
    assert (answer.status, answer.error["field"]) == (400, field)
    assert member("POST", "/v1/deletions", {"deletion": {}}).error["field"] == "backup_ids"
    assert support.count() == 0


def test_what_is_not_in_the_project(
    member: Caller, stranger: Caller, admin: Caller, place: Place
) -> None:
    for caller in (stranger, admin):
        for dry_run in (True, False):
            answer = delete(caller, place.young, dry_run=dry_run)
            assert (answer.status, answer.error["field"]) == (404, "backup_ids[0]")
            assert place.young in answer.error["message"]
    answer = delete(member, place.young, support.UNKNOWN)
    assert (answer.status, answer.error["field"]) == (404, "backup_ids[1]")
    assert support.count() == 0


def test_one_that_came_a_moment_ago(member: Caller, place: Place, cinder: support.Cinder) -> None:
    unseen = support.backup(place.volume)
    cinder.unseen = [unseen]
    assert delete(member, unseen.id).status == 202


def test_readers_may_not(reader: Caller, place: Place) -> None:
    for dry_run in (True, False):
        answer = delete(reader, place.young, dry_run=dry_run)
        assert answer.status == 403
        assert "deletion:create" in answer.error["message"]


def test_without_a_delegation(
    member: Caller, place: Place, delegations: support.Delegations
) -> None:
    delegations.fails_with = exceptions.DelegationRefused("No trust can be made.")
    assert delete(member, place.young).status == 403
    assert plan(member, place.young)["count"] == 1
    assert support.count() == 0
