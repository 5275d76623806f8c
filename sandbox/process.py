"""Background processes: start, recognise, wait for and end them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from sandbox.config import SandboxError, write_file

_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0
_TAIL_LINES = 15


class _Detached(subprocess.Popen[bytes]):
    """A child that is meant to outlive its parent."""

    def __del__(self) -> None:
        """Say nothing, where Popen would warn that it still runs."""


# Children of this very process must be waited for, or they stay as zombies
# for as long as the tests run.
_children: dict[int, _Detached] = {}

# A proxy in the environment is of no use on the way to 127.0.0.1.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclasses.dataclass(frozen=True)
class Daemon:
    """One background process, known by its pid file."""

    name: str
    command: list[str]
    environment: dict[str, str]
    directory: Path
    pid_file: Path
    output: Path

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        try:
            number, started = self.pid_file.read_text().split()
        except (OSError, ValueError):
            return None
        pid = int(number)
        if child := _children.get(pid):
            child.poll()
        # The number alone could by now belong to a stranger.
        return pid if _started_at(pid) == started else None

    def start(self, *descriptors: int) -> None:
        """Start it; the descriptors are the open files that it inherits."""
        with self.output.open("wb") as output:
            child = _Detached(
                self.command,
                env=self.environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
            )
        _children[child.pid] = child
        write_file(self.pid_file, f"{child.pid} {_started_at(child.pid)}\n")

    def wait_until_healthy(self, url: str, seconds: float) -> None:
        """Return when the URL answers 200. SandboxError when it dies or takes too long."""
        deadline = time.monotonic() + seconds
        while not answers(url):
            if self.pid is None:
                raise self._trouble("ended while it started")
            if time.monotonic() > deadline:
                raise self._trouble(f"didn't answer within {seconds:.0f} seconds")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> bool:
        """End it and whatever it started, politely first. True when it was running."""
        if not self._signal(signal.SIGTERM):
            return False
        if not self._gone_within(_STOP_SECONDS):
            self.kill()
        self.pid_file.unlink(missing_ok=True)
        return True

    def kill(self) -> bool:
        """End it at once, as a power failure would. True when it was running."""
        if not self._signal(signal.SIGKILL):
            return False
        if not self._gone_within(_STOP_SECONDS):
            raise self._trouble(f"(process {self.pid}) can't be ended")
        return True

    def _trouble(self, what: str) -> SandboxError:
        """The error, with where to look and the end of what is there."""
        lines = self.output.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        tail = "".join(f"\n    {line}" for line in lines) or " It is empty."
        return SandboxError(
            f"{self.name.capitalize()} {what}. Its output is in {self.output}:{tail}"
        )

    def _signal(self, number: signal.Signals) -> bool:
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            # It leads its own process group, so helpers of the first run go with it.
            os.killpg(pid, number)
        return True

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def answers(url: str) -> bool:
    """Whether a GET of the URL is answered with 200 now."""
    try:
        with _direct.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _started_at(pid: int) -> str | None:
    """What tells a process from a later one with the same number; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may contain spaces; the state comes right after.
    fields = stat.rpartition(")")[2].split()
    state, threads, started = fields[0], int(fields[17]), fields[19]
    # As long as one thread of a dead process is left, so are its open ports.
    return None if state == "Z" and threads <= 1 else started
