"""Commands for what retention comes to. They delete nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from osc_lib.command import command

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import minute
from backup_manager.sdk.v1.retention import Plan, Simulation

_TITLES = ("Retention", "Volume", "Backup ID", "Type", "Status", "Size", "Created At", "Reason")


def _rows(plan: Plan) -> Iterable[tuple[Any, ...]]:
    for verdict, backups in (("goes", plan.going), ("stays", plan.kept)):
        for backup in backups:
            yield _row(verdict, backup)


def _row(verdict: str, backup: Mapping[str, Any]) -> tuple[Any, ...]:
    name, created_at = backup["volume_name"], backup["created_at"]
    return (
        verdict,
        display.Cell(name, lambda: name or backup["volume_id"]),
        backup["backup_id"],
        backup["type"],
        backup["status"],
        backup["size_gb"],
        display.Cell(created_at, lambda: minute(created_at)),
        backup["reason"],
    )


def _sum_text(plan: Plan) -> str:
    size_gb = plan.size_gb + sum(backup["size_gb"] for backup in plan.kept)
    return (
        f"{plan.count} of {plan.count + len(plan.kept)} backups would go, "
        f"{plan.size_gb} of {size_gb} GB."
    )


class _Summed(base.Command, command.Lister):
    """A list that says something below its table, to humans."""

    summary = ""

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Any, data: Any) -> int:
        code: int = super().produce_output(parsed_args, column_names, data)
        if parsed_args.formatter == "table":
            self.app.stdout.write(f"{self.summary}\n")
        return code


class PreviewRetention(_Summed):
    """Show what retention would delete now, and what it would keep; each with the reason.

    First what goes, in the order in which it can go, then what stays. Engines do so soon after
    each run of backups, and every hour unless configured otherwise, as long as the project has
    an enabled schedule: run list --trigger retention shows what they did.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument(
            "--schedule",
            metavar="<schedule>",
            help="All backups of the volumes that this schedule backs up, or did (name or ID)",
        )
        group.add_argument(
            "--volume", metavar="<volume>", help="All backups of this volume (name or ID)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if parsed_args.volume:
            volume_id = base.volume_id(self.client, parsed_args.volume)
            plan = self.client.preview_volume_retention(volume_id)
        else:
            schedule_id = base.schedule_id(self.client, parsed_args.schedule)
            plan = self.client.preview_schedule_retention(schedule_id)
        self.summary = _sum_text(plan)
        return _TITLES, list(_rows(plan))


def _full_text(simulation: Simulation) -> str:
    quota = simulation.quota
    if quota is None:
        return f"Whether the quota lasts is unknown: {simulation.quota_error}"
    return "\n".join(_limit_text(quota, name) for name in ("backups", "gigabytes"))


def _limit_text(quota: Mapping[str, Any], name: str) -> str:
    limit, full_on = quota[name], quota[f"{name}_full_on"]
    if limit is None:
        return f"There is no quota of {name}."
    if full_on is None:
        return f"The quota of {limit} {name} lasts."
    return f"The quota of {limit} {name} is too small from {full_on} on."


class SimulateRetention(_Summed):
    """Show what schedules make and retention would delete, day by day, and when a quota is full.

    Every backup is taken to succeed, and every deletion: nothing is on hold that is not yet, and
    no run waits for consent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--days",
            metavar="<number>",
            type=base.positive,
            help="How many days from today, at most 366 (default: 90)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        simulation = self.client.simulate_retention(parsed_args.days)
        self.summary = _full_text(simulation)
        if not simulation.is_complete:
            self.summary += "\nIt ends early: too many backups would be made for a longer look."
        rows = [
            (day["date"], day["made"], day["deleted"], day["backups"], day["size_gb"])
            for day in simulation.days
        ]
        return ("Date", "Made", "Deleted", "Backups", "Size"), rows
