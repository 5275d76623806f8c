"""What is kept of backups."""

from __future__ import annotations

from typing import Any

from openstack import resource


class Policy(resource.Resource):
    """The policy of retention of the project, or of one volume."""

    #: The rules that were set, such as ``{'max_age_days': 30, 'keep_monthly': 12}``; ``{}`` keeps
    #: everything, None says that nothing was set.
    retention: dict[str, int] | None = resource.Body("retention")
    #: What applies: dicts of ``origin`` (where it comes from, in words), ``retention`` and
    #: ``description`` (the rules in words). One, or of a volume one for each schedule and the last
    #: for backups without a schedule.
    effective: list[dict[str, Any]] = resource.Body("effective", type=list)
