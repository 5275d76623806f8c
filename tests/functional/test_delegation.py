"""How the engine comes to act for a tenant, and what is seen when it no longer may."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from openstack import exceptions

from backup_manager import conf, delegation, keyring, sdk
from backup_manager.api import app
from backup_manager.db import delegation as db
from backup_manager.db import models
from backup_manager.db import session as db_session
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, wait_for

YEARLY = {"type": "cron", "expression": "0 0 1 1 *"}


def _trusts(tenant: Tenant) -> list[str]:
    answer = tenant.connection.identity.get(
        f"/OS-TRUST/trusts?trustor_user_id={tenant.project.user_id}"
    )
    return [trust["id"] for trust in answer.json()["trusts"]]


def test_one_trust_serves_all_and_goes_with_the_last(stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(1)
    schedules = [
        tenant.client.create_schedule(name=name, recurrence=YEARLY, volume_ids=volume_ids)
        for name in ("one", "two")
    ]
    assert len(_trusts(tenant)) == 1
    assert schedules[0].delegation["mode"] == "trust"
    assert schedules[0].delegation["state"] == "active"
    tenant.client.delete_schedule(schedules[0])
    assert len(_trusts(tenant)) == 1
    tenant.client.delete_schedule(schedules[1])
    assert _trusts(tenant) == []


def test_an_administrator_ends_a_trust_with_the_last_schedule(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    schedule = tenant.client.create_schedule(
        name="s", recurrence=YEARLY, volume_ids=tenant.volumes(1)
    )
    assert len(_trusts(tenant)) == 1
    with sandbox.connection("admin") as admin:
        sdk.attach(admin).delete_schedule(schedule.id)
    assert _trusts(tenant) == []


def test_a_trust_for_one_run_expires_and_a_schedule_gets_a_lasting_one(
    stack: Stack, tenant: Tenant
) -> None:
    volume_ids = tenant.volumes(1)
    run = tenant.client.create_backup(volume_ids)
    (trust_id,) = _trusts(tenant)
    trust = tenant.connection.identity.get(f"/OS-TRUST/trusts/{trust_id}").json()["trust"]
    assert trust["expires_at"] is not None
    schedule = tenant.client.create_schedule(name="s", recurrence=YEARLY, volume_ids=volume_ids)
    (lasting,) = _trusts(tenant)
    assert lasting != trust_id
    trust = tenant.connection.identity.get(f"/OS-TRUST/trusts/{lasting}").json()["trust"]
    assert trust["expires_at"] is None
    run = tenant.finished(run)
    assert run.status == "succeeded", [task.error for task in tenant.client.run_tasks(run)]
    tenant.client.delete_schedule(schedule)


def test_a_trust_replaced_between_two_steps_of_the_engine_harms_nobody(
    own_stack: Stack, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_ids = tenant.volumes(1)
    run = tenant.client.create_backup(volume_ids)
    options = conf.load(config_files=[str(own_stack.write_config("keyring"))])
    db_session.configure(options)
    with db_session.reader() as session:
        delegation_id = session.get_one(models.Run, run.id).delegation_id
    read, moments = db.get, [0]

    def read_and_then_replaced(*arguments: Any) -> models.Delegation | None:
        row = read(*arguments)
        if moments and moments.pop() == 0:
            tenant.client.create_schedule(name="s", recurrence=YEARLY, volume_ids=volume_ids)
        return row

    monkeypatch.setattr(db, "get", read_and_then_replaced)
    with_new_trust = keyring.Keyring(options).session(delegation_id)
    assert with_new_trust.get_project_id() == tenant.project.id
    with db_session.reader() as session:
        row = session.get_one(models.Delegation, delegation_id)
    assert (row.state, row.error, row.expires_at) == ("active", None, None)
    db_session.engine().dispose()


def test_a_trust_given_up_before_it_is_relied_on_is_replaced(
    own_stack: Stack, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = conf.load(config_files=[str(own_stack.write_config("in-process"))])
    db_session.configure(options)
    grant, seen = delegation.grant, []

    def grant_and_release(*arguments: Any, **more: Any) -> str:
        granted = grant(*arguments, **more)
        seen.append(_trusts(tenant))
        if len(seen) == 1:
            # As an engine does every few minutes. The trust itself waits for its trustor.
            delegation.release_unneeded(options)
            with db_session.reader() as session:
                assert session.get_one(models.Delegation, granted).state == db.RELEASING
        return granted

    monkeypatch.setattr(delegation, "grant", grant_and_release)
    answer = (
        app.create_app(options)
        .test_client()
        .post(
            "/v1/backups",
            json={"backup": {"volumes": tenant.volumes(1)}},
            headers={"X-Auth-Token": tenant.connection.auth_token},
        )
    )
    assert answer.status_code == 202, answer.text
    ((first,), (second,)) = seen
    assert first != second
    assert _trusts(tenant) == [second]
    with own_stack.running_engine():
        assert tenant.finished(next(tenant.client.runs())).status == "succeeded"
    db_session.engine().dispose()


def test_a_revoked_trust_is_noticed_and_can_be_renewed(stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(1)
    schedule = tenant.client.create_schedule(name="s", recurrence=YEARLY, volume_ids=volume_ids)
    (trust_id,) = _trusts(tenant)
    tenant.connection.identity.delete(f"/OS-TRUST/trusts/{trust_id}")

    # A run that is due fails and says why and what to do ...
    stack.move("schedules.next_run_at", datetime.now(timezone.utc), id=schedule.id)
    run = wait_for(lambda: [r for r in tenant.client.runs() if r.status != "missed"], 30)[0]
    run = tenant.finished(run)
    (task,) = tenant.client.run_tasks(run)
    assert (run.status, task.error_code) == ("failed", "delegation-broken")
    assert "schedule enable" in task.error
    # ... and so does the schedule.
    schedule = tenant.client.get_schedule(schedule)
    assert schedule.delegation["state"] == "broken"
    assert "schedule enable" in schedule.delegation["error"]

    schedule = tenant.client.update_schedule(schedule, is_enabled=True)
    assert schedule.delegation["state"] == "active"
    assert len(_trusts(tenant)) == 1
    assert tenant.finished(tenant.client.run_schedule(schedule)).status == "succeeded"


def test_a_lost_role_is_noticed_without_a_run(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    volume_ids = tenant.volumes(1)
    schedule = tenant.client.create_schedule(name="s", recurrence=YEARLY, volume_ids=volume_ids)
    with sandbox.connection("admin") as admin:
        member = admin.identity.find_role("member")
        reader = admin.identity.find_role("reader")
        admin.identity.assign_project_role_to_user(
            tenant.project.id, tenant.project.user_id, reader
        )
        admin.identity.unassign_project_role_from_user(
            tenant.project.id, tenant.project.user_id, member
        )
    again = Tenant(sandbox, tenant.project)
    wait_for(
        lambda: again.client.get_schedule(schedule.id).delegation["state"] == "broken",
        60,
        "the schedule to show that its delegation is broken",
        pause=1,
    )


def _application_credential(tenant: Tenant, **options: object) -> sdk.Proxy:
    credential = tenant.connection.identity.create_application_credential(
        user=tenant.project.user_id, name="app", **options
    )
    import openstack

    connection = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_type="v3applicationcredential",
        auth={
            "auth_url": tenant.project.auth["auth_url"],
            "application_credential_id": credential.id,
            "application_credential_secret": credential.secret,
        },
        region_name="RegionOne",
    )
    return sdk.attach(connection)


def test_an_application_credential_is_told_what_to_do(stack: Stack, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(1)
    client = _application_credential(tenant)
    # Reading is fine ...
    assert [volume.id for volume in client.volumes()] == volume_ids
    # ... and what needs a trust is refused with the way out.
    with pytest.raises(exceptions.ForbiddenException) as refused:
        client.create_schedule(name="s", recurrence=YEARLY, volume_ids=volume_ids)
    assert "backup-manager-personal" in str(refused.value)
    assert list(client.schedules()) == []


def test_service_mode_needs_no_trust(own_stack: Stack, tenant: Tenant, sandbox: Sandbox) -> None:
    own_stack.stop()
    own_stack.config_file = own_stack.write_config("backup-manager", delegation__mode="service")
    own_stack.start_api()
    volume_ids = tenant.volumes(1)
    with own_stack.running_engine(delegation__mode="service"):
        run = tenant.finished(tenant.client.create_backup(volume_ids))
        (task,) = tenant.client.run_tasks(run)
        assert (run.status, task.error_code) == ("failed", "delegation-broken")
        assert "service user has no role" in task.error
        with sandbox.connection("admin") as admin:
            admin.identity.assign_project_role_to_user(
                tenant.project.id,
                admin.identity.find_user("backup-manager"),
                admin.identity.find_role("member"),
            )
        assert tenant.finished(tenant.client.create_backup(volume_ids)).status == "succeeded"
    assert _trusts(tenant) == []
    (backup,) = tenant.backups()
    assert backup.status == "available"
