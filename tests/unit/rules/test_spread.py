"""When in its window each volume has its turn."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import spread
from tests.unit.rules.support import stable

HOUR = timedelta(hours=1)
IDS = [f"volume-{number}" for number in range(60)]


@stable()
@given(
    ids=st.lists(st.uuids().map(str), unique=True, max_size=50),
    seconds=st.integers(0, 86400),
    seed=st.text(max_size=5),
)
def test_even_inside_the_window_and_always_the_same(
    ids: list[str], seconds: int, seed: str
) -> None:
    window = timedelta(seconds=seconds)
    found = spread.offsets(seed, ids, window)
    assert found.keys() == set(ids)
    assert found == spread.offsets(seed, reversed(ids), window)
    turns = sorted(found.values())
    assert all(timedelta(0) <= turn < window or turn == window == timedelta(0) for turn in turns)
    gaps = {later - earlier for earlier, later in zip(turns, turns[1:], strict=False)}
    assert all(abs(gap - window / len(ids)) <= timedelta(microseconds=1) for gap in gaps)


def test_a_volume_that_joins_moves_the_others_a_little() -> None:
    before = spread.offsets("s", IDS, HOUR)
    after = spread.offsets("s", [*IDS, "another"], HOUR)
    moved = [abs(after[volume_id] - before[volume_id]) for volume_id in IDS]
    assert max(moved) <= HOUR / len(IDS)


def test_schedules_begin_with_different_volumes() -> None:
    first = {
        min(IDS, key=lambda id_, seed=seed: spread.offsets(seed, IDS, HOUR)[id_])  # type: ignore[misc]
        for seed in ("a", "b", "c", "d")
    }
    assert len(first) > 1


def test_without_a_window_all_begin_at_once() -> None:
    assert set(spread.offsets("s", IDS, timedelta(0)).values()) == {timedelta(0)}
