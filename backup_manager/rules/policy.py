"""What is to be kept of the backups of a volume: the rules of a policy, and their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Any

from backup_manager.rules import cron, recurrence

MAX_AGE_DAYS = 365

# Why a backup is kept or goes, where no single rule says so.
NO_RULES = "no_rules"
EXPIRED = "expired"
FAILED = "failed"


class PolicyError(ValueError):
    """A policy that can't be used.

    :param field: the property that is wrong, such as ``retention.max_age_days`` or ``timezone``
    :param message: what is wrong with it and what is allowed
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Policy:
    """What to keep. Each rule only ever keeps; a policy without rules keeps everything.

    :param origin: where it comes from, in words for the reasons: ``schedule nightly``
    :param max_age_days: keeps what is younger than so many times 24 hours
    :param keep_last: keeps the newest so many; this and the next five as PBS has them
    :param keep_hourly: keeps the newest of each of so many hours that have one; and so on
    :param full_count: keeps the newest so many full ones, by Cinder's ``is_incremental``
    :param incremental_count: the same of incremental ones
    :param timezone: IANA name of the zone whose clock divides hours, days, weeks (ISO), months
        and years
    """

    origin: str
    max_age_days: int | None = None
    keep_last: int | None = None
    keep_hourly: int | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None
    keep_yearly: int | None = None
    full_count: int | None = None
    incremental_count: int | None = None
    timezone: str = "UTC"

    @property
    def is_empty(self) -> bool:
        """Whether it has no rule, and so deletes nothing."""
        return all(getattr(self, rule) is None for rule in RULES)


RULES = (
    "max_age_days",
    "keep_last",
    "keep_hourly",
    "keep_daily",
    "keep_weekly",
    "keep_monthly",
    "keep_yearly",
    "full_count",
    "incremental_count",
)


def parse(mapping: Mapping[str, Any], origin: str, timezone: str = "UTC") -> Policy:
    """Make a policy of what the API or the database has; absent and null mean no such rule.

    :param mapping: anything; all of it is checked
    :raises PolicyError: with the property that is wrong
    """
    if not isinstance(mapping, Mapping):
        raise PolicyError("retention", "must be an object")
    for name, value in mapping.items():
        if name not in RULES:
            raise PolicyError(
                f"retention.{str(name)[:64]}", f"is not known here; allowed: {', '.join(RULES)}"
            )
        # True equals 1 in Python, but whoever sends it did not mean a number.
        if value is not None and (type(value) is not int or value < 1):
            raise PolicyError(f"retention.{name}", "must be a whole number from 1, or null")
    if (mapping.get("max_age_days") or 0) > MAX_AGE_DAYS:
        raise PolicyError("retention.max_age_days", f"must not be more than {MAX_AGE_DAYS}")
    try:
        recurrence.zone(timezone)
    except recurrence.RecurrenceError as error:
        raise PolicyError(error.field, error.message) from error
    return Policy(origin=origin, timezone=timezone, **mapping)


def normalise(mapping: Mapping[str, Any]) -> dict[str, int]:
    """The rules that a mapping has, without those that are null.

    :raises PolicyError: as :func:`parse`
    """
    return rules_of(parse(mapping, ""))


def rules_of(policy: Policy) -> dict[str, int]:
    """The rules of a policy, as :func:`parse` takes them."""
    values = {rule: getattr(policy, rule) for rule in RULES}
    return {rule: value for rule, value in values.items() if value is not None}


def describe(policy: Policy) -> str:
    """What a policy keeps, in words: "30 days; the newest of each of 12 months"."""
    rules = ((rule, getattr(policy, rule)) for rule in RULES)
    words = [_in_words(rule, number) for rule, number in rules if number is not None]
    return "; ".join(words) or "everything is kept"


def widest(policies: Sequence[Policy]) -> Policy:
    """A policy with all rules of several, each as wide as the widest of them.

    :param policies: at least one; the calendar is that of the first
    """
    first = policies[0]
    if len(policies) == 1 or first.is_empty:
        return first
    origin = " and ".join(dict.fromkeys(each.origin for each in policies))
    if any(each.is_empty for each in policies):
        return Policy(origin=origin, timezone=first.timezone)
    rules = {
        rule: max(filter(None, (getattr(each, rule) for each in policies)), default=None)
        for rule in RULES
    }
    return Policy(origin=origin, timezone=first.timezone, **rules)


@dataclass(frozen=True)
class _Unit:
    """A kind of calendar period.

    :param key: tells the periods apart; takes a time of the wall clock, with its zone
    :param label: names the period with such a key
    """

    plural: str
    key: Callable[[datetime], Any]
    label: Callable[[Any], str]


