"""How the backups of a volume build on each other."""

from __future__ import annotations

from backup_manager.api import policy, retention
from backup_manager.api.call import Body, Call
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.retention import Decided, decide
from backup_manager.rules import chain as rules


def show_chain(call: Call, volume_id: str) -> Body:
    """Show how the backups of a volume build on each other."""
    policy.find_volume(call, volume_id)
    with db_session.reader() as session:
        name = db_volume.names(session, call.own, [volume_id]).get(volume_id)
    links = [
        link
        for each in decide(call.conf, call.context.project_id, [volume_id])
        for link in _links(each, name)
    ]
    return {"chain": {"volume_id": volume_id, "volume_name": name, "backups": links}}


def _links(volume: Decided, name: str | None) -> list[Body]:
    """The oldest full backup first, each followed by what builds on it."""
    items = {item.backup.id: item for item in volume.items}
    decisions = {decision.backup_id: decision for decision in volume.decisions}
    links = []
    for backup, depth in rules.tree(item.backup for item in volume.items):
        row, item, decision = volume.rows[backup.id], items[backup.id], decisions[backup.id]
        links.append(
            {
                **retention.view(decision, row, name),
                "keep": decision.keep,
                "parent_id": row.parent_id,
                "parent_source": row.parent_source,
                "depth": depth,
                "is_incremental": row.is_incremental,
                "has_dependents": row.has_dependents,
                "verified": item.verified,
                "ours": item.ours,
                "held": row.held,
                "hold_reason": row.hold_reason,
            }
        )
    return links
