"""What the service tells about itself."""

from __future__ import annotations

from typing import Any

from openstack import resource

from backup_manager.sdk.v1 import _base


class Info(_base.Resource):
    """Versions, limits and defaults of the service."""

    #: The version of Backup Manager.
    version: str = resource.Body("version")
    #: The version of its API.
    api_version: str = resource.Body("api_version")
    #: Cinder's ``min_microversion`` and ``max_microversion``, the ``microversion_needed``, and
    #: the ``error`` when Cinder does not answer.
    cinder: dict[str, Any] = resource.Body("cinder", type=dict)
    #: What a request may ask for at most.
    limits: dict[str, int] = resource.Body("limits", type=dict)
    #: How the engines come to act in a project: ``trust``, ``service`` or ``self``.
    delegation_mode: str = resource.Body("delegation_mode")
    #: The zone of schedules that name none.
    default_timezone: str = resource.Body("default_timezone")
    #: How many incremental backups follow a full one where nothing is said.
    default_max_incrementals: int = resource.Body("default_max_incrementals", type=int)
    #: How long backups are kept where nobody said: ``max_age_days``, None for ever.
    default_retention: dict[str, int | None] = resource.Body("default_retention", type=dict)
    #: How many engines are up.
    engines_up: int = resource.Body("engines_up", type=int)
