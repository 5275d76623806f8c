"""Runs, tasks and engines over REST."""

from __future__ import annotations

from datetime import timedelta

from oslo_config import cfg
from sqlalchemy import select

from backup_manager.db import session as db_session
from backup_manager.db.models import Service, Task

from . import support
from .support import Caller


def test_everything_that_is_shown(member: Caller) -> None:
    run = support.run(status="partial", error="see tasks", started_at=support.NOW)
    done = support.task(
        run,
        0,
        status="succeeded",
        volume_name="data",
        backup_id=support.new_id(),
        backup_type="full",
        note="made full: max_incrementals is 0",
        size_gb=3,
        attempts=2,
        submitted_at=support.NOW,
    )
    failed = support.task(run, 1, status="failed", error_code="quota", error="Quota exceeded")
    support.add(run, done, failed)
    shown = member.get(f"/v1/runs/{run.id}").body["run"]
    assert shown["counts"] == {
        "total": 2,
        "waiting": 0,
        "pending": 0,
        "submitting": 0,
        "running": 0,
        "succeeded": 1,
        "failed": 1,
        "skipped": 0,
        "cancelled": 0,
        "expired": 0,
    }
    assert (shown["status"], shown["error"]) == ("partial", "see tasks")
    assert member.get("/v1/runs").body == {"runs": [shown]}
    first, second = member.get(f"/v1/runs/{run.id}/tasks").body["tasks"]
    assert (first["id"], first["volume_name"], first["note"]) == (done.id, "data", done.note)
    assert (second["error_code"], second["error"]) == ("quota", "Quota exceeded")
    found = member.get(f"/v1/runs/{run.id}/tasks?status=failed").body["tasks"]
    assert found == [second]


def test_filters(member: Caller) -> None:
    schedule_id = support.new_id()
    by_schedule = support.run(
        schedule_id=schedule_id, trigger="schedule", created_at=support.NOW - timedelta(days=1)
    )
    backed_up, restored = support.new_id(), support.new_id()
    by_user = support.run(status="running", action="restore")
    support.add(by_schedule, by_user)
    support.add(
        support.task(by_schedule, volume_id=backed_up),
        support.task(by_schedule, volume_id=support.new_id(), target_volume_id=restored),
        support.task(by_user, action="restore", volume_id=backed_up, target_volume_id=restored),
    )
    for query, expected in (
        ("", [by_user, by_schedule]),
        ("sort=created_at:asc", [by_schedule, by_user]),
        ("trigger=schedule", [by_schedule]),
        (f"volume_id={backed_up}", [by_user, by_schedule]),
        (f"volume_id={restored}", [by_user]),
        (f"volume_id={support.new_id()}", []),
        (f"volume_id={backed_up}&status=running", [by_user]),
        ("status=running", [by_user]),
        ("action=backup", [by_schedule]),
        (f"schedule_id={schedule_id}", [by_schedule]),
        ("since=2026-11-20T00:00:00Z", [by_user]),
        ("until=2026-11-20T00:00:00Z", [by_schedule]),
    ):
        found = member.get(f"/v1/runs?{query}").body["runs"]
        assert [run["id"] for run in found] == [run.id for run in expected], query


def test_cancel_what_is_pending(member: Caller) -> None:
    run = support.run(status="running")
    tasks = [
        support.task(run, position, status=status)
        for position, status in enumerate(["running", "pending", "pending"])
    ]
    support.add(run, *tasks)
    answer = member("POST", f"/v1/runs/{run.id}/cancel")
    assert answer.status == 200
    shown = answer.body["run"]
    assert shown["status"] == "running"
    assert (shown["counts"]["running"], shown["counts"]["cancelled"]) == (1, 2)
    assert member.get(f"/v1/runs/{run.id}").body["run"] == shown
    again = member("POST", f"/v1/runs/{run.id}/cancel")
    assert again.status == 409
    assert "nothing to cancel" in again.error["message"]


