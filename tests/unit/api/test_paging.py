"""Lists in pages: complete, in order, each row once, at a fixed number of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_config import cfg
from sqlalchemy import delete, event

from backup_manager.context import Scope
from backup_manager.db import paging
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Base, Schedule, ScheduleVolume, Volume

from . import support
from .support import Caller

Fill = Callable[[int], None]


def fill_volumes(number: int) -> None:
    fill_schedules(number)


def fill_backups(number: int) -> None:
    volumes = [support.volume() for _ in range(number)]
    support.add(*volumes, *(support.backup(volume.id) for volume in volumes))


def fill_schedules(number: int) -> None:
    """Each with a volume that has backups, a run, and a delegation of its own."""
    rows: list[Base] = []
    for _ in range(number):
        volume = support.volume()
        delegation = support.delegation(user_id=support.new_id())
        schedule = support.schedule(delegation.id)
        rows += [volume, delegation, schedule]
        rows += [ScheduleVolume(schedule_id=schedule.id, volume_id=volume.id)]
        rows += [support.run(schedule_id=schedule.id), support.backup(volume.id)]
    support.add(*rows)


def fill_runs(number: int) -> None:
    for _ in range(number):
        run = support.run()
        support.add(run, support.task(run, 0), support.task(run, 1))


LISTS = [
    ("volumes", fill_volumes),
    ("backups", fill_backups),
    ("schedules", fill_schedules),
    ("runs", fill_runs),
]


@contextmanager
def queries() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db_session.engine(), "before_cursor_execute", note)
    yield seen
    event.remove(db_session.engine(), "before_cursor_execute", note)


@pytest.mark.parametrize(("plural", "fill"), LISTS)
def test_number_of_queries_does_not_grow(member: Caller, plural: str, fill: Fill) -> None:
    numbers = []
    for more in (1, 20):
        fill(more)
        with queries() as seen:
            answer = member.get(f"/v1/{plural}")
        assert answer.status == 200
        numbers.append(len([each for each in seen if each.startswith("SELECT")]))
    assert len(answer.body[plural]) == 21
    assert numbers[0] == numbers[1] <= 5


@pytest.mark.parametrize(("plural", "fill"), LISTS)
def test_walk(member: Caller, plural: str, fill: Fill) -> None:
    fill(7)
    pages = member.walk(f"/v1/{plural}?limit=3&sort=created_at:desc", plural)
    assert [len(page) for page in pages] == [3, 3, 1]
    ids = [row["id"] for page in pages for row in page]
    assert ids == sorted(set(ids), reverse=True)  # all were created at the same time
    assert member.walk(f"/v1/{plural}?limit=7", plural) == [
        member.get(f"/v1/{plural}").body[plural]
    ]


def test_walk_through_tasks(member: Caller) -> None:
    run = support.run()
    support.add(run, *(support.task(run, position) for position in range(5)))
    whole = member.get(f"/v1/runs/{run.id}/tasks").body["tasks"]
    pages = member.walk(f"/v1/runs/{run.id}/tasks?limit=2", "tasks")
    assert [row for page in pages for row in page] == whole
    assert [len(page) for page in pages] == [2, 2, 1]


def test_link_keeps_the_other_parameters(member: Caller) -> None:
    support.add(*(support.volume(name="a b&c") for _ in range(2)))
    query = {"name": "a b&c", "limit": "1", "can_back_up": "true"}
    answer = member.get("/v1/volumes", query_string=query)
    (link,) = answer.body["volumes_links"]
    assert link["href"].startswith("http://localhost/v1/volumes?")
    assert "name=a+b%26c&limit=1&can_back_up=true&marker=" in link["href"].replace(
        "can_back_up=true&name=a+b%26c&limit=1", "name=a+b%26c&limit=1&can_back_up=true"
    )
    assert len(member.walk("/v1/volumes?name=a+b%26c&limit=1", "volumes")) == 2


def test_operator_limits_the_page(member: Caller, conf: cfg.ConfigOpts) -> None:
    conf.set_override("max_limit", 2, group="api")
    fill_backups(3)
    assert [len(page) for page in member.walk("/v1/backups?limit=1000", "backups")] == [2, 1]


def test_rows_that_come_and_go_while_walking(member: Caller) -> None:
    rows = [support.volume(name=name) for name in "bdfh"]
    support.add(*rows)
    first = member.get("/v1/volumes?limit=2").body
    with db_session.writer() as session:
        session.execute(delete(Volume).where(Volume.name == "b"))
    support.add(support.volume(name="a"), support.volume(name="e"))
    rest = member.get(first["volumes_links"][0]["href"].removeprefix("http://localhost")).body
    assert [row["name"] for row in first["volumes"] + rest["volumes"]] == ["b", "d", "e", "f"]


def test_marker_that_no_longer_passes_the_filter(member: Caller) -> None:
    rows = [support.volume(name=name) for name in "abc"]
    support.add(*rows)
    first = member.get("/v1/volumes?limit=1&status=available").body
    with db_session.writer() as session:
        row = session.get(Volume, rows[0].id)
        assert row is not None
        row.status = "backing-up"
    rest = member.walk(
        first["volumes_links"][0]["href"].removeprefix("http://localhost"), "volumes"
    )
    assert [row["name"] for page in rest for row in page] == ["b", "c"]


ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, "", "a", "b", "é", "\U0001f4be"]),
        st.integers(1, 3),
        st.integers(0, 2),
    ),
    max_size=12,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=ROWS,
    limit=st.integers(1, 5),
    sort=st.sampled_from(sorted(db_volume.LISTING.keys)),
    descending=st.booleans(),
)
def test_any_rows_in_any_order(
    conf: cfg.ConfigOpts, rows: list[Any], limit: int, sort: str, descending: bool
) -> None:
    """Pages put together are the whole list, with equal and missing keys too."""
    with db_session.writer() as session:
        session.execute(delete(Volume))
    support.add(
        *(
            support.volume(name=name, size_gb=size, created_at=support.NOW + timedelta(hours=hours))
            for name, size, hours in rows
        )
    )

    def page(marker: str | None, limit: int) -> paging.Page[Volume]:
        wanted = paging.Paging(limit, sort, descending, marker)
        with db_session.reader() as session:
            return db_volume.list_page(session, Scope(support.OURS), wanted, support.NOW)

    whole = page(None, 100)
    keys = [(getattr(row, sort) is not None, getattr(row, sort) or 0, row.id) for row in whole.rows]
    if sort != "name":
        assert keys == sorted(keys, reverse=descending)
    assert len(whole.rows) == len(rows)
    walked: list[str] = []
    more = bool(rows)
    while more:
        part = page(walked[-1] if walked else None, limit)
        walked += [row.id for row in part.rows]
        more = part.has_more
    assert walked == [row.id for row in whole.rows]


def test_disabled_schedules_come_last(member: Caller) -> None:
    delegation = support.delegation()
    times = [None, support.NOW + timedelta(hours=2), None, support.NOW + timedelta(hours=1)]
    support.add(
        delegation, *(support.schedule(delegation.id, name="s", next_run_at=at) for at in times)
    )
    pages = member.walk("/v1/schedules?sort=next_run_at&limit=1", "schedules")
    assert [page[0]["next_run_at"] for page in pages] == [
        "2026-11-20T13:00:00Z",
        "2026-11-20T14:00:00Z",
        None,
        None,
    ]
    backwards = member.walk("/v1/schedules?sort=next_run_at:desc&limit=3", "schedules")
    assert [row["id"] for page in backwards for row in page] == [
        page[0]["id"] for page in reversed(pages)
    ]


# ---------------------------------------------------------------- what engines ask for


def test_due_schedules(conf: cfg.ConfigOpts) -> None:
    delegation = support.delegation()
    late, due, future, disabled = (
        support.schedule(delegation.id, next_run_at=support.NOW + offset, enabled=enabled)
        for offset, enabled in (
            (timedelta(hours=-1), True),
            (timedelta(0), True),
            (timedelta(seconds=1), True),
            (timedelta(hours=-1), False),
        )
    )
    support.add(delegation, due, late, future, disabled)
    with db_session.reader() as session:
        found = db_schedule.due(session, support.NOW, 10)
        assert found == [(late.id, late.next_run_at), (due.id, due.next_run_at)]
        assert db_schedule.due(session, support.NOW, 1) == found[:1]


def test_advance_is_a_compare_and_swap(conf: cfg.ConfigOpts) -> None:
    delegation = support.delegation()
    schedule = support.schedule(delegation.id, next_run_at=support.NOW, generation=3)
    support.add(delegation, schedule)
    following = support.NOW + timedelta(days=1)

    def advance(slot: Any, generation: int) -> bool:
        with db_session.writer() as session:
            return db_schedule.advance(session, schedule.id, slot, generation, following)

    assert not advance(support.NOW - timedelta(seconds=1), 3)
    assert not advance(support.NOW, 2)
    assert advance(support.NOW, 3)
    assert not advance(support.NOW, 3)
    with db_session.reader() as session:
        row = session.get(Schedule, schedule.id)
        assert row is not None
        assert (row.next_run_at, row.generation) == (following, 3)


def test_targets_of_a_run(conf: cfg.ConfigOpts) -> None:
    delegation = support.delegation()
    schedule = support.schedule(delegation.id)
    ours, transferred = support.volume(name="ours"), support.volume(support.THEIRS, name="secret")
    gone = support.new_id()
    support.add(delegation, schedule, ours, transferred)
    for volume_id in (ours.id, transferred.id, gone):
        support.add(ScheduleVolume(schedule_id=schedule.id, volume_id=volume_id))
    with db_session.reader() as session:
        targets = {
            target.volume_id: target.volume_name
            for target in db_schedule.targets(session, schedule)
        }
    assert targets == {ours.id: "ours", transferred.id: None, gone: None}
