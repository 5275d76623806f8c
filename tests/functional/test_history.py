"""What is kept of the past: samples of each day, and runs until they are too old."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from oslo_config import cfg
from oslo_utils import uuidutils
from sqlalchemy import select, update

from backup_manager import clock, conf
from backup_manager.cmd import manage
from backup_manager.db import migration, models
from backup_manager.db import run as db_run
from backup_manager.db import session as db_session
from backup_manager.db import usage as db_usage
from backup_manager.engine import history, usage

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def options(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[cfg.ConfigOpts]:
    options = conf.load(config_files=[])
    options.set_override("connection", database, group="database")
    db_session.configure(options)
    migration.sync()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    yield options
    db_session.engine().dispose()


def _run(days: float | None, status: str = "succeeded", tasks: int = 1, age: float = 0) -> str:
    """A run that ended so many days ago; None is not finished."""
    run = models.Run(
        id=uuidutils.generate_uuid(), project_id="p", user_id="u", action="backup", trigger="user",
        status=status, missed_slots=0, created_at=NOW - DAY * (days or age),
        finished_at=None if days is None else NOW - DAY * days,
    )  # fmt: skip
    with db_session.writer() as session:
        session.add(run)
        session.flush()
        session.add_all(
            models.Task(
                id=uuidutils.generate_uuid(), run_id=run.id, position=position, project_id="p",
                action="backup", parameters={}, volume_id="v", status="succeeded", attempts=1,
                not_before=NOW,
            )
            for position in range(tasks)
        )  # fmt: skip
        return run.id


def _left() -> tuple[set[str], set[str]]:
    """The runs, and the runs that tasks are of."""
    with db_session.reader() as session:
        return set(session.scalars(select(models.Run.id))), set(
            session.scalars(select(models.Task.run_id))
        )


def test_old_runs_go_with_their_tasks_and_unfinished_ones_stay(
    options: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BATCH", 2)
    for status in ("succeeded", "failed", "partial", "cancelled", "skipped", "expired", "missed"):
        _run(366, status)
    kept = {
        _run(364),
        _run(365),
        _run(None, "running", age=1000),
        _run(None, "pending", age=1000),
    }
    forget = history.History(options)
    assert forget() == 7
    assert _left() == (kept, kept)
    assert forget() == 0
    options.set_override("history_days", 0, group="engine")
    assert forget() == 0
    options.set_override("history_days", 1, group="engine")
    assert forget() == 2


def test_a_call_ends_after_some_batches(
    options: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BATCH", 2)
    monkeypatch.setattr(history, "_BATCHES", 3)
    for days in range(400, 410):
        _run(days)
    forget = history.History(options)
    assert [forget(), forget(), forget()] == [6, 4, 0]


def test_a_transaction_deletes_only_so_many_tasks() -> None:
    large = [_run(days, tasks=15) for days in (403, 402, 401, 400)]
    before = NOW - 365 * DAY
    with db_session.reader() as session:
        assert db_run.old(session, before, 3) == large[:2]
        assert db_run.old(session, before, 1) == large[:1], "more than ten tasks, but it must go"
        assert db_run.old(session, before, 4) == large[:2]
        assert db_run.old(session, before, 100) == large


def test_two_engines_forget_at_once(
    options: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BATCH", 5)
    for days in range(400, 440):
        _run(days)
    deleted: list[int] = []
    _at_once(lambda: deleted.append(history.History(options)()))
    assert sum(deleted) == 40
    assert _left() == (set(), set())


def _at_once(call: object) -> None:
    assert callable(call)
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_command_purges(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file = tmp_path / "purge.conf"
    config_file.write_text(f"[database]\nconnection = {database}\n")
    purge = ["--config-file", str(config_file), "db", "purge", "--days"]
    kept = _run(30)
    for days in (31, 32):
        _run(days)
    assert manage.main([*purge, "30"]) == 0
    assert capsys.readouterr().out == "Deleted 2 runs that finished more than 30 days ago.\n"
    assert _left()[0] == {kept}
    for wrong in ("0", "-1", "many", "9" * 9):
        with pytest.raises(SystemExit) as refused:
            manage.main([*purge, wrong])
        assert refused.value.code == 2
        assert "--days" in capsys.readouterr().err
    assert _left()[0] == {kept}


@pytest.fixture
def db(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs ``db`` with a verb and its options; returns its exit code and what it prints."""
    config_file = tmp_path / "purge.conf"
    config_file.write_text(f"[database]\nconnection = {database}\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = manage.main(["--config-file", str(config_file), "db", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_dry_run_counts_and_deletes_nothing(db: Command) -> None:
    left = {_run(30), _run(31, tasks=3), _run(32, tasks=2), _run(None, "running", age=99)}
    said = "2 runs with 5 tasks finished more than 30 days ago.\n"
    assert db("purge", "--days", "30", "--dry-run") == (0, said, "")
    assert _left()[0] == left
    assert db("purge", "--days", "99", "--dry-run")[1].startswith("0 runs with 0 tasks ")


def test_what_is_deleted_is_in_the_archive(
    db: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BATCH", 2)
    archive = tmp_path / "archive.jsonl"
    kept = _run(30)
    gone = [_run(days, tasks=2) for days in (33, 32, 31)]
    with db_session.writer() as session:
        session.execute(update(models.Task).values(volume_name="数据卷 💾"))
    said = f"Moved 3 runs to {archive} that finished more than 30 days ago.\n"
    assert db("archive", "--days", "30", str(archive)) == (0, said, "")
    assert _left()[0] == {kept}
    gone.append(_run(40))
    assert db("archive", "--days", "30", str(archive))[0] == 0

    lines = [json.loads(line) for line in archive.read_text().splitlines()]
    assert [line["id"] for line in lines] == gone, "oldest first; what was there stays"
    assert lines[0]["finished_at"] == "2026-10-18T12:00:00Z"
    assert [task["position"] for task in lines[0]["tasks"]] == [0, 1]
    assert {task["volume_name"] for task in lines[0]["tasks"]} == {"数据卷 💾"}
    assert set(lines[0]) == {*models.Run.__table__.columns.keys(), "tasks"}
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_without_an_archive_nothing_is_deleted(db: Command, tmp_path: Path) -> None:
    left = {_run(31)}
    code, output, error = db("archive", "--days", "30", str(tmp_path / "no" / "archive"))
    assert (code, output) == (1, "")
    assert error.endswith(
        "archive can't be written: No such file or directory. What it has no line of was not "
        "deleted.\n"
    )
    # A disk that is full fails while it is written to.
    code, output, error = db("archive", "--days", "30", "/dev/full")
    assert (code, output) == (1, "")
    assert "/dev/full can't be written: No space left on device." in error
    assert _left()[0] == left


def _inventory() -> None:
    """Three volumes, two of them in schedules, and two backups; and one of somebody else."""
    with db_session.writer() as session:
        session.add(
            models.Delegation(
                id="d", project_id="p", user_id="u", mode="trust", state="active", created_at=NOW
            )
        )
        for volume_id, project_id in (("a", "p"), ("b", "p"), ("c", "p"), ("x", "q")):
            session.add(
                models.Volume(
                    id=volume_id, project_id=project_id, status="available", size_gb=7,
                    server_ids=[], bootable=False, created_at=NOW, recorded_at=NOW,
                )
            )  # fmt: skip
            session.add(
                models.Backup(
                    id=f"backup-of-{volume_id}", project_id=project_id, volume_id=volume_id,
                    status="error" if volume_id == "c" else "available", type="full",
                    is_incremental=False, has_dependents=False, size_gb=7, created_at=NOW,
                    recorded_at=NOW,
                )
            )  # fmt: skip
        session.flush()
        session.add(
            models.Schedule(
                id="s", project_id="p", user_id="u", name="n", enabled=True, backup_type="full",
                max_incrementals=6, recurrence={}, cron="0 2 * * *", timezone="UTC",
                delegation_id="d", generation=1, created_at=NOW, next_run_at=NOW,
            )
        )  # fmt: skip
        session.flush()
        session.add_all(
            models.ScheduleVolume(schedule_id="s", volume_id=volume_id) for volume_id in "ab"
        )


def _samples() -> list[tuple[object, ...]]:
    with db_session.reader() as session:
        return [
            (row.day.isoformat(), row.backups, row.size_gb, row.protected_volumes,
             row.unprotected_volumes)
            for row in db_usage.since(session, "p", NOW.date() - 30 * DAY)
        ]  # fmt: skip


def test_a_day_is_sampled_once_by_whoever_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    _inventory()
    failures: list[Exception] = []

    def sample() -> None:
        try:
            usage.sample("p")
        except Exception as error:
            failures.append(error)

    _at_once(sample)
    assert (failures, _samples()) == ([], [("2026-11-20", 3, 21, 2, 1)])
    with db_session.writer() as session:
        session.delete(session.get(models.Backup, "backup-of-a"))
    usage.sample("p")
    assert len(_samples()) == 1
    monkeypatch.setattr(clock, "now", lambda: NOW + DAY)
    usage.sample("p")
    assert _samples()[1:] == [("2026-11-21", 2, 14, 2, 1)]
    monkeypatch.setattr(clock, "now", lambda: NOW + 40 * DAY)
    usage.sample("nobody")
    assert len(_samples()) == 2
