"""Starts a small cloud with Backup Manager in it, protects three volumes, and shows the result.

A real Keystone and a real Cinder, the API and one engine on SQLite, and a real Horizon on demand:
everything runs as you, on 127.0.0.1, and keeps its data in .quickstart.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import config, horizon, lifecycle, ports
from sandbox.config import DEFAULT_CINDER_PORT, DEFAULT_KEYSTONE_PORT, SandboxError, write_file
from sandbox.process import Daemon

if TYPE_CHECKING:
    from backup_manager.sdk import Proxy
    from sandbox.client import Sandbox

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_STATE_DIR = REPOSITORY / ".quickstart"
API_PORT = 8790
SCHEDULE = "quickstart"
VOLUMES = {"web-data": 1, "db-data": 2, "mail-data": 1}
IN_USE = "db-data"
_RUN_SECONDS = 120


class Places:
    """Where the quickstart keeps what it makes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sandbox = root / "sandbox"
        self.config_file = root / "backup-manager.conf"
        self.clouds_yaml = self.sandbox / "clouds.yaml"
        self.logs = root / "log"

    def daemon(self, name: str, command: Sequence[str] = ()) -> Daemon:
        return Daemon(
            name=name,
            command=[sys.executable, *command],
            environment=_environment(BACKUP_MANAGER_CONFIG_FILES=str(self.config_file)),
            directory=REPOSITORY,
            pid_file=self.root / f"{name}.pid",
            output=self.logs / f"{name}.log",
        )


def _environment(**more: str) -> dict[str, str]:
    """Without OpenStack variables of another cloud."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return kept | more


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/quickstart.sh", description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop everything and keep the data")
    parser.add_argument("--clean", action="store_true", help="stop everything, remove the data")
    parser.add_argument("--dashboard", action="store_true", help="with Horizon")
    parser.add_argument("--api-port", type=int, default=API_PORT, metavar="N")
    parser.add_argument("--keystone-port", type=int, default=DEFAULT_KEYSTONE_PORT, metavar="N")
    parser.add_argument("--cinder-port", type=int, default=DEFAULT_CINDER_PORT, metavar="N")
    parser.add_argument("--horizon-port", type=int, default=horizon.DEFAULT_PORT, metavar="N")
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, metavar="DIR")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sandbox-venv", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--dashboard-venv", type=Path, help=argparse.SUPPRESS)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    places = Places(options.state_dir.resolve())
    try:
        if options.clean:
            _clean(places)
        elif options.stop:
            _stop(places)
        elif options.check:
            _check_ports(places, options)
        else:
            _start(places, options)
    except SandboxError as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\nquickstart: interrupted; {_again(places, '--stop')} ends what runs",
            file=sys.stderr,
        )
        return 130
    return 0


# ---------------------------------------------------------------- stop


def _stop(places: Places) -> None:
    for name in ("engine", "api"):
        if places.daemon(name).stop():
            print(f"Stopped the {name}.")
    if (places.sandbox / "sandbox.json").exists():
        lifecycle.stop(places.sandbox, print)


def _clean(places: Places) -> None:
    _stop(places)
    if (places.sandbox / "sandbox.json").exists():
        lifecycle.wipe(places.sandbox, print)
    for path in (places.config_file, *places.root.glob("backup-manager.sqlite*")):
        path.unlink(missing_ok=True)
    shutil.rmtree(places.logs, ignore_errors=True)
    if places.root.exists() and not any(places.root.iterdir()):
        places.root.rmdir()
    print(f"Removed the data in {places.root}. The virtual environments stay in .venvs.")


# ---------------------------------------------------------------- start


def _check_ports(places: Places, options: argparse.Namespace) -> None:
    """Say at once which port is taken, and by whom."""
    wanted = {"api-port": options.api_port} if places.daemon("api").pid is None else {}
    if not (places.sandbox / "sandbox.json").exists():
        wanted |= {"keystone-port": options.keystone_port, "cinder-port": options.cinder_port}
    if options.dashboard and not _has_horizon(places):
        wanted["horizon-port"] = options.horizon_port
    for option, port in wanted.items():
        try:
            ports.hold(port).close()
        except OSError as error:
            raise SandboxError(
                f"Port {port} is in use by {ports.holder(port) or 'another process'}. "
                f"End that, or choose another port with --{option} N."
            ) from error


def _has_horizon(places: Places) -> bool:
    if not (places.sandbox / "sandbox.json").exists():
        return False
    return lifecycle.server(config.load(places.sandbox), lifecycle.HORIZON).pid is not None


def _start(places: Places, options: argparse.Namespace) -> None:
    from sandbox.client import Sandbox

    began = time.monotonic()
    _check_ports(places, options)
    places.logs.mkdir(parents=True, exist_ok=True)
    _step("Starting a cloud: Keystone and Cinder")
    sandbox = Sandbox.start(
        places.sandbox,
        report=_indented,
        venv=options.sandbox_venv.resolve(),
        keystone_port=options.keystone_port,
        cinder_port=options.cinder_port,
    )
    _step("Starting Backup Manager: the database, the API and an engine")
    url = _start_service(places, sandbox, options.api_port)
    if options.dashboard:
        _step("Starting Horizon with the panels of Backup Manager")
        sandbox.start_horizon(options.dashboard_venv, options.horizon_port)
        _indented(f"Running: Horizon http://127.0.0.1:{options.horizon_port}")
    _step("Filling three volumes of the project demo, one of them in use")
    with sandbox.connection("demo") as connection:
        from backup_manager import sdk

        volume_ids = _volumes(sandbox, connection)
        client = sdk.attach(connection)
        run_id = _protect(client, volume_ids)
        _follow(client, run_id)
    _show(places, run_id)
    _next(places, url, time.monotonic() - began)
    if options.dashboard:
        _look(options.horizon_port)


def _step(text: str) -> None:
    print(f"== {text}", flush=True)


def _indented(text: str) -> None:
    print(f"   {text}", flush=True)


def _start_service(places: Places, sandbox: Sandbox, port: int) -> str:
    """Bring up API and engine on SQLite; returns the URL of the API."""
    write_file(places.config_file, _configuration(places, sandbox))
    _manage(places, "db", "sync")
    url = f"http://127.0.0.1:{port}"
    api = places.daemon(
        "api",
        ["-m", "gunicorn", "-c", "python:backup_manager.wsgi.gunicorn"]
        + ["--bind", f"127.0.0.1:{port}"],
    )
    engine = places.daemon(
        "engine", ["-m", "backup_manager.cmd.engine", "--config-file", str(places.config_file)]
    )
    for daemon in (api, engine):
        if daemon.pid is None:
            daemon.start()
    api.wait_until_healthy(f"{url}/healthcheck", 60)
    sandbox.register_endpoint(url)
    if engine.pid is None:
        raise SandboxError(f"The engine ended while it started. Its output is in {engine.output}.")
    _indented(f"API {url}, logs in {places.logs}")
    return url


def _configuration(places: Places, sandbox: Sandbox) -> str:
    return f"""# Written at each start by the quickstart.
