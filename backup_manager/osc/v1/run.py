"""Commands for runs."""

from __future__ import annotations

import argparse
from typing import Any

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import Column, minute, second
from backup_manager.osc.v1.progress import ABOUT_BACKUPS, Waiter, counts_text
from backup_manager.sdk.v1.run import Run, Task


def _schedule_text(run: Run) -> str:
    return run.schedule_name or run.schedule_id or display.NOTHING


RUN_COLUMNS = (
    Column("id", "id"),
    Column("action", "action"),
    Column("status", "status"),
    Column("counts", "counts", whole=counts_text),
    Column("error", "error", display.wrapped),
    Column("trigger", "trigger"),
    Column("schedule_id", "schedule_id"),
    Column("schedule_name", "schedule_name"),
    Column("scheduled_for", "scheduled_for", second),
    Column("missed_slots", "missed_slots"),
    Column("created_at", "created_at", second),
    Column("started_at", "started_at", second),
    Column("finished_at", "finished_at", second),
    Column("user_id", "user_id"),
    Column("project_id", "project_id"),
    Column("request_id", "request_id"),
)

_TASK_FIELDS = (
    "id",
    "action",
    "status",
    "volume_id",
    "volume_name",
    "backup_id",
    "target_volume_id",
    "backup_type",
    "parent_id",
    "note",
    "size_gb",
    "attempts",
    "not_before",
    "submitted_at",
    "finished_at",
    "seconds",
    "rate_mb_s",
    "error_code",
    "error",
)


def tasks_text(tasks: list[Task]) -> str:
    """The tasks, one per line; what did not succeed comes first."""
    ordered = sorted(tasks, key=lambda task: task.status == "succeeded")
    names = [task.volume_name or task.volume_id for task in ordered]
    width = max(map(len, names), default=0)
    return display.lines(
        [
            f"{name:{width}}  {task.status:9}  {_outcome(task)}".rstrip()
            for name, task in zip(names, ordered)
        ]
    )


def _outcome(task: Task) -> str:
    target = task.target_volume_id and f"volume {task.target_volume_id}"
    subject = task.backup_id if task.action in ABOUT_BACKUPS else None
    texts = (task.backup_type, subject, target, _speed(task), task.note)
    rest = ", ".join(text for text in texts if text)
    return f"{task.error} ({rest})" if task.error and rest else task.error or rest


def _speed(task: Task) -> str:
    if task.rate_mb_s is None:
        return ""
    return f"{task.seconds:g} s at {task.rate_mb_s:.0f} MB/s"


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="<run>", help="The run (ID)")


class ListRun(base.Lister):
    """List runs, the newest first."""

    sort_keys = ("created_at",)
    columns = (
        Column("ID", "id"),
        Column("Action", "action"),
        Column("Schedule", "schedule_name", whole=_schedule_text),
        Column("Status", "status"),
        Column("Tasks", "counts", whole=counts_text),
        Column("Created At", "created_at", minute),
    )
    long_columns = (
        Column("Trigger", "trigger"),
        Column("Scheduled For", "scheduled_for", minute),
        Column("Started At", "started_at", minute),
        Column("Finished At", "finished_at", minute),
        Column("Missed Slots", "missed_slots"),
        Column("Error", "error"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--schedule", metavar="<schedule>", help="Only runs of this schedule (name or ID)"
        )
        parser.add_argument(
            "--status",
            metavar="<status>",
            help="Only runs with this status: waiting, pending, running, succeeded, partial, "
            "failed, cancelled, skipped, missed or expired",
        )
        parser.add_argument(
            "--action",
            metavar="<action>",
            help="Only runs that do this: backup, restore, delete or import",
        )
        parser.add_argument(
            "--trigger",
            metavar="<trigger>",
            help="Only runs started by this: schedule, user or retention",
        )
        parser.add_argument(
            "--volume", metavar="<volume>", help="Only runs about this volume (name or ID)"
        )
        base.add_period_options(parser, "runs")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        runs = self.client.runs(
            schedule_id=parsed_args.schedule
            and base.schedule_id(self.client, parsed_args.schedule),
            status=parsed_args.status,
            action=parsed_args.action,
            trigger=parsed_args.trigger,
            volume_id=parsed_args.volume and base.volume_id(self.client, parsed_args.volume),
            since=parsed_args.since,
            until=parsed_args.until,
            **self.page(parsed_args),
        )
        return self.table(parsed_args, runs)


class ShowRun(Waiter):
    """Display a run and what it did to each volume."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_run(parser)
        parser.add_argument(
            "--watch",
            action="store_true",
            help="Wait until it is finished, telling how far it is, and fail unless every task "
            "succeeded; also where it waits for consent",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        run = self.client.get_run(parsed_args.run)
        if parsed_args.watch:
            run = self.wait(run)
        tasks = list(self.client.run_tasks(run, limit=base.PAGE))
        raw = [{field: task[field] for field in _TASK_FIELDS} for task in tasks]
        names, values = display.single(run, RUN_COLUMNS)
        return (*names, "tasks"), (*values, display.Cell(raw, lambda: tasks_text(tasks)))


class CancelRun(base.ShowOne):
    """Cancel what a run has not started yet. Backups under way are not interrupted."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_run(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return display.single(self.client.cancel_run(parsed_args.run), RUN_COLUMNS)


class ConfirmRun(Waiter):
    """Have a run carried out that waits for consent, after showing what it deletes.

    Automatic retention asks for it when it would delete unusually many backups of a
    project. Where you don't agree, use run cancel, and change the policy.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        _add_run(parser)
        parser.add_argument(
            "--yes", action="store_true", help="Agree without seeing it and being asked"
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="Wait until all of them are deleted, and fail unless every one succeeded",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if not parsed_args.yes:
            self._ask(self.client.get_run(parsed_args.run), parsed_args)
        run = self.client.confirm_run(parsed_args.run)
        if parsed_args.wait:
            run = self.wait(run)
        return display.single(run, RUN_COLUMNS)

    def _ask(self, run: Run, parsed_args: argparse.Namespace) -> None:
        """Show what a run deletes, if it waits, and ask; the others the service refuses."""
        if not run.is_waiting:
            return
        tasks = list(self.client.run_tasks(run, status=run.status, limit=base.PAGE))
        if self.app.stdin.isatty():
            display.draw(_TITLES, map(_row, tasks), self.app.stderr, parsed_args)
        base.confirm_deletion(self.app, len(tasks), sum(task.size_gb or 0 for task in tasks))


_TITLES = ("Backup ID", "Volume", "Type", "Size", "Reason")


def _row(task: Task) -> tuple[Any, ...]:
    volume = task.volume_name or task.volume_id
    return task.backup_id, volume, task.backup_type or display.NOTHING, task.size_gb, task.note
