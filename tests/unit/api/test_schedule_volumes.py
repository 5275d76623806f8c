"""Which volumes a schedule backs up and when they begin, as requests say it and lists show it."""

from __future__ import annotations

from typing import Any

import pytest

from backup_manager import exceptions
from backup_manager.db import schedule as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Run, Schedule
from backup_manager.rules.quota import Quota

from . import support
from .support import Caller

SERVER = support.new_id()
ALL = {"whole_project": True}


@pytest.fixture
def volumes() -> list[str]:
    rows = [
        support.volume(name="a", labels={"backup": "yes"}, volume_type="ssd", size_gb=10),
        support.volume(name="b", labels={"backup": "yes"}, server_ids=[SERVER], size_gb=20),
        support.volume(name="c", labels={}, volume_type="ssd", size_gb=30),
    ]
    foreign = support.volume(support.THEIRS, labels={"backup": "yes"}, volume_type="ssd")
    support.add(support.project(), *rows, foreign)
    return [row.id for row in rows]


def request(**values: Any) -> dict[str, Any]:
    return {"schedule": {"name": "nightly", "recurrence": support.DAILY, "volumes": [], **values}}


def create(caller: Caller, **values: Any) -> dict[str, Any]:
    answer = caller("POST", "/v1/schedules", request(**values))
    assert answer.status == 201, answer.body
    return answer.body["schedule"]  # type: ignore[no-any-return]


def show(caller: Caller, schedule: dict[str, Any]) -> dict[str, Any]:
    return caller.get(f"/v1/schedules/{schedule['id']}").body["schedule"]  # type: ignore[no-any-return]


def patch(caller: Caller, schedule: dict[str, Any], **changes: Any) -> support.Answer:
    body = {"schedule": {"generation": schedule["generation"], **changes}}
    return caller("PATCH", f"/v1/schedules/{schedule['id']}", body)


def targets(schedule: dict[str, Any]) -> list[str]:
    with db_session.reader() as session:
        row = db.get_row(session, schedule["id"])
        assert row is not None
        return [target.volume_id for target in db.targets(session, row)]


# ---------------------------------------------------------------- selectors


@pytest.mark.parametrize(
    ("selector", "picked"),
    [
        ({"metadata": {"backup": "yes"}}, [0, 1]),
        ({"volume_types": ["ssd"]}, [0, 2]),
        ({"servers": [SERVER]}, [1]),
        ({"metadata": {"backup": "yes"}, "volume_types": ["ssd"]}, [0]),
        (ALL, [0, 1, 2]),
        ({"metadata": {"backup": "no"}}, []),
    ],
)
def test_selected(
    member: Caller, volumes: list[str], selector: dict[str, Any], picked: list[int]
) -> None:
    created = create(member, selector=selector)
    assert (created["selector"], created["volumes"]) == (selector, [])
    assert created["selected"] == [volumes[place] for place in picked] == targets(created)
    assert show(member, created) == created
    assert "selected" not in member.get("/v1/schedules").body["schedules"][0]


def test_listed_and_selected_each_once_without_the_excluded(
    member: Caller, volumes: list[str]
) -> None:
    a, b, c = volumes
    created = create(member, volumes=[c, a], selector={**ALL, "exclude": [b]})
    assert created["volumes"] == sorted([a, c])
    assert created["selected"] == [a, c]
    assert sorted(targets(created)) == sorted([a, c])


def test_new_volumes_are_picked_up(member: Caller, volumes: list[str]) -> None:
    created = create(member, selector=ALL)
    fresh = support.volume(name="d")
    support.add(fresh)
    assert show(member, created)["selected"] == [*volumes, fresh.id] == targets(created)


def test_a_selector_costs_a_look_at_cinder(
    member: Caller, volumes: list[str], cinder: support.Cinder
) -> None:
    create(member, selector=ALL)
    assert cinder.asked == [60]


