"""The action ``restore``: onto an existing volume, or onto one that is made for it.

A new volume is made empty first, and its id noted, before a backup is written onto it: so its
name, zone and type are the user's choice on every release, and a task that is taken over finds the
volume that it made.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import cinder, clock, inventory
from backup_manager.db import inventory as db_inventory
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.task import Claimed
from backup_manager.engine import outcome
from backup_manager.engine.clients import Clients
from backup_manager.rules import chain
from backup_manager.rules import restore as rules
from backup_manager.rules import run as run_rules
from backup_manager.rules import volume as volume_rules

LOG = logging.getLogger(__name__)

# Cinder's name for restoring in what it tells users.
_MESSAGE_ACTION = "015"
# Clocks differ, and a message is written before our note of the request.
_MESSAGE_TOLERANCE = timedelta(seconds=60)
# What makes it leave the volume in "error" without a message (BackupRestoreCancel in its manager).
_BROKEN_OFF = (
    "Cinder gives no reason. It breaks a restore off when the status of the backup changes "
    "meanwhile, as by another restore of it, and when its backup service is of another kind than "
    "the backup's."
)
# Most volumes are made in less; a worker does not wait longer for one.
_LOOKS = 10
_PAUSE_S = 0.3


def submit(conf: cfg.ConfigOpts, clients: Clients, task: Claimed) -> None:
    """Have Cinder restore the backup of a claimed task.

    :raises NotYet: the new volume is not ready, or the backup is being restored elsewhere
    :raises ClaimLost: another engine looks after the task by now
    :raises CinderError, DelegationBroken, Unavailable: it did not work out
    """
    client = clients.cinder(task.delegation_id)
    try:
        since = clock.now() - timedelta(seconds=conf.engine.sync_interval)
        clients.ensure_fresh(client, task.project_id, since)
        backup = _usable_backup(task)
        target_id = task.target_volume_id or _make_volume(conf, client, task, backup.size_gb)
        volume = _ready_volume(conf, client, task, target_id)
        _ask(conf, client, task, volume)
    except cinder.AccessDenied as error:
        clients.denied(task.delegation_id, error)
    if not _record(task, backup.size_gb):
        LOG.error("Task %s restores onto volume %s after its claim was lost", task.id, target_id)


def _usable_backup(task: Claimed) -> chain.Backup:
    """The backup, after a look at its chain: a restore that fails leaves no data at all."""
    with db_session.reader() as session:
        backups = db_inventory.chain_of(session, task.project_id, task.volume_id)
    backup = next((each for each in backups if each.id == task.backup_id), None)
    if backup is None:
        raise cinder.Rejected(f"Backup {task.backup_id} no longer exists.", "backup-gone")
    reason = rules.obstacle(backup, backups)
    if reason is not None:
        raise cinder.Rejected(f"Backup {backup.id} can't be restored: {reason}.", "backup-unusable")
    return backup


# ---------------------------------------------------------------- the volume


def _is_new(task: Claimed) -> bool:
    return bool(task.parameters["new_volume"])


def _make_volume(conf: cfg.ConfigOpts, client: cinder.Cinder, task: Claimed, size_gb: int) -> str:
    outcome.renew(conf, task)
    volume_id = client.create_volume(
        size_gb,
        name=task.parameters["name"],
        availability_zone=task.parameters["availability_zone"],
        volume_type=task.parameters["volume_type"],
        metadata={cinder.TASK_KEY: task.id},
    )
    _note(task, target_volume_id=volume_id)
    return volume_id


def _note(task: Claimed, **values: Any) -> None:
    """Write on the task what must be known before Cinder is asked for the next thing."""
    if not outcome.change(task, run_rules.SUBMITTING, run_rules.SUBMITTING, **values):
        raise outcome.ClaimLost(task.id)


def _ready_volume(
    conf: cfg.ConfigOpts, client: cinder.Cinder, task: Claimed, volume_id: str
) -> cinder.Volume:
    """The volume, which nothing keeps from being written to."""
    try:
        volume = _made_volume(client, volume_id)
    except cinder.NotFound as error:
        raise cinder.Rejected(f"Volume {volume_id} no longer exists.", "volume-gone") from error
    if volume.status == volume_rules.AVAILABLE:
        return volume
    limit = timedelta(seconds=conf.engine.completion_limit)
    if volume.status == "creating" and clock.now() - volume.created_at < limit:
        raise outcome.NotYet(f"Volume {volume_id} is being created.")
    if _is_new(task) and volume.status in ("creating", *rules.FAILED):
        reason = _reason(client, [volume_id], None, clock.now() - limit)
        raise cinder.Rejected(
            f"Volume {volume_id}, made for the restore, is in status {volume.status}: {reason}",
            "volume-failed",
        )
    message = f"Volume {volume_id} is in status {volume.status}; it must be available."
    if volume_rules.is_passing(volume.status):
        raise cinder.Busy(message, "volume-busy")
    raise cinder.Rejected(message, "volume-unusable")


def _made_volume(client: cinder.Cinder, volume_id: str) -> cinder.Volume:
    """The volume, after a short wait if it is only just being made."""
    for _ in range(_LOOKS):
        volume = client.volume(volume_id)
        if volume.status != "creating":
            break
        time.sleep(_PAUSE_S)
    return volume


# ---------------------------------------------------------------- the restore


def _ask(conf: cfg.ConfigOpts, client: cinder.Cinder, task: Claimed, volume: cinder.Volume) -> None:
    if not _is_new(task):
        # Should nobody see the answer, this tells whether the restore was begun.
        _note(task, parameters={**task.parameters, "before": _noted(volume)})
    outcome.renew(conf, task)
    assert task.backup_id is not None
    try:
        client.restore_backup(task.backup_id, volume.id)
    except cinder.Busy as error:
        busy = error.code == "backup-busy"
        # It may be free again by now.
        if busy and client.backup(task.backup_id).status in rules.USABLE:
            raise outcome.NotYet("The backup is being restored onto another volume.") from error
        raise


@db_session.retry
def _record(task: Claimed, size_gb: int) -> bool:
    """Note Cinder's acceptance; returns False when the claim was lost in the meantime."""
    assert task.backup_id is not None
    with db_session.writer() as session:
        kept = db.swap(
            session,
            task.id,
            run_rules.SUBMITTING,
            run_rules.RUNNING,
            claimed_by=task.claimed_by,
            size_gb=size_gb,
            submitted_at=clock.now(),
            error_code=None,
            error=None,
        )
        # An earlier COMMIT of this may have got no answer.
        return kept or db.is_running(session, task.id, task.backup_id)


