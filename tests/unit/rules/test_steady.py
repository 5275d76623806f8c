"""What a schedule and a policy come to in the long run, by hand and step by step."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import recurrence, retention, simulation, steady
from backup_manager.rules.policy import Policy
from backup_manager.rules.steady import Steady

from .support import DAY, stable, utc

NOW = utc(2026, 10, 1, 12)
NIGHTLY = "0 2 * * *"


def play(
    cron: str = NIGHTLY, *, increments: int = 0, timezone: str = "UTC", **rules: Any
) -> Steady:
    policy = Policy("this policy", timezone=timezone, **rules)
    return steady.steady(cron, timezone, "incremental", increments, policy, NOW)


def ages(found: Steady) -> list[float]:
    """Days by which each kept backup is older than the newest one."""
    return [(found.at - each.at) / DAY for each in found.kept]


class TestByHand:
    def test_the_newest(self) -> None:
        found = play(keep_last=3)
        assert ages(found) == [0, 1, 2]
        assert found.at == utc(2026, 10, 17, 2)
        assert found.is_complete
        assert found.kept[0] == steady.Kept(
            found.at, "full", "keep_last", "Kept by this policy: one of the 3 newest."
        )

    def test_an_age(self) -> None:
        found = play(max_age_days=30)
        assert ages(found) == list(range(30))
        assert found.is_complete

    def test_an_age_of_which_the_newest_is_older(self) -> None:
        found = play("0 2 1 * *", max_age_days=5)
        assert ages(found) == [0]
        assert found.is_complete

    def test_generations(self) -> None:
        found = play(keep_daily=7, keep_weekly=4, keep_monthly=12)
        rules = [each.rule for each in found.kept]
        assert [rules.count(rule) for rule in ("keep_daily", "keep_weekly", "keep_monthly")] == [
            *(7, 4, 12)
        ]
        assert ages(found) == sorted(ages(found))
        assert 365 < ages(found)[-1] < 430
        assert found.is_complete

    def test_generations_of_an_hourly_schedule(self) -> None:
        found = play("0 * * * *", keep_hourly=24, keep_daily=7, keep_weekly=4, keep_monthly=12)
        assert found.is_complete
        assert len(found.kept) == 24 + 7 + 4 + 12

    def test_chains_stay_whole(self) -> None:
        found = play(increments=6, keep_last=1)
        # The 16th backup: the second increment of the third chain.
        assert [(each.type, each.rule) for each in found.kept] == [
            ("incremental", "keep_last"),
            ("full", "needed"),
        ]

    def test_full_ones_are_counted_for_themselves(self) -> None:
        found = play(increments=2, full_count=4)
        kept = [each.type for each in found.kept if each.rule == "full_count"]
        assert kept == ["full"] * 4
        assert found.is_complete

    def test_without_rules_they_grow_for_ever(self) -> None:
        found = play()
        assert len(found.kept) == steady.HORIZON.days
        assert not found.is_complete

    def test_more_years_than_are_played(self) -> None:
        found = play(keep_yearly=10)
        assert not found.is_complete
        assert [each.rule for each in found.kept].count("keep_yearly") == 3
        assert found.at - NOW <= steady.HORIZON

    def test_more_backups_than_are_made(self) -> None:
        found = play("* * * * *", keep_daily=30)
        assert not found.is_complete
        assert found.at - NOW == timedelta(minutes=steady.LIMIT)

    def test_so_seldom_that_there_is_one(self) -> None:
        found = play("0 2 29 2 *", keep_last=1)
        assert (found.at, len(found.kept)) == (utc(2028, 2, 29, 2), 1)
        far = play("0 2 29 2 1", keep_last=2)
        assert len(far.kept) >= 1

    def test_what_no_backup_can_fill(self) -> None:
        """Full ones alone never make four incremental ones."""
        found = play(incremental_count=4)
        assert not found.is_complete
        assert len(found.kept) == 1

    def test_a_month_is_represented_as_it_was_when_it_went_by(self) -> None:
        """By the last backup of one of its weeks: its own last one was not kept beside that."""
        found = play(keep_weekly=2, keep_monthly=2)
        assert [(each.at, each.rule) for each in found.kept] == [
            (utc(2027, 6, 14, 2), "keep_weekly"),
            (utc(2027, 6, 13, 2), "keep_weekly"),
            (utc(2027, 5, 30, 2), "keep_monthly"),
            (utc(2027, 4, 25, 2), "keep_monthly"),
        ]
        assert found.is_complete

    def test_too_many_for_each_day_to_be_played(self) -> None:
        found = play(keep_last=700, keep_weekly=1, keep_monthly=1)
        assert not found.is_complete
        assert 200 < len(found.kept) < 400

    def test_the_calendar_is_that_of_the_zone(self) -> None:
        found = play("0 */6 * * *", timezone="Asia/Shanghai", keep_daily=2)
        assert [each.at.hour for each in found.kept] == [10, 10]

    @pytest.mark.parametrize(("cron", "timezone"), [("* * *", "UTC"), (NIGHTLY, "Mars/Olympus")])
    def test_not_valid(self, cron: str, timezone: str) -> None:
        policy = Policy("p", keep_last=1)
        with pytest.raises(recurrence.RecurrenceError):
            steady.steady(cron, timezone, "full", 0, policy, NOW)


CRONS = st.sampled_from(
    ["0 2 * * *", "0 */6 * * *", "0 2 * * 1-5", "30 1 L * *", "0-59/20 9 1,15 * *", "0 3 * * 0"]
)
COUNTS = st.integers(1, 5)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "max_age_days": st.integers(1, 40),
        "keep_last": COUNTS,
        "keep_hourly": COUNTS,
        "keep_daily": COUNTS,
        "keep_weekly": st.integers(1, 3),
        "keep_monthly": st.integers(1, 3),
        "keep_yearly": st.integers(1, 2),
        "full_count": COUNTS,
        "incremental_count": COUNTS,
    },
).filter(bool)
ZONES = st.sampled_from(["UTC", "Europe/Helsinki", "Australia/Lord_Howe"])


@stable(100)
@given(CRONS, ZONES, st.integers(0, 4), RULES)
def test_the_same_as_step_by_step(
    cron: str, zone: str, increments: int, rules: dict[str, int]
) -> None:
    """Retention after each backup, as engines apply it, keeps just that."""
    policy = Policy("p", timezone=zone, **rules)
    found = steady.steady(cron, zone, "incremental", increments, policy, NOW, limit=100)
    stock = simulation._Stock(simulation.Volume("v", 1, policy), NOW)
    schedule = simulation.Schedule(cron, zone, "incremental", increments, ["v"])
    slot = NOW
    while slot < found.at:
        slot = recurrence.next_after(cron, zone, slot)
        stock.make(slot, schedule)
        list(stock.retain(slot))
    left = retention.decide(stock._items, policy, found.at, automatic=True)
    assert all(each.keep for each in left)
    made = {each.backup.id: each.backup for each in stock._items}
    assert [(each.at, each.type == "incremental") for each in found.kept] == [
        (made[each.backup_id].created_at, made[each.backup_id].is_incremental) for each in left
    ]


@stable(50)
@given(CRONS, st.integers(0, 4), RULES)
def test_when_it_is_complete_there_is_never_more(
    cron: str, increments: int, rules: dict[str, int]
) -> None:
    """However much longer it runs: of each rule as many, but for whole chains and their phase."""
    policy = Policy("p", **rules)
    found = steady.steady(cron, "UTC", "incremental", increments, policy, NOW, limit=500)
    if not found.is_complete:
        return
    begin = NOW + timedelta(days=3)
    later = steady.steady(cron, "UTC", "incremental", increments, policy, begin)

    def counts(each: Steady) -> dict[str, int]:
        return {
            rule: sum(kept.rule == rule for kept in each.kept)
            for rule in ("keep_last", "keep_hourly", "keep_daily", "keep_weekly")
            if "max_age_days" not in rules
        }

    assert counts(found) == counts(later)


@pytest.mark.parametrize("cron", ["* * * * *", "*/5 * * * *", "0 * * * *", "0 0 29 2 *"])
@pytest.mark.parametrize("increments", [0, 1000])
@pytest.mark.parametrize("rules", [{"keep_yearly": 5}, {"keep_weekly": 4, "keep_monthly": 12}])
def test_nobody_waits(cron: str, increments: int, rules: dict[str, int]) -> None:
    """Computing time, so that a machine that has other things to do does not count."""
    rules = {"max_age_days": 1, "keep_last": 500, "keep_hourly": 48, **rules}
    begin = time.process_time()
    play(cron, increments=increments, timezone="Europe/Helsinki", **rules)
    # It takes a tenth of that.
    assert time.process_time() - begin < 5
