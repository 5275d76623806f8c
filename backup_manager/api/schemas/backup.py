"""Schemas of backups."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.run import RUN

LIST_QUERY = common.list_query(
    ["created_at", "name", "size_gb", "status"],
    "created_at:desc",
    {
        "type": common.BACKUP_TYPE,
        "volume_id": common.UUID,
        "status": common.FILTER,
        "name": common.FILTER,
        "since": common.TIME,
        "until": common.TIME,
    },
)

CREATE_REQUEST = common.wrapped(
    "backup",
    common.record(
        {
            "volumes": common.VOLUMES,
            "type": {**common.BACKUP_TYPE, "default": "full"},
            "name": common.NAME,
            "description": common.DESCRIPTION,
            "max_incrementals": common.INCREMENTALS,
            "strict": common.STRICT,
        },
        required=["volumes"],
    ),
)

UPDATE_REQUEST = common.wrapped(
    "backup",
    common.record({"held": common.BOOLEAN, "hold_reason": common.DESCRIPTION}, required=["held"]),
)

PARENT_SOURCE = {"type": ["string", "null"], "enum": ["recorded", "derived", None]}
BACKUP = common.record(
    {
        "id": common.UUID,
        "project_id": common.STRING,
        "name": common.nullable(common.STRING),
        "description": common.nullable(common.STRING),
        "status": common.STRING,
        "type": common.BACKUP_TYPE,
        "is_incremental": common.BOOLEAN,
        "has_dependents": common.BOOLEAN,
        "volume_id": common.UUID,
        "volume_name": common.nullable(common.STRING),
        "snapshot_id": common.nullable(common.UUID),
        "parent_id": common.nullable(common.UUID),
        "parent_source": PARENT_SOURCE,
        "size_gb": common.COUNT,
        "fail_reason": common.nullable(common.STRING),
        "run_id": common.nullable(common.UUID),
        "schedule_id": common.nullable(common.UUID),
        "ours": common.BOOLEAN,
        "held": common.BOOLEAN,
        "hold_reason": common.nullable(common.STRING),
        "created_at": common.TIME,
        "data_timestamp": common.nullable(common.TIME),
        "availability_zone": common.nullable(common.STRING),
        "seen_at": common.TIME,
    }
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("backups", BACKUP))
SHOW = common.Operation(response=common.wrapped("backup", BACKUP))
UPDATE = common.Operation(request=UPDATE_REQUEST, response=common.wrapped("backup", BACKUP))
CREATE = common.Operation(
    request=CREATE_REQUEST,
    response=common.record({"run": RUN, "warnings": common.WARNINGS}),
    status=202,
)
