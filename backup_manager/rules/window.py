"""How late a slot may still fire, and until when its backups have to be done."""

from __future__ import annotations

from datetime import datetime, timedelta


def lateness(start_window_s: int, completion_limit_s: int | None) -> timedelta:
    """How late a slot may still fire: never so late that its backups are given up at once."""
    seconds = start_window_s
    if completion_limit_s is not None:
        seconds = min(seconds, completion_limit_s - 1)
    return timedelta(seconds=seconds)


def expiry(begin: datetime, completion_limit_s: int | None) -> datetime | None:
    """When unfinished backups are given up, None when the schedule sets no limit.

    :param begin: the slot; of a run that a user starts, its creation
    """
    return None if completion_limit_s is None else begin + timedelta(seconds=completion_limit_s)


def in_words(span: timedelta) -> str:
    """A span of time for people, such as ``1 h 30 min``; from a minute on without seconds."""
    minutes, rest = divmod(int(span.total_seconds()), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
