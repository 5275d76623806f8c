"""Queries on the recorded volumes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from backup_manager.context import Scope
from backup_manager.db import paging
from backup_manager.db import selector as db_selector
from backup_manager.db.models import Backup, Schedule, ScheduleVolume, Volume
from backup_manager.rules import chain
from backup_manager.rules import volume as rules

LISTING = paging.Listing(
    Volume,
    {
        "name": Volume.name,
        "created_at": Volume.created_at,
        "size_gb": Volume.size_gb,
        "status": Volume.status,
    },
)


def get(session: Session, scope: Scope, volume_id: str) -> Volume | None:
    """The volume, None when the scope has no such one."""
    bounds = paging.within(Volume.project_id, scope)
    return session.scalar(select(Volume).where(Volume.id == volume_id, *bounds))


def list_page(
    session: Session,
    scope: Scope,
    page: paging.Paging,
    *,
    name: str | None = None,
    status: str | None = None,
    can_back_up: bool | None = None,
    protected: bool | None = None,
) -> paging.Page[Volume]:
    """A page of volumes.

    :param protected: only volumes that an enabled schedule lists or selects, or that none does
    """
    filters = paging.equal(Volume.name, name) + paging.equal(Volume.status, status)
    if can_back_up is not None:
        usable = Volume.status.in_((rules.AVAILABLE, rules.IN_USE))
        filters += (usable if can_back_up else ~usable,)
    if protected is not None:
        condition = is_protected(session, scope)
        filters += (condition if protected else ~condition,)
    bounds = paging.within(Volume.project_id, scope)
    return paging.fetch(session, LISTING, page, bounds, filters)


def is_protected(session: Session, scope: Scope) -> ColumnElement[bool]:
    """Whether an enabled schedule lists or selects a volume."""
    return or_(_is_listed(), _is_picked(session, scope))


def _is_listed() -> ColumnElement[bool]:
    return exists().where(
        ScheduleVolume.volume_id == Volume.id,
        Schedule.id == ScheduleVolume.schedule_id,
        # A volume may have been transferred away from the project that scheduled it.
        Schedule.project_id == Volume.project_id,
        Schedule.enabled,
    )


def _is_picked(session: Session, scope: Scope) -> ColumnElement[bool]:
    # Written into the statement: databases limit the number of parameters.
    ids = sorted(db_selector.picked_ids(session, scope))
    return Volume.id.in_(bindparam("picked", ids, expanding=True, literal_execute=True))


def size_of(session: Session, scope: Scope, volume_ids: Iterable[str]) -> int:
    """The sizes of those of the volumes that are known in the scope, added up."""
    query = select(func.coalesce(func.sum(Volume.size_gb), 0)).where(
        Volume.id.in_(set(volume_ids)), *paging.within(Volume.project_id, scope)
    )
    return int(session.execute(query).scalar_one())


def names(session: Session, scope: Scope, volume_ids: Iterable[str]) -> dict[str, str | None]:
    """The names of those of the volumes that are known in the scope, by id."""
    query = select(Volume.id, Volume.name).where(
        Volume.id.in_(set(volume_ids)), *paging.within(Volume.project_id, scope)
    )
    return {row.id: row.name for row in session.execute(query)}


def last_backups(session: Session, volume_ids: Iterable[str]) -> dict[str, Backup]:
    """The newest good backup of each volume that has one, by the volume's id.

    One query: per volume the newest entries of an index are looked at, not all its backups.
    """
    candidate = aliased(Backup)
    newest = (
        select(candidate.id)
        .where(
            candidate.volume_id == Volume.id,
            candidate.project_id == Volume.project_id,
            candidate.status == chain.AVAILABLE,
        )
        .order_by(candidate.created_at.desc(), candidate.id.desc())
        .limit(1)
        .correlate(Volume)
        .scalar_subquery()
    )
    query = select(Backup).select_from(Volume).join(Backup, Backup.id == newest)
    found = session.scalars(query.where(Volume.id.in_(set(volume_ids))))
    return {backup.volume_id: backup for backup in found}
