"""Times as the API shows them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from backup_manager import clock

SHANGHAI = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (None, None),
        (datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc), "2026-11-20T02:00:00Z"),
        (datetime(2026, 11, 20, 2, 0, 0, 999999, timezone.utc), "2026-11-20T02:00:00Z"),
        (datetime(2026, 11, 20, 2, 0, tzinfo=SHANGHAI), "2026-11-19T18:00:00Z"),
        (datetime(1, 1, 1, tzinfo=timezone.utc), "0001-01-01T00:00:00Z"),
    ],
)
def test_iso(moment: datetime | None, shown: str | None) -> None:
    assert clock.iso(moment) == shown