def _noted(volume: cinder.Volume) -> dict[str, Any]:
    """What ``_before`` reads."""
    return {
        "at": clock.iso(clock.now()),
        "restored_from": volume.labels.get(cinder.RESTORED_KEY),
        "updated_at": volume.updated_at and volume.updated_at.isoformat(),
    }


def _before(task: Claimed) -> rules.Target | None:
    """The volume right before Cinder was asked to restore; None if it surely was not asked."""
    if _is_new(task):
        return rules.EMPTY
    noted = task.parameters.get("before")
    if noted is None:
        return None
    updated_at = noted["updated_at"]
    return rules.Target(
        volume_rules.AVAILABLE,
        noted["restored_from"],
        updated_at and datetime.fromisoformat(updated_at),
    )


def _now(volume: cinder.Volume) -> rules.Target:
    return rules.Target(volume.status, volume.labels.get(cinder.RESTORED_KEY), volume.updated_at)


def _in_place(task: Claimed) -> bool:
    return task.target_volume_id == task.volume_id


# ---------------------------------------------------------------- afterwards


def found(client: cinder.Cinder, task: Claimed) -> dict[str, Any] | None:
    """What Cinder did of an abandoned task; None when it has not begun to restore.

    :raises Unclear: that cannot be told, and the volume may be in use by now
    """
    if task.target_volume_id is None:
        # No restore is asked for before the volume's id is noted.
        volume = _volume_made_for(client, task)
        if volume is not None:
            _note(task, target_volume_id=volume.id)
        return None
    before = _before(task)
    if before is None:
        return None
    try:
        volume = client.volume(task.target_volume_id)
    except cinder.NotFound:
        return None
    assert task.backup_id is not None
    taken_up = rules.was_taken_up(_now(volume), before, task.backup_id, _in_place(task))
    if taken_up is None:
        raise outcome.Unclear(
            f"Cinder gave no clear answer, and whether volume {volume.id} was restored can't be "
            "told from it. Look at its data; restore it again if need be."
        )
    return {"submitted_at": _asked_at(task, volume)} if taken_up else None


