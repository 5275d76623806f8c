"""The DevStack plugin, run by bash as stack.sh does, on stand-ins for DevStack's functions.

Each stand-in notes its call, refuses a number of arguments that the real one does not take, and
shows its passwords to the trace as the real ones do. What the plugin does itself is done: files
are copied, and in one test the database is made by the real command.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from backup_manager import conf

_REPOSITORY = Path(__file__).parents[2]
_HELPERS = yaml.safe_load((_REPOSITORY / "tests" / "unit" / "devstack_helpers.yaml").read_text())
# A checkout of DevStack, for whoever has one.
_TREE = os.environ.get("DEVSTACK_DIR", "")
_SECRETS = ("database-password", "service-password")
_ALL = "backup-manager-api backup-manager-engine horizon tempest"
_PHASES = ["stack install", "stack post-config", "stack extra", "stack test-config"]

# What a stand-in does beside noting its call.
_DEEDS = {
    "iniset": 'printf "[%s]\\n%s = %s\\n" "$2" "$3" "$4" >>"$1"',
    "is_service_enabled": 'for name; do [[ " $ENABLED " = *" $name "* ]] && return 0; done; '
    "return 1",
    "get_python_exec_prefix": 'echo "$BIN"',
    "database_connection_url": 'echo "sqlite:///$ROOT/$1.sqlite?charset=utf8&password=$DB_SECRET"',
    "recreate_database": ': mysql "-p$DB_SECRET"; rm -f "$ROOT/$1.sqlite"',
    "create_service_user": ': openstack user create --password "$SERVICE_SECRET"',
    "configure_keystone_authtoken_middleware": 'iniset "$1" keystone_authtoken password '
    '"$SERVICE_SECRET"; iniset "$1" keystone_authtoken username "$2"',
    "write_uwsgi_config": 'rm -f "$1"; iniset "$1" uwsgi module "$2"',
    "remove_uwsgi_config": 'rm -f "$1"',
    "echo_summary": 'echo "$1"',
    "wait_for_service": 'return "${WAIT_RESULT:-0}"',
    "die": "exit 3",
}


def _stand_ins() -> str:
    lines = []
    for name, (fewest, most, _) in _HELPERS.items():
        lines += [
            f"function {name} {{",
            f"    if [ $# -lt {fewest} ] || [ $# -gt {most} ]; then",
            f'        echo "{name} was called with $# arguments: $*" >&2; exit 4',
            "    fi",
            f'    echo "{name} ${{*@Q}}" >>"$CALLS"',
            f"    {_DEEDS.get(name, ':')}",
            "}",
        ]
    return "\n".join(lines)


class DevStack:
    """A directory that looks like one where stack.sh runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls_file = root / "calls"
        self.conf = root / "etc" / "backup-manager.conf"
        self.horizon = root / "horizon" / "openstack_dashboard" / "local"
        for name in ("enabled", "local_settings.d"):
            (self.horizon / name).mkdir(parents=True)
        self.bin = root / "bin"
        self.bin.mkdir()
        manage = self.bin / "backup-manager-manage"
        manage.write_text('#!/bin/sh\necho "backup-manager-manage $*" >>"$CALLS"\n')
        manage.chmod(0o755)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(_REPOSITORY),
            "CALLS": str(self.calls_file),
            "ROOT": str(self.root),
            "BIN": str(self.bin),
            "DB_SECRET": _SECRETS[0],
            "SERVICE_SECRET": _SECRETS[1],
            "DEST": str(self.root),
            "BACKUP_MANAGER_DIR": str(_REPOSITORY),
            "BACKUP_MANAGER_CONF_DIR": str(self.conf.parent),
            "HORIZON_DIR": str(self.root / "horizon"),
            "TEMPEST_CONFIG": str(self.root / "tempest.conf"),
            "STACK_USER": str(os.getuid()),
            "SERVICE_PROTOCOL": "http",
            "SERVICE_HOST": "192.0.2.7",
            "REGION_NAME": "RegionOne",
            "SERVICE_TIMEOUT": "60",
            "ENABLE_DEBUG_LOG_LEVEL": "True",
        }

    def run(
        self, *modes: str, services: str = _ALL, expect: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Source the plugin once for each mode, traced and strict as stack.sh is."""
        lines = [
            "set -o errexit -o nounset",
            _stand_ins(),
            'function sudo { "$@"; }',
            "function which { echo /usr/bin/$1; }",
            f"source {shlex.quote(str(_REPOSITORY / 'devstack' / 'settings'))}",
            f"ENABLED={shlex.quote(services)}",
            "set -o xtrace",
            *(f"source {shlex.quote(str(_REPOSITORY))}/devstack/plugin.sh {m}" for m in modes),
        ]
        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)],
            env={**self._environment(), **variables},
            cwd=self.root,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done

    def calls(self) -> list[str]:
        """The calls since the last look, without those that only ask."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        asking = ("is_service_enabled", "get_python_exec_prefix", "echo_summary", "iniset")
        return [line.replace("'", "") for line in lines if not line.startswith(asking)]

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.suffix not in (".sqlite", "")
        }


@pytest.fixture
def devstack(tmp_path: Path) -> DevStack:
    return DevStack(tmp_path)


