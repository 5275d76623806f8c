"""One sandbox for all tests; one service per kind of database; one project per test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.client import Sandbox
from tests.functional.stack import MariaDB, Stack, Tenant

VENV = Path(
    os.environ.get("BACKUP_MANAGER_SANDBOX_VENV", Path(__file__).parents[2] / ".venvs" / "sandbox")
)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox.start(
        tmp_path_factory.mktemp("sandbox"), venv=VENV, keystone_port=0, cinder_port=0
    )
    yield sandbox
    sandbox.wipe()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    server = MariaDB(tmp_path_factory.mktemp("mariadb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("sqlite", marks=pytest.mark.sqlite),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def new_database(kind: str, directory: Path, request: pytest.FixtureRequest) -> str:
    if kind == "mariadb":
        server: MariaDB = request.getfixturevalue("mariadb")
        return server.create_database()
    return f"sqlite:///{directory / 'backup-manager.sqlite'}"


@pytest.fixture
def database(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """URL of an empty database."""
    return new_database(database_kind, tmp_path, request)


@pytest.fixture(scope="session")
def stack(
    sandbox: Sandbox,
    database_kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Stack]:
    """The API with one engine, as users have it."""
    directory = tmp_path_factory.mktemp(database_kind)
    stack = Stack(sandbox, directory, new_database(database_kind, directory, request))
    stack.start_api()
    with stack.running_engine():
        yield stack
    stack.stop()


@pytest.fixture
def own_stack(sandbox: Sandbox, database: str, tmp_path: Path, stack: Stack) -> Iterator[Stack]:
    """A service for tests that stop, kill or configure it: API only, engines as they like."""
    own = Stack(sandbox, tmp_path, database)
    own.start_api()
    yield own
    own.stop()
    sandbox.register_endpoint(stack.url)


@pytest.fixture
def tenant(sandbox: Sandbox) -> Tenant:
    return Tenant(sandbox, sandbox.create_project())