def test_change_of_the_selector(member: Caller, volumes: list[str]) -> None:
    a, _, c = volumes
    created = create(member, volumes=[a])
    changed = patch(member, created, selector={"volume_types": ["ssd"]}).body["schedule"]
    assert (changed["volumes"], changed["selected"]) == ([a], [a, c])
    changed = patch(member, changed, volumes=[]).body["schedule"]
    assert (changed["volumes"], changed["selected"]) == ([], [a, c])
    refused = patch(member, changed, selector=None)
    assert (refused.status, refused.error["field"]) == (400, "volumes")
    changed = patch(member, changed, selector=None, volumes=[c]).body["schedule"]
    assert (changed["selector"], changed["selected"], changed["volumes"]) == (None, [], [c])


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({}, "volumes", "must not be empty without a selector"),
        ({"selector": {}}, "selector", "selects nothing"),
        ({"selector": {"exclude": [SERVER]}}, "selector", "selects nothing"),
        ({"selector": "all"}, "selector", "object or null"),
        ({"selector": {"size": 1}}, "selector.size", "not known"),
        ({"selector": {"metadata": {"a": 1}}}, "selector.metadata.a", "not a string"),
        ({"selector": {"metadata": dict.fromkeys(map(str, range(101)), "")}}, "selector.metadata",
         "101 entries"),
        ({"selector": {"servers": ["web-1"]}}, "selector.servers[0]", "not an id"),
        ({"selector": {"volume_types": ["a\0b"]}}, "selector.volume_types[0]", "control"),
        ({"selector": {"whole_project": 1}}, "selector.whole_project", "true or false"),
        ({"selector": {**ALL, "volume_types": ["ssd"]}}, "selector.whole_project", "together"),
        ({"selector": {**ALL, "exclude": [SERVER, SERVER]}}, "selector.exclude[1]", "twice"),
        ({"selector": ALL, "start_window_s": 59}, "start_window_s", "less than 60"),
        ({"selector": ALL, "start_window_s": 604801}, "start_window_s", "more than 604800"),
        ({"selector": ALL, "start_window_s": None}, "start_window_s", "whole number"),
        ({"selector": ALL, "completion_limit_s": 59}, "completion_limit_s", "less than 60"),
        ({"selector": ALL, "spread_s": -1}, "spread_s", "less than 0"),
        ({"selector": ALL, "spread_s": 86401}, "spread_s", "more than 86400"),
        ({"selector": ALL, "spread_s": 60.5}, "spread_s", "whole number"),
        ({"selector": ALL, "spread_s": 60, "completion_limit_s": 60}, "spread_s", "not less than"),
        ({"selector": ALL, "strict": "yes"}, "strict", "true or false"),
    ],
)  # fmt: skip
def test_what_cannot_be(
    member: Caller, volumes: list[str], values: dict[str, Any], field: str, reason: str
) -> None:
    answer = member("POST", "/v1/schedules", request(**values))
    assert (answer.status, answer.error["field"]) == (400, field)
    assert reason in answer.error["message"]
    assert support.count() == 0


def test_a_listed_volume_cannot_be_excluded(member: Caller, volumes: list[str]) -> None:
    selector = {**ALL, "exclude": [volumes[1]]}
    answer = member("POST", "/v1/schedules", request(volumes=volumes, selector=selector))
    assert (answer.status, answer.error["field"]) == (400, "selector.exclude")
    assert volumes[1] in answer.error["message"]
    created = create(member, selector=selector)
    answer = patch(member, created, volumes=[volumes[1]])
    assert (answer.status, answer.error["field"]) == (400, "selector.exclude")


def test_windows(member: Caller, volumes: list[str]) -> None:
    windows = {"start_window_s": 600, "completion_limit_s": 7200, "spread_s": 1800}
    created = create(member, volumes=volumes, **windows)
    assert windows.items() <= created.items()
    answer = patch(member, created, spread_s=7200)
    assert (answer.status, answer.error["field"]) == (400, "spread_s")
    changed = patch(member, created, completion_limit_s=None, spread_s=7200).body["schedule"]
    assert (changed["completion_limit_s"], changed["spread_s"]) == (None, 7200)


