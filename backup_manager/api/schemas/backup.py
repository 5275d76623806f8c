"""Schemas of backups."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.run import RUN

LIST_QUERY = common.list_query(
    ["created_at", "name", "size_gb", "status"],
    "created_at:desc",
    {
        "type": common.described(common.BACKUP_TYPE, "only backups of this type"),
        "volume_id": common.described(common.UUID, "only backups of this volume"),
        "status": common.described(common.FILTER, "only backups with this status in Cinder"),
        "name": common.described(common.FILTER, "only backups with exactly this name"),
        "search": common.described(
            common.SEARCH,
            "only backups with this in their name, or whose id or volume's id it is",
        ),
        "since": common.SINCE,
        "until": common.UNTIL,
        "retention": {
            "type": "boolean",
            "default": False,
            "description": "tell of each what the policies decide about it",
        },
    },
)

CREATE_REQUEST = common.wrapped(
    "backup",
    common.record(
        {
            "volumes": common.VOLUMES,
            "type": {
                **common.BACKUP_TYPE,
                "default": "full",
                "description": "incremental ones need a whole chain; a full one is made without",
            },
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
    common.record(
        {
            "held": common.described(common.BOOLEAN, "nothing automatic deletes what is on hold"),
            "hold_reason": common.DESCRIPTION,
        },
        required=["held"],
    ),
)

PARENT_SOURCE = {
    "type": ["string", "null"],
    "enum": ["recorded", "derived", None],
    "description": "recorded when this service made or imported it; else derived from Cinder",
}
_RETENTION = common.record(
    {
        "keep": common.described(common.BOOLEAN, "whether retention would keep it now"),
        "rule": common.described(common.STRING, "why it goes or stays, in one word"),
        "reason": common.described(common.STRING, "why it goes or stays, in a sentence"),
        "expires_at": common.described(
            common.nullable(common.TIME),
            "when it goes; null if it stays, or if that depends on what is made until then",
        ),
    }
)
BACKUP = common.record(
    {
        "id": common.UUID,
        "project_id": common.STRING,
        "name": common.nullable(common.STRING),
        "description": common.nullable(common.STRING),
        "status": common.described(common.STRING, "as Cinder has it"),
        "type": common.described(common.BACKUP_TYPE, "by its description, else as is_incremental"),
        "is_incremental": common.described(common.BOOLEAN, "whether it builds on another one"),
        "has_dependents": common.described(common.BOOLEAN, "whether others build on it"),
        "volume_id": common.UUID,
        "volume_name": common.nullable(common.STRING),
        "snapshot_id": common.nullable(common.UUID),
        "parent_id": common.described(common.nullable(common.UUID), "the backup it builds on"),
        "parent_source": PARENT_SOURCE,
        "size_gb": common.described(common.COUNT, "that of the volume, for increments too"),
        "fail_reason": common.described(common.nullable(common.STRING), "in Cinder's words"),
        "run_id": common.described(common.nullable(common.UUID), "the run that made it"),
        "schedule_id": common.described(common.nullable(common.UUID), "the schedule that made it"),
        "ours": common.described(common.BOOLEAN, "whether this service made it"),
        "held": common.described(common.BOOLEAN, "nothing automatic deletes what is on hold"),
        "hold_reason": common.nullable(common.STRING),
        "created_at": common.TIME,
        "data_timestamp": common.described(
            common.nullable(common.TIME), "when the volume held what the backup holds"
        ),
        "availability_zone": common.nullable(common.STRING),
        "retention": common.described(
            common.nullable(_RETENTION),
            "what the policies decide about it now; null in lists that were not asked for it",
        ),
        "seen_at": common.SEEN_AT,
    },
    title="Backup",
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("backups", BACKUP))
SHOW = common.Operation(response=common.wrapped("backup", BACKUP))
UPDATE = common.Operation(request=UPDATE_REQUEST, response=common.wrapped("backup", BACKUP))
CREATE = common.Operation(
    request=CREATE_REQUEST,
    response=common.record({"run": RUN, "warnings": common.WARNINGS}),
    status=202,
)
