"""Runs and their tasks: what was done, when, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from openstack import resource

from backup_manager.sdk.v1 import _base

_WAITING = "waiting"
_UNFINISHED = (_WAITING, "pending", "running")


class Run(_base.Resource):
    """One execution of a schedule, or of a user's request."""

    resource_key = "run"
    resources_key = "runs"
    base_path = "/v1/runs"
    allow_list = True
    allow_fetch = True

    _query_mapping = resource.QueryParameters(
        "schedule_id",
        "status",
        "action",
        "trigger",
        "volume_id",
        "since",
        "until",
        "sort",
        "all_projects",
        "project_id",
    )

    #: The project the run belongs to.
    project_id: str = resource.Body("project_id")
    #: The user in whose name it runs.
    user_id: str = resource.Body("user_id")
    #: What it does: ``backup``, ``restore``, ``delete`` or ``import``.
    action: str = resource.Body("action")
    #: What started it: ``schedule``, ``user`` or ``retention``.
    trigger: str = resource.Body("trigger")
    #: The schedule it belongs to, if to one.
    schedule_id: str | None = resource.Body("schedule_id")
    #: The name of that schedule at the time.
    schedule_name: str | None = resource.Body("schedule_name")
    #: The slot of the schedule it stands for (ISO 8601, UTC).
    scheduled_for: str | None = resource.Body("scheduled_for")
    #: ``waiting``, ``pending``, ``running``, ``succeeded``, ``partial``, ``failed``,
    #: ``cancelled``, ``skipped``, ``missed`` or ``expired``.
    status: str = resource.Body("status")
    #: Of a ``missed`` run: how many slots passed while no engine ran.
    missed_slots: int = resource.Body("missed_slots", type=int)
    #: How many tasks there are, ``total`` and by their status.
    counts: dict[str, int] = resource.Body("counts", type=dict)
    #: Why the run as a whole failed, or what it waits for.
    error: str | None = resource.Body("error")
    #: The request that started it.
    request_id: str | None = resource.Body("request_id")
    #: When it was created (ISO 8601, UTC).
    created_at: str = resource.Body("created_at")
    #: When its first task started (ISO 8601, UTC).
    started_at: str | None = resource.Body("started_at")
    #: When its last task ended (ISO 8601, UTC).
    finished_at: str | None = resource.Body("finished_at")

    #: What the service warned of when the run was asked for.
    warnings: Sequence[str] = ()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do, however it ended."""
        return self.status not in _UNFINISHED

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is done before somebody confirms or cancels it."""
        return self.status == _WAITING

    @property
    def is_successful(self) -> bool:
        """Whether it is finished and every one of its tasks succeeded."""
        counts = self.counts or {}
        return self.status == "succeeded" and counts.get("succeeded") == counts.get("total")


class Task(_base.Resource):
    """What a run does to one volume."""

    resources_key = "tasks"
    base_path = "/v1/runs/%(run_id)s/tasks"
    allow_list = True

    _query_mapping = resource.QueryParameters(
        "status",
        "action",
        "volume_id",
        "since",
        "until",
        "sort",
        "all_projects",
        "project_id",
    )

    #: The run the task belongs to.
    run_id: str = resource.URI("run_id")
    #: The project the task belongs to.
    project_id: str = resource.Body("project_id")
    #: What it does: ``backup``, ``restore``, ``delete`` or ``import``.
    action: str = resource.Body("action")
    #: ``waiting``, ``pending``, ``submitting``, ``running``, ``succeeded``, ``failed``,
    #: ``skipped``, ``cancelled`` or ``expired``.
    status: str = resource.Body("status")
    #: The volume.
    volume_id: str = resource.Body("volume_id")
    #: The name of the volume.
    volume_name: str | None = resource.Body("volume_name")
    #: The backup that was made, or is restored, deleted or imported.
    backup_id: str | None = resource.Body("backup_id")
    #: The volume that is restored onto, once it is known.
    target_volume_id: str | None = resource.Body("target_volume_id")
    #: ``full`` or ``incremental``: what was made, not what was asked for.
    backup_type: str | None = resource.Body("backup_type")
    #: The backup that the new one is the difference to.
    parent_id: str | None = resource.Body("parent_id")
    #: A remark, such as why a full backup was made instead of an incremental one, or why a backup
    #: is deleted.
    note: str | None = resource.Body("note")
    #: The size of the volume in GiB.
    size_gb: int | None = resource.Body("size_gb", type=int)
    #: How often it was tried.
    attempts: int = resource.Body("attempts", type=int)
    #: It starts no earlier than this (ISO 8601, UTC).
    not_before: str | None = resource.Body("not_before")
    #: When Cinder accepted the request (ISO 8601, UTC).
    submitted_at: str | None = resource.Body("submitted_at")
    #: When it ended (ISO 8601, UTC).
    finished_at: str | None = resource.Body("finished_at")
    #: How long Cinder worked on it.
    seconds: float | None = resource.Body("seconds", type=float)
    #: Of a task that succeeded: MiB of the volume per second.
    rate_mb_s: float | None = resource.Body("rate_mb_s", type=float)
    #: What kind of error ended it.
    error_code: str | None = resource.Body("error_code")
    #: The error in words.
    error: str | None = resource.Body("error")
