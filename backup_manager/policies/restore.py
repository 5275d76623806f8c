"""Rules for restores."""

from __future__ import annotations

from backup_manager.policies.base import MEMBER, rule

RULES = [
    rule(
        "restore:create",
        MEMBER,
        "Restore backups, to new volumes or onto existing ones.",
        ("POST", "/v1/restores"),
    ),
]
