"""Figures about a project."""

from __future__ import annotations

from typing import Any

from openstack import resource

from backup_manager.sdk.v1 import _base


class Statistics(_base.Resource):
    """What a project has, how well it is protected, and how long there is room for it."""

    #: The project, None for all projects.
    project_id: str | None = resource.Body("project_id")
    #: How many volumes: ``total``, ``protected`` (by an enabled schedule), ``unprotected``, and
    #: ``late``: those of the protected ones whose last good backup is older than twice the time
    #: between the schedule's last two slots, or that have none although a slot has passed.
    volumes: dict[str, int] = resource.Body("volumes", type=dict)
    #: The backups: ``total``, ``size_gb``, ``by_type``, ``by_status``; ``oldest`` and ``newest``
    #: are the times of the first and the last one that can be restored.
    backups: dict[str, Any] = resource.Body("backups", type=dict)
    #: How well tasks went, ``last_7_days`` and ``last_30_days``: how many ``finished`` without
    #: being cancelled, ``succeeded``, their ``rate`` (None when none finished), and the same
    #: ``by_action``.
    tasks: dict[str, Any] = resource.Body("tasks", type=dict)
    #: The next five runs: ``schedule_id``, ``schedule_name``, ``at`` (ISO 8601, UTC).
    next_runs: list[dict[str, str]] = resource.Body("next_runs", type=list)
    #: How many runs wait for somebody's consent.
    waiting_runs: int = resource.Body("waiting_runs", type=int)
    #: How many enabled schedules have a broken delegation, or a last run that is failed, partial,
    #: missed or expired.
    failing_schedules: int = resource.Body("failing_schedules", type=int)
    #: The last 30 days (UTC), as far as something is known of them: dicts of ``date``; ``backups``,
    #: ``size_gb``, ``protected_volumes`` and ``unprotected_volumes`` (None where no sample was
    #: taken); and how many backup tasks ``succeeded``, and ``failed`` or expired, on that day.
    days: list[dict[str, Any]] = resource.Body("days", type=list)
    #: Cinder's quota of ``backups`` and ``gigabytes`` (None: no limit), what is ``_used``, and
    #: the day it is ``_full_on`` if it goes on growing as in the last 30 days (None: it does not).
    quota: dict[str, Any] | None = resource.Body("quota")
    #: Why Cinder did not tell the quota.
    quota_error: str | None = resource.Body("quota_error")
