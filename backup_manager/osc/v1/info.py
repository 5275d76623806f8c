"""Commands for what the service tells about itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import Column


def _cinder_text(cinder: Mapping[str, Any]) -> str:
    needed = f"{cinder['microversion_needed']} is needed"
    if cinder["error"]:
        return f"{cinder['error']}; {needed}"
    return f"{cinder['min_microversion']} to {cinder['max_microversion']}; {needed}"


def _limits_text(limits: Mapping[str, int]) -> str:
    return display.lines([f"{name}: {limit}" for name, limit in limits.items()])


def _retention_text(retention: Mapping[str, Any]) -> str:
    days = retention["max_age_days"]
    return "for ever" if days is None else f"{days} days"


_COLUMNS = (
    Column("version", "version"),
    Column("api_version", "api_version"),
    Column("cinder", "cinder", _cinder_text),
    Column("limits", "limits", _limits_text),
    Column("delegation_mode", "delegation_mode"),
    Column("default_timezone", "default_timezone"),
    Column("default_max_incrementals", "default_max_incrementals"),
    Column("default_retention", "default_retention", _retention_text),
    Column("engines_up", "engines_up"),
)


class ShowInfo(base.ShowOne):
    """Display versions, limits and defaults of the service."""

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return display.single(self.client.get_info(), _COLUMNS)
