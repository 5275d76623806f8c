"""Rules for the tasks of all runs."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, READER, rule

RULES = [
    rule("task:list", READER, "List tasks of all runs.", ("GET", "/v1/tasks")),
    rule(
        "task:all_projects",
        ADMIN,
        "See the tasks of all projects.",
        ("GET", "/v1/tasks?all_projects=true"),
    ),
]
