"""Backups: those that exist, and making some now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from backup_manager import clock, delegation, exceptions, retention
from backup_manager.api import listing, mirror, quota, run
from backup_manager.api.call import Body, Call
from backup_manager.context import Scope
from backup_manager.db import backup as db
from backup_manager.db import retention as db_retention
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Backup
from backup_manager.rules.retention import Decision

ALL_PROJECTS = "backup:all_projects"


def list_backups(call: Call) -> Body:
    """List backups."""
    scope = listing.scope(call, ALL_PROJECTS)
    if not call.query["all_projects"]:
        mirror.refresh(call)
    filters = listing.filters(call)
    with_retention = filters.pop("retention")
    with db_session.reader() as session:
        page = db.list_page(session, scope, listing.paging(call), **filters)
        view = _viewer(session, scope, page.rows)
    decided = _retention(call, page.rows) if with_retention else {}
    return listing.body(
        call, "backups", page, lambda row: {**view(row), "retention": decided.get(row.id)}
    )


def show_backup(call: Call, backup_id: str) -> Body:
    """Show a backup."""
    found = mirror.find(call, call.reach(ALL_PROJECTS), db.get, backup_id)
    if found is None:
        raise exceptions.NotFound(resource="backup", id=backup_id)
    return _shown(call, found)


def create_backups(call: Call) -> Body:
    """Back up volumes now."""
    targets = mirror.targets(call, call.body["volumes"])
    parameters = {
        "type": call.body["type"],
        "max_incrementals": call.body.get("max_incrementals", call.conf.backup.max_incrementals),
        "name": call.body.get("name"),
        "description": call.body.get("description"),
        "timezone": call.conf.backup.default_timezone,
    }
    warnings = quota.check(call, call.body["volumes"])
    delegation_id = delegation.grant(call.conf, call.context, lasting=False)
    return {**run.start(call, delegation_id, targets, parameters), "warnings": warnings}


def update_backup(call: Call, backup_id: str) -> Body:
    """Put a backup on hold, or release it.

    Nothing automatic deletes what is on hold.
    """
    held, reason = call.body["held"], call.body.get("hold_reason")
    if reason is not None and not held:
        raise exceptions.InvalidInput("hold_reason", "goes together with held: true")
    # One that came to be a moment ago may have to be read from Cinder first.
    mirror.find(call, call.own, db.get, backup_id)
    return _shown(call, _hold(call, backup_id, held, reason))


@db_session.retry
def _hold(call: Call, backup_id: str, held: bool, reason: str | None) -> Backup:
    with db_session.writer() as session:
        row = db.get(session, call.own, backup_id)
        if row is None:
            raise exceptions.NotFound(resource="backup", id=backup_id)
        row.held, row.hold_reason = held, reason
        return row


def _shown(call: Call, backup: Backup) -> Body:
    with db_session.reader() as session:
        view = _viewer(session, Scope(backup.project_id), [backup])
    decided = _retention(call, [backup])
    return {"backup": {**view(backup), "retention": decided.get(backup.id)}}


def _retention(call: Call, backups: Sequence[Backup]) -> dict[str, Body]:
    """What the policies decide now about each of the backups, by its id.

    The backups of a volume are decided about together, so those of a page cost one query.
    """
    volumes: defaultdict[str, set[str]] = defaultdict(set)
    for backup in backups:
        volumes[backup.project_id].add(backup.volume_id)
    ids = {backup.id for backup in backups}
    found: dict[str, Body] = {}
    for project_id, volume_ids in volumes.items():
        for decided in retention.decide(call.conf, project_id, volume_ids):
            expires = decided.expires
            found.update(
                (each.backup_id, _view_decision(each, expires.get(each.backup_id)))
                for each in decided.decisions
                if each.backup_id in ids
            )
    return found


def _view_decision(decision: Decision, expires_at: datetime | None) -> Body:
    return {
        "keep": decision.keep,
        "rule": decision.rule,
        "reason": decision.reason,
        "expires_at": clock.iso(expires_at),
    }


def _viewer(session: Session, scope: Scope, backups: Sequence[Backup]) -> Callable[[Backup], Body]:
    """A function that shows each of the backups, with what belongs to them read at once."""
    names = db_volume.names(session, scope, (backup.volume_id for backup in backups))
    seen = mirror.seen(session, backups)
    return lambda backup: {
        **_view(backup, names.get(backup.volume_id)),
        "seen_at": seen(backup),
    }


def _view(backup: Backup, volume_name: str | None) -> Body:
    return {
        "id": backup.id,
        "project_id": backup.project_id,
        "name": backup.name,
        "description": backup.description,
        "status": backup.status,
        "type": backup.type,
        "is_incremental": backup.is_incremental,
        "has_dependents": backup.has_dependents,
        "volume_id": backup.volume_id,
        "volume_name": volume_name,
        "snapshot_id": backup.snapshot_id,
        "parent_id": backup.parent_id,
        "parent_source": backup.parent_source,
        "size_gb": backup.size_gb,
        "fail_reason": backup.fail_reason,
        "run_id": backup.run_id,
        "schedule_id": backup.schedule_id,
        "ours": db_retention.is_ours(backup),
        "held": backup.held,
        "hold_reason": backup.hold_reason,
        "created_at": clock.iso(backup.created_at),
        "data_timestamp": clock.iso(backup.data_timestamp),
        "availability_zone": backup.availability_zone,
    }
