"""Limits and fairness between projects."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules.admission import shares

from .support import stable

NONE: dict[str, int] = {}


@pytest.mark.parametrize(
    ("waiting", "running", "limits", "expected"),
    [
        pytest.param({}, {}, (40, 10, 40), {}, id="nothing waits"),
        pytest.param({"a": 3}, {}, (40, 10, 40), {"a": 3}, id="room for all"),
        pytest.param({"a": 30}, {}, (40, 10, 40), {"a": 10}, id="limit of a project"),
        pytest.param({"a": 30}, {"a": 4}, (40, 10, 40), {"a": 6}, id="what runs counts"),
        pytest.param({"a": 30}, {"b": 38}, (40, 10, 40), {"a": 2}, id="limit in all"),
        pytest.param({"a": 30}, {}, (40, 10, 5), {"a": 5}, id="room of the call"),
        pytest.param({"a": 30}, {"b": 41}, (40, 10, 5), {}, id="already over the limit"),
        pytest.param({"a": 30}, {"a": 11}, (40, 10, 5), {}, id="project over its limit"),
        pytest.param({"a": 3}, {}, (0, 10, 5), {}, id="no places at all"),
        pytest.param({"a": 3}, {}, (40, 10, -1), {}, id="less than no room"),
        pytest.param({"a": 0, "b": 1}, {}, (40, 10, 5), {"b": 1}, id="nothing waits in one"),
        pytest.param({"a": 9, "b": 9}, {}, (40, 10, 5), {"a": 3, "b": 2}, id="odd one: the oldest"),
        pytest.param({"b": 9, "a": 9}, {}, (40, 10, 5), {"b": 3, "a": 2}, id="not by name"),
        pytest.param(
            {"a": 9, "b": 9}, {"a": 4}, (40, 10, 5), {"a": 1, "b": 4}, id="who has less catches up"
        ),
        pytest.param(
            {"huge": 5000, "small": 2, "late": 1},
            {},
            (40, 40, 10),
            {"huge": 7, "small": 2, "late": 1},
            id="a huge project gets what is left",
        ),
        pytest.param(
            {"a": 9, "b": 9, "c": 9}, {"a": 10}, (40, 10, 4), {"b": 2, "c": 2}, id="full project"
        ),
    ],
)
def test_shares(
    waiting: dict[str, int],
    running: dict[str, int],
    limits: tuple[int, int, int],
    expected: dict[str, int],
) -> None:
    result = shares(waiting, running, *limits)
    assert result == expected
    assert list(result) == [project for project in waiting if project in expected]


def test_thousands_of_projects() -> None:
    waiting = {f"p{number}": 100 for number in range(5000)}
    result = shares(waiting, NONE, 12_000, 10, 12_000)
    assert sorted(set(result.values())) == [2, 3]
    assert sum(result.values()) == 12_000


PROJECTS = st.sampled_from("abcdefg")
COUNTS = st.dictionaries(PROJECTS, st.integers(0, 12), max_size=7)
LIMITS = st.tuples(st.integers(0, 60), st.integers(0, 12), st.integers(0, 40))


@stable(400)
@given(COUNTS, COUNTS, LIMITS)
def test_no_limit_is_passed_and_no_place_left_empty(
    waiting: dict[str, int], running: dict[str, int], limits: tuple[int, int, int]
) -> None:
    total, per_project, room = limits
    result = shares(waiting, running, *limits)
    granted = sum(result.values())
    assert all(number > 0 for number in result.values())
    assert granted <= room
    assert granted == 0 or granted + sum(running.values()) <= total
    for project, number in result.items():
        assert number <= waiting[project]
        assert number + running.get(project, 0) <= per_project
    # What every project could take if it were alone: all of it, or up to a common limit.
    wanted = sum(
        max(min(number, per_project - running.get(project, 0)), 0)
        for project, number in waiting.items()
    )
    assert granted == max(min(wanted, room, total - sum(running.values())), 0)


@stable(400)
@given(COUNTS, COUNTS, LIMITS)
def test_nobody_gets_more_while_somebody_has_less(
    waiting: dict[str, int], running: dict[str, int], limits: tuple[int, int, int]
) -> None:
    result = shares(waiting, running, *limits)
    order = list(waiting)

    def level(project: str) -> int:
        return running.get(project, 0) + result.get(project, 0)

    def could_take_more(project: str) -> bool:
        return result.get(project, 0) < waiting[project] and level(project) < limits[1]

    for poor in filter(could_take_more, order):
        for rich in result:
            before_last = level(rich) - 1
            assert before_last <= level(poor)
            if before_last == level(poor):
                assert order.index(rich) <= order.index(poor)


@stable(50)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 5))
def test_everybody_is_served_in_the_end(sizes: list[int], room: int) -> None:
    waiting = {f"p{number}": size for number, size in enumerate(sizes)}
    running: Mapping[str, int] = NONE
    for _ in range(sum(sizes)):
        granted = shares(waiting, running, 5, 3, room)
        # What runs is done by the next call.
        waiting = {
            project: number - granted.get(project, 0)
            for project, number in waiting.items()
            if number > granted.get(project, 0)
        }
        running = granted if len(granted) < 5 and sum(granted.values()) < 5 else NONE
    assert not waiting
