"""``backup-manager-manage``: the service's database, and moving over from another system."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from backup_manager import clock, conf, exceptions
from backup_manager.cmd import legacy
from backup_manager.db import migration
from backup_manager.db import session as db_session
from backup_manager.engine import history


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup-manager-manage", description=__doc__)
    parser.add_argument(
        "--config-file", action="append", metavar="FILE", help="read this instead of the defaults"
    )
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="db|import-legacy")
    database = nouns.add_parser("db", help="the database")
    database.set_defaults(run=_work_on_database)
    verbs = database.add_subparsers(dest="verb", required=True, metavar="sync|version|check|purge")
    verbs.add_parser("sync", help="bring the database to the schema of this version")
    verbs.add_parser("version", help="print the revision of the database")
    verbs.add_parser("check", help="exit with 1 when the database needs a sync")
    purge = verbs.add_parser("purge", help="delete old history; no backup is touched")
    purge.add_argument(
        "--days",
        type=_days,
        required=True,
        metavar="N",
        help="delete the runs that finished more than N days ago, with their tasks",
    )
    legacy.add_parser(nouns)
    return parser


def _days(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MAX_DAYS}")
    return int(text)


def _sync(_: argparse.Namespace) -> str:
    before = migration.current()
    migration.sync()
    after = migration.current()
    if before == after:
        return f"The database is at revision {after} already."
    return f"The database went from {before or 'empty'} to revision {after}."


def _version(_: argparse.Namespace) -> str:
    return migration.current() or "empty"


def _check(_: argparse.Namespace) -> str:
    migration.check()
    return f"The database is at revision {migration.current()}, as needed."


def _purge(chosen: argparse.Namespace) -> str:
    migration.check()
    deleted = history.purge(clock.now() - timedelta(days=chosen.days))
    noun = "run" if deleted == 1 else "runs"
    return f"Deleted {deleted} {noun} that finished more than {chosen.days} days ago."


_VERBS = {"sync": _sync, "version": _version, "check": _check, "purge": _purge}
# A hundred years: longer ago there was nothing.
_MAX_DAYS = 36_525


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except exceptions.BackupManagerError as error:
        print(f"backup-manager-manage: {error}", file=sys.stderr)
        return 1
    return code


def _work_on_database(chosen: argparse.Namespace) -> int:
    db_session.configure(conf.load(config_files=chosen.config_file))
    print(_VERBS[chosen.verb](chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
