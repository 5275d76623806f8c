"""The rules of the calendar, by hand and against those of Proxmox Backup Server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import retention
from backup_manager.rules.policy import Policy

from .histories import policies
from .support import DAY, HELSINKI, MINUTE, NOW, decide, item, policy, stable, utc


class TestCalendar:
    """By hand. All are full ones and nothing else protects them."""

    @staticmethod
    def kept(moments: Sequence[datetime], **rules: Any) -> list[str]:
        """Of the backups made then, those kept: the times in UTC, newest first."""
        items = [item(f"{made:%Y-%m-%d %H:%M}", made) for made in moments]
        decisions = retention.decide(
            items, policy(**rules), NOW, automatic=False, include_last=True
        )
        return [decision.backup_id for decision in decisions if decision.keep]

    @staticmethod
    def noons(first: datetime, last: datetime) -> list[datetime]:
        return [first.replace(hour=12) + number * DAY for number in range((last - first).days + 1)]

    def days(self, first: datetime, last: datetime, **rules: Any) -> list[str]:
        """Of one backup at each noon."""
        return [each[:10] for each in self.kept(self.noons(first, last), **rules)]

    def test_last(self) -> None:
        moments = [utc(2026, 5, 1, hour) for hour in (3, 1, 2)]
        assert self.kept(moments, keep_last=2) == ["2026-05-01 03:00", "2026-05-01 02:00"]
        assert len(self.kept(moments, keep_last=9)) == 3

    def test_the_newest_of_each_hour_that_has_one(self) -> None:
        moments = [utc(2026, 5, 1, *at) for at in ((3, 59), (3, 0), (2, 59), (0, 30), (0, 10))]
        assert self.kept(moments, keep_hourly=3) == [
            "2026-05-01 03:59",
            "2026-05-01 02:59",
            "2026-05-01 00:30",
        ]

    def test_hours_when_the_clock_goes_back(self) -> None:
        # In Helsinki 2026-10-25 has 03:00 to 04:00 twice, the second time from 01:00 UTC.
        moments = [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 2, 30)]
        rules = {"keep_hourly": 2, "timezone": HELSINKI}
        assert self.kept(moments, **rules) == ["2026-10-25 02:30", "2026-10-25 01:30"]
        assert len(self.kept(moments, keep_hourly=3, timezone=HELSINKI)) == 3
        decisions = decide(
            [item(str(number), made) for number, made in enumerate(moments)],
            policy(keep_hourly=3, timezone=HELSINKI),
        )
        assert [decisions[number].reason for number in "012"] == [
            f"Kept by schedule nightly: for 2026-10-25 {hour} (the newest of each of 3 hours)."
            for hour in ("03:00+03:00", "03:00+02:00", "04:00+02:00")
        ]

    def test_hours_when_the_clock_goes_forward(self) -> None:
        # 02:59 and 04:00 in Helsinki, one minute apart.
        moments = [utc(2026, 3, 29, 0, 59), utc(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 59)]
        assert self.kept(moments, keep_hourly=2, timezone=HELSINKI) == [
            "2026-03-29 01:59",
            "2026-03-29 00:59",
        ]

    @pytest.mark.parametrize(
        ("moments", "kept"),
        [
            # The day of 23 hours: from 22:00 UTC to 21:00 UTC.
            (
                [(3, 28, 21, 59), (3, 28, 22, 0), (3, 29, 20, 59), (3, 29, 21, 0)],
                ["2026-03-29 21:00", "2026-03-29 20:59", "2026-03-28 21:59"],
            ),
            # The day of 25 hours: from 21:00 UTC to 22:00 UTC.
            (
                [(10, 24, 20, 59), (10, 24, 21, 0), (10, 25, 21, 59), (10, 25, 22, 0)],
                ["2026-10-25 22:00", "2026-10-25 21:59", "2026-10-24 20:59"],
            ),
        ],
    )
    def test_days_when_the_clock_changes(
        self, moments: list[tuple[int, int, int, int]], kept: list[str]
    ) -> None:
        made = [utc(2026, *moment) for moment in moments]
        assert self.kept(made, keep_daily=9, timezone=HELSINKI) == kept

    def test_a_day_is_that_of_the_zone(self) -> None:
        moments = [utc(2026, 5, 1, 15, 59), utc(2026, 5, 1, 16, 0)]
        assert len(self.kept(moments, keep_daily=2)) == 1
        assert len(self.kept(moments, keep_daily=2, timezone="Asia/Shanghai")) == 2

    def test_iso_weeks_at_the_end_of_the_year(self) -> None:
        # 2026 has 53 weeks: the last is from Monday 28 December to Sunday 3 January.
        first, last = utc(2026, 12, 19), utc(2027, 1, 5)
        assert self.days(first, last, keep_weekly=4) == [
            "2027-01-05",
            "2027-01-03",
            "2026-12-27",
            "2026-12-20",
        ]
        items = [item(f"{made:%m-%d}", made) for made in self.noons(first, last)]
        decisions = decide(items, policy(keep_weekly=4))
        assert "for 2027-W01 (" in decisions["01-05"].reason
        assert "for 2026-W53 (" in decisions["01-03"].reason
        assert "for 2026-W52 (" in decisions["12-27"].reason

    def test_years_are_not_those_of_the_weeks(self) -> None:
        first, last = utc(2025, 12, 28), utc(2027, 1, 3)
        assert self.days(first, last, keep_yearly=9) == ["2027-01-03", "2026-12-31", "2025-12-31"]

    def test_month_ends(self) -> None:
        assert self.days(utc(2026, 1, 30), utc(2026, 5, 2), keep_monthly=9) == [
            "2026-05-02",
            "2026-04-30",
            "2026-03-31",
            "2026-02-28",
            "2026-01-31",
        ]

    def test_leap_day(self) -> None:
        first, last = utc(2028, 2, 20), utc(2028, 3, 2)
        assert self.days(first, last, keep_monthly=2) == ["2028-03-02", "2028-02-29"]
        assert self.days(first, last, keep_daily=3) == ["2028-03-02", "2028-03-01", "2028-02-29"]
        assert self.days(first, last, keep_weekly=2) == ["2028-03-02", "2028-02-27"]

    def test_a_month_begins_at_midnight_of_the_zone(self) -> None:
        moments = [utc(2026, 1, 31, 21, 59), utc(2026, 1, 31, 22, 0), utc(2026, 2, 1, 12)]
        assert self.kept(moments, keep_monthly=2, timezone=HELSINKI) == [
            "2026-02-01 12:00",
            "2026-01-31 21:59",
        ]

    def test_a_period_with_a_kept_backup_is_skipped_and_not_counted(self) -> None:
        first, last = utc(2026, 6, 1), utc(2026, 6, 30)
        assert self.days(first, last, keep_last=2, keep_daily=2) == [
            "2026-06-30",
            "2026-06-29",
            "2026-06-28",
            "2026-06-27",
        ]
        # 29 and 30 are days of the last week; the one before ends on the 28th, which is kept.
        assert self.days(first, last, keep_daily=3, keep_weekly=2) == [
            "2026-06-30",
            "2026-06-29",
            "2026-06-28",
            "2026-06-21",
            "2026-06-14",
        ]

    def test_all_rules_together(self) -> None:
        # As PBS has it in its documentation, in small.
        rules = {
            "keep_last": 1,
            "keep_daily": 2,
            "keep_weekly": 2,
            "keep_monthly": 2,
            "keep_yearly": 1,
        }
        assert self.days(utc(2024, 1, 1), utc(2026, 8, 5), **rules) == [
            "2026-08-05",  # last
            "2026-08-04",  # daily
            "2026-08-03",
            "2026-08-02",  # weekly: the week from 3 August is covered
            "2026-07-26",
            "2026-06-30",  # monthly: July has the 26th
            "2026-05-31",
            "2025-12-31",  # yearly: 2026 is covered
        ]

    def test_a_week_does_not_cost_a_month_its_only_backup(self) -> None:
        # Saturday and Sunday of one week. In PBS February is left with nothing.
        moments = [utc(2026, 2, 28), utc(2026, 3, 1)]
        assert len(self.kept(moments, keep_weekly=1, keep_monthly=2)) == 2

    def test_where_a_week_stands_for_a_month(self) -> None:
        first, last = utc(2026, 2, 15), utc(2026, 3, 1)
        assert self.days(first, last, keep_monthly=2) == ["2026-03-01", "2026-02-28"]
        assert self.days(first, last, keep_monthly=2, keep_weekly=2) == ["2026-03-01", "2026-02-22"]


# What Proxmox Backup Server would do, written down once more: whole periods at a time.

PERIODS = {
    "keep_last": "%Y-%m-%d %H:%M:%S%z",
    "keep_hourly": "%Y-%m-%d %H%z",
    "keep_daily": "%Y-%m-%d",
    "keep_weekly": "%G-%V",
    "keep_monthly": "%Y-%m",
    "keep_yearly": "%Y",
}


def prune(points: Sequence[datetime], rules: Policy, *, strikes_off: bool = True) -> set[datetime]:
    """Which of the backups made at these moments are kept.

    :param strikes_off: what a rule passes over in a period is lost to later rules, as in PBS
    """
    zone = ZoneInfo(rules.timezone)
    kept: set[datetime] = set()
    lost: set[datetime] = set()
    for rule, form in PERIODS.items():
        periods: dict[str, list[datetime]] = {}
        for each in sorted(points, reverse=True):
            periods.setdefault(f"{each.astimezone(zone):{form}}", []).append(each)
        open_ones = [
            [each for each in period if each not in lost]
            for period in periods.values()
            if kept.isdisjoint(period)
        ]
        for newest, *others in list(filter(None, open_ones))[: getattr(rules, rule) or 0]:
            kept.add(newest)
            lost.update(others if strikes_off else ())
    return kept


# So that some fall into each of the ends of a year, a leap day, and changes of the clock.
STARTS = (utc(2026, 12, 20), utc(2028, 2, 20), utc(2026, 10, 20), utc(2027, 3, 25))
# Close together now and then, far apart at other times.
GAPS = st.lists(
    st.sampled_from([7, 30, 60, 300, 720, 1440, 1440, 1500, 4000, 20000, 90000]),
    min_size=1,
    max_size=40,
)


@stable(1000)
@given(policies(*PERIODS), st.sampled_from(STARTS), GAPS)
def test_as_in_proxmox_backup_server(rules: Policy, start: datetime, gaps: list[int]) -> None:
    moments = [start + sum(gaps[:number]) * MINUTE for number in range(1, len(gaps) + 1)]
    decisions = retention.decide(
        [item(made.isoformat(), made) for made in moments],
        rules,
        moments[-1],
        automatic=False,
        include_last=True,
    )
    kept = {datetime.fromisoformat(each.backup_id) for each in decisions if each.keep}
    assert kept == prune(moments, rules, strikes_off=False)
    # Only weeks don't nest in what comes after them.
    if rules.keep_weekly is None or (rules.keep_monthly is None and rules.keep_yearly is None):
        assert kept == prune(moments, rules)
