"""The examples of TLS in front of the API, with the real nginx and the real Apache."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.stack import free_port, wait_for
from tests.functional.units import ETC, Unit, prepare

_APACHE_MODULES = ("mpm_event", "ssl", "socache_shmcb", "proxy", "proxy_http", "headers")
_NGINX = """daemon off;
pid {directory}/nginx.pid;
error_log {directory}/front.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    scgi_temp_path {directory}/scgi;
    uwsgi_temp_path {directory}/uwsgi;
    include {directory}/nginx.conf;
}}
"""
_APACHE = """ServerRoot {directory}
DefaultRuntimeDir {directory}
PidFile {directory}/apache.pid
ErrorLog {directory}/front.log
ServerName localhost
Define APACHE_LOG_DIR {directory}
{user}
{modules}
Include {directory}/apache.conf
"""
# How long slow clients may take, for a test that must not depend on the speed of the machine.
_LATER_NGINX = [("timeout 10s;", "timeout 100s;")]
_LATER_APACHE = [("header=10-20", "header=100-200"), ("body=10", "body=100")]


class Front:
    """A web server with an example of ours, between a client and the API."""

    def __init__(self, kind: str, directory: Path, api_port: int, patient: bool) -> None:
        self.patient = patient
        self.kind = kind
        self.port = free_port()
        program = shutil.which(
            {"nginx": "nginx", "apache": "apache2"}[kind], path=f"{os.environ['PATH']}:/usr/sbin"
        )
        assert program, f"{kind} is missing: apt-get install nginx-light apache2-bin"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
            + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"],
            check=True,
            capture_output=True,
        )
        self._example(kind, directory, api_port)
        main = directory / "main.conf"
        main.write_text(self._main(kind, directory))
        arguments = {"nginx": ["-c", str(main)], "apache": ["-f", str(main), "-DFOREGROUND"]}
        self.log = directory / "front.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [program, *arguments[kind]], stdout=output, stderr=output
            )
        self.context = ssl.create_default_context(cafile=str(directory / "cert.pem"))
        wait_for(self._listens, 30, "the server in front")

    def _example(self, kind: str, directory: Path, api_port: int) -> None:
        text = (ETC / "backup-manager" / f"{kind}.conf").read_text()
        # A machine that tests run on may have no IPv6.
        text = text.replace("    listen [::]:8790 ssl;\n", "")
        for there, here in (
            ("8790", str(self.port)),
            ("8791", str(api_port)),
            ("/etc/ssl/certs/backup-manager.pem", f"{directory}/cert.pem"),
            ("/etc/ssl/private/backup-manager.key", f"{directory}/key.pem"),
        ):
            assert there in text
            text = text.replace(there, here)
        if self.patient:
            for soon, late in {"nginx": _LATER_NGINX, "apache": _LATER_APACHE}[kind]:
                assert soon in text
                text = text.replace(soon, late)
        (directory / f"{kind}.conf").write_text(text)

    @staticmethod
    def _main(kind: str, directory: Path) -> str:
        root = os.geteuid() == 0
        if kind == "nginx":
            return _NGINX.format(directory=directory, user="user root;" if root else "")
        modules = [*_APACHE_MODULES, "reqtimeout", "rewrite", "authz_core"]
        load = [f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in modules]
        user = "User nobody\nGroup nogroup" if root else ""
        return _APACHE.format(directory=directory, user=user, modules="\n".join(load))

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        return self.context.wrap_socket(plain, server_hostname="127.0.0.1")

    def request(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, context=self.context
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body or None, named)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(params=["believes what the front says", "asks nobody"])
def trust(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "believes what the front says")


@pytest.fixture
def patient() -> bool:
    return False


@pytest.fixture(params=["nginx", "apache"])
def front(
    request: pytest.FixtureRequest, tmp_path: Path, trust: bool, patient: bool
) -> Iterator[Front]:
    prepare(tmp_path, f"[oslo_middleware]\nenable_proxy_headers_parsing = {trust}\n")
    api = Unit("backup-manager-api", tmp_path)
    try:
        api.start()
        front = Front(request.param, tmp_path, api.port, patient)
        try:
            yield front
        finally:
            front.stop()
    finally:
        api.kill()


def test_links_are_what_the_client_used_whatever_it_says(front: Front) -> None:
    mine = f"https://127.0.0.1:{front.port}/v1/"
    for forged in (
        {},
        {"X_Forwarded_Host": "evil.example"},
        {"X_Forwarded_Proto": "http"},
        {"X_Forwarded_Prefix": "/evil"},
        {"Forwarded": "for=192.0.2.1;host=evil.example;proto=http"},
    ):
        status, body = front.request("GET", "/", **forged)
        assert status == 300, body
        assert json.loads(body)["versions"][0]["links"][0]["href"] == mine, forged


_HEAD = b"POST /v1/schedules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"


@pytest.mark.parametrize("trust", [False], indirect=True, ids=["asks nobody"])
@pytest.mark.parametrize("patient", [True], indirect=True, ids=["patient"])
def test_slow_clients_hold_nobody_up(front: Front) -> None:
    """More of them than the service has threads, some in the head and some in the body."""
    slow = [front.connect() for _ in range(40)]
    for number, connection in enumerate(slow):
        connection.sendall(_HEAD if number % 2 else _HEAD + b"\r\n{")
    began = time.monotonic()
    assert front.request("GET", "/healthcheck")[0] == 200
    assert time.monotonic() - began < 60, "it waited until the slow ones were thrown out"
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("trust", [False], indirect=True, ids=["asks nobody"])
def test_slow_clients_are_thrown_out(front: Front) -> None:
    slow = [front.connect(), front.connect()]
    slow[0].sendall(_HEAD)
    slow[1].sendall(_HEAD + b"\r\n{")
    for connection in slow:
        connection.settimeout(90)
        answer = connection.recv(100)
        assert answer == b"" or b" 408 " in answer or b" 400 " in answer, answer
        connection.close()


@pytest.mark.parametrize("trust", [False], indirect=True, ids=["asks nobody"])
def test_large_bodies_are_refused(front: Front) -> None:
    status, _ = front.request("POST", "/v1/backups/import", b"x" * (9 * 1024**2))
    assert status == 413
    # What may be large passes, as far as to the question who asks. Apache takes an answer that
    # comes before the end of the body for a failure of the service.
    status, body = front.request("POST", "/v1/backups/import", b"x" * (7 * 1024**2))
    assert status == 401 or (front.kind, status) == ("apache", 502), body
