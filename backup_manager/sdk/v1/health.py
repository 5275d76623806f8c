"""What is wrong with the service, for administrators."""

from __future__ import annotations

from openstack import resource

from backup_manager.sdk.v1 import _base


class Check(_base.Resource):
    """One thing that was looked at."""

    #: What was looked at, such as ``database``.
    name: str = resource.Body("name")
    #: Whether it is as it should be.
    is_ok: bool = resource.Body("ok", type=bool)
    #: What was found, and what to do about it.
    detail: str = resource.Body("detail")


class Health(_base.Resource):
    """Whether the service works."""

    #: Whether every check is ok.
    is_ok: bool = resource.Body("ok", type=bool)
    #: The checks.
    checks: list[Check] = resource.Body("checks", type=list, list_type=Check)
