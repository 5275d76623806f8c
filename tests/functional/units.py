"""Units of systemd on a machine without it: their command lines, told by its protocol."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.functional.stack import free_port, sync_database

REPOSITORY = Path(__file__).parents[2]
ETC = REPOSITORY / "etc"
_BIN = Path(sys.executable).parent


def prepare(directory: Path, more: str = "") -> None:
    """What a unit finds in /etc/backup-manager, with a database that is ready.

    :param more: further lines of the configuration
    """
    path = directory / "backup-manager.conf"
    path.write_text(
        f"[database]\nconnection = sqlite:///{directory}/backup-manager.sqlite\n"
        "[keystone_authtoken]\nauth_type = password\nauth_url = http://127.0.0.1:9/v3\n"
        "username = backup-manager\npassword = secret\nproject_name = service\n"
        f"user_domain_name = Default\nproject_domain_name = Default\n{more}"
    )
    sync_database(path)


def for_anybody(rules: str) -> str:
    """Rules of systemd-tmpfiles that the user of the tests can carry out: only root gives away."""
    return rules if os.geteuid() == 0 else re.sub(r"(\d{4}) +\S+ +\S+ +-", r"\1 - - -", rules)


def in_directory(name: str, directory: Path) -> Unit:
    """One of our units with all its files in one directory, and the programs of the tests.

    :param directory: see ``prepare``
    """
    file, port = directory / f"{name}.service", free_port()
    text = (ETC / "systemd" / file.name).read_text()
    text = text.replace("/opt/backup-manager/bin", str(_BIN))
    file.write_text(text.replace("/etc/backup-manager", str(directory)))
    settings = (ETC / "backup-manager" / "gunicorn.conf.py").read_text()
    assert '"127.0.0.1:8791"' in settings
    (directory / "gunicorn.conf.py").write_text(
        settings.replace('"127.0.0.1:8791"', f'"127.0.0.1:{port}"')
    )
    return Unit(file, port, PYTHONPATH=str(REPOSITORY))


def session_of(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def listening(processes: Iterable[int]) -> set[tuple[str, int]]:
    """The addresses, as the kernel writes them, and TCP ports that processes listen on."""
    inodes = set()
    for pid in processes:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, _, port = fields[1].rpartition(":")
                found.add((address, int(port, 16)))
    return found


class Unit:
    """A unit whose paths are those of a test, started and watched as systemd would.

    :param file: the unit; its log will be beside it
    :param port: of the API
    :param environment: more than systemd would set
    """

    def __init__(self, file: Path, port: int, **environment: str) -> None:
        self.file = file
        self.port = port
        self.log = file.with_suffix(".log")
        self._more = environment
        # The path of a socket is short, that of a test may not be.
        self._directory = tempfile.TemporaryDirectory(prefix="notify-")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(f"{self._directory.name}/{file.stem}")
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
        self.launch(**environment)
        assert "READY=1" in self.told(), self.log.read_text()

    def launch(self, **environment: str) -> None:
        """Start it without a look at what becomes of it."""
        name, _, value = self._environment().partition("=")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                shlex.split(self["ExecStart"]),
                env={
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "NOTIFY_SOCKET": str(self._notify.getsockname()),
                    **({name: value} if name else {}),
                    **self._more,
                    **environment,
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

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
        assert self["KillMode"] == "mixed"
        os.kill(self.main_pid, signal.SIGTERM)
        return self.ended(int(self["TimeoutStopSec"]))

    def ended(self, seconds: float) -> int:
        """The exit code of the main process."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self.main_pid, signal.SIGKILL)
            self._process.wait(10)
        self._notify.close()
        self._directory.cleanup()

    def processes(self) -> list[int]:
        """The processes of the session, as the unit's control group would have them."""
        return session_of(self.main_pid)

    def workers(self) -> list[int]:
        return [pid for pid in self.processes() if pid != self.main_pid]

    def listening(self) -> set[int]:
        """The TCP ports that its processes listen on, at any address."""
        return {port for _, port in listening(self.processes())}
