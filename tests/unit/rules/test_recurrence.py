"""From what a user writes to a cron expression, and to words."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import recurrence
from backup_manager.rules.recurrence import RecurrenceError

from .support import MINUTE, ZONES, local, stable, utc


@pytest.mark.parametrize(
    ("shape", "cron", "words"),
    [
        ({"type": "daily", "time": "02:00"}, "0 2 * * *", "daily at 02:00"),
        ({"type": "daily", "time": "00:00"}, "0 0 * * *", "daily at 00:00"),
        ({"type": "daily", "time": "23:59"}, "59 23 * * *", "daily at 23:59"),
        (
            {"type": "weekly", "time": "02:00", "weekdays": [1, 5]},
            "0 2 * * 1,5",
            "every Monday and Friday at 02:00",
        ),
        (
            {"type": "weekly", "time": "02:30", "weekdays": [7]},
            "30 2 * * 7",
            "every Sunday at 02:30",
        ),
        (
            {"type": "weekly", "time": "02:00", "weekdays": [5, 3, 1, 3]},
            "0 2 * * 1,3,5",
            "every Monday, Wednesday and Friday at 02:00",
        ),
        (
            {"type": "weekly", "time": "02:00", "weekdays": [1, 2, 3, 4, 5, 6, 7]},
            "0 2 * * 1,2,3,4,5,6,7",
            "daily at 02:00",
        ),
        (
            {"type": "monthly", "time": "04:05", "day": 31},
            "5 4 31 * *",
            "monthly on day 31 at 04:05",
        ),
        (
            {"type": "monthly", "time": "04:05", "day": "last"},
            "5 4 L * *",
            "on the last day of each month at 04:05",
        ),
        ({"type": "interval", "minutes": 15}, "*/15 * * * *", "every 15 minutes"),
        ({"type": "interval", "minutes": 1}, "*/1 * * * *", "every minute"),
        (
            {"type": "interval", "hours": 6, "minute": 15},
            "15 */6 * * *",
            "every 6 hours at minute 15",
        ),
        ({"type": "interval", "hours": 6}, "0 */6 * * *", "every 6 hours at minute 0"),
        (
            {"type": "interval", "hours": 1, "minute": 59},
            "59 * * * *",
            "every hour at minute 59",
        ),
        ({"type": "cron", "expression": " 0 2  * * * "}, "0 2 * * *", "cron 0 2 * * *"),
        (
            {"type": "cron", "expression": "0 2 * * mon-fri"},
            "0 2 * * mon-fri",
            "cron 0 2 * * mon-fri",
        ),
    ],
)
def test_valid(shape: dict[str, Any], cron: str, words: str) -> None:
    assert recurrence.to_cron(shape) == cron
    assert recurrence.describe(shape) == words


@pytest.mark.parametrize(
    ("shape", "field", "hint"),
    [
        (None, "recurrence", "object"),
        ([], "recurrence", "object"),
        ("daily", "recurrence", "object"),
        ({}, "recurrence.type", "daily, weekly, monthly, interval, cron"),
        ({"type": None}, "recurrence.type", "one of"),
        ({"type": []}, "recurrence.type", "one of"),
        ({"type": "yearly"}, "recurrence.type", "one of"),
        ({"type": "daily"}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": None}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": 200}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": "25:00"}, "recurrence.time", "23:59"),
        ({"type": "daily", "time": "24:00"}, "recurrence.time", "23:59"),
        ({"type": "daily", "time": "02:60"}, "recurrence.time", "23:59"),
        ({"type": "daily", "time": "2:00"}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": "02:00:00"}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": "02:00\n"}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": "\u0660\u0662:\u0660\u0660"}, "recurrence.time", "HH:MM"),
        ({"type": "daily", "time": "02:00", "weekdays": [1]}, "recurrence.weekdays", "allowed"),
        ({"type": "daily", "time": "02:00", "": 1}, "recurrence.", "allowed: time"),
        ({"type": "weekly", "time": "02:00"}, "recurrence.weekdays", "1 (Monday)"),
        ({"type": "weekly", "time": "02:00", "weekdays": []}, "recurrence.weekdays", "one or more"),
        ({"type": "weekly", "time": "02:00", "weekdays": [0]}, "recurrence.weekdays", "from 1"),
        ({"type": "weekly", "time": "02:00", "weekdays": [8]}, "recurrence.weekdays", "7 (Sunday)"),
        ({"type": "weekly", "time": "02:00", "weekdays": [1.0]}, "recurrence.weekdays", "numbers"),
        ({"type": "weekly", "time": "02:00", "weekdays": [True]}, "recurrence.weekdays", "numbers"),
        ({"type": "weekly", "time": "02:00", "weekdays": ["1"]}, "recurrence.weekdays", "numbers"),
        ({"type": "weekly", "time": "02:00", "weekdays": [[1]]}, "recurrence.weekdays", "numbers"),
        ({"type": "weekly", "time": "02:00", "weekdays": 1}, "recurrence.weekdays", "list"),
        ({"type": "weekly", "time": "02:00", "weekdays": "1"}, "recurrence.weekdays", "list"),
        ({"type": "weekly", "weekdays": [1]}, "recurrence.time", "HH:MM"),
        ({"type": "monthly", "time": "02:00"}, "recurrence.day", "last"),
        ({"type": "monthly", "time": "02:00", "day": 0}, "recurrence.day", "1 to 31"),
        ({"type": "monthly", "time": "02:00", "day": 32}, "recurrence.day", "1 to 31"),
        ({"type": "monthly", "time": "02:00", "day": "first"}, "recurrence.day", "last"),
        ({"type": "monthly", "time": "02:00", "day": True}, "recurrence.day", "1 to 31"),
        ({"type": "interval"}, "recurrence", "either minutes or hours"),
        ({"type": "interval", "minutes": 5, "hours": 1}, "recurrence", "either"),
        ({"type": "interval", "minutes": 7}, "recurrence.minutes", "1, 2, 3, 4, 5, 6, 10"),
        ({"type": "interval", "minutes": 60}, "recurrence.minutes", "30"),
        ({"type": "interval", "minutes": 0}, "recurrence.minutes", "1, 2"),
        ({"type": "interval", "minutes": "5"}, "recurrence.minutes", "one of"),
        ({"type": "interval", "minutes": 5, "minute": 0}, "recurrence.minute", "allowed: minutes"),
        ({"type": "interval", "hours": 5}, "recurrence.hours", "1, 2, 3, 4, 6, 8, 12"),
        ({"type": "interval", "hours": 24}, "recurrence.hours", "12"),
        ({"type": "interval", "hours": 2, "minute": 60}, "recurrence.minute", "0 to 59"),
        ({"type": "interval", "hours": 2, "minute": -1}, "recurrence.minute", "0 to 59"),
        ({"type": "interval", "hours": 2, "minute": None}, "recurrence.minute", "0 to 59"),
        ({"type": "interval", "hours": 2, "time": "02:00"}, "recurrence.time", "hours, minute"),
        ({"type": "cron"}, "recurrence.expression", "five fields"),
        ({"type": "cron", "expression": None}, "recurrence.expression", "five fields"),
        ({"type": "cron", "expression": ""}, "recurrence.expression", "five fields"),
        ({"type": "cron", "expression": "0 0 2 * * *"}, "recurrence.expression", "6 were given"),
        ({"type": "cron", "expression": "0 0 30 2 *"}, "recurrence.expression", "day-of-month"),
        ({"type": "cron", "expression": "0 0 * * 8"}, "recurrence.expression", "day-of-week"),
        (
            {"type": "cron", "expression": "0 2 * * *", "timezone": "UTC"},
            "recurrence.timezone",
            "allowed: expression",
        ),
    ],
)
def test_invalid(shape: Any, field: str, hint: str) -> None:
    with pytest.raises(RecurrenceError) as caught:
        recurrence.to_cron(shape)
    assert caught.value.field == field
    assert hint in caught.value.message
    assert str(caught.value) == f"{field}: {caught.value.message}"
    with pytest.raises(RecurrenceError):
        recurrence.describe(shape)


def test_an_error_does_not_repeat_an_endless_name() -> None:
    with pytest.raises(RecurrenceError) as caught:
        recurrence.to_cron({"type": "daily", "x" * 100_000: 1})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("shape", "zone", "after", "expected"),
    [
        pytest.param(
            {"type": "monthly", "time": "02:00", "day": 31},
            "UTC",
            utc(2026, 1, 1),
            [utc(2026, month, 31, 2) for month in (1, 3, 5, 7, 8, 10, 12)] + [utc(2027, 1, 31, 2)],
            id="months without day 31 are left out",
        ),
        pytest.param(
            {"type": "monthly", "time": "02:00", "day": "last"},
            "UTC",
            utc(2027, 12, 1),
            [utc(2027, 12, 31, 2), utc(2028, 1, 31, 2), utc(2028, 2, 29, 2), utc(2028, 3, 31, 2)],
            id="last day, in a leap year",
        ),
        pytest.param(
            {"type": "monthly", "time": "02:00", "day": 29},
            "UTC",
            utc(2027, 1, 29, 2),
            [utc(2027, 3, 29, 2)],
            id="day 29 in a common year",
        ),
        pytest.param(
            {"type": "monthly", "time": "02:00", "day": 29},
            "UTC",
            utc(2028, 1, 29, 2),
            [utc(2028, 2, 29, 2), utc(2028, 3, 29, 2)],
            id="day 29 in a leap year",
        ),
        pytest.param(
            {"type": "weekly", "time": "02:00", "weekdays": [7]},
            "UTC",
            utc(2026, 11, 20),
            [utc(2026, 11, 22, 2), utc(2026, 11, 29, 2)],
            id="weekday 7 is Sunday",
        ),
        pytest.param(
            {"type": "weekly", "time": "02:00", "weekdays": [1, 5]},
            "Asia/Shanghai",
            utc(2026, 11, 20),
            [local("Asia/Shanghai", 2026, 11, 23, 2), local("Asia/Shanghai", 2026, 11, 27, 2)],
            id="weekdays are those of the zone: Monday 02:00 there is Sunday in UTC",
        ),
        pytest.param(
            {"type": "monthly", "time": "00:30", "day": "last"},
            "Asia/Shanghai",
            utc(2026, 11, 20),
            [local("Asia/Shanghai", 2026, 11, 30, 0, 30), utc(2026, 12, 30, 16, 30)],
            id="the last day is that of the zone",
        ),
        pytest.param(
            {"type": "interval", "hours": 8, "minute": 30},
            "UTC",
            utc(2026, 11, 20, 8, 30),
            [utc(2026, 11, 20, 16, 30), utc(2026, 11, 21, 0, 30), utc(2026, 11, 21, 8, 30)],
            id="every 8 hours",
        ),
        pytest.param(
            {"type": "interval", "minutes": 20},
            "Europe/Helsinki",
            utc(2026, 10, 25, 0, 40),
            [utc(2026, 10, 25, 1), utc(2026, 10, 25, 1, 20), utc(2026, 10, 25, 1, 40)],
            id="every 20 minutes, in the repeated hour too",
        ),
    ],
)
def test_slots(shape: dict[str, Any], zone: str, after: datetime, expected: list[datetime]) -> None:
    assert recurrence.upcoming(recurrence.to_cron(shape), zone, after, len(expected)) == expected


@stable()
@given(
    st.sampled_from(recurrence.MINUTES).map(lambda n: {"type": "interval", "minutes": n}),
    # The one zone that changes by half an hour puts the wall clock out of step with some.
    st.sampled_from([zone for zone in ZONES if zone != "Australia/Lord_Howe"]),
    st.integers(0, 17 * 365 * 1440),
)
def test_intervals_of_minutes_keep_their_distance(
    shape: dict[str, Any], zone: str, minute: int
) -> None:
    after = utc(2012, 1, 1) + minute * MINUTE
    slots = recurrence.upcoming(recurrence.to_cron(shape), zone, after, 30)
    distances = {(later - earlier).seconds // 60 for earlier, later in pairwise(slots)}
    assert distances == {shape["minutes"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
TIMES = st.sampled_from(["02:00", "23:59", "24:00", "2:00", "02:00 "])
PROPERTIES = {
    "type": st.sampled_from(["daily", "weekly", "monthly", "interval", "cron", "Daily"]),
    "time": TIMES,
    "weekdays": st.lists(st.integers(0, 8), max_size=8),
    "day": st.integers(0, 32) | st.sampled_from(["last", "31"]),
    "minutes": st.integers(0, 61),
    "hours": st.integers(0, 25),
    "minute": st.integers(-1, 60),
    "expression": st.text("0123456789*/,-LW# ", max_size=20) | st.just("0 2 * * 1"),
}
LIKELY = st.fixed_dictionaries({}, optional=PROPERTIES)
SPOILT = st.fixed_dictionaries(
    {}, optional={name: good | JSON for name, good in PROPERTIES.items()}
)


@stable(600)
@given(JSON | LIKELY | SPOILT)
def test_any_input_gives_a_cron_expression_or_names_the_field(shape: Any) -> None:
    try:
        cron = recurrence.to_cron(shape)
    except RecurrenceError as error:
        assert error.field == "recurrence" or error.field.startswith("recurrence.")
        assert error.message
        return
    assert len(cron.split(" ")) == 5
    assert recurrence.upcoming(cron, "Europe/Helsinki", utc(2026, 11, 20), 2)
    assert recurrence.describe(shape)


@stable()
@given(
    st.fixed_dictionaries({"type": st.just("daily"), "time": st.just("02:00")})
    | st.fixed_dictionaries(
        {
            "type": st.just("weekly"),
            "time": st.just("23:30"),
            "weekdays": st.lists(st.integers(1, 7), min_size=1),
        }
    )
    | st.fixed_dictionaries(
        {
            "type": st.just("monthly"),
            "time": st.just("00:00"),
            "day": st.integers(1, 31) | st.just("last"),
        }
    )
    | st.fixed_dictionaries(
        {"type": st.just("interval"), "minutes": st.sampled_from(recurrence.MINUTES)}
    )
    | st.fixed_dictionaries(
        {"type": st.just("interval"), "hours": st.sampled_from(recurrence.HOURS)},
        optional={"minute": st.integers(0, 59)},
    )
)
def test_all_valid_shapes_are_accepted(shape: dict[str, Any]) -> None:
    assert recurrence.upcoming(recurrence.to_cron(shape), "UTC", utc(2026, 11, 20), 1)


@pytest.mark.parametrize("name", [*ZONES, "Etc/GMT+5", "America/Argentina/Buenos_Aires"])
def test_zone(name: str) -> None:
    assert recurrence.zone(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        " ",
        5,
        [],
        "Mars/Olympus",
        "Europe",
        "Europe/",
        "europe/helsinki ",
        "../etc/passwd",
        "Europe/../Europe/Helsinki",
        "/usr/share/zoneinfo/UTC",
        "/etc/passwd",
        "C:\\zones\\UTC",
        "UTC\0",
        "UTC\n",
        "zone.tab",
        "leapseconds",
        "tzdata.zi",
        "localtime",
        "posixrules",
        "posix/UTC",
        "right/UTC",
        "right",
        "\ud800",
        "Ünited/Kingdom",
        "A" * 65,
        "a/" * 3000,
    ],
)
def test_zone_refuses(name: Any) -> None:
    with pytest.raises(RecurrenceError) as caught:
        recurrence.zone(name)
    assert caught.value.field == "timezone"
    assert "Asia/Shanghai" in caught.value.message


@stable()
@given(st.text(max_size=70) | st.text("abUTC/._-+", max_size=12))
def test_zone_raises_nothing_else(name: str) -> None:
    try:
        assert recurrence.zone(name).key == name
    except RecurrenceError as error:
        assert error.field == "timezone"


def test_slots_name_the_wrong_field() -> None:
    with pytest.raises(RecurrenceError) as caught:
        recurrence.upcoming("0 2 * *", "UTC", utc(2026, 11, 20), 1)
    assert caught.value.field == "recurrence.expression"
    with pytest.raises(RecurrenceError) as caught:
        recurrence.next_after("0 2 * * *", "Mars/Olympus", utc(2026, 11, 20))
    assert caught.value.field == "timezone"
