"""Schemas of runs and their tasks."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.rules import run as rules

RUN_STATUS = {"type": "string", "enum": sorted(rules.ACTIVE_RUN | rules.FINAL_RUN)}
TASK_STATUS = {"type": "string", "enum": sorted(rules.ACTIVE_TASK | rules.FINAL_TASK)}
ACTION = {"type": "string", "enum": ["backup", "restore"]}
TRIGGER = {"type": "string", "enum": ["schedule", "user"]}

LIST_QUERY = common.list_query(
    ["created_at"],
    "created_at:desc",
    {
        "schedule_id": common.UUID,
        "status": RUN_STATUS,
        "action": ACTION,
        "trigger": TRIGGER,
        "volume_id": common.UUID,
        "since": common.TIME,
        "until": common.TIME,
    },
)
TASKS_QUERY = common.list_query(["position"], "position:asc", {"status": TASK_STATUS})

COUNTS = common.record({"total": common.COUNT} | dict.fromkeys(TASK_STATUS["enum"], common.COUNT))
RUN = common.record(
    {
        "id": common.UUID,
        "project_id": common.STRING,
        "user_id": common.STRING,
        "action": ACTION,
        "trigger": TRIGGER,
        "schedule_id": common.nullable(common.UUID),
        "schedule_name": common.nullable(common.STRING),
        "scheduled_for": common.nullable(common.TIME),
        "status": RUN_STATUS,
        "missed_slots": common.COUNT,
        "counts": COUNTS,
        "error": common.nullable(common.STRING),
        "request_id": common.nullable(common.STRING),
        "created_at": common.TIME,
        "started_at": common.nullable(common.TIME),
        "finished_at": common.nullable(common.TIME),
    }
)
TASK = common.record(
    {
        "id": common.UUID,
        "run_id": common.UUID,
        "project_id": common.STRING,
        "action": ACTION,
        "status": TASK_STATUS,
        "volume_id": common.UUID,
        "volume_name": common.nullable(common.STRING),
        "backup_id": common.nullable(common.UUID),
        "target_volume_id": common.nullable(common.UUID),
        "backup_type": common.nullable(common.BACKUP_TYPE),
        "parent_id": common.nullable(common.UUID),
        "note": common.nullable(common.STRING),
        "size_gb": common.nullable(common.COUNT),
        "attempts": common.COUNT,
        "not_before": common.TIME,
        "submitted_at": common.nullable(common.TIME),
        "finished_at": common.nullable(common.TIME),
        "seconds": common.nullable(common.NUMBER),
        "rate_mb_s": common.nullable(common.NUMBER),
        "error_code": common.nullable(common.STRING),
        "error": common.nullable(common.STRING),
    }
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("runs", RUN))
SHOW = common.Operation(response=common.wrapped("run", RUN))
TASKS = common.Operation(query=TASKS_QUERY, response=common.listed("tasks", TASK))
CANCEL = SHOW
