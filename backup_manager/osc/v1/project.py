"""Commands for the projects that the service knows."""

from __future__ import annotations

import argparse
from typing import Any

from backup_manager.osc.v1 import base
from backup_manager.osc.v1.display import Column, second


class ListProject(base.Lister):
    """List the projects that the service knows, and what waits and runs there (admin only)."""

    columns = (
        Column("Project ID", "project_id"),
        Column("Volumes", "volumes"),
        Column("Unprotected", "unprotected_volumes"),
        Column("Backups", "backups"),
        Column("Size", "size_gb"),
        Column("Schedules", "schedules"),
        Column("Failing", "failing_schedules"),
        Column("Waiting", "tasks_waiting"),
        Column("Running", "tasks_running"),
    )
    long_columns = (
        Column("Protected", "protected_volumes"),
        Column("Oldest Waiting At", "oldest_waiting_at", second),
        Column("Synced At", "synced_at", second),
    )

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return self.table(parsed_args, self.client.projects(limit=base.PAGE))
