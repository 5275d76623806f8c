"""Whether backups fit into a quota."""

from __future__ import annotations

import pytest

from backup_manager.rules.quota import Quota, shortfalls


@pytest.mark.parametrize(
    ("quota", "short"),
    [
        (Quota(None, 900, None, 90_000), []),
        (Quota(10, 7, 1000, 988), []),
        (Quota(10, 8, None, 0), ["backups"]),
        (Quota(None, 8, 1000, 989), ["backup gigabytes"]),
        (Quota(10, 12, 1000, 1000), ["backups", "backup gigabytes"]),
        (Quota(0, 0, 0, 0), ["backups", "backup gigabytes"]),
    ],
)
def test_what_is_short(quota: Quota, short: list[str]) -> None:
    found = shortfalls(quota, backups=3, gigabytes=12)
    assert [text.partition(" is too small")[0] for text in found] == [
        f"The project's quota of {name}" for name in short
    ]


def test_the_figures_are_told() -> None:
    backups, gigabytes = shortfalls(Quota(10, 8, 100, 110), backups=3, gigabytes=12)
    assert backups.endswith("this needs 3, and 8 of 10 are used, so 2 are free.")
    assert gigabytes.endswith("needs 12 GB, and 110 of 100 GB are used, so 0 GB are free.")


def test_nothing_needs_nothing() -> None:
    assert shortfalls(Quota(10, 10, 10, 10), backups=0, gigabytes=0) == []
