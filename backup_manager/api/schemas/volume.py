"""Schemas of volumes."""

from __future__ import annotations

from backup_manager.api.schemas import common

LIST_QUERY = common.list_query(
    ["name", "created_at", "size_gb", "status"],
    "name:asc",
    {
        "name": common.described(common.FILTER, "only volumes with exactly this name"),
        "search": common.described(
            common.SEARCH, "only volumes with this in their name, or whose id it is"
        ),
        "status": common.described(common.FILTER, "only volumes with this status in Cinder"),
        "can_back_up": common.described(
            common.BOOLEAN, "only volumes that can, or can't, be backed up in their status"
        ),
        "protected": common.described(
            common.BOOLEAN, "only volumes that an enabled schedule backs up, or that none does"
        ),
        "late": common.described(common.BOOLEAN, "only volumes that are late, or that aren't"),
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
        "status": common.described(common.STRING, "as Cinder has it"),
        "size_gb": common.COUNT,
        "volume_type": common.nullable(common.STRING),
        "availability_zone": common.nullable(common.STRING),
        "server_ids": {
            "type": "array",
            "items": common.STRING,
            "description": "the servers that it is attached to",
        },
        "bootable": common.BOOLEAN,
        "created_at": common.TIME,
        "can_back_up": common.described(common.BOOLEAN, "whether its status allows a backup"),
        "reason": common.described(common.nullable(common.STRING), "why it can't be backed up"),
        "schedules": {
            "type": "array",
            "items": _SCHEDULE,
            "description": "those that back it up, by list or selector",
        },
        "last_backup": common.described(
            common.nullable(_LAST_BACKUP), "the newest one that is available, whoever made it"
        ),
        "late": common.described(
            common.BOOLEAN,
            "whether its newest good backup is older than an enabled schedule promises",
        ),
        "seen_at": common.SEEN_AT,
    },
    title="Volume",
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("volumes", VOLUME))
SHOW = common.Operation(response=common.wrapped("volume", VOLUME))
