"""Schemas of the health of the service."""

from __future__ import annotations

from backup_manager.api.schemas import common

CHECK = common.record(
    {
        "name": common.STRING,
        "ok": common.BOOLEAN,
        "detail": common.described(common.STRING, "what was found, and what to do about it"),
    }
)
HEALTH = common.record(
    {
        "ok": common.described(common.BOOLEAN, "whether all checks are"),
        "checks": {"type": "array", "items": CHECK},
    },
    title="Health",
)

SHOW = common.Operation(response=common.wrapped("health", HEALTH))
