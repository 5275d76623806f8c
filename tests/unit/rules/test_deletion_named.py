"""What is said of backups that somebody names."""

from __future__ import annotations

import pytest

from backup_manager.rules import deletion
from backup_manager.rules.links import Item

from .support import DAY, NOW, item


def chain(length: int, *, doubtful_from: int = 99) -> list[Item]:
    """``b0`` is full, each of the others builds on the one before."""
    return [
        item(
            f"b{number}",
            NOW - (length - number) * DAY,
            parent=f"b{number - 1}" if number else None,
            incremental=number > 0,
            verified=number < doubtful_from,
        )
        for number in range(length)
    ]


def reasons(items: list[Item], *named: str) -> dict[str, str]:
    """Why the refused ones stay."""
    decisions = deletion.named(items, named, cascade=False)
    return {each.backup_id: each.reason for each in decisions if each.keep}


@pytest.mark.parametrize(
    ("length", "named", "expected"),
    [
        (2, ["b0"], {"b0": "b1 builds on it."}),
        (4, ["b1"], {"b1": "b2, b3 build on it."}),
        (4, ["b0", "b2"], {"b0": "b1, b2, b3 build on it.", "b2": "b3 builds on it."}),
        (4, ["b2", "b3"], {}),
        (4, ["b1", "b3"], {"b1": "b2 builds on it."}),
        (6, ["b0"], {"b0": "b1, b2, b3, b4, b5 build on it."}),
        (7, ["b0"], {"b0": "b1, b2, b3, b4, b5 and 1 more build on it."}),
    ],
)
def test_all_dependants_are_told(length: int, named: list[str], expected: dict[str, str]) -> None:
    assert reasons(chain(length), *named) == expected


def test_dependants_that_are_not_certain() -> None:
    items = chain(4, doubtful_from=2)
    assert reasons(items, "b0") == {"b0": "b1 builds on it and b2, b3 may build on it."}
    assert reasons(items, "b1") == {"b1": "b2, b3 may build on it."}


def test_what_builds_on_a_doubtful_one_is_not_certain_either() -> None:
    full, _, leaf = chain(3)
    items = [full, chain(3, doubtful_from=1)[1], leaf]
    assert reasons(items, "b0") == {"b0": "b1, b2 may build on it."}
