"""``backup-manager-manage service register``: the service's user and endpoints in Keystone."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import Sandbox


class Registrar:
    """An administrator at his machine, and the configuration of a service not yet registered."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.sandbox = sandbox
        self.identity: Any = sandbox.connection("admin").identity
        self.name = f"keeper-{uuid.uuid4().hex[:8]}"
        self.config_file = directory / "register.conf"
        self._directory = directory
        self.configure()

    def configure(self, **changes: str) -> None:
        values = {
            "auth_type": "password",
            "auth_url": self.sandbox.keystone_url,
            "username": self.name,
            "password": "top$secret",
            "project_name": f"project-of-{self.name}",
            "user_domain_name": "Default",
            "project_domain_id": "default",
            **changes,
        }
        lines = [f"{name} = {value.replace('$', '$$')}" for name, value in values.items()]
        self.config_file.write_text("\n".join(["[keystone_authtoken]", *lines, ""]))

    def register(self, *arguments: str, cloud: str = "admin") -> tuple[int, list[str], str]:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "backup_manager.cmd.manage"]
            + ["--config-file", str(self.config_file), "service", "register"]
            + ["--os-cloud", cloud, *arguments],
            text=True,
            capture_output=True,
            env={
                "PATH": "/usr/bin",
                "HOME": str(self._directory),
                "PYTHONPATH": ":".join(sys.path),
                "OS_CLIENT_CONFIG_FILE": str(self.sandbox.clouds_yaml),
            },
        )
        assert "top$secret" not in done.stdout + done.stderr
        return done.returncode, done.stdout.splitlines(), done.stderr

    def catalog(self) -> dict[str, str]:
        """The endpoints of the service by interface."""
        (service,) = self.identity.services(type="backup-manager")
        return {each.interface: each.url for each in self.identity.endpoints(service_id=service.id)}


@pytest.fixture
def registrar(sandbox: Sandbox, tmp_path: Path) -> Iterator[Registrar]:
    registrar = Registrar(sandbox, tmp_path)
    before = [
        (each.service_id, each.interface, each.url) for each in registrar.identity.endpoints()
    ]
    yield registrar
    # Other tests find the service where they left it.
    for each in registrar.identity.services(type="backup-manager"):
        url = next((url for service_id, _, url in before if service_id == each.id), None)
        if url is None:
            registrar.identity.delete_service(each)
        else:
            sandbox.register_endpoint(url)


def test_all_is_made_once(registrar: Registrar) -> None:
    kept = list(registrar.identity.services(type="backup-manager"))
    url = "http://controller:8790"
    code, lines, error = registrar.register("--public-url", f"{url}/", "--internal-url", url)
    assert (code, error) == (0, "")
    project = f"project-of-{registrar.name}"
    assert lines[:3] == [
        f"Created the project {project}.",
        f"Created the user {registrar.name}.",
        f"Gave it the role service in the project {project}.",
    ]
    assert lines[3] == f"{'The' if kept else 'Created the'} service backup-manager" + (
        " exists." if kept else "."
    )
    assert lines[-1] == f"{registrar.name} can log in."
    assert registrar.catalog()["public"] == registrar.catalog()["internal"] == url

    code, lines, error = registrar.register("--public-url", url, "--internal-url", url)
    assert (code, error) == (0, "")
    assert lines == [
        f"The user {registrar.name} exists; its password is left as it is.",
        f"It has the role service in the project {project}.",
        "The service backup-manager exists.",
        f"The public endpoint in RegionOne is {url}.",
        f"The internal endpoint in RegionOne is {url}.",
        f"{registrar.name} can log in.",
    ]


def test_an_endpoint_moves_and_others_stay(registrar: Registrar) -> None:
    first, second = "http://first:8790", "https://second"
    registrar.register("--public-url", first, "--internal-url", first)
    code, lines, _ = registrar.register("--public-url", second)
    assert code == 0
    assert f"Moved the public endpoint in RegionOne from {first} to {second}." in lines
    assert (registrar.catalog()["public"], registrar.catalog()["internal"]) == (second, first)


def test_another_password_is_noticed_and_not_changed(registrar: Registrar) -> None:
    assert registrar.register("--public-url", "http://c:1")[0] == 0
    registrar.configure(password="top$secret2")
    code, _, error = registrar.register("--public-url", "http://c:1")
    assert code == 1
    assert f"{registrar.name} can't log in with what the configuration says" in error
    registrar.configure()
    assert registrar.register("--public-url", "http://c:1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--role", "nonsense"], "openstack role create nonsense", id="role"),
        pytest.param(["--region", "Mars"], "no region Mars; it has: RegionOne", id="region"),
    ],
)
def test_what_is_not_there_is_named(registrar: Registrar, arguments: list[str], words: str) -> None:
    code, _, error = registrar.register("--public-url", "http://c:1", *arguments)
    assert code == 1
    assert words in error
    assert error.count("\n") == 1


def test_a_tenant_can_not_register(registrar: Registrar) -> None:
    code, lines, error = registrar.register("--public-url", "http://c:1", cloud="demo")
    assert (code, lines) == (1, [])
    assert error.startswith("backup-manager-manage: Keystone: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"username": ""}, "lacks username", id="no-user"),
        pytest.param({"auth_type": "v3token", "token": "x"}, "is v3token; password", id="token"),
        pytest.param({"user_domain_name": "Mars"}, "no domain Mars", id="domain"),
    ],
)
def test_a_configuration_that_makes_no_user(
    registrar: Registrar, changes: dict[str, str], words: str
) -> None:
    registrar.configure(**changes)
    code, _, error = registrar.register("--public-url", "http://c:1")
    assert code == 1
    assert words in error
    assert error.count("\n") == 1


def test_no_cloud_of_that_name(registrar: Registrar) -> None:
    code, _, error = registrar.register("--public-url", "http://c:1", cloud="nowhere")
    assert code == 1
    assert "nowhere" in error
    assert error.count("\n") == 1
    code, _, error = registrar.register("--public-url", "c:1")
    assert code == 2
    assert "does not begin with http:// or https://" in error
