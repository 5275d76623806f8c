"""Start, stop and wipe a sandbox, and a Horizon over it. Needs nothing but the standard library."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Unpack

from sandbox import config, identity, ports, venv
from sandbox.config import Options, SandboxError, Settings
from sandbox.horizon import DEFAULT_PAGE_SIZE, Horizon
from sandbox.locking import locked
from sandbox.process import Daemon, answers

Report = Callable[[str], None]

# In the order of starting; stopped in reverse.
SERVERS = "keystone", "cinder"
HORIZON = "horizon"
# Settings that Keystone doesn't care about.
_CINDER_ONLY = {"backup_dir", "backup_service", "cinder_port"}

_START_SECONDS = 180.0
# Another start may be installing packages meanwhile.
_LOCK_SECONDS = 2000.0


def server(settings: Settings, name: str, descriptor: int = -1) -> Daemon:
    """One of SERVERS. The descriptor is the listening socket, needed only to start it."""
    environment = _environment(config.REPOSITORY)
    environment["OS_KEYSTONE_CONFIG_FILES"] = str(settings.config_dir / "keystone.conf")
    environment["OS_CINDER_DISABLE_EVENTLET_PATCHING"] = "1"
    return _daemon(settings, name, settings.venv, descriptor, environment)


def horizon_server(horizon: Horizon, descriptor: int = -1) -> Daemon:
    """The same for Horizon."""
    environment = _environment(horizon.modules)
    return _daemon(horizon.settings, HORIZON, horizon.venv, descriptor, environment)


def _daemon(
    settings: Settings,
    name: str,
    packages: Path,
    descriptor: int,
    environment: dict[str, str],
) -> Daemon:
    return Daemon(
        name=name,
        command=[
            str(venv.python(packages)),
            # Modules come from PYTHONPATH, not from the working directory.
            "-P",
            "-m",
            f"sandbox.{name}_server",
            str(settings.state_dir),
            str(descriptor),
        ],
        environment=environment,
        directory=settings.state_dir,
        pid_file=settings.run_dir / f"{name}.pid",
        output=settings.log_dir / f"{name}.out",
    )


def health_url(settings: Settings, name: str) -> str:
    """The URL that answers 200 once a server does its work."""
    if name == "keystone":
        return settings.keystone_url
    return f"{settings.cinder_root}/healthcheck"


def healthy(settings: Settings, name: str) -> bool:
    return answers(health_url(settings, name))


def start(state_dir: Path, report: Report, **options: Unpack[Options]) -> Settings:
    """Bring up what isn't running. What is started is stopped again when something fails."""
    if not _lock_file(state_dir).exists():
        # Before even a lock file is left in a directory of others.
        _check_directory(state_dir)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(state_dir, report):
        _check_directory(state_dir)
        settings = config.resolve(state_dir, options)
        missing = [name for name in SERVERS if server(settings, name).pid is None]
        _check_changes(settings, missing)
        state = "Running"
        if not missing and _ready_mark(settings).exists():
            state = "Already running"
        else:
            with _held_ports(settings, missing) as sockets:
                venv.ensure(settings.venv, report)
                _prepare(settings)
                _run(settings, sockets, report)
        report(f"{state}: Keystone {settings.keystone_url}, Cinder {settings.cinder_url}")
        return settings


def start_horizon(
    state_dir: Path, report: Report, *, venv: Path, port: int, page_size: int = DEFAULT_PAGE_SIZE
) -> Horizon:
    """Start a Horizon over a sandbox that runs, anew if one runs already.

    :param venv: where Horizon, the plugin, waitress and whitenoise are installed
    :param port: where it listens; AUTO_PORT finds a free one
    :param page_size: the rows of a page
    """
    settings = config.load(state_dir)
    with _alone(settings.state_dir, report):
        horizon = Horizon(settings, venv.resolve(), port or ports.free_port(), page_size)
        horizon_server(horizon).stop()
        with _hold(HORIZON, horizon.port) as held:
            horizon.prepare()
            daemon = horizon_server(horizon, held.fileno())
            report("Starting Horizon ...")
            try:
                daemon.start(held.fileno())
                daemon.wait_until_healthy(horizon.health_url, _START_SECONDS)
            except BaseException:
                daemon.stop()
                raise
    report(f"Running: Horizon {horizon.url}")
    return horizon


def stop(state_dir: Path, report: Report) -> None:
    """Stop all servers; fine when they aren't running."""
    settings = config.load(state_dir)
    with _alone(settings.state_dir, report):
        _stop(settings, report)


