"""Schedules of cinder-backup-manager, the Flask application before this service, as ours.

They are rows of its table ``backup_schedules``, or of ``backup_schedules.json``, which it used
before. Where a row has no value, the value counts that its scheduler took then. What its scheduler
never ran, such as a weekly schedule without a weekday, is an error here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from backup_manager.rules import recurrence as recurrences

BACKUP_TYPES = ("full", "incremental")
SCHEDULE_TYPES = ("daily", "weekly")
# What its scheduler took for a value that is missing.
_TYPE = "full"
_TIME = "02:00"

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_DAY = timedelta(days=1)
_SWITCH = {**dict.fromkeys((1, "1", "true"), True), **dict.fromkeys((0, "0", "false"), False)}
_SHOWN = 64

_ORIGIN = "Imported from cinder-backup-manager"
_MARK = re.compile(rf"{_ORIGIN} \[({_ID.pattern})\]")


class LegacyError(ValueError):
    """A schedule that can't be moved over; says which column is wrong, and how."""


@dataclass(frozen=True)
class Schedule:
    """A schedule of the first system in the words of our API.

    :param legacy_id: its id there
    :param recurrence: as :func:`.recurrence.to_cron` takes it
    :param volume_ids: each once, in their order; Cinder may know some of them no more
    :param notes: what is not quite as it was, in words
    """

    legacy_id: str
    name: str
    backup_type: str
    recurrence: Mapping[str, Any]
    volume_ids: tuple[str, ...]
    is_enabled: bool
    notes: tuple[str, ...] = ()


def parse(row: Any) -> Schedule:
    """Read a row.

    :param row: anything; as a driver of MySQL gives it (a TIME is a timedelta, JSON a text, a
        BOOLEAN a number), or an object of the JSON file
    :raises LegacyError: with the column that is wrong
    """
    if not isinstance(row, Mapping):
        raise LegacyError(f"{_quoted(row)} is not an object")
    legacy_id = _id(row.get("id"))
    clock, seconds = _time(row.get("schedule_time", _TIME))
    notes = (f"the {seconds} seconds of schedule_time are left out",) if seconds else ()
    return Schedule(
        legacy_id=legacy_id,
        name=_name(row.get("name")) or legacy_id,
        backup_type=_one_of("backup_type", row.get("backup_type", _TYPE), BACKUP_TYPES),
        recurrence=_recurrence(row, clock),
        volume_ids=_volume_ids(row.get("volume_ids")),
        is_enabled=_is_enabled(row.get("enabled", True)),
        notes=notes,
    )


def label(row: Any) -> tuple[str, str]:
    """The id and the name of any row as a report shows them, however broken it is."""
    if not isinstance(row, Mapping):
        return "-", "-"
    legacy_id, name = (_shown(row.get(column) or "-") for column in ("id", "name"))
    return legacy_id, name


def retention(full: int, incremental: int) -> dict[str, int]:
    """The rules that FULL_BACKUP_RETENTION and INCREMENTAL_BACKUP_RETENTION mean."""
    return {"full_count": full, "incremental_count": incremental}


def description(legacy_id: str) -> str:
    """What tells a schedule that was moved over from others, and from which it was made."""
    return f"{_ORIGIN} [{legacy_id}]"


def legacy_id_of(text: str | None) -> str | None:
    """The id in the first system of a schedule with this description, if it came from there."""
    found = _MARK.search(text or "")
    return found[1] if found else None


def differences(
    there: Mapping[str, str],
    there_volumes: Collection[str],
    here: Mapping[str, str],
    here_volumes: Collection[str],
) -> list[str]:
    """How a schedule of ours differs from one of the first system.

    :param there: of the first system: the properties that count, with their values in words
    :param here: of ours; others than those of ``there`` don't count
    :returns: one text for each property that differs
    """
    found = [
        f"{name} ({here[name]} here, {text} there)"
        for name, text in there.items()
        if here[name] != text
    ]
    added, removed = set(here_volumes) - set(there_volumes), set(there_volumes) - set(here_volumes)
    if added or removed:
        found.append(f"volumes ({len(added)} only here, {len(removed)} only there)")
    return found


def _id(value: Any) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise LegacyError(f"id: {_quoted(value)} is not an id of the first system")
    return text


def _name(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise LegacyError(f"name: {_quoted(value)} is not a text")
    return (value or "").strip()


def _one_of(column: str, value: Any, known: Collection[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise LegacyError(f"{column}: {_quoted(value)} is not one of {', '.join(known)}")
    return value


def _recurrence(row: Mapping[str, Any], clock: str) -> dict[str, Any]:
    kind = _one_of("schedule_type", row.get("schedule_type"), SCHEDULE_TYPES)
    if kind == "daily":
        return {"type": kind, "time": clock}
    return {"type": kind, "time": clock, "weekdays": _weekdays(row.get("weekdays"))}


def _time(value: Any) -> tuple[str, int]:
    """The time of day as HH:MM, and the seconds beyond."""
    if isinstance(value, timedelta) and timedelta() <= value < _DAY:
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}", seconds
    found = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 23:
        raise LegacyError(f"schedule_time: {_quoted(value)} is not a time of day (HH:MM)")
    return f"{int(found[1]):02}:{found[2]}", int(found[3] or 0)


def _weekdays(value: Any) -> list[int]:
    days = _list("weekdays", value)
    if not days:
        raise LegacyError("weekdays: there is none, so the schedule never ran")
    for day in days:
        if type(day) is not int or not 1 <= day <= len(recurrences.WEEKDAYS):
            raise LegacyError(f"weekdays: {_quoted(day)} is not from 1 (Monday) to 7 (Sunday)")
    return sorted(set(days))


def _volume_ids(value: Any) -> tuple[str, ...]:
    ids = _list("volume_ids", value)
    if not ids:
        raise LegacyError("volume_ids: there is none, so there is nothing to back up")
    for volume_id in ids:
        if not isinstance(volume_id, str):
            raise LegacyError(f"volume_ids: {_quoted(volume_id)} is not an id")
    return tuple(dict.fromkeys(ids))


def _list(column: str, value: Any) -> list[Any]:
    """A column that holds a list, or its JSON, or nothing."""
    if value is None or value == "":
        return []
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise LegacyError(f"{column}: {_quoted(value)} is not JSON") from None
    if not isinstance(value, list):
        raise LegacyError(f"{column}: {_quoted(value)} is not a list")
    return value


def _is_enabled(value: Any) -> bool:
    known = value.lower() if isinstance(value, str) else value
    if type(known) not in (bool, int, str) or known not in _SWITCH:
        raise LegacyError(f"enabled: {_quoted(value)} is neither 1 nor 0")
    return _SWITCH[known]


def _shown(value: Any) -> str:
    """A value on one line, with nothing a terminal acts upon, and not long."""
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _quoted(value: Any) -> str:
    return _shown(repr(value))
