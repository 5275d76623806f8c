"""The action ``delete``: one backup, after a last look at whether it still may go.

The tasks of a run come leaf first, and one volume has one task at a time. A task whose backup
others still build on waits for the tasks of those, or ends with them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import cinder, clock, exceptions, inventory, retention
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.task import Claimed
from backup_manager.engine import outcome
from backup_manager.engine.clients import Clients
from backup_manager.rules import chain
from backup_manager.rules import retention as rules
from backup_manager.rules import run as run_rules

LOG = logging.getLogger(__name__)

_DELETING = "deleting"
_FAILED = ("error", "error_deleting")
# Nodes of Cinder's database may lag behind the one that took the request.
_LAG = timedelta(seconds=60)
# These pass: Cinder counts the dependants of a backup a moment after the last one is gone.
_PASSING = (rules.UNVERIFIED, rules.STATUS)


def submit(conf: cfg.ConfigOpts, clients: Clients, task: Claimed) -> None:
    """Have Cinder delete the backup of a claimed task.

    :raises outcome.Skipped: it has to stay, as things are now
    :raises NotYet: what builds on it is still being deleted
    :raises ClaimLost: another engine looks after the task by now
    :raises CinderError, DelegationBroken, Unavailable: it did not work out
    """
    client = clients.cinder(task.delegation_id)
    try:
        inventory.refresh_volume(client, task.project_id, task.volume_id)
        asked = _ask(conf, client, task)
    except cinder.AccessDenied as error:
        clients.denied(task.delegation_id, error)
    except cinder.Uncertain as error:
        # Whatever Cinder did: to ask for the same deletion again does no harm.
        raise exceptions.Unavailable(error.message) from error
    if asked:
        outcome.change(
            task,
            run_rules.SUBMITTING,
            run_rules.RUNNING,
            submitted_at=clock.now(),
            error_code=None,
            error=None,
        )
    else:
        _end_as_gone(task)


def _ask(conf: cfg.ConfigOpts, client: cinder.Cinder, task: Claimed) -> bool:
    """:returns: False when the backup is gone already"""
    assert task.backup_id is not None
    try:
        found = client.backup(task.backup_id)
        inventory.store_backups(task.project_id, [found])
        _check(conf, task)
        outcome.renew(conf, task)
        client.delete_backup(task.backup_id)
    except cinder.NotFound:
        return False
    return True


def _end_as_gone(task: Claimed) -> None:
    assert task.backup_id is not None
    inventory.forget_backup(task.project_id, task.backup_id)
    outcome.finish(
        task,
        run_rules.SUBMITTING,
        run_rules.SUCCEEDED,
        note="it was gone already",
        error_code=None,
        error=None,
    )


def _check(conf: cfg.ConfigOpts, task: Claimed) -> None:
    """Decide again, about the backups as they are now, whether this one goes."""
    assert task.backup_id is not None
    basis = retention.basis_of(task.parameters, task.backup_id)
    (decided,) = retention.decide(conf, task.project_id, [task.volume_id], basis)
    decision = next(each for each in decided.decisions if each.backup_id == task.backup_id)
    if decision.blockers:
        _wait_for(task, decision.blockers)
    if not decision.keep:
        return
    if decision.rule in _PASSING:
        raise cinder.Busy(decision.reason, decision.rule)
    raise outcome.Skipped(decision.reason, decision.rule)


def _wait_for(task: Claimed, blockers: Collection[str]) -> None:
    """Other backups have to go first."""
    with db_session.reader() as session:
        others = db.of_backups(session, task.run_id, blockers)
    ahead = [each for each, (status, _) in others.items() if status in run_rules.ACTIVE_TASK]
    if ahead:
        raise outcome.NotYet(f"Backup {ahead[0]} builds on it and is deleted first.")
    first = next(iter(others), None) or sorted(blockers)[0]
    _, error = others.get(first, ("", None))
    reason = f": {error}" if error else "."
    raise outcome.Skipped(
        f"Backup {first} builds on it, or may do so, and was not deleted{reason}", rules.NEEDED
    )


# ---------------------------------------------------------------- afterwards


def found(client: cinder.Cinder, task: Claimed) -> dict[str, Any] | None:
    """What Cinder did of an abandoned task; None when it has not begun to delete."""
    assert task.backup_id is not None
    try:
        begun = client.backup(task.backup_id).status in (_DELETING, "error_deleting")
    except cinder.NotFound:
        begun = True
    return {"submitted_at": clock.now()} if begun else None


def endings(client: cinder.Cinder, tasks: list[Claimed]) -> dict[str, outcome.Ending]:
    """How those of the tasks ended whose backups are no longer being deleted."""
    under_way = {backup.id for page in client.backups(status=_DELETING) for backup in page}
    ended = {}
    for task in tasks:
        if task.backup_id in under_way:
            continue
        try:
            ending = _ending(client, task)
        except cinder.Uncertain as error:
            # The others need not wait for the next look because of this one.
            LOG.info("What became of task %s is not known yet: %s", task.id, error.message)
            continue
        if ending is not None:
            ended[task.id] = ending
    return ended


def stuck(task: Claimed) -> str:
    """What to do about a deletion that does not end."""
    return (
        "Cinder may still be at it. If it hangs, an administrator resets it with: openstack "
        f"volume backup set --state error {task.backup_id}"
    )


def _ending(client: cinder.Cinder, task: Claimed) -> outcome.Ending | None:
    assert task.backup_id is not None
    try:
        backup = client.backup(task.backup_id)
    except cinder.NotFound:
        inventory.forget_backup(task.project_id, task.backup_id)
        return outcome.Ending(run_rules.SUCCEEDED)
    inventory.store_backups(task.project_id, [backup])
    if backup.status in _FAILED:
        reason = backup.fail_reason or outcome.NO_REASON
        return outcome.Ending(run_rules.FAILED, "delete-failed", reason)
    late = task.submitted_at is not None and clock.now() - task.submitted_at > _LAG
    if backup.status == chain.AVAILABLE and late:
        message = "Cinder accepted the deletion, but the backup is still available."
        return outcome.Ending(run_rules.FAILED, "delete-failed", message)
    return None
