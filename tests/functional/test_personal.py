"""Personal mode: a tenant with nothing but his own login, and no help of the administrator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.client import Sandbox
from tests.functional.stack import Program, Tenant, free_port, wait_for

OPENSTACK = Path(sys.executable).with_name("openstack")


class Person:
    """Somebody with a clouds.yaml, at his own machine."""

    def __init__(self, home: Path, entry: dict[str, Any]) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._entry = entry
        self.write_clouds()

    def write_clouds(self, **more: str) -> None:
        clouds = {"clouds": {"mine": {**self._entry, "region_name": "RegionOne", **more}}}
        (self.home / "clouds.yaml").write_text(yaml.safe_dump(clouds))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        return {
            **kept,
            "HOME": str(self.home),
            "OS_CLIENT_CONFIG_FILE": str(self.home / "clouds.yaml"),
            "PYTHONWARNINGS": "ignore",
        }

    @contextmanager
    def service(self) -> Iterator[Program]:
        program = Program(
            ["-m", "backup_manager.cmd.personal", "--os-cloud", "mine", "--port", str(self.port)],
            self.home / "personal.log",
            self.environment,
        )
        program.start()
        try:
            wait_for(lambda: "Try" in program.logged() or program.running.poll() is not None, 30)
            yield program
        finally:
            program.stop()

    def openstack(self, *arguments: str, check: bool = True) -> Any:
        done = subprocess.run(
            [str(OPENSTACK), "--os-cloud", "mine", "backup-manager", *arguments],
            env=self.environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "json" in arguments else done.stdout


def _password(tenant: Tenant) -> dict[str, Any]:
    return {"auth": tenant.project.auth}


def _application_credential(tenant: Tenant, **options: Any) -> dict[str, Any]:
    credential = tenant.connection.identity.create_application_credential(
        user=tenant.project.user_id, name="personal", **options
    )
    return {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": tenant.project.auth["auth_url"],
            "application_credential_id": credential.id,
            "application_credential_secret": credential.secret,
        },
    }


def _restricted(tenant: Tenant) -> dict[str, Any]:
    """With just the access rules that the README names."""
    rules = [
        {"service": "block-storage", "method": "GET", "path": "/v3/volumes/**"},
        {"service": "block-storage", "method": "GET", "path": "/v3/backups/**"},
        {"service": "block-storage", "method": "GET", "path": "/v3/limits"},
        {"service": "block-storage", "method": "POST", "path": "/v3/backups"},
        {"service": "block-storage", "method": "POST", "path": "/v3/volumes"},
        {"service": "block-storage", "method": "POST", "path": "/v3/backups/*/restore"},
        {"service": "block-storage", "method": "GET", "path": "/v3/messages"},
        *(
            {"service": "backup-manager", "method": method, "path": "/v1/**"}
            for method in ("GET", "POST", "PATCH", "DELETE")
        ),
    ]
    return _application_credential(tenant, access_rules=rules)


@pytest.mark.parametrize("login", [_password, _application_credential, _restricted])
def test_a_tenant_protects_his_project_alone(
    sandbox: Sandbox, tenant: Tenant, tmp_path: Path, login: Any
) -> None:
    (volume_id,) = tenant.volumes(1)
    person = Person(tmp_path, login(tenant))
    access = tenant.connection.session.auth.get_access(tenant.connection.session)
    if not access.service_catalog.get_endpoints(service_type="backup-manager"):
        # Access rules name services, which must be in the catalog; where does not matter here.
        sandbox.register_endpoint(person.url)
    with person.service() as service:
        # It says which line to add; with that line the client finds it.
        line = f"backup_manager_endpoint_override: {person.url}"
        assert line in service.logged()
        person.write_clouds(backup_manager_endpoint_override=person.url)
        assert [row["ID"] for row in person.openstack("volume", "list", "-f", "json")] == [
            volume_id
        ]

        created = person.openstack(
            "schedule", "create", "mine", "--volume", "volume-0", "--daily", "00:00",
            "--type", "incremental", "-f", "json",
        )  # fmt: skip
        assert created["delegation"]["mode"] == "self"
        for expected in ("full", "incremental"):
            person.openstack("schedule", "run", "mine", "--wait")
            newest = person.openstack("backup", "list", "-f", "json")[0]
            assert (newest["Type"], newest["Status"]) == (expected, "available")
        restored = person.openstack("backup", "restore", newest["ID"], "--wait", "-f", "json")
        assert sandbox.checksum(restored["volumes"][0]) == sandbox.checksum(volume_id)
        assert service.terminate() == 0
    assert [backup.status for backup in tenant.backups(volume_id)] == ["available"] * 2
    secrets = [tenant.project.auth["password"], "application_credential_secret"]
    for path in (tmp_path / ".local").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert all(f"password = {secret}".encode() not in content for secret in secrets)


def test_the_only_user_sees_the_health_and_the_quota(tenant: Tenant, tmp_path: Path) -> None:
    tenant.volumes(1)
    person = Person(tmp_path, _application_credential(tenant))
    with person.service():
        person.write_clouds(backup_manager_endpoint_override=person.url)
        done = wait_for(lambda: person.openstack("health", check=False), 20)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        shown = person.openstack("statistics", "show", "-f", "json")
    assert (shown["volumes"]["total"], shown["quota_error"]) == (1, None)
    assert shown["quota"]["backups_used"] == 0


def test_others_are_kept_out(sandbox: Sandbox, tenant: Tenant, tmp_path: Path) -> None:
    person = Person(tmp_path, _password(tenant))
    with person.service(), sandbox.connection("alt") as stranger:
        # Keystone does not let the owner's login validate a stranger's token.
        answer = stranger.session.get(f"{person.url}/v1/volumes", raise_exc=False)
        assert answer.status_code in (401, 503)


def test_what_stands_in_the_way_is_said_in_one_line(tenant: Tenant, tmp_path: Path) -> None:
    person = Person(tmp_path, _password(tenant))

    def start(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "backup_manager.cmd.personal", *arguments],
            env=person.environment, text=True, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    assert "--os-cloud" in start()
    assert "nosuch" in start("--os-cloud", "nosuch")
    with person.service():
        assert f"port {person.port}" in start("--os-cloud", "mine", "--port", str(person.port))
    person._entry = {"auth": {**tenant.project.auth, "password": "wrong"}}
    person.write_clouds()
    assert "no login" in start("--os-cloud", "mine")
