"""What these tests share: rows, callers, and pretended neighbours of the API."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from flask import Flask
from keystoneauth1.fixture import V3Token
from oslo_utils import uuidutils
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backup_manager.api import validation
from backup_manager.api.schemas import error as error_schema
from backup_manager.cinder import CinderError, Versions
from backup_manager.db import session as db_session
from backup_manager.db.models import (
    Backup,
    Base,
    Delegation,
    Project,
    Run,
    Schedule,
    ScheduleVolume,
    Task,
    Volume,
)
from backup_manager.rules.quota import Quota

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)
OURS = "1" * 32
THEIRS = "2" * 32
UNKNOWN = "abcdefab-0000-4000-8000-000000000000"
DAILY = {"type": "daily", "time": "02:00"}


def new_id() -> str:
    return str(uuidutils.generate_uuid())


# ---------------------------------------------------------------- callers


def token(
    roles: Iterable[str], project_id: str | None = OURS, user_id: str = "user-of-ours"
) -> V3Token:
    made = V3Token(user_id=user_id, project_id=project_id)
    for role in roles:
        made.add_role(name=role)
    return made


@dataclasses.dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def error(self) -> dict[str, Any]:
        """The error, after a look at its shape."""
        validation.response(error_schema.RESPONSE, self.body)
        assert self.body["error"]["code"] == self.status
        assert self.body["error"]["request_id"] == self.headers["X-Openstack-Request-Id"]
        return self.body["error"]  # type: ignore[no-any-return]


@dataclasses.dataclass
class Caller:
    """Sends requests with one token."""

    app: Flask
    token: str | None

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers["X-Auth-Token"] = self.token
        if body is not None:
            options["json"] = body
        response: TestResponse = self.app.test_client().open(
            path, method=method, headers=headers, **options
        )
        assert response.headers["X-Openstack-Request-Id"].startswith("req-")
        return Answer(response.status_code, response.get_json(silent=True), response.headers)

    def get(self, path: str, **options: Any) -> Answer:
        return self("GET", path, **options)

    def walk(self, path: str, plural: str) -> list[list[dict[str, Any]]]:
        """All pages of a list, by its links."""
        pages = []
        while True:
            answer = self.get(path)
            assert answer.status == 200, answer.body
            pages.append(answer.body[plural])
            links = answer.body.get(f"{plural}_links")
            if links is None:
                return pages
            path = links[0]["href"].removeprefix("http://localhost")


# ---------------------------------------------------------------- neighbours


class Cinder:
    """Stands for inventory: what Cinder would tell when it is asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.unseen: list[Base] = []
        self.fails_with: Exception | None = None
        self.quota = Quota(backups=None, backups_used=0, gigabytes=None, gigabytes_used=0)
        self.quota_fails_with: Exception | None = None
        self.speaks: Versions | CinderError = Versions("3.0", "3.71")

    def versions(self) -> Versions:
        if isinstance(self.speaks, CinderError):
            raise self.speaks
        return self.speaks

    def read_quota(self, conf: Any, context: Any) -> Quota:
        if self.quota_fails_with is not None:
            raise self.quota_fails_with
        return self.quota

    def refresh_with_token(self, conf: Any, context: Any, max_age: float) -> None:
        self.asked.append(max_age)
        if self.fails_with is not None:
            raise self.fails_with
        # Only a look right now shows what came since the last one.
        if max_age <= 1:
            add(*self.unseen)
            self.unseen = []


class Delegations:
    """Stands for delegation: what Keystone would grant."""

    def __init__(self) -> None:
        self.granted: list[str] = []
        self.released = 0
        self.fails_with: Exception | None = None
        #: What becomes of those granted, one by one, before they are relied on.
        self.states: list[str] = []

    def grant(self, conf: Any, context: Any, lasting: bool = True) -> str:
        if self.fails_with is not None:
            raise self.fails_with
        with db_session.writer() as session:
            row = session.scalar(
                select(Delegation).where(
                    Delegation.project_id == context.project_id,
                    Delegation.user_id == context.user_id,
                )
            )
            if row is None:
                row = delegation(context.project_id, context.user_id)
                session.add(row)
            row.state, row.error = self.states.pop(0) if self.states else "active", None
        self.granted.append(row.id)
        return row.id

    def release_unneeded(self, conf: Any, context: Any, project_id: str) -> int:
        self.released += 1
        if self.fails_with is not None:
            raise self.fails_with
        return 0


# ---------------------------------------------------------------- rows


def add(*rows: Base) -> None:
    with db_session.writer() as session:
        for row in rows:
            session.add(row)
            session.flush()


def count(*models: type[Base]) -> int:
    """Number of rows in several tables, which most tests look at to see that nothing was written.

    Without any, in all tables that the API writes to.
    """
    written = models or (Schedule, ScheduleVolume, Run, Task, Delegation)
    with db_session.reader() as session:
        return sum(
            session.scalar(select(func.count()).select_from(model)) or 0 for model in written
        )


def project(project_id: str = OURS) -> Project:
    return Project(project_id=project_id, synced_at=NOW)


def volume(project_id: str = OURS, **values: Any) -> Volume:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "name": "data",
        "status": "available",
        "size_gb": 1,
        "server_ids": [],
        "bootable": False,
        "created_at": NOW,
        "recorded_at": NOW,
    }
    return Volume(project_id=project_id, **{**defaults, **values})


def backup(volume_id: str, project_id: str = OURS, **values: Any) -> Backup:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "name": "data-backup",
        "status": "available",
        "type": "full",
        "is_incremental": False,
        "has_dependents": False,
        "size_gb": 1,
        "created_at": NOW,
        "recorded_at": NOW,
    }
    return Backup(project_id=project_id, volume_id=volume_id, **{**defaults, **values})


def delegation(project_id: str = OURS, user_id: str = "user-of-ours", **values: Any) -> Delegation:
    defaults = {"id": new_id(), "mode": "trust", "state": "active", "created_at": NOW}
    return Delegation(project_id=project_id, user_id=user_id, **{**defaults, **values})


def schedule(delegation_id: str, project_id: str = OURS, **values: Any) -> Schedule:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "name": "nightly",
        "user_id": "user-of-ours",
        "enabled": True,
        "backup_type": "full",
        "max_incrementals": 6,
        "recurrence": DAILY,
        "cron": "0 2 * * *",
        "timezone": "UTC",
        "next_run_at": NOW + timedelta(hours=14),
        "generation": 1,
        "created_at": NOW,
    }
    return Schedule(project_id=project_id, delegation_id=delegation_id, **{**defaults, **values})


def run(project_id: str = OURS, **values: Any) -> Run:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "user_id": "user-of-ours",
        "action": "backup",
        "trigger": "user",
        "missed_slots": 0,
        "status": "pending",
        "created_at": NOW,
    }
    return Run(project_id=project_id, **{**defaults, **values})


def task(of: Run, position: int = 0, **values: Any) -> Task:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "action": "backup",
        "parameters": {},
        "volume_id": new_id(),
        "status": "pending",
        "attempts": 0,
        "not_before": NOW,
    }
    return Task(run_id=of.id, project_id=of.project_id, position=position, **{**defaults, **values})
