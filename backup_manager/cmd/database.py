"""``backup-manager-manage db``: the service's database."""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_db import exception as db_exceptions
from sqlalchemy import exc as sql_exceptions

from backup_manager import clock, conf, exceptions
from backup_manager.db import creation, migration
from backup_manager.db import session as db_session
from backup_manager.engine import history

_ADMIN_URL = "BACKUP_MANAGER_ADMIN_URL"
# A hundred years: longer ago there was nothing.
_MAX_DAYS = 36_525
_CREATE = f"""\
Create the database and the user that [database]connection names, on MariaDB, and give the user all
rights on it. What exists is left as it is, so the command can be repeated. The URL of the
administrator, such as mysql://root:secret@controller/, has a password: it is read from a file, or
from the variable {_ADMIN_URL}, and never from the command line.
"""
_PLAIN = {
    "sync": "bring the database to the schema of this version",
    "version": "print the revision of the database",
    "check": "exit with 1 when database and program don't fit",
}
_OLD_RUNS = """\
runs that finished long ago, oldest first, with their tasks: 500 runs or 5000 tasks in a
transaction. Unfinished runs, backups, schedules and delegations are not touched.
"""
_PURGE = f"Delete {_OLD_RUNS}Engines do the same after [engine]history_days."
_ARCHIVE = f"""\
Move to a file {_OLD_RUNS}Each run is a line of JSON, which is on disk before the run is deleted;
what the file has already stays.
"""


def add_parser(nouns: Any) -> None:
    """Add the commands.

    :param nouns: the subparsers to add them to
    """
    database = nouns.add_parser("db", help="the database")
    verbs = database.add_subparsers(
        dest="verb", required=True, metavar="create|sync|version|check|purge|archive"
    )
    create = verbs.add_parser(
        "create",
        help="create database and user on MariaDB",
        description=_CREATE,
        # Or --admin-url URL would be taken for a file, and repeated with its password.
        allow_abbrev=False,
    )
    create.add_argument(
        "--admin-url-file",
        type=Path,
        metavar="FILE",
        help=f"holds the URL of the administrator (default: the variable {_ADMIN_URL})",
    )
    create.add_argument(
        "--from-host",
        default="%",
        metavar="PATTERN",
        help="where the user may come from, such as 10.0.0.%% (default: everywhere)",
    )
    for verb, text in _PLAIN.items():
        verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.")
    purge = verbs.add_parser(
        "purge", help="delete old history; no backup is touched", description=_PURGE
    )
    archive = verbs.add_parser(
        "archive", help="move old history to a file; no backup is touched", description=_ARCHIVE
    )
    for old in (purge, archive):
        old.add_argument(
            "--days",
            type=_days,
            required=True,
            metavar="N",
            help="the runs that finished more than N days ago, with their tasks",
        )
    purge.add_argument("--dry-run", action="store_true", help="only say how many there are")
    archive.add_argument("file", type=Path, metavar="FILE", help="to add them to")
    database.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Carry it out.

    :returns: the exit code
    :raises BackupManagerError: it could not be done; a line says why
    """
    options = conf.load(config_files=chosen.config_file)
    db_session.configure(options)
    if chosen.verb != "create":
        db_session.check_url()
    try:
        _VERBS[chosen.verb](chosen, options)
    except (db_exceptions.DBError, sql_exceptions.SQLAlchemyError) as error:
        raise exceptions.BackupManagerError(
            f"The database does not do it: {db_session.words(error)}"
        ) from error
    return 0


def _create(chosen: argparse.Namespace, options: cfg.ConfigOpts) -> None:
    admin = _admin_url(chosen.admin_url_file)
    for line in creation.create(options.database.connection, admin, chosen.from_host):
        print(line, flush=True)


def _admin_url(path: Path | None) -> str:
    if path is None:
        if url := os.environ.get(_ADMIN_URL):
            return url
        raise exceptions.BackupManagerError(
            f"Give the URL of the administrator, such as mysql://root:secret@controller/, in a "
            f"file with --admin-url-file FILE, or in the variable {_ADMIN_URL}."
        )
    try:
        return path.read_text().strip()
    except (OSError, ValueError) as error:
        raise exceptions.BackupManagerError(f"{path} can't be read: {error}") from error


def _sync(_: argparse.Namespace, __: cfg.ConfigOpts) -> None:
    # To look into a database that isn't there makes it, too.
    db_session.make_file()
    before = migration.current()
    migration.sync()
    after = migration.current()
    if before == after:
        print(f"The database is at revision {after} already.")
    else:
        print(f"The database went from {before or 'empty'} to revision {after}.")


def _version(_: argparse.Namespace, __: cfg.ConfigOpts) -> None:
    print(migration.current() or "empty")


def _check(_: argparse.Namespace, __: cfg.ConfigOpts) -> None:
    migration.check()
    print(f"The database is at revision {migration.current()}, as needed.")


def _purge(chosen: argparse.Namespace, _: cfg.ConfigOpts) -> None:
    migration.check()
    before, since = _before(chosen.days)
    if chosen.dry_run:
        runs, tasks = history.count(before)
        print(f"{_runs(runs)} with {tasks} {'task' if tasks == 1 else 'tasks'} {since}.")
    else:
        print(f"Deleted {_runs(history.purge(before))} that {since}.")


def _archive(chosen: argparse.Namespace, _: cfg.ConfigOpts) -> None:
    migration.check()
    before, since = _before(chosen.days)
    try:
        with open(chosen.file, "a", opener=_private) as file:
            moved = history.purge(before, archive=file)
    except OSError as error:
        raise exceptions.BackupManagerError(
            f"{chosen.file} can't be written: {error.strerror}. What it has no line of was not "
            "deleted."
        ) from error
    print(f"Moved {_runs(moved)} to {chosen.file} that {since}.")


def _before(days: int) -> tuple[datetime, str]:
    """When runs had to be finished, and that in words."""
    return clock.now() - timedelta(days=days), f"finished more than {days} days ago"


def _private(path: str, flags: int) -> int:
    """History has names and mistakes of all projects: nothing for everybody to read."""
    return os.open(path, flags, 0o600)


def _runs(number: int) -> str:
    return f"{number} {'run' if number == 1 else 'runs'}"


def _days(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MAX_DAYS}")
    return int(text)


_VERBS = {
    "create": _create,
    "sync": _sync,
    "version": _version,
    "check": _check,
    "purge": _purge,
    "archive": _archive,
}
