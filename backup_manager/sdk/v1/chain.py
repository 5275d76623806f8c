"""How the backups of a volume build on each other."""

from __future__ import annotations

from typing import Any

from openstack import resource


class Chain(resource.Resource):
    """All backups of a volume as a tree."""

    #: The volume.
    volume_id: str = resource.Body("volume_id")
    #: Its name.
    volume_name: str | None = resource.Body("volume_name")
    #: The oldest full backup first, each followed by what builds on it. Dicts as in
    #: :class:`backup_manager.sdk.v1.retention.Plan`, and ``keep``, ``parent_id``,
    #: ``parent_source``, ``depth`` (0: builds on nothing known), ``is_incremental``,
    #: ``has_dependents``, ``verified`` (what it builds on is certain, and what builds on it),
    #: ``ours``, ``held``, ``hold_reason``.
    backups: list[dict[str, Any]] = resource.Body("backups", type=list)