def test_protection_by_a_selector_is_seen(member: Caller, volumes: list[str]) -> None:
    a, _, c = volumes
    selected = create(member, name="z", selector={"volume_types": ["ssd"], "exclude": [c]})
    create(member, name="y", selector={"servers": [SERVER]}, enabled=False)
    listed = create(member, name="x", volumes=[a])

    def names(query: str) -> list[str]:
        return [row["name"] for row in member.get(f"/v1/volumes?{query}").body["volumes"]]

    assert (names("protected=true"), names("protected=false")) == (["a"], ["b", "c"])
    shown = member.get(f"/v1/volumes/{a}").body["volume"]["schedules"]
    assert [schedule["name"] for schedule in shown] == ["x", "z"]
    found = member.get(f"/v1/schedules?volume_id={a}").body["schedules"]
    assert [schedule["id"] for schedule in found] == [listed["id"], selected["id"]]
    assert member.get(f"/v1/schedules?volume_id={c}").body["schedules"] == []


def test_a_run_of_nothing_is_over_and_says_so(member: Caller, volumes: list[str]) -> None:
    created = create(member, selector={"metadata": {"backup": "never"}})
    run = member("POST", f"/v1/schedules/{created['id']}/run").body["run"]
    assert (run["status"], run["counts"]["total"]) == ("skipped", 0)
    assert run["error"].startswith("There was nothing to back up")
    assert run["finished_at"]


# ---------------------------------------------------------------- add and remove


def edit(caller: Caller, schedule: dict[str, Any], what: str, ids: Any) -> support.Answer:
    return caller("POST", f"/v1/schedules/{schedule['id']}/{what}", {"volumes": ids})


def test_add(member: Caller, volumes: list[str]) -> None:
    a, b, c = volumes
    created = create(member, volumes=[a])
    answer = edit(member, created, "volumes", [c, support.UNKNOWN, a, b])
    assert answer.status == 200
    assert answer.body == {
        "result": {"added": [c, b], "present": [a], "not_found": [support.UNKNOWN]}
    }
    changed = show(member, created)
    assert (changed["volumes"], changed["generation"]) == (sorted(volumes), 2)
    assert changed["updated_at"]

    again = edit(member, created, "volumes", [c, b]).body["result"]
    assert again == {"added": [], "present": [c, b], "not_found": []}
    assert show(member, created)["generation"] == 2


def test_add_nothing_known(member: Caller, stranger: Caller, volumes: list[str]) -> None:
    created = create(member, volumes=volumes[:1])
    with db_session.reader() as session:
        foreign = session.query(support.Volume).filter_by(project_id=support.THEIRS).one().id
    result = edit(member, created, "volumes", [foreign]).body["result"]
    assert result == {"added": [], "present": [], "not_found": [foreign]}
    assert show(member, created) == created


def test_add_one_that_is_new_in_cinder(
    member: Caller, volumes: list[str], cinder: support.Cinder
) -> None:
    created = create(member, volumes=volumes)
    fresh = support.volume()
    cinder.unseen = [fresh]
    assert edit(member, created, "volumes", [fresh.id]).body["result"]["added"] == [fresh.id]


def test_a_listed_volume_that_is_gone_is_present(member: Caller, volumes: list[str]) -> None:
    created = create(member, volumes=volumes)
    with db_session.writer() as session:
        session.query(support.Volume).filter_by(id=volumes[0]).delete()
    result = edit(member, created, "volumes", volumes[:1]).body["result"]
    assert result["present"] == volumes[:1]


def test_what_is_added_is_no_longer_excluded(member: Caller, volumes: list[str]) -> None:
    a, b, _ = volumes
    created = create(member, selector={**ALL, "exclude": [a, b]})
    assert edit(member, created, "volumes", [a]).body["result"]["added"] == [a]
    changed = show(member, created)
    assert (changed["selector"]["exclude"], changed["volumes"]) == ([b], [a])
    assert a in targets(changed)


def test_remove(member: Caller, volumes: list[str]) -> None:
    a, b, c = volumes
    created = create(member, volumes=volumes)
    result = edit(member, created, "volumes/remove", [c, support.UNKNOWN, a]).body
    assert result == {"result": {"removed": [c, a], "absent": [support.UNKNOWN]}}
    changed = show(member, created)
    assert (changed["volumes"], changed["generation"]) == ([b], 2)
    assert edit(member, created, "volumes/remove", [a]).body["result"]["absent"] == [a]
    assert show(member, created)["generation"] == 2


