"""The rules of a policy: what can be written, and how it reads."""

from __future__ import annotations

from typing import Any

import pytest

from backup_manager.rules import policy as policies
from backup_manager.rules.policy import Policy, PolicyError

from .support import policy


class TestParse:
    def test_all(self) -> None:
        numbers = {rule: number for number, rule in enumerate(policies.RULES, 1)}
        parsed = policies.parse(numbers, "volume policy", "Asia/Shanghai")
        assert parsed == Policy("volume policy", 1, 2, 3, 4, 5, 6, 7, 8, 9, "Asia/Shanghai")
        assert not parsed.is_empty

    @pytest.mark.parametrize("mapping", [{}, {"keep_last": None, "max_age_days": None}])
    def test_empty(self, mapping: dict[str, Any]) -> None:
        parsed = policies.parse(mapping, "project default")
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
            policies.parse(mapping, "volume policy")
        assert caught.value.field == field
        assert words in caught.value.message
        assert str(caught.value) == f"{field}: {caught.value.message}"

    def test_wrong_zone(self) -> None:
        with pytest.raises(PolicyError, match="IANA") as caught:
            policies.parse({}, "volume policy", "Mars/Olympus")
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
    assert policies.describe(policy(**rules)) == words


def test_normalise() -> None:
    assert policies.normalise({"max_age_days": 3, "keep_last": None}) == {"max_age_days": 3}
    assert policies.normalise({}) == {}
    with pytest.raises(PolicyError, match="must not be more than 365"):
        policies.normalise({"max_age_days": 366})


def test_rules_of() -> None:
    rules = {"max_age_days": 3, "keep_yearly": 2}
    assert policies.rules_of(policy(**rules, timezone="Asia/Shanghai")) == rules
    assert policies.rules_of(policy()) == {}


class TestWidest:
    SHORT = policy(max_age_days=1)
    LONG = policy(max_age_days=300)
    EVERYTHING = policy()

    def test_each_rule_as_wide_as_the_widest(self) -> None:
        both = policy(max_age_days=300, keep_last=2, keep_daily=5)
        found = policies.widest([self.LONG, policy(keep_last=2, keep_daily=5), self.SHORT])
        assert found == both

    def test_one_that_keeps_everything(self) -> None:
        assert policies.widest([self.LONG, self.EVERYTHING]).is_empty
        assert policies.widest([self.EVERYTHING, self.LONG]).is_empty

    def test_only_one(self) -> None:
        assert policies.widest([self.SHORT]) is self.SHORT

    def test_the_calendar_is_that_of_the_first(self) -> None:
        first = Policy("schedule a", keep_daily=2, timezone="Asia/Shanghai")
        other = Policy("schedule b", keep_daily=3, timezone="America/New_York")
        assert policies.widest([first, other, first]) == Policy(
            "schedule a and schedule b", keep_daily=3, timezone="Asia/Shanghai"
        )