def test_each_phase_calls_what_it_should(devstack: DevStack) -> None:
    settings = "enable_service backup-manager-api backup-manager-engine"
    uwsgi = devstack.conf.parent / "backup-manager-api-uwsgi.ini"
    expected = {
        "stack install": [f"setup_develop {_REPOSITORY} server"],
        "stack post-config": [
            f"setup_logging {devstack.conf}",
            "database_connection_url backup_manager",
            f"configure_keystone_authtoken_middleware {devstack.conf} backup-manager",
            f"write_uwsgi_config {uwsgi} backup_manager.wsgi.api:application /backup-manager  "
            "backup-manager-api",
        ],
        "stack extra": [
            "create_service_user backup-manager",
            "get_or_create_service backup-manager backup-manager Backup Manager",
            "get_or_create_endpoint backup-manager RegionOne http://192.0.2.7/backup-manager",
            "recreate_database backup_manager",
            f"backup-manager-manage --config-file {devstack.conf} db sync",
            "run_process backup-manager-api "
            f"/usr/bin/uwsgi --procname-prefix backup-manager-api --ini {uwsgi}",
            "wait_for_service 60 http://192.0.2.7/backup-manager/healthcheck",
            f"run_process backup-manager-engine {devstack.bin}/backup-manager-engine "
            f"--config-file {devstack.conf}",
        ],
        "stack test-config": [],
        "unstack": ["stop_process backup-manager-engine", "stop_process backup-manager-api"],
        "clean": [f"remove_uwsgi_config {uwsgi} backup-manager-api"],
    }
    for mode, calls in expected.items():
        devstack.run(mode)
        assert devstack.calls() == [settings, *calls], mode


def test_the_configuration_is_one_that_the_service_reads(devstack: DevStack) -> None:
    devstack.run(*_PHASES, BIN=str(Path(sys.executable).parent))
    options = conf.load(config_files=[str(devstack.conf)])
    assert options.database.connection.endswith(
        "/backup_manager.sqlite?charset=utf8mb4&password=database-password"
    )
    assert options.cinder.region_name == "RegionOne"
    assert options.debug is True
    assert (devstack.root / "backup_manager.sqlite").exists()
    assert devstack.conf.stat().st_mode & 0o777 == 0o640
    uwsgi = (devstack.conf.parent / "backup-manager-api-uwsgi.ini").read_text()
    module = uwsgi.partition("module = ")[2].split(":")[0]
    assert find_spec(module) is not None
    assert f"env = BACKUP_MANAGER_CONFIG_FILES={devstack.conf}\n" in uwsgi


def test_the_panels_come_with_horizon_and_go(devstack: DevStack) -> None:
    package = _REPOSITORY / "backup_manager_dashboard"
    names = sorted(
        f"{folder}/{path.name}"
        for folder in ("enabled", "local_settings.d")
        for path in (package / folder).glob("_*.py")
        if path.name != "__init__.py"
    )
    assert names

    def installed() -> list[str]:
        return sorted(str(path.relative_to(devstack.horizon)) for path in _files(devstack.horizon))

    devstack.run("stack post-config", services="backup-manager-api backup-manager-engine")
    assert installed() == []
    devstack.run("stack post-config")
    assert installed() == names
    devstack.run("unstack", "clean")
    assert installed() == []
    assert not devstack.conf.parent.exists()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_second_run_gives_the_same(devstack: DevStack) -> None:
    devstack.run(*_PHASES)
    # This one is Tempest's, which DevStack writes anew.
    (devstack.root / "tempest.conf").unlink()
    calls, files = devstack.calls(), devstack.files()
    devstack.run("unstack", *_PHASES)
    assert [call for call in devstack.calls() if not call.startswith("stop_process")] == calls
    (devstack.root / "tempest.conf").unlink()
    assert devstack.files() == files


def test_no_password_is_shown(devstack: DevStack) -> None:
    done = devstack.run(*_PHASES, "unstack", "clean")
    shown = done.stdout + done.stderr
    for secret in _SECRETS:
        assert secret not in shown
    # The trace is on for all the rest, and on again after what is not shown.
    assert "+ setup_develop" in shown
    assert "+ get_or_create_service" in shown
    assert shown.rstrip().endswith("_9010_backup_manager.py")


def test_a_host_with_an_engine_only(devstack: DevStack) -> None:
    devstack.run(*_PHASES, services="backup-manager-engine")
    names = {call.split()[0] for call in devstack.calls()}
    assert "run_process" in names
    assert not names & {"write_uwsgi_config", "recreate_database", "create_service_user"}


def test_nothing_is_done_where_it_is_disabled(devstack: DevStack) -> None:
    devstack.run(*_PHASES, "unstack", "clean", services="horizon tempest")
    assert [call.split()[0] for call in devstack.calls()] == ["enable_service"]


def test_an_api_that_does_not_start_ends_the_run(devstack: DevStack) -> None:
    devstack.run("stack post-config", "stack extra", WAIT_RESULT="1", expect=3)
    assert devstack.calls()[-1] == "die " + devstack_line() + " backup-manager-api did not start"


def devstack_line() -> str:
    """The line of the plugin that gives up."""
    lines = (_REPOSITORY / "devstack" / "plugin.sh").read_text().splitlines()
    return str(next(n for n, line in enumerate(lines, 1) if line.strip().startswith("die ")))


@pytest.mark.skipif(not _TREE, reason="DEVSTACK_DIR names no tree; the record stands for it")
def test_devstack_has_every_recorded_helper() -> None:
    missing = [
        f"{name} in {file}"
        for name, (*_, file) in _HELPERS.items()
        if not re.search(
            rf"^(function )?{name} *(\(\))? *{{", (Path(_TREE) / file).read_text(), re.MULTILINE
        )
    ]
    assert missing == []


@pytest.mark.parametrize("name", _HELPERS)
def test_every_recorded_helper_is_used(name: str) -> None:
    texts = [(_REPOSITORY / "devstack" / file).read_text() for file in ("plugin.sh", "settings")]
    assert any(name in text for text in texts)
