"""When a quota is full."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules.usage import full_on

TODAY = date(2026, 11, 20)


def _samples(*values: int) -> list[tuple[date, int]]:
    """One a day, the last one today."""
    first = TODAY - timedelta(days=len(values) - 1)
    return [(first + timedelta(days=day), value) for day, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "used", "limit", "days"),
    [
        ([1, 2, 3], 3, 10, 7),
        ([1, 2, 3], 3, 3, 0),
        ([1, 2, 3], 4, 3, 0),
        ([0, 2, 4], 4, 9, 3),
        # Half a backup a day: the quota is full when a whole one does not fit.
        ([1, 1, 2], 2, 3, 2),
        ([3, 3, 3], 3, 10, None),
        ([3, 2, 1], 1, 10, None),
        ([3], 3, 10, None),
        ([], 3, 10, None),
        ([], 10, 10, 0),
        ([1, 2, 3], 3, None, None),
        # One in thirty days: a quota of a million lasts longer than anybody plans.
        ([0] * 29 + [1], 1, 1_000_000, None),
        ([10**15, 2 * 10**15], 2 * 10**15, 9 * 10**15, 7),
    ],
)
def test_full_on(values: list[int], used: int, limit: int | None, days: int | None) -> None:
    expected = None if days is None else TODAY + timedelta(days=days)
    assert full_on(_samples(*values), used, limit, TODAY) == expected


def test_days_without_a_sample_and_the_order_do_not_matter() -> None:
    samples = [(TODAY, 20), (TODAY - timedelta(days=20), 0), (TODAY - timedelta(days=5), 15)]
    assert full_on(samples, 20, 30, TODAY) == TODAY + timedelta(days=10)


@given(
    st.dictionaries(st.dates(date(2026, 10, 21), TODAY), st.integers(0, 10**9)),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_it_is_never_in_the_past(samples: dict[date, int], used: int, limit: int) -> None:
    found = full_on(list(samples.items()), used, limit, TODAY)
    assert found is None or found >= TODAY
    assert (found == TODAY) == (used >= limit)