[database]
connection = sqlite:///{places.root / "backup-manager.sqlite"}
[keystone_authtoken]
auth_type = password
auth_url = {sandbox.keystone_url}
www_authenticate_uri = {sandbox.keystone_url}
username = backup-manager
password = backup-manager
project_name = service
user_domain_id = default
project_domain_id = default
interface = public
[engine]
track_interval = 1
"""


def _manage(places: Places, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backup_manager.cmd.manage"]
        + ["--config-file", str(places.config_file), *arguments],
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"backup-manager-manage {' '.join(arguments)} failed:\n{done.stderr}")
    _indented(done.stdout.strip())


def _volumes(sandbox: Sandbox, connection: Any) -> list[str]:
    """Ids of the volumes, made and filled where they are missing."""
    existing = {volume.name: volume for volume in connection.block_storage.volumes()}
    ids = []
    for name, size in VOLUMES.items():
        volume = existing.get(name)
        if volume is None:
            volume = sandbox.create_volume(connection, name, size)
            if name == IN_USE:
                sandbox.attach(connection, volume.id)
            _indented(f"{name}: {size} GB, {'in use' if name == IN_USE else 'available'}")
        # New content each time, so that the next backup has something to do.
        sandbox.write_volume(volume.id, f"{name} at {datetime.now(timezone.utc)}\n".encode() * 999)
        ids.append(volume.id)
    return ids


def _protect(client: Proxy, volume_ids: list[str]) -> str:
    """Have the schedule fire; returns the id of the run."""
    found = [schedule for schedule in client.schedules() if schedule.name == SCHEDULE]
    if found:
        _step(f"The schedule '{SCHEDULE}' exists: running it now, which makes incremental backups")
        return str(client.run_schedule(found[0]).id)
    at = datetime.now(timezone.utc) + timedelta(seconds=62)
    _step(f"Creating the schedule '{SCHEDULE}': daily at {at:%H:%M} UTC, incremental")
    schedule = client.create_schedule(
        SCHEDULE,
        {"type": "daily", "time": f"{at:%H:%M}"},
        volume_ids,
        timezone="UTC",
        backup_type="incremental",
        description="Made by the quickstart",
    )
    due = at.replace(second=0, microsecond=0)
    _indented(f"It fires in {(due - datetime.now(timezone.utc)).total_seconds():.0f} seconds")
    runs = _poll(
        lambda: list(client.runs(schedule_id=schedule.id)),
        lambda: f"fires in {max(0, (due - datetime.now(timezone.utc)).total_seconds()):.0f} s",
        90,
        "The schedule did not fire",
    )
    return str(runs[0].id)


def _follow(client: Proxy, run_id: str) -> None:
    """Show the progress of the run until it ends."""
    last: dict[str, int] = {}

    def progress() -> str:
        done = sum(last.get(name, 0) for name in ("succeeded", "failed", "skipped", "expired"))
        return f"{done} of {last.get('total', 0)} volumes done, {last.get('running', 0)} running"

    def finished() -> Any:
        run = client.get_run(run_id)
        last.update(run.counts)
        return run if run.is_finished else None

    run = _poll(finished, progress, _RUN_SECONDS, "The run did not finish")
    _indented(f"{progress()}: {run.status}")
    if not run.is_successful:
        raise SandboxError(f"The run {run_id} ended as {run.status}; see the log of the engine.")


def _poll(
    look: Callable[[], Any], progress: Callable[[], str], seconds: float, otherwise: str
) -> Any:
    """Look until there is something; on a terminal one line shows the progress in place."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SandboxError(
                f"{otherwise} within {seconds:.0f} seconds; see the log of the engine."
            )
        if sys.stdout.isatty():
            print(f"\r   {progress()}   ", end="", flush=True)
        time.sleep(0.5)
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    return found


