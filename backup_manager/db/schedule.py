"""Queries on schedules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import Session, aliased

from backup_manager import exceptions
from backup_manager.context import Scope
from backup_manager.db import delegation as db_delegation
from backup_manager.db import paging
from backup_manager.db import selector as db_selector
from backup_manager.db.models import Delegation, Run, Schedule, ScheduleVolume, Task, Volume
from backup_manager.db.run import Target
from backup_manager.rules import run as run_rules
from backup_manager.rules import selector as selector_rules

# The error of a run that has nothing to do.
NOTHING_SELECTED = (
    "There was nothing to back up: the schedule lists no volumes, and at that time its selector "
    "matched none of the project's."
)

LISTING = paging.Listing(
    Schedule,
    {
        "name": Schedule.name,
        "next_run_at": Schedule.next_run_at,
        "created_at": Schedule.created_at,
    },
    # Who sorts by the next run wants to see what comes next; disabled schedules have none.
    nulls_last=frozenset({"next_run_at"}),
)


def get(session: Session, scope: Scope, schedule_id: str) -> Schedule | None:
    """The schedule, None when the scope has no such one."""
    bounds = paging.within(Schedule.project_id, scope)
    return session.scalar(select(Schedule).where(Schedule.id == schedule_id, *bounds))


def list_page(
    session: Session,
    scope: Scope,
    page: paging.Paging,
    *,
    name: str | None = None,
    search: str | None = None,
    enabled: bool | None = None,
    failing: bool | None = None,
    volume_id: str | None = None,
) -> paging.Page[Schedule]:
    """A page of schedules.

    :param search: in the name, or the whole id
    :param failing: only those of which ``is_failing`` is, or isn't, true
    :param volume_id: only schedules that back this volume up
    """
    filters = paging.equal(Schedule.name, name) + paging.equal(Schedule.enabled, enabled)
    if search is not None:
        filters += (or_(paging.contains(Schedule.name, search), Schedule.id == search),)
    if failing is not None:
        filters += (is_failing() if failing else ~is_failing(),)
    if volume_id is not None:
        lists = exists().where(
            ScheduleVolume.schedule_id == Schedule.id, ScheduleVolume.volume_id == volume_id
        )
        picking = db_selector.picking(session, [volume_id]).get(volume_id, [])
        filters += (or_(lists, Schedule.id.in_([schedule.id for schedule in picking])),)
    bounds = paging.within(Schedule.project_id, scope)
    return paging.fetch(session, LISTING, page, bounds, filters)


def is_failing() -> ColumnElement[bool]:
    """Whether a schedule is enabled and can't act, or the last of its runs that ended was bad."""
    last_end = (
        select(Run.status)
        .where(Run.schedule_id == Schedule.id, Run.status.in_(run_rules.FINAL_RUN))
        .order_by(Run.created_at.desc(), Run.id.desc())
        .limit(1)
        .correlate(Schedule)
        .scalar_subquery()
    )
    # Without an end there is no status, and NULL would be neither true nor false.
    is_bad = func.coalesce(last_end, "").in_(run_rules.BAD_RUN)
    return and_(Schedule.enabled, or_(cannot_act(), is_bad))


def cannot_act() -> ColumnElement[bool]:
    """Whether the delegation of a schedule is broken."""
    state = (
        select(Delegation.state)
        .where(Delegation.id == Schedule.delegation_id)
        .correlate(Schedule)
        .scalar_subquery()
    )
    return state == db_delegation.BROKEN


def create(session: Session, now: datetime, volume_ids: Iterable[str], **values: Any) -> Schedule:
    """Insert a schedule.

    :param values: the other columns
    """
    schedule = Schedule(generation=1, created_at=now, updated_at=None, **values)
    session.add(schedule)
    session.flush()
    _add_volumes(session, schedule.id, volume_ids)
    return schedule


def _add_volumes(session: Session, schedule_id: str, volume_ids: Iterable[str]) -> None:
    session.add_all(
        ScheduleVolume(schedule_id=schedule_id, volume_id=volume_id) for volume_id in volume_ids
    )
    session.flush()


