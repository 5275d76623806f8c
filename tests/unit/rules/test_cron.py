"""What changes of the clock do to slots, by hand and against a minute-by-minute search."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backup_manager.rules import cron, recurrence

from .support import (
    DAY,
    MINUTE,
    UTC,
    Expression,
    brute_force,
    expressions,
    local,
    stable,
    utc,
    zones_and_moments,
)

HELSINKI = "Europe/Helsinki"
LORD_HOWE = "Australia/Lord_Howe"
SAO_PAULO = "America/Sao_Paulo"


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        pytest.param(
            "30 3 * * *",
            HELSINKI,
            utc(2026, 10, 24),
            [utc(2026, 10, 24, 0, 30), utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)],
            id="repeated time: once, the first time",
        ),
        pytest.param(
            "30 3 * * *",
            HELSINKI,
            utc(2026, 3, 28),
            [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 0), utc(2026, 3, 30, 0, 30)],
            id="skipped time: 04:00 local, when the clock jumps",
        ),
        pytest.param(
            "30 3 * * *",
            HELSINKI,
            utc(2026, 10, 25, 1, 10),
            [utc(2026, 10, 26, 1, 30)],
            id="from inside the second pass of the repeated hour",
        ),
        pytest.param(
            "30 3 * * *",
            HELSINKI,
            utc(2026, 10, 25, 0, 10),
            [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)],
            id="from inside the first pass",
        ),
        pytest.param(
            "10,30 3 * * *",
            HELSINKI,
            utc(2026, 3, 29),
            [utc(2026, 3, 29, 1, 0), utc(2026, 3, 30, 0, 10)],
            id="two skipped times are one slot",
        ),
        pytest.param(
            "0,30 3,4 * * *",
            HELSINKI,
            utc(2026, 3, 29),
            [utc(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 30), utc(2026, 3, 30, 0, 0)],
            id="skipped times and the time of the jump are one slot",
        ),
        pytest.param(
            "30 3 * * *",
            HELSINKI,
            utc(2026, 3, 29, 0, 59),
            [utc(2026, 3, 29, 1, 0)],
            id="one minute before the jump",
        ),
        pytest.param(
            "30 3 * * *",
            HELSINKI,
            utc(2026, 3, 29, 1, 0),
            [utc(2026, 3, 30, 0, 30)],
            id="at the jump: strictly after",
        ),
        pytest.param(
            "30 0-22 * * *",
            HELSINKI,
            utc(2026, 10, 24, 23, 30),
            [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 2, 30)],
            id="nearly every hour is not every hour: the repeated one fires once",
        ),
        pytest.param(
            "30 * * * *",
            HELSINKI,
            utc(2026, 10, 24, 23, 30),
            [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 2, 30)],
            id="hourly: an hour apart through the repeated hour",
        ),
        pytest.param(
            "30 * * * *",
            HELSINKI,
            utc(2026, 3, 28, 23, 30),
            [utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 1, 30)],
            id="hourly: an hour apart through the skipped hour",
        ),
        pytest.param(
            "0 */12 * * *",
            "America/Santiago",
            local("America/Santiago", 2026, 9, 5, 12, 0),
            [local("America/Santiago", 2026, 9, 6, 1), local("America/Santiago", 2026, 9, 6, 12)],
            id="every 12 hours: a skipped midnight is not left out",
        ),
        pytest.param(
            "30 */12 * * *",
            "America/Havana",
            local("America/Havana", 2026, 10, 31, 12, 30),
            [
                local("America/Havana", 2026, 11, 1, 0, 30),
                local("America/Havana", 2026, 11, 1, 12, 30),
            ],
            id="every 12 hours: a repeated 00:30 fires once",
        ),
        pytest.param(
            "0 0 * * *",
            SAO_PAULO,
            local(SAO_PAULO, 2018, 11, 3, 12),
            [local(SAO_PAULO, 2018, 11, 4, 1), local(SAO_PAULO, 2018, 11, 5, 0)],
            id="a day that begins at 01:00",
        ),
        pytest.param(
            "*/30 * 17 2 *",
            SAO_PAULO,
            local(SAO_PAULO, 2018, 2, 17, 22, 30),
            [
                local(SAO_PAULO, 2018, 2, 17, 23, 0),
                local(SAO_PAULO, 2018, 2, 17, 23, 30),
                local(SAO_PAULO, 2018, 2, 17, 23, 0, fold=1),
                local(SAO_PAULO, 2018, 2, 17, 23, 30, fold=1),
                local(SAO_PAULO, 2019, 2, 17, 0, 0),
            ],
            id="a day of 25 hours, its last hour twice",
        ),
        pytest.param(
            "45 * * * *",
            LORD_HOWE,
            local(LORD_HOWE, 2026, 4, 5, 0, 45),
            [
                local(LORD_HOWE, 2026, 4, 5, 1, 45),
                local(LORD_HOWE, 2026, 4, 5, 1, 45, fold=1),
                local(LORD_HOWE, 2026, 4, 5, 2, 45),
            ],
            id="a repeated half hour, hourly",
        ),
        pytest.param(
            "* 2 * * *",
            LORD_HOWE,
            local(LORD_HOWE, 2026, 4, 5, 1, 45, fold=1),
            [local(LORD_HOWE, 2026, 4, 5, 2, 0), local(LORD_HOWE, 2026, 4, 5, 2, 1)],
            id="the hour after a repeated half hour begins at its first minute",
        ),
        pytest.param(
            "15 2 * * *",
            LORD_HOWE,
            local(LORD_HOWE, 2026, 10, 3, 12),
            [local(LORD_HOWE, 2026, 10, 4, 2, 30), local(LORD_HOWE, 2026, 10, 5, 2, 15)],
            id="a skipped half hour",
        ),
        pytest.param(
            "0 2 * * *",
            "Pacific/Apia",
            local("Pacific/Apia", 2011, 12, 29, 2),
            [
                local("Pacific/Apia", 2011, 12, 31, 0),
                local("Pacific/Apia", 2011, 12, 31, 2),
                local("Pacific/Apia", 2012, 1, 1, 2),
            ],
            id="a skipped day",
        ),
        pytest.param(
            "0 2 * * *",
            "Asia/Shanghai",
            utc(2026, 11, 20),
            [utc(2026, 11, 20, 18), utc(2026, 11, 21, 18)],
            id="a zone without changes",
        ),
    ],
)
def test_changes_of_the_clock(
    expression: str, zone: str, after: datetime, expected: list[datetime]
) -> None:
    assert recurrence.upcoming(expression, zone, after, len(expected)) == expected


@stable(250)
@given(expressions(), zones_and_moments())
def test_slots_are_those_of_a_search_by_minute(
    expression: Expression, where_and_when: tuple[str, datetime]
) -> None:
    zone, after = where_and_when
    until = after + 2 * DAY
    expected = brute_force(expression, zone, after, until)
    slots = recurrence.upcoming(expression.text, zone, after, len(expected) + 1)
    assert slots[:-1] == expected
    assert slots[-1] > until


@stable(150)
@given(expressions(), zones_and_moments(), st.integers(0, 59_999_999))
def test_slots_increase_strictly(
    expression: Expression, where_and_when: tuple[str, datetime], microseconds: int
) -> None:
    zone, after = where_and_when
    after += timedelta(microseconds=microseconds)
    slots = recurrence.upcoming(expression.text, zone, after, 40)
    assert len(slots) == 40
    assert slots[0] > after
    assert all(earlier < later for earlier, later in pairwise(slots))
    assert all(slot.tzinfo is UTC and not slot.second and not slot.microsecond for slot in slots)


@stable()
@given(expressions(), zones_and_moments())
def test_next_after_walks_the_same_slots(
    expression: Expression, where_and_when: tuple[str, datetime]
) -> None:
    zone, after = where_and_when
    walked, moment = [], after
    for _ in range(15):
        moment = recurrence.next_after(expression.text, zone, moment)
        walked.append(moment)
    assert walked == recurrence.upcoming(expression.text, zone, after, 15)


@stable()
@given(expressions(), zones_and_moments())
def test_nothing_fires_between_a_moment_and_its_next_slot(
    expression: Expression, where_and_when: tuple[str, datetime]
) -> None:
    zone, after = where_and_when
    following = recurrence.next_after(expression.text, zone, after)
    middle = after + (following - after) / 2
    assert recurrence.next_after(expression.text, zone, middle) == following
    just_before = following - timedelta(microseconds=1)
    assert recurrence.next_after(expression.text, zone, just_before) == following


@stable(120)
@given(expressions(), zones_and_moments(), st.integers(0, 2 * 1440))
def test_due_agrees_with_the_search(
    expression: Expression, where_and_when: tuple[str, datetime], pause: int
) -> None:
    zone, before = where_and_when
    slot = recurrence.next_after(expression.text, zone, before)
    now = slot + pause * MINUTE
    passed = [slot, *brute_force(expression, zone, slot, now)]
    result = recurrence.due(expression.text, zone, slot, now)
    assert result == recurrence.Due(
        slot=passed[-1],
        missed=len(passed) - 1,
        first_missed=slot if len(passed) > 1 else None,
        next=recurrence.next_after(expression.text, zone, now),
    )


@stable(60)
@given(expressions(), zones_and_moments(), st.integers(0, 400 * 86400), st.integers(1, 50))
def test_due_after_a_long_pause(
    expression: Expression, where_and_when: tuple[str, datetime], seconds: int, limit: int
) -> None:
    zone, before = where_and_when
    slot = recurrence.next_after(expression.text, zone, before)
    now = slot + timedelta(seconds=seconds)
    result = recurrence.due(expression.text, zone, slot, now, count_limit=limit)
    assert slot <= result.slot <= now < result.next
    assert result.next == recurrence.next_after(expression.text, zone, result.slot)
    assert 0 <= result.missed <= limit
    first = [slot, *recurrence.upcoming(expression.text, zone, slot, limit)]
    assert result.missed == min(limit, sum(1 for each in first if each < result.slot))
    assert result.first_missed == (slot if result.missed else None)


SLOT = utc(2026, 11, 20, 2)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (SLOT, recurrence.Due(SLOT, 0, None, utc(2026, 11, 21, 2))),
        (utc(2026, 11, 21, 1, 59), recurrence.Due(SLOT, 0, None, utc(2026, 11, 21, 2))),
        (
            utc(2026, 11, 21, 2),
            recurrence.Due(utc(2026, 11, 21, 2), 1, SLOT, utc(2026, 11, 22, 2)),
        ),
        (
            utc(2026, 11, 30, 12),
            recurrence.Due(utc(2026, 11, 30, 2), 10, SLOT, utc(2026, 12, 1, 2)),
        ),
    ],
)
def test_due_daily(now: datetime, expected: recurrence.Due) -> None:
    assert recurrence.due("0 2 * * *", "UTC", SLOT, now) == expected


def test_due_every_minute_after_a_year() -> None:
    slot = utc(2026, 1, 1)
    now = slot + timedelta(days=365, seconds=30)
    result = recurrence.due("*/1 * * * *", HELSINKI, slot, now)
    assert result == recurrence.Due(utc(2027, 1, 1), 10_000, slot, utc(2027, 1, 1, 0, 1))


def test_due_counts_exactly_below_its_limit() -> None:
    now = SLOT + 10 * MINUTE
    assert recurrence.due("* * * * *", "UTC", SLOT, now, count_limit=11).missed == 10
    assert recurrence.due("* * * * *", "UTC", SLOT, now, count_limit=10).missed == 10
    assert recurrence.due("* * * * *", "UTC", SLOT, now, count_limit=9).missed == 9
    assert recurrence.due("* * * * *", "UTC", SLOT, now, count_limit=1).missed == 1


def test_due_accepts_a_slot_that_the_expression_does_not_yield() -> None:
    # Stored before the rules of its zone were changed.
    odd = utc(2026, 11, 20, 3)
    result = recurrence.due("0 2 * * *", "UTC", odd, utc(2026, 11, 20, 4))
    assert result == recurrence.Due(odd, 0, None, utc(2026, 11, 21, 2))
    result = recurrence.due("0 2 * * *", "UTC", odd, utc(2026, 11, 22, 4))
    assert result == recurrence.Due(utc(2026, 11, 22, 2), 2, odd, utc(2026, 11, 23, 2))


def test_due_gives_utc_whatever_zone_the_slot_is_in() -> None:
    slot = datetime.fromisoformat("2026-11-20T04:00:00+02:00")
    assert recurrence.due("0 2 * * *", "UTC", slot, SLOT).slot.tzinfo is UTC


def test_due_refuses_a_slot_of_the_future() -> None:
    with pytest.raises(ValueError, match="has not come"):
        recurrence.due("0 2 * * *", "UTC", SLOT, SLOT - MINUTE)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        recurrence.upcoming("0 2 * * *", "UTC", datetime(2026, 11, 20), 1)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_upcoming_gives_the_count(count: int) -> None:
    assert len(recurrence.upcoming("0 2 * * *", "UTC", SLOT, count)) == count


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "0 were given"),
        ("@daily", "1 were given"),
        ("0 2 * *", "4 were given"),
        ("0 0 2 * * *", "6 were given"),
        ("60 2 * * *", "bad minute"),
        ("0 24 * * *", "bad hour"),
        ("0 0 0 * *", "bad day-of-month"),
        ("0 0 32 * *", "bad day-of-month"),
        ("0 0 * 13 *", "bad month"),
        ("0 0 * * 8", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("a * * * *", "bad minute"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 31 4,6,9,11 *", "bad day-of-month"),
        ("0 0 */31 1 MON#5", "never fires"),
        ("0," * 130 + "0 * * * *", "longer than 255"),
    ],
)
def test_check_refuses(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cron.check(expression)


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("0 0 29 2 *", utc(2028, 2, 29)),
        ("0 0 29 2 MON", utc(2027, 2, 1)),
        ("0 0 * 2 MON#5", utc(2044, 2, 29)),
        ("0 0 LW * *", utc(2026, 11, 30)),
        ("0 0 * * 5L", utc(2026, 11, 27)),
        ("0 0 * JAN SUN", utc(2027, 1, 3)),
        ("0 0 * * 0", utc(2026, 11, 22)),
        ("0 0 * * 7", utc(2026, 11, 22)),
    ],
)
def test_check_accepts_what_is_rare_or_short(expression: str, first: datetime) -> None:
    assert cron.check(expression) == expression
    assert recurrence.next_after(expression, "UTC", utc(2026, 11, 20)) == first


def test_check_gives_single_spaces() -> None:
    assert cron.check("  0\t2  * * *\n") == "0 2 * * *"


@stable(300)
@given(st.text("0123456789*/,-LWW# MONJAN?@", max_size=24))
@example("L/2 * * * *")
@example("0 0 L/2 * *")
@example("0 0 1-L * *")
@example("0 0 * * L")
@example("0 0 * * #")
@example("*/" + "9" * 200 + " * * * *")
@example("\u0663 * * * *")
@example("0 2 * * \u00b2L")
def test_check_raises_nothing_else(text: str) -> None:
    try:
        checked = cron.check(text)
    except ValueError:
        return
    assert recurrence.upcoming(checked, "UTC", SLOT, 2)
