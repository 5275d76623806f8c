"""The recorded backups as the rules of retention want them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from backup_manager.context import Scope
from backup_manager.db import inventory, paging
from backup_manager.db.models import Backup, Schedule, Task, Volume
from backup_manager.rules import chain
from backup_manager.rules import links as rules
from backup_manager.rules import run as run_rules


def knows_volume(session: Session, scope: Scope, volume_id: str) -> str | None:
    """The id of a volume that is there, or of which backups are left; else None."""
    for model, column in ((Volume, Volume.id), (Backup, Backup.volume_id)):
        bounds = paging.within(model.project_id, scope)
        if session.scalar(select(column).where(column == volume_id, *bounds).limit(1)):
            return volume_id
    return None


def backed_up(session: Session, scope: Scope, volume_ids: Collection[str]) -> set[str]:
    """Those of the volumes of which there are backups, whether or not they are there still."""
    query = select(Backup.volume_id).where(
        Backup.volume_id.in_(volume_ids), *paging.within(Backup.project_id, scope)
    )
    return set(session.scalars(query.distinct()))


def volumes_backed_up_by(session: Session, project_id: str, schedule_id: str) -> set[str]:
    """The volumes of which there are backups that a schedule made."""
    query = select(Backup.volume_id).where(
        Backup.project_id == project_id, Backup.schedule_id == schedule_id
    )
    return set(session.scalars(query.distinct()))


def backups(
    session: Session, project_id: str, volume_ids: Collection[str] | None = None
) -> Iterator[tuple[str, list[Backup]]]:
    """All backups of some volumes of a project, of all of them for None, volume by volume."""
    query = select(Backup).where(Backup.project_id == project_id)
    order = (Backup.volume_id, Backup.created_at, Backup.id)
    for part in _parts(volume_ids):
        condition = () if part is None else (Backup.volume_id.in_(part),)
        rows = session.scalars(
            query.where(*condition).order_by(*order).execution_options(yield_per=inventory.CHUNK)
        )
        for volume_id, group in groupby(rows, key=attrgetter("volume_id")):
            yield volume_id, list(group)


def _parts(ids: Collection[str] | None) -> Iterable[Sequence[str] | None]:
    if ids is None:
        return [None]
    known = sorted(ids)
    return [known[n : n + inventory.CHUNK] for n in range(0, len(known), inventory.CHUNK)]


def restoring(session: Session, project_id: str) -> set[str]:
    """The backups that a restore which is not over yet needs."""
    query = select(Task.backup_id).where(
        Task.project_id == project_id,
        Task.action == "restore",
        Task.status.in_(run_rules.ACTIVE_TASK),
        Task.backup_id.is_not(None),
    )
    return {backup_id for backup_id in session.scalars(query) if backup_id}


def items(rows: Sequence[Backup], restoring: Collection[str] = ()) -> list[rules.Item]:
    """All backups of one volume, with what is known about each.

    :param restoring: ids of backups that are on hold as long as a restore needs them
    """
    described = [inventory.described(row) for row in rows]
    verified = chain.verified(
        described,
        derived={row.id for row in rows if row.parent_source != inventory.RECORDED},
        with_dependents={row.id for row in rows if row.has_dependents},
    )
    return [
        rules.Item(
            backup=backup,
            ours=is_ours(row),
            verified=row.id in verified,
            held=row.held or row.id in restoring,
            hold_reason=_hold_reason(row, restoring),
        )
        for row, backup in zip(rows, described, strict=True)
    ]


def _hold_reason(row: Backup, restoring: Collection[str]) -> str | None:
    if not row.held and row.id in restoring:
        return "a restore that is not over needs it"
    return row.hold_reason


def is_ours(row: Backup) -> bool:
    """Whether this service made a backup."""
    return row.run_id is not None or row.schedule_id is not None


def enabled_schedules(session: Session, project_id: str) -> Sequence[Schedule]:
    query = select(Schedule).where(Schedule.project_id == project_id, Schedule.enabled)
    return session.scalars(query).all()


def sizes(session: Session, project_id: str) -> dict[str, int]:
    """The sizes of all volumes of a project in GB, by their ids."""
    query = select(Volume.id, Volume.size_gb).where(Volume.project_id == project_id)
    return {row.id: row.size_gb for row in session.execute(query)}
