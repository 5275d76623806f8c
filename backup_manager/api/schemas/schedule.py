"""Schemas of schedules."""

from __future__ import annotations

from typing import Any

from backup_manager.api.schemas import common
from backup_manager.api.schemas.common import Schema
from backup_manager.api.schemas.policy import RETENTION
from backup_manager.api.schemas.run import RUN, RUN_STATUS
from backup_manager.rules import recurrence as rules

MAX_PREVIEW = 100
MAX_KEPT = 1000
_MAX_GENERATION = 2**31 - 1

LIST_QUERY = common.list_query(
    ["name", "next_run_at", "created_at"],
    "name:asc",
    {
        "name": common.described(common.FILTER, "only schedules with exactly this name"),
        "search": common.described(
            common.SEARCH, "only schedules with this in their name, or whose id it is"
        ),
        "enabled": common.described(common.BOOLEAN, "only those that are, or are not"),
        "failing": common.described(
            common.BOOLEAN,
            "only enabled schedules whose delegation is broken, or whose last run that ended is "
            "failed, partial, missed or expired; or only the others",
        ),
        "volume_id": common.described(common.UUID, "only schedules that back up this volume"),
    },
)
_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_PREVIEW, "default": 5}
PREVIEW_QUERY = common.record({"count": _COUNT}, required=[])

_TIME_OF_DAY = {"type": "string", "format": "time-of-day", "description": "HH:MM"}
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
    title = f"{name.capitalize()}Recurrence"
    return common.record({"type": {"const": name}, **properties}, ["type", *names], title)


RECURRENCE: Schema = {
    "title": "Recurrence",
    "type": "object",
    "discriminator": {"propertyName": "type"},
    "oneOf": [
        _kind("daily", {"time": _TIME_OF_DAY}),
        _kind("weekly", {"time": _TIME_OF_DAY, "weekdays": _WEEKDAYS}),
        _kind("monthly", {"time": _TIME_OF_DAY, "day": _DAY}),
        _kind(
            "interval",
            {
                "minutes": {
                    "type": "integer",
                    "enum": list(rules.MINUTES),
                    "description": "every so many minutes; either this or hours",
                },
                "hours": {
                    "type": "integer",
                    "enum": list(rules.HOURS),
                    "description": "every so many hours",
                },
                "minute": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 59,
                    "description": "of the hour, beside hours; 0 without",
                },
            },
            required=[],
        ),
        _kind(
            "cron",
            {
                "expression": {
                    "type": "string",
                    "format": "cron",
                    "maxLength": 255,
                    "description": "five fields: minute, hour, day of month, month, day of week",
                }
            },
        ),
    ],
}

_KEY_VALUE = {"type": "string", "format": "text", "maxLength": 255}
_MANY_IDS = {"type": "array", "items": common.UUID, "maxItems": 1000, "uniqueItems": True}
SELECTOR = common.record(
    {
        "metadata": {
            "type": "object",
            "propertyNames": {**_KEY_VALUE, "minLength": 1},
            "additionalProperties": _KEY_VALUE,
            "maxProperties": 100,
            "description": "what a volume's metadata in Cinder has to have, all of it",
        },
        "volume_types": {
            "type": "array",
            "items": _KEY_VALUE,
            "maxItems": 100,
            "uniqueItems": True,
            "description": "names of volume types; one of them",
        },
        "servers": common.described(_MANY_IDS, "attached to one of these"),
        "whole_project": common.described(common.BOOLEAN, "every volume; instead of the others"),
        "exclude": common.described(_MANY_IDS, "ids of volumes that are never picked"),
    },
    required=[],
    title="Selector",
)
_SELECTOR = common.described(
    common.nullable(SELECTOR), "volumes beside the listed ones, looked up at each run"
)
_VOLUMES = {**common.VOLUMES, "minItems": 0}
_START_WINDOW = {
    "type": "integer",
    "minimum": 60,
    "maximum": 7 * 86400,
    "description": "seconds by which a run may begin late",
}
_COMPLETION_LIMIT = {
    "type": "integer",
    "minimum": 60,
    "maximum": 30 * 86400,
    "description": "seconds after the slot at which backups that are not finished are given up",
}
_SPREAD = {
    "type": "integer",
    "minimum": 0,
    "maximum": 86400,
    "description": "seconds over which the backups of a run begin",
}
_RETENTION = common.described(
    common.nullable(RETENTION), "null: that of the project; empty: everything is kept"
)

