"""Deletions and clean-ups: leaf first, stopped by the first surprise, safe when engines die."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sandbox.client import Sandbox
from tests.functional.proxy import NO_TROUBLE, Proxy, Trouble
from tests.functional.stack import Stack, Tenant, wait_for

_QUICK = {"cinder__timeout": 1, "engine__claim_timeout": 12}


def _backup(tenant: Tenant, *volume_ids: str, times: int = 1) -> list[list[str]]:
    """Ids of chains of new backups, a full one and what builds on it, by volume."""
    chains: dict[str, list[str]] = {volume_id: [] for volume_id in volume_ids}
    for number in range(times):
        kind = "incremental" if number else "full"
        run = tenant.finished(tenant.client.create_backup(volume_ids, type=kind), 300)
        assert run.status == "succeeded"
        for task in tenant.client.run_tasks(run, limit=1000):
            chains[task.volume_id].append(task.backup_id)
    return [chains[volume_id] for volume_id in volume_ids]


def _post(tenant: Tenant, noun: str, **body: Any) -> Any:
    answer = tenant.client.post(f"/v1/{noun}s", json={noun: body})
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def _delete(tenant: Tenant, *backup_ids: str) -> Any:
    """The run that deletes backups and all that builds on them."""
    wanted = {"backup_ids": backup_ids, "cascade": True}
    digest = _post(tenant, "deletion", **wanted, dry_run=True)["plan"]["digest"]
    return tenant.client.get_run(_post(tenant, "deletion", **wanted, digest=digest)["run"]["id"])


def _clean_up(tenant: Tenant, **wanted: Any) -> tuple[set[str], Any]:
    """What the preview says will be left, and the run."""
    plan = _post(tenant, "cleanup", **wanted, dry_run=True)["plan"]
    made = _post(tenant, "cleanup", **wanted, digest=plan["digest"])["run"]
    assert made["counts"]["total"] == plan["count"] == len(plan["going"])
    return {entry["backup_id"] for entry in plan["kept"]}, tenant.client.get_run(made["id"])


def _left(tenant: Tenant) -> set[str]:
    return {backup.id for backup in tenant.backups()}


def _tasks(tenant: Tenant, run: Any) -> dict[str, Any]:
    """The tasks of a run, by their backups."""
    return {task.backup_id: task for task in tenant.client.run_tasks(run, limit=1000)}


def test_a_chain_goes_leaf_first_and_nothing_else(stack: Stack, tenant: Tenant) -> None:
    first, second = tenant.volumes(2)
    [full, middle, leaf], [other] = *_backup(tenant, first, times=3), *_backup(tenant, second)
    run = tenant.finished(_delete(tenant, full))
    assert (run.action, run.trigger, run.status) == ("delete", "user", "succeeded")
    tasks = list(tenant.client.run_tasks(run))
    assert [task.backup_id for task in tasks] == [leaf, middle, full]
    assert {task.attempts for task in tasks} == {1}
    assert [task.finished_at for task in tasks] == sorted(task.finished_at for task in tasks)
    assert _left(tenant) == {other}
    # Nobody has to wait for the next comparison with Cinder to see it.
    assert {backup.id for backup in tenant.client.backups()} == {other}


def test_a_chain_stops_where_cinder_fails_and_others_go_on(
    stack: Stack, sandbox: Sandbox, tenant: Tenant
) -> None:
    bad, good = tenant.volumes(2)
    [full, leaf], [other_full, other_leaf] = _backup(tenant, bad, good, times=2)
    with sandbox.fault("delete", error="The store is on fire.", volume_id=bad):
        run = tenant.finished(_delete(tenant, full, other_full))
    assert run.status == "partial"
    tasks = _tasks(tenant, run)
    assert (tasks[leaf].status, tasks[leaf].error_code) == ("failed", "delete-failed")
    assert "The store is on fire." in tasks[leaf].error
    assert (tasks[full].status, tasks[full].error_code) == ("skipped", "needed")
    assert leaf in tasks[full].error
    assert "The store is on fire." in tasks[full].error
    assert {tasks[other_full].status, tasks[other_leaf].status} == {"succeeded"}
    assert _left(tenant) == {full, leaf}


def test_what_is_put_on_hold_meanwhile_stays(own_stack: Stack, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1)
    with own_stack.running_engine():
        [[full, leaf]] = _backup(tenant, volume, times=2)
    run = _delete(tenant, full)
    tenant.client.update_backup(leaf, is_held=True, hold_reason="wait")
    with own_stack.running_engine():
        tenant.finished(run)
    tasks = _tasks(tenant, run)
    assert (tasks[leaf].status, tasks[leaf].error) == ("skipped", "On hold: wait")
    assert tasks[full].status == "skipped"
    assert _left(tenant) == {full, leaf}


def test_what_a_restore_needs_stays(own_stack: Stack, sandbox: Sandbox, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1, b"precious")
    with own_stack.running_engine():
        [[full, leaf]] = _backup(tenant, volume, times=2)
    run = _delete(tenant, full)
    restore = tenant.client.restore_backups([{"backup_id": leaf}])
    with own_stack.running_engine():
        with sandbox.fault("restore", delay=60, volume_id=volume):
            run = tenant.finished(run)
        restore = tenant.finished(restore)
    tasks = _tasks(tenant, run)
    assert {task.status for task in tasks.values()} == {"skipped"}
    assert "a restore that is not over needs it" in tasks[leaf].error
    assert restore.status == "succeeded"
    assert _left(tenant) == {full, leaf}


def test_a_child_that_came_since_stops_its_parent(own_stack: Stack, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1)
    with own_stack.running_engine():
        [[full]] = _backup(tenant, volume)
    run = _delete(tenant, full)
    storage = tenant.connection.block_storage
    child = storage.create_backup(volume_id=volume, is_incremental=True)
    storage.wait_for_status(child, "available", interval=0.2)
    with own_stack.running_engine():
        run = tenant.finished(run)
    (task,) = tenant.client.run_tasks(run)
    assert (task.status, task.error_code) == ("skipped", "needed")
    assert child.id in task.error
    assert _left(tenant) == {full, child.id}


def test_a_backup_that_is_gone_already_is_deleted(own_stack: Stack, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1)
    with own_stack.running_engine():
        [[full]] = _backup(tenant, volume)
    run = _delete(tenant, full)
    tenant.connection.block_storage.delete_backup(full)
    wait_for(lambda: not _left(tenant), 60)
    with own_stack.running_engine():
        (task,) = tenant.client.run_tasks(tenant.finished(run))
    assert (task.status, task.note) == ("succeeded", "it was gone already")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_engine_that_dies_leaves_the_rest_to_others(
    own_stack: Stack, sandbox: Sandbox, tenant: Tenant, when: str
) -> None:
    """Killed right before or right after Cinder takes the deletion on."""
    (volume,) = tenant.volumes(1)
    with own_stack.running_engine():
        [[full, _]] = _backup(tenant, volume, times=2)
    run = _delete(tenant, full)

    def rule(method: str, _: int) -> Trouble:
        return Trouble(delay=8, forward=when == "after") if method == "DELETE" else NO_TROUBLE

    proxy = Proxy(sandbox.cinder_url, rule)
    with proxy.running():
        doomed = own_stack.engine("doomed", cinder__endpoint_override=proxy.url, **_QUICK)
        doomed.start()
        wait_for(lambda: proxy.count("DELETE"), 60)
        doomed.kill()
    with own_stack.running_engine("heir", **_QUICK):
        run = tenant.finished(run, 120)
    assert run.status == "succeeded", [task.error for task in tenant.client.run_tasks(run)]
    assert _left(tenant) == set()


@pytest.mark.parametrize(
    "database_kind", [pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)
@pytest.mark.timeout(600)
def test_a_clean_up_of_many_while_every_tenth_call_fails(
    own_stack: Stack, sandbox: Sandbox, tenant: Tenant
) -> None:
    """200 backups in 40 chains: what is left is exactly what the preview said."""
    volume_ids = tenant.volumes(40)
    with own_stack.running_engine():
        chains = _backup(tenant, *volume_ids, times=5)
    assert len(_left(tenant)) == 200
    for chain in chains[:30]:
        for backup_id in chain:
            sandbox.age_backup(backup_id, 10)
    # The last good backup of each of these stays, unless somebody says otherwise.
    for chain in chains[30:35]:
        sandbox.age_backup(chain[0], 10)

    def rule(_: str, before: int) -> Trouble:
        return Trouble(status=500, forward=before % 20 == 9) if before % 10 == 9 else NO_TROUBLE

    expected, run = _clean_up(tenant, max_age_days=7, include_last=True)
    assert len(expected) == 50
    proxy = Proxy(sandbox.cinder_url, rule)
    with (
        proxy.running(),
        own_stack.running_engine(cinder__endpoint_override=proxy.url, engine__max_attempts=20),
    ):
        run = tenant.finished(run, 400)
    tasks = _tasks(tenant, run)
    statuses = Counter(task.status for task in tasks.values())
    assert statuses == {"succeeded": 150}, {task.error for task in tasks.values()}
    assert _left(tenant) == expected


def test_the_last_good_backup_goes_only_when_somebody_says_so(
    stack: Stack, sandbox: Sandbox, tenant: Tenant
) -> None:
    first, second = tenant.volumes(2)
    [[old], [only]] = _backup(tenant, first, second)
    [[new]] = _backup(tenant, first)
    for backup_id in (old, only, new):
        sandbox.age_backup(backup_id, 10)
    expected, run = _clean_up(tenant, max_age_days=9)
    assert tenant.finished(run).status == "succeeded"
    assert _left(tenant) == expected == {new, only}
    policies = [{"volume_id": first, "max_age_days": 9}, {"volume_id": second, "max_age_days": 11}]
    expected, run = _clean_up(tenant, volume_policies=policies, include_last=True)
    assert tenant.finished(run).status == "succeeded"
    assert _left(tenant) == expected == {only}
