"""Requests that the service refuses: it says why, and nothing comes of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openstack.connection
import pytest
import sqlalchemy
from keystoneauth1 import adapter
from keystoneauth1 import session as ks_session

from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant

# What a request may write to, with the condition that finds a project's rows.
_OWNED = {
    "delegations": "project_id = :project",
    "runs": "project_id = :project",
    "schedule_volumes": "schedule_id IN (SELECT id FROM schedules WHERE project_id = :project)",
    "schedules": "project_id = :project",
    "tasks": "project_id = :project",
}


class Caller:
    """A user who speaks HTTP with the service.

    :param connection: who he is
    """

    def __init__(self, stack: Stack, connection: openstack.connection.Connection) -> None:
        self.connection = connection
        self.project_id = str(connection.current_project_id)
        self._http = adapter.Adapter(
            ks_session.Session(auth=connection.session.auth),
            service_type="backup-manager",
            endpoint_override=stack.url,
            raise_exc=False,
        )

    def __call__(self, method: str, url: str, **kwargs: Any) -> Any:
        return self._http.request(url, method, **kwargs)

    def refused(self, method: str, url: str, status: int, **kwargs: Any) -> dict[str, Any]:
        """The error that a request gets, in the shape that all errors have."""
        return error(self(method, url, **kwargs), status)


def error(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"error"}
    found: dict[str, Any] = answer.json()["error"]
    assert found.keys() == {"code", "title", "message", "request_id", "field"}
    assert found["code"] == status
    assert found["title"]
    assert found["message"]
    assert found["request_id"].startswith("req-")
    assert answer.headers["x-openstack-request-id"] == found["request_id"]
    return found


def rows(stack: Stack, project_id: str) -> dict[str, list[Any]]:
    """All that requests of a project have left in the database."""
    with stack.sql() as database:
        return {
            table: sorted(
                map(
                    str,
                    database.execute(
                        sqlalchemy.text(f"SELECT * FROM {table} WHERE {condition}"),
                        {"project": project_id},
                    ),
                )
            )
            for table, condition in _OWNED.items()
        }


@pytest.fixture
def demo(stack: Stack, sandbox: Sandbox) -> Iterator[Caller]:
    with sandbox.connection("demo") as connection:
        yield Caller(stack, connection)


@pytest.fixture(scope="module")
def volume_id(sandbox: Sandbox) -> str:
    """A volume of the project demo."""
    with sandbox.connection("demo") as connection:
        return str(sandbox.create_volume(connection, "requests").id)


@pytest.fixture(scope="module")
def foreign_volume_id(sandbox: Sandbox) -> str:
    """A volume of the project alt."""
    with sandbox.connection("alt") as connection:
        return str(sandbox.create_volume(connection, "foreign").id)


def _schedule(volume_id: str, **changes: Any) -> dict[str, Any]:
    values = {"name": "n", "recurrence": {"type": "daily", "time": "02:00"}, "volumes": [volume_id]}
    return {"schedule": {**values, **changes}}


def _backup(volume_id: str, **changes: Any) -> dict[str, Any]:
    return {"backup": {"volumes": [volume_id], **changes}}


def _recurrence(**values: Any) -> dict[str, Any]:
    return {"recurrence": values}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        (_recurrence(type="daily", time="25:00"), "recurrence.time"),
        (_recurrence(type="weekly", time="02:00", weekdays=[1, 8]), "recurrence.weekdays[1]"),
        (_recurrence(type="cron", expression="0 0 2 * * *"), "recurrence.expression"),
        (_recurrence(type="cron", expression="0 0 31 2 *"), "recurrence.expression"),
        (_recurrence(type="yearly"), "recurrence.type"),
        (_recurrence(type="interval", hours=5), "recurrence.hours"),
        ({"name": "n" * 300}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"description": "a\0b"}, "description"),
        ({"selector": {"metadata": {"a\0b": "yes"}}}, r"selector.metadata.a\x00b"),
        ({"selector": {"metadata": {"\ud800": "yes"}}}, r"selector.metadata.\ud800"),
        ({"volumes": []}, "volumes"),
        ({"volumes": ["web-data"]}, "volumes[0]"),
        ({"colour": "green"}, "colour"),
        ({"enabled": "yes"}, "enabled"),
        ({"max_incrementals": -1}, "max_incrementals"),
    ],
)
def test_a_schedule_that_cannot_be(
    stack: Stack, demo: Caller, volume_id: str, changes: dict[str, Any], field: str
) -> None:
    before = rows(stack, demo.project_id)
    found = demo.refused("POST", "/v1/schedules", 400, json=_schedule(volume_id, **changes))
    assert found["field"] == field
    assert found["message"].startswith(f"{field}: ")
    assert len(found["message"]) < 200
    assert rows(stack, demo.project_id) == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "n" * 300}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"type": "differential"}, "type"),
        ({"volumes": []}, "volumes"),
        ({"force": True}, "force"),
    ],
)
def test_a_backup_that_cannot_be(
    stack: Stack, demo: Caller, volume_id: str, changes: dict[str, Any], field: str
) -> None:
    before = rows(stack, demo.project_id)
    found = demo.refused("POST", "/v1/backups", 400, json=_backup(volume_id, **changes))
    assert found["field"] == field
    assert rows(stack, demo.project_id) == before


def test_a_change_that_cannot_be(stack: Stack, demo: Caller, volume_id: str) -> None:
    created = demo("POST", "/v1/schedules", json=_schedule(volume_id)).json()["schedule"]
    url = f"/v1/schedules/{created['id']}"
    before = rows(stack, demo.project_id)
    for changes, field in (
        ({}, "generation"),
        ({"generation": 1, "name": ""}, "name"),
        ({"generation": 1, "timezone": "Mars/Olympus"}, "timezone"),
        ({"generation": 1, "volumes": []}, "volumes"),
        ({"generation": 1, "volumes": [volume_id, volume_id]}, "volumes[1]"),
        ({"generation": 1, "project_id": demo.project_id}, "project_id"),
    ):
        found = demo.refused("PATCH", url, 400, json={"schedule": changes})
        assert found["field"] == field
    assert rows(stack, demo.project_id) == before
    assert demo("DELETE", url).status_code == 204


def test_the_volume_of_another_project(
    stack: Stack, demo: Caller, volume_id: str, foreign_volume_id: str
) -> None:
    created = demo("POST", "/v1/schedules", json=_schedule(volume_id)).json()["schedule"]
    url = f"/v1/schedules/{created['id']}"
    before = rows(stack, demo.project_id)
    for unknown in (foreign_volume_id, str(uuid.uuid4())):
        requests: tuple[tuple[str, str, Any, int], ...] = (
            ("POST", "/v1/schedules", _schedule(unknown), 0),
            ("POST", "/v1/backups", _backup(unknown), 0),
            ("POST", "/v1/backups", _backup(volume_id, volumes=[volume_id, unknown]), 1),
            ("PATCH", url, {"schedule": {"generation": 1, "volumes": [unknown]}}, 0),
        )
        for method, path, body, position in requests:
            found = demo.refused(method, path, 404, json=body)
            assert found["field"] == f"volumes[{position}]"
            # No word tells a volume of somebody else from one that does not exist.
            expected = f"No volume with id {unknown} exists in this project."
            assert found["message"] == expected
    assert rows(stack, demo.project_id) == before
    assert demo("DELETE", url).status_code == 204


@pytest.mark.parametrize("content", [b'{"schedule": {', b"name=n", b"\xff\xfe", b"", b"[" * 50_000])
def test_a_body_that_is_not_json(stack: Stack, demo: Caller, content: bytes) -> None:
    before = rows(stack, demo.project_id)
    headers = {"Content-Type": "application/json"}
    for path in ("/v1/schedules", "/v1/backups"):
        found = demo.refused("POST", path, 400, data=content, headers=headers)
        assert (found["field"], found["message"]) == (None, "the body is not JSON")
    assert rows(stack, demo.project_id) == before


def test_a_body_that_is_too_large(stack: Stack, demo: Caller, volume_id: str) -> None:
    before = rows(stack, demo.project_id)
    content = json.dumps(_schedule(volume_id, description="x" * 200_000)).encode()
    # gunicorn hangs up on whoever sent too much.
    headers = {"Content-Type": "application/json", "Connection": "close"}
    for data in (content, iter([content])):  # with and without its length in the header
        found = demo.refused("POST", "/v1/schedules", 413, data=data, headers=headers)
        assert "larger than this service accepts" in found["message"]
    assert rows(stack, demo.project_id) == before


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("limit=1001", "limit"),
        ("color=green", "color"),
        ("sort=color", "sort"),
        ("marker=web-data", "marker"),
        ("marker=00000000-0000-4000-8000-000000000000", "marker"),
        ("limit=1&limit=2", "limit"),
        ("project_id=mine", "project_id"),
        ("all_projects=perhaps", "all_projects"),
    ],
)
def test_a_query_that_cannot_be(stack: Stack, demo: Caller, query: str, field: str) -> None:
    for plural in ("volumes", "backups", "schedules", "runs"):
        found = demo.refused("GET", f"/v1/{plural}?{query}", 400)
        assert found["field"] == field


def test_filters_that_cannot_be(stack: Stack, demo: Caller) -> None:
    for url, field in (
        ("/v1/volumes?name=a%00b", "name"),
        ("/v1/volumes?protected=perhaps", "protected"),
        ("/v1/backups?since=yesterday", "since"),
        ("/v1/backups?since=2026-11-20T02:00:00", "since"),
        ("/v1/runs?status=done", "status"),
        ("/v1/runs?schedule_id=nightly", "schedule_id"),
    ):
        assert demo.refused("GET", url, 400)["field"] == field


def test_filters_as_long_as_they_may_be(stack: Stack, demo: Caller) -> None:
    query = {"name": 255 * "\U0001f4be", "status": 255 * "\U0001f4be"}
    assert demo("GET", "/v1/backups", params=query).json() == {"backups": []}
    assert demo.refused("GET", "/v1/backups", 400, params={"name": 256 * "n"})["field"] == "name"


def test_paths_and_methods_that_do_not_exist(stack: Stack, demo: Caller) -> None:
    demo.refused("GET", "/v1/nothing", 404)
    demo.refused("GET", "/v2/schedules", 404)
    demo.refused("GET", "/v1/schedules/nightly", 404)
    demo.refused("DELETE", "/v1/runs", 405)


def test_a_stale_generation(stack: Stack, demo: Caller, volume_id: str) -> None:
    created = demo("POST", "/v1/schedules", json=_schedule(volume_id)).json()["schedule"]
    url = f"/v1/schedules/{created['id']}"
    first = demo("PATCH", url, json={"schedule": {"generation": 1, "name": "first"}})
    assert first.json()["schedule"]["generation"] == 2
    before = rows(stack, demo.project_id)
    change = {"schedule": {"generation": 1, "name": "second", "volumes": [volume_id]}}
    found = demo.refused("PATCH", url, 409, json=change)
    assert "somebody else" in found["message"]
    assert rows(stack, demo.project_id) == before
    assert demo("GET", url).json()["schedule"]["name"] == "first"
    assert demo("DELETE", url).status_code == 204


def test_what_needs_no_token(stack: Stack, demo: Caller) -> None:
    answer = demo("GET", "/", authenticated=False)
    assert answer.status_code == 300  # as OpenStack's other services answer there
    (version,) = answer.json()["versions"]
    assert (version["id"], version["status"]) == ("v1.0", "CURRENT")
    links = {link["rel"]: link["href"] for link in version["links"]}
    described = f"{stack.url}/v1/openapi.json"
    assert links == {"self": f"{stack.url}/v1/", "describedby": described}
    for url in (links["self"], "/v1"):
        assert demo("GET", url, authenticated=False).json()["version"] == version
    assert demo("GET", described, authenticated=False).json()["openapi"].startswith("3.1")
    health = demo("GET", "/healthcheck", authenticated=False)
    assert health.status_code == 200
    # Neither does a wrong one do harm there.
    forged = demo("GET", "/", authenticated=False, headers={"X-Auth-Token": "forged"})
    assert forged.json() == answer.json()


def test_a_walk_from_page_to_page(stack: Stack, tenant: Tenant) -> None:
    caller = Caller(stack, tenant.connection)
    (volume_id,) = tenant.volumes(1)
    # Two of one name, so that the name alone does not say where a page ends.
    names = ["alpha", "bravo", "bravo", "charlie", "delta"]
    for name in names:
        created = caller("POST", "/v1/schedules", json=_schedule(volume_id, name=name))
        assert created.status_code == 201
    for sort, expected in (("name", names), ("name:desc", names[::-1])):
        url = f"/v1/schedules?limit=2&sort={sort}&enabled=true"
        pages = []
        while url:
            body = caller("GET", url).json()
            pages.append(body["schedules"])
            (link,) = body.get("schedules_links", [{"rel": "next", "href": ""}])
            url = link["href"]
            if url:
                query = parse_qs(urlsplit(url).query)
                assert (query["sort"], query["enabled"]) == ([sort], ["true"])
        assert [len(page) for page in pages] == [2, 2, 1]
        assert [item["name"] for page in pages for item in page] == expected
        assert len({item["id"] for page in pages for item in page}) == 5
