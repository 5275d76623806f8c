"""Schemas of schedules."""

from __future__ import annotations

from typing import Any

from backup_manager.api.schemas import common
from backup_manager.api.schemas.common import Schema
from backup_manager.api.schemas.policy import RETENTION
from backup_manager.api.schemas.run import RUN, RUN_STATUS
from backup_manager.rules import recurrence as rules

MAX_PREVIEW = 100
_MAX_GENERATION = 2**31 - 1

LIST_QUERY = common.list_query(
    ["name", "next_run_at", "created_at"],
    "name:asc",
    {"name": common.FILTER, "enabled": common.BOOLEAN, "volume_id": common.UUID},
)
_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_PREVIEW, "default": 5}
PREVIEW_QUERY = common.record({"count": _COUNT}, required=[])

_TIME_OF_DAY = {"type": "string", "format": "time-of-day"}
_WEEKDAYS = {
    "type": "array",
    "items": {"type": "integer", "minimum": 1, "maximum": 7},
    "minItems": 1,
    "maxItems": 7,
    "uniqueItems": True,
    "description": "ISO weekdays: 1 is Monday, 7 is Sunday",
}
_DAY = {
    "description": 'a day of the month (1 to 31) or "last"',
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"const": "last"}],
}


def _kind(name: str, properties: Schema, required: list[str] | None = None) -> Schema:
    names = list(properties) if required is None else required
    return common.record({"type": {"const": name}, **properties}, required=["type", *names])


RECURRENCE: Schema = {
    "type": "object",
    "discriminator": {"propertyName": "type"},
    "oneOf": [
        _kind("daily", {"time": _TIME_OF_DAY}),
        _kind("weekly", {"time": _TIME_OF_DAY, "weekdays": _WEEKDAYS}),
        _kind("monthly", {"time": _TIME_OF_DAY, "day": _DAY}),
        _kind(
            "interval",
            {
                "minutes": {"type": "integer", "enum": list(rules.MINUTES)},
                "hours": {"type": "integer", "enum": list(rules.HOURS)},
                "minute": {"type": "integer", "minimum": 0, "maximum": 59},
            },
            required=[],
        ),
        _kind("cron", {"expression": {"type": "string", "maxLength": 255}}),
    ],
}

_KEY_VALUE = {"type": "string", "format": "text", "maxLength": 255}
SELECTOR = common.record(
    {
        "metadata": {"type": "object", "additionalProperties": _KEY_VALUE, "maxProperties": 100},
        "volume_types": {
            "type": "array",
            "items": _KEY_VALUE,
            "maxItems": 100,
            "uniqueItems": True,
        },
        "servers": {"type": "array", "items": common.UUID, "maxItems": 1000, "uniqueItems": True},
        "whole_project": common.BOOLEAN,
        "exclude": {"type": "array", "items": common.UUID, "maxItems": 1000, "uniqueItems": True},
    },
    required=[],
)
_VOLUMES = {**common.VOLUMES, "minItems": 0}
_START_WINDOW = {"type": "integer", "minimum": 60, "maximum": 7 * 86400}
_COMPLETION_LIMIT = {"type": "integer", "minimum": 60, "maximum": 30 * 86400}
_SPREAD = {"type": "integer", "minimum": 0, "maximum": 86400}

_PROPERTIES: dict[str, Any] = {
    "name": common.NAME,
    "description": common.DESCRIPTION,
    "enabled": common.BOOLEAN,
    "backup_type": common.BACKUP_TYPE,
    "max_incrementals": common.INCREMENTALS,
    "recurrence": RECURRENCE,
    "timezone": {"type": "string", "maxLength": 64},
    "volumes": _VOLUMES,
    "selector": common.nullable(SELECTOR),
    "start_window_s": _START_WINDOW,
    "completion_limit_s": common.nullable(_COMPLETION_LIMIT),
    "spread_s": _SPREAD,
    # Null: that of the project. Empty: keeps everything.
    "retention": common.nullable(RETENTION),
}
CREATE_REQUEST = common.wrapped(
    "schedule",
    common.record(
        {
            **_PROPERTIES,
            "enabled": {**common.BOOLEAN, "default": True},
            "backup_type": {**common.BACKUP_TYPE, "default": "full"},
            "selector": {**common.nullable(SELECTOR), "default": None},
            "start_window_s": {**_START_WINDOW, "default": 3600},
            "completion_limit_s": {**common.nullable(_COMPLETION_LIMIT), "default": None},
            "spread_s": {**_SPREAD, "default": 0},
            "strict": common.STRICT,
        },
        required=["name", "recurrence", "volumes"],
    ),
)
UPDATE_REQUEST = common.wrapped(
    "schedule",
    common.record(
        {
            "generation": {"type": "integer", "minimum": 1, "maximum": _MAX_GENERATION},
            **_PROPERTIES,
        },
        required=["generation"],
    ),
)
VOLUMES_REQUEST = common.record({"volumes": common.VOLUMES})
PREVIEW_REQUEST = common.wrapped(
    "preview",
    common.record(
        {
            "recurrence": RECURRENCE,
            "timezone": _PROPERTIES["timezone"],
            "count": _COUNT,
        },
        required=["recurrence"],
    ),
)

