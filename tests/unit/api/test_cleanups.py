"""Clean-ups over REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from backup_manager.db.models import Backup, Run, Task

from . import support
from .support import Answer, Caller
from .test_deletions import _backup, change, ids, tasks


@dataclass
class Place:
    """Two volumes, each with a chain of 40 and 39 days and a full backup of a day."""

    db: str
    web: str
    old: dict[str, list[str]]
    young: dict[str, str]


@pytest.fixture
def place(member: Caller) -> Place:
    db, web = support.volume(name="db"), support.volume(name="web")
    support.add(support.project(), db, web)
    old: dict[str, list[str]] = {}
    young: dict[str, str] = {}
    for volume in (db, web):
        full = _backup(volume.id, 40, has_dependents=True, size_gb=3)
        old[volume.id] = [_backup(volume.id, 39, full), full]
        young[volume.id] = _backup(volume.id, 1)
    return Place(db.id, web.id, old, young)


def clean_up(caller: Caller, **body: Any) -> Answer:
    return caller("POST", "/v1/cleanups", {"cleanup": body})


def plan(caller: Caller, **body: Any) -> dict[str, Any]:
    before = support.count(Run, Task, Backup)
    answer = clean_up(caller, dry_run=True, **body)
    assert answer.status == 200, answer.body
    assert support.count(Run, Task, Backup) == before
    return answer.body["plan"]  # type: ignore[no-any-return]


def going(shown: dict[str, Any]) -> dict[str, list[str]]:
    """What goes, by the volume."""
    by_volume: dict[str, list[str]] = {}
    for each in shown["going"]:
        by_volume.setdefault(each["volume_id"], []).append(each["backup_id"])
    return by_volume


def test_all_volumes(member: Caller, place: Place) -> None:
    shown = plan(member, max_age_days=30)
    assert going(shown) == place.old
    assert (shown["count"], shown["size_gb"], shown["warnings"]) == (4, 8, [])
    assert sorted(ids(shown["kept"])) == sorted(place.young.values())
    totals = {each["volume_name"]: each for each in shown["volumes"]}
    assert totals["db"] == {
        "volume_id": place.db,
        "volume_name": "db",
        "count": 2,
        "size_gb": 4,
        "kept": 1,
    }
    assert totals.keys() == {"db", "web"}
    assert shown["going"][0]["reason"] == "Not kept by this clean-up: 30 days."
    answer = clean_up(member, max_age_days=30, digest=shown["digest"])
    assert answer.status == 202
    run = answer.body["run"]
    assert (run["action"], run["trigger"], run["counts"]["pending"]) == ("delete", "user", 4)
    assert [task.backup_id for task in tasks()] == ids(shown["going"])
    assert {task.volume_name for task in tasks()} == {"db", "web"}
    assert tasks()[0].parameters == {"by": "age", "max_age_days": 30, "include_last": False}


def test_some_volumes(member: Caller, place: Place) -> None:
    policies = [
        {"volume_id": place.db, "max_age_days": 39},
        {"volume_id": place.web, "max_age_days": 40},
    ]
    shown = plan(member, volume_policies=policies)
    assert going(shown) == {place.db: place.old[place.db]}
    rules = {each["backup_id"]: each["rule"] for each in shown["kept"]}
    leaf, full = place.old[place.web]
    assert (rules[leaf], rules[full]) == ("max_age_days", "needed")
    shown = plan(member, volume_policies=policies[:1])
    assert going(shown) == {place.db: place.old[place.db]}
    assert [each["volume_id"] for each in shown["volumes"]] == [place.db]
    body = {"volume_policies": policies[:1], "digest": shown["digest"]}
    assert clean_up(member, **body).status == 202
    assert {task.volume_id for task in tasks()} == {place.db}
    assert tasks()[0].parameters["max_age_days"] == 39


def test_nothing_goes(member: Caller, place: Place) -> None:
    shown = plan(member, max_age_days=60)
    assert (shown["count"], shown["going"]) == (0, [])
    assert [each["kept"] for each in shown["volumes"]] == [3, 3]
    answer = clean_up(member, max_age_days=60, digest=shown["digest"])
    assert answer.status == 409
    assert "nothing to delete" in answer.error["message"]
    assert support.count() == 0


def test_the_last_good_backup(member: Caller, place: Place) -> None:
    volume_id = support.new_id()
    last = _backup(volume_id, 90)
    body: dict[str, Any] = {"volume_policies": [{"volume_id": volume_id, "max_age_days": 30}]}
    shown = plan(member, **body)
    assert (shown["going"], shown["kept"][0]["rule"]) == ([], "last_good")
    shown = plan(member, include_last=True, **body)
    assert ids(shown["going"]) == [last]
    assert shown["warnings"] == [
        f"Volume without a name ({volume_id}) is left without any good backup."
    ]
    answer = clean_up(member, include_last=True, digest=shown["digest"], **body)
    assert answer.status == 202
    (task,) = tasks()
    assert task.parameters["include_last"] is True


def test_what_others_made_goes_too_but_not_what_is_held(member: Caller, place: Place) -> None:
    foreign = _backup(place.db, 50, run_id=None)
    change(place.old[place.web][0], held=True)
    shown = plan(member, max_age_days=30)
    assert set(ids(shown["going"])) == {*place.old[place.db], foreign}
    rules = {each["backup_id"]: each["rule"] for each in shown["kept"]}
    leaf, full = place.old[place.web]
    assert (rules[leaf], rules[full]) == ("held", "needed")


def test_digest(member: Caller, place: Place) -> None:
    answer = clean_up(member, max_age_days=30)
    assert (answer.status, answer.error["field"]) == (400, "digest")
    digest = plan(member, max_age_days=30)["digest"]
    for body in ({"max_age_days": 30, "digest": "0" * 64}, {"max_age_days": 39, "digest": "x"}):
        answer = clean_up(member, **body)
        assert answer.status == 409
        assert "has changed since you looked" in answer.error["message"]
    change(place.old[place.db][0], held=True)
    assert clean_up(member, max_age_days=30, digest=digest).status == 409
    assert support.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "max_age_days"),
        ({"max_age_days": 0}, "max_age_days"),
        ({"max_age_days": 366}, "max_age_days"),
        ({"max_age_days": "30"}, "max_age_days"),
        (
            {
                "max_age_days": 30,
                "volume_policies": [{"volume_id": support.UNKNOWN, "max_age_days": 1}],
            },
            "max_age_days",
        ),
        ({"volume_policies": []}, "volume_policies"),
        ({"volume_policies": [{"volume_id": support.UNKNOWN}]}, "volume_policies[0].max_age_days"),
        (
            {"volume_policies": [{"volume_id": "db", "max_age_days": 1}]},
            "volume_policies[0].volume_id",
        ),
        (
            {"volume_policies": [{"volume_id": support.UNKNOWN, "max_age_days": 400}]},
            "volume_policies[0].max_age_days",
        ),
        (
            {
                "volume_policies": [
                    {"volume_id": support.UNKNOWN, "max_age_days": days} for days in (1, 2)
                ]
            },
            "volume_policies[1].volume_id",
        ),
        (
            {
                "volume_policies": [
                    {"volume_id": support.new_id(), "max_age_days": 1} for _ in range(101)
                ]
            },
            "volume_policies",
        ),
        ({"max_age_days": 30, "include_last": "no"}, "include_last"),
        ({"max_age_days": 30, "everything": True}, "everything"),
    ],
)
def test_bad_requests(member: Caller, place: Place, body: dict[str, Any], field: str) -> None:
    for more in ({"dry_run": True}, {"digest": "x"}):
        answer = clean_up(member, **body, **more)
        assert (answer.status, answer.error["field"]) == (400, field)
    assert support.count() == 0


def test_projects_of_others(member: Caller, stranger: Caller, admin: Caller, place: Place) -> None:
    policies = [{"volume_id": place.db, "max_age_days": 30}]
    for caller in (stranger, admin):
        answer = clean_up(caller, dry_run=True, volume_policies=policies)
        assert (answer.status, answer.error["field"]) == (404, "volume_policies[0].volume_id")
        assert plan(caller, max_age_days=1)["volumes"] == []
    assert support.count() == 0


def test_readers_may_not(reader: Caller, place: Place) -> None:
    for body in ({"dry_run": True}, {"digest": "x"}):
        answer = clean_up(reader, max_age_days=30, **body)
        assert answer.status == 403
        assert "cleanup:create" in answer.error["message"]
