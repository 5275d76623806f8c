"""Backups over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from oslo_config import cfg
from sqlalchemy import event, select

from backup_manager.db import session as db_session
from backup_manager.db.models import Backup, ProjectPolicy, Run, Task

from . import support
from .support import Caller


@pytest.fixture
def volume_id(member: Caller) -> str:
    volume = support.volume()
    support.add(support.project(), volume)
    return volume.id


def parameters() -> dict[str, Any]:
    with db_session.reader() as session:
        return dict(session.scalars(select(Task.parameters)).one())


def test_back_up_now(
    member: Caller, volume_id: str, conf: cfg.ConfigOpts, delegations: support.Delegations
) -> None:
    answer = member("POST", "/v1/backups", {"backup": {"volumes": [volume_id]}})
    assert answer.status == 202
    run = answer.body["run"]
    assert (run["trigger"], run["status"], run["schedule_id"]) == ("user", "pending", None)
    assert (run["user_id"], run["counts"]["pending"]) == ("user-of-ours", 1)
    assert member.get(f"/v1/runs/{run['id']}").body["run"] == run
    assert parameters() == {
        "type": "full",
        "max_incrementals": conf.backup.max_incrementals,
        "name": None,
        "description": None,
        "timezone": "UTC",
    }
    with db_session.reader() as session:
        assert session.scalars(select(Run.delegation_id)).all() == delegations.granted


def test_back_up_now_with_everything(member: Caller, volume_id: str) -> None:
    wanted = {
        "type": "incremental",
        "max_incrementals": 2,
        "name": "before upgrade \U0001f680",
        "description": "as agreed",
    }
    answer = member("POST", "/v1/backups", {"backup": {"volumes": [volume_id], **wanted}})
    assert answer.status == 202
    assert wanted.items() <= parameters().items()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": 300 * "n"}, "name"),
        ({"name": "\x00"}, "name"),
        ({"type": "both"}, "type"),
        ({"volumes": []}, "volumes"),
        ({"volumes": None}, "volumes"),
        ({"force": True}, "force"),
        ({"max_incrementals": 1001}, "max_incrementals"),
    ],
)
def test_bad_request(member: Caller, volume_id: str, changes: dict[str, Any], field: str) -> None:
    request = {"backup": {"volumes": [volume_id], **changes}}
    answer = member("POST", "/v1/backups", request)
    assert (answer.status, answer.error["field"]) == (400, field)
    assert support.count() == 0


def test_everything_that_is_shown(member: Caller, volume_id: str) -> None:
    parent = support.new_id()
    backup = support.backup(
        volume_id,
        description="Incremental backup",
        type="incremental",
        is_incremental=True,
        has_dependents=True,
        parent_id=parent,
        parent_source="derived",
        data_timestamp=support.NOW,
        fail_reason="once",
    )
    support.add(backup)
    shown = member.get(f"/v1/backups/{backup.id}").body["backup"]
    expected = {
        "volume_id": volume_id,
        "volume_name": "data",
        "type": "incremental",
        "is_incremental": True,
        "has_dependents": True,
        "parent_id": parent,
        "parent_source": "derived",
        "snapshot_id": None,
        "run_id": None,
        "data_timestamp": "2026-11-20T12:00:00Z",
        "fail_reason": "once",
    }
    assert expected.items() <= shown.items()
    assert member.get("/v1/backups?retention=true").body == {"backups": [shown]}
    assert member.get("/v1/backups").body == {"backups": [{**shown, "retention": None}]}


def test_what_the_policies_decide(member: Caller, admin: Caller, volume_id: str) -> None:
    """About backups of several pages, volumes, policies and projects."""
    theirs = support.volume(support.THEIRS)

    def backup(days: int, of: str = volume_id, **values: Any) -> Backup:
        made = {"created_at": support.NOW - timedelta(days=days), "run_id": support.new_id()}
        row = support.backup(of, name=f"{days}", **{**made, **values})
        support.add(row)
        return row

    support.add(theirs)
    old, young, last = backup(40), backup(10), backup(1)
    foreign = backup(39, run_id=None)
    held = backup(38, held=True, hold_reason="audit")
    counted = backup(5, theirs.id, project_id=support.THEIRS)
    support.add(
        ProjectPolicy(project_id=support.THEIRS, retention={"keep_last": 3}, updated_at=support.NOW)
    )
    expected = {
        old.id: (False, "expired", "2026-11-10T12:00:00Z"),
        young.id: (True, "max_age_days", "2026-12-10T12:00:00Z"),
        last.id: (True, "max_age_days", None),
        foreign.id: (True, "foreign", None),
        held.id: (True, "held", None),
        counted.id: (True, "keep_last", None),
    }

    def decided(backups: list[dict[str, Any]]) -> dict[str, tuple[bool, str, str | None]]:
        shown = {each["id"]: each["retention"] for each in backups}
        return {
            id_: (each["keep"], each["rule"], each["expires_at"]) for id_, each in shown.items()
        }

    everywhere = admin.get("/v1/backups?all_projects=true&retention=true").body["backups"]
    assert decided(everywhere) == expected
    pages = member.walk("/v1/backups?limit=2&retention=true", "backups")
    del expected[counted.id]
    assert decided([each for page in pages for each in page]) == expected
    for id_ in expected:
        assert decided([member.get(f"/v1/backups/{id_}").body["backup"]]) == {id_: expected[id_]}
    plan = member.get(f"/v1/volumes/{volume_id}/retention").body["plan"]
    reasons = {each["backup_id"]: each["reason"] for each in plan["going"] + plan["kept"]}
    (page,) = member.walk("/v1/backups?retention=true", "backups")
    assert {each["id"]: each["retention"]["reason"] for each in page} == reasons


def test_a_hold_shows_in_what_is_decided(member: Caller, volume_id: str) -> None:
    row = support.backup(volume_id, run_id=support.new_id())
    support.add(row)
    request = {"backup": {"held": True, "hold_reason": "audit"}}
    shown = member("PATCH", f"/v1/backups/{row.id}", request).body["backup"]
    assert shown["retention"]["reason"] == "On hold: audit"


def test_pages_ask_once_for_the_backups_of_their_volumes(member: Caller) -> None:
    for _ in range(3):
        volume = support.volume()
        support.add(volume, *(support.backup(volume.id) for _ in range(2)))
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db_session.engine(), "before_cursor_execute", note)
    assert len(member.get("/v1/backups?retention=true").body["backups"]) == 6
    assert sum("FROM backups" in statement for statement in seen) == 2


def test_filters_and_order(member: Caller, volume_id: str) -> None:
    old = support.backup(volume_id, name="old", created_at=support.NOW - timedelta(days=1))
    new = support.backup(support.new_id(), name="new", type="incremental", status="error")
    support.add(old, new)
    for query, expected in (
        ("", ["new", "old"]),
        ("sort=created_at", ["new", "old"]),
        ("sort=created_at:asc", ["old", "new"]),
        ("sort=name", ["new", "old"]),
        ("type=full", ["old"]),
        ("status=error", ["new"]),
        ("name=old", ["old"]),
        (f"volume_id={volume_id}", ["old"]),
        ("since=2026-11-20T12:00:00Z", ["new"]),
        ("until=2026-11-20T12:00:00Z", ["old"]),
        ("since=2026-11-19T12:00:00Z&until=2026-11-20T12:00:01Z&type=full", ["old"]),
    ):
        found = member.get(f"/v1/backups?{query}").body["backups"]
        assert [backup["name"] for backup in found] == expected, query
