"""The service user gets another password, or is replaced, while the service works."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

import pytest
import sqlalchemy

from sandbox.client import Sandbox
from tests.functional.stack import Program, Stack, Tenant, once, wait_for

pytestmark = once

YEARLY = {"type": "cron", "expression": "0 0 1 1 *"}


class Keeper:
    """A service user of its own: other tests need the usual one."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._identity: Any = sandbox.connection("admin").identity
        self.name = f"keeper-{uuid.uuid4().hex[:8]}"
        self._user = self._identity.create_user(
            name=self.name, password="first", domain_id="default"
        )
        self._identity.assign_project_role_to_user(
            self._identity.find_project("service"),
            self._user,
            self._identity.find_role("service"),
        )

    @property
    def id(self) -> str:
        return str(self._user.id)

    def options(self, password: str = "first") -> dict[str, str]:
        return {
            "keystone_authtoken__username": self.name,
            "keystone_authtoken__password": password,
        }

    def set_password(self, password: str) -> None:
        self._identity.update_user(self._user, password=password)


@pytest.fixture
def keeper(sandbox: Sandbox) -> Keeper:
    return Keeper(sandbox)


def _start(stack: Stack, options: dict[str, str], engine: bool = True) -> Program:
    """API and engine with these options, in place of what ran before."""
    stack.stop()
    stack.config_file = stack.write_config("backup-manager", **options)
    stack.start_api()
    program = stack.engine(**options)
    if engine:
        program.start()
    return program


def _trustees(tenant: Tenant) -> list[str]:
    answer = tenant.connection.identity.get(
        f"/OS-TRUST/trusts?trustor_user_id={tenant.project.user_id}"
    )
    return [trust["trustee_user_id"] for trust in answer.json()["trusts"]]


def test_another_password_breaks_no_delegation_and_loses_no_run(
    own_stack: Stack, tenant: Tenant, keeper: Keeper
) -> None:
    engine = _start(own_stack, keeper.options())
    schedule = tenant.client.create_schedule(
        name="s", recurrence=YEARLY, volume_ids=tenant.volumes(1)
    )
    assert tenant.finished(tenant.client.run_schedule(schedule)).status == "succeeded"

    keeper.set_password("second")
    wait_for(lambda: "Keystone refuses the credentials of the service user" in engine.logged())
    own_stack.move("schedules.next_run_at", datetime.now(timezone.utc), id=schedule.id)
    wait_for(lambda: _postponed(own_stack), what="the task to wait for another attempt")

    _start(own_stack, keeper.options("second"))
    (run, _) = tenant.client.runs(schedule_id=schedule.id)
    assert tenant.finished(run).status == "succeeded"
    assert tenant.client.get_schedule(schedule).delegation["state"] == "active"
    assert _trustees(tenant) == [keeper.id]


def _postponed(stack: Stack) -> bool:
    with stack.sql() as database:
        query = "SELECT attempts FROM tasks WHERE status = 'pending'"
        return any(database.execute(sqlalchemy.text(query)).scalars())


def test_another_service_user_needs_trusts_of_its_own(
    own_stack: Stack, tenant: Tenant, sandbox: Sandbox, keeper: Keeper
) -> None:
    _start(own_stack, keeper.options(), engine=False)
    other = Tenant(sandbox, sandbox.create_project())
    schedules = {
        each: each.client.create_schedule(name="s", recurrence=YEARLY, volume_ids=each.volumes(1))
        for each in (tenant, other)
    }
    assert _trustees(tenant) == [keeper.id]

    successor = Keeper(sandbox)
    _start(own_stack, successor.options(), engine=False)
    # Nothing has shown yet that the trust is of no use any more.
    run = tenant.client.run_schedule(schedules[tenant])
    assert _trustees(tenant) == [successor.id]
    _start(own_stack, successor.options())
    assert tenant.finished(run).status == "succeeded"
    assert tenant.client.get_schedule(schedules[tenant]).delegation["state"] == "active"

    found = wait_for(
        lambda: (
            (found := other.client.get_schedule(schedules[other])).delegation["state"] == "broken"
            and found
        ),
        what="the schedule to show that its delegation is broken",
    )
    assert "schedule enable" in found.delegation["error"]
    assert _trustees(other) == [keeper.id]
