"""Backups that are slow or fail on demand, so that tests can see what comes of it.

A fault is a small JSON file in the sandbox's `faults` directory. It works as long as it is there:
adding, editing or removing one takes effect at once, on operations under way too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox.config import write_file

OPERATIONS = "backup", "restore", "delete"
COMMAND_LINE = "command-line"

_POLL_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Fault:
    """Slow down an operation by some seconds, then let it fail if there is an error text."""

    operation: str
    delay: float = 0.0
    error: str = ""
    volume_id: str | None = None
    """The volume that was backed up; None is any."""


def add(directory: Path, name: str, fault: Fault) -> None:
    """Put the fault of that name into effect, replacing an older one."""
    write_file(directory / f"{name}.json", json.dumps(dataclasses.asdict(fault)) + "\n")


def remove(directory: Path, name: str) -> None:
    (directory / f"{name}.json").unlink(missing_ok=True)


def wait(directory: Path, operation: str, volume_id: str) -> str:
    """Spend the delay asked for; returns the error to fail with, or an empty string."""
    began = time.monotonic()
    held = held_mark(directory, operation, volume_id)
    try:
        while True:
            faults = [
                fault
                for fault in _present(directory)
                if fault.operation == operation and fault.volume_id in (None, volume_id)
            ]
            delay = max((fault.delay for fault in faults), default=0.0)
            if time.monotonic() - began >= delay:
                return next((fault.error for fault in faults if fault.error), "")
            held.touch()
            time.sleep(_POLL_SECONDS)
    finally:
        held.unlink(missing_ok=True)


def held_mark(directory: Path, operation: str, volume_id: str) -> Path:
    """A file that is there while a fault holds up that operation on that volume."""
    return directory / f"{operation}-{volume_id}.held"


def forget_held(directory: Path) -> None:
    """Remove what operations left behind when they were killed."""
    for mark in directory.glob("*.held"):
        mark.unlink(missing_ok=True)


def _present(directory: Path) -> Iterator[Fault]:
    for file in sorted(directory.glob("*.json")):
        # It may be going away, or be half-way through an editor.
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield Fault(**json.loads(file.read_text()))
