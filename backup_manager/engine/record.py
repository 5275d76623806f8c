"""The action ``import``: has Cinder take up a backup that was exported, under its own id.

Cinder takes it up in the project of the token that asks, so the delegation of such a run is the
service's own administrator, bound to the project. That one sees the backups of all projects: each
one is looked at for whose it is.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import cinder, clock
from backup_manager.db import inventory as db_inventory
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.task import Claimed
from backup_manager.engine import outcome
from backup_manager.engine.clients import Clients
from backup_manager.rules import chain
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

_THERE = (chain.AVAILABLE, "restoring")
_COMING = "creating"
# It takes Cinder a moment; a worker does not wait longer.
_LOOKS = 10
_PAUSE_S = 0.3


def submit(conf: cfg.ConfigOpts, clients: Clients, task: Claimed) -> None:
    """Have Cinder take up the backup of a claimed task.

    :raises outcome.Skipped: what it builds on is not there
    :raises NotYet: another task is still to import what it builds on
    :raises ClaimLost: another engine looks after the task by now
    :raises CinderError, DelegationBroken, Unavailable: it did not work out
    """
    client = clients.cinder(task.delegation_id)
    note = None
    try:
        if _there(client, task, task.backup_id) is not None:
            note = "it was there already"
        else:
            _require_parent(client, task)
            outcome.renew(conf, task)
            _ask(client, task)
    except cinder.AccessDenied as error:
        clients.denied(task.delegation_id, error)
    values = {**_known(task), "note": note, "error_code": None, "error": None}
    if outcome.change(task, rules.SUBMITTING, rules.RUNNING, **values):
        _watch(client, task)


def _there(client: cinder.Cinder, task: Claimed, backup_id: str | None) -> cinder.Backup | None:
    """A backup of the project, None when there is none with that id.

    :raises Rejected: it is another project's
    """
    assert backup_id is not None
    try:
        backup = client.backup(backup_id)
    except cinder.NotFound:
        return None
    if backup.project_id not in (None, task.project_id):
        raise cinder.Rejected(f"Backup {backup_id} is of another project.", "backup-foreign")
    return backup


def _require_parent(client: cinder.Cinder, task: Claimed) -> None:
    """Cinder would import an increment without it, and fail when it is restored."""
    parent_id = task.parameters["parent_id"]
    if parent_id is None:
        return
    parent = _there(client, task, parent_id)
    if parent is not None and parent.status in _THERE:
        return
    with db_session.reader() as session:
        status, error = db.of_backups(session, task.run_id, [parent_id]).get(parent_id, ("", None))
    message = f"It builds on backup {parent_id}, which is being imported."
    if status in rules.ACTIVE_TASK:
        raise outcome.NotYet(message)
    if parent is not None and parent.status == _COMING:
        # By somebody else: that may never end.
        raise cinder.Busy(message, "parent-busy")
    state = f"in status {parent.status}" if parent is not None else "not there"
    reason = f": {error}" if error else "."
    raise outcome.Skipped(
        f"It builds on backup {parent_id}, which is {state}{reason}", "parent-missing"
    )


def _ask(client: cinder.Cinder, task: Claimed) -> None:
    parameters = task.parameters
    try:
        client.import_record(parameters["backup_service"], parameters["backup_url"])
    except cinder.Rejected as error:
        if error.code == "access-denied":
            raise cinder.Rejected(
                f"Cinder does not let the service's own administrator import: {error.message}",
                error.code,
            ) from error
        # Somebody else may have imported it a moment ago, or we did and the answer was lost.
        if error.code != "backup-exists" or _there(client, task, task.backup_id) is None:
            raise


def _known(task: Claimed) -> dict[str, Any]:
    """What is noted on the task once Cinder was asked."""
    return {"submitted_at": clock.now(), "parent_id": task.parameters["parent_id"]}


def _watch(client: cinder.Cinder, task: Claimed) -> None:
    """See the import through, so that what builds on it can follow at once."""
    # What is not learnt here, or takes longer, is left to those who follow running tasks.
    with contextlib.suppress(cinder.CinderError):
        for _ in range(_LOOKS):
            ending = endings(client, [task]).get(task.id)
            if ending is not None:
                outcome.conclude([(task, ending)])
                return
            time.sleep(_PAUSE_S)


# ---------------------------------------------------------------- afterwards


def found(client: cinder.Cinder, task: Claimed) -> dict[str, Any] | None:
    """What Cinder did of an abandoned task; None when it has not begun to import.

    :raises Unclear: another project has a backup with that id
    """
    try:
        backup = _there(client, task, task.backup_id)
    except cinder.Rejected as error:
        raise outcome.Unclear(error.message) from error
    return None if backup is None else _known(task)


def endings(client: cinder.Cinder, tasks: list[Claimed]) -> dict[str, outcome.Ending]:
    """How those of the tasks ended whose imports did.

    Asked for one by one: they keep the age they had, so no page of a list has them together, and
    one volume has one under way.
    """
    found = {task.id: _ending(client, task) for task in tasks}
    return {task_id: ending for task_id, ending in found.items() if ending is not None}


def stuck(task: Claimed) -> str:
    """What to do about an import that does not end."""
    return (
        "Is Cinder's backup service running? An administrator resets the record with: openstack "
        f"volume backup set --state error {task.backup_id}"
    )


def _ending(client: cinder.Cinder, task: Claimed) -> outcome.Ending | None:
    try:
        backup = _there(client, task, task.backup_id)
    except cinder.Rejected as error:
        return outcome.Ending(rules.FAILED, error.code, error.message)
    if backup is None:
        gone = "The backup was deleted while it was being imported."
        return outcome.Ending(rules.FAILED, "backup-gone", gone)
    if backup.status in _THERE:
        _store(task, backup)
        return outcome.Ending(rules.SUCCEEDED)
    if backup.status == "error":
        reason = backup.fail_reason or outcome.NO_REASON
        values = {"note": _left_behind(task)}
        return outcome.Ending(rules.FAILED, "import-failed", reason, values)
    return None


def _left_behind(task: Claimed) -> str:
    return (
        "Cinder keeps the record in status error; before another import it is removed with: "
        f"openstack volume backup delete {task.backup_id}"
    )


@db_session.retry
def _store(task: Claimed, backup: cinder.Backup) -> None:
    """Write the backup into the mirror, with the parent that Cinder has from the record too."""
    parent_id = task.parameters["parent_id"]
    with db_session.writer() as session:
        db_inventory.store_backups(session, task.project_id, [backup], clock.now())
        if parent_id is not None:
            db_inventory.record_parent(session, task.project_id, backup.id, parent_id)
