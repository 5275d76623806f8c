"""Schemas of statistics."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.common import Schema

QUERY = common.record(
    {
        "all_projects": {"type": "boolean", "default": False},
        "project_id": {"type": "string", "format": "text", "maxLength": 64},
    },
    required=[],
)

_DATE: Schema = {"type": "string", "format": "date"}
_RATE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_BY_STATUS: Schema = {"type": "object", "additionalProperties": common.COUNT}
_SUCCESS = {"finished": common.COUNT, "succeeded": common.COUNT, "rate": _RATE}
_PERIOD = common.record(
    {
        **_SUCCESS,
        "by_action": {"type": "object", "additionalProperties": common.record(_SUCCESS)},
    }
)
_QUOTA = common.record(
    {
        "backups": common.nullable(common.COUNT),
        "backups_used": common.COUNT,
        "backups_full_on": common.nullable(_DATE),
        "gigabytes": common.nullable(common.COUNT),
        "gigabytes_used": common.COUNT,
        "gigabytes_full_on": common.nullable(_DATE),
    }
)
STATISTICS = common.record(
    {
        "project_id": common.nullable(common.STRING),
        "volumes": common.record(
            dict.fromkeys(("total", "protected", "unprotected", "late"), common.COUNT)
        ),
        "backups": common.record(
            {
                "total": common.COUNT,
                "size_gb": common.COUNT,
                "by_type": common.record({"full": common.COUNT, "incremental": common.COUNT}),
                "by_status": _BY_STATUS,
                "oldest": common.nullable(common.TIME),
                "newest": common.nullable(common.TIME),
            }
        ),
        "tasks": common.record({"last_7_days": _PERIOD, "last_30_days": _PERIOD}),
        "next_runs": {
            "type": "array",
            "items": common.record(
                {
                    "schedule_id": common.UUID,
                    "schedule_name": common.STRING,
                    "at": common.TIME,
                }
            ),
        },
        "quota": common.nullable(_QUOTA),
        "quota_error": common.nullable(common.STRING),
    }
)

SHOW = common.Operation(query=QUERY, response=common.wrapped("statistics", STATISTICS))
