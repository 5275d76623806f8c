"""One sandbox for all tests; one service per kind of database; one project per test.

For tests of the dashboard one Horizon and one browser too, which forgets each test's user.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from sandbox.client import Sandbox
from tests.functional.browser import Browser, chromium
from tests.functional.stack import MariaDB, Stack, Tenant

_VENVS = Path(__file__).parents[2] / ".venvs"
VENV = Path(os.environ.get("BACKUP_MANAGER_SANDBOX_VENV", _VENVS / "sandbox"))
DASHBOARD_VENV = Path(os.environ.get("BACKUP_MANAGER_DASHBOARD_VENV", _VENVS / "dashboard"))
OLDEST_DASHBOARD_VENV = Path(
    os.environ.get("BACKUP_MANAGER_OLDEST_DASHBOARD_VENV", _VENVS / "dashboard-oldest")
)
_CLIENTS = Path(os.environ.get("BACKUP_MANAGER_CLIENT_VENVS", _VENVS))
# By the release of OpenStack whose command line they have.
CLIENT_VENVS = {release: _CLIENTS / f"client-{release}" for release in ("2024.1", "2026.2")}


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


@pytest.fixture(scope="session")
def horizon(stack: Stack, request: pytest.FixtureRequest) -> str:
    """URL of a Horizon with the panels, the newest unless the parameter is another environment."""
    return stack.sandbox.start_horizon(getattr(request, "param", DASHBOARD_VENV))


@pytest.fixture(scope="session")
def browser_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def driver(browser_directory: Path) -> Iterator[Chrome]:
    with chromium(browser_directory) as driver:
        yield driver


@pytest.fixture
def browser(horizon: str, driver: Chrome, browser_directory: Path) -> Iterator[Browser]:
    """A browser that nobody has logged in with yet. A page that reports an error is a failure."""
    screenshots = Path(os.environ.get("BACKUP_MANAGER_SCREENSHOTS", browser_directory))
    browser = Browser(driver, horizon, browser_directory / "downloads", screenshots)
    yield browser
    assert browser.complaints() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the browser showed when a test failed."""
    report = yield
    browser = item.funcargs.get("browser") if call.when == "call" else None
    if report.failed and browser is not None:
        report.sections.append(("browser", browser.witness(item.name)))
    return report
