"""How late a slot fires, and until when its backups have to be done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backup_manager.rules import window
from tests.unit.rules.support import utc

SLOT = utc(2026, 11, 20, 2)


def test_lateness() -> None:
    assert window.lateness(3600, None) == timedelta(hours=1)
    assert window.lateness(3600, 7200) == timedelta(hours=1)


@pytest.mark.parametrize("limit", [60, 3599, 3600])
def test_a_slot_that_fires_leaves_time_for_its_backups(limit: int) -> None:
    latest = SLOT + window.lateness(3600, limit)
    expiry = window.expiry(SLOT, limit)
    assert expiry is not None
    assert latest < expiry


def test_expiry() -> None:
    assert window.expiry(SLOT, 5400) == utc(2026, 11, 20, 3, 30)
    assert window.expiry(SLOT, None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (5461, "1 h 31 min"),
        (86400, "1 d"),
        (7 * 86400 + 60, "7 d 1 min"),
    ],
)
def test_words(seconds: float, text: str) -> None:
    assert window.in_words(timedelta(seconds=seconds)) == text
