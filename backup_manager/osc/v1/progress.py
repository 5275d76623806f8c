"""How far runs are and how they ended, in words; and waiting for one."""

from __future__ import annotations

import argparse
from typing import TextIO

from osc_lib import exceptions

from backup_manager.osc.v1 import base
from backup_manager.sdk.v1.run import Run, Task

#: The statuses of tasks that a summary names.
_STATUSES = ("running", "pending", "waiting", "failed", "skipped", "cancelled", "expired")
#: The actions whose tasks are told apart by their backups: a volume may have several.
ABOUT_BACKUPS = ("delete", "import")
#: How many tasks the message about a failure names.
_NAMED = 10


def tally(run: Run) -> dict[str, int]:
    """The counts of a run; what is being submitted counts as running."""
    counts = dict.fromkeys(("total", "succeeded", *_STATUSES), 0)
    counts.update(run.counts or {})
    counts["running"] += counts.pop("submitting", 0)
    return counts


def named(counts: dict[str, int], *left_out: str) -> list[str]:
    """What there is besides successes, such as ``2 failed``."""
    names = [name for name in _STATUSES if name not in left_out]
    return [f"{counts[name]} {name}" for name in names if counts[name]]


def counts_text(run: Run) -> str:
    """How many tasks of a run succeeded, such as ``58/60, 2 failed``."""
    if run.status == "missed":
        return f"{run.missed_slots} missed"
    counts = tally(run)
    return ", ".join([f"{counts['succeeded']}/{counts['total']}", *named(counts)])


class Waiting(base.Command):
    """A command that may wait until a run is finished."""

    _failure = ""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; the failure of the run is told after the run is printed."""
        status = super().run(parsed_args)
        if self._failure:
            raise exceptions.CommandError(self._failure)
        return status

    def wait(self, started: Run) -> Run:
        """The run when it is finished; its progress is told meanwhile."""
        quiet = self.app.options.verbose_level < 1
        try:
            with Progress(self.app.stderr, quiet) as progress:
                finished = self.client.wait_for_run(started, callback=progress)
        except KeyboardInterrupt:
            self.log.warning(
                "The run goes on, see: openstack backup-manager run show %s", started.id
            )
            raise
        if not finished.is_successful:
            tasks = self.client.run_tasks(finished, limit=base.PAGE)
            self._failure = failure(finished, list(tasks))
        return finished


class Waiter(Waiting, base.ShowOne):
    """A command that displays a run, and may wait until it is finished."""


class Progress:
    """Tells how far a run is: one line that changes on a terminal, else a line per change.

    :param stream: where to; usually stderr.
    :param quiet: tell nothing.
    """

    def __init__(self, stream: TextIO, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._in_place = bool(getattr(stream, "isatty", lambda: False)())
        self._shown = ""

    def __call__(self, run: Run) -> None:
        text = progress_text(run)
        if self._quiet or text == self._shown:
            return
        if self._in_place:
            self._stream.write("\r" + text.ljust(len(self._shown)))
        else:
            self._stream.write(text + "\n")
        self._shown = text
        self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the line that changes, for what is printed next."""
        if self._in_place and self._shown:
            self._stream.write("\n")


def progress_text(run: Run) -> str:
    """How far a run is, such as ``58 of 60 done, 1 running, 1 failed``."""
    counts = tally(run)
    done = counts["total"] - counts["pending"] - counts["running"] - counts["waiting"]
    return ", ".join([f"{done} of {counts['total']} done", *named(counts, "pending")])


def failure(run: Run, tasks: list[Task]) -> str:
    """What went wrong in a run, in one line that names the volumes; or what it waits for."""
    if run.is_waiting:
        return (
            f"Run {run.id} waits for consent. See what it does and agree, or not: "
            f"openstack backup-manager run confirm {run.id}"
        )
    bad = [task for task in tasks if task.status != "succeeded"]
    if not bad:
        return f"Run {run.id} {run.status}: {run.error or counts_text(run)}"
    named = [f"{_subject(task)} ({_why(task)})" for task in bad[:_NAMED]]
    if len(bad) > _NAMED:
        rest = len(bad) - _NAMED
        named.append(f"and {rest} more, see: openstack backup-manager run show {run.id}")
    return f"Run {run.id}: {len(bad)} of {len(tasks)} did not succeed: " + "; ".join(named)


def _subject(task: Task) -> str:
    volume = task.volume_name or task.volume_id
    return f"backup {task.backup_id} of {volume}" if task.action in ABOUT_BACKUPS else volume


def _why(task: Task) -> str:
    return " ".join((task.error or task.note or task.status).split())
