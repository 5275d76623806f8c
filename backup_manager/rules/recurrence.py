"""When a schedule fires: from what a user writes, over one cron expression, to moments in UTC.

The recurrence a user writes is kept as it is; what counts is the cron expression made of it and
the zone of the schedule. What changes of the clock do is described in :mod:`.cron`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from backup_manager.rules import cron as crons

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Only divisors, so that the distance between two backups is always the same.
MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
HOURS = (1, 2, 3, 4, 6, 8, 12)

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
# Of a property's name that we do not know.
_SHOWN = 64
# What the database column holds.
_ZONE_MAX_LENGTH = 64
# Not IANA names, though files of a system's zone database are called so: they follow the setting
# of the host or count leap seconds.
_NOT_ZONES = ("localtime", "posixrules", "posix/", "right/")

# Missed slots are counted up to here; more of them tell nobody more.
COUNT_LIMIT = 10_000

# How far back the last slot is looked for, step by step: 29 February on a given weekday comes
# every 28 years, or every 40 around a year like 2100.
_LOOK_BACK = tuple(timedelta(days=days) for days in (1 / 24, 1, 7, 35, 400, 41 * 366))
# Slots that are walked through one by one before halving the time in question is quicker.
_WALK = 16


class RecurrenceError(ValueError):
    """A recurrence or a zone that can't be used.

    :param field: the property that is wrong, such as ``recurrence.time`` or ``timezone``
    :param message: what is wrong with it and what is allowed
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Due:
    """What a schedule does whose time has come. All times are in UTC.

    :param slot: the slot that fires: the latest one that has passed
    :param missed: how many slots before it passed without a backup
    :param first_missed: the earliest of them, None when there are none
    :param next: the first slot in the future
    """

    slot: datetime
    missed: int
    first_missed: datetime | None
    next: datetime


def to_cron(recurrence: Mapping[str, Any]) -> str:
    """Turn a recurrence of the API into a cron expression of five fields.

    :param recurrence: anything; all of it is checked
    :raises RecurrenceError: with the property that is wrong
    """
    return _shape(recurrence).to_cron(recurrence)


def describe(recurrence: Mapping[str, Any]) -> str:
    """A recurrence in English, such as "every Monday and Friday at 02:00".

    :raises RecurrenceError: it is not a valid one
    """
    shape = _shape(recurrence)
    shape.to_cron(recurrence)
    return shape.describe(recurrence)


def zone(name: str) -> ZoneInfo:
    """Find a time zone.

    :param name: IANA name, such as ``Asia/Shanghai``
    :raises RecurrenceError: there is none of that name
    """
    if (
        isinstance(name, str)
        and len(name) <= _ZONE_MAX_LENGTH
        and _ZONE.fullmatch(name) is not None
        and not name.startswith(_NOT_ZONES)
    ):
        # Otherwise it is unknown, a file of the database that is no zone, or a folder ("Europe").
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name)
    raise RecurrenceError("timezone", "must be an IANA name such as UTC or Asia/Shanghai")


