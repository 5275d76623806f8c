"""What retention, a deletion or a clean-up would delete, now and in the days to come."""

from __future__ import annotations

from typing import Any

from openstack import resource


class Plan(resource.Resource):
    """What would be deleted now, and what not.

    Its backups are dicts of ``backup_id``, ``volume_id``, ``volume_name``, ``type``, ``size_gb``,
    ``created_at``, ``status``, ``rule`` (why, in one word) and ``reason`` (in a sentence).
    """

    #: Stands for what would go: with it, just that and nothing else is deleted.
    digest: str = resource.Body("digest")
    #: What would go, in an order in which it can.
    going: list[dict[str, Any]] = resource.Body("going", type=list)
    #: What would stay, the newest of each volume first. Of a deletion: what can't go, and has a
    #: ``remedy`` as well, which is None for what only another one of these keeps.
    kept: list[dict[str, Any]] = resource.Body("kept", type=list)
    #: How many would go.
    count: int = resource.Body("count", type=int)
    #: How many GB would go, as Cinder charges them.
    size_gb: int = resource.Body("size_gb", type=int)
    #: Of a clean-up: dicts of ``volume_id``, ``volume_name``, ``count`` and ``size_gb`` of what
    #: would go, and ``kept``: how many would stay.
    volumes: list[dict[str, Any]] | None = resource.Body("volumes", type=list)
    #: Of a deletion or a clean-up: which volumes would have no good backup left.
    warnings: list[str] | None = resource.Body("warnings", type=list)


class Simulation(resource.Resource):
    """What schedules make and what retention would delete, day by day."""

    #: Dicts of ``date``, ``backups`` and ``size_gb`` at its end, ``made`` and ``deleted``.
    days: list[dict[str, Any]] = resource.Body("days", type=list)
    #: False where it ends early because too many backups would be made.
    is_complete: bool = resource.Body("is_complete", type=bool)
    #: Cinder's quota of ``backups`` and ``gigabytes`` (None: no limit), and the day on which it is
    #: ``backups_full_on`` and ``gigabytes_full_on`` (None: on none of the days).
    quota: dict[str, Any] | None = resource.Body("quota")
    #: Why Cinder did not tell the quota.
    quota_error: str | None = resource.Body("quota_error")
