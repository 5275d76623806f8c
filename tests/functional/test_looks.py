"""What the lists and figures for a dashboard say is the same with either database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from backup_manager import conf
from backup_manager.context import Scope
from backup_manager.db import backup as db_backup
from backup_manager.db import migration, paging
from backup_manager.db import run as db_run
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.db import statistics as db_statistics
from backup_manager.db import usage as db_usage
from backup_manager.db import volume as db_volume
from backup_manager.db.models import ScheduleVolume, UsageSample
from tests.unit.api import support
from tests.unit.api.support import NOW, OURS, THEIRS

DAY = timedelta(days=1)
SCOPE = Scope(OURS)
FIRST = paging.Paging(100, "name")


@pytest.fixture(autouse=True)
def migrated(database: str) -> Iterator[None]:
    options = conf.load(config_files=[])
    options.set_override("connection", database, group="database")
    db_session.configure(options)
    migration.sync()
    yield
    db_session.engine().dispose()


def _names(page: paging.Page[Any]) -> list[str]:
    return [row.name for row in page.rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data", ["DATA_1", "data-2"]),
        ("A_", ["DATA_1"]),
        ("%", ["a%b"]),
        ("\\", ["a\\b"]),
        ("/", ["a/b"]),
        ("größe", ["GRÖßE", "größe"]),
        ("数据", ["数据盘"]),
        ("nothing", []),
    ],
)
def test_search(text: str, expected: list[str]) -> None:
    names = ["DATA_1", "data-2", "a%b", "a\\b", "a/b", "GRÖßE", "größe", "数据盘"]
    volume, delegation = support.volume(name=None), support.delegation()
    support.add(volume, delegation, *(support.volume(name=name) for name in names))
    support.add(*(support.backup(volume.id, name=name) for name in names))
    support.add(*(support.schedule(delegation.id, name=name) for name in names))
    support.add(support.volume(THEIRS, name=text))
    with db_session.reader() as session:
        for page in (
            db_volume.list_page(session, SCOPE, FIRST, NOW, search=text),
            db_backup.list_page(session, SCOPE, FIRST, search=text),
            db_schedule.list_page(session, SCOPE, FIRST, search=text),
        ):
            assert sorted(_names(page)) == sorted(expected)


def test_search_by_id() -> None:
    volume = support.volume()
    backups = [support.backup(volume.id), support.backup(support.new_id())]
    support.add(volume, support.volume(), *backups)
    with db_session.reader() as session:
        for text, expected in ((volume.id, backups[:1]), (backups[1].id, backups[1:])):
            found = db_backup.list_page(session, SCOPE, FIRST, search=text).rows
            assert [row.id for row in found] == [row.id for row in expected]
        (found_volume,) = db_volume.list_page(session, SCOPE, FIRST, NOW, search=volume.id).rows
        assert found_volume.id == volume.id


def test_late_volumes() -> None:
    delegation = support.delegation()
    made = {"created_at": NOW - 30 * DAY}
    listing = support.schedule(delegation.id, **made)
    golden = support.schedule(delegation.id, selector={"volume_types": ["gold"]}, **made)
    support.add(delegation, listing, golden)
    for name, days, kind in (("good", 1, "gold"), ("late", 3, "gold"), ("late, listed", 3, None)):
        row = support.volume(name=name, volume_type=kind, **made)
        support.add(row, support.backup(row.id, created_at=NOW - days * DAY))
        if kind is None:
            support.add(ScheduleVolume(schedule_id=listing.id, volume_id=row.id))
    support.add(support.volume(name="unprotected"))
    with db_session.reader() as session:
        late = db_volume.list_page(session, SCOPE, FIRST, NOW, late=True)
        rest = db_volume.list_page(session, SCOPE, FIRST, NOW, late=False)
        assert (_names(late), _names(rest)) == (["late", "late, listed"], ["good", "unprotected"])


def _ended(hours: int | None, status: str = "succeeded", project_id: str = OURS) -> str:
    run = support.run(project_id)
    at = None if hours is None else NOW - timedelta(hours=hours)
    task = support.task(run, status=status, finished_at=at)
    support.add(run, task)
    return task.id


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_tasks_page_by_page(descending: bool, limit: int) -> None:
    unfinished = sorted((_ended(None, "running") for _ in range(3)), reverse=True)
    at_once = sorted((_ended(1) for _ in range(3)), reverse=True)
    expected = [*unfinished, *at_once, _ended(2), _ended(30, "failed")]
    _ended(1, project_id=THEIRS)
    walked: list[str] = []
    has_more = True
    while has_more:
        marker = walked[-1] if walked else None
        wanted = paging.Paging(limit, "finished_at", descending, marker)
        with db_session.reader() as session:
            page = db_run.list_all_tasks(session, SCOPE, wanted)
        walked += [row.id for row in page.rows]
        has_more = page.has_more
    assert walked == (expected if descending else expected[::-1])
    with db_session.reader() as session:
        newest = paging.Paging(100, "finished_at", descending)
        recent = db_run.list_all_tasks(
            session, SCOPE, newest, since=NOW - DAY, until=NOW - DAY / 24
        )
        assert [row.id for row in recent.rows] == expected[6:7]


def test_days() -> None:
    for hours, status in ((1, "succeeded"), (12, "failed"), (13, "expired"), (14, "skipped")):
        _ended(hours, status)
    _ended(2, project_id=THEIRS)
    for project_id, backups in ((OURS, 3), (THEIRS, 4)):
        sample = {"backups": backups, "size_gb": 10, "protected_volumes": 1}
        day = (NOW - DAY).date()
        support.add(
            UsageSample(project_id=project_id, day=day, unprotected_volumes=2, **sample),
        )
    today, yesterday = NOW.date(), (NOW - DAY).date()
    with db_session.reader() as session:
        for scope, succeeded, backups in ((SCOPE, 1, 3), (Scope(None), 2, 7)):
            tasks = db_statistics.tasks_by_day(session, scope, "backup", NOW - 9 * DAY)
            assert tasks == {today: (succeeded, 1), yesterday: (0, 1)}
            (day_,) = db_usage.by_day(session, scope, yesterday)
            assert (day_.day, day_.backups) == (yesterday, backups)


def test_projects() -> None:
    good, broken = support.delegation(), support.delegation(THEIRS, state="broken")
    schedules = [support.schedule(good.id, name=name) for name in ("good", "bad", "new")]
    support.add(good, broken, *schedules, support.schedule(broken.id, THEIRS))
    for schedule, status in zip(schedules, ("partial", "succeeded"), strict=False):
        support.add(support.run(schedule_id=schedule.id, status=status, created_at=NOW - DAY))
    support.add(support.run(schedule_id=schedules[0].id, status="succeeded"))
    support.add(support.run(schedule_id=schedules[1].id, status="failed"))
    volume = support.volume()
    support.add(volume, ScheduleVolume(schedule_id=schedules[0].id, volume_id=volume.id))
    support.add(support.backup(volume.id, size_gb=3), support.backup(volume.id, size_gb=4))
    _ended(None, "pending")
    _ended(None, "running", THEIRS)
    with db_session.reader() as session:
        assert db_statistics.failing_schedules(session, Scope(None)) == 2
        (failing,) = db_schedule.list_page(session, SCOPE, FIRST, failing=True).rows
        others = db_schedule.list_page(session, SCOPE, FIRST, failing=False)
        assert (failing.name, _names(others)) == ("bad", ["good", "new"])
        ours, theirs = db_statistics.projects(session, [OURS, THEIRS]).values()
    assert ours == db_statistics.Project(
        volumes=1,
        protected=1,
        backups=2,
        size_gb=7,
        schedules=3,
        failing=1,
        waiting=1,
        oldest_waiting_at=NOW,
    )
    assert theirs == db_statistics.Project(schedules=1, failing=1, running=1)
