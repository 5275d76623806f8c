"""Errors, versions and what stands in front of the application."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from keystoneauth1 import exceptions as ks_exceptions
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_db import exception as db_exceptions
from sqlalchemy.exc import OperationalError

from backup_manager import exceptions
from backup_manager.api import middleware
from backup_manager.api.app import create_app
from backup_manager.db import run as db_run
from backup_manager.db import session as db_session

from . import support
from .support import Caller


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def test_unexpected_error_is_logged_and_hidden(
    member: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(db_run, "list_page", raising(ZeroDivisionError("the password is 1234")))
    answer = member.get("/v1/runs")
    assert answer.status == 500
    assert "1234" not in str(answer.body)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert "the password is 1234" in caplog.text
    assert record.request_id == answer.error["request_id"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (db_exceptions.DBConnectionError(), 503, "database"),
        (db_exceptions.DBDeadlock(), 503, "database"),
        (OperationalError("", {}, Exception(1045, "Access denied for user")), 503, "database"),
        (OperationalError("", {}, Exception(1054, "Unknown column")), 500, "unexpected"),
        (exceptions.Unavailable("Keystone does not answer"), 503, "Keystone does not answer"),
        (exceptions.BackupManagerError(), 500, "unexpected"),
    ],
)
def test_known_troubles(
    member: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, words: str
) -> None:
    monkeypatch.setattr(db_run, "list_page", raising(error))
    answer = member.get("/v1/runs")
    assert (answer.status, answer.error["field"]) == (code, None)
    assert words in answer.error["message"]


def test_database_is_away(conf: cfg.ConfigOpts, app: Flask, tmp_path: Path) -> None:
    conf.set_override("connection", "mysql+pymysql://nobody@127.0.0.1:1/none", group="database")
    conf.set_override("max_retries", 0, group="database")
    db_session.configure(conf)
    answer = Caller(app, "member").get("/v1/runs")
    assert answer.status == 503
    assert "127.0.0.1" not in answer.error["message"]
    check = middleware.DatabaseCheck(conf, {}).healthcheck(0)
    assert (check.available, check.reason) == (False, "The database does not answer")


@pytest.mark.parametrize(
    "error",
    [ks_exceptions.ConnectFailure(), ks_exceptions.EndpointNotFound(), auth_token.ServiceError()],
)
def test_keystone_is_away(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    app = create_app(conf, check_responses=True)
    monkeypatch.setattr(
        "keystonemiddleware.auth_token._identity.IdentityServer.verify_token", raising(error)
    )
    answer = Caller(app, "token").get("/v1/runs")
    assert answer.status == 503
    assert "Keystone does not answer" in answer.error["message"]
    assert Caller(app, "token").get("/").status == 300
    assert Caller(app, None).get("/v1/runs").status == 401


def test_error_in_the_middleware(conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(conf)
    monkeypatch.setattr(auth_token.AuthProtocol, "fetch_token", raising(ValueError("secret")))
    answer = Caller(app, "token").get("/v1/runs")
    assert answer.status == 500
    assert "secret" not in answer.error["message"]


def test_unknown_path_and_method(member: Caller) -> None:
    assert member.get("/v1/volume").error["message"] == "Nothing is at /v1/volume."
    assert member.get("/v2/volumes").status == 404
    assert member.get("/v1//volumes").status == 404
    answer = member("PUT", "/v1/schedules")
    assert answer.status == 405
    assert answer.error["title"] == "Method Not Allowed"
    assert {*answer.headers["Allow"].split(", ")} == {"GET", "HEAD", "POST"}
    assert member("OPTIONS", "/v1/schedules").status == 405
    assert member("HEAD", "/v1/schedules").status == 200


def test_too_large_a_body(member: Caller) -> None:
    answer = member("POST", "/v1/schedules", data=200_000 * b"x")
    assert answer.status == 413
    assert answer.error["title"]
    answer = member(
        "POST",
        "/v1/schedules",
        data=200_000 * b" ",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        headers={"Transfer-Encoding": "chunked"},
    )
    assert answer.status == 413
    assert "larger" in answer.error["message"]


# ---------------------------------------------------------------- versions and health


def test_versions(caller: Callable[[str | None], Caller]) -> None:
    anybody = caller(None)
    version = {
        "id": "v1.0",
        "status": "CURRENT",
        "links": [
            {"rel": "self", "href": "http://localhost/v1/"},
            {
                "rel": "describedby",
                "type": "application/json",
                "href": "http://localhost/v1/openapi.json",
            },
        ],
    }
    answer = anybody.get("/")
    assert (answer.status, answer.body) == (300, {"versions": [version]})
    for path in ("/v1/", "/v1"):
        answer = anybody.get(path)
        assert (answer.status, answer.body) == (200, {"version": version})
    assert caller("wrong").get("/").status == 300


def test_links_behind_a_proxy(member: Caller) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "cloud.example:8443",
        "X-Forwarded-Prefix": "/backup",
    }
    (version,) = member.get("/", headers=headers).body["versions"]
    assert version["links"][0]["href"] == "https://cloud.example:8443/backup/v1/"
    support.add(support.run(), support.run())
    (link,) = member.get("/v1/runs?limit=1", headers=headers).body["runs_links"]
    assert link["href"].startswith("https://cloud.example:8443/backup/v1/runs?limit=1&marker=")


def test_healthcheck(caller: Callable[[str | None], Caller], conf: cfg.ConfigOpts) -> None:
    assert caller(None).get("/healthcheck").status == 200
    assert middleware.DatabaseCheck(conf, {}).healthcheck(0).available


def test_service_type_for_access_rules(conf: cfg.ConfigOpts, app: Flask) -> None:
    assert conf.keystone_authtoken.service_type == "backup-manager"


def test_operator_chooses_the_service_type(conf: cfg.ConfigOpts) -> None:
    conf.set_override("service_type", "backup", group="keystone_authtoken")
    create_app(conf)
    assert conf.keystone_authtoken.service_type == "backup"


def test_delegated_tokens_are_marked(
    app: Flask, keystone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(
        "backup_manager.inventory.refresh_with_token",
        lambda conf, context, max_age: seen.append(context.is_delegated),
    )
    credential = support.token(["member", "reader"])
    credential.set_application_credential("credential")
    trust = support.token(["member", "reader"])
    trust.set_trust_scope()
    keystone.add_token(credential, "credential")
    keystone.add_token(trust, "trust")
    for name in ("member", "credential", "trust"):
        assert Caller(app, name).get("/v1/volumes").status == 200
    assert seen == [False, True, True]


@pytest.mark.parametrize(("path", "code"), [("/v1/runs", 200), ("/v1/schedules", 401)])
def test_access_rules_of_application_credentials(
    app: Flask, keystone: Any, path: str, code: int
) -> None:
    credential = support.token(["member", "reader"])
    rule = {"service": "backup-manager", "method": "GET", "path": "/v1/runs", "id": "rule"}
    credential.set_application_credential("credential", access_rules=[rule])
    credential.add_service("backup-manager")
    keystone.add_token(credential, "credential")
    assert Caller(app, "credential").get(path).status == code
