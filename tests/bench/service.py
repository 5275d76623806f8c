"""The service that a bench measures: with its own sandbox, on SQLite or on a MariaDB of its own."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sandbox.client import Sandbox
from tests.functional.conftest import VENV
from tests.functional.stack import MariaDB, Stack


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that such benches share."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--mariadb", action="store_true", help="instead of SQLite")
    return made


@contextmanager
def running(mariadb: bool, **options: Any) -> Iterator[Stack]:
    """A sandbox and a service on it, whose API and engine are not started yet.

    :param options: of the service, named ``group__option``; the rest has its defaults
    """
    with ExitStack() as after:
        directory = Path(after.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        sandbox = Sandbox.start(directory / "sandbox", venv=VENV, keystone_port=0, cinder_port=0)
        after.callback(sandbox.wipe)
        database = f"sqlite:///{directory / 'backup-manager.sqlite'}"
        if mariadb:
            server = MariaDB(directory)
            after.callback(server.stop)
            server.start()
            database = server.create_database()
        stack = Stack(sandbox, directory, database, {"DEFAULT__debug": "false", **options})
        after.callback(stack.stop)
        yield stack
