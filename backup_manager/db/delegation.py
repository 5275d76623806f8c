"""Queries on delegations: who lets the engine act in which project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from backup_manager.db.models import Delegation, Run, Schedule
from backup_manager.rules import run as run_rules

ACTIVE = "active"
BROKEN = "broken"
RELEASING = "releasing"


def find(session: Session, project_id: str, user_id: str) -> Delegation | None:
    return session.scalar(
        select(Delegation).where(Delegation.project_id == project_id, Delegation.user_id == user_id)
    )


def get(session: Session, delegation_id: str) -> Delegation | None:
    return session.get(Delegation, delegation_id)


def in_use(session: Session, project_id: str) -> Sequence[Delegation]:
    """The delegations that enabled schedules of a project rely on, longest unchecked first."""
    return session.scalars(
        select(Delegation)
        .where(
            Delegation.project_id == project_id,
            exists().where(
                Schedule.delegation_id == Delegation.id,
                Schedule.project_id == project_id,
                Schedule.enabled,
            ),
        )
        # MariaDB and SQLite both sort NULL first.
        .order_by(Delegation.checked_at)
    ).all()


def is_scheduled(session: Session, delegation_id: str) -> bool:
    """Whether a schedule relies on it."""
    query = select(Schedule.id).where(Schedule.delegation_id == delegation_id).limit(1)
    return session.scalar(query) is not None


def _unneeded() -> ColumnElement[bool]:
    return ~(
        exists().where(Schedule.delegation_id == Delegation.id)
        | exists().where(Run.delegation_id == Delegation.id, Run.status.in_(run_rules.ACTIVE_RUN))
    )


def claim_unneeded(
    session: Session, now: datetime, project_id: str | None = None
) -> Sequence[Delegation]:
    """Mark delegations that no schedule and no unfinished run needs, so that none reuses them.

    :param project_id: only of this project; None for all
    :returns: the marked ones, those of an earlier, unsuccessful try among them
    """
    query = select(Delegation).where(_unneeded())
    if project_id is not None:
        query = query.where(Delegation.project_id == project_id)
    claimed = []
    # Those that could not be removed go to the end of the line.
    for row in session.scalars(query.order_by(Delegation.checked_at).limit(100)).all():
        result = session.execute(
            update(Delegation)
            .where(Delegation.id == row.id, _unneeded())
            .values(state=RELEASING, checked_at=now)
            .execution_options(synchronize_session=False)
        )
        if result.rowcount:  # type: ignore[attr-defined]
            claimed.append(row)
    return claimed


def mark(session: Session, row: Delegation, state: str, error: str | None, now: datetime) -> bool:
    """Note what a use of the delegation showed. One being released stays so.

    :param row: as it was used; what was put in its place since is not to blame
    :returns: False when the delegation is another one by now
    """
    result = session.execute(
        update(Delegation)
        .where(
            Delegation.id == row.id,
            Delegation.mode == row.mode,
            Delegation.trust_id.is_not_distinct_from(row.trust_id),
            Delegation.state != RELEASING,
        )
        .values(state=state, error=error, checked_at=now)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]
