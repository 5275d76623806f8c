"""Rules for statistics."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, READER, rule

RULES = [
    rule("statistics:show", READER, "Show figures about a project.", ("GET", "/v1/statistics")),
    rule(
        "statistics:all_projects",
        ADMIN,
        "Show figures about all projects, or about another one.",
        ("GET", "/v1/statistics?all_projects=true"),
    ),
]
