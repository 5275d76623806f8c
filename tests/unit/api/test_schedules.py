"""Schedules over REST: what becomes of them, and who may do what with those of others."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select

from backup_manager import clock, exceptions, inventory
from backup_manager.db import session as db_session
from backup_manager.db.models import Delegation, Run, Schedule, ScheduleVolume, Task

from . import support
from .support import Caller


@pytest.fixture
def volumes(member: Caller) -> list[str]:
    rows = [support.volume(name=name) for name in ("data", "logs")]
    support.add(support.project(), *rows)
    return [row.id for row in rows]


def create(caller: Caller, volumes: list[str], **changes: Any) -> dict[str, Any]:
    request = {"name": "nightly", "recurrence": support.DAILY, "volumes": volumes, **changes}
    answer = caller("POST", "/v1/schedules", {"schedule": request})
    assert answer.status == 201, answer.body
    return answer.body["schedule"]  # type: ignore[no-any-return]


def patch(caller: Caller, schedule: dict[str, Any], **changes: Any) -> support.Answer:
    request = {"generation": schedule["generation"], **changes}
    return caller("PATCH", f"/v1/schedules/{schedule['id']}", {"schedule": request})


def listed(schedule: dict[str, Any]) -> dict[str, Any]:
    """The schedule as lists show it: without what its selector picks."""
    return {name: value for name, value in schedule.items() if name != "selected"}


# ---------------------------------------------------------------- create


def test_create_with_defaults(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    assert created == member.get(f"/v1/schedules/{created['id']}").body["schedule"]
    assert created["volumes"] == sorted(volumes)
    assert created["delegation"] == {
        "mode": "trust",
        "state": "active",
        "user_id": "user-of-ours",
        "error": None,
        "checked_at": None,
    }
    expected = {
        "project_id": support.OURS,
        "user_id": "user-of-ours",
        "description": None,
        "enabled": True,
        "backup_type": "full",
        "max_incrementals": 6,
        "selector": None,
        "selected": [],
        "start_window_s": 3600,
        "completion_limit_s": None,
        "spread_s": 0,
        "recurrence": support.DAILY,
        "recurrence_text": "daily at 02:00",
        "cron": "0 2 * * *",
        "timezone": "UTC",
        "next_run_at": "2026-11-21T02:00:00Z",
        "last_run": None,
        "generation": 1,
        "updated_at": None,
    }
    assert expected.items() <= created.items()


def test_create_in_another_zone(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes, timezone="Asia/Shanghai")
    assert created["next_run_at"] == "2026-11-20T18:00:00Z"


def test_create_disabled(member: Caller, volumes: list[str]) -> None:
    assert create(member, volumes, enabled=False)["next_run_at"] is None


def test_new_volume_is_looked_for_in_cinder(
    member: Caller, volumes: list[str], cinder: support.Cinder
) -> None:
    fresh = support.volume(name="fresh")
    cinder.unseen = [fresh]
    create(member, [fresh.id])
    assert cinder.asked == [0]


def test_known_volumes_cost_no_look_at_cinder(
    member: Caller, volumes: list[str], cinder: support.Cinder
) -> None:
    create(member, volumes)
    assert cinder.asked == []


def test_refused_delegation_writes_nothing(
    member: Caller, volumes: list[str], delegations: support.Delegations
) -> None:
    delegations.fails_with = exceptions.DelegationRefused("Log in with your password.")
    request = {"name": "n", "recurrence": support.DAILY, "volumes": volumes}
    answer = member("POST", "/v1/schedules", {"schedule": request})
    assert (answer.status, answer.error["message"]) == (403, "Log in with your password.")
    assert support.count() == 0


def test_a_delegation_that_is_released_just_then_is_asked_for_again(
    member: Caller, volumes: list[str], delegations: support.Delegations
) -> None:
    schedule = create(member, volumes)
    request = {"name": "n", "recurrence": support.DAILY, "volumes": volumes}
    for path, body in (
        ("/v1/schedules", {"schedule": request}),
        ("/v1/backups", {"backup": {"volumes": volumes}}),
        (f"/v1/schedules/{schedule['id']}/run", None),
    ):
        before = support.count(Schedule, Run)
        delegations.states = ["releasing", "releasing"]
        answer = member("POST", path, body)
        assert answer.status in (201, 202), answer.body
        assert support.count(Schedule, Run) == before + 1


def test_a_delegation_that_is_released_again_and_again(
    member: Caller, volumes: list[str], delegations: support.Delegations
) -> None:
    delegations.states = ["releasing"] * 3
    answer = member("POST", "/v1/backups", {"backup": {"volumes": volumes}})
    assert (answer.status, "Repeat" in answer.error["message"]) == (409, True)
    assert support.count(Schedule, Run) == 0


# ---------------------------------------------------------------- change


def test_change_everything(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    changes = {
        "name": "weekly",
        "description": "all of it",
        "backup_type": "incremental",
        "max_incrementals": 0,
        "recurrence": {"type": "weekly", "time": "03:00", "weekdays": [6]},
        "timezone": "Europe/Berlin",
        "volumes": volumes[:1],
    }
    changed = patch(member, created, **changes).body["schedule"]
    assert changes.items() <= changed.items()
    assert changed["generation"] == 2
    assert changed["updated_at"] == "2026-11-20T12:00:00Z"
    assert changed["next_run_at"] == "2026-11-21T02:00:00Z"


def test_stale_change(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    assert patch(member, created, name="first").status == 200
    answer = patch(member, created, name="second", volumes=volumes[:1])
    assert answer.status == 409
    assert created["id"] in answer.error["message"]
    shown = member.get(f"/v1/schedules/{created['id']}").body["schedule"]
    assert (shown["name"], shown["volumes"]) == ("first", sorted(volumes))


def test_change_between_reading_and_writing(
    member: Caller, volumes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation is compared by the statement that writes, not only before."""
    created = create(member, volumes)
    fresh = support.volume()

    def meanwhile(*_: Any) -> None:
        support.add(fresh)
        with db_session.writer() as session:
            row = session.scalars(select(Schedule)).one()
            row.generation += 1

    monkeypatch.setattr(inventory, "refresh_with_token", meanwhile)
    assert patch(member, created, name="late", volumes=[fresh.id]).status == 409
    assert member.get(f"/v1/schedules/{created['id']}").body["schedule"]["name"] == "nightly"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"recurrence": {"type": "daily", "time": "24:00"}}, "recurrence.time"),
        ({"timezone": "Nowhere"}, "timezone"),
        ({"volumes": []}, "volumes"),
        ({"generation": 0}, "generation"),
        ({"user_id": "me"}, "user_id"),
    ],
)
def test_bad_change(
    member: Caller, volumes: list[str], changes: dict[str, Any], field: str
) -> None:
    created = create(member, volumes)
    answer = patch(member, created, **changes)
    assert (answer.status, answer.error["field"]) == (400, field)
    assert member.get(f"/v1/schedules/{created['id']}").body["schedule"] == created


