"""Schemas of clean-ups."""

from __future__ import annotations

from backup_manager.api.schemas import common, deletion, retention
from backup_manager.api.schemas.run import RUN
from backup_manager.rules import policy as rules

MAX_VOLUMES = 100

_MAX_AGE_DAYS = {
    "type": "integer",
    "minimum": 1,
    "maximum": rules.MAX_AGE_DAYS,
    "description": "how old backups may get, in times of 24 hours",
}
_VOLUME_POLICIES = {
    "type": "array",
    "items": common.record({"volume_id": common.UUID, "max_age_days": _MAX_AGE_DAYS}),
    "minItems": 1,
    "maxItems": MAX_VOLUMES,
    "description": "clean up these volumes only, instead of all",
}
_INCLUDE_LAST = {
    "type": "boolean",
    "default": False,
    "description": "let the last good backup of a volume go, too",
}
_TOTAL = common.record(
    {
        "volume_id": common.UUID,
        "volume_name": common.nullable(common.STRING),
        "count": common.described(common.COUNT, "how many go"),
        "size_gb": common.described(common.COUNT, "of those that go"),
        "kept": common.described(common.COUNT, "how many stay"),
    }
)
PLAN = common.record(
    {
        **retention.PLAN["properties"],
        "volumes": {
            "type": "array",
            "items": _TOTAL,
            "description": "all that have backups, and were to be cleaned up",
        },
        "warnings": deletion.WARNINGS,
    },
    title="CleanupPlan",
)

CREATE = common.Operation(
    # One of the first two: that is checked where they are used.
    request=common.wrapped(
        "cleanup",
        common.record(
            {
                "max_age_days": _MAX_AGE_DAYS,
                "volume_policies": _VOLUME_POLICIES,
                "include_last": _INCLUDE_LAST,
                **deletion.CHOICES,
            },
            required=[],
        ),
    ),
    response=common.wrapped("run", RUN),
    status=202,
    preview=common.wrapped("plan", PLAN),
)
