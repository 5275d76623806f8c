"""Commands for the engines of the service."""

from __future__ import annotations

import argparse
from typing import Any

from backup_manager.osc.v1 import base
from backup_manager.osc.v1.display import Column, minute, second


class ListService(base.Lister):
    """List the engines and whether they are alive (admin only)."""

    columns = (
        Column("Binary", "binary"),
        Column("Host", "host"),
        Column("State", "state"),
        Column("Version", "version"),
        Column("Heartbeat At", "heartbeat_at", second),
    )
    long_columns = (
        Column("ID", "id"),
        Column("Started At", "started_at", minute),
    )

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return self.table(parsed_args, self.client.services())
