"""Who works on which task, when several engines and users act at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_manager import conf
from backup_manager.db import migration, models
from backup_manager.db import run as db_run
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.engine import outcome
from backup_manager.engine.expire import Expire
from backup_manager.engine.fire import fire
from backup_manager.rules import run as rules
from backup_manager.rules import selector as selector_rules

NOW = datetime(2026, 1, 20, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def configured(database: str) -> Iterator[None]:
    options = conf.load(config_files=[])
    options.set_override("connection", database, group="database")
    db_session.configure(options)
    migration.sync()
    with db_session.writer() as session:
        session.add(
            models.Delegation(
                id="d", project_id="a", user_id="u", mode="trust", state="active", created_at=NOW
            )
        )
    yield
    db_session.engine().dispose()


def _run(project_id: str, *volume_ids: str) -> str:
    targets = [db_run.Target.locked(volume_id, None) for volume_id in volume_ids]
    return _run_of("backup", targets, project_id)


def _run_of(action: str, targets: Sequence[db_run.Target], project_id: str = "a") -> str:
    with db_session.writer() as session:
        made = db_run.create(
            session,
            now=NOW,
            project_id=project_id,
            user_id="u",
            delegation_id="d",
            action=action,
            trigger="user",
            targets=targets,
            parameters={},
        )
        return made.id


def _restore(*targets: tuple[str, str | None]) -> None:
    """One task for each backup and the volume that it goes onto, None for a new one."""
    _run_of(
        "restore",
        [
            db_run.Target("source", None, backup_id=backup_id, locks=onto)
            for backup_id, onto in targets
        ],
    )


def _claim(claim_id: str = "c", **limits: int) -> list[db.Claimed]:
    options: dict[str, Any] = {"limit_total": 100, "limit_project": 100, "room": 100, **limits}
    with db_session.writer() as session:
        return db.claim_pending(
            session, claim_id=claim_id, now=NOW, until=NOW + timedelta(seconds=60), **options
        )


def test_a_volume_that_waits_in_two_projects_holds_nobody_up() -> None:
    for project_id in ("a", "b"):
        _run(project_id, "transferred")
    _run("c", "other")
    assert sorted(task.volume_id for task in _claim()) == ["other", "transferred"]
    assert _claim("d") == []


def test_a_backup_is_restored_onto_one_volume_at_a_time() -> None:
    _restore(("first", None), ("first", "v"), ("second", "v"), ("second", None), ("third", None))
    _run("a", "source")
    claimed = []
    while tasks := _claim():
        claimed.append({task.backup_id for task in tasks})
        assert _claim("early") == []
        for task in tasks:
            assert outcome.change(task, rules.SUBMITTING, rules.RUNNING)
        assert _claim("early") == []
        for task in tasks:
            assert outcome.finish(task, rules.RUNNING, rules.SUCCEEDED)
    # A backup of their source keeps restores off nothing, and a volume takes one at a time.
    assert claimed == [{"first", "second", "third", None}, {"first"}, {"second"}]


def test_many_restores_of_one_backup_hold_nobody_up() -> None:
    _restore(*[("first", None)] * 5, ("second", None), ("third", "v"))
    assert [len(_claim(claim, room=3)) for claim in ("one", "two", "three")] == [1, 2, 0]


def test_no_restore_begins_while_its_backup_is_deleted() -> None:
    _run_of("delete", [db_run.Target.locked("source", None, backup_id="first")])
    (deletion,) = _claim("one")
    _restore(("first", None), ("second", None))
    assert [task.backup_id for task in _claim("two")] == ["second"]
    assert outcome.finish(deletion, rules.SUBMITTING, rules.SKIPPED)
    assert [task.backup_id for task in _claim("three")] == ["first"]


def test_a_task_cancelled_in_the_middle_of_a_claim_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, database_kind: str
) -> None:
    run_id = _run("a", "v")
    if database_kind == "sqlite":
        # It has one writer at a time: nothing can happen in the middle, only before.
        with db_session.writer() as session:
            assert db_run.cancel_pending(session, run_id, NOW) == 1
        assert _claim() == []
        return
    counted = db._in_flight

    def cancel_meanwhile(session: Any) -> dict[str, int]:
        found = counted(session)
        with db_session.writer() as other:
            assert db_run.cancel_pending(other, run_id, NOW) == 1
        return found

    monkeypatch.setattr(db, "_in_flight", cancel_meanwhile)
    assert _claim() == []


def test_the_limits_hold_over_all_engines() -> None:
    _run("a", *(f"v{number}" for number in range(10)))
    _run("b", "w")
    first = _claim("one", limit_total=4, limit_project=3, room=2)
    second = _claim("two", limit_total=4, limit_project=3, room=8)
    assert (len(first), len(second)) == (2, 2)
    assert sorted(task.project_id for task in [*first, *second]) == ["a", "a", "a", "b"]
    assert _claim("three", limit_total=4, limit_project=3) == []


def test_a_lost_claim_changes_nothing() -> None:
    _run("a", "v")
    (slow,) = _claim("slow")
    with db_session.writer() as session:
        late = NOW + timedelta(minutes=5)
        assert db.take_over(session, slow.id, "quick", late, late + timedelta(minutes=1))
    options = conf.load(config_files=[])
    with pytest.raises(outcome.ClaimLost):
        outcome.renew(options, slow)
    assert not outcome.change(slow, rules.SUBMITTING, rules.PENDING, not_before=NOW)
    assert not outcome.finish(slow, rules.SUBMITTING, rules.FAILED)
    with db_session.reader() as session:
        (task,) = db.load(session, models.Task.id == slow.id)
    assert task.claimed_by == "quick"


def _schedule(volume_ids: Sequence[str] = ("v", "w"), **values: Any) -> None:
    with db_session.writer() as session:
        db_schedule.create(
            session, NOW, volume_ids,
            **{
                "id": "s", "project_id": "a", "user_id": "u", "name": "n", "description": None,
                "enabled": True, "backup_type": "full", "max_incrementals": 6, "recurrence": {},
                "cron": "*/10 * * * *", "timezone": "UTC", "delegation_id": "d",
                "next_run_at": NOW, **values,
            },
        )  # fmt: skip


def test_a_volume_of_an_unfinished_run_is_skipped_not_piled_up() -> None:
    _schedule()
    assert fire("s", NOW, NOW)
    later = NOW + timedelta(minutes=10)
    assert fire("s", later, later)
    with db_session.reader() as session:
        runs = session.query(models.Run).order_by(models.Run.scheduled_for).all()
        tasks = session.query(models.Task).filter_by(run_id=runs[1].id).all()
    assert [run.status for run in runs] == ["pending", "skipped"]
    assert {(task.status, task.error_code) for task in tasks} == {("skipped", "still-running")}
    assert len(_claim()) == 2


def test_a_slot_fires_once_and_a_repeated_outage_does_not_get_stuck() -> None:
    _schedule()
    late = NOW + timedelta(hours=1)
    assert fire("s", NOW, late)
    assert not fire("s", NOW, late)
    # The schedule is set back, as by a user who disables and enables it on a host in the past.
    with db_session.writer() as session:
        session.query(models.Schedule).update({"next_run_at": NOW})
    assert not fire("s", NOW, late)
    with db_session.reader() as session:
        assert session.query(models.Run).filter_by(status="missed").count() == 1
        assert session.query(models.Schedule).one().next_run_at > late


def _expire(**values: Any) -> None:
    with db_session.writer() as session:
        session.query(models.Task).update(values)


def test_a_task_whose_time_is_up_is_not_taken_and_ends() -> None:
    run_id = _run("a", "v")
    _expire(expires_at=NOW, error="The volume is busy.")
    with db_session.reader() as session:
        assert not db.anything_waits(session, NOW)
    assert _claim() == []
    assert Expire()() == 1
    assert Expire()() == 0
    with db_session.reader() as session:
        task = session.query(models.Task).one()
        run = session.query(models.Run).filter_by(id=run_id).one()
    assert (task.status, task.error_code, run.status) == ("expired", "expired", "expired")
    assert task.error.startswith("The backup had not started by 2026-01-20T12:00:00Z")
    assert task.error.endswith("It waited: The volume is busy.")


def test_a_task_taken_in_time_is_left_to_its_engine() -> None:
    _run("a", "v")
    _expire(expires_at=NOW + timedelta(seconds=1))
    with db_session.reader() as session:
        assert db.anything_waits(session, NOW)
    (task,) = _claim()
    assert Expire()() == 0
    assert outcome.change(task, rules.SUBMITTING, rules.RUNNING)
    assert Expire()() == 0


def _fired() -> tuple[models.Run, list[models.Task]]:
    with db_session.reader() as session:
        run = session.query(models.Run).order_by(models.Run.id).one()
        return run, session.query(models.Task).order_by(models.Task.position).all()


def test_tasks_begin_over_the_spread_and_expire_after_the_slot() -> None:
    _schedule(spread_s=300, completion_limit_s=7200)
    late = NOW + timedelta(seconds=60)
    assert fire("s", NOW, late)
    _, tasks = _fired()
    # One of the turns has passed.
    assert sorted(task.not_before - NOW for task in tasks) == [
        timedelta(seconds=60),
        timedelta(seconds=150),
    ]
    assert {task.expires_at for task in tasks} == {NOW + timedelta(hours=2)}


@pytest.mark.parametrize(
    ("windows", "status"),
    [
        ({"start_window_s": 300}, "pending"),
        ({"start_window_s": 299}, "missed"),
        ({"start_window_s": 3600, "completion_limit_s": 301}, "pending"),
        ({"start_window_s": 3600, "completion_limit_s": 300}, "missed"),
    ],
)
def test_how_late_a_slot_may_fire(windows: dict[str, int], status: str) -> None:
    _schedule(**windows)
    assert fire("s", NOW, NOW + timedelta(minutes=5))
    assert not fire("s", NOW, NOW + timedelta(minutes=5))
    run, tasks = _fired()
    assert (run.status, run.scheduled_for) == (status, NOW)
    assert len(tasks) == (2 if status == "pending" else 0)
    assert _claim() == [] or status == "pending"


def test_missed_slots_and_one_too_late_are_recorded_once() -> None:
    _schedule(start_window_s=60)
    late = NOW + timedelta(minutes=35)
    assert fire("s", NOW, late)
    with db_session.writer() as session:
        session.query(models.Schedule).update({"next_run_at": NOW})
    assert not fire("s", NOW, late)
    with db_session.reader() as session:
        runs = session.query(models.Run).order_by(models.Run.missed_slots).all()
    assert [(run.status, run.missed_slots) for run in runs] == [("missed", 1), ("missed", 3)]
    assert runs[0].scheduled_for == NOW + timedelta(minutes=30)
    assert "2026-01-20T12:30:00Z was found 5 min late" in runs[0].error
    assert runs[1].error.startswith("3 slots, from 2026-01-20T12:00:00Z on, passed")


_IDS = [f"v{number}" for number in range(6)]
_TAGS = st.fixed_dictionaries({}, optional={"backup": st.sampled_from(["yes", "no"])})
_VOLUMES = st.lists(
    st.tuples(st.sampled_from("ab"), st.none() | _TAGS, st.sampled_from(["ssd", "hdd", None])),
    min_size=len(_IDS),
    max_size=len(_IDS),
)
_SELECTORS = st.builds(
    lambda criteria, exclude: {**criteria, "exclude": exclude},
    st.sampled_from(
        [
            {"whole_project": True},
            {"metadata": {"backup": "yes"}},
            {"volume_types": ["ssd"]},
            {"metadata": {"backup": "yes"}, "volume_types": ["ssd", "hdd"]},
        ]
    ),
    st.lists(st.sampled_from(_IDS), max_size=3, unique=True),
)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    # The database is emptied by the test itself.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(volumes=_VOLUMES, selector=_SELECTORS, listed=st.sets(st.sampled_from(_IDS), max_size=2))
def test_nothing_excluded_or_foreign_is_ever_fired(
    volumes: list[tuple[str, Any, Any]], selector: dict[str, Any], listed: set[str]
) -> None:
    with db_session.writer() as session:
        for table in (models.Task, models.Run, models.ScheduleVolume, models.Schedule):
            session.query(table).delete()
        session.query(models.Volume).delete()
        session.flush()
        for volume_id, (project_id, labels, volume_type) in zip(_IDS, volumes, strict=True):
            session.add(
                models.Volume(
                    id=volume_id, project_id=project_id, name=None, status="available",
                    size_gb=1, volume_type=volume_type, server_ids=[], labels=labels,
                    bootable=False, created_at=NOW, recorded_at=NOW,
                )
            )  # fmt: skip
    owners = {volume_id: found[0] for volume_id, found in zip(_IDS, volumes, strict=True)}
    mine = {volume_id for volume_id in listed if owners[volume_id] == "a"}
    _schedule(selector=selector, volume_ids=sorted(mine))
    assert fire("s", NOW, NOW)
    run, tasks = _fired()
    fired = [task.volume_id for task in tasks]
    assert len(fired) == len(set(fired))
    assert not set(fired) & set(selector["exclude"])
    assert {owners[volume_id] for volume_id in fired} <= {"a"}
    parsed = selector_rules.parse(selector)
    picked = {
        volume_id
        for volume_id, (project_id, labels, volume_type) in zip(_IDS, volumes, strict=True)
        if project_id == "a"
        and selector_rules.matches(
            parsed, selector_rules.Volume(volume_id, None, volume_type, [], labels)
        )
    }
    assert set(fired) == (mine | picked) - set(selector["exclude"])
    assert run.status == ("pending" if fired else "skipped")
    assert bool(run.error) is not bool(fired)
