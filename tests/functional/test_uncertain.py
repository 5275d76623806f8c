"""Cinder behind a bad connection: whatever gets lost, there is one backup per volume."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.functional.proxy import NO_TROUBLE, Proxy, Rule, Trouble
from tests.functional.stack import Stack, Tenant

_TIMEOUT = 2


@contextmanager
def _engine_behind(stack: Stack, rule: Rule) -> Iterator[Proxy]:
    """An engine that reaches Cinder through a proxy only. The API does without."""
    proxy = Proxy(stack.sandbox.cinder_url, rule)
    with (
        proxy.running(),
        stack.running_engine(
            cinder__endpoint_override=proxy.url,
            cinder__timeout=_TIMEOUT,
            engine__claim_timeout=2 * _TIMEOUT + 10,
        ),
    ):
        yield proxy


def _posts(*troubles: Trouble) -> Rule:
    """Troubles of the first requests for backups; everything else goes well."""
    waiting = list(troubles)

    def rule(method: str, _: int) -> Trouble:
        return waiting.pop(0) if method == "POST" and waiting else NO_TROUBLE

    return rule


def test_one_backup_per_volume_whatever_happens_on_the_way(
    own_stack: Stack, tenant: Tenant
) -> None:
    volume_ids = tenant.volumes(5)
    carried_out = [Trouble(drop=True), Trouble(status=500), Trouble(delay=_TIMEOUT + 1)]
    unheard = [Trouble(status=503, forward=False), Trouble(drop=True, forward=False)]
    with _engine_behind(own_stack, _posts(*[NO_TROUBLE] * 5, *carried_out, *unheard)) as proxy:
        run = tenant.finished(tenant.client.create_backup(volume_ids))
        assert (run.status, proxy.count("POST")) == ("succeeded", 5)
        run = tenant.finished(tenant.client.create_backup(volume_ids, type="incremental"))
        # What Cinder carried out is found again; only the others are asked for once more.
        assert (run.status, proxy.count("POST")) == ("succeeded", 5 + 5 + 2)
    tasks = {task.volume_id: task for task in tenant.client.run_tasks(run)}
    assert sorted(task.attempts for task in tasks.values()) == [1, 1, 1, 2, 2]
    for volume_id in volume_ids:
        incremental, full = tenant.backups(volume_id)
        task = tasks[volume_id]
        assert (task.status, task.error_code, task.error) == ("succeeded", None, None)
        assert (task.backup_id, task.parent_id) == (incremental.id, full.id)
        assert (task.backup_type, task.size_gb) == ("incremental", 1)
        shown = tenant.client.get_backup(incremental.id)
        assert (shown.parent_id, shown.parent_source) == (full.id, "recorded")
        assert shown.run_id == run.id


def test_one_backup_per_volume_while_every_third_call_fails(
    own_stack: Stack, tenant: Tenant
) -> None:
    volume_ids = tenant.volumes(12)
    # Of half of them Cinder never hears; the others it carries out.
    failures = Trouble(status=500, forward=False), Trouble(status=500)

    def rule(_: str, before: int) -> Trouble:
        # Not for ever, or all calls for the last volume might be third ones.
        fails = before % 3 == 2 and before < 12
        return failures[before // 3 % 2] if fails else NO_TROUBLE

    with _engine_behind(own_stack, rule):
        run = tenant.finished(tenant.client.create_backup(volume_ids), 120)
    tasks = list(tenant.client.run_tasks(run))
    assert [task.error for task in tasks] == [None] * 12
    assert run.status == "succeeded"
    made = {
        volume_id: [backup.id for backup in tenant.backups(volume_id)] for volume_id in volume_ids
    }
    assert made == {task.volume_id: [task.backup_id] for task in tasks}
