"""Who may do what: every route with every role, and the rules as operators see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from backup_manager import policies
from backup_manager.api import routes
from backup_manager.api.app import create_app
from backup_manager.api.call import Route

from . import support
from .support import Caller

READ = {"reader", "member", "admin"}
WRITE = {"member", "admin"}
ADMIN = {"admin"}

ALLOWED = {
    "volume:list": READ,
    "volume:show": READ,
    "backup:list": READ,
    "backup:show": READ,
    "backup:create": WRITE,
    "backup:update": WRITE,
    "chain:show": READ,
    "policy:show": READ,
    "policy:update": WRITE,
    "retention:show": READ,
    "retention:simulate": READ,
    "restore:create": WRITE,
    "deletion:create": WRITE,
    "cleanup:create": WRITE,
    "record:export": ADMIN,
    "record:import": ADMIN,
    "schedule:list": READ,
    "schedule:show": READ,
    "schedule:preview": READ,
    "schedule:create": WRITE,
    "schedule:update": WRITE,
    "schedule:delete": WRITE,
    "schedule:run": WRITE,
    "run:list": READ,
    "run:show": READ,
    "run:cancel": WRITE,
    "run:confirm": WRITE,
    "task:list": READ,
    "project:list": ADMIN,
    "service:list": ADMIN,
    "statistics:show": READ,
    "info:show": READ,
    "health:show": ADMIN,
}
ROLES = ["guest", "reader", "member", "admin"]
PROTECTED = [route for route in routes.ROUTES if route.policy is not None]


def path_of(route: Route) -> str:
    return "/".join(
        support.new_id() if part.startswith("{") else part for part in route.path.split("/")
    )


def name_of(value: Any) -> str | None:
    return f"{value.method} {value.path}" if isinstance(value, Route) else None


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
@pytest.mark.parametrize("role", ROLES)
def test_role_and_route(caller: Callable[[str | None], Caller], role: str, route: Route) -> None:
    """The policy comes first: nothing is said about a body to those who may not send it."""
    answer = caller(role)(route.method, path_of(route), data=b"{")
    assert route.policy is not None
    if role in ALLOWED[route.policy]:
        assert answer.status in (200, 400, 404), answer.body
    else:
        assert answer.status == 403
        assert route.policy in answer.error["message"]


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_a_valid_token(
    caller: Callable[[str | None], Caller], token: str | None, route: Route
) -> None:
    answer = caller(token)(route.method, path_of(route))
    assert answer.status == 401
    assert answer.error["title"] == "Unauthorized"
    assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://keystone/v3"'


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
def test_without_a_project(caller: Callable[[str | None], Caller], route: Route) -> None:
    answer = caller("unscoped")(route.method, path_of(route))
    assert answer.status == 403
    assert "no project scope" in answer.error["message"]


@pytest.mark.parametrize("plural", ["volumes", "backups", "schedules", "runs"])
def test_all_projects_are_for_admins(member: Caller, admin: Caller, plural: str) -> None:
    refused = member.get(f"/v1/{plural}?all_projects=true")
    assert refused.status == 403
    assert f"{plural[:-1]}:all_projects" in refused.error["message"]
    assert admin.get(f"/v1/{plural}?all_projects=true").status == 200


def test_headers_of_a_caller_are_not_believed(caller: Callable[[str | None], Caller]) -> None:
    forged = {
        "X-Identity-Status": "Confirmed",
        "X-Project-Id": support.OURS,
        "X-Roles": "admin",
        "X-User-Id": "root",
    }
    assert caller(None).get("/v1/services", headers=forged).status == 401
    assert caller("member").get("/v1/services", headers=forged).status == 403
    assert caller(None).get("/", headers=forged).status == 300


def test_operator_changes_a_rule(
    conf: cfg.ConfigOpts, tmp_path: Path, caller: Callable[[str | None], Caller]
) -> None:
    (tmp_path / "policy.yaml").write_text('"run:list": "role:auditor"\n')
    app = create_app(conf, check_responses=True)
    assert Caller(app, "member").get("/v1/runs").status == 403
    assert Caller(app, "member").get("/v1/schedules").status == 200


def test_every_rule_is_documented() -> None:
    rules = list(policies.list_rules())
    assert len({rule.name for rule in rules}) == len(rules)
    used = {route.policy for route in PROTECTED}
    anywhere = {rule.name for rule in rules if rule.name.endswith(":all_projects")}
    assert {rule.name for rule in rules} == used | anywhere == set(ALLOWED) | anywhere
    table = {(route.method, route.path) for route in routes.ROUTES}
    for rule in rules:
        assert rule.description.endswith(".")
        for operation in rule.operations:
            path = operation["path"].partition("?")[0]
            assert (operation["method"], path) in table, operation


def test_every_route_says_what_it_does() -> None:
    for route in routes.ROUTES:
        assert 5 < len(route.summary) < 80, route.path
        assert not route.summary.endswith(".")
