"""Schemas of services."""

from __future__ import annotations

from backup_manager.api.schemas import common

LIST_QUERY = common.paging_query(["host"], "host:asc")
SERVICE = common.record(
    {
        "id": common.UUID,
        "binary": common.STRING,
        "host": common.STRING,
        "version": common.STRING,
        "state": {
            "type": "string",
            "enum": ["up", "down"],
            "description": "down without a sign of life for a while",
        },
        "started_at": common.TIME,
        "heartbeat_at": common.described(common.TIME, "the last sign of life"),
    },
    title="Service",
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("services", SERVICE))
