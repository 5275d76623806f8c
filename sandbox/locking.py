"""One command at a time on a directory, across processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.config import SandboxError

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def locked(path: Path, seconds: float, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file; SandboxError when another process keeps it for too long."""
    deadline = time.monotonic() + seconds
    waiting = False
    while (descriptor := _try_lock(path)) is None:
        if not waiting:
            report(f"Waiting for another command that holds {path} ...")
            waiting = True
        if time.monotonic() > deadline:
            raise SandboxError(f"Another command holds {path} for more than {seconds:.0f} s.")
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it before may have removed the file: then this lock is
        # on nothing, and the next one would get another.
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None
