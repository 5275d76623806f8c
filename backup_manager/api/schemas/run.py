"""Schemas of runs and their tasks."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.rules import run as rules

RUN_STATUS = {"type": "string", "enum": sorted(rules.ACTIVE_RUN | rules.FINAL_RUN)}
TASK_STATUS = {"type": "string", "enum": sorted(rules.ACTIVE_TASK | rules.FINAL_TASK)}
ACTION = {"type": "string", "enum": ["backup", "delete", "import", "restore"]}
TRIGGER = {"type": "string", "enum": ["retention", "schedule", "user"]}

LIST_QUERY = common.list_query(
    ["created_at"],
    "created_at:desc",
    {
        "schedule_id": common.described(common.UUID, "only runs of this schedule"),
        "status": common.described(RUN_STATUS, "only runs with this status"),
        "action": common.described(ACTION, "only runs that do this"),
        "trigger": common.described(TRIGGER, "only runs started so"),
        "volume_id": common.described(common.UUID, "only runs about this volume"),
        "since": common.SINCE,
        "until": common.UNTIL,
    },
)
TASKS_QUERY = common.list_query(["position"], "position:asc", {"status": TASK_STATUS})

COUNTS = common.described(
    common.record({"total": common.COUNT} | dict.fromkeys(TASK_STATUS["enum"], common.COUNT)),
    "tasks by their status",
)
RUN = common.record(
    {
        "id": common.UUID,
        "project_id": common.STRING,
        "user_id": common.STRING,
        "action": ACTION,
        "trigger": TRIGGER,
        "schedule_id": common.nullable(common.UUID),
        "schedule_name": common.described(
            common.nullable(common.STRING), "as it was then; the schedule may be gone"
        ),
        "scheduled_for": common.described(
            common.nullable(common.TIME), "the slot; null if a user started the run"
        ),
        "status": RUN_STATUS,
        "missed_slots": common.described(
            common.COUNT, "slots before this one that passed unused, after an outage"
        ),
        "counts": COUNTS,
        "error": common.nullable(common.STRING),
        "request_id": common.described(
            common.nullable(common.STRING), "id of the request that started it"
        ),
        "created_at": common.TIME,
        "started_at": common.nullable(common.TIME),
        "finished_at": common.nullable(common.TIME),
    },
    title="Run",
)
TASK = common.record(
    {
        "id": common.UUID,
        "run_id": common.UUID,
        "project_id": common.STRING,
        "action": ACTION,
        "status": TASK_STATUS,
        "volume_id": common.described(common.UUID, "the volume that is backed up, or was"),
        "volume_name": common.nullable(common.STRING),
        "backup_id": common.nullable(common.UUID),
        "target_volume_id": common.described(
            common.nullable(common.UUID), "the volume that is restored onto"
        ),
        "backup_type": common.nullable(common.BACKUP_TYPE),
        "parent_id": common.described(
            common.nullable(common.UUID), "the backup that an incremental one builds on"
        ),
        "note": common.described(
            common.nullable(common.STRING), "what it waits for, or why it was done otherwise"
        ),
        "size_gb": common.nullable(common.COUNT),
        "attempts": common.COUNT,
        "not_before": common.described(common.TIME, "when it may begin, or be tried again"),
        "submitted_at": common.described(common.nullable(common.TIME), "when Cinder took it up"),
        "finished_at": common.nullable(common.TIME),
        "seconds": common.described(common.nullable(common.NUMBER), "how long Cinder took"),
        "rate_mb_s": common.described(
            common.nullable(common.NUMBER), "MiB per second, of a restore that succeeded"
        ),
        "error_code": common.described(common.nullable(common.STRING), "the kind of error"),
        "error": common.described(common.nullable(common.STRING), "what went wrong"),
    },
    title="Task",
)

LIST = common.Operation(query=LIST_QUERY, response=common.listed("runs", RUN))
SHOW = common.Operation(response=common.wrapped("run", RUN))
TASKS = common.Operation(query=TASKS_QUERY, response=common.listed("tasks", TASK))
CANCEL = SHOW
CONFIRM = SHOW
