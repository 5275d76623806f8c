"""What several of these tests use: a fixed profile, zones, cron read independently, backups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from backup_manager.rules import chain, retention
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy
from backup_manager.rules.retention import Decision

UTC = timezone.utc
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def stable(max_examples: int = 100) -> settings:
    """The same examples on every run and machine.

    A decorator, not a loaded profile, so that it does not reach the tests of other folders.
    """
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


ZONES = (
    "UTC",
    "Asia/Shanghai",  # no changes in our years
    "Asia/Kathmandu",  # +05:45
    "Europe/Helsinki",
    "Europe/Dublin",  # winter is the exception there
    "America/New_York",
    "America/Havana",  # repeats 00:00-01:00
    "America/Sao_Paulo",  # until 2019: skips 00:00-01:00, repeats 23:00-24:00
    "America/Santiago",  # skips 00:00-01:00
    "Africa/Cairo",  # skips 00:00-01:00
    "Africa/Casablanca",  # changes twice around Ramadan
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Chatham",  # +12:45, changes at 02:45
    "Pacific/Apia",  # skipped 2011-12-30
    "Antarctica/Troll",  # two hours
)

_FIRST = datetime(2010, 1, 1, tzinfo=UTC)
_LAST = datetime(2030, 1, 1, tzinfo=UTC)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def local(zone: str, *parts: int, fold: int = 0) -> datetime:
    """A time of the wall clock, as UTC."""
    return datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


@lru_cache
def days_of_change(zone: str) -> list[datetime]:
    """Midnights (UTC) before the changes of a zone's offset."""
    info = ZoneInfo(zone)
    found, day = [], _FIRST
    while day < _LAST:
        if day.astimezone(info).utcoffset() != (day + DAY).astimezone(info).utcoffset():
            found.append(day)
        day += DAY
    return found


@st.composite
def zones_and_moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and a moment (whole minute), often near a change of its clock."""
    zone = draw(st.sampled_from(ZONES))
    any_day = st.integers(0, 7000).map(lambda number: _FIRST + number * DAY)
    changes = days_of_change(zone)
    day = draw(any_day | st.sampled_from(changes) if changes else any_day)
    return zone, day + draw(st.integers(-600, 2000)) * MINUTE


@dataclass(frozen=True, repr=False)
class Expression:
    """A cron expression together with what its fields mean."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]  # ISO numbers
    either_day: bool  # cron: day of month OR weekday when neither starts with a star

    def __repr__(self) -> str:
        return f"<{self.text}>"

    def matches(self, wall: datetime) -> bool:
        by_day, by_weekday = wall.day in self.days, wall.isoweekday() in self.weekdays
        return (
            wall.minute in self.minutes
            and wall.hour in self.hours
            and (by_day or by_weekday if self.either_day else by_day and by_weekday)
        )


def _field(first: int, last: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    everything = st.just(("*", frozenset(range(first, last + 1))))
    stepped = st.integers(1, last).map(
        lambda step: (f"*/{step}", frozenset(range(first, last + 1, step)))
    )
    listed = st.sets(st.integers(first, last), min_size=1, max_size=3).map(
        lambda values: (",".join(map(str, sorted(values))), frozenset(values))
    )
    ranged = st.tuples(st.integers(first, last), st.integers(first, last)).map(
        lambda ends: (f"{min(ends)}-{max(ends)}", frozenset(range(min(ends), max(ends) + 1)))
    )
    return everything | stepped | listed | ranged


def _plain(field: tuple[str, frozenset[int]]) -> bool:
    return not field[0].startswith("*")


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    """Cron expressions that fire in every month."""
    all_days = ("*", frozenset(range(1, 32)))
    all_weekdays = ("*", frozenset(range(1, 8)))
    minute_text, minutes = draw(_field(0, 59))
    hour_text, hours = draw(_field(0, 23))
    day_text, days = draw(st.just(all_days) | _field(1, 28).filter(_plain))
    weekday_text, weekdays = draw(st.just(all_weekdays) | _field(1, 7).filter(_plain))
    return Expression(
        text=f"{minute_text} {hour_text} {day_text} * {weekday_text}",
        minutes=minutes,
        hours=hours,
        days=days,
        weekdays=weekdays,
        either_day=day_text != "*" and weekday_text != "*",
    )


def brute_force(
    expression: Expression, zone: str, after: datetime, until: datetime
) -> list[datetime]:
    """The slots in (after, until], found by looking at the clock in every minute.

    A time of the wall clock fires when the clock first shows it or a later one, which says in one
    sentence what happens to repeated and skipped times. An expression of every hour fires
    whenever the clock shows a matching time.
    """
    info = ZoneInfo(zone)
    # Early enough for a change of the clock by a whole day.
    moment = after - 3 * DAY
    reached = moment.astimezone(info).replace(tzinfo=None, fold=0)
    found = []
    while moment < until:
        moment += MINUTE
        wall = moment.astimezone(info).replace(tzinfo=None, fold=0)
        if len(expression.hours) == 24:
            fires = expression.matches(wall)
        else:
            new = int((wall - reached) / MINUTE)
            fires = any(expression.matches(reached + MINUTE * (i + 1)) for i in range(new))
        if fires and moment > after:
            found.append(moment)
        reached = max(reached, wall)
    return found


NOW = utc(2027, 1, 10, 12)
HELSINKI = "Europe/Helsinki"


def policy(**rules: Any) -> Policy:
    return Policy("schedule nightly", **rules)


def item(
    name: str,
    made: datetime,
    *,
    parent: str | None = None,
    incremental: bool | None = None,
    status: str = "available",
    snapshot: str | None = None,
    data: datetime | None = None,
    ours: bool = True,
    verified: bool = True,
    hold: str | None = None,
) -> Item:
    backup = chain.Backup(
        id=name,
        volume_id="volume",
        status=status,
        is_incremental=parent is not None if incremental is None else incremental,
        created_at=made,
        data_timestamp=data,
        size_gb=10,
        snapshot_id=snapshot,
        parent_id=parent,
    )
    return Item(backup, ours=ours, verified=verified, held=hold is not None, hold_reason=hold)


def days_ago(number: float) -> datetime:
    return NOW - number * DAY


def decide(
    items: Iterable[Item],
    rules: Policy,
    *,
    automatic: bool = True,
    include_last: bool = False,
    now: datetime = NOW,
) -> dict[str, Decision]:
    decisions = retention.decide(items, rules, now, automatic=automatic, include_last=include_last)
    return {decision.backup_id: decision for decision in decisions}


def going(decisions: dict[str, Decision]) -> set[str]:
    return {backup_id for backup_id, decision in decisions.items() if not decision.keep}


# An old chain, an old full one, and a young chain.
HISTORY = [
    item("full1", days_ago(40)),
    item("inc1", days_ago(39), parent="full1"),
    item("inc2", days_ago(38), parent="inc1"),
    item("full2", days_ago(37)),
    item("full3", days_ago(3)),
    item("inc3", days_ago(2), parent="full3"),
]
MONTH = policy(max_age_days=30)


def changed(**changes: dict[str, Any]) -> list[Item]:
    """HISTORY with other backups: their fields, or those of their items, by id."""
    items = []
    for each in HISTORY:
        fields = changes.get(each.backup.id, {})
        about = {name: fields[name] for name in fields if hasattr(each, name)}
        rest = {name: fields[name] for name in fields if name not in about}
        items.append(replace(each, backup=replace(each.backup, **rest), **about))
    return items
