"""Schemas of chains of backups."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.backup import PARENT_SOURCE
from backup_manager.api.schemas.retention import DECIDED

_LINK = common.record(
    {
        **DECIDED,
        "keep": common.described(common.BOOLEAN, "whether retention would keep it now"),
        "parent_id": common.described(common.nullable(common.UUID), "the backup it builds on"),
        "parent_source": PARENT_SOURCE,
        "depth": common.described(common.COUNT, "how many it builds on; 0 is a full one"),
        "is_incremental": common.BOOLEAN,
        "has_dependents": common.BOOLEAN,
        "verified": common.described(
            common.BOOLEAN, "whether it is certain what it builds on, and what on it"
        ),
        "ours": common.described(common.BOOLEAN, "whether this service made it"),
        "held": common.described(common.BOOLEAN, "nothing automatic deletes what is on hold"),
        "hold_reason": common.nullable(common.STRING),
    }
)
CHAIN = common.record(
    {
        "volume_id": common.UUID,
        "volume_name": common.nullable(common.STRING),
        "backups": {
            "type": "array",
            "items": _LINK,
            "description": "the oldest full one first, each followed by what builds on it",
        },
    },
    title="Chain",
)

SHOW = common.Operation(response=common.wrapped("chain", CHAIN))