_LAST_RUN = common.record(
    {
        "id": common.UUID,
        "status": RUN_STATUS,
        "scheduled_for": common.nullable(common.TIME),
        "created_at": common.TIME,
    }
)
_DELEGATION = common.record(
    {
        "mode": {"type": "string", "enum": ["trust", "service", "self"]},
        "state": {"type": "string", "enum": ["active", "broken"]},
        "user_id": common.STRING,
        "error": common.nullable(common.STRING),
        "checked_at": common.nullable(common.TIME),
    }
)
_IDS = {"type": "array", "items": common.UUID}
SCHEDULE = common.record(
    {
        "id": common.UUID,
        "project_id": common.STRING,
        "user_id": common.STRING,
        "name": common.STRING,
        "description": common.nullable(common.STRING),
        "enabled": common.BOOLEAN,
        "backup_type": common.BACKUP_TYPE,
        "max_incrementals": common.COUNT,
        "recurrence": RECURRENCE,
        "recurrence_text": common.STRING,
        "cron": common.STRING,
        "timezone": common.STRING,
        "volumes": _IDS,
        "selector": common.nullable(SELECTOR),
        "start_window_s": common.COUNT,
        "completion_limit_s": common.nullable(common.COUNT),
        "spread_s": common.COUNT,
        "retention": common.nullable(RETENTION),
        "next_run_at": common.nullable(common.TIME),
        "last_run": common.nullable(_LAST_RUN),
        "delegation": _DELEGATION,
        "generation": common.COUNT,
        "created_at": common.TIME,
        "updated_at": common.nullable(common.TIME),
    }
)
_PREVIEWED = common.record({"at": common.TIME, "local": common.TIME})
PREVIEW = common.record(
    {
        "cron": common.STRING,
        "timezone": common.STRING,
        "description": common.STRING,
        "runs": {"type": "array", "items": _PREVIEWED},
    }
)

# Of one schedule also what its selector picks now; in a list that would cost too much.
_SELECTED = common.record({**SCHEDULE["properties"], "selected": _IDS})
_ONE = common.wrapped("schedule", _SELECTED)
_CREATED = common.record({"schedule": _SELECTED, "warnings": common.WARNINGS})
LIST = common.Operation(query=LIST_QUERY, response=common.listed("schedules", SCHEDULE))
SHOW = common.Operation(response=_ONE)
CREATE = common.Operation(request=CREATE_REQUEST, response=_CREATED, status=201)
UPDATE = common.Operation(request=UPDATE_REQUEST, response=_ONE)
DELETE = common.Operation(response=None, status=204)
ADD_VOLUMES = common.Operation(
    request=VOLUMES_REQUEST,
    response=common.wrapped(
        "result", common.record({"added": _IDS, "present": _IDS, "not_found": _IDS})
    ),
)
REMOVE_VOLUMES = common.Operation(
    request=VOLUMES_REQUEST,
    response=common.wrapped("result", common.record({"removed": _IDS, "absent": _IDS})),
)
RUN_NOW = common.Operation(response=common.wrapped("run", RUN), status=202)
SHOW_PREVIEW = common.Operation(query=PREVIEW_QUERY, response=common.wrapped("preview", PREVIEW))
MAKE_PREVIEW = common.Operation(
    request=PREVIEW_REQUEST, response=common.wrapped("preview", PREVIEW)
)
