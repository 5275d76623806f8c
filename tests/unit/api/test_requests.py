"""Bad requests are refused with the field that is wrong, and write nothing."""

from __future__ import annotations

from typing import Any

import pytest

from . import support
from .support import Caller

TEXTS = [
    ("name", 255 * "é"),
    ("name", "日本語 \U0001f4be"),
    ("description", "two\nlines\tand a tab"),
    ("description", None),
]


def body(volume_id: str, **changes: Any) -> dict[str, Any]:
    schedule = {"name": "nightly", "recurrence": support.DAILY, "volumes": [volume_id]}
    return {"schedule": {**schedule, **changes}}


@pytest.fixture
def volume_id(member: Caller) -> str:
    volume = support.volume()
    support.add(support.project(), volume)
    return volume.id


def refused(answer: support.Answer, field: str | None, words: str, code: int = 400) -> None:
    assert answer.status == code, answer.body
    assert answer.error["field"] == field
    assert words in answer.error["message"]
    assert support.count() == 0


def weekly(*days: Any) -> dict[str, Any]:
    return {"type": "weekly", "time": "02:00", "weekdays": list(days)}


def metadata(key: str) -> dict[str, Any]:
    return {"selector": {"metadata": {key: "yes"}}}


def cron(expression: str) -> dict[str, Any]:
    return {"type": "cron", "expression": expression}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone", "IANA"),
        ({"timezone": "../../etc/passwd"}, "timezone", "IANA"),
        ({"timezone": 65 * "x"}, "timezone", "65 characters"),
        (
            {"recurrence": {"type": "daily", "time": "25:00"}},
            "recurrence.time",
            "'25:00' is not a time of day (HH:MM)",
        ),
        ({"recurrence": {"type": "daily", "time": "02:00\n"}}, "recurrence.time", "time of day"),
        ({"recurrence": {"type": "daily"}}, "recurrence.time", "required"),
        ({"recurrence": {"time": "02:00"}}, "recurrence.type", "required"),
        ({"recurrence": {"type": "yearly"}}, "recurrence.type", "not one of: daily"),
        ({"recurrence": "daily"}, "recurrence", "not an object"),
        ({"recurrence": {**support.DAILY, "day": 1}}, "recurrence.day", "not known"),
        ({"recurrence": weekly(8)}, "recurrence.weekdays[0]", "8 is more than 7"),
        ({"recurrence": weekly(1, 1)}, "recurrence.weekdays[1]", "twice"),
        ({"recurrence": weekly(True)}, "recurrence.weekdays[0]", "whole number"),
        ({"recurrence": weekly()}, "recurrence.weekdays", "empty"),
        (
            {"recurrence": {"type": "monthly", "time": "02:00", "day": 32}},
            "recurrence.day",
            "32 is not a day of the month",
        ),
        ({"recurrence": {"type": "interval", "minutes": 7}}, "recurrence.minutes", "7"),
        ({"recurrence": {"type": "interval", "minutes": 5.0}}, "recurrence.minutes", "whole"),
        ({"recurrence": {"type": "interval"}}, "recurrence", "either minutes or hours"),
        ({"recurrence": cron("0 2 * * * *")}, "recurrence.expression", "five fields"),
        ({"recurrence": cron("0 2 30 2 *")}, "recurrence.expression", "day-of-month"),
        ({"recurrence": cron("99 2 * * *")}, "recurrence.expression", "minute"),
        ({"name": 300 * "n"}, "name", "300 characters; 255 are allowed"),
        ({"name": ""}, "name", "blank"),
        ({"name": "  "}, "name", "blank"),
        ({"name": "a\x00b"}, "name", "control characters"),
        ({"name": "a\nb"}, "name", "control characters"),
        ({"name": "\ud83d"}, "name", "control characters"),
        ({"name": None}, "name", "not a string"),
        ({"description": "\x00"}, "description", "control characters"),
        ({"description": 256 * "d"}, "description", "256 characters"),
        ({"volumes": []}, "volumes", "empty"),
        ({"volumes": "all"}, "volumes", "not a list"),
        ({"volumes": ["x"]}, "volumes[0]", "not an id"),
        ({"volumes": [support.new_id() for _ in range(1001)]}, "volumes", "1001 entries"),
        ({"enabled": "yes"}, "enabled", "not true or false"),
        ({"backup_type": "differential"}, "backup_type", "full, incremental"),
        ({"max_incrementals": -1}, "max_incrementals", "-1 is less than 0"),
        ({"max_incrementals": True}, "max_incrementals", "whole number"),
        ({"max_incrementals": 10**30}, "max_incrementals", "more than 1000"),
        ({"max_incrementals": 10**99}, "max_incrementals", f"1{63 * '0'}… is more than 1000"),
        ({"max_incrementals": -(10**99)}, "max_incrementals", f"-1{62 * '0'}… is less than 0"),
        (metadata("\ud800"), r"selector.metadata.\ud800", r"'\ud800' has control characters"),
        (metadata("a\x00b"), r"selector.metadata.a\x00b", "control characters"),
        (metadata(256 * "k"), f"selector.metadata.{64 * 'k'}…", "256 characters; 255 are allowed"),
        (metadata(""), "selector.metadata.", "empty"),
        ({"\ud800": 1}, r"\ud800", "not known here"),
        ({"\x1b[2J": 1}, r"\x1b[2J", "not known here"),
        ({300 * "n": 1}, f"{64 * 'n'}…", "not known here"),
        ({"holiday": {}}, "holiday", "not known here"),
        ({"id": "x"}, "id", "not known here"),
    ],
)
def test_bad_property(
    member: Caller, volume_id: str, changes: dict[str, Any], field: str, words: str
) -> None:
    refused(member("POST", "/v1/schedules", body(volume_id, **changes)), field, words)


