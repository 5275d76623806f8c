"""Schema, migrations and the plans of the queries that run again and again."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy
from oslo_db import exception as db_exceptions
from oslo_db.sqlalchemy import test_migrations
from oslo_utils import uuidutils

from backup_manager import conf, exceptions
from backup_manager.context import Scope
from backup_manager.db import (
    delegation,
    migration,
    models,
    paging,
    project,
    retention,
    run,
    schedule,
    selector,
    statistics,
    task,
    usage,
    volume,
)
from backup_manager.db import session as db_session
from backup_manager.rules.selector import Selector

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
NEWEST = paging.Paging(20, "finished_at", descending=True)


@pytest.fixture
def configured(database: str) -> Iterator[None]:
    options = conf.load(config_files=[])
    options.set_override("connection", database, group="database")
    db_session.configure(options)
    yield
    db_session.engine().dispose()


@pytest.fixture
def migrated(configured: None) -> None:
    migration.sync()


def test_models_and_migrations_agree(migrated: None) -> None:
    class Sync(test_migrations.ModelsMigrationsSync, unittest.TestCase):
        def db_sync(self, engine: Any) -> None:
            migration.sync()

        def get_engine(self) -> Any:
            return db_session.engine()

        def get_metadata(self) -> Any:
            return models.Base.metadata

        def include_object(self, obj: Any, name: str, kind: str, *_: Any) -> bool:
            return name != "alembic_version"

    Sync("test_models_sync").debug()


def test_an_empty_database_is_noticed_upgraded_and_left_alone(configured: None) -> None:
    assert migration.current() is None
    with pytest.raises(exceptions.SchemaOutdated, match="db sync"):
        migration.check()
    migration.sync()
    assert migration.current() == migration.newest()
    migration.check()
    migration.sync()


def test_times_and_names_survive(migrated: None) -> None:
    moment = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=8)))
    with db_session.writer() as session:
        session.add(models.Project(project_id="项目-💾", synced_at=moment))
    with db_session.reader() as session:
        row = session.get(models.Project, "项目-💾")
        assert row is not None
        assert row.synced_at == moment
    with pytest.raises(Exception, match="without a zone"), db_session.writer() as session:
        session.add(models.Project(project_id="p", synced_at=datetime(2026, 1, 1)))


def _fill(count: int) -> None:
    """Enough rows for the optimizer to care: many that are not due, few that are."""
    with db_session.writer() as session:
        session.add_all(
            models.Delegation(
                id=f"d{number}", project_id=f"p{number}", user_id="u", mode="trust",
                state="active", created_at=NOW,
            )
            for number in range(50)
        )  # fmt: skip
        session.flush()
        for number in range(count):
            due = number < 5
            session.add(
                models.Schedule(
                    id=f"s{number}", project_id=f"p{number % 50}", user_id="u", name="n",
                    enabled=True, backup_type="full", max_incrementals=6, recurrence={},
                    cron="* * * * *", timezone="UTC", delegation_id=f"d{number % 50}", generation=1,
                    created_at=NOW, next_run_at=NOW + timedelta(hours=-1 if due else number),
                    selector={"whole_project": True} if number in (51, 52) else None,
                )
            )  # fmt: skip
            session.add(
                models.Project(
                    project_id=f"p{number}",
                    next_sync_at=NOW + timedelta(hours=-1 if due else number),
                    next_retain_at=NOW + timedelta(hours=-1 if due else number),
                )
            )
            made = models.Run(
                id=uuidutils.generate_uuid(), project_id=f"p{number % 50}", user_id="u",
                delegation_id=f"d{number % 50}", action="backup", trigger="user", created_at=NOW,
                schedule_id=f"s{number}",
                status="running" if due else "succeeded",
                finished_at=None if due else NOW - timedelta(hours=number),
            )  # fmt: skip
            session.add(made)
            session.flush()
            status = {0: "pending", 1: "submitting", 2: "running"}.get(number % 200, "succeeded")
            restores = number % 400 in (0, 1, 3)
            session.add(
                models.Task(
                    id=uuidutils.generate_uuid(), run_id=made.id, position=0, status=status,
                    project_id=made.project_id, parameters={},
                    action="restore" if restores else "backup",
                    backup_id=f"b{number}" if restores else None,
                    volume_id=f"v{number}", not_before=NOW, claimed_until=NOW,
                    expires_at=NOW + timedelta(hours=number),
                    locked_volume_id=f"v{number}" if status in task.IN_FLIGHT else None,
                    finished_at=made.finished_at if status == "succeeded" else None,
                )
            )  # fmt: skip


def _fill_inventory(count: int) -> None:
    """A volume with its backup, in a schedule, and a sample, per number."""
    with db_session.writer() as session:
        for number in range(count):
            project_id = f"p{number % 50}"
            session.add(
                models.Volume(
                    id=f"v{number}", project_id=project_id, status="available", size_gb=1,
                    server_ids=[], bootable=False, created_at=NOW, recorded_at=NOW,
                )
            )  # fmt: skip
            session.add(
                models.Backup(
                    id=f"b{number}", project_id=project_id, volume_id=f"v{number}", type="full",
                    status="available", is_incremental=False, has_dependents=False, size_gb=1,
                    created_at=NOW - timedelta(hours=number), recorded_at=NOW,
                )
            )  # fmt: skip
            session.add(models.ScheduleVolume(schedule_id=f"s{number}", volume_id=f"v{number}"))
            session.add(
                models.UsageSample(
                    project_id=project_id, day=(NOW - timedelta(days=number // 50)).date(),
                    backups=1, size_gb=1, protected_volumes=1, unprotected_volumes=0,
                )
            )  # fmt: skip


def _analyze() -> None:
    with db_session.engine().connect() as connection:
        for table in models.Base.metadata.tables:
            connection.execute(sqlalchemy.text(f"ANALYZE TABLE {table}"))


def _statements(call: Any) -> list[tuple[str, Any]]:
    """The SELECTs that a function of the query modules sends."""
    seen: list[tuple[str, Any]] = []
    engine = db_session.engine()

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append((statement, parameters))

    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    try:
        with db_session.reader() as session:
            call(session)
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", note)
    assert seen
    return seen


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda s: schedule.due(s, NOW, 100), id="schedules-due"),
        pytest.param(lambda s: task.anything_waits(s, NOW), id="tasks-waiting"),
        pytest.param(
            lambda s: task._waiting(s, task._can_start(s, NOW)), id="tasks-waiting-by-project"
        ),
        pytest.param(
            lambda s: task._chosen(s, task._can_start(s, NOW), {"p0": 20}), id="tasks-chosen"
        ),
        pytest.param(lambda s: task._in_flight(s), id="tasks-in-flight"),
        pytest.param(lambda s: task.abandoned(s, NOW, 100), id="tasks-abandoned"),
        pytest.param(lambda s: task.overdue(s, NOW, 100), id="tasks-overdue"),
        pytest.param(
            lambda s: list(selector.picked(s, "p1", Selector(whole_project=True))),
            id="volumes-selected",
        ),
        pytest.param(lambda s: selector.picking(s, ["v1", "v2"]), id="schedules-selecting"),
        pytest.param(
            lambda s: schedule.targets(s, schedule.get_row(s, "s51")), id="schedule-targets"
        ),
        pytest.param(lambda s: task.running_projects(s), id="projects-running"),
        pytest.param(lambda s: project.due_for_sync(s, NOW, 50), id="projects-due"),
        pytest.param(lambda s: project.due_for_retention(s, NOW, 50), id="retention-due"),
        pytest.param(lambda s: run.unfinished(s, "p1", "retention"), id="retention-unfinished"),
        pytest.param(lambda s: list(retention.backups(s, "p1")), id="retention-backups"),
        pytest.param(lambda s: retention.restoring(s, "p1"), id="retention-restoring"),
        pytest.param(lambda s: task.of_backups(s, "r1", ["b1"]), id="tasks-of-backups"),
        pytest.param(lambda s: run.overlooked(s, 100), id="runs-overlooked"),
        pytest.param(lambda s: run.counts(s, ["r1", "r2"]), id="run-counts"),
        pytest.param(lambda s: delegation.in_use(s, "p1"), id="delegations-in-use"),
        pytest.param(lambda s: run.old(s, NOW - timedelta(hours=1950), 500), id="runs-old"),
        pytest.param(lambda s: usage.is_sampled(s, "p1", NOW.date()), id="usage-sampled"),
        pytest.param(lambda s: usage.backups(s, "p1"), id="usage-backups"),
        pytest.param(lambda s: statistics.volumes(s, Scope("p1")), id="usage-volumes"),
        pytest.param(lambda s: run.list_all_tasks(s, Scope("p1"), NEWEST), id="tasks"),
        pytest.param(
            lambda s: run.list_all_tasks(s, Scope("p1"), NEWEST, status="succeeded"),
            id="tasks-by-status",
        ),
        pytest.param(lambda s: volume.late_ids(s, Scope("p1"), NOW), id="volumes-late"),
        pytest.param(lambda s: statistics.failing_schedules(s, Scope("p1")), id="failing"),
        pytest.param(lambda s: statistics.waiting_runs(s, Scope("p1")), id="runs-waiting"),
        pytest.param(
            lambda s: statistics.tasks_by_day(s, Scope("p1"), "backup", NOW - timedelta(days=30)),
            id="tasks-by-day",
        ),
        pytest.param(lambda s: statistics.projects(s, ["p1", "p2"]), id="projects"),
        pytest.param(lambda s: usage.by_day(s, Scope("p1"), NOW.date()), id="usage-by-day"),
        pytest.param(lambda s: retention.backed_up(s, Scope("p1"), ["v1", "v2"]), id="backed-up"),
    ],
)
@pytest.mark.mariadb
def test_no_query_reads_a_whole_table(mariadb: Any, call: Any) -> None:
    """EXPLAIN on MariaDB: each access goes through an index, and few rows are looked at."""
    _use(mariadb)
    rows = 2000
    for statement, parameters in _statements(call):
        with db_session.engine().connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings().all()
        for step in plan:
            described = f"{dict(step)} of {statement}"
            if step["table"] is None or step["table"].startswith("<"):
                continue
            assert step["key"] is not None, described
            assert step["type"] not in ("ALL", "index"), described
            assert int(str(step["rows"]).split()[0]) < rows / 10, described


_filled: list[str] = []


def _use(mariadb: Any) -> None:
    """One filled database serves all the plans."""
    options = conf.load(config_files=[])
    if not _filled:
        _filled.append(mariadb.create_database())
        options.set_override("connection", _filled[0], group="database")
        db_session.configure(options)
        migration.sync()
        _fill(2000)
        _fill_inventory(2000)
        _analyze()
    options.set_override("connection", _filled[0], group="database")
    db_session.configure(options)


def test_an_error_does_not_repeat_what_a_user_wrote(migrated: None) -> None:
    errors = (db_exceptions.DBError, sqlalchemy.exc.DBAPIError)
    with pytest.raises(errors) as refused, db_session.writer() as session:
        session.execute(
            sqlalchemy.text("INSERT INTO projects (project_id, nonsense) VALUES (:id, :name)"),
            {"id": "secret-id", "name": "secret-name"},
        )
    assert "secret" not in f"{refused.value} {refused.value!r}"
    assert "hide_parameters" in str(refused.value), "the statement itself is there to find it by"
    words = db_session.words(refused.value)
    assert "nonsense" in words
    assert "INSERT INTO projects" not in words
    assert "\n" not in words


@pytest.mark.mariadb
def test_every_text_has_room_for_every_name(mariadb: Any) -> None:
    options = conf.load(config_files=[])
    options.set_override("connection", mariadb.create_database(), group="database")
    db_session.configure(options)
    migration.sync()
    query = sqlalchemy.text(
        "SELECT table_name, column_name, character_set_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND character_set_name IS NOT NULL"
    )
    with db_session.engine().connect() as connection:
        found = connection.execute(query).all()
    db_session.engine().dispose()
    assert len(found) > 50
    assert [column for column in found if column[2] != "utf8mb4"] == []


@pytest.mark.mariadb
def test_a_row_that_changed_under_a_snapshot_is_looked_at_again(mariadb: Any) -> None:
    """What MariaDB does from 11.6.2 on: an UPDATE of such a row fails instead of going through."""
    options = conf.load(config_files=[])
    options.set_override("connection", mariadb.create_database(), group="database")
    db_session.configure(options)
    migration.sync()
    engine = db_session.engine()

    @sqlalchemy.event.listens_for(engine, "connect")
    def strict(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_snapshot_isolation = ON")

    engine.dispose()
    with db_session.writer() as session:
        session.add(models.Project(project_id="p", next_sync_at=NOW))
    seen: list[datetime | None] = []

    def interfere() -> None:
        with engine.begin() as other:
            later = NOW + timedelta(hours=1)
            other.execute(sqlalchemy.update(models.Project).values(next_sync_at=later))

    @db_session.retry
    def work() -> None:
        with db_session.writer() as session:
            seen.append(session.scalar(sqlalchemy.select(models.Project.next_sync_at)))
            if len(seen) == 1:
                interfere()
            session.execute(sqlalchemy.update(models.Project).values(synced_at=NOW))

    work()
    engine.dispose()
    assert seen == [NOW, NOW + timedelta(hours=1)]
