"""The tasks of all runs over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from backup_manager.db import session as db_session

from . import support
from .support import Caller

HOUR = timedelta(hours=1)


def _task(status: str, hours_ago: int | None, project_id: str = support.OURS, **values: Any) -> str:
    run = support.run(project_id, action=values.get("action", "backup"))
    ended = None if hours_ago is None else support.NOW - hours_ago * HOUR
    row = support.task(run, status=status, finished_at=ended, **values)
    support.add(run, row)
    return row.id


def _ids(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [each["id"] for page in pages for each in page]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_order_and_pages(member: Caller, limit: int) -> None:
    """What is not finished first; two that ended at the same moment are ordered by id."""
    unfinished = sorted([_task("running", None), _task("pending", None)], reverse=True)
    twins = sorted([_task("failed", 1), _task("succeeded", 1)], reverse=True)
    expected = [*unfinished, *twins, _task("succeeded", 2)]
    _task("running", None, support.THEIRS)
    path = f"/v1/tasks?limit={limit}"
    assert _ids(member.walk(path, "tasks")) == expected
    assert _ids(member.walk(f"{path}&sort=finished_at:asc", "tasks")) == expected[::-1]
    failed = [each for each in expected if each in twins][:1]
    marked = member.get(f"{path}&marker={expected[1]}").body["tasks"]
    assert [each["id"] for each in marked][:1] == failed


def test_the_same_as_in_its_run(member: Caller) -> None:
    _task("failed", 1, error_code="quota", error="Quota exceeded")
    (shown,) = member.get("/v1/tasks").body["tasks"]
    assert member.get(f"/v1/runs/{shown['run_id']}/tasks").body["tasks"] == [shown]


def test_filters(member: Caller) -> None:
    volume = support.new_id()
    running = _task("running", None, volume_id=volume)
    failed = _task("failed", 1)
    restored = _task("succeeded", 2, action="restore", target_volume_id=volume)
    aimed = _task("succeeded", 3, target_volume_id=volume)
    for query, expected in (
        ("status=failed", [failed]),
        ("status=succeeded", [restored, aimed]),
        ("action=restore", [restored]),
        (f"volume_id={volume}", [running, restored]),
        (f"volume_id={volume}&status=running", [running]),
        ("since=2026-11-20T11:00:00Z", [running, failed]),
        ("until=2026-11-20T11:00:00Z", [restored, aimed]),
        ("since=2026-11-20T10:00:00Z&until=2026-11-20T11:00:00Z", [restored]),
    ):
        found = member.get(f"/v1/tasks?{query}").body["tasks"]
        assert [each["id"] for each in found] == expected, query


def test_whose(member: Caller, stranger: Caller, admin: Caller) -> None:
    ours, theirs = _task("failed", 1), _task("failed", 2, support.THEIRS)
    assert _ids(member.walk("/v1/tasks", "tasks")) == [ours]
    assert _ids(stranger.walk("/v1/tasks", "tasks")) == [theirs]
    assert stranger.get(f"/v1/tasks?marker={ours}").error["field"] == "marker"
    assert _ids(admin.walk("/v1/tasks", "tasks")) == []
    assert _ids(admin.walk("/v1/tasks?all_projects=true", "tasks")) == [ours, theirs]
    one = f"all_projects=true&project_id={support.THEIRS}"
    assert _ids(admin.walk(f"/v1/tasks?{one}", "tasks")) == [theirs]
    refused = member.get("/v1/tasks?all_projects=true")
    assert (refused.status, "task:all_projects" in refused.error["message"]) == (403, True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("action=sleep", "action"),
        ("sort=position", "sort"),
        ("since=yesterday", "since"),
        ("volume_id=data", "volume_id"),
    ],
)
def test_bad_input_names_its_field(member: Caller, query: str, field: str) -> None:
    answer = member.get(f"/v1/tasks?{query}")
    assert (answer.status, answer.error["field"]) == (400, field)


@pytest.mark.parametrize(
    ("query", "index"),
    [("", "ix_tasks_project_finished"), ("status=failed", "ix_tasks_project_status")],
)
def test_pages_are_read_through_an_index(member: Caller, query: str, index: str) -> None:
    _task("failed", 1)
    seen: list[Any] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM tasks" in statement:
            seen.append((statement, parameters))

    event.listen(db_session.engine(), "before_cursor_execute", note)
    assert member.get(f"/v1/tasks?{query}").status == 200
    event.remove(db_session.engine(), "before_cursor_execute", note)
    unfinished, finished = seen
    with db_session.engine().connect() as connection:
        for statement, parameters in (unfinished, finished):
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            used = [step.detail for step in steps if "USING" in step.detail]
            assert any(index in detail for detail in used), steps
            # Only what ended at the same moment is sorted, and the page itself.
            assert not any(step.detail.startswith("SCAN tasks") for step in steps), steps