def test_cancel_a_whole_run(member: Caller) -> None:
    run = support.run()
    support.add(run, support.task(run))
    shown = member("POST", f"/v1/runs/{run.id}/cancel").body["run"]
    assert (shown["status"], shown["finished_at"]) == ("cancelled", "2026-11-20T12:00:00Z")


def test_confirm(member: Caller, conf: cfg.ConfigOpts) -> None:
    run = support.run(status="waiting", action="delete", trigger="retention", error="Confirm it.")
    tasks = [
        support.task(run, position, action="delete", status="waiting", note="Not kept.")
        for position in range(2)
    ]
    support.add(run, *tasks)
    path = f"/v1/runs/{run.id}"
    assert member.get("/v1/runs?status=waiting&trigger=retention&action=delete").body["runs"] == [
        member.get(path).body["run"]
    ]
    answer = member("POST", f"{path}/confirm")
    assert answer.status == 200
    shown = answer.body["run"]
    assert (shown["status"], shown["error"]) == ("pending", None)
    assert (shown["counts"]["waiting"], shown["counts"]["pending"]) == (0, 2)
    assert member.get(path).body["run"] == shown
    with db_session.reader() as session:
        (limit,) = session.scalars(select(Task.expires_at).distinct())
    assert limit == support.NOW + timedelta(seconds=conf.engine.completion_limit)
    again = member("POST", f"{path}/confirm")
    assert again.status == 409
    assert again.error["message"] == (
        f"Run {run.id} does not wait for consent: its status is pending."
    )


def test_cancel_what_waits_for_consent(member: Caller) -> None:
    run = support.run(status="waiting", action="delete", trigger="retention")
    support.add(run, support.task(run, action="delete", status="waiting"))
    shown = member("POST", f"/v1/runs/{run.id}/cancel").body["run"]
    assert (shown["status"], shown["counts"]["cancelled"]) == ("cancelled", 1)
    assert member("POST", f"/v1/runs/{run.id}/confirm").status == 409


def test_who_may_confirm(member: Caller, reader: Caller, stranger: Caller, admin: Caller) -> None:
    run = support.run(status="waiting", action="delete", trigger="retention")
    support.add(run, support.task(run, action="delete", status="waiting"))
    path = f"/v1/runs/{run.id}/confirm"
    assert reader("POST", path).status == 403
    assert stranger("POST", path).status == 404
    assert member.get(f"/v1/runs/{run.id}").body["run"]["status"] == "waiting"
    assert admin("POST", path).status == 200


def test_runs_of_others(member: Caller, stranger: Caller, admin: Caller) -> None:
    run = support.run()
    support.add(run, support.task(run))
    for method, path in (
        ("GET", f"/v1/runs/{run.id}"),
        ("GET", f"/v1/runs/{run.id}/tasks"),
        ("POST", f"/v1/runs/{run.id}/cancel"),
    ):
        assert stranger(method, path).status == 404, path
        assert admin(method, path).status == 200, path
    assert stranger.get("/v1/runs").body == {"runs": []}
    assert admin.get("/v1/runs").body == {"runs": []}
    assert len(admin.get("/v1/runs?all_projects=true").body["runs"]) == 1
    tasks = f"/v1/runs/{run.id}/tasks?all_projects=true"
    assert admin.get(tasks).status == 200
    assert admin.get(f"{tasks}&project_id={support.THEIRS}").status == 404
    assert member.get(tasks).status == 403


def test_engines(admin: Caller, conf: cfg.ConfigOpts) -> None:
    silence = timedelta(seconds=conf.engine.down_after)
    for host, ago in (("b", silence + timedelta(seconds=1)), ("a", silence)):
        support.add(
            Service(
                id=support.new_id(),
                binary="backup-manager-engine",
                host=host,
                version="1.0",
                started_at=support.NOW - timedelta(days=1),
                heartbeat_at=support.NOW - ago,
            )
        )
    found = admin.get("/v1/services").body["services"]
    assert [(each["host"], each["state"]) for each in found] == [("a", "up"), ("b", "down")]
