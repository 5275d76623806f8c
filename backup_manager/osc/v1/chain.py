"""Commands for chains of backups."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import Cell, minute

# Attribute of a backup to its title.
_TITLES = {
    "backup_id": "Backup ID",
    "created_at": "Created At",
    "type": "Type",
    "size_gb": "Size",
    "status": "Status",
    "verified": "Verified",
    "ours": "Ours",
    "held": "Hold",
    "keep": "Stays",
    "reason": "Reason",
}
# What --long adds.
_FACTS = ("parent_id", "parent_source", "depth", "hold_reason", "rule")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _row(backup: Mapping[str, Any], extra: tuple[str, ...]) -> tuple[Any, ...]:
    branch = "   " * (backup["depth"] - 1) + "└─ " if backup["depth"] else ""
    texts = {
        "backup_id": lambda: f"{branch}{backup['backup_id']}",
        "created_at": lambda: minute(backup["created_at"]),
        "verified": lambda: _yes(backup["verified"]),
        "ours": lambda: _yes(backup["ours"]),
        "held": lambda: "held" if backup["held"] else display.NOTHING,
        "keep": lambda: "stays" if backup["keep"] else "goes",
    }
    return tuple(
        Cell(backup[name], texts[name]) if name in texts else backup[name]
        for name in (*_TITLES, *extra)
    )


class ShowChain(base.Lister):
    """Show how the backups of a volume build on each other, and what retention would do.

    A backup is verified when it is certain what it builds on and what builds on it: that was
    recorded, or worked out and Cinder does not contradict. Others are not deleted automatically.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("volume", metavar="<volume>", help="The volume (name or ID)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        chain = self.client.get_chain(base.volume_id(self.client, parsed_args.volume))
        extra = _FACTS if parsed_args.long else ()
        titles = (*_TITLES.values(), *(name.replace("_", " ").title() for name in extra))
        return titles, [_row(backup, extra) for backup in chain.backups]
