"""What is kept, what goes, and in which order.

The calendar rules are checked by hand and against Proxmox Backup Server's; what must never be
deleted, against a small Cinder that knows the true parents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import chain, retention
from backup_manager.rules.retention import Decision, Item, Policy, PolicyError

from .support import DAY, MINUTE, stable, utc

HOUR = timedelta(hours=1)
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


class TestParse:
    def test_all(self) -> None:
        numbers = {rule: number for number, rule in enumerate(retention.RULES, 1)}
        parsed = retention.parse(numbers, "volume policy", "Asia/Shanghai")
        assert parsed == Policy("volume policy", 1, 2, 3, 4, 5, 6, 7, 8, 9, "Asia/Shanghai")
        assert not parsed.is_empty

    @pytest.mark.parametrize("mapping", [{}, {"keep_last": None, "max_age_days": None}])
    def test_empty(self, mapping: dict[str, Any]) -> None:
        parsed = retention.parse(mapping, "project default")
        assert parsed == Policy("project default")
        assert parsed.is_empty

    @pytest.mark.parametrize(
        ("mapping", "field", "words"),
        [
            ({"max_age_days": 0}, "retention.max_age_days", "from 1"),
            ({"max_age_days": 366}, "retention.max_age_days", "more than 365"),
            ({"keep_last": 0}, "retention.keep_last", "from 1"),
            ({"keep_daily": -1}, "retention.keep_daily", "from 1"),
            ({"keep_daily": True}, "retention.keep_daily", "whole number"),
            ({"keep_weekly": 1.0}, "retention.keep_weekly", "whole number"),
            ({"keep_yearly": "1"}, "retention.keep_yearly", "whole number"),
            ({"full_count": [4]}, "retention.full_count", "whole number"),
            ({"keep_forever": 1}, "retention.keep_forever", "allowed: max_age_days, keep_last"),
            ({"timezone": "UTC"}, "retention.timezone", "not known here"),
            ({1: 1}, "retention.1", "not known here"),
            ([], "retention", "an object"),
            (None, "retention", "an object"),
        ],
    )
    def test_wrong(self, mapping: Any, field: str, words: str) -> None:
        with pytest.raises(PolicyError) as caught:
            retention.parse(mapping, "volume policy")
        assert caught.value.field == field
        assert words in caught.value.message
        assert str(caught.value) == f"{field}: {caught.value.message}"

    def test_wrong_zone(self) -> None:
        with pytest.raises(PolicyError, match="IANA") as caught:
            retention.parse({}, "volume policy", "Mars/Olympus")
        assert caught.value.field == "timezone"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "everything is kept"),
        ({"max_age_days": 30, "keep_monthly": 12}, "30 days; the newest of each of 12 months"),
        ({"max_age_days": 1, "keep_last": 1}, "1 day; the newest"),
        ({"keep_last": 7, "keep_hourly": 1}, "the 7 newest; the newest of 1 hour"),
        ({"keep_daily": 2, "keep_weekly": 1}, "the newest of each of 2 days; the newest of 1 week"),
        ({"keep_yearly": 5}, "the newest of each of 5 years"),
        ({"full_count": 4}, "the 4 newest full ones"),
        ({"full_count": 1, "keep_last": 2}, "the 2 newest; the newest full one"),
        ({"incremental_count": 6}, "the 6 newest incremental ones"),
        ({"incremental_count": 1}, "the newest incremental one"),
    ],
)
def test_describe(rules: dict[str, int], words: str) -> None:
    assert retention.describe(policy(**rules)) == words


def test_without_rules_nothing_goes() -> None:
    for automatic in (True, False):
        decisions = decide(HISTORY, policy(), automatic=automatic)
        assert not going(decisions)
        assert {decision.rule for decision in decisions.values()} == {"no_rules"}
    assert decisions["inc1"].blockers == ("inc2",)
    assert "schedule nightly" in decisions["inc1"].reason


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


class TestRules:
    def test_age_is_exactly_so_many_days(self) -> None:
        items = [
            item("older", NOW - 30 * DAY - timedelta(microseconds=1)),
            item("just", NOW - 30 * DAY),
            item("younger", NOW - 30 * DAY + timedelta(microseconds=1)),
        ]
        assert going(decide(items, MONTH)) == {"older", "just"}

    def test_age_does_not_follow_the_clock_on_the_wall(self) -> None:
        now = utc(2026, 10, 26, 12)
        items = [item("old", now - DAY), item("new", now - DAY + MINUTE)]
        rules = policy(max_age_days=1, timezone=HELSINKI)
        assert going(decide(items, rules, now=now)) == {"old"}

    def test_of_the_future(self) -> None:
        items = [item("future", NOW + DAY), item("new", days_ago(1)), item("old", days_ago(40))]
        assert going(decide(items, MONTH)) == {"old"}

    def test_counts_of_each_type(self) -> None:
        old_chain = {"full1", "inc1", "inc2"}
        assert going(decide(HISTORY, policy(full_count=1))) == old_chain | {"full2"}
        assert going(decide(HISTORY, policy(full_count=2))) == old_chain
        assert going(decide(HISTORY, policy(incremental_count=1))) == old_chain | {"full2"}
        decisions = decide(HISTORY, policy(incremental_count=2))
        assert going(decisions) == {"full2"}
        assert decisions["inc2"].rule == "incremental_count"
        assert decisions["inc1"].rule == decisions["full1"].rule == "needed"

    def test_an_age_does_not_cover_periods(self) -> None:
        # The two days that count are those of inc3 and full3, which the age keeps as well.
        decisions = decide(HISTORY, policy(max_age_days=4, keep_daily=2))
        assert going(decisions) == {"full1", "inc1", "inc2", "full2"}

    @pytest.mark.parametrize(
        ("backup_id", "rule", "number", "words"),
        [
            ("inc3", "max_age_days", 30, "younger than 30 days."),
            ("inc3", "keep_last", 1, "the newest."),
            ("full3", "keep_last", 2, "one of the 2 newest."),
            ("inc3", "keep_daily", 1, "for 2027-01-08 (the newest of 1 day)."),
            ("full2", "keep_monthly", 2, "for 2026-12 (the newest of each of 2 months)."),
            ("full2", "keep_yearly", 2, "for 2026 (the newest of each of 2 years)."),
            ("full2", "full_count", 2, "one of the 2 newest full ones."),
            ("inc3", "incremental_count", 1, "the newest incremental one."),
        ],
    )
    def test_reasons_to_keep(self, backup_id: str, rule: str, number: int, words: str) -> None:
        decision = decide(HISTORY, policy(**{rule: number}))[backup_id]
        assert decision.rule == rule
        assert decision.reason == f"Kept by schedule nightly: {words}"

    def test_reasons_to_go(self) -> None:
        decision = decide(HISTORY, policy(max_age_days=38, keep_last=1))["inc1"]
        assert decision.rule == "expired"
        assert decision.reason == "Not kept by schedule nightly: 38 days; the newest."


class TestKeptAnyway:
    def test_ancestors(self) -> None:
        decisions = decide(HISTORY, policy(max_age_days=38, keep_daily=4))
        assert going(decisions) == set()
        assert decisions["inc2"].rule == "keep_daily"
        assert decisions["full1"].reason == "Backup inc2 is kept and builds on it."
        assert decisions["full1"].blockers == ("inc1",)

    def test_held(self) -> None:
        for automatic in (True, False):
            held = changed(inc1={"held": True, "hold_reason": "audit of 2026"})
            decisions = decide(held, MONTH, automatic=automatic)
            assert going(decisions) == {"inc2", "full2"}
            assert decisions["inc1"].reason == "On hold: audit of 2026"
            assert decisions["full1"].rule == "needed"
        assert decide(changed(inc1={"held": True}), MONTH)["inc1"].reason == "On hold."

    def test_held_ones_take_nobodys_place(self) -> None:
        held = changed(inc3={"held": True})
        assert going(decide(held, policy(keep_last=2))) == {"full1", "inc1", "inc2"}

    @pytest.mark.parametrize("status", ["creating", "restoring", "deleting", "error_deleting"])
    def test_something_is_under_way(self, status: str) -> None:
        for automatic in (True, False):
            busy = changed(inc1={"status": status})
            decisions = decide(busy, MONTH, automatic=automatic)
            assert decisions["inc1"].rule == "status"
            assert status in decisions["inc1"].reason
            assert decisions["full1"].keep
            assert not decisions["full2"].keep

    def test_last_good(self) -> None:
        decisions = decide(HISTORY, policy(max_age_days=1))
        assert going(decisions) == {"full1", "inc1", "inc2", "full2"}
        assert decisions["inc3"].rule == "last_good"
        assert decisions["full3"].rule == "needed"

    def test_the_last_good_one_has_the_newest_data(self) -> None:
        late = item("late", days_ago(35), snapshot="snapshot", data=days_ago(39.5))
        items = [*HISTORY[:4], late]
        assert decide(items, MONTH)["full2"].rule == "last_good"

    @pytest.mark.parametrize(
        "change",
        [
            {"inc3": {"status": "error"}, "full3": {"status": "error"}},
            {"inc3": {"parent_id": "gone"}, "full3": {"verified": False}},
            {"full3": {"status": "deleting"}},
        ],
    )
    def test_what_is_damaged_or_doubtful_is_not_the_last_good_one(
        self, change: dict[str, dict[str, Any]]
    ) -> None:
        assert decide(changed(**change), policy(max_age_days=1))["full2"].rule == "last_good"

    def test_where_nothing_is_certain_the_newest_is_the_last_good_one(self) -> None:
        items = [item("a", days_ago(50), verified=False), item("b", days_ago(40), verified=False)]
        assert going(decide(items, MONTH, automatic=False)) == {"a"}
        assert going(decide(items, MONTH, automatic=False, include_last=True)) == {"a", "b"}

    def test_the_last_good_one_may_go_by_hand(self) -> None:
        everything = {each.backup.id for each in HISTORY}
        rules = policy(max_age_days=1)
        assert "inc3" not in going(decide(HISTORY, rules, automatic=False))
        assert going(decide(HISTORY, rules, automatic=False, include_last=True)) == everything
        with pytest.raises(ValueError, match="never goes automatically"):
            decide(HISTORY, rules, automatic=True, include_last=True)

    def test_foreign(self) -> None:
        foreign = changed(inc1={"ours": False})
        decisions = decide(foreign, MONTH)
        assert going(decisions) == {"inc2", "full2"}
        assert decisions["inc1"].rule == "foreign"
        assert going(decide(foreign, MONTH, automatic=False)) == {"full1", "inc1", "inc2", "full2"}

    def test_foreign_ones_take_nobodys_place_unless_they_can_go(self) -> None:
        foreign = changed(inc3={"ours": False})
        assert decide(foreign, policy(keep_last=2))["full2"].keep
        assert not decide(foreign, policy(keep_last=2), automatic=False)["full2"].keep

    def test_several_volumes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="several volumes"):
            decide(changed(full2={"volume_id": "other"}), MONTH)


class TestDoubt:
    """Chains that are not certain."""

    @pytest.mark.parametrize(
        "doubt", [{"parent_id": "gone"}, {"verified": False}, {"parent_id": "inc2"}]
    )
    def test_automatically_nothing_of_it_goes(self, doubt: dict[str, Any]) -> None:
        decisions = decide(changed(inc2=doubt), MONTH)
        assert going(decisions) == {"full2"}
        assert decisions["inc2"].rule == "unverified"
        assert decisions["inc1"].reason == (
            "Backup inc2 is kept and may build on it; its chain is not certain."
        )

    def test_everything_older_may_be_what_it_builds_on(self) -> None:
        items = [item("older", days_ago(50)), *changed(full2={"is_incremental": True})]
        decisions = decide([each for each in items if each.backup.id != "inc2"], MONTH)
        # full2 builds on inc1 by Cinder's rule; without that, on any of the older ones.
        assert going(decisions) == {"older", "full1", "inc1", "full2"}
        assert decisions["inc1"].blockers == ("full2",)
        doubtful = changed(full2={"is_incremental": True, "verified": False})
        assert going(decide([items[0], *doubtful], MONTH)) == set()

    def test_by_hand_leaf_first(self) -> None:
        items = changed(inc2={"verified": False})
        decisions = retention.decide(items, MONTH, NOW, automatic=False)
        assert retention.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1"]]
        held = [replace(each, held=each.backup.id == "inc2") for each in items]
        assert going(decide(held, MONTH, automatic=False)) == {"full2"}

    def test_several_doubtful_ones(self) -> None:
        items = [
            *changed(inc1={"verified": False}, inc2={"verified": False}),
            item("oldest", days_ago(60)),
        ]
        decisions = retention.decide(items, MONTH, NOW, automatic=False)
        assert retention.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1", "oldest"]]

    def test_two_doubtful_ones_of_the_same_moment_stay(self) -> None:
        moment = days_ago(40)
        items = [
            item("old", days_ago(50)),
            item("a", moment, parent="gone"),
            item("b", moment, parent="gone"),
            item("c", days_ago(35), parent="gone"),
            item("new", days_ago(1)),
        ]
        decisions = decide(items, MONTH, automatic=False)
        assert going(decisions) == {"c"}
        assert decisions["old"].rule == decisions["a"].rule == "unverified"

    def test_records_that_go_in_circles(self) -> None:
        circle = changed(inc1={"parent_id": "inc2"})
        assert going(decide(circle, MONTH)) == {"full2"}
        by_hand = retention.decide(circle, MONTH, NOW, automatic=False)
        assert retention.order(by_hand) == [["full2", "inc2"], ["inc1"], ["full1"]]

    def test_a_full_one_whose_dependants_do_not_add_up(self) -> None:
        decisions = decide(changed(full1={"verified": False}), MONTH)
        assert going(decisions) == {"full2"}
        assert decisions["full1"].rule == "unverified"

    def test_a_damaged_ancestor(self) -> None:
        decisions = decide(changed(inc1={"status": "error"}), MONTH)
        assert decisions["inc2"].rule == "unverified"
        assert going(decisions) == {"full2"}


class TestFailed:
    def test_they_go_with_their_age(self) -> None:
        decisions = decide(changed(inc2={"status": "error"}), MONTH)
        assert going(decisions) == {"full1", "inc1", "inc2", "full2"}
        assert decisions["inc2"].rule == "failed"
        assert (
            decisions["inc2"].reason == "It failed, and is not kept by schedule nightly: 30 days."
        )

    def test_young_ones_stay(self) -> None:
        failed = item("failed", days_ago(2.5), parent="inc2", status="error")
        decisions = decide([*HISTORY, failed], MONTH)
        assert decisions["failed"].rule == "max_age_days"
        assert decisions["full1"].reason == "Backup failed is kept and builds on it."
        assert going(decisions) == {"full2"}

    def test_without_an_age_they_stay_until_something_is_good(self) -> None:
        last, earlier = (
            item("last", days_ago(1), status="error"),
            item("x", days_ago(9), status="error"),
        )
        decisions = decide([*HISTORY, last, earlier], policy(keep_last=1))
        assert decisions["last"].rule == "unresolved"
        assert not decisions["x"].keep

    def test_something_doubtful_does_not_make_them_good(self) -> None:
        items = [
            item("failed", days_ago(50), status="error"),
            item("doubtful", days_ago(40), verified=False),
        ]
        assert decide(items, MONTH)["failed"].rule == "unresolved"

    def test_they_do_not_count(self) -> None:
        assert decide(changed(inc3={"status": "error"}), policy(keep_last=2))["full2"].keep
        assert decide(changed(full3={"status": "error"}), policy(full_count=1))["full2"].keep

    def test_of_a_snapshot_they_stay(self) -> None:
        failed = changed(full2={"status": "error", "snapshot_id": "snapshot"})
        for automatic in (True, False):
            decisions = decide(failed, MONTH, automatic=automatic)
            assert decisions["full2"].rule == "snapshot"
            assert "Ceph" in decisions["full2"].reason

    def test_foreign_ones_stay_automatically(self) -> None:
        failed = changed(full2={"status": "error", "ours": False})
        assert decide(failed, MONTH)["full2"].rule == "foreign"
        assert not decide(failed, MONTH, automatic=False)["full2"].keep


class TestOrder:
    def test_leaf_first(self) -> None:
        decisions = retention.decide(HISTORY, MONTH, NOW, automatic=True)
        assert retention.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1"]]

    def test_a_derived_parent(self) -> None:
        decisions = retention.decide(
            changed(inc1={"parent_id": None}, inc2={"parent_id": None}), MONTH, NOW, automatic=True
        )
        assert retention.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1"]]

    def test_what_can_not_go_is_left_out(self) -> None:
        gone = Decision("parent", False, "expired", "", ("child",))
        assert retention.order([gone]) == []
        assert retention.order([gone, Decision("child", True, "held", "")]) == []
        assert retention.order([gone, Decision("child", False, "expired", "")]) == [
            ["child"],
            ["parent"],
        ]

    def test_nothing(self) -> None:
        assert retention.order([]) == []


def test_digest() -> None:
    decisions = retention.decide(HISTORY, MONTH, NOW, automatic=True)
    digest = retention.digest(decisions)
    assert len(digest) == 64
    assert all(retention.digest(shuffled) == digest for shuffled in permutations(decisions))
    assert retention.digest(each for each in decisions if not each.keep) == digest
    assert retention.digest(decisions[:-1]) != digest
    # printf 'full1\nfull2\ninc1\ninc2' | sha256sum
    assert digest == "278220de7178660b4d79580c2eae5dd003e05faebdd3772efe706435b737c84f"


@pytest.mark.parametrize(
    ("total", "going", "percent", "stops"),
    [
        (100, 10, 10, False),
        (100, 11, 10, True),
        (3, 1, 33, True),
        (3, 1, 34, False),
        (0, 0, 0, False),
        (10, 0, 0, False),
        (10, 1, 0, True),
        (10, 10, 100, False),
    ],
)
def test_brake(total: int, going: int, percent: int, stops: bool) -> None:
    assert retention.brake(total, going, percent) is stops


class TestExpiries:
    def test_each_with_what_builds_on_it(self) -> None:
        assert retention.expiries(HISTORY, policy(max_age_days=60)) == {
            "full1": days_ago(38) + 60 * DAY,
            "inc1": days_ago(38) + 60 * DAY,
            "inc2": days_ago(38) + 60 * DAY,
            "full2": days_ago(37) + 60 * DAY,
        }

    def test_only_of_an_age(self) -> None:
        assert retention.expiries(HISTORY, policy(max_age_days=60, keep_last=1)) == {}
        assert retention.expiries(HISTORY, policy(keep_last=1)) == {}
        assert retention.expiries(HISTORY, policy()) == {}
        assert retention.expiries([], MONTH) == {}


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


ZONES = ("UTC", HELSINKI, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
# So that some fall into each of the ends of a year, a leap day, and changes of the clock.
STARTS = (utc(2026, 12, 20), utc(2028, 2, 20), utc(2026, 10, 20), utc(2027, 3, 25))


def policies(*rules: str) -> st.SearchStrategy[Policy]:
    some = st.dictionaries(st.sampled_from(rules), st.integers(1, 4), min_size=1, max_size=3)
    zones = st.sampled_from(ZONES)
    return st.builds(lambda some, zone: Policy("volume policy", timezone=zone, **some), some, zones)


CALENDAR = retention.RULES[1:7]
# Close together now and then, far apart at other times.
GAPS = st.lists(
    st.sampled_from([7, 30, 60, 300, 720, 1440, 1440, 1500, 4000, 20000, 90000]),
    min_size=1,
    max_size=40,
)


@stable(1000)
@given(policies(*CALENDAR), st.sampled_from(STARTS), GAPS)
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


# Random histories, and what Cinder knows about them.


@dataclass(frozen=True)
class Made:
    """A backup of a random history.

    :param minutes: since the one before
    :param parent: 0 for a full one, 1 for what Cinder's rule says, else any older one
    :param known: what we know about the parent
    """

    minutes: int
    parent: int
    known: str
    status: str
    ours: bool
    held: bool
    snapshot: bool


def mostly(usual: Sequence[Any], *others: Any) -> st.SearchStrategy[Any]:
    """One of the usual ones about nine times in ten."""
    return st.sampled_from([*usual] * (9 * max(len(others), 1) // len(usual) + 1) + [*others])


def made(doubts: Sequence[str]) -> st.SearchStrategy[Made]:
    return st.builds(
        Made,
        minutes=st.sampled_from([1440, 1440, 60, 10000, 0]),
        parent=mostly([0, 1, 1, 1], 2, 5),
        known=mostly(["recorded", "derived"], *doubts),
        status=mostly(
            ["available"] * 4 + ["error"], "creating", "restoring", "deleting", "error_deleting"
        ),
        ours=mostly([True], False),
        held=mostly([False] * 30, True),
        snapshot=mostly([False], True),
    )


class Cinder:
    """As much of it as deletes backups. Knows the true parents.

    :ivar items: the backups as we know them
    """

    def __init__(self, history: Sequence[Made], names: Sequence[int]) -> None:
        self.parents: dict[str, str] = {}
        self.items: list[Item] = []
        made_at = utc(2027, 1, 1)
        for number, made in enumerate(history):
            made_at += made.minutes * MINUTE
            self._create(f"{names[number]:02}", made_at, made)
        self.now = made_at + HOUR
        self._verify(history)

    def _create(self, name: str, made_at: datetime, made: Made) -> None:
        others = [each.backup for each in self.items]
        if made.parent > 1 and others:
            self.parents[name] = others[-1 - made.parent % len(others)].id
        elif made.parent == 1 and (usual := chain.parent_of_next(others)) is not None:
            self.parents[name] = usual.id
        true = self.parents.get(name)
        told = {"recorded": true, "wrong": names_of(others)[0] if others else None, "lost": "gone"}
        incremental = true is not None
        backup = chain.Backup(
            id=name,
            volume_id="volume",
            status=made.status,
            is_incremental=incremental,
            created_at=made_at,
            data_timestamp=made_at - 90 * MINUTE if made.snapshot else made_at,
            size_gb=10,
            snapshot_id="snapshot" if made.snapshot else None,
            parent_id=told.get(made.known) if incremental else None,
        )
        self.items.append(Item(backup, ours=made.ours, verified=True, held=made.held))

    def _verify(self, history: Sequence[Made]) -> None:
        """Only what we know rightly is called so; a parent that is gone is none to be right."""
        told = chain.derive_parents(each.backup for each in self.items)
        for number, each in enumerate(self.items):
            right = told.get(each.backup.id) in (self.parents.get(each.backup.id), "gone", None)
            known = history[number].known != "unverified"
            self.items[number] = replace(each, verified=right and known)

    def delete(self, name: str) -> None:
        (found,) = [each for each in self.items if each.backup.id == name]
        assert found.backup.status in ("available", "error"), "Backup status must be ..."
        children = [child for child, parent in self.parents.items() if parent == name]
        assert not children, f"Incremental backups exist for this backup: {children}"
        self.parents.pop(name, None)
        self.items.remove(found)

    def chain(self, name: str) -> list[str]:
        line = [name]
        while line[-1] in self.parents:
            line.append(self.parents[line[-1]])
        return line


def names_of(backups: Sequence[chain.Backup]) -> list[str]:
    return [each.id for each in backups]


HISTORIES = st.builds(
    Cinder,
    st.lists(made([]), min_size=5, max_size=14)
    | st.lists(made(["unverified", "wrong", "lost"]), min_size=5, max_size=14),
    st.permutations(range(14)),
)
POLICIES = policies(*retention.RULES)
MODES = st.sampled_from([(True, False), (False, False), (False, True)])


@stable(2000)
@given(HISTORIES, POLICIES, MODES, st.booleans())
def test_whatever_the_history(
    cinder: Cinder, rules: Policy, mode: tuple[bool, bool], backwards: bool
) -> None:
    automatic, include_last = mode
    items = {each.backup.id: each for each in cinder.items}
    decisions = retention.decide(
        cinder.items, rules, cinder.now, automatic=automatic, include_last=include_last
    )
    assert sorted(each.backup_id for each in decisions) == sorted(items)
    gone = {each.backup_id for each in decisions if not each.keep}
    waves = retention.order(decisions)
    assert sorted(name for wave in waves for name in wave) == sorted(gone)

    for name in items.keys() - gone:
        assert not gone.intersection(cinder.chain(name)), "something kept builds on it"
    for name in gone:
        assert not items[name].held
        assert items[name].ours or not automatic
        assert items[name].backup.status != "error" or items[name].backup.snapshot_id is None
    if not include_last:
        good = last_good(cinder)
        assert good is None or not gone.intersection(cinder.chain(good))

    for wave in waves:
        for name in reversed(wave) if backwards else wave:
            cinder.delete(name)
    again = retention.decide(
        cinder.items, rules, cinder.now, automatic=automatic, include_last=include_last
    )
    assert all(each.keep for each in again), "deciding again finds more"


@stable(100)
@given(HISTORIES, MODES)
def test_an_empty_policy_lets_nothing_go(cinder: Cinder, mode: tuple[bool, bool]) -> None:
    automatic, include_last = mode
    assert not going(decide(cinder.items, policy(), automatic=automatic, include_last=include_last))


def last_good(cinder: Cinder) -> str | None:
    """The newest available backup whose chain is known and whole."""
    items = {each.backup.id: each for each in cinder.items}

    def is_good(name: str) -> bool:
        line = cinder.chain(name)
        told = chain.lineage(items[name].backup, [each.backup for each in cinder.items])
        return (
            items[name].backup.status == "available"
            and told is not None
            and names_of(told) == line
            and all(items[link].verified for link in line)
            and all(items[link].backup.status in ("available", "restoring") for link in line)
        )

    good = [items[name].backup for name in items if is_good(name)]
    return max(good, key=lambda b: (b.data_time, b.created_at, b.id)).id if good else None


@stable(1000)
@given(HISTORIES, POLICIES, POLICIES, st.booleans())
def test_another_rule_never_lets_more_go(
    cinder: Cinder, rules: Policy, others: Policy, automatic: bool
) -> None:
    more: dict[str, Any] = {
        rule: max(getattr(rules, rule) or 0, getattr(others, rule) or 0) or None
        for rule in retention.RULES
    }
    both = replace(rules, **more)
    before = decide(cinder.items, rules, automatic=automatic, now=cinder.now)
    after = decide(cinder.items, both, automatic=automatic, now=cinder.now)
    if both.keep_weekly is None or (both.keep_monthly is None and both.keep_yearly is None):
        assert going(after) <= going(before)
    formats = {"keep_weekly": "%G/%V", "keep_monthly": "%Y/%m", "keep_yearly": "%Y"}
    where = ZoneInfo(rules.timezone)
    at = {each.backup.id: each.backup.created_at.astimezone(where) for each in cinder.items}
    for rule, form in formats.items():
        held_before = {f"{at[n]:{form}}" for n, each in before.items() if each.rule == rule}
        held_after = {f"{at[n]:{form}}" for n, each in after.items() if each.keep}
        assert held_before <= held_after, "a period has lost its backup"


@stable(300)
@given(HISTORIES, st.integers(1, 20), st.booleans())
def test_expiries_come_true(cinder: Cinder, days: int, automatic: bool) -> None:
    rules = policy(max_age_days=days)
    expiries = retention.expiries(cinder.items, rules, automatic=automatic)
    moments = {each.backup.created_at + days * DAY for each in cinder.items}
    went: dict[str, datetime] = {}
    for moment in sorted(moments):
        decisions = retention.decide(cinder.items, rules, moment, automatic=automatic)
        for wave in retention.order(decisions):
            for name in wave:
                cinder.delete(name)
                went[name] = moment
    assert went == expiries


def test_normalise() -> None:
    assert retention.normalise({"max_age_days": 3, "keep_last": None}) == {"max_age_days": 3}
    assert retention.normalise({}) == {}
    with pytest.raises(PolicyError, match="must not be more than 365"):
        retention.normalise({"max_age_days": 366})


class TestSeveralPolicies:
    SHORT = policy(max_age_days=1)
    LONG = policy(max_age_days=300)
    EVERYTHING = policy()

    def decide(self, items: Sequence[Item], **policies: Policy) -> list[Decision]:
        applied = {each.backup.id: policies[each.backup.id] for each in items}
        return retention.decide_each(items, applied, NOW, automatic=True)

    def test_one_policy_is_as_ever(self) -> None:
        applied = {each.backup.id: MONTH for each in HISTORY}
        decisions = retention.decide_each(HISTORY, applied, NOW, automatic=True)
        assert decisions == retention.decide(HISTORY, MONTH, NOW, automatic=True)

    def test_each_decides_about_its_own(self) -> None:
        items = [item("old1", days_ago(9)), item("old2", days_ago(8)), item("new", days_ago(0.5))]
        decisions = self.decide(items, old1=self.LONG, old2=self.SHORT, new=self.SHORT)
        assert {each.backup_id: each.rule for each in decisions} == {
            "old1": "max_age_days",
            "old2": "expired",
            "new": "max_age_days",
        }

    def test_counts_are_of_its_own(self) -> None:
        last = policy(keep_last=2)
        items = [item(f"b{n}", days_ago(n)) for n in range(6)]
        alternately = {f"b{n}": self.EVERYTHING if n % 2 else last for n in range(6)}
        decisions = self.decide(items, **alternately)
        assert {each.backup_id for each in decisions if not each.keep} == {"b4"}

    def test_what_another_policy_keeps_needs_its_chain(self) -> None:
        items = [
            item("full", days_ago(9)),
            item("inc", days_ago(8), parent="full"),
            item("new", days_ago(0.5)),
        ]
        decisions = self.decide(items, full=self.SHORT, inc=self.LONG, new=self.SHORT)
        by_id = {each.backup_id: each for each in decisions}
        assert (by_id["full"].rule, by_id["full"].blockers) == ("needed", ("inc",))

    def test_a_chain_over_several_policies_goes_as_a_whole(self) -> None:
        other = policy(max_age_days=2)
        items = [
            item("full", days_ago(9)),
            item("inc1", days_ago(8), parent="full"),
            item("inc2", days_ago(7), parent="inc1"),
            item("new", days_ago(0.5)),
        ]
        decisions = self.decide(items, full=self.SHORT, inc1=other, inc2=self.SHORT, new=other)
        assert {each.backup_id for each in decisions if not each.keep} == {"full", "inc1", "inc2"}
        assert retention.order(decisions) == [["inc2"], ["inc1"], ["full"]]

    def test_the_last_good_one_stays_whoever_made_it(self) -> None:
        items = [item("one", days_ago(9)), item("two", days_ago(8))]
        other = policy(max_age_days=2)
        decisions = self.decide(items, one=self.SHORT, two=other)
        assert {each.backup_id: each.rule for each in decisions} == {
            "one": "expired",
            "two": "last_good",
        }

    def test_widest(self) -> None:
        both = policy(max_age_days=300, keep_last=2, keep_daily=5)
        found = retention.widest([self.LONG, policy(keep_last=2, keep_daily=5), self.SHORT])
        assert found == both
        assert retention.widest([self.LONG, self.EVERYTHING]).is_empty
        assert retention.widest([self.SHORT]) is self.SHORT
