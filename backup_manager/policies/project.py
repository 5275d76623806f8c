"""Rules for projects."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, rule

RULES = [
    rule(
        "project:list",
        ADMIN,
        "List the projects that the service knows, with what they have.",
        ("GET", "/v1/projects"),
    ),
]