def test_change_to_a_volume_of_another_project(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    theirs = support.volume(support.THEIRS)
    support.add(theirs)
    answer = patch(member, created, volumes=[volumes[0], theirs.id])
    assert (answer.status, answer.error["field"]) == (404, "volumes[1]")
    assert member.get(f"/v1/schedules/{created['id']}").body["schedule"] == created


def test_generation_is_required(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    path = f"/v1/schedules/{created['id']}"
    answer = member("PATCH", path, {"schedule": {"name": "n"}})
    assert (answer.status, answer.error["field"]) == (400, "generation")


def test_enabling_starts_from_now(
    member: Caller, volumes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    created = create(member, volumes)
    disabled = patch(member, created, enabled=False).body["schedule"]
    assert disabled["next_run_at"] is None
    later = support.NOW + timedelta(days=30)
    monkeypatch.setattr(clock, "now", lambda: later)
    enabled = patch(member, disabled, enabled=True).body["schedule"]
    assert enabled["next_run_at"] == "2026-12-21T02:00:00Z"


def test_unrelated_change_keeps_a_slot_that_is_due(
    member: Caller, volumes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends back all it read must not cancel what is about to fire."""
    created = create(member, volumes)
    due = datetime(2026, 11, 21, 2, 0, 1, tzinfo=timezone.utc)
    monkeypatch.setattr(clock, "now", lambda: due)
    same = {name: created[name] for name in ("recurrence", "timezone", "enabled", "volumes")}
    changed = patch(member, created, name="renamed", **same).body["schedule"]
    assert changed["next_run_at"] == "2026-11-21T02:00:00Z"
    changed = patch(member, changed, timezone="Europe/Berlin").body["schedule"]
    assert changed["next_run_at"] == "2026-11-22T01:00:00Z"


def test_change_of_the_zone_alone(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    changed = patch(member, created, timezone="Asia/Shanghai").body["schedule"]
    assert changed["next_run_at"] == "2026-11-20T18:00:00Z"


def break_delegation() -> None:
    with db_session.writer() as session:
        row = session.scalars(select(Delegation)).one()
        row.state, row.error = "broken", "The trust is gone."


def test_broken_delegation_is_shown_and_renewed(
    member: Caller, caller: Any, volumes: list[str], delegations: support.Delegations
) -> None:
    created = create(member, volumes)
    break_delegation()
    shown = member.get(f"/v1/schedules/{created['id']}").body["schedule"]
    assert (shown["delegation"]["state"], shown["delegation"]["error"]) == (
        "broken",
        "The trust is gone.",
    )
    renewed = patch(caller("colleague"), created, name="ours").body["schedule"]
    assert renewed["delegation"]["state"] == "active"
    assert renewed["delegation"]["user_id"] == "colleague"
    assert renewed["user_id"] == "user-of-ours"


def test_disabling_needs_no_delegation(
    member: Caller, volumes: list[str], delegations: support.Delegations
) -> None:
    created = create(member, volumes)
    break_delegation()
    delegations.fails_with = exceptions.DelegationRefused("no")
    disabled = patch(member, created, enabled=False)
    assert disabled.status == 200
    assert patch(member, disabled.body["schedule"], name="other").status == 200


# ---------------------------------------------------------------- delete


def test_delete(member: Caller, volumes: list[str], delegations: support.Delegations) -> None:
    created = create(member, volumes)
    path = f"/v1/schedules/{created['id']}"
    answer = member("DELETE", path)
    assert (answer.status, answer.body) == (204, None)
    assert support.count(Schedule, ScheduleVolume) == 0
    assert delegations.released == 1
    assert member("DELETE", path).status == 404


def test_delete_while_keystone_is_away(
    member: Caller, volumes: list[str], delegations: support.Delegations
) -> None:
    created = create(member, volumes)
    delegations.fails_with = exceptions.Unavailable("Keystone does not answer")
    assert member("DELETE", f"/v1/schedules/{created['id']}").status == 204


def test_runs_outlive_their_schedule(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    member("POST", f"/v1/schedules/{created['id']}/run")
    member("DELETE", f"/v1/schedules/{created['id']}")
    (run,) = member.get("/v1/runs").body["runs"]
    assert (run["schedule_id"], run["schedule_name"]) == (created["id"], "nightly")


# ---------------------------------------------------------------- run now


def test_run_now(member: Caller, volumes: list[str]) -> None:
    created = create(
        member, volumes, backup_type="incremental", max_incrementals=3, timezone="Asia/Shanghai"
    )
    answer = member("POST", f"/v1/schedules/{created['id']}/run")
    assert answer.status == 202
    run = answer.body["run"]
    expected = {
        "schedule_id": created["id"],
        "schedule_name": "nightly",
        "scheduled_for": None,
        "trigger": "user",
        "status": "pending",
        "request_id": answer.headers["X-Openstack-Request-Id"],
    }
    assert expected.items() <= run.items()
    assert (run["counts"]["total"], run["counts"]["pending"]) == (2, 2)
    with db_session.reader() as session:
        tasks = session.scalars(select(Task).order_by(Task.position)).all()
    assert [task.volume_name for task in tasks] == ["data", "logs"]
    assert tasks[0].parameters == {
        "type": "incremental",
        "max_incrementals": 3,
        "name": None,
        "description": None,
        "timezone": "Asia/Shanghai",
    }
    last = member.get(f"/v1/schedules/{created['id']}").body["schedule"]["last_run"]
    assert (last["id"], last["status"]) == (run["id"], "pending")


def test_missed_slots_are_not_the_last_run(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes)
    ran = support.run(schedule_id=created["id"], status="succeeded")
    missed = support.run(
        schedule_id=created["id"],
        status="missed",
        missed_slots=3,
        created_at=support.NOW + timedelta(hours=1),
    )
    support.add(ran, missed)
    shown = member.get(f"/v1/schedules/{created['id']}").body["schedule"]
    assert shown["last_run"]["id"] == ran.id


# ---------------------------------------------------------------- other projects


def test_schedules_of_others_do_not_exist(
    member: Caller, stranger: Caller, volumes: list[str]
) -> None:
    created = create(member, volumes)
    path = f"/v1/schedules/{created['id']}"
    requests: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("GET", f"{path}/preview", None),
        ("PATCH", path, {"schedule": {"generation": 1, "enabled": False}}),
        ("DELETE", path, None),
        ("POST", f"{path}/run", None),
    ]
    for method, where, request in requests:
        answer = stranger(method, where, request)
        no_id = support.new_id()
        unknown = stranger(method, where.replace(created["id"], no_id), request)
        assert answer.status == unknown.status == 404, (method, where)
        message = unknown.error["message"].replace(no_id, created["id"])
        assert answer.error["message"] == message
    assert stranger.get("/v1/schedules").body == {"schedules": []}
    assert stranger.get(f"/v1/schedules?volume_id={volumes[0]}").body == {"schedules": []}
    assert member.get(path).body["schedule"] == created


def test_what_an_admin_may_do_elsewhere(
    member: Caller, admin: Caller, volumes: list[str], delegations: support.Delegations
) -> None:
    created = create(member, volumes)
    path = f"/v1/schedules/{created['id']}"
    granted = list(delegations.granted)
    assert admin.get(path).body["schedule"] == created
    assert admin.get(f"{path}/preview").status == 200
    assert admin.get("/v1/schedules").body == {"schedules": []}
    assert admin.get("/v1/schedules?all_projects=true").body["schedules"] == [listed(created)]
    for theirs, number in ((support.OURS, 1), (support.THEIRS, 0)):
        found = admin.get(f"/v1/schedules?all_projects=true&project_id={theirs}")
        assert len(found.body["schedules"]) == number
    assert patch(admin, created, name="mine").status == 404
    assert patch(admin, created, enabled=False, name="mine").status == 404
    assert admin("POST", f"{path}/run").status == 404
    disabled = patch(admin, created, enabled=False)
    assert disabled.body["schedule"]["enabled"] is False
    assert patch(admin, disabled.body["schedule"], enabled=True).status == 404
    assert admin("DELETE", path).status == 204
    assert delegations.granted == granted
    assert support.count(Schedule, Run) == 0


def test_filters(member: Caller, volumes: list[str]) -> None:
    first = create(member, volumes[:1], name="a")
    second = create(member, volumes, name="b", enabled=False)
    first, second = both = [listed(first), listed(second)]
    for query, expected in (
        ("", both),
        ("name=b", [second]),
        ("enabled=true", [first]),
        ("enabled=0", [second]),
        (f"volume_id={volumes[0]}", both),
        (f"volume_id={volumes[1]}", [second]),
        ("name=c", []),
    ):
        assert member.get(f"/v1/schedules?{query}").body["schedules"] == expected, query
