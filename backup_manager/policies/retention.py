"""Rules for retention: its policies, and what they come to."""

from __future__ import annotations

from backup_manager.policies.base import MEMBER, READER, rule

_PROJECT_POLICY = "/v1/policy"
_VOLUME_POLICY = "/v1/volumes/{volume_id}/policy"

RULES = [
    rule(
        "policy:show",
        READER,
        "Show the policy of retention of the project or of a volume.",
        ("GET", _PROJECT_POLICY),
        ("GET", _VOLUME_POLICY),
    ),
    rule(
        "policy:update",
        MEMBER,
        "Set or remove the policy of retention of the project or of a volume.",
        ("PUT", _PROJECT_POLICY),
        ("DELETE", _PROJECT_POLICY),
        ("PUT", _VOLUME_POLICY),
        ("DELETE", _VOLUME_POLICY),
    ),
    rule(
        "retention:show",
        READER,
        "Show what retention would delete now, also under another policy.",
        ("GET", "/v1/volumes/{volume_id}/retention"),
        ("GET", "/v1/schedules/{schedule_id}/retention"),
        ("POST", "/v1/retention/preview"),
    ),
    rule(
        "retention:simulate",
        READER,
        "Work out what schedules and retention come to in the next days.",
        ("POST", "/v1/retention/simulate"),
    ),
]
