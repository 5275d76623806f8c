"""systemd's own judgement of the units, and their command lines, run and told as it would."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import gunicorn.config
import pytest
from oslo_config import cfg
from oslo_service import opts as service_opts

from backup_manager import conf
from backup_manager.db import migration
from backup_manager.db import session as db_session
from tests.functional.stack import free_port, wait_for

_REPOSITORY = Path(__file__).parents[2]
_ETC = _REPOSITORY / "etc"
_UNITS = ("backup-manager-api", "backup-manager-engine")
_BIN = Path(sys.executable).parent
# doc/source/deploying.rst states it; systemd calls everything from 2 upwards "MEDIUM" or worse.
_EXPOSURE = {"backup-manager-api": 1.2, "backup-manager-engine": 1.4}


class Unit:
    """A unit whose paths are those of a test, started and watched as systemd would."""

    def __init__(self, name: str, directory: Path) -> None:
        self.port = free_port()
        self.log = directory / f"{name}.log"
        self.file = directory / f"{name}.service"
        text = (_ETC / "systemd" / f"{name}.service").read_text()
        text = text.replace("/opt/backup-manager/bin", str(_BIN))
        self.file.write_text(text.replace("/etc/backup-manager", str(directory)))
        settings = (_ETC / "backup-manager" / "gunicorn.conf.py").read_text()
        assert '"127.0.0.1:8791"' in settings
        (directory / "gunicorn.conf.py").write_text(
            settings.replace('"127.0.0.1:8791"', f'"127.0.0.1:{self.port}"')
        )
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(directory / f"{name}.notify"))
        self._notify.settimeout(30)
        self._process: subprocess.Popen[bytes] | None = None

    def __getitem__(self, key: str) -> str:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(self.file)
        return parser["Service"][key]

    @property
    def main_pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, **environment: str) -> None:
        name, _, value = self._environment().partition("=")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                shlex.split(self["ExecStart"]),
                env={
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "PYTHONPATH": str(_REPOSITORY),
                    "NOTIFY_SOCKET": str(self._notify.getsockname()),
                    **({name: value} if name else {}),
                    **environment,
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        assert "READY=1" in self.told(), self.log.read_text()

    def _environment(self) -> str:
        try:
            return self["Environment"]
        except KeyError:
            return ""

    def told(self) -> list[str]:
        """The next notification, line by line."""
        return self._notify.recv(4096).decode().splitlines()

    def silent(self, seconds: float) -> bool:
        """Whether nothing more comes for so long, after what has come already is taken."""
        self._notify.settimeout(0.01)
        while True:
            try:
                self._notify.recv(4096)
            except TimeoutError:
                break
        self._notify.settimeout(seconds)
        try:
            self._notify.recv(4096)
        except TimeoutError:
            return True
        finally:
            self._notify.settimeout(30)
        return False

    def reload(self) -> None:
        command = self["ExecReload"].replace("$MAINPID", str(self.main_pid))
        subprocess.run(shlex.split(command), check=True)

    def stop(self) -> int:
        """As KillMode=mixed does; the exit code."""
        assert self._process is not None
        assert self["KillMode"] == "mixed"
        os.kill(self.main_pid, signal.SIGTERM)
        return self._process.wait(int(self["TimeoutStopSec"]))

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self.main_pid, signal.SIGKILL)
            self._process.wait(10)
        self._notify.close()

    def processes(self) -> list[int]:
        """The processes of the session, as the unit's control group would have them."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == self.main_pid and fields[0] != "Z":
                found.append(int(path.parent.name))
        return found

    def workers(self) -> list[int]:
        return [pid for pid in self.processes() if pid != self.main_pid]

    def listening(self) -> set[int]:
        """The TCP ports that its processes listen on, at any address."""
        inodes = set()
        for pid in self.processes():
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    inodes.add(str(descriptor.readlink()))
                except FileNotFoundError:
                    continue
        ports = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
        return ports


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What a unit finds in /etc/backup-manager, with a database that is ready."""
    path = tmp_path / "backup-manager.conf"
    path.write_text(
        f"[database]\nconnection = sqlite:///{tmp_path}/backup-manager.sqlite\n"
        "[keystone_authtoken]\nauth_type = password\nauth_url = http://127.0.0.1:9/v3\n"
        "username = backup-manager\npassword = secret\nproject_name = service\n"
        "user_domain_name = Default\nproject_domain_name = Default\n"
    )
    db_session.configure(conf.load(config_files=[str(path)]))
    migration.sync()
    db_session.engine().dispose()
    return tmp_path


@pytest.fixture
def unit(directory: Path) -> Iterator[Callable[[str], Unit]]:
    units: list[Unit] = []

    def make(name: str) -> Unit:
        units.append(Unit(name, directory))
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
    assert _run("systemd-analyze", "verify", str(unit(name).file)) == ""


@pytest.mark.parametrize("name", _UNITS)
def test_the_units_are_as_closed_as_stated(name: str, unit: Callable[[str], Unit]) -> None:
    limit = round(_EXPOSURE[name] * 10)
    _run(
        *("systemd-analyze", "security", "--no-pager", "--offline=true"),
        *(f"--threshold={limit}", str(unit(name).file)),
    )
    page = (_REPOSITORY / "doc" / "source" / "deploying.rst").read_text()
    assert f"{_EXPOSURE[name]}" in page


def test_user_and_directories(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc" / "backup-manager").mkdir(parents=True)
    (root / "etc" / "backup-manager" / "backup-manager.conf").touch(mode=0o644)
    _run("systemd-sysusers", f"--root={root}", str(_ETC / "sysusers.d" / "backup-manager.conf"))
    (line,) = (root / "etc" / "passwd").read_text().splitlines()
    assert line.startswith("backup-manager:")
    assert line.endswith(":/var/lib/backup-manager:/usr/sbin/nologin")
    rules = (_ETC / "tmpfiles.d" / "backup-manager.conf").read_text()
    if os.geteuid() != 0:
        # Only root gives files away; the rest is tried all the same.
        rules = re.sub(r"(\d{4}) +\S+ +\S+ +-", r"\1 - - -", rules)
    (tmp_path / "rules.conf").write_text(rules)
    _run("systemd-tmpfiles", "--create", f"--root={root}", str(tmp_path / "rules.conf"))
    modes = {
        "etc/backup-manager": 0o750,
        "etc/backup-manager/backup-manager.conf": 0o640,
        "var/lib/backup-manager": 0o750,
        "var/log/backup-manager": 0o750,
    }
    assert {name: (root / name).stat().st_mode & 0o777 for name in modes} == modes
