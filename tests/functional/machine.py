"""A machine that has nothing of ours yet, on which the commands of a guide are carried out.

It is a directory: the paths that the guides name lie below it, each port is one that is free, and
systemd is a stand-in that starts the units as it would. All else is real.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import docutils.core
import requests
from docutils import nodes

from tests.functional.front import make_certificate, nginx_conf
from tests.functional.stack import REPOSITORY, free_port, wait_for
from tests.functional.units import Unit, for_anybody
from tests.source import checkout

_PATHS = re.compile(
    r"(?<![\w.:/-])(?=/(?:opt|root|etc/(?:backup-manager|nginx|ssl|systemd|sysusers\.d|tmpfiles\.d))\b)"
)
_SYSTEMCTL = """#!{python}
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    connection.sendall(" ".join(sys.argv[1:]).encode() + b"\\n")
    answer = connection.makefile().read()
sys.exit(answer or None)
"""
_WITH_ROOT = '#!/bin/sh\nexec {program} --root={root} "$@"\n'


def sections(page: str) -> dict[str, str]:
    """The commands of a page of the documents, by the headings of its sections."""
    path = REPOSITORY / "doc" / "source" / f"{page}.rst"
    # Roles and directives of Sphinx are not known here, and don't matter.
    tree = docutils.core.publish_doctree(path.read_text(), settings_overrides={"report_level": 5})
    found: dict[str, str] = {}
    for section in tree.findall(nodes.section):
        blocks = section.findall(nodes.literal_block)
        found[section[0].astext()] = "\n".join(
            # With a language they show what a command prints.
            block.astext()
            for block in blocks
            if "code" not in block["classes"]
        )
    return found


class Machine:
    """A machine below ``root``, with nginx and the source of the project.

    :param environment: what the shell of its administrator has, more than that of the tests
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.public_port, self.api_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.public_port}"
        self.units: dict[str, Unit] = {}
        self._environment = environment
        for name in ("bin", "root", "etc/nginx/conf.d", "etc/ssl/certs", "etc/ssl/private"):
            (root / name).mkdir(parents=True)
        for name in ("etc/backup-manager", "etc/systemd/system", "etc/sysusers.d"):
            (root / name).mkdir(parents=True)
        (root / "etc/tmpfiles.d").mkdir()
        certificate = root / "etc/ssl/certs/backup-manager.pem"
        make_certificate(certificate, root / "etc/ssl/private/backup-manager.key")
        # Whom this machine trusts: whom the tests trust, and itself.
        others = os.environ.get("REQUESTS_CA_BUNDLE") or requests.certs.where()
        self.trusted = root / "etc/ssl/certs/ca-certificates.crt"
        self.trusted.write_bytes(Path(others).read_bytes() + certificate.read_bytes())
        self._nginx: subprocess.Popen[bytes] | None = None
        self._copy_source()
        self._systemd = self._stand_in_for_systemd()

    def _copy_source(self) -> None:
        """What an administrator has unpacked, with the paths and ports of this machine."""
        self.source = checkout(self.root / "source")
        rules = self.source / "etc/tmpfiles.d/backup-manager.conf"
        rules.write_text(for_anybody(rules.read_text()))
        for name in ("gunicorn.conf.py", "nginx.conf"):
            path = self.source / "etc/backup-manager" / name
            path.write_text(self._here(path.read_text()))
        for path in (self.source / "etc/systemd").iterdir():
            path.write_text(self._here(path.read_text()))

    def _here(self, text: str) -> str:
        text = _PATHS.sub(str(self.root), text)
        # A machine that tests run on may have no IPv6.
        text = text.replace("    listen [::]:8790 ssl;\n", "")
        return text.replace("8790", str(self.public_port)).replace("8791", str(self.api_port))

    def _stand_in_for_systemd(self) -> socketserver.UnixStreamServer:
        address = str(self.root / "systemd")
        if len(address) > 100:
            # The path of a socket is short.
            address = f"/tmp/systemd-{os.getpid()}-{self.public_port}"
        programs = {"systemctl": _SYSTEMCTL.format(python=sys.executable, address=address)}
        for name in ("systemd-sysusers", "systemd-tmpfiles"):
            program = shutil.which(name)
            assert program, f"{name} is missing: apt-get install systemd"
            programs[name] = _WITH_ROOT.format(program=program, root=self.root)
        for name, text in programs.items():
            path = self.root / "bin" / name
            path.write_text(text)
            path.chmod(0o755)
        machine = self

        class Systemd(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    machine._systemctl(self.rfile.readline().decode().split())
                except Exception as error:
                    self.wfile.write(repr(error).encode())

        server = socketserver.ThreadingUnixStreamServer(address, Systemd)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _systemctl(self, arguments: list[str]) -> None:
        """What systemd does on a command; an exception is what it fails with."""
        if arguments[:2] == ["enable", "--now"]:
            for name in arguments[2:]:
                file = self.root / "etc/systemd/system" / f"{name}.service"
                self.units[name] = Unit(file, self.api_port)
                self.units[name].start()
        elif arguments == ["reload", "nginx"]:
            self._start_nginx()
        elif arguments != ["daemon-reload"]:
            raise ValueError(f"systemctl {arguments}: this stand-in does not know that")

    def _start_nginx(self) -> None:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "nginx is missing: apt-get install nginx-light"
        main = self.root / "etc/nginx/nginx.conf"
        main.write_text(nginx_conf(self.root, f"{self.root}/etc/nginx/conf.d/*.conf"))
        subprocess.run([program, "-t", "-q", "-c", str(main)], check=True)
        self._nginx = subprocess.Popen([program, "-c", str(main)])
        wait_for((self.root / "nginx.pid").exists, 30, "nginx")

    def follow(self, commands: str, **environment: str) -> str:
        """Carry out commands as a shell would that stops at the first failure.

        :returns: what they print
        """
        done = subprocess.run(
            # -v: a failure comes after the command that it belongs to.
            ["bash", "-euv", "-o", "pipefail", "-c", self._here(commands)],
            cwd=self.source,
            env={
                **os.environ,
                "PATH": f"{self.root}/bin:{os.environ['PATH']}",
                # oslo.config looks below it for what it looks for in /etc.
                "SNAP": str(self.root),
                "CURL_CA_BUNDLE": str(self.trusted),
                "REQUESTS_CA_BUNDLE": str(self.trusted),
                **self._environment,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def stop(self) -> None:
        for unit in self.units.values():
            unit.kill()
        if self._nginx is not None:
            self._nginx.send_signal(signal.SIGTERM)
            self._nginx.wait(30)
        self._systemd.shutdown()
        self._systemd.server_close()
        Path(str(self._systemd.server_address)).unlink()
