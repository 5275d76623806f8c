"""Restores: of backups, or of what volumes held at a time; to new volumes or onto existing ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from backup_manager import clock, delegation, exceptions, inventory
from backup_manager.api import run, validation
from backup_manager.api.call import Body, Call
from backup_manager.db import backup as db_backup
from backup_manager.db import inventory as db_inventory
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Backup, Volume
from backup_manager.db.run import Target
from backup_manager.rules import chain, naming
from backup_manager.rules import restore as rules
from backup_manager.rules import volume as volume_rules

Item = Mapping[str, Any]

_OF_NEW = ("name", "availability_zone", "volume_type")


def create_restores(call: Call) -> Body:
    """Restore backups now."""
    items: list[Item] = call.body["items"]
    for position, item in enumerate(items):
        _check_form(position, item)
    _check_targets(items)
    # What may be overwritten is looked at right now.
    inventory.refresh_with_token(call.conf, call.context, 0)
    targets = _targets(call, items)
    delegation_id = delegation.grant(call.conf, call.context, lasting=False)
    return run.start(call, delegation_id, targets, {}, action="restore")


# ---------------------------------------------------------------- form


def _field(position: int, name: str) -> str:
    return validation.field_name(["items", position, name])


def _check_form(position: int, item: Item) -> None:
    """An item names one backup, and either a volume to overwrite or what a new one is to be."""
    if "backup_id" in item:
        for name in ("volume_id", "at"):
            if name in item:
                raise exceptions.InvalidInput(
                    _field(position, name), "goes without backup_id: it finds the backup"
                )
    elif "volume_id" not in item:
        raise exceptions.InvalidInput(
            _field(position, "backup_id"), "is required, or volume_id and at in its place"
        )
    elif "at" not in item:
        raise exceptions.InvalidInput(_field(position, "at"), "is required beside volume_id")
    if "target_volume_id" in item:
        for name in _OF_NEW:
            if name in item:
                raise exceptions.InvalidInput(
                    _field(position, name), "is for a new volume; target_volume_id exists already"
                )


def _check_targets(items: list[Item]) -> None:
    """One volume can't hold two backups."""
    first: dict[str, int] = {}
    for position, item in enumerate(items):
        target = item.get("target_volume_id")
        if target is not None and first.setdefault(target, position) != position:
            raise exceptions.InvalidInput(
                _field(position, "target_volume_id"),
                f"volume {target} is restored onto by items[{first[target]}] already",
            )


# ---------------------------------------------------------------- looking up


def _targets(call: Call, items: list[Item]) -> list[Target]:
    """The tasks that the items ask for."""
    with db_session.reader() as session:
        known = _Known(session, call)
        return [_target(known, position, item) for position, item in enumerate(items)]


@dataclass
class _Known:
    """The recorded backups and volumes of the caller's project, each read once."""

    session: Session
    call: Call

    def __post_init__(self) -> None:
        self._chains: dict[str, list[chain.Backup]] = {}

    def backup(self, backup_id: str) -> Backup | None:
        return db_backup.get(self.session, self.call.own, backup_id)

    def volume(self, volume_id: str) -> Volume | None:
        return db_volume.get(self.session, self.call.own, volume_id)

    def backups_of(self, volume_id: str) -> list[chain.Backup]:
        if volume_id not in self._chains:
            project_id = self.call.context.project_id
            self._chains[volume_id] = db_inventory.chain_of(self.session, project_id, volume_id)
        return self._chains[volume_id]


def _target(known: _Known, position: int, item: Item) -> Target:
    backup = _backup(known, position, item)
    source = known.volume(backup.volume_id)
    target_id = item.get("target_volume_id")
    if target_id is not None:
        _check_target(known, position, target_id, backup)
        parameters: dict[str, Any] = {"new_volume": False}
    else:
        parameters = {"new_volume": True, **_new_volume(item, backup, source)}
    return Target(
        backup.volume_id,
        source.name if source else None,
        locks=target_id,
        backup_id=backup.id,
        target_volume_id=target_id,
        parameters=parameters,
    )


def _new_volume(item: Item, backup: Backup, source: Volume | None) -> dict[str, Any]:
    """What the new volume is to be: as the backed up one, unless the user wants it otherwise."""
    name = naming.restored_name(source.name if source else None, backup.name, backup.id)
    return {
        "name": item.get("name", name),
        "availability_zone": item.get(
            "availability_zone", source.availability_zone if source else None
        ),
        "volume_type": item.get("volume_type", source.volume_type if source else None),
    }


def _backup(known: _Known, position: int, item: Item) -> Backup:
    backup_id = item.get("backup_id")
    if backup_id is None:
        backup_id = _backup_at(known, position, item)
    field = _field(position, "backup_id")
    found = known.backup(backup_id)
    if found is None:
        raise exceptions.NotFound(resource="backup", id=backup_id, field=field)
    backups = known.backups_of(found.volume_id)
    reason = rules.obstacle(next(each for each in backups if each.id == backup_id), backups)
    if reason is not None:
        raise exceptions.Conflict(f"Backup {backup_id} can't be restored: {reason}.", field=field)
    return found


def _backup_at(known: _Known, position: int, item: Item) -> str:
    """Id of the newest backup that was there at that time: never a younger one."""
    volume_id, moment = item["volume_id"], validation.parse_time(item["at"])
    backups = known.backups_of(volume_id)
    if not backups and known.volume(volume_id) is None:
        # A volume that is gone from Cinder is known by its backups.
        raise exceptions.NotFound(
            resource="volume", id=volume_id, field=_field(position, "volume_id")
        )
    found = rules.latest(moment, backups)
    if found is not None:
        return found.id
    raise exceptions.NotFound(
        f"Volume {volume_id} has no restorable backup from {clock.iso(moment)} or before; "
        f"{_oldest(backups)}",
        field=_field(position, "at"),
    )


def _oldest(backups: Iterable[chain.Backup]) -> str:
    oldest = rules.oldest(backups)
    if oldest is None:
        return "it has none at all."
    return f"its oldest one is {oldest.id} from {clock.iso(oldest.created_at)}."


def _check_target(known: _Known, position: int, volume_id: str, backup: Backup) -> None:
    field = _field(position, "target_volume_id")
    volume = known.volume(volume_id)
    if volume is None:
        raise exceptions.NotFound(resource="volume", id=volume_id, field=field)
    if volume.status != volume_rules.AVAILABLE:
        raise exceptions.Conflict(
            f"Volume {volume_id} can't be restored onto: its status is {volume.status}, it must "
            f"be available.{_advice(volume)}",
            field=field,
        )
    if volume.size_gb < backup.size_gb:
        raise exceptions.Conflict(
            f"Volume {volume_id} has {volume.size_gb} GB, backup {backup.id} needs "
            f"{backup.size_gb} GB.",
            field=field,
        )


def _advice(volume: Volume) -> str:
    if volume.status != volume_rules.IN_USE:
        return ""
    return f" Detach it from {', '.join(volume.server_ids) or 'its server'} first."
