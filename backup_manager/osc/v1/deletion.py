"""What the commands share that delete backups: they show which, ask, and start a run."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from backup_manager.osc.v1 import base, display, waiting
from backup_manager.osc.v1.display import Column, minute
from backup_manager.sdk.v1.retention import Plan
from backup_manager.sdk.v1.run import Run

TITLES = ("Backup ID", "Volume", "Type", "Size", "Created At", "Reason")
#: A plan as programs get it.
PLAN_COLUMNS = (
    Column("count", "count"),
    Column("size_gb", "size_gb"),
    Column("warnings", "warnings"),
    Column("digest", "digest"),
    Column("going", "going"),
    Column("kept", "kept"),
)


def volume_text(entry: Mapping[str, Any]) -> str:
    """The volume of an entry of a plan."""
    return str(entry["volume_name"] or entry["volume_id"])


def row(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """The row of a backup."""
    return (
        entry["backup_id"],
        volume_text(entry),
        entry["type"],
        entry["size_gb"],
        minute(entry["created_at"]),
        entry["reason"],
    )


class Deleter(waiting.RunStarter):
    """A command that deletes backups and displays the run that does."""

    wait_for = "all of them are deleted"
    plan_columns: Sequence[Column] = PLAN_COLUMNS
    _plan: Plan
    _is_plan_shown = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--dry-run", action="store_true", help="Only show what would be deleted, and why"
        )
        parser.add_argument(
            "--yes", action="store_true", help="Delete without showing it and asking first"
        )
        return parser

    def look(self, parsed_args: argparse.Namespace) -> Plan:
        """What would be deleted."""
        raise NotImplementedError

    def delete(self, parsed_args: argparse.Namespace, digest: str) -> Run:
        """Have just that deleted."""
        raise NotImplementedError

    def table(
        self, parsed_args: argparse.Namespace, plan: Plan
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """The titles and rows in which humans read a plan."""
        return TITLES, map(row, plan.going)

    def summary(self, plan: Plan) -> str:
        """What stands below the table."""
        return f"{base.number(plan.count, 'backup')}, {plan.size_gb} GB."

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        self._plan = self.look(parsed_args)
        self.warn(self._plan.warnings or ())
        if not parsed_args.dry_run and self._plan.count:
            return super().take_action(parsed_args)
        self._is_plan_shown = True
        return display.single(self._plan, self.plan_columns)

    def start(self, parsed_args: argparse.Namespace) -> Run:
        if not parsed_args.yes:
            if self.app.stdin.isatty():
                self._draw(self.app.stderr, parsed_args)
            base.confirm_deletion(self.app, self._plan.count, self._plan.size_gb)
        return self.delete(parsed_args, self._plan.digest)

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Any, data: Any) -> int:
        if self._is_plan_shown and parsed_args.formatter == "table" and not parsed_args.columns:
            self._draw(self.app.stdout, parsed_args)
            return 0
        code: int = super().produce_output(parsed_args, column_names, data)
        return code

    def _draw(self, stream: TextIO, parsed_args: argparse.Namespace) -> None:
        if self._plan.count:
            titles, rows = self.table(parsed_args, self._plan)
            display.draw(titles, rows, stream, parsed_args)
        stream.write(f"{self.summary(self._plan)}\n")
