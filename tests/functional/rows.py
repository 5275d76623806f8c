"""Rows of the mirror, written past the service.

Ten thousand real backups would take Cinder a quarter of an hour.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import insert

from backup_manager.db import session as db_session
from backup_manager.db.models import Backup, Project, Volume

BACKUPS_PER_VOLUME = 20
FAILED = 10
"""Backups of each project that are in error, however many there are."""


def fill(project_id: str, backups: int, now: datetime) -> list[str]:
    """Give a project backups, one an hour, of volumes that take turns; they look just synced.

    :param backups: how many, at least ``FAILED``
    :returns: their ids, the newest first
    """
    volumes = [_volume(project_id, n, now) for n in range(max(1, backups // BACKUPS_PER_VOLUME))]
    rows = [
        _backup(project_id, volume["id"], number, now) | _end(number, backups)
        for number, volume in zip(range(backups), itertools.cycle(volumes))
    ]
    with db_session.writer() as session:
        session.execute(insert(Project), [{"project_id": project_id, "synced_at": now}])
        session.execute(insert(Volume), volumes)
        session.execute(insert(Backup), rows)
    return [row["id"] for row in rows]


def _volume(project_id: str, number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": uuidutils.generate_uuid(),
        "project_id": project_id,
        "name": f"volume-{number}",
        "status": "available",
        "size_gb": 1,
        "server_ids": [],
        "labels": {},
        "bootable": False,
        "created_at": now,
        "recorded_at": now,
    }


def _backup(project_id: str, volume_id: str, number: int, now: datetime) -> dict[str, Any]:
    moment = now - timedelta(hours=number)
    return {
        "id": uuidutils.generate_uuid(),
        "project_id": project_id,
        "volume_id": volume_id,
        "name": f"nightly-backup-{volume_id}-{number:06}",
        "description": "Full backup by schedule nightly",
        "type": "full",
        "is_incremental": False,
        "has_dependents": False,
        "size_gb": 1,
        "availability_zone": "nova",
        "created_at": moment,
        "data_timestamp": moment,
        "recorded_at": now,
    }


def _end(number: int, backups: int) -> dict[str, Any]:
    """How a backup ended: those in error are spread over all of them."""
    failed = number % (backups // FAILED) == 0
    return {
        "status": "error" if failed else "available",
        "fail_reason": "No space left on device" if failed else None,
    }
