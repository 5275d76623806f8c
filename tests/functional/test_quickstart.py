"""The first thing a new user does."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

from sandbox import ports
from tests.functional.stack import REPOSITORY


def _quickstart(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(REPOSITORY / "tools" / "quickstart.sh"), "--state-dir", str(state), *arguments],
        env=environment,
        text=True,
        capture_output=True,
        timeout=280,
        check=False,
    )


@pytest.mark.timeout(900)
def test_quickstart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    free = {name: ports.free_port() for name in ("api", "keystone", "cinder", "horizon")}
    options = [part for name, port in free.items() for part in (f"--{name}-port", str(port))]
    try:
        first = _quickstart(state, *options)
        assert first.returncode == 0, first.stdout + first.stderr
        assert "3 of 3 volumes done, 0 running: succeeded" in first.stdout
        assert first.stdout.count(" full ") >= 3
        assert f"http://127.0.0.1:{free['api']}" in first.stdout
        assert f"Stop it: tools/quickstart.sh --state-dir {state} --stop" in first.stdout

        second = _quickstart(state, "--dashboard", *options)
        assert second.returncode == 0, second.stdout + second.stderr
        assert second.stdout.count(" incremental ") >= 3
        assert f"Open http://127.0.0.1:{free['horizon']}/ and log in as demo" in second.stdout
        with urllib.request.urlopen(f"http://127.0.0.1:{free['horizon']}/", timeout=60) as page:
            assert "OpenStack Dashboard" in page.read().decode()

        stopped = _quickstart(state, "--stop")
        assert stopped.returncode == 0, stopped.stderr
        for port in free.values():
            ports.hold(port).close()
        assert (state / "backup-manager.sqlite").exists()

        with ports.hold(free["api"]):
            refused = _quickstart(state, *options)
            assert refused.returncode == 1
            assert f"Port {free['api']} is in use" in refused.stderr
    finally:
        cleaned = _quickstart(state, "--clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not state.exists()
