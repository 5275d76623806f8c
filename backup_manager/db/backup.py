"""Queries on the recorded backups."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backup_manager.context import Scope
from backup_manager.db import paging
from backup_manager.db.models import Backup

LISTING = paging.Listing(
    Backup,
    {
        "created_at": Backup.created_at,
        "name": Backup.name,
        "size_gb": Backup.size_gb,
        "status": Backup.status,
    },
)


def get(session: Session, scope: Scope, backup_id: str) -> Backup | None:
    """The backup, None when the scope has no such one."""
    bounds = paging.within(Backup.project_id, scope)
    return session.scalar(select(Backup).where(Backup.id == backup_id, *bounds))


def volume_ids(session: Session, scope: Scope, backup_ids: Collection[str]) -> dict[str, str]:
    """The volumes of those of the backups that the scope has, by the backups' ids."""
    query = select(Backup.id, Backup.volume_id).where(
        Backup.id.in_(backup_ids), *paging.within(Backup.project_id, scope)
    )
    return {row.id: row.volume_id for row in session.execute(query)}


def list_page(
    session: Session,
    scope: Scope,
    page: paging.Paging,
    *,
    type: str | None = None,
    volume_id: str | None = None,
    status: str | None = None,
    name: str | None = None,
    search: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> paging.Page[Backup]:
    """A page of backups.

    :param type: as shown: ``full`` or ``incremental``
    :param search: in the name, or the whole id of the backup or of its volume
    :param since: created at that time or later
    :param until: created before that time
    """
    filters = (
        *paging.equal(Backup.type, type),
        *paging.equal(Backup.volume_id, volume_id),
        *paging.equal(Backup.status, status),
        *paging.equal(Backup.name, name),
        *paging.between(Backup.created_at, since, until),
    )
    if search is not None:
        by_id = (Backup.id == search, Backup.volume_id == search)
        filters += (or_(paging.contains(Backup.name, search), *by_id),)
    bounds = paging.within(Backup.project_id, scope)
    return paging.fetch(session, LISTING, page, bounds, filters)