def wipe(state_dir: Path, report: Report, *, with_venv: bool = False) -> None:
    """Stop, then remove all that `start` made. A shared venv or backup directory stays."""
    settings = config.load(state_dir)
    with _alone(settings.state_dir, report):
        _stop(settings, report)
        for directory in settings.own_directories:
            if directory.exists():
                shutil.rmtree(directory)
        settings.clouds_yaml.unlink(missing_ok=True)
        if with_venv and venv.is_ours(settings.venv):
            shutil.rmtree(settings.venv)
            settings.venv.with_name(f"{settings.venv.name}.lock").unlink(missing_ok=True)
        # Last, so that an interrupted wipe can be repeated.
        config.settings_file(settings.state_dir).unlink()
        _lock_file(settings.state_dir).unlink()
    with contextlib.suppress(OSError):
        settings.state_dir.rmdir()
    report(f"Wiped {settings.state_dir}")


def _check_directory(state_dir: Path) -> None:
    """Refuse a directory with other things in it, for wipe would have to tell them apart."""
    if not state_dir.is_dir() or config.settings_file(state_dir).exists():
        return
    harmless = {_lock_file(state_dir).name, "venv", "venv.lock"}
    others = sorted(entry.name for entry in state_dir.iterdir() if entry.name not in harmless)
    if others:
        raise SandboxError(
            f"{state_dir} is neither empty nor a sandbox (it has {', '.join(others[:3])}): "
            "choose another --state-dir."
        )


def _check_changes(settings: Settings, missing: list[str]) -> None:
    """Refuse changes to what runs, and those that would spoil the data."""
    if not config.settings_file(settings.state_dir).exists():
        return
    saved = config.load(settings.state_dir)
    changed = {
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(settings, field.name) != getattr(saved, field.name)
    }
    if "bytes_per_gb" in changed:
        raise SandboxError(
            f"The volumes in {settings.state_dir} have {saved.bytes_per_gb} bytes per GB: "
            "wipe it first."
        )
    if "cinder" in missing:
        changed -= _CINDER_ONLY
    if changed and missing != list(SERVERS):
        raise SandboxError(
            f"The sandbox in {settings.state_dir} is running with another "
            f"{', '.join(sorted(changed))}: stop it first."
        )


@contextlib.contextmanager
def _held_ports(settings: Settings, names: list[str]) -> Iterator[dict[str, socket.socket]]:
    """The sockets for the servers to listen on.

    Taken here and inherited by the server, so that a port in use is noticed before anything
    else happens, and nobody can take it in between.
    """
    with contextlib.ExitStack() as stack:
        sockets = {}
        for name in names:
            sockets[name] = stack.enter_context(_hold(name, getattr(settings, f"{name}_port")))
        yield sockets


def _hold(name: str, port: int) -> socket.socket:
    try:
        return ports.hold(port)
    except OSError as error:
        raise SandboxError(_port_trouble(name, port, error)) from None


def _port_trouble(name: str, port: int, error: OSError) -> str:
    holder = ports.holder(port)
    reason = f"is in use by {holder}" if holder else f"can't be used ({error.strerror})"
    return (
        f"Port {port} for {name.capitalize()} {reason}. "
        f"Choose another with --{name}-port, or --{name}-port auto."
    )


def _prepare(settings: Settings) -> None:
    # First, so that whatever happens now the directory is known as a sandbox.
    settings.save()
    for directory in settings.own_directories:
        directory.mkdir(mode=0o700, exist_ok=True)
    settings.backup_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.write_config_files()
    identity.write_clouds_yaml(settings)


def _run(settings: Settings, sockets: dict[str, socket.socket], report: Report) -> None:
    """Start both at once: they spend most of the time reading their own code."""
    _ready_mark(settings).unlink(missing_ok=True)
    try:
        for name, held in sockets.items():
            report(f"Starting {name.capitalize()} ...")
            server(settings, name, held.fileno()).start(held.fileno())
        for name in SERVERS:
            server(settings, name).wait_until_healthy(health_url(settings, name), _START_SECONDS)
            if name == "keystone":
                report("Keystone answers; making users, projects and the catalog ...")
                identity.set_up(settings)
    except BaseException:
        for name in sockets:
            server(settings, name).stop()
        raise
    _ready_mark(settings).touch()


def _stop(settings: Settings, report: Report) -> None:
    _ready_mark(settings).unlink(missing_ok=True)
    # Of what is only to be stopped nothing but the pid file counts.
    names = [HORIZON, *reversed(SERVERS)]
    stopped = [name for name in names if server(settings, name).stop()]
    report(f"Stopped {' and '.join(map(str.capitalize, stopped))}" if stopped else "Not running")


def _ready_mark(settings: Settings) -> Path:
    """There while both servers run and the set-up has been completed."""
    return settings.run_dir / "ready"


def _environment(modules: Path) -> dict[str, str]:
    """The caller's, without what would lead the servers or their clients elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OS_", "PYTHON")) and not name.lower().endswith("_proxy")
    }
    kept["PYTHONPATH"] = str(modules)
    return kept


def _lock_file(state_dir: Path) -> Path:
    return state_dir / ".lock"


def _alone(state_dir: Path, report: Report) -> contextlib.AbstractContextManager[None]:
    return locked(_lock_file(state_dir), _LOCK_SECONDS, report)
