"""Deleting by name, leaf first, and looking before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from backup_manager.rules import deletion, retention
from backup_manager.rules.retention import Decision

from .support import HISTORY, MONTH, NOW, changed, days_ago, item


def gone(decisions: Sequence[Decision]) -> list[str]:
    return [each.backup_id for each in decisions if not each.keep]


def refused(decisions: Sequence[Decision]) -> dict[str, str]:
    return {each.backup_id: each.reason for each in decisions if each.keep}


class TestNamed:
    """By hand. In the history inc2 builds on inc1, and that on full1; inc3 builds on full3."""

    @pytest.mark.parametrize(
        ("backup_ids", "goes"),
        [
            (["inc2"], ["inc2"]),
            # The last good one, and several chains.
            (["full2", "inc3", "inc2"], ["inc3", "full2", "inc2"]),
            (["full1", "inc2", "inc1"], ["inc2", "inc1", "full1"]),
            (["full2", "of-another-volume"], ["full2"]),
            (["of-another-volume"], []),
            ([], []),
        ],
    )
    def test_goes(self, backup_ids: list[str], goes: list[str]) -> None:
        for named in permutations(backup_ids):
            for items in (HISTORY, HISTORY[::-1]):
                decisions = deletion.named(items, named, cascade=False)
                assert gone(decisions) == goes
                assert {(each.rule, each.reason) for each in decisions} <= {
                    ("named", "You named it.")
                }
                assert len(decisions) == len(goes)

    @pytest.mark.parametrize(
        ("backup_ids", "goes", "why_not"),
        [
            (["inc1"], [], {"inc1": "inc2 builds on it."}),
            (["full1"], [], {"full1": "inc1, inc2 build on it."}),
            (
                ["full1", "inc1"],
                [],
                {"inc1": "inc2 builds on it.", "full1": "inc1, inc2 build on it."},
            ),
            (["full1", "inc2", "full2"], ["full2", "inc2"], {"full1": "inc1 builds on it."}),
        ],
    )
    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"inc2": {"status": "error"}},
            {"inc1": {"ours": False}, "inc2": {"ours": False}},
            {"inc1": {"parent_id": None}, "inc2": {"parent_id": None}},
        ],
    )
    def test_what_others_build_on_stays(
        self,
        change: dict[str, Any],
        backup_ids: list[str],
        goes: list[str],
        why_not: dict[str, str],
    ) -> None:
        decisions = deletion.named(changed(**change), backup_ids, cascade=False)
        assert gone(decisions) == goes
        assert refused(decisions) == why_not
        assert {each.rule for each in decisions if each.keep} == {"needed"}

    @pytest.mark.parametrize(
        "change", [{}, {"inc2": {"status": "error"}}, {"inc1": {"status": "error"}}]
    )
    def test_cascade(self, change: dict[str, Any]) -> None:
        decisions = deletion.named(changed(**change), ["full1"], cascade=True)
        assert [(each.backup_id, each.rule, each.reason) for each in decisions] == [
            ("inc2", "dependant", "It builds on inc1."),
            ("inc1", "dependant", "It builds on full1."),
            ("full1", "named", "You named it."),
        ]
        assert [each.blockers for each in decisions] == [(), ("inc2",), ("inc1",)]
        assert gone(decisions) == ["inc2", "inc1", "full1"]
        assert deletion.order(decisions) == [["inc2"], ["inc1"], ["full1"]]

    def test_cascade_leaves_alone_what_does_not_build_on_them(self) -> None:
        decisions = deletion.named(HISTORY, ["inc1", "full3"], cascade=True)
        assert gone(decisions) == ["inc3", "full3", "inc2", "inc1"]

    def test_nobody_has_to_have_made_them(self) -> None:
        foreign = [
            replace(each, ours=False, verified=not each.backup.parent_id) for each in HISTORY
        ]
        assert gone(deletion.named(foreign, ["full2", "inc3"], cascade=False)) == ["inc3", "full2"]

    def test_failed_ones(self) -> None:
        failed = changed(full2={"status": "error"})
        assert gone(deletion.named(failed, ["full2"], cascade=False)) == ["full2"]

    def test_failed_ones_of_a_snapshot(self) -> None:
        failed = changed(full2={"status": "error", "snapshot_id": "snapshot"})
        (decision,) = deletion.named(failed, ["full2"], cascade=True)
        assert (decision.keep, decision.rule) == (True, "snapshot")
        assert "Ceph" in decision.reason
        good = changed(full2={"snapshot_id": "snapshot"})
        assert gone(deletion.named(good, ["full2"], cascade=False)) == ["full2"]

    @pytest.mark.parametrize("status", ["creating", "restoring", "deleting", "error_deleting"])
    def test_something_is_under_way(self, status: str) -> None:
        busy = changed(inc2={"status": status})
        decisions = deletion.named(busy, ["inc2", "full2"], cascade=False)
        assert gone(decisions) == ["full2"]
        assert decisions[1].rule == "status"
        assert decisions[1].reason.startswith(f"Its status is {status};")
        assert refused(deletion.named(busy, ["inc1"], cascade=True))["inc1"] == "inc2 builds on it."

    def test_held(self) -> None:
        held = changed(inc3={"held": True, "hold_reason": "audit of 2026"}, full2={"held": True})
        decisions = deletion.named(held, ["inc3", "full2"], cascade=False)
        assert refused(decisions) == {"inc3": "On hold: audit of 2026", "full2": "On hold."}
        assert {each.rule for each in decisions} == {"held"}

    def test_what_a_held_one_builds_on(self) -> None:
        held = changed(inc2={"held": True})
        assert refused(deletion.named(held, ["full1"], cascade=True)) == {
            "inc2": "On hold.",
            "inc1": "inc2 builds on it.",
            "full1": "inc1, inc2 build on it.",
        }

    def test_what_builds_on_a_held_one(self) -> None:
        decisions = deletion.named(changed(inc1={"held": True}), ["full1"], cascade=True)
        assert gone(decisions) == ["inc2"]
        assert refused(decisions) == {"inc1": "On hold.", "full1": "inc1 builds on it."}

    def test_only_a_few_dependants_are_listed(self) -> None:
        made = [item(f"inc{n}", days_ago(20 - n), parent="full") for n in range(7)]
        (decision,) = deletion.named([item("full", days_ago(30)), *made], ["full"], cascade=False)
        assert decision.reason == "inc0, inc1, inc2, inc3, inc4 and 2 more build on it."
        (decision,) = deletion.named(
            [item("full", days_ago(30)), *made[:5]], ["full"], cascade=False
        )
        assert decision.reason == "inc0, inc1, inc2, inc3, inc4 build on it."


class TestNamedInDoubt:
    @pytest.mark.parametrize(
        ("change", "backup_id", "why_not"),
        [
            ({"inc2": {"verified": False}}, "inc1", "inc2 may build on it."),
            (
                {"inc2": {"verified": False}},
                "full1",
                "inc1 builds on it and inc2 may build on it.",
            ),
            # It may build on whatever is older than it, but not on what is younger.
            ({"inc3": {"parent_id": "gone"}}, "full2", "inc3 may build on it."),
            ({"inc3": {"parent_id": "gone"}}, "inc2", "inc3 may build on it."),
            (
                {"inc3": {"parent_id": "gone"}, "inc2": {"verified": False}},
                "inc1",
                "inc2, inc3 may build on it.",
            ),
            # Records that go in circles.
            (
                {"inc1": {"parent_id": "inc2"}},
                "full1",
                "inc1, inc2 may build on it.",
            ),
            ({"inc1": {"parent_id": "inc1"}}, "full1", "inc1, inc2 may build on it."),
        ],
    )
    def test_what_they_may_build_on_stays(
        self, change: dict[str, Any], backup_id: str, why_not: str
    ) -> None:
        (decision,) = deletion.named(changed(**change), [backup_id], cascade=False)
        assert (decision.keep, decision.rule, decision.reason) == (True, "needed", why_not)

    def test_what_is_younger_goes(self) -> None:
        doubtful = changed(inc2={"parent_id": "gone"})
        assert gone(deletion.named(doubtful, ["full2", "inc2"], cascade=False)) == ["full2", "inc2"]

    def test_cascade(self) -> None:
        decisions = deletion.named(changed(inc2={"verified": False}), ["inc1"], cascade=True)
        assert gone(decisions) == ["inc2", "inc1"]
        assert decisions[0].rule == "dependant"
        assert decisions[0].reason == "It may build on inc1; its chain is not certain."
        decisions = deletion.named(changed(inc2={"verified": False}), ["full1"], cascade=True)
        assert gone(decisions) == ["inc2", "inc1", "full1"]
        assert decisions[0].reason == "It may build on inc1, full1; its chain is not certain."

    def test_cascade_takes_a_whole_circle(self) -> None:
        circle = changed(inc1={"parent_id": "inc2"})
        decisions = deletion.named(circle, ["full1"], cascade=True)
        assert deletion.order(decisions) == [["inc2"], ["inc1"], ["full1"]]
        decisions = deletion.named(circle, ["inc1"], cascade=True)
        assert gone(decisions) == ["inc2", "inc1"]

    def test_two_of_the_same_moment_can_not_be_ordered(self) -> None:
        moment = days_ago(40)
        items = [
            item("full", days_ago(50)),
            item("a", moment, parent="gone"),
            item("b", moment, parent="gone"),
            item("c", days_ago(35), parent="gone"),
        ]
        for cascade in (True, False):
            decisions = deletion.named(items, ["a", "b", "c"], cascade=cascade)
            assert gone(decisions) == ["c"]
            assert refused(decisions) == {
                "a": "b may build on it.",
                "b": "a may build on it.",
            }

    def test_a_full_one_whose_dependants_do_not_add_up(self) -> None:
        # Nothing is known that builds on it. If there is something, Cinder refuses.
        assert gone(
            deletion.named(changed(full2={"verified": False}), ["full2"], cascade=False)
        ) == ["full2"]


class TestLeavesNothing:
    FAILED = item("failed", days_ago(1), status="error")

    @pytest.mark.parametrize(
        ("change", "backup_ids", "nothing"),
        [
            ({}, ["full1", "full2", "full3"], True),
            ({}, ["full1", "full2", "inc3"], False),
            ({}, ["full1", "full3"], False),
            ({}, [], False),
            # What is not certain can't be relied on, unless there is nothing else.
            ({"full2": {"verified": False}}, ["full1", "full3"], True),
            (
                {"full1": {"status": "error"}, "full2": {"status": "error"}},
                ["full3"],
                True,
            ),
            # What stays counts.
            ({"inc3": {"held": True}}, ["full1", "full2", "full3"], False),
        ],
    )
    def test_all_good_ones_go(
        self, change: dict[str, Any], backup_ids: list[str], nothing: bool
    ) -> None:
        items = [*changed(**change), self.FAILED]
        decisions = deletion.named(items, backup_ids, cascade=True)
        assert deletion.leaves_nothing(items, decisions) is nothing

    def test_where_nothing_is_certain(self) -> None:
        items = [item("a", days_ago(3), verified=False), item("b", days_ago(2), verified=False)]
        for backup_ids, nothing in ((["a"], False), (["b"], False), (["a", "b"], True)):
            decisions = deletion.named(items, backup_ids, cascade=False)
            assert deletion.leaves_nothing(items, decisions) is nothing

    def test_there_was_nothing_good(self) -> None:
        items = [self.FAILED]
        assert not deletion.leaves_nothing(items, deletion.named(items, ["failed"], cascade=False))
        assert not deletion.leaves_nothing([], [])

    def test_of_a_plan_by_age(self) -> None:
        for include_last in (False, True):
            decisions = retention.decide(
                HISTORY[:4], MONTH, NOW, automatic=False, include_last=include_last
            )
            assert deletion.leaves_nothing(HISTORY, decisions) is False
            assert deletion.leaves_nothing(HISTORY[:4], decisions) is include_last


class TestOrder:
    def test_leaf_first(self) -> None:
        decisions = retention.decide(HISTORY, MONTH, NOW, automatic=True)
        assert deletion.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1"]]

    def test_a_derived_parent(self) -> None:
        decisions = retention.decide(
            changed(inc1={"parent_id": None}, inc2={"parent_id": None}), MONTH, NOW, automatic=True
        )
        assert deletion.order(decisions) == [["full2", "inc2"], ["inc1"], ["full1"]]

    def test_what_can_not_go_is_left_out(self) -> None:
        gone = Decision("parent", False, "expired", "", ("child",))
        assert deletion.order([gone]) == []
        assert deletion.order([gone, Decision("child", True, "held", "")]) == []
        assert deletion.order([gone, Decision("child", False, "expired", "")]) == [
            ["child"],
            ["parent"],
        ]

    def test_nothing(self) -> None:
        assert deletion.order([]) == []


def test_digest() -> None:
    decisions = retention.decide(HISTORY, MONTH, NOW, automatic=True)
    digest = deletion.digest(decisions)
    assert len(digest) == 64
    assert all(deletion.digest(shuffled) == digest for shuffled in permutations(decisions))
    assert deletion.digest(each for each in decisions if not each.keep) == digest
    assert deletion.digest(decisions[:-1]) != digest
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
    assert deletion.brake(total, going, percent) is stops
