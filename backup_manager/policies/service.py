"""Rules for services."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, rule

RULES = [
    rule("service:list", ADMIN, "List the engines and their state.", ("GET", "/v1/services")),
]
