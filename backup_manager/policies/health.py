"""Rules for the health of the service."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, rule

# In personal mode the only user is nobody's administrator.
_OWNER = "role:member and project_id:%(project_id)s and 'self':%(delegation_mode)s"

RULES = [
    rule(
        "health:show",
        f"{ADMIN} or ({_OWNER})",
        "Show what is wrong with the service, in all projects. In personal mode members may.",
        ("GET", "/v1/health"),
    ),
]
