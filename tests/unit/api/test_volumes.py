"""Volumes over REST: what is shown of them, and when Cinder is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from oslo_config import cfg

from backup_manager import exceptions
from backup_manager.db.models import Schedule, ScheduleVolume

from . import support
from .support import Caller


def test_everything_that_is_shown(member: Caller) -> None:
    volume = support.volume(
        status="in-use",
        size_gb=7,
        volume_type="fast",
        availability_zone="nova",
        server_ids=["server"],
        bootable=True,
    )
    delegation = support.delegation()
    schedules = [
        support.schedule(delegation.id, name=name, enabled=name != "z") for name in ("z", "a")
    ]
    backups = [
        support.backup(volume.id, name=str(hours), created_at=support.NOW - timedelta(hours=hours))
        for hours in (3, 2)
    ]
    broken = support.backup(volume.id, status="error")
    support.add(support.project(), volume, delegation, *schedules, *backups, broken)
    for schedule in schedules:
        support.add(ScheduleVolume(schedule_id=schedule.id, volume_id=volume.id))
    shown = member.get(f"/v1/volumes/{volume.id}").body["volume"]
    assert shown == {
        "id": volume.id,
        "project_id": support.OURS,
        "name": "data",
        "status": "in-use",
        "size_gb": 7,
        "volume_type": "fast",
        "availability_zone": "nova",
        "server_ids": ["server"],
        "bootable": True,
        "created_at": "2026-11-20T12:00:00Z",
        "can_back_up": True,
        "reason": None,
        "schedules": [
            {"id": schedules[1].id, "name": "a", "enabled": True},
            {"id": schedules[0].id, "name": "z", "enabled": False},
        ],
        "last_backup": {
            "id": backups[1].id,
            "name": "2",
            "type": "full",
            "created_at": "2026-11-20T10:00:00Z",
        },
        "late": False,
        "seen_at": "2026-11-20T12:00:00Z",
    }
    assert member.get("/v1/volumes").body == {"volumes": [shown]}


def test_why_a_volume_cannot_be_backed_up(member: Caller) -> None:
    support.add(support.volume(status="error"))
    (shown,) = member.get("/v1/volumes").body["volumes"]
    assert shown["can_back_up"] is False
    assert "status is error" in shown["reason"]
    assert shown["last_backup"] is None


def test_filters(member: Caller) -> None:
    good, attached, bad = (
        support.volume(name=status, status=status) for status in ("available", "in-use", "error")
    )
    delegation = support.delegation()
    enabled = support.schedule(delegation.id)
    disabled = support.schedule(delegation.id, enabled=False)
    support.add(good, attached, bad, delegation, enabled, disabled)
    support.add(
        ScheduleVolume(schedule_id=enabled.id, volume_id=good.id),
        ScheduleVolume(schedule_id=disabled.id, volume_id=bad.id),
    )
    for query, expected in (
        ("can_back_up=true", ["available", "in-use"]),
        ("can_back_up=false", ["error"]),
        ("protected=true", ["available"]),
        ("protected=false", ["error", "in-use"]),
        ("status=error", ["error"]),
        ("name=in-use", ["in-use"]),
        ("sort=name:desc", ["in-use", "error", "available"]),
    ):
        found = member.get(f"/v1/volumes?{query}").body["volumes"]
        assert [volume["name"] for volume in found] == expected, query


def test_late_volumes(member: Caller, admin: Caller) -> None:
    """As statistics count them, whether a list or a selector protects them."""
    long_ago = {"created_at": support.NOW - timedelta(days=30)}
    delegation = support.delegation()
    nightly = support.schedule(delegation.id, **long_ago)
    disabled = support.schedule(delegation.id, enabled=False, **long_ago)
    golden = support.schedule(delegation.id, selector={"volume_types": ["gold"]}, **long_ago)
    support.add(delegation, nightly, disabled, golden)

    def volume(name: str, days: int | None, *schedules: Schedule, **values: Any) -> None:
        row = support.volume(name=name, **{**long_ago, **values})
        support.add(row)
        support.add(*(ScheduleVolume(schedule_id=s.id, volume_id=row.id) for s in schedules))
        if days is not None:
            moment = support.NOW - timedelta(days=days)
            support.add(support.backup(row.id, created_at=moment))

    volume("good", 1, nightly)
    volume("late", 3, nightly, disabled)
    volume("late gold", 3, volume_type="gold")
    volume("never", None, nightly)
    volume("new", None, nightly, created_at=support.NOW)
    volume("disabled", 3, disabled)
    volume("unprotected", None)
    expected = {"late", "late gold", "never"}
    for caller, scope in ((member, ""), (admin, f"all_projects=1&project_id={support.OURS}")):
        shown = caller.get(f"/v1/volumes?{scope}").body["volumes"]
        assert {each["name"] for each in shown if each["late"]} == expected
        for late in (True, False):
            found = caller.get(f"/v1/volumes?{scope}&late={late}").body["volumes"]
            assert found == [each for each in shown if each["late"] is late]
        figures = caller.get(f"/v1/statistics?{scope}").body["statistics"]
        assert figures["volumes"]["late"] == len(expected)


_SEARCHES = [
    ("data", {"Data-1", "data_2"}),
    ("DATA_", {"data_2"}),
    ("a%1", {"a%1"}),
    ("%", {"a%1"}),
    ("/", {"a/b"}),
    ("\\", {"a\\b"}),
    ("größe", {"GRÖSSE GRÖẞE", "größe"}),
    ("nothing", set()),
]


@pytest.mark.parametrize(("text", "expected"), _SEARCHES)
def test_search(member: Caller, text: str, expected: set[str]) -> None:
    names = ["Data-1", "data_2", "a%1", "a/b", "a\\b", "GRÖSSE GRÖẞE", "größe", None]
    volume, delegation = support.volume(name=None), support.delegation()
    support.add(volume, delegation)
    support.add(*(support.volume(name=name) for name in names))
    support.add(*(support.backup(volume.id, name=name) for name in names))
    support.add(*(support.schedule(delegation.id, name=name) for name in names if name))
    support.add(support.volume(support.THEIRS, name=text))
    for plural in ("volumes", "backups", "schedules"):
        found = member.get(f"/v1/{plural}", query_string={"search": text}).body[plural]
        assert {each["name"] for each in found} == expected, plural


def test_search_by_id(member: Caller, stranger: Caller) -> None:
    volume, other, delegation = support.volume(), support.volume(), support.delegation()
    backups = [support.backup(volume.id), support.backup(volume.id), support.backup(other.id)]
    schedule = support.schedule(delegation.id)
    support.add(volume, other, delegation, *backups, schedule)
    for plural, text, expected in (
        ("volumes", volume.id, {volume.id}),
        ("volumes", volume.id[:-1], set()),
        ("backups", backups[0].id, {backups[0].id}),
        ("backups", volume.id, {backups[0].id, backups[1].id}),
        ("schedules", schedule.id, {schedule.id}),
    ):
        found = member.get(f"/v1/{plural}?search={text}").body[plural]
        assert {each["id"] for each in found} == expected
        assert stranger.get(f"/v1/{plural}?search={text}").body == {plural: []}


@pytest.mark.parametrize("plural", ["volumes", "backups", "schedules"])
def test_search_that_cannot_be(member: Caller, plural: str) -> None:
    for text in ("", "a%00b", "x" * 256):
        answer = member.get(f"/v1/{plural}?search={text}")
        assert (answer.status, answer.error["field"]) == (400, "search")


def test_transferred_volume_keeps_the_secrets_of_both(member: Caller, stranger: Caller) -> None:
    """Their schedule still names a volume that is ours now, as do their backups."""
    volume = support.volume(support.OURS)
    theirs = support.delegation(support.THEIRS, "stranger")
    schedule = support.schedule(theirs.id, support.THEIRS, name="secret")
    support.add(volume, theirs, schedule)
    support.add(
        ScheduleVolume(schedule_id=schedule.id, volume_id=volume.id),
        support.backup(volume.id, support.THEIRS, name="secret"),
    )
    (shown,) = member.get("/v1/volumes").body["volumes"]
    assert shown["schedules"] == []
    assert shown["last_backup"] is None
    assert member.get("/v1/volumes?protected=true").body["volumes"] == []
    (backup,) = stranger.get("/v1/backups").body["backups"]
    assert backup["volume_name"] is None
    assert stranger.get(f"/v1/volumes/{volume.id}").status == 404


# ---------------------------------------------------------------- asking Cinder


@pytest.mark.parametrize("plural", ["volumes", "backups"])
def test_lists_are_recent(
    member: Caller, conf: cfg.ConfigOpts, cinder: support.Cinder, plural: str
) -> None:
    member.get(f"/v1/{plural}")
    assert cinder.asked == [conf.api.inventory_max_age]


@pytest.mark.parametrize("plural", ["volumes", "backups"])
def test_lists_of_all_projects_are_as_recorded(
    admin: Caller, cinder: support.Cinder, plural: str
) -> None:
    assert admin.get(f"/v1/{plural}?all_projects=true").status == 200
    assert cinder.asked == []


@pytest.mark.parametrize("noun", ["volume", "backup"])
def test_unknown_id_is_looked_for_in_cinder(
    member: Caller, cinder: support.Cinder, noun: str
) -> None:
    volume = support.volume()
    row = volume if noun == "volume" else support.backup(volume.id)
    cinder.unseen = [row]
    answer = member.get(f"/v1/{noun}s/{row.id}")
    assert (answer.status, answer.body[noun]["id"]) == (200, row.id)
    assert cinder.asked[1:] == [1]


@pytest.mark.parametrize("noun", ["volume", "backup"])
def test_unknown_id(member: Caller, cinder: support.Cinder, noun: str) -> None:
    unknown = support.new_id()
    answer = member.get(f"/v1/{noun}s/{unknown}")
    assert answer.status == 404
    assert f"No {noun} with id {unknown}" in answer.error["message"]
    assert answer.error["field"] is None


@pytest.mark.parametrize("path", ["volumes/1", f"runs/{support.UNKNOWN.upper()}", "backups/%00"])
def test_what_cannot_be_an_id_is_not_looked_for(
    member: Caller, cinder: support.Cinder, path: str
) -> None:
    assert member.get(f"/v1/{path}").status == 404
    assert cinder.asked == []


def test_cinder_is_away(member: Caller, cinder: support.Cinder) -> None:
    cinder.fails_with = exceptions.Unavailable("Cinder does not answer")
    answer = member.get("/v1/volumes")
    assert (answer.status, answer.error["message"]) == (503, "Cinder does not answer")


def test_volumes_and_backups_of_others(stranger: Caller, admin: Caller) -> None:
    volume = support.volume()
    backup = support.backup(volume.id)
    support.add(support.project(), volume, backup)
    for noun, row in (("volume", volume), ("backup", backup)):
        assert stranger.get(f"/v1/{noun}s").body == {f"{noun}s": []}
        assert stranger.get(f"/v1/{noun}s/{row.id}").status == 404
        assert stranger.get(f"/v1/{noun}s?marker={row.id}").error["field"] == "marker"
        assert admin.get(f"/v1/{noun}s").body == {f"{noun}s": []}
        assert admin.get(f"/v1/{noun}s/{row.id}").status == 200
        assert len(admin.get(f"/v1/{noun}s?all_projects=1").body[f"{noun}s"]) == 1
