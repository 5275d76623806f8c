"""Commands for figures about a project."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import Column, second


def _volumes_text(volumes: Mapping[str, int]) -> str:
    names = ("protected", "unprotected", "late")
    return _counted(volumes["total"], {name: volumes[name] for name in names})


def _backups_text(backups: Mapping[str, Any]) -> str:
    lines = [f"{_counted(backups['total'], backups['by_type'])}; {backups['size_gb']} GB"]
    if backups["by_status"]:
        lines.append(_listed(backups["by_status"]))
    if backups["newest"]:
        lines.append(f"from {second(backups['oldest'])} to {second(backups['newest'])}")
    return display.lines(lines)


def _tasks_text(tasks: Mapping[str, Any]) -> str:
    periods = ((7, tasks["last_7_days"]), (30, tasks["last_30_days"]))
    return display.lines([f"last {days} days: {_period_text(period)}" for days, period in periods])


def _period_text(period: Mapping[str, Any]) -> str:
    parts = [f"{action} {_rate_text(success)}" for action, success in period["by_action"].items()]
    return ", ".join(parts) or "none finished"


def _rate_text(success: Mapping[str, Any]) -> str:
    if success["rate"] is None:
        return "none finished"
    # Cut, not rounded: 100 % means all.
    percent = int(success["rate"] * 1000) / 10
    return f"{percent:g} % ({success['succeeded']} of {success['finished']})"


def _runs_text(runs: list[dict[str, str]]) -> str:
    return display.lines([f"{second(run['at'])}  {run['schedule_name']}" for run in runs])


def _days_text(days: list[dict[str, Any]]) -> str:
    return display.lines([_day_text(day) for day in days[-7:]])


def _day_text(day: Mapping[str, Any]) -> str:
    ended = f"{day['succeeded']} succeeded, {day['failed']} failed"
    if day["backups"] is None:
        return f"{day['date']}  {ended}"
    return f"{day['date']}  {ended}; {day['backups']} backups, {day['size_gb']} GB"


def _quota_text(quota: Mapping[str, Any]) -> str:
    return display.lines([_limit_text(quota, "backups"), _limit_text(quota, "gigabytes")])


def _limit_text(quota: Mapping[str, Any], name: str) -> str:
    limit = quota[name]
    if limit is None:
        return f"{quota[f'{name}_used']} {name} of unlimited"
    full_on = quota[f"{name}_full_on"]
    when = f", full on {full_on} if it goes on like this" if full_on else ""
    return f"{quota[f'{name}_used']} of {limit} {name}{when}"


def _counted(total: int, parts: Mapping[str, int]) -> str:
    return f"{total}: {_listed(parts)}"


def _listed(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in parts.items())


_COLUMNS = (
    Column("project_id", "project_id"),
    Column("volumes", "volumes", _volumes_text),
    Column("backups", "backups", _backups_text),
    Column("tasks", "tasks", _tasks_text),
    Column("next_runs", "next_runs", _runs_text),
    Column("waiting_runs", "waiting_runs"),
    Column("failing_schedules", "failing_schedules"),
    Column("days", "days", _days_text),
    Column("quota", "quota", _quota_text),
    Column("quota_error", "quota_error"),
)


class ShowStatistics(base.ShowOne):
    """Display what is protected, how well backups go, and how long the quota lasts.

    A volume is late when an enabled schedule protects it and its last good backup is older than
    twice the time between the schedule's last two slots, or when it has none though a slot passed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--all-projects",
            action="store_true",
            help="Figures about all projects, without a quota (admin only)",
        )
        parser.add_argument(
            "--project",
            metavar="<project>",
            help="Figures about this project (name or ID), without its quota (admin only)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        statistics = self.client.get_statistics(
            all_projects=parsed_args.all_projects or bool(parsed_args.project) or None,
            project_id=parsed_args.project and self.project_id(parsed_args.project),
        )
        return display.single(statistics, _COLUMNS)
