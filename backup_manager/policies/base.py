"""The roles of the default rules."""

from __future__ import annotations

from typing import Any

from oslo_policy import policy

ADMIN = "role:admin"
READER = "role:admin or (role:reader and project_id:%(project_id)s)"
MEMBER = "role:admin or (role:member and project_id:%(project_id)s)"


def rule(
    name: str, check: str, description: str, *operations: tuple[str, str]
) -> policy.DocumentedRuleDefault:
    """A documented rule.

    :param operations: method and path of each request that it decides about
    """
    paths: Any = [{"method": method, "path": path} for method, path in operations]
    return policy.DocumentedRuleDefault(name, check, description, paths, scope_types=["project"])
