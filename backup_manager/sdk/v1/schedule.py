"""Schedules, and the preview of when one runs."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from openstack import resource

from backup_manager.sdk.v1 import _base


class Schedule(_base.Resource):
    """Which volumes are backed up when, and how."""

    resource_key = "schedule"
    resources_key = "schedules"
    base_path = "/v1/schedules"
    allow_list = True
    allow_fetch = True
    allow_create = True
    allow_commit = True
    allow_delete = True
    commit_method = "PATCH"

    _query_mapping = resource.QueryParameters(
        "name",
        "search",
        "volume_id",
        "sort",
        "all_projects",
        "project_id",
        is_enabled="enabled",
        is_failing="failing",
    )

    #: The project whose volumes are backed up.
    project_id: str = resource.Body("project_id")
    #: The user in whose name that happens.
    user_id: str = resource.Body("user_id")
    #: A description.
    description: str | None = resource.Body("description")
    #: Whether the schedule runs.
    is_enabled: bool = resource.Body("enabled", type=bool)
    #: ``full`` or ``incremental``.
    backup_type: str = resource.Body("backup_type")
    #: How many incremental backups may follow a full one; 0 makes every backup a full one.
    max_incrementals: int = resource.Body("max_incrementals", type=int)
    #: When it runs, for example ``{'type': 'daily', 'time': '02:00'}``.
    recurrence: dict[str, Any] = resource.Body("recurrence", type=dict)
    #: The same in words.
    recurrence_text: str = resource.Body("recurrence_text")
    #: The same as a cron expression.
    cron: str = resource.Body("cron")
    #: The IANA name of the time zone the recurrence is in.
    timezone: str = resource.Body("timezone")
    #: The ids of the volumes. Assign a new list to change them.
    volume_ids: list[str] = resource.Body("volumes", type=list)
    #: What to back up besides those: ``metadata``, ``volume_types``, ``servers``,
    #: ``whole_project``, and what to ``exclude``. Looked up at each run.
    selector: dict[str, Any] | None = resource.Body("selector", type=dict)
    #: The ids of the volumes that the selector picks now. Absent in lists.
    selected_ids: list[str] | None = resource.Body("selected", type=list)
    #: How many seconds late a run may begin.
    start_window_s: int = resource.Body("start_window_s", type=int)
    #: How many seconds after its time a run is given up; None leaves that to the service.
    completion_limit_s: int | None = resource.Body("completion_limit_s", type=int)
    #: The seconds over which the backups of a run begin.
    spread_s: int = resource.Body("spread_s", type=int)
    #: Of a new schedule: create it only if its backups fit into the quota.
    strict: bool | None = resource.Body("strict", type=bool)
    #: What is kept of its backups, such as ``{'max_age_days': 30, 'keep_monthly': 12}``; ``{}``
    #: keeps everything, None leaves it to the project.
    retention: dict[str, int] | None = resource.Body("retention")
    #: When it runs next (ISO 8601, UTC).
    next_run_at: str | None = resource.Body("next_run_at")
    #: The newest run: ``id``, ``status``, ``scheduled_for``, ``created_at``.
    last_run: dict[str, Any] | None = resource.Body("last_run", type=dict)
    #: How the service acts for the user: ``mode``, ``state``, ``user_id``, ``error`` (with what
    #: to do), ``checked_at``. A schedule whose ``state`` is ``broken`` makes no backups.
    delegation: dict[str, Any] = resource.Body("delegation", type=dict)
    #: Grows with each change; an update made from an older one is refused.
    generation: int = resource.Body("generation", type=int)
    #: When the schedule was created (ISO 8601, UTC).
    created_at: str = resource.Body("created_at")
    #: When the schedule was last changed (ISO 8601, UTC).
    updated_at: str | None = resource.Body("updated_at")

    #: Of a new schedule: what the service warned of when it was created.
    warnings: Sequence[str] = ()

    def _translate_response(self, response: Any, *args: Any, **kwargs: Any) -> None:
        super()._translate_response(response, *args, **kwargs)
        if response.status_code == HTTPStatus.CREATED:
            self.warnings = response.json().get("warnings", ())

    def commit(self, session: Any, *args: Any, **kwargs: Any) -> Schedule:
        """Send the attributes that changed, and the generation they were changed from.

        :raises openstack.exceptions.ConflictException: somebody changed the schedule since it
            was fetched.
        """
        # An attribute is sent when it was given another value, so give it one for a moment. With
        # that, an update without changes is sent too, which renews a broken delegation.
        generation = self.generation
        self.generation = -1
        self.generation = generation
        return super().commit(session, *args, **kwargs)


class Preview(resource.Resource):
    """When a recurrence runs. Not stored anywhere."""

    #: The cron expression the recurrence means.
    cron: str = resource.Body("cron")
    #: The IANA name of the time zone.
    timezone: str = resource.Body("timezone")
    #: The recurrence in words.
    description: str = resource.Body("description")
    #: The next runs: ``at`` (ISO 8601, UTC) and ``local`` (with the zone's offset).
    runs: list[dict[str, str]] = resource.Body("runs", type=list)
    #: What there would be of a volume in the long run, where that was asked for: ``at`` and
    #: ``local`` (when that is), ``count``, ``is_complete`` (False where there would be more later)
    #: and ``backups``, the newest first, at most 1000: dicts of ``at``, ``local``, ``type``,
    #: ``rule`` (why it stays, in one word) and ``reason`` (in a sentence).
    kept: dict[str, Any] | None = resource.Body("kept", type=dict)