def upcoming(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """The next slots of a schedule.

    :param after: aware; the slots are strictly later
    :param count: how many
    :returns: in UTC, strictly increasing
    :raises RecurrenceError: the expression or the zone is not valid
    """
    return list(islice(_slots(cron, timezone, after), count))


def next_after(cron: str, timezone: str, after: datetime) -> datetime:
    """The first slot later than ``after`` (aware), in UTC.

    :raises RecurrenceError: the expression or the zone is not valid
    """
    return next(_slots(cron, timezone, after))


def previous(cron: str, timezone: str, until: datetime) -> datetime | None:
    """The last slot not later than ``until`` (aware), in UTC.

    :returns: None when there was none for decades
    :raises RecurrenceError: the expression or the zone is not valid
    """
    for back in _LOOK_BACK:
        ahead = islice(_slots(cron, timezone, until - back), _WALK)
        passed = list(takewhile(lambda slot: slot <= until, ahead))
        if len(passed) == _WALK:
            return _latest(cron, timezone, passed[-1], until)
        if passed:
            return passed[-1]
    return None


def due(
    cron: str, timezone: str, slot: datetime, now: datetime, count_limit: int = COUNT_LIMIT
) -> Due:
    """What to fire at ``now``, after however long a pause: one backup, not one per missed slot.

    :param slot: the slot that was to fire next, not later than ``now``. It counts as one even if
        the expression doesn't yield it, as happens when the rules of a zone were changed.
    :param count_limit: missed slots are counted up to here; that many means "at least". 1 or more.
    :raises RecurrenceError: the expression or the zone is not valid
    :raises ValueError: ``slot`` is in the future
    """
    if slot > now:
        raise ValueError(f"the slot {slot} has not come at {now}")
    slot = slot.astimezone(crons.UTC)
    following = next_after(cron, timezone, slot)
    if following > now:
        return Due(slot=slot, missed=0, first_missed=None, next=following)
    latest = _latest(cron, timezone, following, now)
    between = takewhile(lambda moment: moment < latest, _slots(cron, timezone, slot))
    return Due(
        slot=latest,
        missed=1 + sum(1 for _ in islice(between, count_limit - 1)),
        first_missed=slot,
        next=next_after(cron, timezone, latest),
    )


def _latest(cron: str, timezone: str, slot: datetime, now: datetime) -> datetime:
    """The latest slot up to ``now``, given an earlier one.

    Halves the time in question instead of walking backwards: going back, cronsim finds other
    slots around changes of the clock than going forward.
    """
    limit = now
    while limit - slot >= timedelta(seconds=1):
        middle = slot + (limit - slot) / 2
        following = next_after(cron, timezone, middle)
        if following <= limit:
            slot = following
        else:
            limit = middle
    return slot


def _slots(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    where = zone(timezone)
    return crons.moments(_checked(cron), where, after)


def _checked(expression: str) -> str:
    try:
        return crons.check(expression)
    except ValueError as error:
        raise RecurrenceError("recurrence.expression", str(error)) from error


# The shapes of a recurrence. Each has two functions of the same recurrence: one that checks it
# and makes the cron expression, one that puts a checked one into words.


@dataclass(frozen=True)
class _Shape:
    to_cron: Callable[[Mapping[str, Any]], str]
    describe: Callable[[Mapping[str, Any]], str]


def _shape(recurrence: Mapping[str, Any]) -> _Shape:
    if not isinstance(recurrence, Mapping):
        raise RecurrenceError("recurrence", "must be an object with a type")
    kind = recurrence.get("type")
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise RecurrenceError("recurrence.type", f"must be one of {', '.join(_SHAPES)}")
    return _SHAPES[kind]


def _only(recurrence: Mapping[str, Any], *allowed: str) -> None:
    for name in recurrence:
        if name != "type" and name not in allowed:
            raise RecurrenceError(
                f"recurrence.{str(name)[:_SHOWN]}",
                f"is not known here; allowed: {', '.join(allowed)}",
            )


def _integer(value: Any, allowed: Collection[int]) -> bool:
    # True and 1.0 equal 1 in Python, but whoever sends them did not mean a number like that.
    return type(value) is int and value in allowed


def _time(recurrence: Mapping[str, Any]) -> tuple[int, int]:
    """Minute and hour, in the order in which cron has them."""
    value = recurrence.get("time")
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise RecurrenceError("recurrence.time", "must be HH:MM, from 00:00 to 23:59")
    return int(match[2]), int(match[1])


def _daily_cron(recurrence: Mapping[str, Any]) -> str:
    _only(recurrence, "time")
    minute, hour = _time(recurrence)
    return f"{minute} {hour} * * *"


def _daily_words(recurrence: Mapping[str, Any]) -> str:
    return f"daily at {recurrence['time']}"


def _weekly_cron(recurrence: Mapping[str, Any]) -> str:
    _only(recurrence, "time", "weekdays")
    minute, hour = _time(recurrence)
    days = recurrence.get("weekdays")
    if (
        not isinstance(days, list)
        or not days
        or not all(_integer(day, range(1, 8)) for day in days)
    ):
        raise RecurrenceError(
            "recurrence.weekdays",
            "must be a list of one or more numbers from 1 (Monday) to 7 (Sunday)",
        )
    return f"{minute} {hour} * * {','.join(str(day) for day in sorted(set(days)))}"


def _weekly_words(recurrence: Mapping[str, Any]) -> str:
    names = [WEEKDAYS[day - 1] for day in sorted(set(recurrence["weekdays"]))]
    if len(names) == len(WEEKDAYS):
        return _daily_words(recurrence)
    *others, last = names
    days = f"{', '.join(others)} and {last}" if others else last
    return f"every {days} at {recurrence['time']}"


def _monthly_cron(recurrence: Mapping[str, Any]) -> str:
    _only(recurrence, "time", "day")
    minute, hour = _time(recurrence)
    day = recurrence.get("day")
    if day == "last":
        return f"{minute} {hour} L * *"
    if not _integer(day, range(1, 32)):
        raise RecurrenceError("recurrence.day", 'must be a number from 1 to 31 or "last"')
    return f"{minute} {hour} {day} * *"


def _monthly_words(recurrence: Mapping[str, Any]) -> str:
    if recurrence["day"] == "last":
        return f"on the last day of each month at {recurrence['time']}"
    return f"monthly on day {recurrence['day']} at {recurrence['time']}"


def _interval_cron(recurrence: Mapping[str, Any]) -> str:
    if ("minutes" in recurrence) == ("hours" in recurrence):
        raise RecurrenceError("recurrence", "an interval needs either minutes or hours")
    if "minutes" in recurrence:
        _only(recurrence, "minutes")
        minutes = recurrence["minutes"]
        if not _integer(minutes, MINUTES):
            raise RecurrenceError("recurrence.minutes", f"must be one of {_listed(MINUTES)}")
        return f"*/{minutes} * * * *"
    _only(recurrence, "hours", "minute")
    hours, minute = recurrence["hours"], recurrence.get("minute", 0)
    if not _integer(hours, HOURS):
        raise RecurrenceError("recurrence.hours", f"must be one of {_listed(HOURS)}")
    if not _integer(minute, range(60)):
        raise RecurrenceError("recurrence.minute", "must be a number from 0 to 59")
    return f"{minute} * * * *" if hours == 1 else f"{minute} */{hours} * * *"


def _interval_words(recurrence: Mapping[str, Any]) -> str:
    if "minutes" in recurrence:
        return _every(recurrence["minutes"], "minute")
    return f"{_every(recurrence['hours'], 'hour')} at minute {recurrence.get('minute', 0)}"


def _every(number: int, unit: str) -> str:
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _expression_cron(recurrence: Mapping[str, Any]) -> str:
    _only(recurrence, "expression")
    expression = recurrence.get("expression")
    if not isinstance(expression, str):
        raise RecurrenceError("recurrence.expression", "must be a cron expression of five fields")
    return _checked(expression)


def _expression_words(recurrence: Mapping[str, Any]) -> str:
    return f"cron {_expression_cron(recurrence)}"


_SHAPES: Mapping[str, _Shape] = {
    "daily": _Shape(_daily_cron, _daily_words),
    "weekly": _Shape(_weekly_cron, _weekly_words),
    "monthly": _Shape(_monthly_cron, _monthly_words),
    "interval": _Shape(_interval_cron, _interval_words),
    "cron": _Shape(_expression_cron, _expression_words),
}
