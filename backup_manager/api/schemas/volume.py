"""Schemas of volumes."""

from __future__ import annotations

from backup_manager.api.schemas import common

LIST_QUERY = common.list_query(
    ["name", "created_at", "size_gb", "status"],
    "name:asc",
    {
        "name": common.FILTER,
        "status": common.FILTER,
        "can_back_up": common.BOOLEAN,
        "protected": common.BOOLEAN,
    },
)

_SCHEDULE = common.record({"id": common.UUID, "name": common.STRING, "enabled": common.BOOLEAN})
_LAST_BACKUP = common.record(
    {
        "id": common.UUID,
        "name": common.nullable(common.STRING),
        "type": common.BACKUP_TYPE,
        "created_at": common.TIME,
    }
)
VOLUME = common.record(
    {
        "id": common.UUID,
        "project_id": common.STRING,
        "name": common.nullable(common.STRING),
        "status": common.STRING,
        "size_gb": common.COUNT,
        "volume_type": common.nullable(common.STRING),
        "availability_zone": common.nullable(common.STRING),
        "server_ids": {"type": "array", "items": common.STRING},
        "bootable": common.BOOLEAN,
        "created_at": common.TIME,
        "can_back_up": common.BOOLEAN,
        "reason": common.nullable(common.STRING),
        "schedules": {"type": "array", "items": _SCHEDULE},
        "last_backup": common.nullable(_LAST_BACKUP),
        "seen_at": common.TIME,
    }
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("volumes", VOLUME))
SHOW = common.Operation(response=common.wrapped("volume", VOLUME))
