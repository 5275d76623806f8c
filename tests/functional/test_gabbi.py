"""The API as members, readers, administrators and strangers meet it: ``gabbits``, a file per noun.

A file lists in ``fixtures`` what it needs of the fixtures below; they say in the environment what
they have made. Each file has a project of its own.
"""

from __future__ import annotations

import re
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from gabbi import case, handlers, suitemaker
from gabbi.handlers.base import ResponseHandler

from backup_manager import sdk
from backup_manager.api import validation
from backup_manager.api.call import Route
from backup_manager.api.routes import ROUTES
from backup_manager.api.schemas import error
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once, wait_for
from tests.functional.test_records import _forged
from tests.functional.test_windows import SELDOM, _fire, _run_of

Tell = Callable[..., None]

_DIRECTORY = Path(__file__).with_name("gabbits")
_FILES = sorted(path.stem for path in _DIRECTORY.glob("*.yaml"))
_ROLES = ("MEMBER", "READER", "ADMIN", "STRANGER")


def _load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((_DIRECTORY / f"{name}.yaml").read_text())
    return document


def _route(method: str, url: str) -> Route | None:
    """The route that a request takes. Whatever is between slashes may be an id."""
    path = urlsplit(url.partition("?")[0]).path
    for route in ROUTES:
        if route.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.path), path):
            return route
    return None


class _Answers(ResponseHandler):  # type: ignore[misc]
    """Looks at each answer, whatever the file says of it."""

    # Only handlers with a key are called.
    test_key_suffix = "kind"
    test_key_value: dict[str, Any] = {}

    def __call__(self, test: case.HTTPTestCase) -> None:
        status, headers, body = int(test.response["status"]), test.response, test.response_data
        test.assertRegex(headers["x-openstack-request-id"], "^req-")
        if status == 204:
            test.assertEqual(test.output, "")
            return
        test.assertEqual(headers["content-type"], "application/json")
        if status < 400:
            self._check_body(test, status, body)
            return
        validation.response(error.RESPONSE, body)
        said = {"code": status, "request_id": headers["x-openstack-request-id"]}
        test.assertEqual(said, {name: body["error"][name] for name in said})
        test.assertTrue(body["error"]["message"])

    def _check_body(self, test: case.HTTPTestCase, status: int, body: Any) -> None:
        route = _route(test.test_data["method"], test.url)
        assert route is not None, f"no route leads to {test.url}"
        asks = route.operation
        is_preview = asks.preview is not None and status != asks.status
        validation.response((asks.preview if is_preview else asks.response) or {}, body)


def _suite(name: str, url: str) -> unittest.TestSuite:
    """The requests of a file, one after the other."""
    address, document = urlsplit(url), _load(name)
    # Nothing is encrypted here, and to load certificates takes longer than a request.
    document["defaults"]["cert_validate"] = False
    return suitemaker.test_suite_from_dict(  # type: ignore[no-any-return]
        loader=unittest.TestLoader(),
        test_base_name=name,
        suite_dict=document,
        test_directory=str(_DIRECTORY),
        host=address.hostname,
        port=address.port,
        fixture_module=None,
        intercept=None,
        handlers=[_Answers(), *(handler() for handler in handlers.RESPONSE_HANDLERS)],
    )


# ---------------------------------------------------------------- what the files find


