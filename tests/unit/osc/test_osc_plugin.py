"""How the shell finds the commands, and the commands the service."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil

import pytest
from osc_lib.command import command

from backup_manager.osc import v1
from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import FakeCloud

GROUP = "openstack.backup_manager.v1"


def _registered() -> dict[str, importlib.metadata.EntryPoint]:
    points = importlib.metadata.entry_points()
    select = getattr(points, "select", None)
    found = select(group=GROUP) if select else points.get(GROUP, [])
    return {point.name.replace("_", " "): point for point in found}


def _commands() -> set[type]:
    """The classes that are commands: those that no other one builds on."""
    found = set()
    for module in pkgutil.iter_modules(v1.__path__, v1.__name__ + "."):
        for _, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(value, command.Command) and not value.__subclasses__():
                found.add(value)
    return found


def test_every_command_is_registered() -> None:
    assert {point.load() for point in _registered().values()} == _commands()
    assert len(_commands()) > 20


def test_names() -> None:
    for name, point in _registered().items():
        service, noun, *words = name.split(" ")
        assert service == "backup-manager"
        verb, more = words[:1], words[1:]
        expected = "".join(map(str.capitalize, (*verb, noun, *more)))
        # A noun that stands alone says what is done to it in the name of its class only.
        assert point.value.endswith(f":{expected}" if verb else expected)


@pytest.mark.parametrize("name", sorted(_registered()))
def test_help(openstack: Openstack, name: str) -> None:
    result = openstack(f"help {name}")
    description = inspect.getdoc(_registered()[name].load())
    assert result.code == 0
    assert description
    assert description.split(".")[0][:40] in " ".join(result.out.split())


def test_complete(openstack: Openstack) -> None:
    script = openstack("complete").out
    nouns = sorted({name.split(" ")[1] for name in _registered()})
    assert f"cmds_backup_manager='{' '.join(nouns)}'" in script
    assert "--weekly" in script


def test_not_in_the_catalog(openstack: Openstack, cloud: FakeCloud) -> None:
    cloud.in_catalog = False
    result = openstack("backup-manager volume list")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "set backup_manager_endpoint_override in clouds.yaml" in result.err


@pytest.mark.parametrize("where", ["clouds.yaml", "environment", "option"])
def test_endpoint_override(
    openstack: Openstack,
    cloud: FakeCloud,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    where: str,
) -> None:
    cloud.in_catalog = False
    path = tmp_path_factory.mktemp("config") / "clouds.yaml"
    path.write_text(_clouds_yaml(cloud, cloud.endpoint if where == "clouds.yaml" else ""))
    for name in ("AUTH_URL", "USERNAME", "PASSWORD", "PROJECT_NAME"):
        monkeypatch.delenv(f"OS_{name}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    monkeypatch.setenv("OS_CLOUD", "mine")
    if where == "environment":
        monkeypatch.setenv("OS_BACKUP_MANAGER_ENDPOINT_OVERRIDE", cloud.endpoint)
    options = ["--os-backup-manager-endpoint-override", cloud.endpoint]
    command = ["backup-manager", "volume", "list", "-f", "json"]
    result = openstack(*(options if where == "option" else []), *command)
    assert result.json == []


def _clouds_yaml(cloud: FakeCloud, override: str) -> str:
    return (
        "clouds:\n"
        "  mine:\n"
        "    auth: {username: demo, password: secret, project_name: demo,\n"
        "           user_domain_id: default, project_domain_id: default,\n"
        f"           auth_url: '{cloud.url}/identity/v3'}}\n"
        f"    backup_manager_endpoint_override: '{override}'\n"
    )


def test_no_request_but_the_one_needed(openstack: Openstack, cloud: FakeCloud) -> None:
    openstack("backup-manager volume list")
    assert [(method, path) for method, path, _, _ in cloud.requests] == [("GET", "/v1/volumes")]
