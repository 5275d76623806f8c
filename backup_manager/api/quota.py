"""Says at once when backups can't fit into the project's quota."""

from __future__ import annotations

from collections.abc import Collection

from backup_manager import exceptions, inventory
from backup_manager.api.call import Call
from backup_manager.db import session as db_session
from backup_manager.db import volume as db
from backup_manager.rules import quota as rules


def tell(call: Call) -> tuple[rules.Quota | None, str | None]:
    """The project's quota, or why it can't be told: other figures are good without it."""
    try:
        return inventory.read_quota(call.conf, call.context), None
    except exceptions.BackupManagerError as error:
        return None, error.message


def check(call: Call, volume_ids: Collection[str]) -> list[str]:
    """What one more backup of each volume lacks room for, in words; nothing when all fit.

    :raises Conflict: something lacks, and the caller wants nothing done then
    :raises Unavailable: the same, when the quota could not be read
    """
    strict = call.body["strict"]
    try:
        quota = inventory.read_quota(call.conf, call.context)
    except exceptions.BackupManagerError as error:
        if strict:
            raise
        return [f"Whether the backups fit into the project's quota is unknown. {error.message}"]
    with db_session.reader() as session:
        size_gb = db.size_of(session, call.own, volume_ids)
    warnings = rules.shortfalls(quota, len(volume_ids), size_gb)
    if warnings and strict:
        raise exceptions.Conflict(
            f"Nothing was done. {' '.join(warnings)} Delete backups, or ask an administrator for "
            "a larger quota."
        )
    return warnings
