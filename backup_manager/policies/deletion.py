"""Rules for deletions."""

from __future__ import annotations

from backup_manager.policies.base import MEMBER, rule

RULES = [
    rule(
        "deletion:create",
        MEMBER,
        "Delete backups, or show what that would delete.",
        ("POST", "/v1/deletions"),
    ),
]
