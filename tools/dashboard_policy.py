"""Write the rules of the service into the file that the dashboard hides buttons by.

python -m tools.dashboard_policy
"""

from __future__ import annotations

from pathlib import Path

import yaml

from backup_manager import policies

FILE = Path(__file__).parents[1] / "backup_manager_dashboard" / "conf" / "backup-manager.yaml"


def text() -> str:
    """The rules as Horizon reads them: what its ``dump_default_policies`` would write."""
    rules = [
        {
            "name": rule.name,
            "check_str": rule.check_str,
            "description": rule.description,
            "operations": rule.operations,
            # Horizon tells oslo.policy of a project and of a domain at once, which some releases
            # take for another scope; and it is for hiding buttons only.
            "scope_types": None,
        }
        for rule in policies.list_rules()
    ]
    return str(yaml.safe_dump(rules, sort_keys=False))


if __name__ == "__main__":
    FILE.write_text(text())
