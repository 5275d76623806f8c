"""Schemas of what retention comes to."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.rules import simulation as rules

MAX_DAYS = 366

DECIDED = {
    "backup_id": common.UUID,
    "volume_id": common.UUID,
    "volume_name": common.nullable(common.STRING),
    "type": common.BACKUP_TYPE,
    "size_gb": common.COUNT,
    "created_at": common.TIME,
    "status": common.STRING,
    "rule": common.STRING,
    "reason": common.STRING,
}
_DECISIONS = {"type": "array", "items": common.record(DECIDED)}
PLAN = common.record(
    {
        "digest": common.STRING,
        "going": _DECISIONS,
        "kept": _DECISIONS,
        "count": common.COUNT,
        "size_gb": common.COUNT,
    }
)

_DATE = {"type": "string", "format": "date"}
_DAY = common.record(
    {
        "date": _DATE,
        "backups": common.COUNT,
        "size_gb": common.COUNT,
        "made": common.COUNT,
        "deleted": common.COUNT,
    }
)
_QUOTA = common.record(
    {
        "backups": common.nullable(common.COUNT),
        "backups_full_on": common.nullable(_DATE),
        "gigabytes": common.nullable(common.COUNT),
        "gigabytes_full_on": common.nullable(_DATE),
    }
)
SIMULATION = common.record(
    {
        "days": {"type": "array", "items": _DAY},
        "is_complete": common.BOOLEAN,
        "quota": common.nullable(_QUOTA),
        "quota_error": common.nullable(common.STRING),
    }
)
_DAYS = {"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": rules.DAYS}

SHOW = common.Operation(response=common.wrapped("plan", PLAN))
SIMULATE = common.Operation(
    request=common.wrapped("simulation", common.record({"days": _DAYS}, required=[])),
    response=common.wrapped("simulation", SIMULATION),
)
