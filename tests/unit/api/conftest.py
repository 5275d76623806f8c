"""Fixtures: the application, its database, and callers with different roles."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from keystonemiddleware.fixture import AuthTokenFixture
from oslo_config import cfg

from backup_manager import clock, delegation, inventory
from backup_manager import conf as config
from backup_manager.api.app import create_app
from backup_manager.db import migration
from backup_manager.db import session as db_session

from . import support

CONFIG = """
[database]
connection = sqlite:///{path}
[keystone_authtoken]
www_authenticate_uri = http://keystone/v3
[oslo_middleware]
enable_proxy_headers_parsing = true
"""


def load(folder: Path) -> cfg.ConfigOpts:
    path = folder / "backup-manager.conf"
    path.write_text(CONFIG.format(path=folder / "database.sqlite"))
    return config.load(config_files=[str(path)])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema and nothing in it."""
    folder = tmp_path_factory.mktemp("migrated")
    db_session.configure(load(folder))
    migration.sync()
    db_session.engine().dispose()
    return folder / "database.sqlite"


@pytest.fixture
def conf(tmp_path: Path, migrated: Path) -> Iterator[cfg.ConfigOpts]:
    shutil.copy(migrated, tmp_path / "database.sqlite")
    loaded = load(tmp_path)
    db_session.configure(loaded)
    yield loaded
    db_session.engine().dispose()


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: support.NOW)


@pytest.fixture
def cinder(monkeypatch: pytest.MonkeyPatch) -> support.Cinder:
    fake = support.Cinder()
    monkeypatch.setattr(inventory, "refresh_with_token", fake.refresh_with_token)
    monkeypatch.setattr(inventory, "client", lambda conf, context: fake)
    monkeypatch.setattr(inventory, "read_quota", fake.read_quota)
    return fake


@pytest.fixture
def delegations(monkeypatch: pytest.MonkeyPatch) -> support.Delegations:
    fake = support.Delegations()
    monkeypatch.setattr(delegation, "grant", fake.grant)
    monkeypatch.setattr(delegation, "release_unneeded", fake.release_unneeded)
    return fake


@pytest.fixture
def keystone() -> Iterator[AuthTokenFixture]:
    with AuthTokenFixture() as fixture:
        fixture.add_token(support.token(["reader"]), "reader")
        fixture.add_token(support.token(["member", "reader"]), "member")
        fixture.add_token(support.token(["member", "reader"], user_id="colleague"), "colleague")
        fixture.add_token(
            support.token(["admin", "member", "reader"], "9" * 32, "operator"), "admin"
        )
        fixture.add_token(
            support.token(["member", "reader"], support.THEIRS, "stranger"), "stranger"
        )
        fixture.add_token(support.token(["guest"]), "guest")
        fixture.add_token(support.token(["admin"], None, "nowhere"), "unscoped")
        yield fixture


@pytest.fixture
def app(
    conf: cfg.ConfigOpts,
    keystone: AuthTokenFixture,
    cinder: support.Cinder,
    delegations: support.Delegations,
) -> Flask:
    return create_app(conf, check_responses=True)


@pytest.fixture
def caller(app: Flask) -> Callable[[str | None], support.Caller]:
    """Callers by the name of their token."""
    return lambda name: support.Caller(app, name)


@pytest.fixture
def member(app: Flask) -> support.Caller:
    return support.Caller(app, "member")


@pytest.fixture
def admin(app: Flask) -> support.Caller:
    return support.Caller(app, "admin")


@pytest.fixture
def stranger(app: Flask) -> support.Caller:
    return support.Caller(app, "stranger")


@pytest.fixture
def reader(app: Flask) -> support.Caller:
    return support.Caller(app, "reader")
