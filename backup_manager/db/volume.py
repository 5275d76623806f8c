"""Queries on the recorded volumes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from backup_manager.context import Scope
from backup_manager.db import paging
from backup_manager.db import selector as db_selector
from backup_manager.db.models import Backup, Schedule, ScheduleVolume, Volume
from backup_manager.rules import chain, statistics
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
    now: datetime,
    *,
    name: str | None = None,
    search: str | None = None,
    status: str | None = None,
    can_back_up: bool | None = None,
    protected: bool | None = None,
    late: bool | None = None,
) -> paging.Page[Volume]:
    """A page of volumes.

    :param search: in the name, or the whole id
    :param protected: only volumes that an enabled schedule lists or selects, or that none does
    :param late: only volumes that are late as of ``now``, or that aren't
    """
    filters = paging.equal(Volume.name, name) + paging.equal(Volume.status, status)
    if search is not None:
        filters += (or_(paging.contains(Volume.name, search), Volume.id == search),)
    if can_back_up is not None:
        usable = Volume.status.in_((rules.AVAILABLE, rules.IN_USE))
        filters += (usable if can_back_up else ~usable,)
    if protected is not None:
        condition = is_protected(session, *paging.within(Schedule.project_id, scope))
        filters += (condition if protected else ~condition,)
    if late is not None:
        condition = _is_one_of("late", late_ids(session, scope, now))
        filters += (condition if late else ~condition,)
    bounds = paging.within(Volume.project_id, scope)
    return paging.fetch(session, LISTING, page, bounds, filters)


def is_protected(session: Session, *bounds: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an enabled schedule lists or selects a volume.

    :param bounds: keep the schedules to those of the volumes' projects
    """
    return or_(_is_listed(), _is_one_of("picked", db_selector.picked_ids(session, *bounds)))


def _is_listed() -> ColumnElement[bool]:
    return exists().where(
        ScheduleVolume.volume_id == Volume.id,
        Schedule.id == ScheduleVolume.schedule_id,
        # A volume may have been transferred away from the project that scheduled it.
        Schedule.project_id == Volume.project_id,
        Schedule.enabled,
    )


def _is_one_of(name: str, ids: Iterable[str]) -> ColumnElement[bool]:
    # Written into the statement: databases limit the number of parameters.
    return Volume.id.in_(bindparam(name, sorted(ids), expanding=True, literal_execute=True))


def late_ids(session: Session, scope: Scope, now: datetime) -> set[str]:
    """The volumes that have not the backup that an enabled schedule promises."""
    return statistics.late(_protections(session, scope), now)


def _protections(session: Session, scope: Scope) -> list[statistics.Protection]:
    """Each volume with each enabled schedule that lists or selects it."""
    bounds = paging.within(Schedule.project_id, scope)
    columns = (Volume.id, Volume.created_at, _newest_good(Backup.created_at))
    listed = session.execute(
        select(Schedule.created_at, Schedule.cron, Schedule.timezone, *columns)
        .join(ScheduleVolume, ScheduleVolume.schedule_id == Schedule.id)
        .join(Volume, Volume.id == ScheduleVolume.volume_id)
        .where(
            Schedule.enabled,
            # A volume may have been transferred away from the project that scheduled it.
            Volume.project_id == Schedule.project_id,
            *bounds,
        )
    ).all()
    found = [_protection(*row) for row in listed]
    for schedule, volume_ids in db_selector.picks_of_each(session, *bounds):
        timing = (schedule.created_at, schedule.cron, schedule.timezone)
        rows = session.execute(select(*columns).where(_is_one_of("picked", volume_ids))).all()
        found += [_protection(*timing, *row) for row in rows]
    return found


def _protection(
    schedule_made: datetime,
    cron: str,
    timezone: str,
    volume_id: str,
    volume_made: datetime,
    last_backup: datetime | None,
) -> statistics.Protection:
    since = max(volume_made, schedule_made)
    return statistics.Protection(volume_id, cron, timezone, since, last_backup)


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
    newest = _newest_good(Backup.id)
    query = select(Backup).select_from(Volume).join(Backup, Backup.id == newest)
    found = session.scalars(query.where(Volume.id.in_(set(volume_ids))))
    return {backup.volume_id: backup for backup in found}


def _newest_good(column: InstrumentedAttribute[Any]) -> ScalarSelect[Any]:
    """A column of the newest good backup of a volume: a look at the end of an index."""
    candidate = aliased(Backup)
    return (
        select(getattr(candidate, column.key))
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
