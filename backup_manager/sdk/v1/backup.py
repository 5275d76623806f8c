"""Backups, whoever made them."""

from __future__ import annotations

from typing import Any

from openstack import resource

from backup_manager.sdk.v1 import _base


class Backup(_base.Resource):
    """A Cinder backup and its place in a chain."""

    resource_key = "backup"
    resources_key = "backups"
    base_path = "/v1/backups"
    allow_list = True
    allow_fetch = True

    _query_mapping = resource.QueryParameters(
        "type",
        "volume_id",
        "status",
        "name",
        "search",
        "since",
        "until",
        "sort",
        "all_projects",
        "project_id",
        with_retention="retention",
    )

    #: The project the backup belongs to.
    project_id: str = resource.Body("project_id")
    #: The description of the backup.
    description: str | None = resource.Body("description")
    #: Cinder's status of the backup.
    status: str = resource.Body("status")
    #: ``full`` or ``incremental``, as it is shown.
    type: str = resource.Body("type")
    #: Whether Cinder stored differences to a parent only.
    is_incremental: bool = resource.Body("is_incremental", type=bool)
    #: Whether other backups need this one.
    has_dependents: bool = resource.Body("has_dependents", type=bool)
    #: The volume that was backed up.
    volume_id: str = resource.Body("volume_id")
    #: The name of that volume.
    volume_name: str | None = resource.Body("volume_name")
    #: The snapshot that was backed up, if it was one.
    snapshot_id: str | None = resource.Body("snapshot_id")
    #: The backup this one is the difference to.
    parent_id: str | None = resource.Body("parent_id")
    #: ``recorded`` when the parent was noted at creation, ``derived`` when it was worked out.
    parent_source: str | None = resource.Body("parent_source")
    #: The size of the volume in GiB.
    size_gb: int = resource.Body("size_gb", type=int)
    #: Why the backup failed, in Cinder's words.
    fail_reason: str | None = resource.Body("fail_reason")
    #: The run that made the backup.
    run_id: str | None = resource.Body("run_id")
    #: The schedule that made the backup.
    schedule_id: str | None = resource.Body("schedule_id")
    #: Whether the service made the backup.
    is_ours: bool = resource.Body("ours", type=bool)
    #: Whether the backup is on hold: nothing automatic deletes it.
    is_held: bool = resource.Body("held", type=bool)
    #: Why it is on hold.
    hold_reason: str | None = resource.Body("hold_reason")
    #: When the backup was created (ISO 8601, UTC).
    created_at: str = resource.Body("created_at")
    #: The moment whose data the backup holds (ISO 8601, UTC).
    data_timestamp: str | None = resource.Body("data_timestamp")
    #: The availability zone that stores the backup.
    availability_zone: str | None = resource.Body("availability_zone")
    #: What the policies decide about it now: ``keep``, ``rule`` (why, in one word), ``reason`` (in
    #: a sentence) and ``expires_at`` (when it goes, ISO 8601, UTC; None if it stays, or if that
    #: depends on what is made until then). None in lists without ``with_retention``.
    retention: dict[str, Any] | None = resource.Body("retention", type=dict)
    #: When the service last saw the backup in Cinder (ISO 8601, UTC).
    seen_at: str = resource.Body("seen_at")
