"""The whole service as processes of their own, for tests: API, engines and their database."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import openstack.connection
import pytest
import sqlalchemy

from backup_manager import conf, sdk
from backup_manager.db import migration
from backup_manager.db import session as db_session
from sandbox.client import Project, Sandbox

REPOSITORY = Path(__file__).parents[2]
# For what both databases do alike, or where they play no part.
once = pytest.mark.parametrize(
    "database_kind", [pytest.param("sqlite", marks=pytest.mark.sqlite)], indirect=True
)
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(look: Callable[[], T], seconds: float = 60, what: str = "", pause: float = 0.1) -> T:
    """Call ``look`` until it returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or look}")
        time.sleep(pause)


class MariaDB:
    """A server of its own: own data, own socket, own port; it needs no root."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise RuntimeError("mariadbd is not installed: apt-get install mariadb-server-core")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        data = self._directory / "data"
        log = self._directory / "mariadb.log"
        user = ["--user=root"] if os.geteuid() == 0 else []
        with log.open("ab") as output:
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={data}", *user]
                + ["--auth-root-authentication-method=normal", "--skip-test-db"],
                check=True,
                stdout=output,
                stderr=output,
            )
        self.restart()

    def restart(self) -> None:
        """Start it with the data that it has."""
        data = self._directory / "data"
        log = self._directory / "mariadb.log"
        user = ["--user=root"] if os.geteuid() == 0 else []
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [self._program, "--no-defaults", f"--datadir={data}", *user]
                + [f"--socket={self._directory / 'mariadb.sock'}", f"--port={self.port}"]
                + ["--bind-address=127.0.0.1", f"--pid-file={self._directory / 'mariadb.pid'}"]
                # Durability of a test's database is worth nothing.
                + ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"],
                stdout=output,
                stderr=output,
            )
        wait_for(self._answers, 60, f"MariaDB does not start, see {log}")

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "MariaDB died"
        try:
            self.execute("SELECT 1")
        except sqlalchemy.exc.OperationalError:
            return False
        return True

    def execute(self, statement: str) -> None:
        engine = sqlalchemy.create_engine(self._url(""))
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(statement))
        engine.dispose()

    def _url(self, database: str) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{database}?charset=utf8mb4"

    def create_database(self) -> str:
        """A new, empty database; returns its URL."""
        name = f"backup_manager_{uuid.uuid4().hex[:8]}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self._url(name)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)


class Program:
    """A program of the service as a process, with its log."""

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str],
        tree: Path = REPOSITORY,
    ) -> None:
        self.log = log
        self._tree = tree
        self._arguments = arguments
        self._environment = {**os.environ, **environment}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self._arguments],
                env=self._environment,
                # Python looks here first for what it is to run.
                cwd=self._tree,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process

    def kill(self) -> None:
        """SIGKILL to the process and all its children, as a power cut would."""
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait(10)

    def terminate(self, seconds: float = 60) -> int:
        """SIGTERM; returns the exit code."""
        self.running.terminate()
        return self.running.wait(seconds)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            try:
                self.terminate(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def logged(self) -> str:
        return self.log.read_text()


# What waits for minutes in a cloud waits for seconds in a test.
IMPATIENT = {
    "api__inventory_max_age": 2,
    "cinder__timeout": 4,
    "delegation__check_interval": 2,
    "engine__claim_timeout": 18,
    "engine__down_after": 5,
    "engine__heartbeat_interval": 1,
    "engine__max_running": 100,
    "engine__max_running_per_project": 50,
    "engine__retry_pause": 1,
    "engine__sync_interval": 5,
    "engine__track_interval": 1,
    # Most tests only look at what would go.
    "retention__interval": 0,
}


def sync_database(config_file: Path) -> None:
    """What ``backup-manager-manage db sync`` does; a hundred processes for it take minutes."""
    db_session.configure(conf.load(config_files=[str(config_file)]))
    migration.sync()
    db_session.engine().dispose()


class Stack:
    """API and engines over one sandbox and one database.

    :param tree: the source that the programs are run from
    :param sync: whether to make the schema of the database
    """

    def __init__(
        self,
        sandbox: Sandbox,
        directory: Path,
        database: str,
        options: Mapping[str, Any] = IMPATIENT,
        tree: Path = REPOSITORY,
        sync: bool = True,
    ) -> None:
        self._tree = tree
        self.sandbox = sandbox
        self.directory = directory
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = dict(options)
        self._programs: list[Program] = []
        self.config_file = self.write_config("backup-manager")
        if sync:
            sync_database(self.config_file)

    def write_config(self, name: str, **options: Any) -> Path:
        """A configuration file; ``options`` are named ``group__option``."""
        keystone = self.sandbox.keystone_url
        groups: dict[str, dict[str, Any]] = {
            "DEFAULT": {"debug": "true"},
            "database": {"connection": self.database},
            "keystone_authtoken": {
                "auth_type": "password",
                "auth_url": keystone,
                "www_authenticate_uri": keystone,
                "username": "backup-manager",
                "password": "backup-manager",
                "project_name": "service",
                "user_domain_id": "default",
                "project_domain_id": "default",
                "interface": "public",
            },
            "engine": {"host": name},
        }
        for option, value in {**self._options, **options}.items():
            group, _, key = option.partition("__")
            groups.setdefault(group, {})[key] = value
        path = self.directory / f"{name}.conf"
        lines = []
        for group, values in groups.items():
            lines += [f"[{group}]", *(f"{key} = {value}" for key, value in values.items()), ""]
        path.write_text("\n".join(lines))
        path.chmod(0o600)
        return path

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "backup_manager.cmd.manage"]
            + ["--config-file", str(self.config_file), *arguments],
            cwd=self._tree,
            check=True,
            text=True,
            capture_output=True,
        )

    def start_api(self) -> None:
        api = self.program(
            "api",
            ["-m", "gunicorn", "-c", "python:backup_manager.wsgi.gunicorn"]
            + ["--bind", f"127.0.0.1:{self.port}"],
            {"BACKUP_MANAGER_CONFIG_FILES": str(self.config_file)},
        )
        api.start()
        wait_for(lambda: self._answers(api), 30, f"the API does not start, see {api.log}")
        self.sandbox.register_endpoint(self.url)

    def _answers(self, api: Program) -> bool:
        assert api.running.poll() is None, f"the API died: {api.logged()[-2000:]}"
        try:
            with urllib.request.urlopen(f"{self.url}/healthcheck", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def program(
        self, name: str, arguments: list[str], environment: Mapping[str, str] | None = None
    ) -> Program:
        log = self.directory / f"{name}.log"
        program = Program(arguments, log, environment or {}, self._tree)
        self._programs.append(program)
        return program

    def engine(self, name: str = "engine", **options: Any) -> Program:
        """An engine that is not started yet."""
        config_file = self.write_config(name, **options)
        return self.program(
            name, ["-m", "backup_manager.cmd.engine", "--config-file", str(config_file)]
        )

    @contextmanager
    def running_engine(self, name: str = "engine", **options: Any) -> Iterator[Program]:
        engine = self.engine(name, **options)
        engine.start()
        try:
            yield engine
        finally:
            engine.stop()

    def stop(self) -> None:
        for program in self._programs:
            program.stop()

    def move(self, column: str, moment: datetime, **where: str) -> None:
        """Set a time in the database: nobody can wait for a real outage or a real new year.

        :param column: such as ``schedules.next_run_at``
        :param where: the rows, by columns and their values; all of them without
        """
        table, _, name = column.partition(".")
        conditions = " AND ".join(f"{key} = :{key}" for key in where) or "1 = 1"
        # In the format that SQLAlchemy writes, which is what SQLite compares.
        stamp = moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        statement = f"UPDATE {table} SET {name} = :stamp WHERE {conditions}"
        with self.sql() as database:
            database.execute(sqlalchemy.text(statement), {"stamp": stamp, **where})

    @contextmanager
    def sql(self) -> Iterator[sqlalchemy.Connection]:
        """A look into the database, past the service."""
        engine = sqlalchemy.create_engine(self.database)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()


class Tenant:
    """A project of its own with its user, and the service as he sees it."""

    def __init__(self, sandbox: Sandbox, project: Project) -> None:
        self._sandbox = sandbox
        self.project = project
        self.connection: openstack.connection.Connection = project.connection()

    @cached_property
    def client(self) -> sdk.Proxy:
        return sdk.attach(self.connection)

    def volumes(self, count: int, data: bytes = b"") -> list[str]:
        """Ids of new volumes that hold ``data``."""
        return [
            self._sandbox.create_volume(
                self.connection, f"volume-{number}", data=data or b"volume %d" % number
            ).id
            for number in range(count)
        ]

    def backups(self, volume_id: str | None = None) -> list[Any]:
        """The backups as Cinder itself lists them, newest first."""
        query = {"volume_id": volume_id} if volume_id else {}
        return list(self.connection.block_storage.backups(details=True, **query))

    def finished(self, run: Any, seconds: float = 60) -> Any:
        """The run once it is finished."""
        return wait_for(
            lambda: (
                (found := self.client.get_run(run.id)).status not in ("pending", "running")
                and found
            ),
            seconds,
            f"run {run.id} to finish",
        )
