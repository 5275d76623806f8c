"""Set up the service, look after its database, and move over to it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from oslo_config import cfg

from backup_manager import exceptions
from backup_manager.cmd import database, legacy, register


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup-manager-manage", description=__doc__)
    parser.add_argument(
        "--config-file", action="append", metavar="FILE", help="read this instead of the defaults"
    )
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="db|service|import-legacy")
    database.add_parser(nouns)
    register.add_parser(nouns)
    legacy.add_parser(nouns)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except (exceptions.BackupManagerError, cfg.Error) as error:
        print(f"backup-manager-manage: {error}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