def _hour(wall: datetime) -> tuple[int, int, timedelta | None]:
    # With the offset, since an hour of the wall clock can come twice.
    return wall.toordinal(), wall.hour, wall.utcoffset()


def _hour_label(key: tuple[int, int, timedelta]) -> str:
    day, hour, offset = key
    wall = datetime.combine(date.fromordinal(day), time(hour, tzinfo=timezone(offset)))
    return wall.isoformat(" ", "minutes")


def _week(wall: datetime) -> int:
    # Day 1 of the ordinals was a Monday, so that these are ISO weeks.
    return (wall.toordinal() - 1) // 7


def _week_label(key: int) -> str:
    year, week, _ = date.fromordinal(key * 7 + 1).isocalendar()
    return f"{year}-W{week:02}"


def _month(wall: datetime) -> int:
    return wall.year * 12 + wall.month - 1


_UNITS: Mapping[str, _Unit] = {
    "keep_hourly": _Unit("hours", _hour, _hour_label),
    "keep_daily": _Unit("days", datetime.toordinal, lambda day: date.fromordinal(day).isoformat()),
    "keep_weekly": _Unit("weeks", _week, _week_label),
    "keep_monthly": _Unit("months", _month, lambda key: f"{key // 12}-{key % 12 + 1:02}"),
    "keep_yearly": _Unit("years", attrgetter("year"), str),
}


# Cached because the backups of all volumes fall into the same few periods.
@lru_cache(maxsize=8192)
def _label(rule: str, key: Any) -> str:
    return _UNITS[rule].label(key)


@dataclass(frozen=True)
class Period:
    """A rule of a policy that keeps the newest of each of ``count`` periods.

    :param key: tells the periods apart; takes a time of the wall clock, with its zone
    :param before: what the reason to keep a backup says before it names the period
    :param after: and after that
    """

    rule: str
    count: int
    key: Callable[[datetime], Any]
    before: str
    after: str

    def reason(self, key: Any) -> str:
        """Why the newest backup of the period with such a key is kept."""
        return f"{self.before}{_label(self.rule, key)}{self.after}"


@dataclass(frozen=True)
class Terms:
    """What a policy comes to, worked out once for all volumes that it applies to."""

    max_age: timedelta | None
    periods: tuple[Period, ...]
    zone: tzinfo
    counts: Mapping[str, int]
    # Those of the rules without periods, and of what goes.
    reasons: Mapping[str, str]


# Cached because the same few policies apply to many volumes.
@lru_cache(maxsize=1024)
def terms_of(policy: Policy) -> Terms:
    """What a policy comes to."""
    rules = {rule: getattr(policy, rule) for rule in RULES}
    counts = {rule: n for rule, n in rules.items() if n is not None}
    in_words = {rule: _in_words(rule, n) for rule, n in counts.items()}
    by = f"Kept by {policy.origin}"
    ones = {rule: f"{by}: {_one_of(rule, n)}." for rule, n in counts.items() if rule not in _UNITS}
    everything = "; ".join(in_words.values())
    age = policy.max_age_days
    return Terms(
        max_age=None if age is None else timedelta(days=age),
        periods=tuple(
            Period(rule, counts[rule], _UNITS[rule].key, f"{by}: for ", f" ({words}).")
            for rule, words in in_words.items()
            if rule in _UNITS
        ),
        # Times are in UTC already: converting them to this very object costs nothing.
        zone=cron.UTC if policy.timezone == "UTC" else recurrence.zone(policy.timezone),
        counts=counts,
        reasons={
            **ones,
            NO_RULES: f"No rule is set by {policy.origin}, so everything is kept.",
            EXPIRED: f"Not kept by {policy.origin}: {everything}.",
            FAILED: f"It failed, and is not kept by {policy.origin}: {everything}.",
        },
    )


_OF_TYPE = {"keep_last": "", "full_count": " full ones", "incremental_count": " incremental ones"}


def _in_words(rule: str, number: int) -> str:
    if rule == "max_age_days":
        return "1 day" if number == 1 else f"{number} days"
    if rule in _UNITS:
        plural = _UNITS[rule].plural
        each = f"1 {plural[:-1]}" if number == 1 else f"each of {number} {plural}"
        return f"the newest of {each}"
    of_type = _OF_TYPE[rule]
    return f"the newest{of_type[:-1]}" if number == 1 else f"the {number} newest{of_type}"


def _one_of(rule: str, number: int) -> str:
    """Why one backup is kept by a rule without periods."""
    words = _in_words(rule, number)
    if rule == "max_age_days":
        return f"younger than {words}"
    return words if number == 1 else f"one of {words}"
