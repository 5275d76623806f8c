"""The real shell of python-openstackclient, against a cloud in this process.

The commands are found by their entry points, so the package has to be installed.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.sdk import fakecloud

pytest.importorskip("openstackclient")

from openstackclient import shell
from osc_lib import clientmanager


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


Openstack = Callable[..., Result]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[fakecloud.FakeCloud]:
    with fakecloud.FakeCloud() as running:
        for name, value in _environment(running).items():
            monkeypatch.setenv(name, value)
        yield running


def _environment(cloud: fakecloud.FakeCloud) -> dict[str, str]:
    return {
        "OS_AUTH_URL": f"{cloud.url}/identity/v3",
        "OS_USERNAME": "demo",
        "OS_PASSWORD": "secret",
        "OS_PROJECT_NAME": "demo",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": fakecloud.REGION,
        "OS_IDENTITY_API_VERSION": "3",
        "CLIFF_MAX_TERM_WIDTH": "0",
    }


@pytest.fixture
def openstack(cloud: fakecloud.FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Openstack:
    """Run ``openstack`` with arguments; a single one is split at its spaces."""
    assert "backup_manager" in vars(clientmanager.ClientManager), "install the package first"

    def run(*arguments: str, err: io.StringIO | None = None) -> Result:
        argv = arguments[0].split() if len(arguments) == 1 else list(arguments)
        out, err = io.StringIO(), err or io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with _Forgetting():
            try:
                code = shell.OpenStackShell().run(argv)
            except SystemExit as end:
                code = int(end.code or 0)
        return Result(code, out.getvalue(), err.getvalue())

    return run


class _Forgetting:
    """Undo what a shell leaves behind in its process: its client, and its log handlers."""

    def __enter__(self) -> None:
        self._handlers = list(logging.getLogger().handlers)

    def __exit__(self, *exception: object) -> None:
        vars(clientmanager.ClientManager)["backup_manager"]._handle = None
        logging.getLogger().handlers[:] = self._handlers


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Do not sleep; the seconds that would have been slept."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds
