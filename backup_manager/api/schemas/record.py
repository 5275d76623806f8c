"""Schemas of records of backups."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.run import RUN
from backup_manager.rules import record as rules

_PROJECT_ID = {
    "type": "string",
    "format": "text",
    "minLength": 1,
    "maxLength": 64,
    "description": "another project than that of the token; for administrators",
}
_BACKUP_IDS = {
    "type": "array",
    "items": common.UUID,
    "minItems": 1,
    "maxItems": rules.MAX_RECORDS,
    "uniqueItems": True,
    "description": "the backups; or volume_id",
}
_SERVICE = common.described(common.STRING, "the driver that wrote the backup")
_URL = common.described(common.STRING, "Cinder's description of the backup")

_TOLD = {
    "backup_id": common.UUID,
    "volume_id": common.described(common.UUID, "the volume that was backed up"),
    "name": common.nullable(common.STRING),
    "type": common.BACKUP_TYPE,
    "parent_id": common.described(common.nullable(common.UUID), "the backup it builds on"),
    "size_gb": common.described(common.COUNT, "that of the volume, for increments too"),
    "created_at": common.nullable(common.TIME),
}
_RECORD = common.record(
    {**_TOLD, "backup_service": _SERVICE, "backup_url": _URL}, title="BackupRecord"
)
DOCUMENT = common.record(
    {
        "format": {"const": rules.FORMAT},
        "version": common.INTEGER,
        "checksum": common.described(common.STRING, "of the rest: the file is whole"),
        "records": {"type": "array", "items": _RECORD},
    },
    title="BackupRecords",
)
# What is inside is checked in an order of its own: first that it is one of ours, and whole.
_UNCHECKED = {
    "type": "object",
    "description": "what an export gave, unchanged; or record",
}

EXPORT_REQUEST = common.wrapped(
    "export",
    common.record(
        {
            "backup_ids": _BACKUP_IDS,
            "volume_id": common.described(common.UUID, "all backups of this volume"),
            "project_id": _PROJECT_ID,
        },
        required=[],
    ),
)
IMPORT_REQUEST = common.wrapped(
    "import",
    common.record(
        {
            "document": _UNCHECKED,
            "record": common.described(
                common.record({"backup_service": _SERVICE, "backup_url": _URL}),
                "a single record, as Cinder's export_record gives it",
            ),
            "project_id": _PROJECT_ID,
            "dry_run": {
                "type": "boolean",
                "default": False,
                "description": "only tell what would be imported: 200",
            },
        },
        required=[],
    ),
)

_RESULT = {
    "type": "string",
    "enum": [rules.IMPORT, rules.PRESENT, rules.REFUSED],
    "description": "what becomes of it: imported by the run, there already, or not imported",
}
_VERDICTS = {
    "type": "array",
    "items": common.record(
        {
            **_TOLD,
            "result": _RESULT,
            "reason": common.described(common.nullable(common.STRING), "why it is not imported"),
        },
        title="ImportVerdict",
    ),
    "description": "parents before what builds on them",
}

EXPORT = common.Operation(
    request=EXPORT_REQUEST,
    response=common.record({"document": DOCUMENT, "warnings": common.WARNINGS}),
)
IMPORT = common.Operation(
    request=IMPORT_REQUEST,
    response=common.record(
        {
            "records": _VERDICTS,
            "run": common.described(
                {"oneOf": [RUN, {"type": "null"}]}, "null where nothing is to be imported"
            ),
            "warnings": common.WARNINGS,
        }
    ),
    status=202,
    preview=common.record({"records": _VERDICTS, "warnings": common.WARNINGS}),
)
