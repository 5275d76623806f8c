"""``backup-manager-manage import-legacy``: move over from cinder-backup-manager."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openstack
from keystoneauth1 import exceptions as ks_exceptions
from openstack import exceptions as sdk_exceptions
from openstack.connection import Connection

from backup_manager import exceptions, legacy, sdk
from backup_manager.rules import legacy as rules
from backup_manager.rules import recurrence

_DESCRIPTION = """\
Create the schedules of cinder-backup-manager in Backup Manager, through its API. They are made for
the project and the user of your login: an entry of clouds.yaml, or the OS_ variables that
cinder-backup-manager had. What it has is read and not changed. A schedule that is there already is
left as it is, so the command can be repeated. Exits with 1 if a schedule could not be moved over.
"""
_PASSWORD = "MYSQL_PASSWORD"  # noqa: S105


def add_parser(nouns: Any) -> None:
    """Add the command.

    :param nouns: the subparsers to add it to
    """
    parser = nouns.add_parser(
        "import-legacy",
        help="move the schedules of cinder-backup-manager over",
        description=_DESCRIPTION,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--json", type=Path, metavar="FILE", help="read this backup_schedules.json")
    source.add_argument(
        "--mysql",
        metavar="URL",
        help="read the table backup_schedules: mysql://USER@HOST:PORT/DATABASE. The password is "
        f"taken from the variable {_PASSWORD} if the URL has none, which keeps it out of the list "
        "of processes",
    )
    parser.add_argument(
        "--os-cloud",
        metavar="NAME",
        help="log in with this entry of clouds.yaml (default: the OS_ variables)",
    )
    parser.add_argument(
        "--timezone",
        type=_zone,
        metavar="ZONE",
        help="IANA name of the zone that cinder-backup-manager ran in, such as Asia/Shanghai "
        "(default: [backup]default_timezone of the service)",
    )
    for kind in ("full", "incremental"):
        parser.add_argument(
            f"--{kind}-backup-retention",
            type=_count,
            metavar="N",
            help=f"have each schedule keep the N newest {kind} backups of a volume, as "
            f"{kind.upper()}_BACKUP_RETENTION says; both options or neither (default: what the "
            "project keeps)",
        )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Carry it out, with a line for each schedule.

    :returns: the exit code
    :raises BackupManagerError: it could not begin, or not go on
    """
    retention = _retention(chosen)
    if chosen.json:
        rows = legacy.read_json(chosen.json)
    else:
        rows = legacy.read_mysql(chosen.mysql, os.environ.get(_PASSWORD))
    try:
        conn = openstack.connect(cloud=chosen.os_cloud)
        whose = _whose(conn)
        client = sdk.attach(conn)
        timezone = chosen.timezone or client.get_info().default_timezone
        origin = "--timezone" if chosen.timezone else "the default of the service"
        print(f"{whose}; time zone {timezone} ({origin})", flush=True)
        work = legacy.Import(client, timezone, retention, chosen.dry_run)
        return _report(work.lines(rows))
    except sdk_exceptions.HttpException as error:
        raise exceptions.BackupManagerError(str(sdk.problem(error))) from error
    except (sdk_exceptions.SDKException, ks_exceptions.ClientException) as error:
        raise exceptions.BackupManagerError(str(error)) from error


def _whose(conn: Connection) -> str:
    """Where the schedules go: another project than meant is the mistake easiest to make."""
    auth: Any = conn.session.auth
    try:
        access = auth.get_access(conn.session)
    except ks_exceptions.ClientException as error:
        raise exceptions.BackupManagerError(
            f"No login: {error}. It takes --os-cloud NAME, or the OS_ variables."
        ) from error
    if access.project_id is None:
        raise exceptions.BackupManagerError(
            "The login is for no project: set OS_PROJECT_NAME, or project_name in clouds.yaml."
        )
    return f"Project {access.project_name} of user {access.username}"


def _report(lines: Iterable[legacy.Line]) -> int:
    counts: Counter[str] = Counter()
    for line in lines:
        counts[line.status] += 1
        print(line, flush=True)
    noun = "schedule" if counts.total() == 1 else "schedules"
    parts = [f"{count} {status}" for status, count in counts.items()]
    print(f"{counts.total()} {noun}: {', '.join(parts) or 'nothing to do'}")
    return 1 if counts[legacy.FAILED] else 0


def _retention(chosen: argparse.Namespace) -> dict[str, int] | None:
    full, incremental = chosen.full_backup_retention, chosen.incremental_backup_retention
    if full is None and incremental is None:
        return None
    if full is None or incremental is None:
        raise exceptions.BackupManagerError(
            "Give both --full-backup-retention and --incremental-backup-retention: with one alone, "
            "nothing would keep the backups of the other type."
        )
    return rules.retention(full, incremental)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _zone(name: str) -> str:
    try:
        recurrence.zone(name)
    except recurrence.RecurrenceError as error:
        raise argparse.ArgumentTypeError(error.message) from error
    return name
