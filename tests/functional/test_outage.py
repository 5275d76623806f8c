"""An engine whose database goes away and comes back."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import sqlalchemy

from backup_manager import conf
from backup_manager.db import session as db_session
from sandbox.client import Sandbox
from tests.functional.stack import MariaDB, Program, Stack, wait_for

AWAY = "The database does not answer: "
pytestmark = pytest.mark.mariadb


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MariaDB]:
    """A server that a test may stop: others use the one of the session."""
    directory = tmp_path / "mariadb"
    directory.mkdir()
    server = MariaDB(directory)
    server.start()
    yield server
    server.stop()


def _processor_seconds(program: Program) -> float:
    """What the engine and its worker used so far."""
    group = os.getpgid(program.running.pid)
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(values[2]) == group:
            ticks += int(values[11]) + int(values[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_systemd_is_told_meanwhile_that_it_lives(
    sandbox: Sandbox, server: MariaDB, tmp_path: Path
) -> None:
    stack = Stack(sandbox, tmp_path, server.create_database())
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(address))
        notify.settimeout(60)
        engine = stack.program(
            "engine",
            ["-m", "backup_manager.cmd.engine", "--config-file", str(stack.config_file)],
            {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"},
        )
        engine.start()
        try:
            wait_for(lambda: "is ready" in engine.logged())
            server.stop()
            wait_for(lambda: "next look in 4 s" in engine.logged(), 90)
            notify.setblocking(False)
            while True:
                try:
                    notify.recv(100)
                except BlockingIOError:
                    break
            notify.settimeout(30)
            assert [notify.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            assert "answers again" not in engine.logged()
        finally:
            engine.kill()


def test_it_waits_in_longer_and_longer_pauses_and_goes_on(
    sandbox: Sandbox, server: MariaDB, tmp_path: Path
) -> None:
    stack = Stack(sandbox, tmp_path, server.create_database())
    with stack.running_engine() as engine:
        wait_for(lambda: "is ready" in engine.logged())
        server.stop()
        wait_for(lambda: "next look in 4 s" in engine.logged(), 90)
        # What was under way has given up by now.
        before = _processor_seconds(engine)
        wait_for(lambda: "next look in 8 s" in engine.logged(), 30)
        used = _processor_seconds(engine) - before
        assert used < 0.3, "four seconds of waiting"
        lines = [line for line in engine.logged().splitlines() if AWAY in line]
        assert [line.rpartition(" in ")[2] for line in lines] == ["1 s", "2 s", "4 s", "8 s"]
        assert "Traceback" not in engine.logged()

        server.restart()
        back = datetime.now(timezone.utc).replace(tzinfo=None)
        wait_for(lambda: "The database answers again, after" in engine.logged(), 90)
        newest = sqlalchemy.text("SELECT MAX(heartbeat_at) FROM services")

        def beats() -> bool:
            with stack.sql() as database:
                return bool(database.execute(newest).scalar_one() > back)

        wait_for(beats, 30)
        assert engine.terminate() == 0
    assert "Traceback" not in engine.logged()


def test_a_login_that_is_refused_is_waited_for_too(
    sandbox: Sandbox, server: MariaDB, tmp_path: Path
) -> None:
    url = sqlalchemy.make_url(server.create_database())
    server.execute("CREATE USER keeper IDENTIFIED BY 'first'")
    server.execute(f"GRANT ALL ON {url.database}.* TO keeper")
    own = url.set(username="keeper", password="first")
    stack = Stack(sandbox, tmp_path, own.render_as_string(hide_password=False))
    with stack.running_engine() as engine:
        wait_for(lambda: "is ready" in engine.logged())
        server.execute("ALTER USER keeper IDENTIFIED BY 'second'")
        server.execute("KILL USER keeper")
        wait_for(lambda: "next look in 4 s" in engine.logged(), 90)
        lines = [line for line in engine.logged().splitlines() if AWAY in line]
        assert "Access denied for user" in lines[-1]
        server.execute("ALTER USER keeper IDENTIFIED BY 'first'")
        wait_for(lambda: "The database answers again, after" in engine.logged(), 90)
        assert engine.terminate() == 0
    assert "Traceback" not in engine.logged()


def test_a_connection_that_is_lost_unnoticed_is_worth_a_line(
    mariadb: MariaDB, caplog: pytest.LogCaptureFixture
) -> None:
    options = conf.load(config_files=[])
    options.set_override("connection", mariadb.create_database(), group="database")
    db_session.configure(options)
    connection = db_session.engine().raw_connection()
    cursor = connection.cursor()
    cursor.execute("SELECT CONNECTION_ID()")
    mariadb.execute(f"KILL {cursor.fetchone()[0]}")
    logger = logging.getLogger("sqlalchemy.pool")
    logger.addHandler(caplog.handler)
    connection.close()
    logger.removeHandler(caplog.handler)
    assert caplog.record_tuples == [
        ("sqlalchemy.pool.impl.QueuePool", logging.WARNING, "A connection was lost")
    ]
    assert caplog.records[0].exc_info is None
    with db_session.reader() as session:
        assert session.scalar(sqlalchemy.text("SELECT 1")) == 1
    db_session.engine().dispose()
