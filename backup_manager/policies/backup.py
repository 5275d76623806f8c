"""Rules for backups."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, MEMBER, READER, rule

RULES = [
    rule("backup:list", READER, "List backups.", ("GET", "/v1/backups")),
    rule("backup:show", READER, "Show a backup.", ("GET", "/v1/backups/{backup_id}")),
    rule("backup:create", MEMBER, "Back up volumes now.", ("POST", "/v1/backups")),
    rule(
        "backup:update",
        MEMBER,
        "Put a backup on hold, or release it.",
        ("PATCH", "/v1/backups/{backup_id}"),
    ),
    rule(
        "backup:all_projects",
        ADMIN,
        "See the backups of all projects.",
        ("GET", "/v1/backups?all_projects=true"),
        ("GET", "/v1/backups/{backup_id}"),
    ),
]
