"""Sandboxes for the tests of the sandbox: own state, free ports, one shared venv."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from sandbox.client import Sandbox  # noqa: E402

StartSandbox = Callable[..., Sandbox]


@pytest.fixture(scope="session")
def venv() -> Path:
    default = REPOSITORY / ".venvs" / "sandbox"
    return Path(os.environ.get("BACKUP_MANAGER_SANDBOX_VENV", default))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, venv: Path) -> Iterator[Sandbox]:
    """One sandbox for the tests that leave no trace outside of their own project."""
    state_dir = tmp_path_factory.mktemp("cloud")
    sandbox = Sandbox.start(state_dir, venv=venv, keystone_port=0, cinder_port=0)
    yield sandbox
    sandbox.wipe()


@pytest.fixture
def start_sandbox(tmp_path: Path, venv: Path) -> Iterator[StartSandbox]:
    """Starts further ones, for the tests that stop or wipe them."""
    started: list[Path] = []

    def start(name: str = "sandbox", **options: object) -> Sandbox:
        state_dir = tmp_path / name
        started.append(state_dir)
        values = {"venv": venv, "keystone_port": 0, "cinder_port": 0, **options}
        return Sandbox.start(state_dir, **values)  # type: ignore[arg-type]

    yield start
    for state_dir in started:
        if (state_dir / "sandbox.json").exists():
            Sandbox.load(state_dir).wipe()
