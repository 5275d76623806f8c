"""Queries on what is wrong, in all projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from backup_manager.db import schedule
from backup_manager.db.models import Schedule


@dataclass(frozen=True)
class Affected:
    """Schedules that something is wrong with.

    :param number: how many there are
    :param first: id and name of the first of them
    """

    number: int
    first: list[tuple[str, str]]


def ping(session: Session) -> None:
    """Make sure that the database answers."""
    session.execute(text("SELECT 1"))


def without_delegation(session: Session, limit: int) -> Affected:
    """Enabled schedules whose delegation is broken.

    :param limit: how many to name
    """
    return _affected(session, limit, schedule.cannot_act())


def not_fired(session: Session, before: datetime, limit: int) -> Affected:
    """Enabled schedules whose slot passed before a time, and that were not fired.

    :param limit: how many to name
    """
    return _affected(session, limit, Schedule.next_run_at < before)


def _affected(session: Session, limit: int, condition: ColumnElement[bool]) -> Affected:
    which = (Schedule.enabled, condition)
    number = session.scalar(select(func.count()).select_from(Schedule).where(*which)) or 0
    query = select(Schedule.id, Schedule.name).where(*which)
    first = session.execute(query.order_by(Schedule.next_run_at, Schedule.id).limit(limit))
    return Affected(number, [(schedule_id, name) for schedule_id, name in first])
