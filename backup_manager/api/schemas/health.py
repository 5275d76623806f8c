"""Schemas of the health of the service."""

from __future__ import annotations

from backup_manager.api.schemas import common

CHECK = common.record({"name": common.STRING, "ok": common.BOOLEAN, "detail": common.STRING})
HEALTH = common.record({"ok": common.BOOLEAN, "checks": {"type": "array", "items": CHECK}})

SHOW = common.Operation(response=common.wrapped("health", HEALTH))
