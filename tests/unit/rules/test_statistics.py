"""What is late, how well tasks go, what comes next."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from backup_manager.rules import statistics
from backup_manager.rules.statistics import Rhythm, Schedule, is_late, next_runs, rhythm, success

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)  # a Friday
DAY = timedelta(days=1)
SLOT = NOON.replace(hour=2)
DAILY = Rhythm(SLOT, DAY)
LONG_AGO = NOON - 400 * DAY
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("cron", "zone", "latest", "interval"),
    [
        ("0 2 * * *", "UTC", SLOT, DAY),
        ("0 12 * * *", "UTC", NOON, DAY),
        ("0 2 * * *", "Asia/Shanghai", SLOT - timedelta(hours=8), DAY),
        ("*/5 * * * *", "UTC", NOON, timedelta(minutes=5)),
        ("0 2 * * 1", "UTC", SLOT - 4 * DAY, 7 * DAY),
        ("0 2 * * 1-5", "UTC", SLOT, DAY),
        ("0 0 L * *", "UTC", datetime(2026, 10, 31, tzinfo=timezone.utc), 31 * DAY),
        # Thousands of slots in January, none since.
        ("* * * 1 *", "UTC", datetime(2026, 1, 31, 23, 59, tzinfo=timezone.utc), 60 * SECOND),
        ("0 0 29 2 *", "UTC", datetime(2024, 2, 29, tzinfo=timezone.utc), 1461 * DAY),
        # The night in which Berlin's clocks went back had 25 hours.
        (
            "30 1 25 10 *",
            "Europe/Berlin",
            datetime(2026, 10, 24, 23, 30, tzinfo=timezone.utc),
            None,
        ),
    ],
)
def test_rhythm(cron: str, zone: str, latest: datetime, interval: timedelta | None) -> None:
    found = rhythm(cron, zone, NOON)
    assert found.latest == latest
    if interval is not None:
        assert found.interval == interval


def test_rhythm_over_a_change_of_the_clock() -> None:
    after = datetime(2026, 10, 25, 12, tzinfo=timezone.utc)
    assert rhythm("0 2 * * *", "America/New_York", after).interval == DAY
    found = rhythm("0 4 * * *", "Europe/Berlin", after)
    assert found.interval == timedelta(hours=25)


@pytest.mark.parametrize(
    ("last_backup", "late"),
    [
        (NOON, False),
        (NOON - DAY, False),
        (NOON - 2 * DAY, False),
        (NOON - 2 * DAY - SECOND, True),
        (LONG_AGO, True),
    ],
)
def test_a_backup_older_than_two_intervals_is_late(last_backup: datetime, late: bool) -> None:
    assert is_late(DAILY, LONG_AGO, last_backup, NOON) is late


@pytest.mark.parametrize(
    ("since", "late"),
    [(LONG_AGO, True), (SLOT, True), (SLOT + SECOND, False), (NOON, False)],
)
def test_without_a_backup_the_first_slot_counts(since: datetime, late: bool) -> None:
    assert is_late(DAILY, since, None, NOON) is late


def test_a_schedule_of_working_days_does_not_complain_at_the_weekend() -> None:
    friday = SLOT + timedelta(minutes=5)
    monday = SLOT + 3 * DAY
    for hours in range(1, 14 * 24):
        now = friday + timedelta(hours=hours)
        late = is_late(rhythm("0 2 * * 1-5", "UTC", now), LONG_AGO, friday, now)
        # On Monday the distance is three days; on Tuesday it is one again.
        assert late is (now >= monday + DAY), now


def test_who_never_had_a_slot_is_not_late() -> None:
    never = Rhythm(None, None)
    assert not is_late(never, LONG_AGO, None, NOON)
    assert not is_late(never, LONG_AGO, LONG_AGO, NOON)
    once = Rhythm(SLOT, None)
    assert not is_late(once, LONG_AGO, LONG_AGO, NOON)
    assert is_late(once, LONG_AGO, None, NOON)


def test_success_counts_all_that_ended_but_what_users_cancelled() -> None:
    counts = {
        "pending": 9,
        "submitting": 9,
        "running": 9,
        "cancelled": 9,
        "succeeded": 3,
        "failed": 1,
        "skipped": 1,
        "expired": 1,
    }
    found = success(counts)
    assert (found.finished, found.succeeded, found.rate) == (6, 3, 0.5)
    assert success({"cancelled": 2, "running": 1}).rate is None
    assert success({}).rate is None


def _schedule(name: str, cron: str, next_run_at: datetime) -> Schedule:
    return Schedule(name, name, cron, "UTC", next_run_at)


def test_the_next_runs_of_several_schedules() -> None:
    often = _schedule("often", "0 */6 * * *", SLOT.replace(hour=18))
    daily = _schedule("daily", "0 2 * * *", SLOT + DAY)
    found = [(at.strftime("%d %H"), each.name) for at, each in next_runs([daily, often], 5)]
    assert found == [
        ("20 18", "often"),
        ("21 00", "often"),
        ("21 02", "daily"),
        ("21 06", "often"),
        ("21 12", "often"),
    ]
    assert next_runs([], 5) == []
    assert len(statistics.next_runs([daily], 3)) == 3
