"""The projects that the service knows, for administrators."""

from __future__ import annotations

from openstack import resource

from backup_manager.sdk.v1 import _base


class Project(_base.Resource):
    """What a project has, and what is done for it."""

    resources_key = "projects"
    base_path = "/v1/projects"
    allow_list = True

    _query_mapping = resource.QueryParameters("sort")

    #: The project; also its ``id``.
    project_id: str = resource.Body("project_id", alternate_id=True)
    #: How many volumes it has.
    volumes: int = resource.Body("volumes", type=int)
    #: How many of them an enabled schedule backs up.
    protected_volumes: int = resource.Body("protected_volumes", type=int)
    #: How many of them none does.
    unprotected_volumes: int = resource.Body("unprotected_volumes", type=int)
    #: How many backups it has.
    backups: int = resource.Body("backups", type=int)
    #: Their size in GiB, as Cinder charges it.
    size_gb: int = resource.Body("size_gb", type=int)
    #: How many schedules it has.
    schedules: int = resource.Body("schedules", type=int)
    #: How many of them are failing, as in :attr:`Statistics.failing_schedules`.
    failing_schedules: int = resource.Body("failing_schedules", type=int)
    #: How many tasks no engine took up yet.
    tasks_waiting: int = resource.Body("tasks_waiting", type=int)
    #: How many tasks are under way.
    tasks_running: int = resource.Body("tasks_running", type=int)
    #: When the run of the oldest waiting task was created (ISO 8601, UTC).
    oldest_waiting_at: str | None = resource.Body("oldest_waiting_at")
    #: When it was last compared with Cinder (ISO 8601, UTC).
    synced_at: str | None = resource.Body("synced_at")