# ---------------------------------------------------------------- result


def _openstack(places: Places, command: str) -> str:
    """What the command prints, as the user demo."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("openstack")), *command.split()],
        env=_environment(OS_CLIENT_CONFIG_FILE=str(places.clouds_yaml), OS_CLOUD="demo")
        | {"CLIFF_MAX_TERMINAL_WIDTH": "200", "PYTHONWARNINGS": "ignore"},
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"openstack {command} failed:\n{done.stderr}")
    return done.stdout


def _show(places: Places, run_id: str) -> None:
    commands = [
        "backup-manager schedule list",
        "backup-manager run list",
        f"backup-manager run show {run_id}",
        "backup-manager backup list",
    ]
    # Each start of the client takes a second; they don't depend on each other.
    with ThreadPoolExecutor(len(commands)) as pool:
        answers = pool.map(lambda command: _openstack(places, command), commands)
        for command, answer in zip(commands, answers, strict=True):
            print(f"\n$ openstack {command}\n{answer}", end="", flush=True)


def _next(places: Places, url: str, seconds: float) -> None:
    binary = Path(sys.executable).parent
    print(f"""
Everything is running ({seconds:.0f} s). Go on with:

  export OS_CLIENT_CONFIG_FILE={_short(places.clouds_yaml)} OS_CLOUD=demo
  export PATH=$PWD/{_short(binary)}:$PATH
  openstack backup-manager volume list
  openstack backup-manager schedule preview {SCHEDULE}
  openstack backup-manager backup create web-data --incremental --wait
  openstack backup-manager schedule run {SCHEDULE} --wait
  openstack --os-cloud admin backup-manager service list
  curl {url}/

Stop it: {_again(places, "--stop")}     Remove its data: {_again(places, "--clean")}""")


def _look(port: int) -> None:
    print(f"""
Open http://127.0.0.1:{port}/ and log in as demo, as reader (may only look) or as admin; the
password is the name. The panels are under Project > Backup Manager.""")


def _again(places: Places, option: str) -> str:
    """This command for the same cloud."""
    where = "" if places.root == DEFAULT_STATE_DIR else f" --state-dir {_short(places.root)}"
    return f"tools/quickstart.sh{where} {option}"


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(REPOSITORY))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
