"""Volumes, as far as their protection is concerned."""

from __future__ import annotations

from typing import Any

from openstack import resource

from backup_manager.sdk.v1 import _base


class Volume(_base.Resource):
    """A Cinder volume and how it is protected."""

    resource_key = "volume"
    resources_key = "volumes"
    base_path = "/v1/volumes"
    allow_list = True
    allow_fetch = True

    _query_mapping = resource.QueryParameters(
        "name",
        "search",
        "status",
        "can_back_up",
        "sort",
        "all_projects",
        "project_id",
        is_protected="protected",
        is_late="late",
    )

    #: The project the volume belongs to.
    project_id: str = resource.Body("project_id")
    #: Cinder's status of the volume.
    status: str = resource.Body("status")
    #: The size of the volume in GiB.
    size_gb: int = resource.Body("size_gb", type=int)
    #: The name of the volume's type.
    volume_type: str | None = resource.Body("volume_type")
    #: The availability zone of the volume.
    availability_zone: str | None = resource.Body("availability_zone")
    #: The ids of the servers the volume is attached to.
    server_ids: list[str] = resource.Body("server_ids", type=list)
    #: Whether a server can boot from the volume.
    is_bootable: bool = resource.Body("bootable", type=bool)
    #: When the volume was created (ISO 8601, UTC).
    created_at: str = resource.Body("created_at")
    #: Whether the volume can be backed up now.
    can_back_up: bool = resource.Body("can_back_up", type=bool)
    #: Why the volume can't be backed up.
    reason: str | None = resource.Body("reason")
    #: The schedules that back the volume up: dicts of ``id``, ``name`` and ``enabled``.
    schedules: list[dict[str, Any]] = resource.Body("schedules", type=list)
    #: The newest backup that can be restored: ``id``, ``name``, ``type``, ``created_at``.
    last_backup: dict[str, Any] | None = resource.Body("last_backup", type=dict)
    #: Whether the newest good backup is older than an enabled schedule promises: older than twice
    #: the time between its last two slots; or there is none although a slot has passed.
    is_late: bool = resource.Body("late", type=bool)
    #: When the service last saw the volume in Cinder (ISO 8601, UTC).
    seen_at: str = resource.Body("seen_at")
