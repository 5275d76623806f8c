"""The moments at which a cron expression fires in a time zone.

cronsim finds the matching times of the wall clock; what a change of the clock does to them is
decided here, because schedules promise a little more than cron does:

- A wall-clock time that occurs twice fires once, the first time.
- A wall-clock time that is skipped fires at the moment of the change.
- An expression that fires in every hour of the day ("*/15 * * * *") goes through real time: it
  neither pauses while an hour is repeated nor catches up on an hour that is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

UTC = timezone.utc
FIELDS = 5
# What the database column holds.
MAX_LENGTH = 255

_SECOND = timedelta(seconds=1)
_WEEK = timedelta(weeks=1)
_WEEKS_AHEAD = 53
_HOURS_IN_DAY = 24
# cronsim gives up after 50 years. Counted from 2000 these hold every combination of leap day and
# weekday: an expression without a match in them has none.
_PROBE = datetime(2000, 1, 1)


# Cached because the same few expressions come again and again, and finding the first match of a
# rare one takes milliseconds.
@lru_cache(maxsize=1024)
def check(expression: str) -> str:
    """Make sure that an expression can be read and fires at all.

    :returns: the expression with single spaces between its fields
    :raises ValueError: it can't, or it doesn't; the message says what is wrong
    """
    fields = expression.split()
    if len(fields) != FIELDS:
        raise ValueError(
            "must have five fields: minute, hour, day of month, month, day of week; "
            f"{len(fields)} were given"
        )
    joined = " ".join(fields)
    if len(joined) > MAX_LENGTH:
        raise ValueError(f"must not be longer than {MAX_LENGTH} characters")
    try:
        found = next(CronSim(joined, _PROBE), None)
    except CronSimError as error:
        raise ValueError(f"can't be read as a cron expression: {str(error).lower()}") from error
    if found is None:
        raise ValueError("never fires")
    return joined


def moments(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """All moments at which an expression fires, earliest first.

    :param expression: five fields, as :func:`check` returns them
    :param zone: the zone whose wall clock counts
    :param after: aware; only later moments are given
    :returns: aware datetimes in UTC in whole seconds, strictly increasing
    :raises ValueError: ``after`` has no zone
    """
    if after.tzinfo is None:
        raise ValueError("a time without a zone can't be compared with the moments of a schedule")
    after = after.astimezone(UTC)
    if len(CronSim(expression, _PROBE).hours) == _HOURS_IN_DAY:
        return _real_time(expression, zone, after)
    return _wall_clock(expression, zone, after)


def _wall_clock(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    last = after
    for wall in CronSim(expression, _wall(after, zone)):
        moment = _instant(wall, zone)
        # Inside a repeated hour the first matches lie in the past, and several skipped times
        # fall on one moment.
        if moment > last:
            last = moment
            yield moment


def _real_time(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Go from one change of the clock to the next: in between, wall and UTC run in parallel."""
    start = after.replace(microsecond=0) + _SECOND
    while True:
        offset = _offset(start, zone)
        end = _next_change(start, zone)
        for wall in CronSim(expression, _wall(start, zone) - _SECOND):
            moment = (wall - offset).replace(tzinfo=UTC)
            if moment >= end:
                break
            yield moment
        else:
            return
        start = end


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far the wall clock is ahead of UTC."""
    return _wall(moment, zone) - moment.replace(tzinfo=None)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC at which a wall clock first shows a time, or jumps past it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) == wall:
        return moment
    # For a skipped time the two folds give a moment after the change and one before it (PEP 495).
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(before, moment, zone)


def _next_change(start: datetime, zone: ZoneInfo) -> datetime:
    """When the offset next changes; where it does not within a year, a time to look again.

    No zone has changed its clock and back within one week.
    """
    begin = start
    for _ in range(_WEEKS_AHEAD):
        end = begin + _WEEK
        if _offset(end, zone) != _offset(start, zone):
            return _change(begin, end, zone)
        begin = end
    return begin


def _change(begin: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """The first second with the offset of ``end``, which differs from that of ``begin``."""
    old = _offset(begin, zone)
    seconds = int((end - begin).total_seconds())
    while seconds > 1:
        half = seconds // 2
        middle = begin + timedelta(seconds=half)
        if _offset(middle, zone) == old:
            begin, seconds = middle, seconds - half
        else:
            seconds = half
    return begin + timedelta(seconds=seconds)
