"""systemd's own judgement of the units, and their command lines, run and told as it would."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import gunicorn.config
import pytest
from oslo_config import cfg
from oslo_service import opts as service_opts

from tests.functional.stack import wait_for
from tests.functional.units import ETC, Unit, for_anybody, in_directory, prepare

_UNITS = ("backup-manager-api", "backup-manager-engine")
# Tenths; doc/source/deploying.rst states the scores. Releases of systemd differ in what they rate.
_MOST_EXPOSURE = 20


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


@pytest.fixture
def unit(directory: Path) -> Iterator[Callable[[str], Unit]]:
    units: list[Unit] = []

    def make(name: str) -> Unit:
        units.append(in_directory(name, directory))
        return units[-1]

    yield make
    for one in units:
        one.kill()


def test_the_engine_starts_reloads_and_stops(unit: Callable[[str], Unit], directory: Path) -> None:
    engine = unit("backup-manager-engine")
    engine.start()
    wait_for(lambda: engine.log.read_text().count("is ready") == 1, 30, "a worker")
    assert engine.listening() == set()
    before = engine.workers()
    with (directory / "backup-manager.conf").open("a") as text:
        text.write("[engine]\ntrack_interval = 77\n")
    engine.reload()
    wait_for(lambda: engine.log.read_text().count("is ready") == 2, 60, "a new worker")
    wait_for(lambda: not set(before) & set(engine.workers()), 60, "the old worker ends")
    assert "track_interval" in engine.log.read_text()
    assert engine.stop() == 0
    assert engine.processes() == []
    assert engine.log.read_text().count("has stopped") == 2


def test_the_engine_gives_signs_of_life_until_it_hangs(unit: Callable[[str], Unit]) -> None:
    engine = unit("backup-manager-engine")
    assert engine["NotifyAccess"] == "all", "they come from a child of the main process"
    engine.start(WATCHDOG_USEC="4000000")
    assert [engine.told() for _ in range(3)] == [["WATCHDOG=1"]] * 3
    # After a reload the new worker goes on with it.
    engine.reload()
    wait_for(lambda: engine.log.read_text().count("is ready") == 2, 60, "a new worker")
    wait_for(lambda: len(engine.workers()) == 1, 60, "the old worker ends")
    assert not engine.silent(30)
    (worker,) = engine.workers()
    os.kill(worker, signal.SIGSTOP)
    assert engine.silent(6)
    os.kill(worker, signal.SIGCONT)
    assert engine.told() == ["WATCHDOG=1"]
    assert engine.stop() == 0


def test_the_api_starts_reloads_and_stops(unit: Callable[[str], Unit]) -> None:
    api = unit("backup-manager-api")
    api.start()

    def answers() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{api.port}/healthcheck", timeout=30) as got:
            return bool(got.status == 200)

    assert answers()
    assert api.listening() == {api.port}
    before = wait_for(lambda: len(api.workers()) == 2 and api.workers(), 30, "two workers")
    api.reload()
    deadline = time.monotonic() + 60
    while set(before) & set(api.workers()):
        # Nobody notices.
        assert answers()
        assert time.monotonic() < deadline, "the old workers don't end"
    assert answers()
    assert api.stop() == 0
    assert api.processes() == []


@pytest.mark.parametrize("name", _UNITS)
def test_without_its_database_it_fails_and_is_started_anew(
    name: str, unit: Callable[[str], Unit], directory: Path
) -> None:
    (directory / "backup-manager.sqlite").unlink()
    one = unit(name)
    one.launch()
    assert one.ended(60) > 0
    assert "backup-manager-manage db sync" in one.log.read_text()
    assert one["Restart"] == "on-failure"
    # No more than five starts in ten seconds, or systemd gives up.
    assert int(one["RestartSec"]) > 2


def test_the_time_to_stop_is_enough(unit: Callable[[str], Unit]) -> None:
    options = cfg.ConfigOpts()
    service_opts.register_service_opts(options)
    options([])
    engine, api = unit("backup-manager-engine"), unit("backup-manager-api")
    assert int(engine["TimeoutStopSec"]) > options.graceful_shutdown_timeout
    assert int(api["TimeoutStopSec"]) > gunicorn.config.GracefulTimeout.default


def _run(*command: str) -> str:
    assert shutil.which(command[0]), f"{command[0]} is missing: apt-get install systemd"
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


@pytest.mark.parametrize("name", _UNITS)
def test_systemd_finds_nothing_wrong(name: str, unit: Callable[[str], Unit]) -> None:
    assert name not in _run("systemd-analyze", "verify", str(unit(name).file))


@pytest.mark.parametrize("name", _UNITS)
def test_the_units_are_as_closed_as_stated(name: str, unit: Callable[[str], Unit]) -> None:
    _run(
        *("systemd-analyze", "security", "--no-pager", "--offline=true"),
        *(f"--threshold={_MOST_EXPOSURE}", str(unit(name).file)),
    )


def test_user_and_directories(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc" / "backup-manager").mkdir(parents=True)
    (root / "etc" / "backup-manager" / "backup-manager.conf").touch(mode=0o644)
    _run("systemd-sysusers", f"--root={root}", str(ETC / "sysusers.d" / "backup-manager.conf"))
    (line,) = (root / "etc" / "passwd").read_text().splitlines()
    assert line.startswith("backup-manager:")
    assert line.endswith(":/var/lib/backup-manager:/usr/sbin/nologin")
    rules = (ETC / "tmpfiles.d" / "backup-manager.conf").read_text()
    (tmp_path / "rules.conf").write_text(for_anybody(rules))
    _run("systemd-tmpfiles", "--create", f"--root={root}", str(tmp_path / "rules.conf"))
    modes = {
        "etc/backup-manager": 0o750,
        "etc/backup-manager/backup-manager.conf": 0o640,
        "var/lib/backup-manager": 0o750,
        "var/log/backup-manager": 0o750,
    }
    assert {name: (root / name).stat().st_mode & 0o777 for name in modes} == modes
