"""Commands for the health of the service."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import Column

# Wider lines would be torn apart by narrow terminals, in the middle of commands to copy.
_WIDTH = 76


def _ok_text(is_ok: bool) -> str:
    return "✓" if is_ok else "no"


def _detail_text(detail: str) -> str:
    return textwrap.fill(detail, _WIDTH, break_long_words=False, break_on_hyphens=False)


_COLUMNS = (
    Column("Check", "name"),
    Column("OK", "is_ok", _ok_text),
    Column("Detail", "detail", _detail_text),
)


class CheckHealth(base.Command, command.Lister):
    """Check the service and fail when something is wrong (admin only, or in personal mode)."""

    _failure = ""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; that something is wrong is told after the table is printed."""
        status = super().run(parsed_args)
        if self._failure:
            raise exceptions.CommandError(self._failure)
        return status

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        health = self.client.get_health()
        failed = [check.name for check in health.checks if not check.is_ok]
        if not health.is_ok:
            number = f"{len(failed)} of {len(health.checks)}"
            self._failure = f"{number} checks failed: {', '.join(failed)}"
        return display.table(health.checks, _COLUMNS)
