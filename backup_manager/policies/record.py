"""Rules for records of backups. As in Cinder, they are for administrators.

Whoever imports a record that he wrote himself reads what lies in the store, whoever's it is.
"""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, rule

_EXPORT = ("POST", "/v1/backups/export")
_IMPORT = ("POST", "/v1/backups/import")

RULES = [
    rule(
        "record:export",
        ADMIN,
        "Export records of backups, with which another Cinder can take them up.",
        _EXPORT,
    ),
    rule("record:import", ADMIN, "Import records of backups.", _IMPORT),
    rule(
        "record:all_projects",
        ADMIN,
        "Export from, or import to, another project than that of the token.",
        _EXPORT,
        _IMPORT,
    ),
]
