"""Clean-ups: backups that are too old go, of all volumes or of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backup_manager import exceptions, inventory
from backup_manager.api import deletion, retention, validation
from backup_manager.api.call import Body, Call
from backup_manager.db import retention as db
from backup_manager.db import session as db_session
from backup_manager.retention import ByAge, Decided, decide


def create_cleanup(call: Call) -> Body:
    """Delete backups that are too old, whoever made them.

    What is on hold stays, and what something that stays builds on; and the last good backup of a
    volume unless ``include_last`` says otherwise. The digest of a plan that was looked at has to be
    sent. With ``dry_run`` nothing is deleted.
    """
    days = _days(call.body)
    deletion.require_digest(call, "to delete")
    # What goes is looked at right now.
    inventory.refresh_with_token(call.conf, call.context, 0)
    volume_ids = None if None in days else _volume_ids(call)
    basis = ByAge(days, call.body["include_last"])
    known = list(decide(call.conf, call.context.project_id, volume_ids, basis))
    if call.body["dry_run"]:
        return _preview(call, known)
    if not any(each.going for each in known):
        raise exceptions.Conflict("There is nothing to delete: no backup is that old, or all stay.")
    return deletion.start(call, known, basis)


def _field(position: int) -> str:
    return validation.field_name(["volume_policies", position, "volume_id"])


def _days(body: Mapping[str, Any]) -> dict[str | None, int]:
    """How old backups may get, by volume, or for None of all."""
    policies: Sequence[Mapping[str, Any]] | None = body.get("volume_policies")
    if policies is None:
        if "max_age_days" not in body:
            raise exceptions.InvalidInput("max_age_days", "is required, or volume_policies instead")
        return {None: body["max_age_days"]}
    if "max_age_days" in body:
        raise exceptions.InvalidInput(
            "max_age_days", "goes without volume_policies: it is for all volumes"
        )
    days: dict[str | None, int] = {}
    for position, each in enumerate(policies):
        if each["volume_id"] in days:
            raise exceptions.InvalidInput(
                _field(position), f"volume {each['volume_id']} is given twice"
            )
        days[each["volume_id"]] = each["max_age_days"]
    return days


def _volume_ids(call: Call) -> list[str]:
    volume_ids = [each["volume_id"] for each in call.body["volume_policies"]]
    with db_session.reader() as session:
        for position, volume_id in enumerate(volume_ids):
            if db.knows_volume(session, call.own, volume_id) is None:
                field = _field(position)
                raise exceptions.NotFound(resource="volume", id=volume_id, field=field)
    return volume_ids


def _preview(call: Call, known: Sequence[Decided]) -> Body:
    names = retention.volume_names(call, known)
    plan = retention.plan(call, known)["plan"]
    volumes = [_total(each, names.get(each.volume_id)) for each in known]
    return {"plan": {**plan, "volumes": volumes, "warnings": deletion.warnings(call, known)}}


def _total(volume: Decided, name: str | None) -> Body:
    going = volume.going
    return {
        "volume_id": volume.volume_id,
        "volume_name": name,
        "count": len(going),
        "size_gb": sum(volume.rows[backup_id].size_gb for backup_id in going),
        "kept": len(volume.decisions) - len(going),
    }
