"""The status of a run from those of its tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import run
from backup_manager.rules.run import ACTIVE_RUN, ACTIVE_TASK, FINAL_RUN, FINAL_TASK, status_of

from .support import stable

COUNTS = st.dictionaries(st.sampled_from(sorted(ACTIVE_TASK | FINAL_TASK)), st.integers(0, 3))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, "skipped"),
        ({"total": 0}, "skipped"),
        ({"pending": 0, "succeeded": 0}, "skipped"),
        ({"waiting": 3}, "waiting"),
        ({"waiting": 3, "cancelled": 1}, "waiting"),
        ({"waiting": 1, "pending": 3}, "waiting"),
        ({"waiting": 1, "succeeded": 1}, "running"),
        ({"pending": 3}, "pending"),
        ({"pending": 3, "skipped": 1}, "pending"),
        ({"pending": 3, "cancelled": 1, "expired": 1}, "pending"),
        ({"pending": 3, "submitting": 1}, "running"),
        ({"pending": 3, "running": 1}, "running"),
        ({"pending": 3, "succeeded": 1}, "running"),
        ({"pending": 3, "failed": 1}, "running"),
        ({"submitting": 1}, "running"),
        ({"running": 1, "failed": 5}, "running"),
        ({"succeeded": 3}, "succeeded"),
        ({"succeeded": 3, "total": 3}, "succeeded"),
        ({"succeeded": 3, "failed": 1}, "partial"),
        ({"succeeded": 3, "expired": 1}, "partial"),
        ({"succeeded": 3, "cancelled": 1}, "partial"),
        ({"succeeded": 3, "skipped": 1}, "partial"),
        ({"failed": 1}, "failed"),
        ({"failed": 1, "expired": 9, "cancelled": 9, "skipped": 9}, "failed"),
        ({"expired": 1, "cancelled": 9, "skipped": 9}, "expired"),
        ({"cancelled": 1, "skipped": 9}, "cancelled"),
        ({"skipped": 9}, "skipped"),
    ],
)
def test_status(counts: dict[str, int], expected: str) -> None:
    assert status_of(counts) == expected


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValueError, match="lost"):
        status_of({"succeeded": 1, "lost": 1})


def test_the_sets_are_complete_and_apart() -> None:
    assert not ACTIVE_TASK & FINAL_TASK
    assert not ACTIVE_RUN & FINAL_RUN
    assert ACTIVE_RUN <= ACTIVE_TASK
    assert FINAL_TASK < FINAL_RUN
    assert {run.PARTIAL, run.MISSED} == FINAL_RUN - FINAL_TASK


@stable()
@given(COUNTS)
def test_a_run_is_finished_when_its_tasks_are(counts: dict[str, int]) -> None:
    unfinished = any(counts.get(status) for status in ACTIVE_TASK)
    assert status_of(counts) in (ACTIVE_RUN if unfinished else FINAL_RUN)


@stable()
@given(COUNTS)
def test_succeeded_says_that_every_volume_is_protected(counts: dict[str, int]) -> None:
    total = sum(counts.values())
    every = total > 0 and counts.get("succeeded", 0) == total
    assert (status_of(counts) == "succeeded") is every
