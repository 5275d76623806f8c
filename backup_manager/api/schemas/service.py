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
        "state": {"type": "string", "enum": ["up", "down"]},
        "started_at": common.TIME,
        "heartbeat_at": common.TIME,
    }
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("services", SERVICE))
