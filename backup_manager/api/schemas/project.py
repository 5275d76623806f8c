"""Schemas of projects."""

from __future__ import annotations

from backup_manager.api.schemas import common

_ID = {"type": "string", "format": "text", "maxLength": 64}
LIST_QUERY = common.paging_query(["project_id"], "project_id:asc", _ID)
PROJECT = common.record(
    {
        "project_id": common.STRING,
        "volumes": common.COUNT,
        "protected_volumes": common.described(
            common.COUNT, "backed up by an enabled schedule, by list or selector"
        ),
        "unprotected_volumes": common.COUNT,
        "backups": common.COUNT,
        "size_gb": common.described(common.COUNT, "of the backups"),
        "schedules": common.COUNT,
        "failing_schedules": common.described(common.COUNT, "as in the statistics"),
        "tasks_waiting": common.described(common.COUNT, "those that no engine took up yet"),
        "tasks_running": common.COUNT,
        "oldest_waiting_at": common.described(
            common.nullable(common.TIME), "when the run of the oldest waiting task was created"
        ),
        "synced_at": common.described(
            common.nullable(common.TIME), "when it was last compared with Cinder"
        ),
    },
    title="Project",
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("projects", PROJECT))
