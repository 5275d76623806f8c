"""Queries on what selectors pick: the rule decides, on the recorded volumes of the project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from backup_manager.db.models import Schedule, Volume
from backup_manager.rules import selector as rules

_LOOKED_AT = (Volume.id, Volume.name, Volume.volume_type, Volume.server_ids, Volume.labels)
# A project may have many volumes: they are read in pieces, and only what matches is kept.
_PIECE = 500


def picked(session: Session, project_id: str, selector: rules.Selector) -> Iterator[rules.Volume]:
    """The volumes of a project that a selector picks now, by name.

    Read it to its end before anything else is asked of the session.
    """
    query = (
        select(*_LOOKED_AT)
        .where(Volume.project_id == project_id)
        .order_by(Volume.name, Volume.id)
        .execution_options(yield_per=_PIECE)
    )
    return (
        volume
        for volume in (rules.Volume(*row) for row in session.execute(query))
        if rules.matches(selector, volume)
    )


def picked_ids(session: Session, *bounds: ColumnElement[bool]) -> set[str]:
    """The volumes that the selectors of enabled schedules pick now."""
    return {volume_id for _, picks in picks_of_each(session, *bounds) for volume_id in picks}


def picks_of_each(
    session: Session, *bounds: ColumnElement[bool]
) -> list[tuple[Schedule, set[str]]]:
    """The enabled schedules that have a selector, with the volumes that it picks now.

    :param bounds: only these schedules
    """
    return [
        (schedule, {volume.id for volume in picked(session, schedule.project_id, selector)})
        for schedule, selector in _selecting(session, Schedule.enabled.is_(True), *bounds)
    ]


def picking(session: Session, volume_ids: Collection[str]) -> dict[str, list[Schedule]]:
    """The schedules whose selectors pick some volumes, by the volume's id.

    Only schedules of the project that a volume is in by now.
    """
    projects = select(Volume.project_id).where(Volume.id.in_(volume_ids))
    schedules = _selecting(session, Schedule.project_id.in_(projects))
    if not schedules:
        return {}
    query = select(Volume.project_id, *_LOOKED_AT).where(Volume.id.in_(volume_ids))
    found: defaultdict[str, list[Schedule]] = defaultdict(list)
    for row in session.execute(query):
        volume = rules.Volume(*row[1:])
        for schedule, selector in schedules:
            if schedule.project_id == row[0] and rules.matches(selector, volume):
                found[volume.id].append(schedule)
    return found


def _selecting(
    session: Session, *conditions: ColumnElement[bool]
) -> list[tuple[Schedule, rules.Selector]]:
    """The schedules that have a selector."""
    query = select(Schedule).where(Schedule.selector.is_not(None), *conditions)
    return [(schedule, rules.parse(schedule.selector or {})) for schedule in session.scalars(query)]
