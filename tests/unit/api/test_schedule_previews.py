"""When a schedule would run, and what would be kept of it, before it does."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from backup_manager import clock

from . import support
from .support import Caller


def test_preview_across_a_change_of_the_clock(
    member: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    october = datetime(2027, 10, 30, 12, 0, tzinfo=timezone.utc)
    monkeypatch.setattr(clock, "now", lambda: october)
    volume = support.volume()
    support.add(support.project(), volume)
    request = {
        "name": "nightly",
        "recurrence": support.DAILY,
        "volumes": [volume.id],
        "timezone": "Europe/Berlin",
        "enabled": False,
    }
    created = member("POST", "/v1/schedules", {"schedule": request}).body["schedule"]
    answer = member.get(f"/v1/schedules/{created['id']}/preview?count=2")
    assert answer.body["preview"] == {
        "cron": "0 2 * * *",
        "timezone": "Europe/Berlin",
        "description": "daily at 02:00",
        "runs": [
            {"at": "2027-10-31T00:00:00Z", "local": "2027-10-31T02:00:00+02:00"},
            {"at": "2027-11-01T01:00:00Z", "local": "2027-11-01T02:00:00+01:00"},
        ],
        "kept": None,
    }


def test_preview_of_a_recurrence(reader: Caller) -> None:
    request = {"recurrence": {"type": "monthly", "time": "01:30", "day": "last"}}
    answer = reader("POST", "/v1/schedules/preview", {"preview": request})
    assert answer.status == 200
    assert [run["at"] for run in answer.body["preview"]["runs"]] == [
        "2026-11-30T01:30:00Z",
        "2026-12-31T01:30:00Z",
        "2027-01-31T01:30:00Z",
        "2027-02-28T01:30:00Z",
        "2027-03-31T01:30:00Z",
    ]


def test_preview_of_what_is_kept(reader: Caller, member: Caller) -> None:
    request = {"recurrence": support.DAILY, "timezone": "Asia/Shanghai", "count": 1}

    def kept(caller: Caller = reader, **more: Any) -> Any:
        answer = caller("POST", "/v1/schedules/preview", {"preview": {**request, **more}})
        assert answer.status == 200, answer.body
        assert answer.body["preview"]["runs"][0]["at"] == "2026-11-20T18:00:00Z"
        return answer.body["preview"]["kept"]

    assert kept() is None
    found = kept(retention={"keep_last": 2}, backup_type="incremental", max_incrementals=1)
    # Eight are enough to see that, and as many follow.
    assert (found["at"], found["local"]) == ("2026-12-05T18:00:00Z", "2026-12-06T02:00:00+08:00")
    assert (found["count"], found["is_complete"]) == (2, True)
    assert found["backups"][0] == {
        "at": "2026-12-05T18:00:00Z",
        "local": "2026-12-06T02:00:00+08:00",
        "type": "incremental",
        "rule": "keep_last",
        "reason": "Kept by this policy: one of the 2 newest.",
    }
    assert found["backups"][1]["type"] == "full"
    assert {each["type"] for each in kept(retention={"keep_last": 2})["backups"]} == {"full"}
    # 30 days, unless the project says otherwise.
    assert kept(retention=None)["count"] == 30
    own = {"policy": {"retention": {"keep_last": 4}}}
    assert member("PUT", "/v1/policy", own).status == 200
    assert kept(backup_type="full")["count"] == 4
    assert kept(retention=None)["count"] == 4
    without = kept(retention={})
    assert (without["count"], without["is_complete"]) == (731, False)


def test_preview_of_more_than_is_shown(reader: Caller) -> None:
    request = {"recurrence": {"type": "interval", "hours": 1}, "retention": {}}
    answer = reader("POST", "/v1/schedules/preview", {"preview": request})
    found = answer.body["preview"]["kept"]
    assert (found["count"], len(found["backups"]), found["is_complete"]) == (10080, 1000, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"retention": {"max_age_days": 1000}}, "retention.max_age_days"),
        ({"retention": {"keep_some": 1}}, "retention.keep_some"),
        ({"backup_type": "both"}, "backup_type"),
        ({"max_incrementals": -1}, "max_incrementals"),
        ({"retention": {"keep_last": 1}, "timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_preview_of_what_cannot_be_kept(
    reader: Caller, changes: dict[str, Any], field: str
) -> None:
    request = {"preview": {"recurrence": support.DAILY, **changes}}
    answer = reader("POST", "/v1/schedules/preview", request)
    assert (answer.status, answer.error["field"]) == (400, field)


@pytest.mark.parametrize("count", [0, 101])
def test_preview_of_too_much(member: Caller, count: int) -> None:
    request = {"preview": {"recurrence": support.DAILY, "count": count}}
    answer = member("POST", "/v1/schedules/preview", request)
    assert (answer.status, answer.error["field"]) == (400, "count")