def test_volume_given_twice(member: Caller, volume_id: str) -> None:
    request = body(volume_id, volumes=[volume_id, support.new_id(), volume_id])
    refused(member("POST", "/v1/schedules", request), "volumes[2]", "twice")


@pytest.mark.parametrize("missing", ["name", "recurrence", "volumes"])
def test_missing_property(member: Caller, volume_id: str, missing: str) -> None:
    request = body(volume_id)
    del request["schedule"][missing]
    refused(member("POST", "/v1/schedules", request), missing, "required")


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        (b"{", None, "not JSON"),
        (b"", None, "not JSON"),
        (b"\xff\xfe\xfd", None, "not JSON"),
        (b"[" * 50_000, None, "not JSON"),
        (b"[]", None, '{"schedule": '),
        (b"null", None, '{"schedule": '),
        (b"{}", "schedule", "required"),
        (b'{"schedule": 1}', "schedule", "not an object"),
        (b'{"schedule": {}, "more": 1}', "more", "not known"),
    ],
)
def test_bad_body(member: Caller, content: bytes, field: str | None, words: str) -> None:
    refused(member("POST", "/v1/schedules", data=content), field, words)


def test_body_where_none_belongs(member: Caller) -> None:
    path = f"/v1/runs/{support.new_id()}/cancel"
    refused(member("POST", path, {"force": True}), None, "no body")
    assert member("POST", path, {}).status == 404


@pytest.mark.parametrize("path", ["/v1/schedules", "/v1/backups"])
def test_volume_of_another_project(member: Caller, volume_id: str, path: str) -> None:
    theirs = support.volume(support.THEIRS)
    support.add(theirs)
    volumes = [volume_id, theirs.id]
    request = {"backup": {"volumes": volumes}}
    if path == "/v1/schedules":
        request = body(volume_id, volumes=volumes)
    refused(member("POST", path, request), "volumes[1]", theirs.id, code=404)


@pytest.mark.parametrize("plural", ["volumes", "backups", "schedules", "runs"])
@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("limit=0", "limit", "0 is less than 1"),
        ("limit=1001", "limit", "more than 1000"),
        ("limit=x", "limit", "'x' is not a whole number"),
        ("limit=", "limit", "whole number"),
        ("limit=1&limit=2", "limit", "more than once"),
        ("marker=x", "marker", "not an id"),
        (f"marker={support.UNKNOWN}", "marker", "no item"),
        ("sort=colour", "sort", "not one of: "),
        ("sort=created_at:up", "sort", "not one of: "),
        ("all_projects=perhaps", "all_projects", "not true or false"),
        (f"project_id={support.THEIRS}", "project_id", "all_projects=true"),
        ("colour=red", "colour", "not a parameter"),
        ("colour%00=red", r"colour\x00", "not a parameter"),
    ],
)
def test_bad_query(member: Caller, plural: str, query: str, field: str, words: str) -> None:
    refused(member.get(f"/v1/{plural}?{query}"), field, words)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/volumes?can_back_up=2", "can_back_up"),
        ("/v1/volumes?name=%00", "name"),
        ("/v1/backups?type=big", "type"),
        ("/v1/backups?since=yesterday", "since"),
        ("/v1/backups?until=2026-11-20T00:00:00", "until"),
        ("/v1/backups?since=0001-01-01T00:00:00%2B14:00", "since"),
        ("/v1/schedules?volume_id=1", "volume_id"),
        ("/v1/runs?status=lost", "status"),
    ],
)
def test_bad_filter(member: Caller, path: str, field: str) -> None:
    refused(member.get(path), field, f"{field}: ")


@pytest.mark.parametrize(("name", "value"), TEXTS)
def test_text_of_all_kinds_is_kept(
    member: Caller, volume_id: str, name: str, value: str | None
) -> None:
    answer = member("POST", "/v1/schedules", body(volume_id, **{name: value}))
    assert answer.status == 201, answer.body
    assert answer.body["schedule"][name] == value


def test_filter_with_all_kinds_of_text(member: Caller, volume_id: str) -> None:
    support.add(support.volume(name="\U0001f4be & Co=1"))
    answer = member.get("/v1/volumes", query_string={"name": "\U0001f4be & Co=1"})
    assert [each["name"] for each in answer.body["volumes"]] == ["\U0001f4be & Co=1"]


@pytest.mark.parametrize("given", ["2026-11-20T12:00:00Z", "2026-11-20T20:00:00+08:00"])
def test_range_of_time(member: Caller, given: str) -> None:
    run = support.run()
    support.add(run)
    assert len(member.get("/v1/runs", query_string={"since": given}).body["runs"]) == 1
    assert len(member.get("/v1/runs", query_string={"until": given}).body["runs"]) == 0


@pytest.mark.parametrize(
    ("given", "shown"), [(300 * "x", f"{64 * 'x'}…"), ("a%00b", r"a\x00b"), ("%0A", r"\n")]
)
def test_an_id_that_is_none_is_repeated_legibly(member: Caller, given: str, shown: str) -> None:
    answer = member.get(f"/v1/schedules/{given}")
    assert answer.status == 404
    assert answer.error["message"] == f"No schedule with id {shown} exists in this project."
