"""The time of day, in one place."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(timezone.utc)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with whole seconds, as the API shows times: ``2026-11-20T02:00:00Z``."""
    if moment is None:
        return None
    # strftime writes the year 1 as "1".
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat("T", "seconds") + "Z"
