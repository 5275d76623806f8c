"""The virtual environment that Keystone and Cinder run from. Sandboxes can share one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.config import SandboxError, write_file
from sandbox.locking import locked

_HERE = Path(__file__).parent
REQUIREMENTS = _HERE / "requirements.txt"
CONSTRAINTS = _HERE / "constraints.txt"
# There from the first moment: says that this directory may be cleared.
_OURS = ".sandbox-venv"
# There from the last moment: says what is installed, completely.
_STAMP = ".sandbox-installed"
_INSTALL_SECONDS = 1800
_TAIL_CHARACTERS = 2000

Report = Callable[[str], None]


def ensure(directory: Path, report: Report) -> None:
    """Make the environment when it is missing, half-made or made from other versions."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with locked(directory.with_name(f"{directory.name}.lock"), _INSTALL_SECONDS, report):
        if _complete(directory):
            return
        if directory.exists() and any(directory.iterdir()) and not is_ours(directory):
            raise SandboxError(f"{directory} exists and was not made by the sandbox: see --venv.")
        report(f"Installing Cinder and Keystone in {directory} (once; about a minute) ...")
        _make(directory)


def is_ours(directory: Path) -> bool:
    return (directory / _OURS).exists()


def python(directory: Path) -> Path:
    return directory / "bin" / "python"


def _complete(directory: Path) -> bool:
    try:
        installed = (directory / _STAMP).read_text().strip()
    except OSError:
        return False
    return installed == _wanted() and os.access(python(directory), os.X_OK)


def _wanted() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + CONSTRAINTS.read_bytes()).hexdigest()


def _make(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    (directory / _OURS).touch()
    _clear(directory)
    _run([sys.executable, "-m", "venv", str(directory)])
    pip = [str(python(directory)), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "install", "--quiet", "-r", str(REQUIREMENTS), "-c", str(CONSTRAINTS)])
    write_file(directory / _STAMP, _wanted() + "\n")


def _clear(directory: Path) -> None:
    """Remove all but the mark, without which a broken run could not be repeated."""
    (directory / _STAMP).unlink(missing_ok=True)
    for entry in directory.iterdir():
        if entry.name == _OURS:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SandboxError(f"{' '.join(command)} took more than {_INSTALL_SECONDS} s.") from None
    if done.returncode:
        tail = done.stdout.strip()[-_TAIL_CHARACTERS:]
        raise SandboxError(f"{' '.join(command)} failed:\n{tail}")
