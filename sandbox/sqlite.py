"""Make SQLite fit for servers with many threads. Runs in the sandbox's own venv.

SQLite has one writer. oslo.db opens every transaction with a deferred BEGIN, and one that reads
first and writes later dies at once with "database is locked" when another thread wrote in
between, whatever the timeout. So a transaction takes the write lock when it begins. SQLite
itself would poll for it with sleeps of up to 100 ms: a lock of our own hands it on at once.
"""

# mypy: ignore-errors
from __future__ import annotations

import sqlite3
import threading

from sqlalchemy import event
from sqlalchemy.engine import Engine

_WAIT_SECONDS = 120


class _Turn:
    """Whose turn it is: the connection that has a transaction open, and its thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: int | None = None
        self._thread: int | None = None

    def take(self, connection: int) -> bool:
        """True when this connection may write; False inside another one of the same thread."""
        me = threading.get_ident()
        if self._thread == me:
            return self._connection == connection
        if not self._lock.acquire(timeout=_WAIT_SECONDS):
            raise TimeoutError(f"no turn to write within {_WAIT_SECONDS} s")
        self._connection, self._thread = connection, me
        return True

    def give_back(self, connection: int) -> None:
        if self._connection == connection:
            self._connection = self._thread = None
            self._lock.release()


def install() -> None:
    """For every engine that is made in this process from now on."""
    turn = _Turn()
    kept_open: dict[str, sqlite3.Connection] = {}

    @event.listens_for(Engine, "connect")
    def set_pragmas(connection, _record):
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA journal_mode=WAL")
            # Losing the last second in a power failure is no loss here.
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA busy_timeout=60000")
            path = connection.execute("PRAGMA database_list").fetchone()[2]
            if path not in kept_open:
                # oslo.db closes each connection after use, and closing the
                # last one makes SQLite tidy up its log, each time.
                kept_open[path] = sqlite3.connect(path, check_same_thread=False)
                kept_open[path].execute("SELECT 1 FROM sqlite_master").fetchall()

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def begin_as_writer(connection, _cursor, statement, parameters, _context, _many):
        if statement == "BEGIN" and turn.take(id(connection.connection.dbapi_connection)):
            statement = "BEGIN IMMEDIATE"
        return statement, parameters

    # A connection goes back to its pool at the end of its transaction.
    @event.listens_for(Engine, "checkin")
    @event.listens_for(Engine, "close")
    def end_turn(connection, _record):
        turn.give_back(id(connection))