@pytest.fixture(scope="module")
def outsiders(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """Those who have no part in the projects of the files."""
    stranger = Tenant(sandbox, sandbox.create_project())
    with sandbox.connection("admin") as admin:
        yield {
            "ADMIN": admin.session.get_token(),
            "STRANGER": stranger.connection.session.get_token(),
            "STRANGE_PROJECT": stranger.project.id,
        }


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Say to the file what there is."""

    def tell(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return tell


@pytest.fixture
def project(stack: Stack, sandbox: Sandbox, outsiders: dict[str, str], tell: Tell) -> Tenant:
    """The project of a file, as its member sees it."""
    member = Tenant(sandbox, sandbox.create_project())
    reader = sandbox.add_user(member.project, "reader").connection()
    tell(MEMBER=member.connection.session.get_token(), READER=reader.session.get_token())
    tell(PROJECT=member.project.id, URL=stack.url, **outsiders)
    return member


@pytest.fixture
def volumes(project: Tenant, tell: Tell) -> list[str]:
    """Two volumes."""
    made = project.volumes(2)
    tell(VOLUME=made[0], OTHER=made[1])
    return made


@pytest.fixture
def attached(project: Tenant, sandbox: Sandbox, tell: Tell) -> None:
    """A volume that a server uses."""
    volume = sandbox.create_volume(project.connection, "attached")
    sandbox.attach(project.connection, volume.id)
    tell(ATTACHED=volume.id)


def _backup(project: Tenant, volume_id: str, kind: str) -> tuple[str, str]:
    """The ids of a new backup and of the run that made it."""
    run = project.finished(project.client.create_backup([volume_id], type=kind))
    (task,) = project.client.run_tasks(run)
    assert run.status == "succeeded", task.error
    return task.backup_id, run.id


def _age(sandbox: Sandbox, project: Tenant, days: float, *backup_ids: str) -> None:
    """Make backups older, and wait until the service has noticed."""
    for backup_id in backup_ids:
        sandbox.age_backup(backup_id, days)
    until = datetime.now(timezone.utc) - timedelta(days=days)
    wait_for(
        lambda: {each.id for each in project.client.backups(until=until)}.issuperset(backup_ids)
    )


@pytest.fixture
def chain(project: Tenant, volumes: list[str], sandbox: Sandbox, tell: Tell) -> list[str]:
    """A full backup of the first volume, and an increment of the day after."""
    full, run = _backup(project, volumes[0], "full")
    increment, _ = _backup(project, volumes[0], "incremental")
    _age(sandbox, project, 1, full)
    tell(FULL=full, INCREMENT=increment, RUN=run)
    return [full, increment]


@pytest.fixture
def old_chain(
    project: Tenant, volumes: list[str], chain: list[str], sandbox: Sandbox, tell: Tell
) -> None:
    """The same of 40 days ago, and a full backup of today."""
    young, _ = _backup(project, volumes[0], "full")
    _age(sandbox, project, 40, *chain)
    tell(YOUNG=young)


@pytest.fixture
def quota_of_three(project: Tenant, sandbox: Sandbox) -> None:
    """Room for three backups in all."""
    sandbox.set_quota(project.project.id, backups=3)


@pytest.fixture
def quota_of_one(project: Tenant, sandbox: Sandbox) -> None:
    """Room for one backup in all."""
    sandbox.set_quota(project.project.id, backups=1)


def _missed(stack: Stack, project: Tenant, volumes: list[str]) -> str:
    schedule = project.client.create_schedule("missed", SELDOM, volumes, start_window_s=600)
    _fire(stack, schedule, ago=timedelta(minutes=11))
    return str(schedule.id)


@pytest.fixture
def missed(stack: Stack, project: Tenant, volumes: list[str], tell: Tell) -> None:
    """A schedule whose slot is found too late."""
    tell(MISSED=_missed(stack, project, volumes))


@contextmanager
def _overlapping(stack: Stack, project: Tenant, volume_id: str) -> Iterator[str]:
    schedule = project.client.create_schedule("overlapping", SELDOM, [volume_id])
    with stack.sandbox.fault("backup", delay=300, volume_id=volume_id):
        _fire(stack, schedule, ago=timedelta(seconds=5))
        run = _run_of(project, schedule)
        stack.sandbox.wait_until_held(volume_id)
        wait_for(lambda: project.client.get_run(run.id).counts["running"] == 1)
        _fire(stack, schedule)
        wait_for(lambda: len(list(project.client.runs(schedule_id=schedule.id))) == 2)
        yield str(schedule.id)


@pytest.fixture
def overlapping(stack: Stack, project: Tenant, volumes: list[str], tell: Tell) -> Iterator[None]:
    """A schedule that fires twice, while the backup of the second volume takes its time."""
    with _overlapping(stack, project, volumes[1]) as schedule_id:
        tell(OVERLAPPING=schedule_id)
        yield


@pytest.fixture
def forged(project: Tenant, chain: list[str], sandbox: Sandbox, tell: Tell) -> None:
    """A record that Cinder does not know, and two projects where the service may import it."""
    elsewhere = sandbox.create_project()
    for each in (project.project, elsewhere):
        sandbox.grant(each, "backup-manager", "admin")
    with sandbox.connection("admin") as admin:
        exported = sdk.attach(admin).export_records(chain[:1], project_id=project.project.id)
    (record,) = _forged(exported.document)["records"]
    tell(FORGED=record["backup_id"], FORGED_URL=record["backup_url"])
    tell(FORGED_SERVICE=record["backup_service"], ELSEWHERE=elsewhere.id)


# ---------------------------------------------------------------- the requests


@once
@pytest.mark.parametrize("name", _FILES)
def test_requests(stack: Stack, project: Tenant, name: str, request: pytest.FixtureRequest) -> None:
    for fixture in _load(name).get("fixtures", ()):
        request.getfixturevalue(fixture)
    suite = _suite(name, stack.url)
    number = suite.countTestCases()
    result = unittest.TestResult()
    # What comes after a failure builds on what was not there.
    result.failfast = True
    suite.run(result)
    problems = [*result.failures, *result.errors]
    assert not problems, "\n".join(f"{test.shortDescription()}\n{text}" for test, text in problems)
    assert (result.testsRun, result.skipped) == (number, [])


# ---------------------------------------------------------------- what is requested at all


@cache
def _asked() -> set[tuple[str, str, str | None]]:
    """The routes that the files request, and who requests them; None without a good token."""
    asked = set()
    for name in _FILES:
        for test in _load(name)["tests"]:
            method = next(key for key in test if key.isupper())
            token = test.get("request_headers", {}).get("x-auth-token", "")
            role = re.search(r"\w+(?='\])", token)
            route = _route(method, test[method])
            if route is not None:
                asked.add((route.method, route.path, role and role[0]))
    return asked


@pytest.mark.parametrize("role", _ROLES)
def test_each_role_makes_each_request(role: str) -> None:
    wanted = {(route.method, route.path) for route in ROUTES if route.policy is not None}
    asked = {(method, path) for method, path, asker in _asked() if asker == role}
    assert wanted - asked == set()


def test_all_routes_are_requested_without_a_token() -> None:
    asked = {(method, path) for method, path, asker in _asked() if asker is None}
    assert {(route.method, route.path) for route in ROUTES} - asked == set()
