"""The guides do what they say: an installation, and then a tenant, by their own commands."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.client import Sandbox
from tests.functional.conftest import VENV
from tests.functional.machine import Machine, sections
from tests.functional.stack import MariaDB, Tenant

# Up to this section, all is done on the first host.
_LAST = "TLS"
_VOLUMES = {"web-data": b"pages", "db-data": b"rows", "mail-data": b"letters"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    """A cloud that has never heard of Backup Manager."""
    cloud = Sandbox.start(tmp_path / "cloud", venv=VENV, keystone_port=0, cinder_port=0)
    admin = cloud.connection("admin")
    admin.identity.delete_user(admin.identity.find_user("backup-manager"))
    for service in admin.identity.services(type="backup-manager"):
        admin.identity.delete_service(service)
    yield cloud
    cloud.wipe()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MariaDB]:
    """A MariaDB whose administrator has a password."""
    server = MariaDB(tmp_path / "mariadb")
    (tmp_path / "mariadb").mkdir()
    server.start()
    server.execute("ALTER USER root@localhost IDENTIFIED BY 'secret'")
    yield server
    server.stop()


@pytest.fixture
def machines(cloud: Sandbox, tmp_path: Path) -> Iterator[list[Machine]]:
    login = {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml)}
    machines = [Machine(tmp_path / name, login) for name in ("one", "two")]
    yield machines
    for machine in machines:
        machine.stop()


def _with(commands: str, **values: str) -> str:
    """The commands with what has to be changed in them."""
    for name, value in values.items():
        commands, count = re.subn(rf"(?m)^export {name}=.*$", f"export {name}={value}", commands)
        assert count == 1, name
    return commands


@pytest.mark.timeout(900)
def test_an_operator_and_then_a_tenant(
    cloud: Sandbox, server: MariaDB, machines: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = machines
    _install(cloud, server, first)
    _add_an_engine(first, second)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(first.trusted))
    _protect(cloud, first)


def _install(cloud: Sandbox, server: MariaDB, machine: Machine) -> None:
    guide = sections("install")
    printed = machine.follow(
        _with(
            "\n".join(list(guide.values())[: list(guide).index(_LAST) + 1]),
            KEYSTONE_URL=cloud.keystone_url,
            DATABASE_HOST=f"127.0.0.1:{server.port}",
            PUBLIC_URL=machine.url,
        )
    )
    file = machine.root / "etc/backup-manager/backup-manager.conf"
    assert file.stat().st_mode & 0o777 == 0o640
    passwords = re.findall(r"password = (\w{32})|manager:(\w{32})@", file.read_text())
    assert len(passwords) == 2
    for password in map("".join, passwords):
        assert password not in printed
    assert not list((machine.root / "root").iterdir()), "the administrator's login stayed"
    assert machine.units["backup-manager-api"].listening() == {machine.api_port}
    assert machine.units["backup-manager-engine"].listening() == set()

    health = machine.follow(guide["The command for its users"])
    assert health.count("| ✓  |") == 7, health


def _add_an_engine(first: Machine, second: Machine) -> None:
    # The program is the same on each host; to install it again would prove nothing more.
    (second.root / "opt").symlink_to(first.root / "opt")
    guide = sections("install")
    users = guide["The program"].partition(".[server]'\n")[2]
    assert "systemd-sysusers" in users
    second.follow(users)
    shutil.copytree(
        first.root / "etc/backup-manager", second.root / "etc/backup-manager", dirs_exist_ok=True
    )
    file = second.root / "etc/backup-manager/backup-manager.conf"
    # Two machines have names of their own, these have not.
    file.write_text(file.read_text().replace("[engine]\n", "[engine]\nhost = second\n"))
    second.follow(guide["More engines, more APIs"])
    listed = first.follow(
        "/opt/openstack-client/bin/openstack --os-cloud admin backup-manager service list"
    )
    assert "second" in listed
    assert listed.count(" up ") == 2, listed


def _protect(cloud: Sandbox, machine: Machine) -> None:
    tenant = Tenant(cloud, cloud.create_project())
    volumes = {
        name: cloud.create_volume(tenant.connection, name, data=data).id
        for name, data in _VOLUMES.items()
    }
    cloud.attach(tenant.connection, volumes["db-data"])
    guide = sections("tenant")
    path = f"{machine.root}/opt/openstack-client/bin:{machine.root}/bin:/usr/bin:/bin"
    login = {**tenant.project.environment, "PATH": path}

    before = machine.follow(guide.pop("What you have"), **login)
    assert len(re.findall(r"(?m)^\|.*✓", before)) == 3, before
    safe = list(guide).index("Are you safe?")
    for heading in list(guide)[:safe]:
        machine.follow(guide.pop(heading), **login)
    answers = machine.follow(guide.pop("Are you safe?"), **login)
    assert "|" not in answers, "a question is answered by a row"
    for commands in guide.values():
        machine.follow(commands, **login)

    (restored,) = tenant.connection.block_storage.volumes(name="db-data-back")
    assert cloud.checksum(restored.id) == cloud.checksum(volumes["db-data"])
    (schedule,) = tenant.client.schedules()
    assert sorted(schedule.volume_ids) == sorted(volumes.values())
    assert {each.status for each in tenant.backups()} == {"available"}
    assert tenant.backups(volumes["mail-data"]) == [], "the last one was named, and went"


def test_the_chinese_guide_has_the_same_commands() -> None:
    theirs = {
        line
        for page in ("install", "tenant")
        for commands in sections(page).values()
        for line in commands.splitlines()
    }
    lines = [
        line
        for commands in sections("quick.zh_CN").values()
        for line in commands.splitlines()
        if not line.startswith("#")
    ]
    assert len(lines) > 40
    assert [line for line in lines if line not in theirs] == []
