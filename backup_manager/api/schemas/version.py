"""Schemas of version discovery."""

from __future__ import annotations

from backup_manager.api.schemas import common

_LINK = common.record(
    {
        "rel": {"type": "string", "enum": ["self", "describedby"]},
        "href": common.STRING,
        "type": common.described(common.STRING, "media type, of what describes the version"),
    },
    required=["rel", "href"],
)
VERSION = common.record(
    {
        "id": common.STRING,
        "status": {"type": "string", "enum": ["CURRENT", "SUPPORTED", "DEPRECATED"]},
        "links": {"type": "array", "items": _LINK},
    },
    title="Version",
)

LIST = common.Operation(
    response=common.record({"versions": {"type": "array", "items": VERSION}}), status=300
)
SHOW = common.Operation(response=common.wrapped("version", VERSION))
