"""Backup Manager for one project of somebody else's cloud.

Runs API and engine in the foreground, on this machine only, with your own credentials and a
SQLite file. Nothing is needed from the cloud's operator.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import openstack.config
from keystoneauth1 import exceptions as ks_exceptions
from openstack import exceptions as sdk_exceptions

from backup_manager import conf, exceptions
from backup_manager.db import migration
from backup_manager.db import session as db_session

DEFAULT_PORT = 8790
_OVERRIDE = "backup_manager_endpoint_override"
_START_TIMEOUT = 60
_STOP_TIMEOUT = 90


class PersonalError(Exception):
    """What stands in the way, and what to do."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup-manager-personal", description=__doc__)
    parser.add_argument(
        "--os-cloud",
        metavar="NAME",
        default=os.environ.get("OS_CLOUD"),
        help="entry of clouds.yaml with your credentials (default: the variable OS_CLOUD)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="port of the API on this machine (default: %(default)s)",
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="where database and logs go (default: ~/.local/state/backup-manager/NAME)",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    # Database and logs are for nobody else, also below a directory that others may enter.
    os.umask(0o077)
    try:
        cloud = _cloud(chosen.os_cloud)
        _require_free_port(chosen.port)
        state = chosen.state_dir or _default_state(cloud.name)
        config_file = _prepare(state)
        environment = _environment(cloud, config_file)
        return _run(cloud, state, config_file, environment, chosen.port)
    except (PersonalError, exceptions.BackupManagerError) as error:
        print(f"backup-manager-personal: {error}", file=sys.stderr)
        return 1


def _cloud(name: str | None) -> Any:
    """The entry of clouds.yaml, after a login with it."""
    if not name:
        raise PersonalError("say which entry of clouds.yaml to use: --os-cloud NAME")
    try:
        cloud = openstack.config.OpenStackConfig().get_one(cloud=name)
        cloud.get_session().get_token()
    except sdk_exceptions.ConfigException as error:
        raise PersonalError(str(error)) from error
    except (AttributeError, TypeError) as error:
        raise PersonalError(
            "clouds.yaml is not made as it has to be: below 'clouds' is a name, and below that is "
            "'auth' with auth_url, username and the like"
        ) from error
    except ks_exceptions.ClientException as error:
        raise PersonalError(f"no login with the entry {name} of clouds.yaml: {error}") from error
    return cloud


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PersonalError(
                f"port {port} of 127.0.0.1 is in use; choose another one with --port"
            ) from error


def _default_state(name: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "backup-manager" / name


def _prepare(state: Path) -> Path:
    """Make the state directory, its configuration (without any secret) and the database."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    config_file = state / "backup-manager.conf"
    config_file.write_text(
        "# Written at each start by backup-manager-personal.\n"
        f"[database]\nconnection = sqlite:///{state / 'backup-manager.sqlite'}\n"
        "[delegation]\nmode = self\n"
        "[oslo_middleware]\nenable_proxy_headers_parsing = false\n"
    )
    db_session.configure(conf.load(config_files=[str(config_file)]))
    migration.sync()
    db_session.engine().dispose()
    return config_file


def _environment(cloud: Any, config_file: Path) -> dict[str, str]:
    """Credentials for the children: in their environment, so that no file repeats them.

    oslo.config reads OS_<GROUP>__<OPTION>; it would take a single $ for a reference.
    """
    auth = {"auth_type": cloud.config["auth_type"], **cloud.config["auth"]}
    verify, _ = cloud.get_requests_verify_args()
    tls = {"insecure": str(verify is False), "cafile": verify if isinstance(verify, str) else None}
    place = {"region_name": cloud.get_region_name() or None, "interface": cloud.get_interface()}
    groups: dict[str, Mapping[str, Any]] = {
        "keystone_authtoken": {**auth, **tls, **place},
        "service_credentials": tls,
        "cinder": {**place, "endpoint_override": cloud.get_endpoint("block-storage")},
    }
    environment = {
        # A clouds.yaml entry is all that is meant; stray variables must not mix in.
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OS_")
    }
    for group, options in groups.items():
        for option, value in options.items():
            if value is not None:
                environment[f"OS_{group}__{option}".upper()] = str(value).replace("$", "$$")
    environment["BACKUP_MANAGER_CONFIG_FILES"] = str(config_file)
    return environment


def _run(
    cloud: Any, state: Path, config_file: Path, environment: Mapping[str, str], port: int
) -> int:
    url = f"http://127.0.0.1:{port}"
    api = ["-m", "gunicorn", "-c", "python:backup_manager.wsgi.gunicorn"]
    api += ["--bind", f"127.0.0.1:{port}"]
    engine = ["-m", "backup_manager.cmd.engine", "--config-file", str(config_file)]
    children: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for name, command in (("api", api), ("engine", engine)):
            children[name] = _start(state / f"{name}.log", command, environment)
        _wait_until_ready(children, state, port)
        _welcome(cloud, url, state)
        while True:
            _check_alive(children, state)
            time.sleep(0.5)
    except KeyboardInterrupt:
        print("Stopping; backups under way go on in Cinder and are looked after at the next start.")
        return 0
    finally:
        _stop(children.values())


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _start(
    log: Path, command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C goes to this process alone, which then stops the children in order.
            start_new_session=True,
        )


def _welcome(cloud: Any, url: str, state: Path) -> None:
    print(f"Backup Manager for project {cloud.config['auth'].get('project_name') or cloud.name}")
    print(f"  API     {url}   (database and logs: {state})")
    if cloud.config.get(_OVERRIDE) != url:
        print(f"  Add this line to the entry '{cloud.name}' of your clouds.yaml:")
        print(f"    {_OVERRIDE}: {url}")
    print(f"  Try     openstack --os-cloud {cloud.name} backup-manager volume list")
    print("  Schedules run while this command runs. Ctrl-C stops it.", flush=True)


def _check_alive(children: Mapping[str, subprocess.Popen[bytes]], state: Path) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise PersonalError(
                f"the {name} ended with code {child.returncode}; see {state / name}.log"
            )


def _wait_until_ready(
    children: Mapping[str, subprocess.Popen[bytes]], state: Path, port: int
) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        _check_alive(children, state)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise PersonalError(f"the API does not answer; see {state / 'api.log'}")


def _stop(children: Any) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _STOP_TIMEOUT
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


if __name__ == "__main__":
    sys.exit(main())