_PROPERTIES: dict[str, Any] = {
    "name": common.NAME,
    "description": common.DESCRIPTION,
    "enabled": common.BOOLEAN,
    "backup_type": common.BACKUP_TYPE,
    "max_incrementals": common.INCREMENTALS,
    "recurrence": RECURRENCE,
    "timezone": {
        "type": "string",
        "format": "timezone",
        "maxLength": 64,
        "description": "IANA name, such as Asia/Shanghai",
    },
    "volumes": _VOLUMES,
    "selector": _SELECTOR,
    "start_window_s": _START_WINDOW,
    "completion_limit_s": common.nullable(_COMPLETION_LIMIT),
    "spread_s": _SPREAD,
    "retention": _RETENTION,
}
CREATE_REQUEST = common.wrapped(
    "schedule",
    common.record(
        {
            **_PROPERTIES,
            "enabled": {**common.BOOLEAN, "default": True},
            "backup_type": {**common.BACKUP_TYPE, "default": "full"},
            "selector": {**_SELECTOR, "default": None},
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
            "generation": {
                "type": "integer",
                "minimum": 1,
                "maximum": _MAX_GENERATION,
                "description": "of the schedule as you read it; 409 if it was changed since",
            },
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
            "backup_type": common.BACKUP_TYPE,
            "max_incrementals": common.INCREMENTALS,
            "retention": _RETENTION,
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
        "mode": common.DELEGATION_MODE,
        "state": {
            "type": "string",
            "enum": ["active", "broken"],
            "description": "while it is broken, nothing is backed up",
        },
        "user_id": common.described(common.STRING, "for whom engines act"),
        "error": common.described(common.nullable(common.STRING), "what broke it, and what to do"),
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
        "recurrence_text": common.described(common.STRING, "the recurrence in words"),
        "cron": common.described(common.STRING, "the recurrence as a cron expression"),
        "timezone": common.STRING,
        "volumes": _IDS,
        "selector": common.nullable(SELECTOR),
        "start_window_s": common.COUNT,
        "completion_limit_s": common.nullable(common.COUNT),
        "spread_s": common.COUNT,
        "retention": _RETENTION,
        "next_run_at": common.described(
            common.nullable(common.TIME), "null while the schedule is disabled"
        ),
        "last_run": common.nullable(_LAST_RUN),
        "delegation": _DELEGATION,
        "generation": common.described(common.COUNT, "grows with each change"),
        "created_at": common.TIME,
        "updated_at": common.nullable(common.TIME),
    },
    title="Schedule",
)
_PREVIEWED = common.record(
    {
        "at": common.TIME,
        "local": common.described(common.TIME, "the same in the zone of the schedule"),
    }
)
_KEPT_ONE = common.record(
    {
        **_PREVIEWED["properties"],
        "type": common.BACKUP_TYPE,
        "rule": common.described(common.STRING, "why it stays, in one word"),
        "reason": common.described(common.STRING, "why it stays, in a sentence"),
    }
)
_KEPT = common.record(
    {
        "at": common.described(common.TIME, "when that is, if the schedule begins now"),
        "local": _PREVIEWED["properties"]["local"],
        "count": common.described(common.COUNT, "how many backups there are of a volume"),
        "is_complete": common.described(
            common.BOOLEAN,
            "false where there will be more later: no rule ends it, or not in two years, or so "
            "many backups are made that it is cut short",
        ),
        "backups": {
            "type": "array",
            "items": _KEPT_ONE,
            "description": f"the newest first, at most {MAX_KEPT}",
        },
    }
)
PREVIEW = common.record(
    {
        "cron": common.STRING,
        "timezone": common.STRING,
        "description": common.described(common.STRING, "the recurrence in words"),
        "runs": {"type": "array", "items": _PREVIEWED},
        "kept": common.described(
            common.nullable(_KEPT),
            "what there is of a volume in the long run; null where that was not asked for",
        ),
    },
    title="Preview",
)

# Of one schedule also what its selector picks now; in a list that would cost too much.
_SELECTED = common.record(
    {
        **SCHEDULE["properties"],
        "selected": common.described(_IDS, "volumes that the selector picks now"),
    },
    title="ScheduleDetail",
)
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
        "result",
        common.record(
            {
                "added": _IDS,
                "present": common.described(_IDS, "those that it had already"),
                "not_found": common.described(_IDS, "those that the project does not have"),
            }
        ),
    ),
)
REMOVE_VOLUMES = common.Operation(
    request=VOLUMES_REQUEST,
    response=common.wrapped(
        "result",
        common.record(
            {"removed": _IDS, "absent": common.described(_IDS, "those that it did not list")}
        ),
    ),
)
RUN_NOW = common.Operation(response=common.wrapped("run", RUN), status=202)
SHOW_PREVIEW = common.Operation(query=PREVIEW_QUERY, response=common.wrapped("preview", PREVIEW))
MAKE_PREVIEW = common.Operation(
    request=PREVIEW_REQUEST, response=common.wrapped("preview", PREVIEW), conflicts=False
)
