"""Hold, policies of retention, and what they come to, over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from oslo_config import cfg

from backup_manager import cinder, exceptions
from backup_manager.db import inventory as db_inventory
from backup_manager.db import session as db_session
from backup_manager.db.models import Backup, ProjectPolicy, Schedule, Volume, VolumePolicy
from backup_manager.rules.quota import Quota

from . import support
from .support import NOW, Answer, Caller

DAY = timedelta(days=1)
DEFAULT = "the default of this installation"


@pytest.fixture
def volume() -> Volume:
    made = support.volume()
    support.add(support.project(), made)
    return made


@pytest.fixture
def nightly(volume: Volume) -> Schedule:
    delegation = support.delegation()
    made = support.schedule(delegation.id, retention={"max_age_days": 7})
    listed = support.ScheduleVolume(schedule_id=made.id, volume_id=volume.id)
    support.add(delegation, made, listed)
    return made


def add_backup(volume_id: str, age: float, **values: Any) -> str:
    """A backup of so many days ago, by this service unless ``values`` say otherwise."""
    made = {"created_at": NOW - age * DAY, "run_id": support.new_id(), **values}
    row = support.backup(volume_id, **made)
    support.add(row)
    return row.id


def put(caller: Caller, path: str, retention: Any) -> Answer:
    return caller("PUT", path, {"policy": {"retention": retention}})


# ---------------------------------------------------------------- hold


def hold(caller: Caller, backup_id: str, body: Any) -> Answer:
    return caller("PATCH", f"/v1/backups/{backup_id}", {"backup": body})


def test_hold_and_release(member: Caller, volume: Volume) -> None:
    backup_id = add_backup(volume.id, 1)
    path = f"/v1/backups/{backup_id}"
    before = member.get(path).body["backup"]
    assert (before["held"], before["hold_reason"], before["ours"]) == (False, None, True)
    held = hold(member, backup_id, {"held": True, "hold_reason": "audit"})
    assert held.status == 200
    decided = {"keep": True, "rule": "held", "reason": "On hold: audit", "expires_at": None}
    expected = {**before, "held": True, "hold_reason": "audit", "retention": decided}
    assert held.body["backup"] == expected
    assert member.get(path).body == held.body
    assert member.get("/v1/backups?retention=true").body["backups"] == [held.body["backup"]]
    assert hold(member, backup_id, {"held": False}).body["backup"] == before


def test_hold_is_not_lost_when_cinder_is_read(member: Caller, volume: Volume) -> None:
    backup_id = add_backup(volume.id, 1)
    hold(member, backup_id, {"held": True, "hold_reason": "audit"})
    seen = cinder.Backup(
        id=backup_id,
        volume_id=volume.id,
        snapshot_id=None,
        name="renamed",
        description=None,
        status="available",
        is_incremental=False,
        has_dependents=False,
        size_gb=1,
        fail_reason=None,
        availability_zone=None,
        data_timestamp=None,
        created_at=NOW - DAY,
        updated_at=NOW,
        metadata={},
    )
    with db_session.writer() as session:
        db_inventory.store_backups(session, support.OURS, [seen], NOW)
    shown = member.get(f"/v1/backups/{backup_id}").body["backup"]
    assert (shown["name"], shown["held"], shown["hold_reason"]) == ("renamed", True, "audit")


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "held"),
        ({"held": "yes"}, "held"),
        ({"held": True, "hold_reason": 1}, "hold_reason"),
        ({"held": True, "hold_reason": "x" * 256}, "hold_reason"),
        ({"held": False, "hold_reason": "why"}, "hold_reason"),
        ({"held": True, "name": "x"}, "name"),
    ],
)
def test_bad_hold(member: Caller, volume: Volume, body: Any, field: str) -> None:
    answer = hold(member, add_backup(volume.id, 1), body)
    assert (answer.status, answer.error["field"]) == (400, field)


def test_hold_of_somebody_else(
    member: Caller, stranger: Caller, admin: Caller, volume: Volume
) -> None:
    backup_id = add_backup(volume.id, 1)
    for caller in (stranger, admin):
        answer = hold(caller, backup_id, {"held": True})
        assert answer.status == 404
        assert backup_id in answer.error["message"]
    assert member.get(f"/v1/backups/{backup_id}").body["backup"]["held"] is False


def test_backups_that_are_not_ours(member: Caller, volume: Volume) -> None:
    backup_id = add_backup(volume.id, 1, run_id=None)
    assert member.get(f"/v1/backups/{backup_id}").body["backup"]["ours"] is False


# ---------------------------------------------------------------- policies


def effective(caller: Caller, path: str) -> dict[str, str]:
    answer = caller.get(path)
    assert answer.status == 200
    return {each["origin"]: each["description"] for each in answer.body["policy"]["effective"]}


def test_policy_of_the_project(member: Caller, stranger: Caller) -> None:
    assert member.get("/v1/policy").body["policy"]["retention"] is None
    assert effective(member, "/v1/policy") == {DEFAULT: "30 days"}
    answer = put(member, "/v1/policy", {"keep_last": 3, "max_age_days": None})
    assert answer.status == 200
    assert answer.body == member.get("/v1/policy").body
    assert answer.body["policy"]["retention"] == {"keep_last": 3}
    assert effective(member, "/v1/policy") == {"the policy of the project": "the 3 newest"}
    assert put(member, "/v1/policy", {}).body["policy"]["retention"] == {}
    assert effective(member, "/v1/policy") == {"the policy of the project": "everything is kept"}
    assert effective(stranger, "/v1/policy") == {DEFAULT: "30 days"}
    for _ in range(2):
        assert member("DELETE", "/v1/policy").status == 204
    assert effective(member, "/v1/policy") == {DEFAULT: "30 days"}


def test_installation_that_keeps_everything(conf: cfg.ConfigOpts, member: Caller) -> None:
    conf.set_override("max_age_days", 0, group="retention")
    assert effective(member, "/v1/policy") == {DEFAULT: "everything is kept"}


def test_policy_of_a_volume(member: Caller, volume: Volume, nightly: Schedule) -> None:
    path = f"/v1/volumes/{volume.id}/policy"
    assert effective(member, path) == {"schedule nightly": "7 days", DEFAULT: "30 days"}
    assert put(member, path, {"max_age_days": 99}).body["policy"]["retention"] == {
        "max_age_days": 99
    }
    assert effective(member, path) == {"the policy of the volume": "99 days"}
    assert member("DELETE", path).status == 204
    assert effective(member, path) == {"schedule nightly": "7 days", DEFAULT: "30 days"}


@pytest.mark.parametrize(
    "retention, field",
    [
        (None, "retention"),
        ([], "retention"),
        ({"max_age_days": 366}, "retention.max_age_days"),
        ({"max_age_days": 0}, "retention.max_age_days"),
        ({"keep_last": -1}, "retention.keep_last"),
        ({"keep_daily": True}, "retention.keep_daily"),
        ({"keep_daily": "7"}, "retention.keep_daily"),
        ({"keep_forever": 1}, "retention.keep_forever"),
    ],
)
def test_bad_policy(member: Caller, volume: Volume, retention: Any, field: str) -> None:
    for path in ("/v1/policy", f"/v1/volumes/{volume.id}/policy"):
        answer = put(member, path, retention)
        assert (answer.status, answer.error["field"]) == (400, field)
    assert support.count(ProjectPolicy, VolumePolicy) == 0


def test_policy_of_a_volume_of_somebody_else(stranger: Caller, volume: Volume) -> None:
    path = f"/v1/volumes/{volume.id}"
    assert put(stranger, f"{path}/policy", {"keep_last": 1}).status == 404
    assert stranger("DELETE", f"{path}/policy").status == 404
    for what in ("policy", "retention", "chain"):
        assert stranger.get(f"{path}/{what}").status == 404
    assert support.count(VolumePolicy) == 0


# ---------------------------------------------------------------- of schedules


def create(caller: Caller, volume: Volume, **more: Any) -> Answer:
    body = {"name": "n", "recurrence": support.DAILY, "volumes": [volume.id], **more}
    return caller("POST", "/v1/schedules", {"schedule": body})


@pytest.mark.parametrize(
    "given, stored",
    [
        ({}, None),
        ({"retention": None}, None),
        ({"retention": {}}, {}),
        ({"retention": {"keep_last": 2, "keep_daily": None}}, {"keep_last": 2}),
    ],
)
def test_schedule(member: Caller, volume: Volume, given: Any, stored: Any) -> None:
    made = create(member, volume, **given).body["schedule"]
    assert made["retention"] == stored
    path = f"/v1/schedules/{made['id']}"
    for generation, wanted in enumerate(({"max_age_days": 3}, {}, None), 1):
        change = {"generation": generation, "retention": wanted}
        answer = member("PATCH", path, {"schedule": change})
        assert answer.body["schedule"]["retention"] == wanted
    assert member.get(path).body["schedule"]["retention"] is None


def test_schedule_with_a_bad_policy(
    member: Caller, volume: Volume, nightly: Schedule, delegations: support.Delegations
) -> None:
    bad = {"max_age_days": 1000}
    change = {"generation": 1, "retention": bad}
    path = f"/v1/schedules/{nightly.id}"
    for answer in (
        create(member, volume, retention=bad),
        member("PATCH", path, {"schedule": change}),
    ):
        assert (answer.status, answer.error["field"]) == (400, "retention.max_age_days")
    assert delegations.granted == []
    assert member.get(path).body["schedule"]["retention"] == {"max_age_days": 7}


# ---------------------------------------------------------------- what goes, what stays


def fates(answer: Answer) -> dict[str, str]:
    """The rule by the backup's id; of those that go with a minus."""
    assert answer.status == 200, answer.body
    plan = answer.body["plan"]
    assert plan["count"] == len(plan["going"])
    assert plan["size_gb"] == sum(each["size_gb"] for each in plan["going"])
    return {
        **{each["backup_id"]: f"-{each['rule']}" for each in plan["going"]},
        **{each["backup_id"]: each["rule"] for each in plan["kept"]},
    }


