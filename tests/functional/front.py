"""A web server with our example of TLS, in front of the API."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

from tests.functional.stack import free_port, wait_for
from tests.functional.units import ETC

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
    include {include};
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


def make_certificate(certificate: Path, key: Path) -> None:
    """One for 127.0.0.1 that signs itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )


def nginx_conf(directory: Path, include: str) -> str:
    """What Debian's package has in /etc/nginx/nginx.conf, with all files in the directory.

    :param include: the files of its block http
    """
    user = "user root;" if os.geteuid() == 0 else ""
    return _NGINX.format(directory=directory, include=include, user=user)


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
        make_certificate(directory / "cert.pem", directory / "key.pem")
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
        if kind == "nginx":
            return nginx_conf(directory, f"{directory}/nginx.conf")
        modules = [*_APACHE_MODULES, "reqtimeout", "rewrite", "authz_core"]
        load = [f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in modules]
        user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
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
