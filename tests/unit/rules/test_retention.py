"""What is kept, what goes, and why: by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backup_manager.rules import deletion, retention
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy
from backup_manager.rules.retention import Decision

from .support import (
    DAY,
    HELSINKI,
    HISTORY,
    MINUTE,
    MONTH,
    NOW,
    changed,
    days_ago,
    decide,
    going,
    item,
    policy,
    utc,
)


def test_without_rules_nothing_goes() -> None:
    for automatic in (True, False):
        decisions = decide(HISTORY, policy(), automatic=automatic)
        assert not going(decisions)
        assert {decision.rule for decision in decisions.values()} == {"no_rules"}
    assert decisions["inc1"].blockers == ("inc2",)
    assert "schedule nightly" in decisions["inc1"].reason


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
        assert deletion.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1"]]
        held = [replace(each, held=each.backup.id == "inc2") for each in items]
        assert going(decide(held, MONTH, automatic=False)) == {"full2"}

    def test_several_doubtful_ones(self) -> None:
        items = [
            *changed(inc1={"verified": False}, inc2={"verified": False}),
            item("oldest", days_ago(60)),
        ]
        decisions = retention.decide(items, MONTH, NOW, automatic=False)
        assert deletion.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1", "oldest"]]

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
        assert deletion.order(by_hand) == [["full2", "inc2"], ["inc1"], ["full1"]]

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

    def test_data_that_is_older_than_their_own_does_not_make_them_good(self) -> None:
        failed = item("failed", days_ago(39), status="error")
        late = item("late", days_ago(38), snapshot="snapshot", data=days_ago(39.5))
        decisions = decide([item("last", days_ago(40)), failed, late], MONTH)
        assert decisions["late"].rule == "last_good"
        assert decisions["failed"].rule == "unresolved"
        newer = replace(late, backup=replace(late.backup, data_timestamp=days_ago(38.5)))
        assert not decide([item("last", days_ago(40)), failed, newer], MONTH)["failed"].keep

    def test_what_goes_does_not_make_them_good(self) -> None:
        items = [
            item("last", days_ago(40)),
            item("failed", days_ago(39), status="error"),
            item("late", days_ago(38), snapshot="snapshot", data=days_ago(41)),
        ]
        decisions = decide(items, MONTH)
        assert going(decisions) == {"late"}
        assert decisions["failed"].rule == "unresolved"

    def test_they_go_with_the_last_good_one(self) -> None:
        failed = item("failed", days_ago(35), status="error")
        for items in ([item("good", days_ago(40)), failed], [failed]):
            assert decide(items, MONTH, automatic=False)["failed"].rule == "unresolved"
            decisions = decide(items, MONTH, automatic=False, include_last=True)
            assert going(decisions) == {each.backup.id for each in items}
            young = decide(items, policy(max_age_days=36), automatic=False, include_last=True)
            assert young["failed"].rule == "max_age_days"

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


class TestGood:
    def test_whole_chains(self) -> None:
        assert retention.good(HISTORY) == {each.backup.id for each in HISTORY}
        assert retention.good([]) == set()

    @pytest.mark.parametrize(
        ("change", "lost"),
        [
            ({"inc2": {"status": "error"}}, {"inc2"}),
            ({"inc1": {"status": "error"}}, {"inc1", "inc2"}),
            ({"inc1": {"status": "deleting"}}, {"inc1", "inc2"}),
            # Its data is there, but just now nobody can restore it.
            ({"full1": {"status": "restoring"}}, {"full1"}),
            ({"inc2": {"status": "creating"}}, {"inc2"}),
            ({"inc1": {"verified": False}}, {"inc1", "inc2"}),
            ({"inc1": {"parent_id": "gone"}}, {"inc1", "inc2"}),
            ({"full1": {"verified": False}}, {"full1", "inc1", "inc2"}),
            ({"inc1": {"parent_id": "inc2"}}, {"inc1", "inc2"}),
        ],
    )
    def test_only_what_is_certain_and_undamaged(
        self, change: dict[str, dict[str, Any]], lost: set[str]
    ) -> None:
        items = changed(**change)
        assert retention.good(items) == {each.backup.id for each in HISTORY} - lost
        assert retention.good(reversed(items)) == retention.good(items)

    def test_whoever_made_them_and_whoever_holds_them(self) -> None:
        items = [replace(each, ours=False, held=True) for each in HISTORY]
        assert retention.good(items) == {each.backup.id for each in HISTORY}

    def test_where_nothing_is_certain(self) -> None:
        doubtful = [replace(each, verified=False) for each in changed(inc3={"status": "error"})]
        assert retention.good(doubtful) == {"full1", "inc1", "inc2", "full2", "full3"}

    def test_nothing_is_available(self) -> None:
        assert retention.good([item("failed", days_ago(1), status="error")]) == set()


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

    def test_expiries_are_of_its_own(self) -> None:
        items = [
            item("alone", days_ago(9)),
            item("full", days_ago(8)),
            item("inc", days_ago(7), parent="full"),
            item("kept", days_ago(6)),
            item("last", days_ago(5)),
        ]
        applied = {
            "alone": self.LONG,
            "full": self.LONG,
            "inc": self.EVERYTHING,
            "kept": self.EVERYTHING,
            "last": self.SHORT,
        }
        assert retention.expiries_each(items, applied) == {"alone": days_ago(9) + 300 * DAY}

    def test_expiries_of_one_policy_are_as_ever(self) -> None:
        applied = {each.backup.id: MONTH for each in HISTORY}
        assert retention.expiries_each(HISTORY, applied) == retention.expiries(HISTORY, MONTH)

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
        assert deletion.order(decisions) == [["inc2"], ["inc1"], ["full"]]

    def test_the_last_good_one_stays_whoever_made_it(self) -> None:
        items = [item("one", days_ago(9)), item("two", days_ago(8))]
        other = policy(max_age_days=2)
        decisions = self.decide(items, one=self.SHORT, two=other)
        assert {each.backup_id: each.rule for each in decisions} == {
            "one": "expired",
            "two": "last_good",
        }
