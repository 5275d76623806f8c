"""Rules for clean-ups."""

from __future__ import annotations

from backup_manager.policies.base import MEMBER, rule

RULES = [
    rule(
        "cleanup:create",
        MEMBER,
        "Delete backups by their age, or show what that would delete.",
        ("POST", "/v1/cleanups"),
    ),
]
