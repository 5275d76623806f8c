"""The commands beside the libraries of the oldest and of the newest release, from the wheel."""

from __future__ import annotations

import json
import re
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tests.functional.conftest import CLIENT_VENVS
from tests.functional.stack import REPOSITORY, Stack, Tenant, once
from tests.functional.test_commands import Shell

releases = pytest.mark.parametrize("release", CLIENT_VENVS)


def _program(release: str, name: str = "openstack") -> Path:
    path = CLIENT_VENVS[release] / "bin" / name
    assert path.exists(), f"{path} is missing; tools/run_tests.sh makes it"
    return path


def _commands() -> set[str]:
    parser = RawConfigParser()
    parser.read(REPOSITORY / "setup.cfg")
    lines = parser["entry_points"]["openstack.backup_manager.v1"].split("\n")
    return {line.partition(" = ")[0].replace("_", " ") for line in lines if line}


@releases
def test_nothing_of_the_server_came_along(release: str) -> None:
    script = (
        "from importlib import metadata, util; print(metadata.version('openstacksdk'), "
        "*[n for n in ('flask', 'sqlalchemy', 'oslo_db', 'alembic') if util.find_spec(n)])"
    )
    done = subprocess.run(
        [_program(release, "python"), "-c", script],
        text=True, capture_output=True, check=True, cwd="/",
    )  # fmt: skip
    oldest = done.stdout.startswith("3.0.0")
    assert (len(done.stdout.split()), oldest) == (1, release == "2024.1")


@releases
def test_all_commands_are_listed(release: str, tmp_path: Path) -> None:
    shell = Shell({}, tmp_path, _program(release))
    shown = shell.run("--help").stdout
    assert set(re.findall(r"^  (backup-manager .*)$", shown, re.MULTILINE)) == _commands()


@once
@releases
def test_they_work(stack: Stack, tenant: Tenant, tmp_path: Path, release: str) -> None:
    (volume_id,) = tenant.volumes(1)
    shell = Shell(tenant.project.environment, tmp_path, _program(release))
    done = shell.run(f"backup create {volume_id} --wait -f json")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    run = json.loads(done.stdout)
    (backup,) = shell.json("backup list")
    assert (run["status"], run["backups"]) == ("succeeded", [backup["ID"]])
    assert (backup["Volume"], backup["Status"]) == ("volume-0", "available")
    assert "created" in shell.run("schedule create s --daily 02:00 --volume volume-0").stdout
    assert shell.refused("schedule show nothing") == "No schedule has the name or ID 'nothing'"
