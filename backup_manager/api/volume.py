"""Volumes, and how well they are protected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from backup_manager import clock, exceptions
from backup_manager.api import listing, mirror
from backup_manager.api.call import Body, Call
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.db import volume as db
from backup_manager.db.models import Backup, Schedule, Volume
from backup_manager.rules import statistics
from backup_manager.rules import volume as rules

ALL_PROJECTS = "volume:all_projects"


def list_volumes(call: Call) -> Body:
    """List volumes."""
    scope = listing.scope(call, ALL_PROJECTS)
    if not call.query["all_projects"]:
        mirror.refresh(call)
    paging, now = listing.paging(call), clock.now()
    with db_session.reader() as session:
        page = db.list_page(session, scope, paging, now, **listing.filters(call))
        view = _viewer(session, page.rows, now)
    return listing.body(call, "volumes", page, view)


def show_volume(call: Call, volume_id: str) -> Body:
    """Show a volume."""
    found = mirror.find(call, call.reach(ALL_PROJECTS), db.get, volume_id)
    if found is None:
        raise exceptions.NotFound(resource="volume", id=volume_id)
    with db_session.reader() as session:
        view = _viewer(session, [found], clock.now())
    return {"volume": view(found)}


def _viewer(session: Session, volumes: Sequence[Volume], now: datetime) -> Callable[[Volume], Body]:
    """A function that shows each of the volumes, with what belongs to them read at once."""
    ids = [volume.id for volume in volumes]
    schedules = db_schedule.of_volumes(session, ids)
    backups = db.last_backups(session, ids)
    late = _late(volumes, schedules, backups, now)
    seen = mirror.seen(session, volumes)
    return lambda volume: {
        **_view(volume, schedules.get(volume.id, []), backups.get(volume.id)),
        "late": volume.id in late,
        "seen_at": seen(volume),
    }


def _late(
    volumes: Sequence[Volume],
    schedules: Mapping[str, Sequence[Schedule]],
    backups: Mapping[str, Backup],
    now: datetime,
) -> set[str]:
    """The ids of the volumes that are late.

    :param schedules: those that protect them, by the volume's id
    :param backups: their newest good ones, by the volume's id
    """
    made = {volume_id: backup.created_at for volume_id, backup in backups.items()}
    protections = [
        statistics.Protection(
            volume.id,
            schedule.cron,
            schedule.timezone,
            max(volume.created_at, schedule.created_at),
            made.get(volume.id),
        )
        for volume in volumes
        for schedule in schedules.get(volume.id, ())
        if schedule.enabled
    ]
    return statistics.late(protections, now)


def _view(volume: Volume, schedules: Sequence[Schedule], last_backup: Backup | None) -> Body:
    reason = rules.unusable_reason(volume.status)
    return {
        "id": volume.id,
        "project_id": volume.project_id,
        "name": volume.name,
        "status": volume.status,
        "size_gb": volume.size_gb,
        "volume_type": volume.volume_type,
        "availability_zone": volume.availability_zone,
        "server_ids": volume.server_ids,
        "bootable": volume.bootable,
        "created_at": clock.iso(volume.created_at),
        "can_back_up": reason is None,
        "reason": reason,
        "schedules": [
            {"id": schedule.id, "name": schedule.name, "enabled": schedule.enabled}
            for schedule in schedules
        ],
        "last_backup": last_backup and _view_last(last_backup),
    }


def _view_last(backup: Backup) -> Body:
    return {
        "id": backup.id,
        "name": backup.name,
        "type": backup.type,
        "created_at": clock.iso(backup.created_at),
    }
