"""The command: python -m sandbox start|stop|status|register|horizon|wipe|install."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import cast

from sandbox import config, faults, horizon, identity, lifecycle, venv
from sandbox.config import SandboxError

_NOT_RUNNING = 3
"""The exit status of `status` for a stopped sandbox, as service managers have it."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except (SandboxError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sandbox: interrupted", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A real Keystone and a real Cinder in user space, on 127.0.0.1 only.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state-dir",
        type=Path,
        default=config.DEFAULT_STATE_DIR,
        metavar="DIR",
        help="where the sandbox keeps everything (default: .sandbox in the repository)",
    )

    start = commands.add_parser("start", parents=[common], help="start it; fine when it runs")
    start.set_defaults(command=_start)
    _add_start_options(start)

    stop = commands.add_parser("stop", parents=[common], help="stop it and keep its data")
    stop.set_defaults(command=_stop)

    status = commands.add_parser("status", parents=[common], help="say what runs where")
    status.set_defaults(command=_status)

    register = commands.add_parser(
        "register", parents=[common], help="put the URL of Backup Manager into the catalog"
    )
    register.add_argument("--url", required=True)
    register.set_defaults(command=_register)

    dashboard = commands.add_parser(
        "horizon", parents=[common], help="start a Horizon over it, anew if one runs; stop ends it"
    )
    dashboard.set_defaults(command=_horizon)
    _add_horizon_options(dashboard)

    wipe = commands.add_parser("wipe", parents=[common], help="stop it and remove its data")
    wipe.add_argument("--with-venv", action="store_true", help="also remove the packages")
    wipe.set_defaults(command=_wipe)

    install = commands.add_parser("install", help="only install the packages; start does it too")
    install.add_argument("--venv", type=Path, metavar="DIR", required=True)
    install.set_defaults(command=_install)
    return parser


def _add_start_options(start: argparse.ArgumentParser) -> None:
    start.add_argument(
        "--venv",
        type=Path,
        metavar="DIR",
        help="where Cinder and Keystone are installed; sandboxes can share it "
        "(default: venv in the state directory)",
    )
    for name, port in (
        ("keystone", config.DEFAULT_KEYSTONE_PORT),
        ("cinder", config.DEFAULT_CINDER_PORT),
    ):
        start.add_argument(
            f"--{name}-port",
            type=_port,
            metavar="N",
            help=f'port of {name.capitalize()}, "auto" for a free one (default: {port})',
        )
    size = start.add_mutually_exclusive_group()
    size.add_argument(
        "--bytes-per-gb",
        type=int,
        metavar="N",
        help=f"real bytes for each GB of a volume (default: {config.SMALL_GB}, which is 1 MiB)",
    )
    size.add_argument(
        "--real-size",
        dest="bytes_per_gb",
        action="store_const",
        const=config.REAL_GB,
        help="volumes as large as they say",
    )
    start.add_argument(
        "--backup-dir",
        type=Path,
        metavar="DIR",
        help="where the backups are stored (default: backups in the state directory)",
    )
    start.add_argument(
        "--backup-service",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="run Cinder's backup service, or don't (default: run it)",
    )
    start.add_argument(
        "--backup-delay",
        type=float,
        metavar="SECONDS",
        help="make every backup take that long; change it later in "
        f"faults/{faults.COMMAND_LINE}.json of the state directory",
    )


def _add_horizon_options(dashboard: argparse.ArgumentParser) -> None:
    dashboard.add_argument(
        "--venv",
        type=Path,
        metavar="DIR",
        required=True,
        help="where backup-manager[dashboard], waitress and whitenoise are installed",
    )
    dashboard.add_argument(
        "--horizon-port",
        type=_port,
        default=horizon.DEFAULT_PORT,
        metavar="N",
        help='where it listens, "auto" for a free port (default: %(default)s)',
    )
    dashboard.add_argument(
        "--page-size",
        type=int,
        default=horizon.DEFAULT_PAGE_SIZE,
        metavar="N",
        help="the rows of a page (default: %(default)s)",
    )


def _port(text: str) -> int:
    if text == "auto":
        return config.AUTO_PORT
    if text.isdecimal() and int(text) in range(2**16):
        return int(text)
    raise argparse.ArgumentTypeError(f'{text} is neither a port nor "auto"')


def _start(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in config.Options.__annotations__}
    wanted = {name: value for name, value in given.items() if value is not None}
    settings = lifecycle.start(options.state_dir, _report, **cast(config.Options, wanted))
    if options.backup_delay is not None:
        fault = faults.Fault("backup", delay=options.backup_delay)
        faults.add(settings.faults_dir, faults.COMMAND_LINE, fault)
    _report(f"Users, with their names as passwords: {', '.join(identity.CLOUDS)}")
    _report(
        f"Try: OS_CLIENT_CONFIG_FILE={settings.clouds_yaml} openstack --os-cloud demo volume list"
    )
    return 0


def _stop(options: argparse.Namespace) -> int:
    lifecycle.stop(options.state_dir, _report)
    return 0


def _status(options: argparse.Namespace) -> int:
    settings = config.load(options.state_dir)
    states = []
    for name, url in (("keystone", settings.keystone_url), ("cinder", settings.cinder_url)):
        pid = lifecycle.server(settings, name).pid
        healthy = pid is not None and lifecycle.healthy(settings, name)
        state = "not running" if pid is None else "running" if healthy else "not answering"
        process = f", process {pid}" if pid else ""
        _report(f"{name.capitalize():10}{state:14}{url}{process}")
        states.append(healthy)
    if pid := lifecycle.server(settings, lifecycle.HORIZON).pid:
        _report(f"{'Horizon':10}{'running':14}process {pid}")
    _report(f"{'Clouds':10}{settings.clouds_yaml}")
    return 0 if all(states) else _NOT_RUNNING


def _register(options: argparse.Namespace) -> int:
    settings = config.load(options.state_dir)
    identity.register_backup_manager(settings, options.url)
    _report(f"The catalog leads to {options.url}")
    return 0


def _horizon(options: argparse.Namespace) -> int:
    lifecycle.start_horizon(
        options.state_dir,
        _report,
        venv=options.venv,
        port=options.horizon_port,
        page_size=options.page_size,
    )
    return 0


def _wipe(options: argparse.Namespace) -> int:
    lifecycle.wipe(options.state_dir, _report, with_venv=options.with_venv)
    return 0


def _install(options: argparse.Namespace) -> int:
    venv.ensure(options.venv.resolve(), _report)
    return 0


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
