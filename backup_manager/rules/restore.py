"""What a restore needs, which backup a moment means, and how far Cinder is with one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backup_manager.rules import chain

RESTORING = "restoring-backup"
FAILED = ("error_restoring", "error")

#: A backup that is being restored elsewhere is there all the same; it is waited for.
USABLE = (chain.AVAILABLE, "restoring")


@dataclass(frozen=True)
class Target:
    """A volume that is restored onto, as Cinder describes it.

    :param restored_from: the backup that Cinder last noted on it as restored
    """

    status: str
    restored_from: str | None
    updated_at: datetime | None


#: Of a volume that was made for the restore: nobody has written to it before.
EMPTY = Target("available", None, None)


def obstacle(backup: chain.Backup, backups: Iterable[chain.Backup]) -> str | None:
    """Why a backup can't be restored, None when it can.

    :param backups: all of its volume, in any order
    """
    if backup.status not in USABLE:
        return f"its status is {backup.status}, only available ones can be restored"
    needed = chain.lineage(backup, backups)
    if needed is None:
        return "its chain does not reach a full backup"
    broken = next((each for each in needed if each.status not in USABLE), None)
    if broken is not None:
        return f"backup {broken.id} of its chain is in status {broken.status}"
    return None


def latest(moment: datetime, backups: Iterable[chain.Backup]) -> chain.Backup | None:
    """The newest restorable backup of a volume that was made at a moment or before.

    Times are shown without fractions of a second, so the second that is shown is meant as a whole.
    """
    earlier = (
        backup
        for backup in restorable(backups)
        if backup.created_at.replace(microsecond=0) <= moment
    )
    return max(earlier, key=_made, default=None)


def oldest(backups: Iterable[chain.Backup]) -> chain.Backup | None:
    """The first moment of a volume that can be restored."""
    return min(restorable(backups), key=_made, default=None)


def restorable(backups: Iterable[chain.Backup]) -> list[chain.Backup]:
    """Those of the backups of a volume that can be restored."""
    known = list(backups)
    return [backup for backup in known if obstacle(backup, known) is None]


def was_taken_up(now: Target, before: Target, backup_id: str, in_place: bool) -> bool | None:
    """Whether Cinder took up a restore whose answer nobody saw.

    When it has written a backup onto a volume other than the backup's own, Cinder notes that on
    the volume; while it writes and when it fails, the status tells.

    :param before: the volume right before Cinder was asked
    :param in_place: the volume is the backup's own
    :returns: None when it cannot be told
    """
    if now.status in (RESTORING, "error_restoring"):
        return True
    if now.restored_from == backup_id and before.restored_from != backup_id:
        return True
    if before == EMPTY or now.updated_at == before.updated_at:
        return False
    # Another change to the volume looks the same, unless a restore must have left its mark.
    return None if in_place or now.restored_from == backup_id else False


def is_done(now: Target, before: Target, backup_id: str, in_place: bool) -> bool:
    """Whether Cinder has written the backup; parameters as ``was_taken_up``."""
    if now.status == RESTORING or now.status in FAILED:
        return False
    if now.restored_from == backup_id and before.restored_from != backup_id:
        return True
    # What was there before is no proof, but a volume that was restored onto was changed.
    expected = in_place or now.restored_from == backup_id
    return expected and now.updated_at != before.updated_at


def _made(backup: chain.Backup) -> tuple[datetime, str]:
    return backup.created_at, backup.id
