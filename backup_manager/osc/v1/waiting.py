"""Commands that start a run, and may wait until it is finished."""

from __future__ import annotations

import argparse
from typing import Any

from backup_manager.osc.v1 import display, progress
from backup_manager.osc.v1.run import RUN_COLUMNS
from backup_manager.sdk.v1.run import Run


class RunStarter(progress.Waiter):
    """A command that starts a run and displays it."""

    #: What ``--wait`` waits for.
    wait_for = "all backups are made"

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
        if parsed_args.wait:
            started = self.wait(started)
        return display.single(started, RUN_COLUMNS)
