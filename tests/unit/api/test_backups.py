"""Backups over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from oslo_config import cfg
from sqlalchemy import select

from backup_manager.db import session as db_session
from backup_manager.db.models import Run, Task

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
    assert member.get("/v1/backups").body == {"backups": [shown]}


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
