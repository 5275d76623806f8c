"""The source of the project as somebody would have it who has just unpacked it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def _git(*arguments: str | Path, cwd: Path = REPOSITORY) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, check=True, text=True, capture_output=True)
    return done.stdout


def tracked() -> set[str]:
    """The paths of all files that belong to the project."""
    return set(_git("ls-files").splitlines())


def checkout(target: Path) -> Path:
    """The tree as it is now, with its history: the version comes from that."""
    _git("clone", "-q", "--no-checkout", REPOSITORY, target)
    for name in tracked():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, path)
    # What is packed is what git knows.
    _git("add", "--all", cwd=target)
    return target
