"""The action ``backup``: decides what to ask Cinder for, asks, and notes the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import cinder, clock, inventory
from backup_manager.db import inventory as db_inventory
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.models import Backup, Volume
from backup_manager.db.task import Claimed
from backup_manager.engine import outcome
from backup_manager.engine.clients import Clients
from backup_manager.rules import backup_type, chain, naming
from backup_manager.rules import run as rules
from backup_manager.rules import volume as volume_rules

LOG = logging.getLogger(__name__)

# Seconds; a run over many volumes looks again after this time, not for each of them.
_INCREMENT_KNOWS_S = 5
_DESCRIPTIONS = {
    backup_type.FULL: "Full backup",
    backup_type.INCREMENTAL: "Incremental backup",
}


@dataclass(frozen=True)
class Plan:
    """What to ask Cinder for."""

    choice: chain.Choice
    name: str
    description: str
    force: bool
    size_gb: int


def submit(conf: cfg.ConfigOpts, clients: Clients, task: Claimed) -> None:
    """Have Cinder make the backup of a claimed task.

    :raises outcome.Skipped: the volume cannot be backed up as it is
    :raises ClaimLost: another engine looks after the task by now
    :raises CinderError, DelegationBroken, Unavailable: it did not work out
    """
    client = clients.cinder(task.delegation_id)
    try:
        clients.ensure_fresh(client, task.project_id, _known_since(conf, task))
        volume = _usable_volume(client, task)
        plan, backup_id = _ask(conf, client, task, _plan(conf, task, volume))
    except cinder.AccessDenied as error:
        clients.denied(task.delegation_id, error)
    if not _record(task, backup_id, plan):
        LOG.error(
            "Backup %s was made for task %s after this engine had lost its claim; the task may "
            "have a second backup",
            backup_id,
            task.id,
        )


def _known_since(conf: cfg.ConfigOpts, task: Claimed) -> datetime:
    """How old what we know of the project may be.

    For an increment hardly at all: Cinder takes the newest backup as its parent, whoever made it,
    and if that is one from a snapshot, Ceph loses data.
    """
    incremental = task.parameters["type"] == backup_type.INCREMENTAL
    age = _INCREMENT_KNOWS_S if incremental else conf.engine.sync_interval
    return clock.now() - timedelta(seconds=age)


def _usable_volume(client: cinder.Cinder, task: Claimed) -> Volume:
    volume = _known_volume(task)
    if volume is not None and volume.status == volume_rules.BACKING_UP:
        # That may be over by now. It changes nothing about a volume, and Cinder turns away who
        # comes too early: no need to ask for each volume of a run that follows another one.
        return volume
    if volume is None or volume_rules.unusable_reason(volume.status):
        # What we know may be a minute old: look again before it is held against the volume.
        volume = _looked_up_volume(client, task)
    if volume_rules.is_passing(volume.status):
        raise cinder.Busy(
            f"Another operation holds the volume, its status is {volume.status}.", "volume-busy"
        )
    reason = volume_rules.unusable_reason(volume.status)
    if reason is not None:
        raise outcome.Skipped(reason, "volume-unusable")
    return volume


def _looked_up_volume(client: cinder.Cinder, task: Claimed) -> Volume:
    try:
        found = client.volume(task.volume_id)
    except cinder.NotFound as error:
        raise cinder.Rejected(
            f"Volume {task.volume_id} no longer exists in the project. If it was deleted for "
            "good, take it out of the schedule.",
            "volume-gone",
        ) from error
    inventory.store_volumes(task.project_id, [found])
    volume = _known_volume(task)
    assert volume is not None
    return volume


def _known_volume(task: Claimed) -> Volume | None:
    with db_session.reader() as session:
        volume = session.get(Volume, task.volume_id)
    # A volume that went to another project is none of this task's business any more.
    return volume if volume is not None and volume.project_id == task.project_id else None


def _plan(conf: cfg.ConfigOpts, task: Claimed, volume: Volume) -> Plan:
    parameters = task.parameters
    choice = chain.choose(
        parameters["type"], parameters["max_incrementals"], volume.size_gb, _earlier(task)
    )
    name = parameters.get("name") or naming.backup_name(
        conf.backup.name_template,
        volume.name,
        volume.id,
        task.scheduled_for or task.run_created_at,
        parameters["timezone"],
    )
    force = volume_rules.needs_force(volume.status, volume.server_ids)
    return Plan(choice, name, _description(task, choice), force, volume.size_gb)


def _earlier(task: Claimed) -> list[chain.Backup]:
    """The backups that an increment could build on; a full one needs none."""
    if task.parameters["type"] == backup_type.FULL:
        return []
    with db_session.reader() as session:
        return db_inventory.chain_of(session, task.project_id, task.volume_id)


def _description(task: Claimed, choice: chain.Choice) -> str:
    return task.parameters.get("description") or _DESCRIPTIONS[choice.backup_type]


def _ask(
    conf: cfg.ConfigOpts, client: cinder.Cinder, task: Claimed, plan: Plan
) -> tuple[Plan, str]:
    """Ask for the backup; where the world is not as recorded, ask for what fits it."""
    for _ in range(3):
        outcome.renew(conf, task)
        try:
            return plan, _create(client, task, plan)
        except cinder.NeedsForce:
            plan = replace(plan, force=True)
        except cinder.NoParent:
            note = "made full: Cinder has no available backup to build on"
            choice = chain.Choice(backup_type.FULL, None, note)
            plan = replace(plan, choice=choice, description=_description(task, choice))
    raise cinder.Busy("Cinder refused the backup three times for different reasons.")


def _create(client: cinder.Cinder, task: Claimed, plan: Plan) -> str:
    metadata = {cinder.TASK_KEY: task.id}
    if plan.choice.parent_id:
        metadata[cinder.PARENT_KEY] = plan.choice.parent_id
    return client.create_backup(
        task.volume_id,
        name=plan.name,
        description=plan.description,
        incremental=plan.choice.backup_type == backup_type.INCREMENTAL,
        force=plan.force,
        metadata=metadata,
    )


@db_session.retry
def _record(task: Claimed, backup_id: str, plan: Plan) -> bool:
    """Note Cinder's acceptance on the task, and the new backup in the inventory.

    :returns: False when the claim was lost in the meantime
    """
    now = clock.now()
    choice = plan.choice
    incremental = choice.backup_type == backup_type.INCREMENTAL
    with db_session.writer() as session:
        if session.get(Backup, backup_id) is None:
            session.add(
                Backup(
                    id=backup_id,
                    project_id=task.project_id,
                    volume_id=task.volume_id,
                    name=plan.name,
                    description=plan.description,
                    status="creating",
                    type=backup_type.shown(plan.description, incremental),
                    is_incremental=incremental,
                    has_dependents=False,
                    size_gb=plan.size_gb,
                    created_at=now,
                    recorded_at=now,
                    parent_id=choice.parent_id,
                    parent_source=db_inventory.RECORDED if choice.parent_id else None,
                    run_id=task.run_id,
                    schedule_id=task.schedule_id,
                )
            )
        kept = db.swap(
            session,
            task.id,
            rules.SUBMITTING,
            rules.RUNNING,
            claimed_by=task.claimed_by,
            backup_id=backup_id,
            parent_id=choice.parent_id,
            backup_type=choice.backup_type,
            note=choice.note,
            size_gb=plan.size_gb,
            submitted_at=now,
            error_code=None,
            error=None,
        )
        # An earlier COMMIT of this may have got no answer.
        return kept or db.is_running(session, task.id, backup_id)


# ---------------------------------------------------------------- afterwards


def found(client: cinder.Cinder, task: Claimed) -> dict[str, Any] | None:
    """What an abandoned task has in Cinder: the backup that carries its id, None if none does.

    :returns: what the task is to note about it
    """
    backup = _made_for(client, task)
    if backup is None:
        return None
    inventory.store_backups(task.project_id, [backup])
    return {
        "backup_id": backup.id,
        "parent_id": backup.metadata.get(cinder.PARENT_KEY),
        "backup_type": _kind(backup),
        "size_gb": backup.size_gb,
        "submitted_at": backup.created_at,
    }


def _made_for(client: cinder.Cinder, task: Claimed) -> cinder.Backup | None:
    for page in client.backups(volume_id=task.volume_id):
        for backup in page:
            if backup.metadata.get(cinder.TASK_KEY) == task.id:
                return backup
    return None


def endings(client: cinder.Cinder, tasks: list[Claimed]) -> dict[str, outcome.Ending]:
    """How those of the tasks ended whose backups did."""
    known = _listed(client, tasks)
    found = {task.id: _ending(known[task.backup_id]) for task in tasks if task.backup_id}
    return {task_id: ending for task_id, ending in found.items() if ending is not None}


def stuck(task: Claimed) -> str:
    """What to do about a backup that does not end."""
    return (
        "Cinder may still be at it. If it hangs, an administrator resets it with: openstack "
        f"volume backup set --state error {task.backup_id}"
    )


def _listed(client: cinder.Cinder, tasks: list[Claimed]) -> dict[str, cinder.Backup | None]:
    """The backups of the tasks by their ids; None for those that are gone."""
    wanted = {task.backup_id for task in tasks if task.backup_id}
    listed: dict[str, cinder.Backup | None] = {}
    # The newest page shows nearly all; a backup that hangs for days is asked for by its id.
    page = next(client.backups())
    inventory.store_backups(tasks[0].project_id, page)
    listed.update((backup.id, backup) for backup in page if backup.id in wanted)
    for backup_id in wanted - listed.keys():
        listed[backup_id] = _one(client, tasks[0].project_id, backup_id)
    return listed


def _one(client: cinder.Cinder, project_id: str, backup_id: str) -> cinder.Backup | None:
    """A backup that the list did not show; None when it is gone."""
    try:
        backup = client.backup(backup_id)
    except cinder.NotFound:
        return None
    inventory.store_backups(project_id, [backup])
    return backup


def _ending(backup: cinder.Backup | None) -> outcome.Ending | None:
    if backup is None:
        gone = "The backup was deleted while it was being made."
        return outcome.Ending(rules.FAILED, "backup-gone", gone)
    if backup.status == chain.AVAILABLE:
        values = {"backup_type": _kind(backup), "size_gb": backup.size_gb}
        return outcome.Ending(rules.SUCCEEDED, values=values)
    if backup.status in ("error", "error_deleting"):
        reason = backup.fail_reason or outcome.NO_REASON
        return outcome.Ending(rules.FAILED, "backup-failed", reason)
    return None


def _kind(backup: cinder.Backup) -> str:
    return backup_type.INCREMENTAL if backup.is_incremental else backup_type.FULL