def test_preview_of_a_volume(member: Caller, volume: Volume, nightly: Schedule) -> None:
    ours = {"schedule_id": nightly.id}
    full = add_backup(volume.id, 20, has_dependents=True, **ours)
    increment = add_backup(
        volume.id, 19, is_incremental=True, parent_id=full, parent_source="recorded", **ours
    )
    held = add_backup(volume.id, 18, held=True, hold_reason="audit", **ours)
    foreign = add_backup(volume.id, 90, run_id=None)
    manual = add_backup(volume.id, 17)
    young = add_backup(volume.id, 1, **ours)
    answer = member.get(f"/v1/volumes/{volume.id}/retention")
    assert fates(answer) == {
        increment: "-expired",
        full: "-expired",
        held: "held",
        foreign: "foreign",
        manual: "max_age_days",
        young: "max_age_days",
    }
    plan = answer.body["plan"]
    assert [each["backup_id"] for each in plan["going"]] == [increment, full]
    assert plan["going"][0] == {
        "backup_id": increment,
        "volume_id": volume.id,
        "volume_name": "data",
        "type": "full",
        "size_gb": 1,
        "created_at": "2026-11-01T12:00:00Z",
        "status": "available",
        "rule": "expired",
        "reason": "Not kept by schedule nightly: 7 days.",
    }
    reasons = {each["backup_id"]: each["reason"] for each in plan["kept"]}
    assert reasons[held] == "On hold: audit"
    assert reasons[manual] == f"Kept by {DEFAULT}: younger than 30 days."
    assert support.count(Backup) == 6


