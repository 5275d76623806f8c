"""Schemas of what the service tells about itself."""

from __future__ import annotations

from backup_manager.api.schemas import common

_CINDER = common.record(
    {
        "microversion_needed": common.STRING,
        "min_microversion": common.nullable(common.STRING),
        "max_microversion": common.nullable(common.STRING),
        "error": common.described(
            common.nullable(common.STRING), "why the microversions could not be read"
        ),
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
        "version": common.described(common.STRING, "of the installed package"),
        "api_version": common.STRING,
        "cinder": _CINDER,
        "limits": _LIMITS,
        "delegation_mode": common.DELEGATION_MODE,
        "default_timezone": common.STRING,
        "default_max_incrementals": common.COUNT,
        "default_retention": common.described(
            common.record({"max_age_days": common.nullable(common.COUNT)}),
            "what applies where neither volume, schedule nor project has a policy; null keeps all",
        ),
        "engines_up": common.described(common.COUNT, "engines that give signs of life"),
    },
    title="Info",
)

SHOW = common.Operation(response=common.wrapped("info", INFO))
