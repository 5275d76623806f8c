"""Commands for the tasks of all runs."""

from __future__ import annotations

import argparse
from typing import Any

from backup_manager.osc.v1 import base
from backup_manager.osc.v1.display import Column, minute
from backup_manager.sdk.v1.run import Task


def _volume_text(task: Task) -> str:
    return task.volume_name or task.volume_id


class ListTask(base.Lister):
    """List tasks of all runs: what is not finished, then what ended last."""

    sort_keys = ("finished_at",)
    columns = (
        Column("Run ID", "run_id"),
        Column("Action", "action"),
        Column("Volume", "volume_name", whole=_volume_text),
        Column("Status", "status"),
        Column("Finished At", "finished_at", minute),
    )
    long_columns = (
        Column("ID", "id"),
        Column("Volume ID", "volume_id"),
        Column("Backup ID", "backup_id"),
        Column("Target Volume ID", "target_volume_id"),
        Column("Type", "backup_type"),
        Column("Size", "size_gb"),
        Column("Attempts", "attempts"),
        Column("Submitted At", "submitted_at", minute),
        Column("Note", "note"),
        Column("Error", "error"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--status",
            metavar="<status>",
            help="Only tasks with this status: waiting, pending, submitting, running, succeeded, "
            "failed, skipped, cancelled or expired",
        )
        parser.add_argument(
            "--action",
            metavar="<action>",
            help="Only tasks that do this: backup, restore, delete or import",
        )
        parser.add_argument(
            "--volume", metavar="<volume>", help="Only tasks about this volume (name or ID)"
        )
        base.add_period_options(
            parser,
            "tasks",
            since="finished at this time or later, or not finished",
            until="finished",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        tasks = self.client.tasks(
            status=parsed_args.status,
            action=parsed_args.action,
            volume_id=parsed_args.volume and base.volume_id(self.client, parsed_args.volume),
            since=parsed_args.since,
            until=parsed_args.until,
            **self.page(parsed_args),
        )
        return self.table(parsed_args, tasks)
