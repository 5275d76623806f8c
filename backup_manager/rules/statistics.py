"""What the figures about a project mean: what is late, how well tasks go, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from heapq import nsmallest
from itertools import chain

from backup_manager.rules import recurrence
from backup_manager.rules import run as runs

# What counts when it is asked how well tasks go; nobody's fault is what a user cancelled.
_COUNTED = runs.FINAL_TASK - {runs.CANCELLED}


@dataclass(frozen=True)
class Rhythm:
    """The last slots of a schedule, in UTC.

    :param latest: the last one that passed, None when there was none
    :param interval: how long after the one before it came, None when there was none before it
    """

    latest: datetime | None
    interval: timedelta | None


@dataclass(frozen=True)
class Protection:
    """A volume that an enabled schedule protects.

    :param since: when the later one of the two was created
    :param last_backup: when the volume's newest good backup was created, whoever made it
    """

    volume_id: str
    cron: str
    timezone: str
    since: datetime
    last_backup: datetime | None


@dataclass(frozen=True)
class Schedule:
    """An enabled schedule.

    :param next_run_at: the slot that is to fire next
    """

    id: str
    name: str
    cron: str
    timezone: str
    next_run_at: datetime


@dataclass(frozen=True)
class Success:
    """How well the tasks of some time went.

    :param finished: how many ended, but for those that were cancelled
    """

    finished: int
    succeeded: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None when nothing ended."""
        return self.succeeded / self.finished if self.finished else None


def rhythm(cron: str, timezone: str, now: datetime) -> Rhythm:
    """How the slots of a schedule came last.

    :raises RecurrenceError: the expression or the zone is not valid
    """
    latest = recurrence.previous(cron, timezone, now)
    if latest is None:
        return Rhythm(None, None)
    before = recurrence.previous(cron, timezone, latest - timedelta(microseconds=1))
    return Rhythm(latest, latest - before if before else None)


def is_late(rhythm: Rhythm, since: datetime, last_backup: datetime | None, now: datetime) -> bool:
    """Whether a volume has not the backup that a schedule promises.

    - With a good backup: when that is older than twice the time between the schedule's last two
      slots, and a slot has passed since. Without the second half a schedule of working days would
      complain every Sunday.
    - Without any: when a slot has passed since schedule and volume both exist.

    :param since: when the later one of schedule and volume was created
    :param last_backup: when the volume's newest good backup was created, whoever made it
    """
    if rhythm.latest is None:
        return False
    if last_backup is None:
        return rhythm.latest >= since
    if rhythm.interval is None or last_backup >= rhythm.latest:
        return False
    return now - last_backup > 2 * rhythm.interval


def late(protections: Iterable[Protection], now: datetime) -> set[str]:
    """The ids of the volumes that are late for one of the schedules that protect them.

    :raises RecurrenceError: an expression or a zone is not valid
    """
    # Many schedules share a recurrence.
    rhythm_of = cache(lambda cron, timezone: rhythm(cron, timezone, now))
    return {
        each.volume_id
        for each in protections
        if is_late(rhythm_of(each.cron, each.timezone), each.since, each.last_backup, now)
    }


def success(counts: Mapping[str, int]) -> Success:
    """How well tasks went.

    :param counts: number of tasks by status
    """
    finished = sum(number for status, number in counts.items() if status in _COUNTED)
    return Success(finished, counts.get(runs.SUCCEEDED, 0))


def next_runs(schedules: Iterable[Schedule], count: int) -> list[tuple[datetime, Schedule]]:
    """The next runs over several schedules, earliest first.

    :param schedules: at least the ``count`` whose next run comes first
    :raises RecurrenceError: an expression or a zone is not valid
    """
    coming = ((slot, each) for each in schedules for slot in _coming(each, count))
    return nsmallest(count, coming, key=lambda run: (run[0], run[1].name, run[1].id))


def _coming(schedule: Schedule, count: int) -> Iterable[datetime]:
    following = recurrence.upcoming(
        schedule.cron, schedule.timezone, schedule.next_run_at, count - 1
    )
    return chain([schedule.next_run_at], following)
