"""The mirror of Cinder's volumes and backups: what Cinder says is written over what we had.

Only rows that changed are written. Cinder's ``updated_at`` decides between two descriptions, so
that an answer that was long under way does not undo a newer one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from backup_manager import cinder
from backup_manager.db.models import Backup, Project, Run, Task, Volume
from backup_manager.rules import backup_type, chain

# How many ids one statement may name.
CHUNK = 500

RECORDED = "recorded"
DERIVED = "derived"

_VOLUME_FIELDS = tuple(
    field.name for field in dataclasses.fields(cinder.Volume) if field.name != "id"
)
# The metadata is read, but not kept.
_BACKUP_FIELDS = tuple(
    field.name
    for field in dataclasses.fields(cinder.Backup)
    if field.name not in ("id", "metadata", "project_id")
)


def store_volumes(
    session: Session, project_id: str, volumes: Sequence[cinder.Volume], now: datetime
) -> None:
    """Write a page of volumes as Cinder just listed them."""
    known = _by_id(session, Volume, [volume.id for volume in volumes])
    for volume in volumes:
        values = {name: getattr(volume, name) for name in _VOLUME_FIELDS}
        values["project_id"] = project_id
        row = known.get(volume.id)
        if row is None:
            session.add(Volume(id=volume.id, recorded_at=now, **values))
        elif not _is_older(volume.updated_at, row.updated_at):
            _assign(row, values)
    session.flush()


def store_backups(
    session: Session, project_id: str, backups: Sequence[cinder.Backup], now: datetime
) -> None:
    """Write a page of backups as Cinder just listed them."""
    known = _by_id(session, Backup, [backup.id for backup in backups])
    made_by = _tasks(session, project_id, [b for b in backups if b.id not in known])
    for backup in backups:
        values = {name: getattr(backup, name) for name in _BACKUP_FIELDS}
        values["project_id"] = project_id
        values["type"] = backup_type.shown(backup.description, backup.is_incremental)
        row = known.get(backup.id)
        if row is None:
            ours = made_by.get(backup.metadata.get(cinder.TASK_KEY, ""), {})
            parent = _parent(backup) if ours else {}
            session.add(Backup(id=backup.id, recorded_at=now, **values, **ours, **parent))
        elif not _is_older(backup.updated_at, row.updated_at):
            _assign(row, values)
    session.flush()


def _by_id(session: Session, model: Any, ids: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for start in range(0, len(ids), CHUNK):
        rows = session.scalars(select(model).where(model.id.in_(ids[start : start + CHUNK])))
        found.update((row.id, row) for row in rows)
    return found


def _is_older(theirs: datetime | None, ours: datetime | None) -> bool:
    return ours is not None and (theirs is None or theirs < ours)


def _assign(row: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _parent(backup: cinder.Backup) -> dict[str, str]:
    """Cinder does not tell the parent, but our metadata on the backup does.

    Users can write metadata too, so it counts only beside the id of a task of ours.
    """
    parent = backup.metadata.get(cinder.PARENT_KEY) if backup.is_incremental else None
    return {"parent_id": parent, "parent_source": RECORDED} if parent else {}


def _tasks(
    session: Session, project_id: str, backups: Iterable[cinder.Backup]
) -> dict[str, dict[str, Any]]:
    """Run and schedule of backups that carry the id of a task of ours, in the same project."""
    ids = [b.metadata[cinder.TASK_KEY] for b in backups if cinder.TASK_KEY in b.metadata]
    found = {}
    for start in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(Task.id, Run.id, Run.schedule_id)
            .join(Run, Run.id == Task.run_id)
            .where(Task.id.in_(ids[start : start + CHUNK]), Task.project_id == project_id)
        )
        for task_id, run_id, schedule_id in rows:
            found[task_id] = {"run_id": run_id, "schedule_id": schedule_id}
    return found


def remove_unseen(
    session: Session,
    model: type[Volume | Backup],
    project_id: str,
    seen: set[str],
    since: datetime,
    *conditions: ColumnElement[bool],
) -> int:
    """Remove what Cinder no longer lists.

    :param conditions: what was asked for, if it was not all of the project
    :param seen: every id that the listing showed
    :param since: when the listing began: rows recorded later may be missing from it rightly
    :returns: number of rows removed
    """
    ids = session.scalars(
        select(model.id).where(
            model.project_id == project_id, model.recorded_at < since, *conditions
        )
    )
    gone = [row_id for row_id in ids if row_id not in seen]
    for start in range(0, len(gone), CHUNK):
        session.execute(
            delete(model).where(
                model.id.in_(gone[start : start + CHUNK]), model.project_id == project_id
            )
        )
    return len(gone)


def forget_backup(session: Session, project_id: str, backup_id: str) -> None:
    session.execute(delete(Backup).where(Backup.id == backup_id, Backup.project_id == project_id))


def derive_parents(session: Session, project_id: str) -> None:
    """Work out the parents that nobody recorded, volume by volume."""
    volume_ids = session.scalars(
        select(Backup.volume_id)
        .where(Backup.project_id == project_id, Backup.is_incremental, Backup.parent_id.is_(None))
        .distinct()
    ).all()
    for volume_id in volume_ids:
        parents = chain.derive_parents(chain_of(session, project_id, volume_id))
        for backup_id, parent_id in parents.items():
            session.execute(
                update(Backup)
                .where(Backup.id == backup_id, Backup.parent_id.is_(None))
                .values(parent_id=parent_id, parent_source=DERIVED)
            )


def record_parent(session: Session, project_id: str, backup_id: str, parent_id: str) -> None:
    """Note what a backup builds on that did not tell it in its metadata."""
    session.execute(
        update(Backup)
        .where(Backup.id == backup_id, Backup.project_id == project_id)
        .values(parent_id=parent_id, parent_source=RECORDED)
    )


def chain_of(session: Session, project_id: str, volume_id: str) -> list[chain.Backup]:
    """The backups of one volume as the rules of chains want them."""
    rows = session.scalars(
        select(Backup).where(Backup.volume_id == volume_id, Backup.project_id == project_id)
    )
    return [described(row) for row in rows]


def described(row: Backup) -> chain.Backup:
    """A backup as the rules of chains want it."""
    return chain.Backup(
        id=row.id,
        volume_id=row.volume_id,
        status=row.status,
        is_incremental=row.is_incremental,
        created_at=row.created_at,
        data_timestamp=row.data_timestamp,
        size_gb=row.size_gb,
        snapshot_id=row.snapshot_id,
        parent_id=row.parent_id,
    )


def synced(session: Session, project_id: str, now: datetime) -> None:
    session.execute(update(Project).where(Project.project_id == project_id).values(synced_at=now))