def test_the_last_volume_stays_unless_there_is_a_selector(
    member: Caller, volumes: list[str]
) -> None:
    created = create(member, volumes=volumes)
    answer = edit(member, created, "volumes/remove", volumes)
    assert (answer.status, "without volumes" in answer.error["message"]) == (409, True)
    assert show(member, created) == created
    changed = patch(member, created, selector=ALL).body["schedule"]
    assert edit(member, changed, "volumes/remove", volumes).status == 200
    assert show(member, created)["volumes"] == []


@pytest.mark.parametrize("what", ["volumes", "volumes/remove"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "volumes"),
        ({"volumes": []}, "volumes"),
        ({"volumes": ["x"]}, "volumes[0]"),
        ({"volumes": [SERVER, SERVER]}, "volumes[1]"),
        ({"volumes": [SERVER], "generation": 1}, "generation"),
        ([], None),
    ],
)
def test_edits_that_cannot_be(
    member: Caller, volumes: list[str], what: str, body: Any, field: str | None
) -> None:
    created = create(member, volumes=volumes)
    answer = member("POST", f"/v1/schedules/{created['id']}/{what}", body)
    assert (answer.status, answer.error["field"]) == (400, field)


@pytest.mark.parametrize("what", ["volumes", "volumes/remove"])
def test_edits_by_others(
    member: Caller, admin: Caller, stranger: Caller, reader: Caller, volumes: list[str], what: str
) -> None:
    created = create(member, volumes=volumes)
    for caller, status in ((admin, 404), (stranger, 404), (reader, 403)):
        assert edit(caller, created, what, volumes[:1]).status == status
    assert show(member, created) == created


def test_an_edit_that_comes_second_begins_anew(
    member: Caller, volumes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = volumes
    created = create(member, volumes=[a])
    stale = db.add_volumes
    late = [True]

    def after_another(session: Any, schedule: Any, *arguments: Any) -> set[str]:
        if late.pop() if late else False:
            raise exceptions.StaleGeneration(id=schedule.id, sent=schedule.generation)
        return stale(session, schedule, *arguments)

    monkeypatch.setattr(db, "add_volumes", after_another)
    assert edit(member, created, "volumes", [b, c]).body["result"]["added"] == [b, c]
    assert not late


# ---------------------------------------------------------------- quota


def test_no_warnings(member: Caller, volumes: list[str], cinder: support.Cinder) -> None:
    cinder.quota = Quota(backups=3, backups_used=0, gigabytes=60, gigabytes_used=0)
    body = {"backup": {"volumes": volumes, "strict": True}}
    assert member("POST", "/v1/backups", body).body["warnings"] == []
    answer = member("POST", "/v1/schedules", request(selector=ALL, strict=True))
    assert (answer.status, answer.body["warnings"]) == (201, [])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/schedules", request(selector={**ALL, "exclude": []})),
        ("/v1/backups", {"backup": {}}),
    ],
)
def test_too_small_a_quota(
    member: Caller, volumes: list[str], cinder: support.Cinder, path: str, body: dict[str, Any]
) -> None:
    ((noun, values),) = body.items()
    values = {**values, "volumes": volumes} if noun == "backup" else values
    cinder.quota = Quota(backups=10, backups_used=8, gigabytes=100, gigabytes_used=41)
    strict = member("POST", path, {noun: {**values, "strict": True}})
    assert strict.status == 409
    figures = ("needs 3, and 8 of 10 are used", "needs 60 GB, and 41 of 100 GB are used")
    assert all(figure in strict.error["message"] for figure in figures)
    assert support.count() == 0

    answer = member("POST", path, {noun: values})
    assert answer.status in (201, 202)
    assert [figure in warning for figure, warning in zip(figures, answer.body["warnings"])] == [
        True,
        True,
    ]


def test_a_quota_that_cannot_be_read(
    member: Caller, volumes: list[str], cinder: support.Cinder
) -> None:
    cinder.quota_fails_with = exceptions.Unavailable("The quota could not be read: no answer")
    strict = member("POST", "/v1/backups", {"backup": {"volumes": volumes, "strict": True}})
    assert strict.status == 503
    assert support.count(Run, Schedule) == 0
    answer = member("POST", "/v1/backups", {"backup": {"volumes": volumes}})
    assert answer.status == 202
    (warning,) = answer.body["warnings"]
    assert warning.endswith("is unknown. The quota could not be read: no answer")
