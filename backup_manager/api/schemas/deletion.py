"""Schemas of deletions, and what they share with those of clean-ups."""

from __future__ import annotations

from backup_manager.api.schemas import common, retention
from backup_manager.api.schemas.run import RUN

MAX_BACKUPS = 100

CHOICES = {
    "dry_run": {
        "type": "boolean",
        "default": False,
        "description": "delete nothing, answer with the plan",
    },
    "digest": {
        "type": "string",
        "format": "text",
        "maxLength": 64,
        "description": "that of the plan that was looked at: 409 if something else would be "
        "deleted by now",
    },
}
WARNINGS = common.described(common.WARNINGS, "volumes that would have no good backup left")

_REFUSED = common.record(
    {
        **retention.DECIDED,
        "remedy": common.described(
            common.nullable(common.STRING), "what to do first; null: what is said of another one"
        ),
    }
)
PLAN = common.record(
    {
        **retention.PLAN["properties"],
        "kept": {
            "type": "array",
            "items": _REFUSED,
            "description": "those that can't go: as long as there is one, none is deleted",
        },
        "warnings": WARNINGS,
    },
    title="DeletionPlan",
)
_BACKUP_IDS = {
    "type": "array",
    "items": common.UUID,
    "minItems": 1,
    "maxItems": MAX_BACKUPS,
    "uniqueItems": True,
    "description": "ids of backups of the project",
}
_CASCADE = {
    "type": "boolean",
    "default": False,
    "description": "delete what builds on them as well; needs the digest of a plan",
}

CREATE = common.Operation(
    request=common.wrapped(
        "deletion",
        common.record(
            {"backup_ids": _BACKUP_IDS, "cascade": _CASCADE, **CHOICES}, required=["backup_ids"]
        ),
    ),
    response=common.wrapped("run", RUN),
    status=202,
    preview=common.wrapped("plan", PLAN),
)
