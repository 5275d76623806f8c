"""What is wrong with the service: each check says so, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from keystoneauth1 import exceptions as ks_exceptions
from oslo_config import cfg
from oslo_db import exception as db_exceptions
from sqlalchemy import text

from backup_manager import delegation
from backup_manager.cinder import Uncertain, Versions
from backup_manager.db import session as db_session
from backup_manager.db.models import Service

from . import support
from .support import Caller, Cinder

NAMES = ["database", "keystone", "cinder", "schema", "engines", "delegations", "schedules"]


class Login:
    """Stands for Keystone, as the service logs in."""

    def __init__(self) -> None:
        self.fails_with: Exception | None = None

    def get_token(self) -> str:
        if self.fails_with is not None:
            raise self.fails_with
        return "token"


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> Login:
    made = Login()
    monkeypatch.setattr(delegation, "load_auth", lambda conf: None)
    monkeypatch.setattr(delegation, "new_session", lambda conf, auth: made)
    return made


@pytest.fixture(autouse=True)
def engine(conf: cfg.ConfigOpts) -> None:
    _engine("ctl1", 0)


def _engine(host: str, ago: float) -> None:
    support.add(
        Service(
            id=support.new_id(),
            binary="backup-manager-engine",
            host=host,
            version="1.0",
            started_at=support.NOW - timedelta(days=1),
            heartbeat_at=support.NOW - timedelta(seconds=ago),
        )
    )


def _failed(admin: Caller) -> dict[str, str]:
    """The details of the checks that are not ok."""
    answer = admin.get("/v1/health")
    assert answer.status == 200
    health = answer.body["health"]
    assert [check["name"] for check in health["checks"]] == NAMES
    failed = {check["name"]: check["detail"] for check in health["checks"] if not check["ok"]}
    assert health["ok"] == (not failed)
    return failed


def test_all_is_well(admin: Caller) -> None:
    assert _failed(admin) == {}


def test_no_engine(admin: Caller, conf: cfg.ConfigOpts) -> None:
    with db_session.writer() as session:
        session.execute(text("DELETE FROM services"))
    failed = _failed(admin)
    assert failed.keys() == {"engines"}
    assert "start backup-manager-engine" in failed["engines"]
    _engine("ctl2", conf.engine.down_after + 1)
    assert "No sign of life from ctl2 since 2026-11-20T11:58:59Z" in _failed(admin)["engines"]


def test_a_silent_engine_beside_another_is_named(admin: Caller, conf: cfg.ConfigOpts) -> None:
    for number in range(7):
        _engine(f"old{number}", conf.engine.down_after + 1)
    assert _failed(admin) == {}
    checks = {each["name"]: each for each in admin.get("/v1/health").body["health"]["checks"]}
    assert checks["engines"]["detail"].startswith("1 up: ctl1. No sign of life from old0 since ")
    assert "and 2 more" in checks["engines"]["detail"]


def test_cinder(admin: Caller, cinder: Cinder) -> None:
    cinder.speaks = Uncertain("No version document from Cinder at http://cinder/v3")
    failed = _failed(admin)
    assert failed.keys() == {"cinder"}
    assert failed["cinder"].startswith("No version document from Cinder at http://cinder/v3. See")
    cinder.speaks = Versions("3.0", "3.42")
    assert "3.43 is needed" in _failed(admin)["cinder"]
    cinder.speaks = Versions("3.0", "3.100")
    assert _failed(admin) == {}


def test_keystone(admin: Caller, login: Login) -> None:
    login.fails_with = ks_exceptions.Unauthorized("Wrong password")
    failed = _failed(admin)
    assert failed.keys() == {"keystone"}
    assert "Wrong password" in failed["keystone"]
    assert "[keystone_authtoken]" in failed["keystone"]


def test_no_credentials(
    admin: Caller, monkeypatch: pytest.MonkeyPatch, conf: cfg.ConfigOpts
) -> None:
    monkeypatch.undo()
    assert "The service has no credentials" in _failed_keystone(admin)


def _failed_keystone(admin: Caller) -> str:
    checks = admin.get("/v1/health").body["health"]["checks"]
    return next(str(check["detail"]) for check in checks if check["name"] == "keystone")


def test_broken_delegations_of_all_projects(admin: Caller) -> None:
    broken = support.delegation(support.THEIRS, "u", state="broken", error="no trust")
    fine = support.delegation()
    support.add(broken, fine)
    names = [f"nightly-{number}" for number in range(6)]
    for name in names:
        support.add(support.schedule(broken.id, support.THEIRS, name=name))
    support.add(
        support.schedule(fine.id, name="fine"),
        support.schedule(broken.id, support.THEIRS, name="off", enabled=False, next_run_at=None),
    )
    failed = _failed(admin)
    assert failed.keys() == {"delegations"}
    detail = failed["delegations"]
    assert detail.startswith("The engines may no longer act for 6 schedules: ")
    assert sum(name in detail for name in names) == 5
    assert "and 1 more" in detail
    assert "schedule enable" in detail
    assert "off" not in detail


def test_schedules_that_are_not_fired(admin: Caller) -> None:
    row = support.delegation()
    support.add(row)
    just = support.NOW - timedelta(seconds=60)
    late = support.schedule(row.id, name="late", next_run_at=just - timedelta(seconds=1))
    support.add(
        support.schedule(row.id, name="due", next_run_at=just),
        support.schedule(row.id, name="off", next_run_at=None, enabled=False),
    )
    assert _failed(admin) == {}
    support.add(late)
    failed = _failed(admin)
    assert failed.keys() == {"schedules"}
    assert f"1 schedule: late ({late.id}). " in failed["schedules"]


def test_a_schema_that_is_too_old(admin: Caller) -> None:
    with db_session.writer() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    failed = _failed(admin)
    assert failed.keys() == {"schema"}
    assert "db sync" in failed["schema"]


def test_a_table_that_is_missing(admin: Caller) -> None:
    with db_session.writer() as session:
        session.execute(text("DROP TABLE services"))
    failed = _failed(admin)
    assert failed.keys() == {"engines"}
    assert "refused the query" in failed["engines"]


def test_no_database(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refuse() -> Iterator[Any]:
        raise db_exceptions.DBConnectionError()
        yield

    monkeypatch.setattr(db_session, "reader", refuse)
    failed = _failed(admin)
    assert failed.keys() == set(NAMES) - {"keystone", "cinder"}
    assert failed.pop("database").startswith("The database does not answer. See that it runs")
    assert set(failed.values()) == {"Not checked: the database does not answer."}


def test_members_only_in_personal_mode(app: Flask, conf: cfg.ConfigOpts) -> None:
    callers = {name: Caller(app, name) for name in ("member", "reader", "admin")}
    assert {name: each.get("/v1/health").status for name, each in callers.items()} == {
        "member": 403,
        "reader": 403,
        "admin": 200,
    }
    conf.set_override("mode", "self", group="delegation")
    assert {name: each.get("/v1/health").status for name, each in callers.items()} == {
        "member": 200,
        "reader": 403,
        "admin": 200,
    }
