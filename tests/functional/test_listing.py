"""What a page of backups costs: the database one query through an index, Cinder nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from flask import Flask
from sqlalchemy import event

from backup_manager import clock, conf
from backup_manager.api.app import create_app
from backup_manager.db import session as db_session
from sandbox.client import Sandbox
from tests.functional import rows
from tests.functional.proxy import NO_TROUBLE, Proxy
from tests.functional.stack import Stack, Tenant

PAGE = 100
MANY = 5000
Statement = tuple[str, Any]


class Owner:
    """A user of a project with that many backups, who asks an API in this process."""

    def __init__(self, sandbox: Sandbox, app: Flask, backups: int) -> None:
        tenant = Tenant(sandbox, sandbox.create_project())
        self.ids = rows.fill(tenant.project.id, backups, clock.now())
        self._token = tenant.connection.authorize()
        self._app = app

    def list(self, **query: Any) -> tuple[list[Any], list[Statement]]:
        """The backups, and the queries that it took."""
        with _queries() as seen:
            answer = self._app.test_client().get(
                "/v1/backups",
                query_string={"limit": PAGE, **query},
                headers={"X-Auth-Token": self._token},
            )
        assert answer.status_code == 200, answer.text
        return answer.get_json()["backups"], seen


@contextmanager
def _queries() -> Iterator[list[Statement]]:
    seen: list[Statement] = []
    engine = db_session.engine()

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "FROM " in statement:
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[Proxy]:
    proxy = Proxy(sandbox.cinder_url, lambda method, before: NO_TROUBLE)
    with proxy.running():
        yield proxy


@pytest.fixture
def app(sandbox: Sandbox, proxy: Proxy, database: str, tmp_path: Path) -> Iterator[Flask]:
    """The API in this process; what it asks Cinder goes through the proxy."""
    stack = Stack(sandbox, tmp_path, database, {"cinder__endpoint_override": proxy.url})
    loaded = conf.load(config_files=[str(stack.config_file)])
    # A slow machine may take longer than a minute.
    loaded.set_override("inventory_max_age", 3600, group="api")
    db_session.configure(loaded)
    yield create_app(loaded, check_responses=True)
    db_session.engine().dispose()


@pytest.fixture
def many(sandbox: Sandbox, app: Flask) -> Owner:
    return Owner(sandbox, app, MANY)


@pytest.fixture
def few(sandbox: Sandbox, app: Flask) -> Owner:
    return Owner(sandbox, app, PAGE)


def test_a_page_asks_cinder_nothing(
    sandbox: Sandbox, app: Flask, proxy: Proxy, many: Owner
) -> None:
    for query in ({}, {"marker": many.ids[2999]}, {"status": "error"}):
        found, _ = many.list(**query)
        assert found
    assert proxy.count("GET") == 0
    # It would have come by here.
    token = Tenant(sandbox, sandbox.create_project()).connection.authorize()
    answer = app.test_client().get("/v1/backups", headers={"X-Auth-Token": token})
    assert (answer.status_code, answer.get_json()) == (200, {"backups": []})
    assert proxy.count("GET") > 0


def test_what_becomes_of_a_page_takes_one_more_query_about_backups(
    proxy: Proxy, many: Owner
) -> None:
    backups, statements = many.list(retention="true")
    assert len(backups) == PAGE
    # Failed ones are of volumes with many good ones, and all are too old or not ours.
    assert {each["retention"]["rule"] for each in backups} == {"foreign"}
    assert sum("FROM backups" in statement for statement, _ in statements) == 2
    assert proxy.count("GET") == 0


def test_a_page_of_many_costs_what_a_page_of_few_costs(many: Owner, few: Owner) -> None:
    """Wherever the page is, and whatever is filtered: measured in steps of the database."""
    usual = _effort(few, {}, PAGE)
    assert _effort(many, {}, PAGE) <= 2 * usual
    for before in (PAGE, MANY // 2, MANY - PAGE):
        assert _effort(many, {"marker": many.ids[before - 1]}, PAGE) <= 2 * usual, before
    (newest, *_), _ = many.list()
    of_volume = {"volume_id": newest["volume_id"]}
    assert _effort(many, of_volume, rows.BACKUPS_PER_VOLUME) <= 2 * usual
    assert _effort(many, {"status": "error"}, rows.FAILED) <= 2 * usual
    assert _effort(many, {"type": "full"}, PAGE) <= 2 * usual
    assert _effort(many, {"sort": "name"}, PAGE) <= 2 * usual


def _effort(owner: Owner, query: dict[str, Any], found: int) -> int:
    """The steps that the database goes for a page, after a look at how it goes them."""
    backups, statements = owner.list(**query)
    assert len(backups) == found
    # Names of volumes, and twice when the project was compared with Cinder.
    about_backups = [each for each in statements if "FROM backups" in each[0]]
    assert len(statements) - len(about_backups) == 3, statements
    # A marker is looked up by its primary key.
    assert len(about_backups) == 1 + ("marker" in query), about_backups
    with db_session.engine().connect() as connection:
        return sum(_steps(connection, statement) for statement in statements)


def _steps(connection: sqlalchemy.Connection, statement: Statement) -> int:
    if connection.dialect.name == "sqlite":
        return _instructions(connection, statement)
    return _rows_read(connection, statement)


def _instructions(connection: sqlalchemy.Connection, statement: Statement) -> int:
    """The instructions of SQLite's machine that a statement takes."""
    sql, parameters = statement
    for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters):
        assert not step.detail.startswith(("SCAN backups", "SCAN volumes")), step.detail
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(tick, 1)
    try:
        connection.exec_driver_sql(sql, parameters).all()
    finally:
        driver.set_progress_handler(None, 0)
    return count


def _rows_read(connection: sqlalchemy.Connection, statement: Statement) -> int:
    """The rows, and entries of indexes, that MariaDB reads for a statement."""
    sql, parameters = statement
    for step in connection.exec_driver_sql(f"EXPLAIN {sql}", parameters).mappings():
        if step["table"] is not None and not step["table"].startswith("<"):
            assert step["key"] is not None, f"{dict(step)} of {sql}"
    connection.exec_driver_sql("FLUSH STATUS")
    connection.exec_driver_sql(sql, parameters).all()
    status = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_%%'")
    return sum(int(value) for _, value in status)