def change(
    session: Session,
    schedule_id: str,
    generation: int,
    now: datetime,
    values: Mapping[str, Any],
    volume_ids: Sequence[str] | None = None,
) -> None:
    """Change a schedule, if nobody else did since ``generation`` was read.

    :param values: columns with their new values
    :param volume_ids: the new volumes, None to leave them
    :raises StaleGeneration: somebody did, or deleted it
    """
    result = session.execute(
        update(Schedule)
        .where(Schedule.id == schedule_id, Schedule.generation == generation)
        .values(**values, generation=generation + 1, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    if result.rowcount != 1:  # type: ignore[attr-defined]
        raise exceptions.StaleGeneration(id=schedule_id, sent=generation)
    if volume_ids is not None:
        session.execute(sql_delete(ScheduleVolume).where(ScheduleVolume.schedule_id == schedule_id))
        _add_volumes(session, schedule_id, volume_ids)


def add_volumes(
    session: Session, schedule: Schedule, volume_ids: Iterable[str], now: datetime
) -> set[str]:
    """Have a schedule list more volumes. One that its selector excluded no longer is.

    :param schedule: as it was read in this transaction
    :returns: those that it did not list before
    :raises StaleGeneration: somebody changed it since
    """
    added = set(volume_ids) - _listed(session, schedule.id)
    if added:
        change(session, schedule.id, schedule.generation, now, _including(schedule, added))
        _add_volumes(session, schedule.id, added)
    return added


def _including(schedule: Schedule, volume_ids: set[str]) -> dict[str, Any]:
    """The change that makes the selector of a schedule not exclude volumes."""
    selector = schedule.selector or {}
    excluded = selector.get("exclude", [])
    if volume_ids.isdisjoint(excluded):
        return {}
    kept = [volume_id for volume_id in excluded if volume_id not in volume_ids]
    return {"selector": {**selector, "exclude": kept}}


def remove_volumes(
    session: Session, schedule: Schedule, volume_ids: Iterable[str], now: datetime
) -> set[str]:
    """Have a schedule list fewer volumes; parameters and errors as ``add_volumes``.

    :returns: those that it listed before
    :raises Conflict: nothing would be left for it to back up
    """
    listed = _listed(session, schedule.id)
    removed = listed.intersection(volume_ids)
    if removed and removed == listed and schedule.selector is None:
        raise exceptions.Conflict(
            f"Schedule {schedule.id} would be left without volumes. Disable or delete it, or give "
            "it a selector first."
        )
    if removed:
        change(session, schedule.id, schedule.generation, now, {})
        session.execute(
            sql_delete(ScheduleVolume).where(
                ScheduleVolume.schedule_id == schedule.id, ScheduleVolume.volume_id.in_(removed)
            )
        )
    return removed


def _listed(session: Session, schedule_id: str) -> set[str]:
    return set(volumes(session, [schedule_id]).get(schedule_id, []))


def delete(session: Session, scope: Scope, schedule_id: str) -> bool:
    """Delete a schedule; its runs stay.

    :returns: whether the scope had it
    """
    bounds = paging.within(Schedule.project_id, scope)
    result = session.execute(sql_delete(Schedule).where(Schedule.id == schedule_id, *bounds))
    return bool(result.rowcount)  # type: ignore[attr-defined]


def volumes(session: Session, schedule_ids: Iterable[str]) -> dict[str, list[str]]:
    """The ids of the volumes of several schedules, by the schedule's id, in a fixed order."""
    query = (
        select(ScheduleVolume.schedule_id, ScheduleVolume.volume_id)
        .where(ScheduleVolume.schedule_id.in_(set(schedule_ids)))
        .order_by(ScheduleVolume.schedule_id, ScheduleVolume.volume_id)
    )
    found: defaultdict[str, list[str]] = defaultdict(list)
    for schedule_id, volume_id in session.execute(query):
        found[schedule_id].append(volume_id)
    return found


def of_volumes(session: Session, volume_ids: Iterable[str]) -> dict[str, list[Schedule]]:
    """The schedules that list or select several volumes, by the volume's id, ordered by name."""
    wanted = set(volume_ids)
    query = (
        select(ScheduleVolume.volume_id, Schedule)
        .join(Schedule, Schedule.id == ScheduleVolume.schedule_id)
        .join(Volume, Volume.id == ScheduleVolume.volume_id)
        # A transferred volume must not show its new owner the schedules of the old one.
        .where(Volume.id.in_(wanted), Volume.project_id == Schedule.project_id)
    )
    # The schedules by their ids: one that lists a volume may select it too.
    found: defaultdict[str, dict[str, Schedule]] = defaultdict(dict)
    for volume_id, schedule in session.execute(query):
        found[volume_id][schedule.id] = schedule
    for volume_id, picking in db_selector.picking(session, wanted).items():
        found[volume_id].update((schedule.id, schedule) for schedule in picking)
    return {
        volume_id: sorted(schedules.values(), key=lambda schedule: (schedule.name, schedule.id))
        for volume_id, schedules in found.items()
    }


def last_runs(session: Session, schedule_ids: Iterable[str]) -> dict[str, Run]:
    """The newest run of each schedule that has one, by the schedule's id.

    The records of missed slots don't count: nothing ran.
    """
    candidate = aliased(Run)
    newest = (
        select(candidate.id)
        .where(candidate.schedule_id == Schedule.id, candidate.status != run_rules.MISSED)
        .order_by(candidate.created_at.desc(), candidate.id.desc())
        .limit(1)
        .correlate(Schedule)
        .scalar_subquery()
    )
    query = (
        select(Run)
        .select_from(Schedule)
        .join(Run, Run.id == newest)
        .where(Schedule.id.in_(set(schedule_ids)))
    )
    return {str(run.schedule_id): run for run in session.scalars(query)}


def delegations(session: Session, schedules: Iterable[Schedule]) -> dict[str, Delegation]:
    """The delegations that several schedules rely on, by their own id."""
    ids = {schedule.delegation_id for schedule in schedules}
    found = session.scalars(select(Delegation).where(Delegation.id.in_(ids)))
    return {delegation.id: delegation for delegation in found}


# ---------------------------------------------------------------- used to fire


def due(session: Session, now: datetime, limit: int) -> list[tuple[str, datetime]]:
    """The schedules whose time has come, longest due first, with the slot that is due."""
    query = (
        select(Schedule.id, Schedule.next_run_at)
        .where(Schedule.enabled, Schedule.next_run_at <= now)
        .order_by(Schedule.next_run_at)
        .limit(limit)
    )
    return [(schedule_id, slot) for schedule_id, slot in session.execute(query) if slot]


def get_row(session: Session, schedule_id: str) -> Schedule | None:
    """The schedule, of whatever project."""
    return get(session, paging.EVERYWHERE, schedule_id)


def advance(
    session: Session, schedule_id: str, slot: datetime, generation: int, following: datetime
) -> bool:
    """Move a schedule on to its next slot.

    :param slot: the slot that it was seen to stand at
    :returns: False when somebody else moved, changed or disabled it in the meantime
    """
    result = session.execute(
        update(Schedule)
        .where(
            Schedule.id == schedule_id,
            Schedule.enabled,
            Schedule.next_run_at == slot,
            Schedule.generation == generation,
        )
        .values(next_run_at=following)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def was_fired(session: Session, schedule_id: str, slot: datetime) -> bool:
    """Whether a run of the slot exists."""
    query = select(Run.id).where(Run.schedule_id == schedule_id, Run.scheduled_for == slot)
    return session.scalar(query) is not None


def targets(session: Session, schedule: Schedule) -> list[Target]:
    """The volumes that a schedule backs up as of now, with the names they have now.

    First those that it lists, then those that its selector picks, each once; none that the
    selector excludes.
    """
    found = dict(_listed_names(session, schedule.id))
    if schedule.selector is not None:
        selector = selector_rules.parse(schedule.selector)
        for volume in db_selector.picked(session, schedule.project_id, selector):
            found.setdefault(volume.id, volume.name)
        for volume_id in selector.exclude:
            found.pop(volume_id, None)
    return [Target.locked(volume_id, name) for volume_id, name in found.items()]


def _listed_names(session: Session, schedule_id: str) -> Iterable[tuple[str, str | None]]:
    query = (
        select(ScheduleVolume.volume_id, Volume.name)
        .join(Schedule, Schedule.id == ScheduleVolume.schedule_id)
        .join(
            Volume,
            and_(Volume.id == ScheduleVolume.volume_id, Volume.project_id == Schedule.project_id),
            isouter=True,
        )
        .where(ScheduleVolume.schedule_id == schedule_id)
        .order_by(Volume.name, ScheduleVolume.volume_id)
    )
    return [(volume_id, name) for volume_id, name in session.execute(query)]


def busy_volumes(session: Session, schedule_id: str) -> Sequence[str]:
    """Volumes that unfinished runs of the schedule are still about."""
    return session.scalars(
        select(Task.volume_id)
        .join(Run, Run.id == Task.run_id)
        .where(
            Run.schedule_id == schedule_id,
            Run.status.in_(run_rules.ACTIVE_RUN),
            Task.status.in_(run_rules.ACTIVE_TASK),
        )
        .distinct()
    ).all()


def parameters(schedule: Schedule) -> dict[str, Any]:
    """What the tasks of a run of this schedule need to know."""
    return {
        "type": schedule.backup_type,
        "max_incrementals": schedule.max_incrementals,
        "name": None,
        "description": None,
        "timezone": schedule.timezone,
    }