def test_preview_of_another_policy(
    member: Caller, stranger: Caller, volume: Volume, nightly: Schedule
) -> None:
    path = "/v1/retention/preview"
    gone = support.new_id()
    old = add_backup(volume.id, 10, schedule_id=nightly.id)
    manual = add_backup(volume.id, 5)
    young = add_backup(volume.id, 1, schedule_id=nightly.id)
    of_gone = [add_backup(gone, days) for days in (3, 2)]
    put(member, f"/v1/volumes/{volume.id}/policy", {})
    wanted = {"retention": {"keep_last": 1}, "volumes": [volume.id, gone]}
    answer = member("POST", path, {"preview": wanted})
    assert fates(answer) == {
        old: "-expired",
        manual: "-expired",
        young: "keep_last",
        of_gone[0]: "-expired",
        of_gone[1]: "keep_last",
    }
    going = {each["backup_id"]: each["reason"] for each in answer.body["plan"]["going"]}
    assert going[old] == "Not kept by this policy: the newest."
    # What is set decides still.
    assert set(fates(member.get(f"/v1/volumes/{volume.id}/retention")).values()) == {"no_rules"}
    assert support.count(Backup) == 5
    foreign = stranger("POST", path, {"preview": {**wanted, "volumes": [gone]}})
    assert (foreign.status, foreign.error["field"]) == (404, "volumes[0]")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"retention": {"max_age_days": 1000}}, "retention.max_age_days"),
        ({"retention": {"keep_some": 1}}, "retention.keep_some"),
        ({"retention": None}, "retention"),
        ({"volumes": []}, "volumes"),
        ({"volumes": ["data"]}, "volumes[0]"),
        ({"volumes": [support.UNKNOWN] * 2}, "volumes[1]"),
    ],
)
def test_preview_of_what_is_no_policy(
    member: Caller, volume: Volume, changes: dict[str, Any], field: str
) -> None:
    wanted = {"retention": {"keep_last": 1}, "volumes": [volume.id], **changes}
    answer = member("POST", "/v1/retention/preview", {"preview": wanted})
    assert (answer.status, answer.error["field"]) == (400, field)


