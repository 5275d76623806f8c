"""Schemas of the tasks of all runs."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.run import ACTION, TASK, TASK_STATUS

LIST_QUERY = common.list_query(
    ["finished_at"],
    "finished_at:desc",
    {
        "status": common.described(TASK_STATUS, "only tasks with this status"),
        "action": common.described(ACTION, "only tasks that do this"),
        "volume_id": common.described(common.UUID, "only tasks about this volume"),
        "since": common.described(common.TIME, "only those finished then or later, or not yet"),
        "until": common.described(common.TIME, "only those finished before"),
    },
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("tasks", TASK))
