"""Schemas of what the service tells about itself."""

from __future__ import annotations

from backup_manager.api.schemas import common

_CINDER = common.record(
    {
        "microversion_needed": common.STRING,
        "min_microversion": common.nullable(common.STRING),
        "max_microversion": common.nullable(common.STRING),
        "error": common.nullable(common.STRING),
    }
)
_LIMITS = common.record(
    dict.fromkeys(
        ("max_limit", "max_volumes", "max_incrementals", "max_preview", "max_running_per_project"),
        common.COUNT,
    )
)
INFO = common.record(
    {
        "version": common.STRING,
        "api_version": common.STRING,
        "cinder": _CINDER,
        "limits": _LIMITS,
        "delegation_mode": {"type": "string", "enum": ["trust", "service", "self"]},
        "default_timezone": common.STRING,
        "default_max_incrementals": common.COUNT,
        "default_retention": common.record({"max_age_days": common.nullable(common.COUNT)}),
        "engines_up": common.COUNT,
    }
)

SHOW = common.Operation(response=common.wrapped("info", INFO))