def test_policies_in_their_order(member: Caller, volume: Volume, nightly: Schedule) -> None:
    old = add_backup(volume.id, 10, schedule_id=nightly.id)
    manual = add_backup(volume.id, 20)
    add_backup(volume.id, 1, schedule_id=nightly.id)
    path = f"/v1/volumes/{volume.id}/retention"

    def going() -> set[str]:
        return {each["backup_id"] for each in member.get(path).body["plan"]["going"]}

    assert going() == {old}
    put(member, "/v1/policy", {"max_age_days": 15})
    assert going() == {old, manual}
    put(member, f"/v1/volumes/{volume.id}/policy", {})
    assert going() == set()
    put(member, f"/v1/volumes/{volume.id}/policy", {"max_age_days": 15})
    assert going() == {manual}


def test_policy_of_a_deleted_schedule_counts_no_more(
    member: Caller, volume: Volume, nightly: Schedule
) -> None:
    old = add_backup(volume.id, 10, schedule_id=nightly.id)
    add_backup(volume.id, 1, schedule_id=nightly.id)
    path = f"/v1/volumes/{volume.id}/retention"
    assert fates(member.get(path))[old] == "-expired"
    member("DELETE", f"/v1/schedules/{nightly.id}")
    assert fates(member.get(path))[old] == "max_age_days"


def test_digest_is_of_what_goes(member: Caller, volume: Volume, nightly: Schedule) -> None:
    path = f"/v1/volumes/{volume.id}/retention"
    old = add_backup(volume.id, 10, schedule_id=nightly.id)
    add_backup(volume.id, 1, schedule_id=nightly.id)
    first = member.get(path).body["plan"]["digest"]
    add_backup(volume.id, 0.5, schedule_id=nightly.id)
    assert member.get(path).body["plan"]["digest"] == first
    hold(member, old, {"held": True})
    assert member.get(path).body["plan"]["digest"] != first


def test_preview_of_a_schedule(
    member: Caller, stranger: Caller, volume: Volume, nightly: Schedule
) -> None:
    other, before = support.volume(name="other"), support.volume(name="before")
    support.add(other, before)
    listed = add_backup(volume.id, 10, schedule_id=nightly.id)
    last = add_backup(before.id, 10, schedule_id=nightly.id)
    add_backup(other.id, 10)
    path = f"/v1/schedules/{nightly.id}/retention"
    assert fates(member.get(path)) == {listed: "last_good", last: "last_good"}
    answer = stranger.get(path)
    assert answer.status == 404
    assert nightly.id in answer.error["message"]


def test_volume_that_is_gone(member: Caller) -> None:
    support.add(support.project())
    volume_id = support.new_id()
    backup_id = add_backup(volume_id, 90)
    assert fates(member.get(f"/v1/volumes/{volume_id}/retention")) == {backup_id: "last_good"}
    chain = member.get(f"/v1/volumes/{volume_id}/chain").body["chain"]
    assert (chain["volume_name"], len(chain["backups"])) == (None, 1)
    assert put(member, f"/v1/volumes/{volume_id}/policy", {"keep_last": 1}).status == 200


