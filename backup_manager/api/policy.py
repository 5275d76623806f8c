"""Policies of retention: what a project keeps of its backups, and what of those of one volume."""

from __future__ import annotations

from typing import Any

from backup_manager import clock, exceptions, retention
from backup_manager.api import mirror
from backup_manager.api.call import Body, Call
from backup_manager.db import policy as db
from backup_manager.db import retention as db_retention
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.rules import policy as rules


def show_project(call: Call) -> Body:
    """Show what the project keeps of backups where nothing else is set."""
    return _shown(call, None)


def put_project(call: Call) -> Body:
    """Set what the project keeps of backups where nothing else is set."""
    _put(call, None, rules.normalise(call.body["retention"]))
    return _shown(call, None)


def delete_project(call: Call) -> None:
    """Remove the policy of the project: the default of the installation applies again."""
    _remove(call, None)


def show_volume(call: Call, volume_id: str) -> Body:
    """Show what is kept of the backups of a volume."""
    find_volume(call, volume_id)
    return _shown(call, volume_id)


def put_volume(call: Call, volume_id: str) -> Body:
    """Set what is kept of the backups of a volume, whoever makes them."""
    wanted = rules.normalise(call.body["retention"])
    find_volume(call, volume_id)
    _put(call, volume_id, wanted)
    return _shown(call, volume_id)


def delete_volume(call: Call, volume_id: str) -> None:
    """Remove the policy of a volume: those of its schedules apply again."""
    find_volume(call, volume_id)
    _remove(call, volume_id)


def find_volume(call: Call, volume_id: str) -> None:
    """Make sure that the caller's project has a volume, or backups of it.

    :raises NotFound: it has neither
    """
    if mirror.find(call, call.own, db_retention.knows_volume, volume_id) is None:
        raise exceptions.NotFound(resource="volume", id=volume_id)


@db_session.retry
def _put(call: Call, volume_id: str | None, wanted: dict[str, Any]) -> None:
    with db_session.writer() as session:
        db.put(session, call.context.project_id, volume_id, wanted, clock.now())


@db_session.retry
def _remove(call: Call, volume_id: str | None) -> None:
    with db_session.writer() as session:
        db.remove(session, call.context.project_id, volume_id)


def _shown(call: Call, volume_id: str | None) -> Body:
    with db_session.reader() as session:
        row = db.get(session, call.context.project_id, volume_id)
        policies = retention.policies(call.conf, session, call.context.project_id)
        effective = [policies.otherwise]
        if volume_id is not None:
            schedules = db_schedule.of_volumes(session, [volume_id]).get(volume_id, [])
            ids = [*(schedule.id for schedule in schedules), None]
            effective = policies.of_volume(volume_id, ids)
        own = row and row.retention
    return {"policy": {"retention": own, "effective": [_view(each) for each in effective]}}


def _view(policy: rules.Policy) -> Body:
    return {
        "origin": policy.origin,
        "retention": rules.rules_of(policy),
        "description": rules.describe(policy),
    }
