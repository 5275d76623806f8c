"""Reads the recorded volumes and backups, after making sure that they are recent enough."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from sqlalchemy.orm import Session

from backup_manager import clock, exceptions, inventory
from backup_manager.api.call import Call
from backup_manager.context import Scope
from backup_manager.db import project as db_project
from backup_manager.db import session as db_session
from backup_manager.db import volume as db
from backup_manager.db.models import Backup, Volume
from backup_manager.db.run import Target

T = TypeVar("T")

# Seconds: whoever asks for ids that don't exist must not make Cinder work each time.
_SOON = 1


def refresh(call: Call) -> None:
    """Compare the caller's project with Cinder, if the last time is too long ago."""
    inventory.refresh_with_token(call.conf, call.context, call.conf.api.inventory_max_age)


def find(
    call: Call, scope: Scope, read: Callable[[Session, Scope, str], T | None], row_id: str
) -> T | None:
    """What ``read`` finds; where it finds nothing, Cinder is asked once more."""
    refresh(call)
    with db_session.reader() as session:
        found = read(session, scope, row_id)
    if found is not None:
        return found
    inventory.refresh_with_token(call.conf, call.context, _SOON)
    with db_session.reader() as session:
        return read(session, scope, row_id)


def seen(session: Session, rows: Sequence[Volume | Backup]) -> Callable[[Volume | Backup], str]:
    """A function that says when each of the rows was last found in Cinder."""
    synced = db_project.synced(session, (row.project_id for row in rows))

    def when(row: Volume | Backup) -> str:
        moment = max(synced.get(row.project_id, row.recorded_at), row.recorded_at)
        return str(clock.iso(moment))

    return when


def targets(
    call: Call, volume_ids: Sequence[str], taken: Collection[str] = frozenset()
) -> list[Target]:
    """The volumes that a body names in its property ``volumes``.

    :param taken: ids that were checked earlier, and may be of volumes that are gone by now
    :raises NotFound: another one is not in the caller's project
    """
    names = known(call, volume_ids, taken)
    for position, volume_id in enumerate(volume_ids):
        if volume_id not in names and volume_id not in taken:
            raise exceptions.NotFound(resource="volume", id=volume_id, field=f"volumes[{position}]")
    return [Target.locked(volume_id, names.get(volume_id)) for volume_id in volume_ids]


def known(
    call: Call, volume_ids: Sequence[str], taken: Collection[str] = frozenset()
) -> dict[str, str | None]:
    """The names of those of the volumes that are in the caller's project, by id.

    :param taken: as for ``targets``
    """
    names = _names(call, volume_ids)
    if set(volume_ids) - names.keys() - set(taken):
        inventory.refresh_with_token(call.conf, call.context, 0)
        names = _names(call, volume_ids)
    return names


def _names(call: Call, volume_ids: Sequence[str]) -> dict[str, str | None]:
    with db_session.reader() as session:
        return db.names(session, call.own, volume_ids)
