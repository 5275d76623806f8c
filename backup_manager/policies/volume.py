"""Rules for volumes."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, READER, rule

RULES = [
    rule("volume:list", READER, "List volumes.", ("GET", "/v1/volumes")),
    rule("volume:show", READER, "Show a volume.", ("GET", "/v1/volumes/{volume_id}")),
    rule(
        "volume:all_projects",
        ADMIN,
        "See the volumes of all projects.",
        ("GET", "/v1/volumes?all_projects=true"),
        ("GET", "/v1/volumes/{volume_id}"),
    ),
]
