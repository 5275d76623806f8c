"""Rules for what the service tells about itself."""

from __future__ import annotations

from backup_manager.policies.base import READER, rule

RULES = [
    rule(
        "info:show",
        READER,
        "Show versions, limits and defaults of the service.",
        ("GET", "/v1/info"),
    ),
]
