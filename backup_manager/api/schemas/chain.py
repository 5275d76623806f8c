"""Schemas of chains of backups."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.backup import PARENT_SOURCE
from backup_manager.api.schemas.retention import DECIDED

_LINK = common.record(
    {
        **DECIDED,
        "keep": common.BOOLEAN,
        "parent_id": common.nullable(common.UUID),
        "parent_source": PARENT_SOURCE,
        "depth": common.COUNT,
        "is_incremental": common.BOOLEAN,
        "has_dependents": common.BOOLEAN,
        "verified": common.BOOLEAN,
        "ours": common.BOOLEAN,
        "held": common.BOOLEAN,
        "hold_reason": common.nullable(common.STRING),
    }
)
CHAIN = common.record(
    {
        "volume_id": common.UUID,
        "volume_name": common.nullable(common.STRING),
        "backups": {"type": "array", "items": _LINK},
    }
)

SHOW = common.Operation(response=common.wrapped("chain", CHAIN))
