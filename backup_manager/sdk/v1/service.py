"""The engines of the service, for administrators."""

from __future__ import annotations

from openstack import resource

from backup_manager.sdk.v1 import _base


class Service(_base.Resource):
    """An engine: the process that makes the backups."""

    resources_key = "services"
    base_path = "/v1/services"
    allow_list = True

    #: The name of the program.
    binary: str = resource.Body("binary")
    #: The host it runs on.
    host: str = resource.Body("host")
    #: The version of Backup Manager.
    version: str = resource.Body("version")
    #: ``up`` or ``down``.
    state: str = resource.Body("state")
    #: When it started (ISO 8601, UTC).
    started_at: str = resource.Body("started_at")
    #: When it was last heard of (ISO 8601, UTC).
    heartbeat_at: str = resource.Body("heartbeat_at")
