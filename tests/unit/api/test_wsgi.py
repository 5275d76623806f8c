"""The application as a WSGI server loads it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from oslo_config import cfg

from backup_manager import exceptions
from backup_manager.db import session as db_session

from . import support
from .conftest import load


def test_application(conf: cfg.ConfigOpts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_MANAGER_CONFIG_FILES", str(tmp_path / "backup-manager.conf"))
    server = importlib.reload(importlib.import_module("backup_manager.wsgi.api"))
    assert support.Caller(server.application, None).get("/v1/").status == 200
    db_session.engine().dispose()


def test_links_below_a_prefix_of_the_server(
    conf: cfg.ConfigOpts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As DevStack has it: Apache passes on what is below /backup-manager."""
    monkeypatch.setenv("BACKUP_MANAGER_CONFIG_FILES", str(tmp_path / "backup-manager.conf"))
    server = importlib.reload(importlib.import_module("backup_manager.wsgi.api"))
    answer = server.application.test_client().get(
        "/", base_url="http://192.0.2.7/backup-manager", headers={"Accept": "application/json"}
    )
    (version,) = answer.json["versions"]
    assert version["links"][0]["href"] == "http://192.0.2.7/backup-manager/v1/"
    db_session.engine().dispose()


def test_database_that_was_not_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conf: cfg.ConfigOpts
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    load(folder)
    monkeypatch.setenv("BACKUP_MANAGER_CONFIG_FILES", str(tmp_path / "backup-manager.conf"))
    server = importlib.import_module("backup_manager.wsgi.api")
    monkeypatch.setenv("BACKUP_MANAGER_CONFIG_FILES", str(folder / "backup-manager.conf"))
    with pytest.raises(exceptions.SchemaOutdated, match="backup-manager-manage db sync"):
        server.build()
    db_session.engine().dispose()
