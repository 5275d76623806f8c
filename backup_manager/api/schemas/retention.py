"""Schemas of what retention comes to."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.policy import RETENTION
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
    "rule": common.described(common.STRING, "why it goes or stays, in one word"),
    "reason": common.described(common.STRING, "why it goes or stays, in a sentence"),
}
_DECISIONS = {"type": "array", "items": common.record(DECIDED, title="Decision")}
PLAN = common.record(
    {
        "digest": common.described(common.STRING, "stands for what goes, to say yes to just that"),
        "going": common.described(_DECISIONS, "in the order in which they can go"),
        "kept": common.described(_DECISIONS, "the newest of each volume first"),
        "count": common.described(common.COUNT, "how many would go"),
        "size_gb": common.described(common.COUNT, "of those that would go"),
    },
    title="Plan",
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
        "backups": common.described(common.nullable(common.COUNT), "null: no limit"),
        "backups_full_on": common.nullable(_DATE),
        "gigabytes": common.described(common.nullable(common.COUNT), "null: no limit"),
        "gigabytes_full_on": common.nullable(_DATE),
    }
)
SIMULATION = common.record(
    {
        "days": {"type": "array", "items": _DAY},
        "is_complete": common.described(
            common.BOOLEAN, "false where so much would be made that the last days are left out"
        ),
        "quota": common.nullable(_QUOTA),
        "quota_error": common.QUOTA_ERROR,
    },
    title="Simulation",
)
_DAYS = {"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": rules.DAYS}

PREVIEW = common.Operation(
    request=common.wrapped(
        "preview", common.record({"retention": RETENTION, "volumes": common.VOLUMES})
    ),
    response=common.wrapped("plan", PLAN),
    conflicts=False,
)
SHOW = common.Operation(response=common.wrapped("plan", PLAN))
SIMULATE = common.Operation(
    request=common.wrapped("simulation", common.record({"days": _DAYS}, required=[])),
    response=common.wrapped("simulation", SIMULATION),
    conflicts=False,
)