def _asked_at(task: Claimed, volume: cinder.Volume) -> datetime:
    if _is_new(task):
        return volume.created_at
    return datetime.fromisoformat(task.parameters["before"]["at"].replace("Z", "+00:00"))


def _volume_made_for(client: cinder.Cinder, task: Claimed) -> cinder.Volume | None:
    volumes = (volume for page in client.volumes() for volume in page)
    return next((each for each in volumes if each.labels.get(cinder.TASK_KEY) == task.id), None)


def endings(client: cinder.Cinder, tasks: list[Claimed]) -> dict[str, outcome.Ending]:
    """How those of the tasks ended whose restores did."""
    wanted = {task.target_volume_id for task in tasks if task.target_volume_id}
    volumes = _listed(client, tasks[0].project_id, wanted)
    return {
        task.id: ending
        for task in tasks
        if task.target_volume_id in volumes
        and (ending := _ending(client, task, volumes[task.target_volume_id])) is not None
    }


def stuck(task: Claimed) -> str:
    """What to do about a restore that does not end."""
    return (
        "Cinder may still be at it. If it hangs, an administrator resets it with: openstack "
        f"volume set --state error {task.target_volume_id}"
    )


def _listed(
    client: cinder.Cinder, project_id: str, wanted: set[str]
) -> dict[str, cinder.Volume | None]:
    """The volumes by their ids; None for those that are gone."""
    listed: dict[str, cinder.Volume | None] = {}
    for page in client.volumes():
        inventory.store_volumes(project_id, page)
        listed.update((volume.id, volume) for volume in page if volume.id in wanted)
        if wanted == listed.keys():
            break
    listed.update(_missing(client, wanted - listed.keys()))
    return listed


def _missing(
    client: cinder.Cinder, volume_ids: set[str]
) -> Iterator[tuple[str, cinder.Volume | None]]:
    """Volumes that no list showed, asked for one by one before they are called gone."""
    for volume_id in volume_ids:
        try:
            yield volume_id, client.volume(volume_id)
        except cinder.NotFound:
            yield volume_id, None


def _ending(
    client: cinder.Cinder, task: Claimed, volume: cinder.Volume | None
) -> outcome.Ending | None:
    assert task.backup_id is not None
    if volume is None:
        gone = f"Volume {task.target_volume_id} was deleted while it was being restored."
        return outcome.Ending(run_rules.FAILED, "volume-gone", gone)
    if volume.status in rules.FAILED:
        since = (task.submitted_at or task.run_created_at) - _MESSAGE_TOLERANCE
        otherwise = _BROKEN_OFF if volume.status == "error" else outcome.NO_REASON
        reason = _reason(client, [task.backup_id, volume.id], _MESSAGE_ACTION, since, otherwise)
        values = {"note": _left_behind(task)}
        return outcome.Ending(run_rules.FAILED, "restore-failed", reason, values)
    if rules.is_done(_now(volume), _before(task) or rules.EMPTY, task.backup_id, _in_place(task)):
        return outcome.Ending(run_rules.SUCCEEDED)
    return None


def _left_behind(task: Claimed) -> str:
    if _is_new(task):
        return "the volume was made for this restore and can be deleted"
    return (
        "the volume holds a part of the backup; before another restore an administrator has to "
        f"reset it with: openstack volume set --state available {task.target_volume_id}"
    )


def _reason(
    client: cinder.Cinder,
    resource_ids: list[str],
    action: str | None,
    since: datetime,
    otherwise: str = outcome.NO_REASON,
) -> str:
    """Cinder's own words, which stand neither on the backup nor on the volume.

    :param action: only what is about this
    :param since: only what is no older: an earlier failure is no reason
    :param otherwise: what to say where there are no words
    """
    try:
        messages = [message for each in resource_ids for message in client.messages(each)]
    except (cinder.AccessDenied, cinder.Rejected) as error:
        # Such as an application credential without the right to read them.
        return f"Cinder's reason could not be read: {error.message}"
    about = [
        message
        for message in messages
        if action in (None, message.action) and message.created_at >= since
    ]
    newest = max(about, key=lambda message: message.created_at, default=None)
    return newest.text if newest is not None else otherwise
