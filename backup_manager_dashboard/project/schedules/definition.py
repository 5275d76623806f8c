"""What a schedule is made of: as the service has it, and as the fields of a form have it.

The functions come in pairs, one for each direction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

RULES = (
    "max_age_days",
    "keep_last",
    "keep_hourly",
    "keep_daily",
    "keep_weekly",
    "keep_monthly",
    "keep_yearly",
    "full_count",
    "incremental_count",
)

#: What a field of the service is called in the form, where that is not its name, nor the part of
#: its name behind the dot.
PLACES = {
    "recurrence": "kind",
    "selector": "metadata",
    "retention": "keep",
    "start_window_s": "start_window",
    "completion_limit_s": "completion_limit",
    "spread_s": "spread",
}

_MINUTE = 60


def recurrence(data: Mapping[str, Any]) -> dict[str, Any]:
    """The recurrence that the fields of a form say."""
    kind = data["kind"]
    if kind in ("hours", "minutes"):
        interval = {"type": "interval", kind: int(data[kind])}
        return {**interval, "minute": data["minute"] or 0} if kind == "hours" else interval
    if kind == "cron":
        return {"type": "cron", "expression": data["expression"]}
    timed = {"type": kind, "time": data["time"]}
    if kind == "weekly":
        return {**timed, "weekdays": sorted(int(day) for day in data["weekdays"])}
    if kind == "monthly":
        return {**timed, "day": data["day"] if data["day"] == "last" else int(data["day"])}
    return timed


def recurrence_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a form that say a recurrence."""
    fields = {name: entry for name, entry in value.items() if name != "type"}
    kind = value["type"]
    if kind == "interval":
        kind = "hours" if "hours" in value else "minutes"
    return {"kind": kind, **fields}


def selector(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The selector that the fields of a form say; None when they say nothing."""
    chosen: dict[str, Any] = {}
    if data["whole_project"]:
        chosen["whole_project"] = True
    if data["metadata"]:
        chosen["metadata"] = dict(_pair(line) for line in _lines(data["metadata"]))
    for name in ("volume_types", "servers", "exclude"):
        if data[name]:
            chosen[name] = _lines(data[name])
    return chosen or None


def selector_fields(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of a form that say a selector."""
    value = value or {}
    pairs = (value.get("metadata") or {}).items()
    fields = {
        name: "\n".join(value.get(name) or ()) for name in ("volume_types", "servers", "exclude")
    }
    return {
        "whole_project": bool(value.get("whole_project")),
        "metadata": "\n".join(f"{key}={entry}" for key, entry in pairs),
        **fields,
    }


def _lines(text: str) -> list[str]:
    """What stands in the lines of a text, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip(), value.strip()


def is_pair(line: str) -> bool:
    """Whether a line is ``key=value``."""
    return re.match(r"\s*[^=\s][^=]*=", line) is not None


def retention(data: Mapping[str, Any]) -> dict[str, int] | None:
    """The retention that the fields of a form say."""
    if data["keep"] == "project":
        return None
    if data["keep"] == "everything":
        return {}
    return {rule: data[rule] for rule in RULES if data[rule]}


def retention_fields(value: Mapping[str, int] | None) -> dict[str, Any]:
    """The fields of a form that say a retention."""
    if value is None:
        return {"keep": "project"}
    return {"keep": "rules", **value} if value else {"keep": "everything"}


def windows(data: Mapping[str, Any]) -> dict[str, int | None]:
    """The windows that the fields of a form say in minutes, in seconds."""
    limit = data["completion_limit"]
    return {
        "start_window_s": round(data["start_window"] * _MINUTE),
        "completion_limit_s": None if limit is None else round(limit * _MINUTE),
        "spread_s": round(data["spread"] * _MINUTE),
    }


def windows_fields(schedule: Any) -> dict[str, Any]:
    """The fields of a form that say the windows of a schedule, in minutes."""
    return {
        "start_window": _minutes(schedule.start_window_s),
        "completion_limit": _minutes(schedule.completion_limit_s),
        "spread": _minutes(schedule.spread_s),
    }


def _minutes(seconds: int | None) -> float | None:
    if seconds is None or seconds % _MINUTE:
        return seconds and seconds / _MINUTE
    return seconds // _MINUTE


def fields(schedule: Any) -> dict[str, Any]:
    """All fields of a form that say what a schedule is."""
    return {
        "name": schedule.name,
        "description": schedule.description or "",
        "timezone": schedule.timezone,
        "volumes": schedule.volume_ids,
        "generation": schedule.generation,
        "backup_type": schedule.backup_type,
        "max_incrementals": schedule.max_incrementals,
        **recurrence_fields(schedule.recurrence),
        **selector_fields(schedule.selector),
        **retention_fields(schedule.retention),
        **windows_fields(schedule),
    }
