"""What deletions and clean-ups would delete of the backups of a fake cloud."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]


def deletion(backups: list[Item], ids: list[str], cascade: bool) -> Item:
    """The plan of a deletion: backups go unless they are held, or others build on them."""
    named = [each for each in backups if each["id"] in ids]
    if cascade:
        named += [each for each in backups if each["parent_id"] in ids and each not in named]
    going, kept = [], []
    for each in reversed(named):
        child = next((one for one in backups if one["parent_id"] == each["id"]), None)
        if each["held"]:
            why = {"rule": "held", "reason": "On hold.", "remedy": "Release it first."}
            kept.append({**_entry(each), **why})
        elif child is not None and child not in named:
            reason = f"{child['id']} builds on it."
            why = {"rule": "needed", "reason": reason, "remedy": "Add --cascade."}
            kept.append({**_entry(each), **why})
        else:
            going.append({**_entry(each), "rule": "named", "reason": "You named it."})
    warnings = ["Volume db is left without any good backup."] if len(going) == len(backups) else []
    return {**_plan(going, kept), "warnings": warnings}


def cleanup(backups: list[Item], wanted: Item) -> Item:
    """The plan of a clean-up: backups named ``old`` go, those with a ``fail_reason`` for that."""
    policies = wanted.get("volume_policies")
    if policies is not None:
        volume_ids = [each["volume_id"] for each in policies]
        backups = [each for each in backups if each["volume_id"] in volume_ids]
    going, kept = [], []
    for each in backups:
        goes = each["name"] == "old"
        reason = "Not kept by this clean-up." if goes else "Kept by this clean-up."
        reason = each["fail_reason"] or reason
        (going if goes else kept).append({**_entry(each), "rule": "expired", "reason": reason})
    totals = [
        {
            "volume_id": volume_id,
            "volume_name": name,
            "count": sum(each["volume_id"] == volume_id for each in going),
            "size_gb": sum(each["size_gb"] for each in going if each["volume_id"] == volume_id),
            "kept": sum(each["volume_id"] == volume_id for each in kept),
        }
        for volume_id, name in {each["volume_id"]: each["volume_name"] for each in backups}.items()
    ]
    return {**_plan(going, kept), "volumes": totals, "warnings": []}


def _entry(backup: Item) -> Item:
    names = ("volume_id", "volume_name", "type", "size_gb", "created_at", "status")
    return {"backup_id": backup["id"], **{name: backup[name] for name in names}}


def _plan(going: list[Item], kept: list[Item]) -> Item:
    return {
        "digest": "-".join(sorted(each["backup_id"][:8] for each in going)),
        "going": going,
        "kept": kept,
        "count": len(going),
        "size_gb": sum(each["size_gb"] for each in going),
    }