def test_volume_without_backups(member: Caller, volume: Volume) -> None:
    assert fates(member.get(f"/v1/volumes/{volume.id}/retention")) == {}
    chain = member.get(f"/v1/volumes/{volume.id}/chain").body["chain"]
    assert chain == {"volume_id": volume.id, "volume_name": "data", "backups": []}


# ---------------------------------------------------------------- chains


def test_chain(member: Caller, volume: Volume) -> None:
    full = add_backup(volume.id, 50, has_dependents=True)
    first = add_backup(
        volume.id,
        49,
        is_incremental=True,
        has_dependents=True,
        parent_id=full,
        parent_source="recorded",
    )
    second = add_backup(
        volume.id, 48, is_incremental=True, parent_id=first, parent_source="derived", run_id=None
    )
    doubtful = add_backup(volume.id, 60, has_dependents=True)
    young = add_backup(volume.id, 1, held=True, hold_reason="audit")
    chain = member.get(f"/v1/volumes/{volume.id}/chain").body["chain"]
    wanted = ("backup_id", "depth", "parent_id", "verified", "ours", "keep", "rule")
    assert [tuple(each[name] for name in wanted) for each in chain["backups"]] == [
        (doubtful, 0, None, False, True, True, "unverified"),
        (full, 0, None, True, True, True, "needed"),
        (first, 1, full, True, True, True, "needed"),
        # Something else than this builds on the one above: it can be this one.
        (second, 2, first, False, False, True, "foreign"),
        (young, 0, None, True, True, True, "held"),
    ]
    assert chain["backups"][-1]["hold_reason"] == "audit"


# ---------------------------------------------------------------- the days to come


def simulate(caller: Caller, **body: Any) -> Answer:
    return caller("POST", "/v1/retention/simulate", {"simulation": body})


def test_simulation(
    member: Caller, volume: Volume, nightly: Schedule, cinder: support.Cinder
) -> None:
    add_backup(volume.id, 6.5, schedule_id=nightly.id)
    cinder.quota = Quota(backups=3, backups_used=1, gigabytes=None, gigabytes_used=1)
    answer = simulate(member, days=10)
    assert answer.status == 200
    forecast = answer.body["simulation"]
    days = forecast["days"]
    assert (len(days), days[0]["date"], days[0]["made"]) == (10, "2026-11-20", 0)
    assert [day["made"] for day in days[1:]] == [1] * 9
    assert sum(day["deleted"] for day in days) == 3
    assert (days[-1]["backups"], days[-1]["size_gb"]) == (7, 7)
    assert forecast["quota"] == {
        "backups": 3,
        "backups_full_on": "2026-11-24",
        "gigabytes": None,
        "gigabytes_full_on": None,
    }
    assert (forecast["is_complete"], forecast["quota_error"]) == (True, None)


def test_simulation_of_a_project_without_anything(member: Caller, stranger: Caller) -> None:
    days = simulate(stranger).body["simulation"]["days"]
    assert len(days) == 90
    assert {day["backups"] for day in days} == {0}


def test_simulation_without_a_quota(member: Caller, cinder: support.Cinder) -> None:
    cinder.quota_fails_with = exceptions.Unavailable("Cinder does not answer.")
    forecast = simulate(member, days=1).body["simulation"]
    assert (forecast["quota"], forecast["quota_error"]) == (None, "Cinder does not answer.")


@pytest.mark.parametrize("days", [0, 367, "90", True, None])
def test_bad_simulation(member: Caller, days: Any) -> None:
    answer = simulate(member, days=days)
    assert (answer.status, answer.error["field"]) == (400, "days")


def test_simulation_with_two_policies_takes_what_keeps_more(
    member: Caller, volume: Volume, nightly: Schedule
) -> None:
    add_backup(volume.id, 6.5, schedule_id=nightly.id)
    put(member, "/v1/policy", {})
    assert sum(day["deleted"] for day in simulate(member, days=30).body["simulation"]["days"]) > 9
    add_backup(volume.id, 6)
    days = simulate(member, days=30).body["simulation"]["days"]
    assert sum(day["deleted"] for day in days) == 0
