"""Rules for chains of backups."""

from __future__ import annotations

from backup_manager.policies.base import READER, rule

RULES = [
    rule(
        "chain:show",
        READER,
        "Show how the backups of a volume build on each other.",
        ("GET", "/v1/volumes/{volume_id}/chain"),
    ),
]
