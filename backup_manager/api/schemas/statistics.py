"""Schemas of statistics."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.common import Schema

QUERY = common.record(
    {
        "all_projects": common.ALL_PROJECTS,
        "project_id": common.PROJECT_ID,
    },
    required=[],
)

_DATE: Schema = {"type": "string", "format": "date"}
_RATE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_BY_STATUS: Schema = {"type": "object", "additionalProperties": common.COUNT}
_SUCCESS = {
    "finished": common.described(common.COUNT, "tasks that ended and were not cancelled"),
    "succeeded": common.COUNT,
    "rate": common.described(_RATE, "succeeded ones of the finished; null without any"),
}
_PERIOD = common.record(
    {
        **_SUCCESS,
        "by_action": {"type": "object", "additionalProperties": common.record(_SUCCESS)},
    }
)
_QUOTA = common.record(
    {
        "backups": common.described(common.nullable(common.COUNT), "null: no limit"),
        "backups_used": common.COUNT,
        "backups_full_on": common.described(common.nullable(_DATE), "by the trend of its use"),
        "gigabytes": common.described(common.nullable(common.COUNT), "null: no limit"),
        "gigabytes_used": common.COUNT,
        "gigabytes_full_on": common.described(common.nullable(_DATE), "by the trend of its use"),
    }
)
_SAMPLED = common.described(common.nullable(common.COUNT), "null: there is no sample of the day")
_DAY = common.record(
    {
        "date": common.described(_DATE, "in UTC"),
        "backups": _SAMPLED,
        "size_gb": _SAMPLED,
        "protected_volumes": _SAMPLED,
        "unprotected_volumes": _SAMPLED,
        "succeeded": common.described(common.COUNT, "backup tasks that ended so on that day"),
        "failed": common.described(common.COUNT, "those that failed or expired on that day"),
    }
)
STATISTICS = common.record(
    {
        "project_id": common.nullable(common.STRING),
        "volumes": common.record(
            {
                "total": common.COUNT,
                "protected": common.described(common.COUNT, "backed up by an enabled schedule"),
                "unprotected": common.COUNT,
                "late": common.described(
                    common.COUNT, "whose newest good backup is older than their schedule promises"
                ),
            }
        ),
        "backups": common.record(
            {
                "total": common.COUNT,
                "size_gb": common.COUNT,
                "by_type": common.record({"full": common.COUNT, "incremental": common.COUNT}),
                "by_status": _BY_STATUS,
                "oldest": common.described(common.nullable(common.TIME), "of those available"),
                "newest": common.described(common.nullable(common.TIME), "of those available"),
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
        "waiting_runs": common.described(common.COUNT, "runs that wait for somebody's consent"),
        "failing_schedules": common.described(
            common.COUNT,
            "enabled ones whose delegation is broken, or whose last run that ended is failed, "
            "partial, missed or expired",
        ),
        "days": {
            "type": "array",
            "items": _DAY,
            "description": "those of the last 30 of which something is known, earliest first",
        },
        "quota": common.described(common.nullable(_QUOTA), "of the caller's project only"),
        "quota_error": common.QUOTA_ERROR,
    },
    title="Statistics",
)

SHOW = common.Operation(query=QUERY, response=common.wrapped("statistics", STATISTICS))
