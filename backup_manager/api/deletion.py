"""Deletions of backups, all of those that are named or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from backup_manager import delegation, exceptions, inventory
from backup_manager.api import retention, run, validation
from backup_manager.api.call import Body, Call
from backup_manager.db import backup as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Backup
from backup_manager.retention import Basis, ByName, Decided, decide, targets
from backup_manager.rules import deletion as rules
from backup_manager.rules import retention as retention_rules
from backup_manager.rules.retention import Decision

_REMEDIES = {
    retention_rules.HELD: "Release it first (backup set --no-hold).",
    retention_rules.SNAPSHOT: "If the backups are not on Ceph, delete it with Cinder's command.",
    retention_rules.STATUS: "Wait until it is available or in error; if it hangs, an administrator "
    "can reset it in Cinder.",
}
_RESTORING = "Wait until the restore is over, or cancel that."
_CASCADE = "Delete what builds on it as well (--cascade)."


def create_deletion(call: Call) -> Body:
    """Delete backups, all of them or none.

    Without ``cascade`` those are refused on which others build. With it these go too, first; then
    the digest of a plan that was looked at has to be sent. With ``dry_run`` nothing is deleted.
    """
    backup_ids: Sequence[str] = call.body["backup_ids"]
    cascade: bool = call.body["cascade"]
    if cascade:
        require_digest(call, "beside cascade")
    # What goes is looked at right now.
    inventory.refresh_with_token(call.conf, call.context, 0)
    basis = ByName(frozenset(backup_ids), cascade)
    volume_ids = _volume_ids(call, backup_ids)
    known = list(decide(call.conf, call.context.project_id, volume_ids, basis))
    if call.body["dry_run"]:
        return _preview(call, known)
    refused = list(_refused(known))
    if refused:
        reasons = (_why_not(decision, row, cascade) for decision, row in refused)
        raise exceptions.Conflict(f"Nothing was deleted. {' '.join(reasons)}")
    return start(call, known, basis)


def _volume_ids(call: Call, backup_ids: Sequence[str]) -> set[str]:
    with db_session.reader() as session:
        found = db.volume_ids(session, call.own, backup_ids)
    for position, backup_id in enumerate(backup_ids):
        if backup_id not in found:
            field = validation.field_name(["backup_ids", position])
            raise exceptions.NotFound(resource="backup", id=backup_id, field=field)
    return set(found.values())


def _preview(call: Call, known: Sequence[Decided]) -> Body:
    plan = retention.plan(call, known)["plan"]
    remedies = {
        decision.backup_id: _remedy(decision, row, call.body["cascade"])
        for decision, row in _refused(known)
    }
    kept = [{**entry, "remedy": remedies[entry["backup_id"]]} for entry in plan["kept"]]
    return {"plan": {**plan, "kept": kept, "warnings": warnings(call, known)}}


def _refused(known: Iterable[Decided]) -> Iterator[tuple[Decision, Backup]]:
    for each in known:
        for decision in each.decisions:
            if decision.keep:
                yield decision, each.rows[decision.backup_id]


def _why_not(decision: Decision, row: Backup, cascade: bool) -> str:
    reason = f"Backup {row.id} can't be deleted: {decision.reason.removesuffix('.')}."
    return f"{reason} {_remedy(decision, row, cascade) or ''}".strip()


def _remedy(decision: Decision, row: Backup, cascade: bool) -> str | None:
    if decision.rule == retention_rules.NEEDED:
        # With cascade it is what builds on it that can't go, and has a remedy of its own.
        return None if cascade else _CASCADE
    if decision.rule == retention_rules.HELD and not row.held:
        return _RESTORING
    return _REMEDIES[decision.rule]


# ---------------------------------------------------------------- shared with clean-ups


def require_digest(call: Call, where: str) -> None:
    """Make sure that somebody has looked at what is to be deleted.

    :raises InvalidInput: no digest was sent, though this is no dry run
    """
    if not call.body["dry_run"] and "digest" not in call.body:
        raise exceptions.InvalidInput(
            "digest", f"is required {where}: send it as the plan of a dry_run has it"
        )


def warnings(call: Call, known: Iterable[Decided]) -> list[str]:
    """What else a plan would lead to."""
    emptied = [each for each in known if rules.leaves_nothing(each.items, each.decisions)]
    names = retention.volume_names(call, emptied)
    return [
        f"Volume {names.get(each.volume_id) or 'without a name'} ({each.volume_id}) is left "
        "without any good backup."
        for each in emptied
    ]


def start(call: Call, known: Sequence[Decided], basis: Basis) -> Body:
    """Make the run that deletes what goes.

    :raises Conflict: that is not what the caller has looked at
    """
    if call.body.get("digest") not in (None, retention.digest(known)):
        raise exceptions.Conflict(
            "Nothing was deleted: what would be deleted has changed since you looked. Look again."
        )
    names = retention.volume_names(call, known)
    wanted = [
        target for each in known for target in targets(each, basis, names.get(each.volume_id))
    ]
    delegation_id = delegation.grant(call.conf, call.context, lasting=False)
    return run.start(call, delegation_id, wanted, {}, action="delete")
