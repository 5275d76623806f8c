"""Turns schedules that are due into runs, once per slot, over all engines."""

from __future__ import annotations

from datetime import datetime, timedelta

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy.orm import Session

from backup_manager import clock
from backup_manager.db import run as db_run
from backup_manager.db import schedule as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Run, Schedule
from backup_manager.rules import recurrence, spread, window

LOG = logging.getLogger(__name__)

_CLOCK_TOLERANCE_S = 30
_STILL_RUNNING = "The backup of an earlier run of this schedule is not finished."


class Fire:
    """Looks for due schedules; call it every second."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._batch = conf.engine.fire_batch

    def __call__(self) -> int:
        """:returns: how many runs were made"""
        fired = 0
        while True:
            now = clock.now()
            with db_session.reader() as session:
                due = db.due(session, now, self._batch)
                if due and not _clock_is_right(db_session.clock_difference(session)):
                    return fired
            made = sum(self._fire_safely(schedule_id, slot, now) for schedule_id, slot in due)
            fired += made
            # Rows that could not be fired must not keep this going round and round.
            if len(due) < self._batch or not made:
                return fired

    def _fire_safely(self, schedule_id: str, slot: datetime, now: datetime) -> bool:
        """One schedule's trouble must not hold up the others."""
        try:
            return fire(schedule_id, slot, now)
        except Exception:
            LOG.exception("Schedule %s, due at %s, could not be fired", schedule_id, slot)
            return False


def _clock_is_right(ahead: float) -> bool:
    """A clock that is far ahead would move schedules on to days that are not near."""
    if abs(ahead) <= _CLOCK_TOLERANCE_S:
        return True
    LOG.error(
        "Nothing is fired: the clock of this host is %.0f s %s the database's. Set it right.",
        abs(ahead),
        "ahead of" if ahead > 0 else "behind",
    )
    return False


@db_session.retry
def fire(schedule_id: str, slot: datetime, now: datetime) -> bool:
    """Make the run of one due schedule, unless another engine was quicker.

    In one transaction the schedule moves on to its next slot and the run appears with its tasks:
    both or neither. After an outage the latest slot is fired, if its start window is still open;
    the earlier ones, and one that is too late, are recorded as missed.

    :param slot: the ``next_run_at`` that was seen
    :returns: whether this call dealt with the slot
    """
    with db_session.writer() as session:
        schedule = db.get_row(session, schedule_id)
        if schedule is None or not schedule.enabled or schedule.next_run_at != slot:
            return False
        due = recurrence.due(schedule.cron, schedule.timezone, slot, now)
        if not db.advance(session, schedule_id, slot, schedule.generation, due.next):
            return False
        # The slot was fired before when its schedule was set to it a second time.
        if db.was_fired(session, schedule_id, due.slot):
            return False
        if due.missed and due.first_missed is not None:
            error = _missed_error(due.missed, due.first_missed)
            db_run.record_missed(session, schedule, due.missed, error, now)
        allowed = window.lateness(schedule.start_window_s, schedule.completion_limit_s)
        if now > due.slot + allowed:
            error = _late_error(due.slot, now, allowed)
            run = db_run.record_missed(session, schedule, 1, error, now, slot=due.slot)
        else:
            run = _make_run(session, schedule, due.slot, now)
    LOG.info(
        "Fired schedule %s for %s: run %s (%d earlier slots missed)",
        schedule_id,
        clock.iso(due.slot),
        run.id,
        due.missed,
    )
    return True


def _make_run(session: Session, schedule: Schedule, slot: datetime, now: datetime) -> Run:
    targets = db.targets(session, schedule)
    offsets = spread.offsets(
        schedule.id, (target.volume_id for target in targets), timedelta(seconds=schedule.spread_s)
    )
    return db_run.create(
        session,
        now=now,
        project_id=schedule.project_id,
        user_id=schedule.user_id,
        delegation_id=schedule.delegation_id,
        action="backup",
        trigger="schedule",
        targets=targets,
        parameters=db.parameters(schedule),
        schedule_id=schedule.id,
        schedule_name=schedule.name,
        scheduled_for=slot,
        skipped=dict.fromkeys(db.busy_volumes(session, schedule.id), _STILL_RUNNING),
        turns={volume_id: max(now, slot + offset) for volume_id, offset in offsets.items()},
        expires_at=window.expiry(slot, schedule.completion_limit_s),
        error=None if targets else db.NOTHING_SELECTED,
    )


def _missed_error(count: int, first: datetime) -> str:
    if count == 1:
        return f"The slot of {clock.iso(first)} passed while no engine was running."
    at_least = "At least " if count >= recurrence.COUNT_LIMIT else ""
    return (
        f"{at_least}{count} slots, from {clock.iso(first)} on, passed while no engine was running."
    )


def _late_error(slot: datetime, now: datetime, allowed: timedelta) -> str:
    return (
        f"The slot of {clock.iso(slot)} was found {window.in_words(now - slot)} late, because no "
        "engine had been running. Nothing was backed up: the start window of the schedule, or its "
        f"completion limit, lets a slot fire up to {window.in_words(allowed)} late."
    )
