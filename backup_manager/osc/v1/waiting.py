"""Commands that start a run, and may wait until it is finished."""

from __future__ import annotations

import argparse
from typing import Any

from backup_manager.osc.v1 import base, display, progress
from backup_manager.osc.v1.run import RUN_COLUMNS
from backup_manager.sdk.v1.run import Run


class RunStarter(progress.Waiter):
    """A command that starts a run and displays it."""

    #: What ``--wait`` waits for.
    wait_for = "all backups are made"
    #: What ``--wait`` tells the ids of in the end: the column, and the attribute of a task. None
    #: where there may be hundreds, or nothing is made.
    made: tuple[str, str] | None = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--wait",
            action="store_true",
            help=f"Wait until {self.wait_for}, and fail unless every one succeeded",
        )
        return parser

    def start(self, parsed_args: argparse.Namespace) -> Run:
        """Start the run."""
        raise NotImplementedError

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        started = self.start(parsed_args)
        if not parsed_args.wait:
            return display.single(started, RUN_COLUMNS)
        finished = self.wait(started)
        names, values = display.single(finished, RUN_COLUMNS)
        if self.made is None:
            return names, values
        column, attribute = self.made
        made = [
            (getattr(task, attribute), task.volume_name or task.volume_id)
            for task in self.client.run_tasks(finished, status="succeeded", limit=base.PAGE)
        ]
        text = display.lines([f"{id_}  of {volume}" for id_, volume in made])
        return (*names, column), (*values, display.Cell([id_ for id_, _ in made], lambda: text))
