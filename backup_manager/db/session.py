"""Connections and transactions: ``with reader() as session`` and ``with writer() as session``.

``retry`` goes above a function that opens a ``writer``, so that a deadlock or a lost connection
repeats the whole transaction, never half of it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from oslo_config import cfg
from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exceptions
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import Connection, Engine, PoolProxiedConnection, event, make_url, text
from sqlalchemy import exc as sql_exceptions
from sqlalchemy.orm import Session

from backup_manager import clock, exceptions

F = TypeVar("F", bound=Callable[..., Any])

_SQLITE_BUSY_TIMEOUT_MS = 30_000
# MariaDB lets nobody in: too many connections, a host that is blocked, or a login that it does not
# accept any more.
_REFUSED = {1040, 1044, 1045, 1129, 1203, 1226}
_IMMEDIATE = {"sqlite_begin": "BEGIN IMMEDIATE"}

_manager: Any = enginefacade.transaction_context()
_url = "sqlite://"
# SQLite has one writer and polls for its lock in naps; queueing inside the process is faster.
_sqlite_writer = threading.Lock()
# Process id and connection.
_kept_open: tuple[int, PoolProxiedConnection] | None = None


@enginefacade.transaction_context_provider
class _Context:
    """What enginefacade hangs a transaction on; one per transaction, so none is shared."""


def configure(conf: cfg.ConfigOpts) -> None:
    """Point the process at the database of ``[database]``. No connection is made yet."""
    global _manager, _kept_open, _url
    _kept_open = None
    _url = conf.database.connection
    _manager = enginefacade.transaction_context()
    _manager.configure(sqlite_fk=True, **dict(conf.database.items()))
    _manager.append_on_engine_create(_hide_parameters)
    _manager.append_on_engine_create(_prepare_sqlite)
    _manager.append_on_engine_create(_tell_lost_connections_briefly)


def check_url() -> None:
    """See that a connection could be made with ``[database]connection``.

    :raises BackupManagerError: it could not; the message repeats no part of it
    """
    try:
        make_url(_url).get_dialect().import_dbapi()
    except (ValueError, ImportError, sql_exceptions.ArgumentError):
        raise exceptions.BackupManagerError(
            "[database]connection can't be used. It has to look like "
            "mysql+pymysql://user:password@host:3306/database?charset=utf8mb4, with %40 for an @ "
            "in the password and the like, or like sqlite:////path/of/file."
        ) from None


def engine() -> Engine:
    """The SQLAlchemy engine, for migrations."""
    return _manager.writer.get_engine()  # type: ignore[no-any-return]


def file() -> Path | None:
    """The file of the database, None where it has none of its own."""
    url = make_url(_url)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


def make_file() -> None:
    """Make the file of a new database, so that others on the host can't read it."""
    path = file()
    if path is not None and path.parent.is_dir():
        # SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o660))


def _hide_parameters(engine: Engine) -> None:
    """Keep what users wrote, and ids of trusts, out of errors and so out of logs.

    What oslo.db passes to SQLAlchemy can't be chosen, but this is looked at when an error is made.
    """
    engine.hide_parameters = True


class _LostConnection(logging.Filter):
    """Has SQLAlchemy tell in a line, without a traceback, that a connection was lost.

    It logs that when somebody gives back a connection that the server has closed meanwhile. The
    pool drops it; who needs the database next sees whether it is away, and says so.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        error: Any = record.exc_info[1] if record.exc_info else None
        if error is not None and engine().dialect.is_disconnect(error, None, None):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            # oslo.log adds the error itself.
            record.msg, record.args, record.exc_info = "A connection was lost", (), None
        return True


# One, so that a second engine adds no second one.
_LOST_CONNECTION = _LostConnection()


def _tell_lost_connections_briefly(engine: Engine) -> None:
    pool = type(engine.pool)
    logging.getLogger(f"{pool.__module__}.{pool.__name__}").addFilter(_LOST_CONNECTION)


def _prepare_sqlite(engine: Engine) -> None:
    """Several processes write to one file: WAL, a busy timeout, and writers that say so first.

    A transaction that reads and then writes fails at once with "database is locked" when another
    one wrote in between, whatever the timeout. BEGIN IMMEDIATE takes the lock before reading.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout={_SQLITE_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        # SQLite's own knows no letters but those of ASCII.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def begin_immediate(
        connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        if statement == "BEGIN":
            statement = connection.get_execution_options().get("sqlite_begin", statement)
        return statement, parameters


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _keep_open() -> None:
    """Hold a connection to SQLite for as long as the process lives.

    oslo.db opens one per transaction, and whoever closes the last one writes the whole WAL back
    into the file and deletes it: that took half the time of a transaction.
    """
    global _kept_open
    if _kept_open is None or _kept_open[0] != os.getpid():
        _kept_open = os.getpid(), engine().raw_connection()


@contextmanager
def reader() -> Iterator[Session]:
    """A read-only transaction."""
    with _manager.reader.using(_Context()) as session:
        yield session


@contextmanager
def writer() -> Iterator[Session]:
    """A transaction that commits at the end of the block, or rolls back on any exception."""
    is_sqlite = engine().dialect.name == "sqlite"
    if is_sqlite:
        _keep_open()
    queue = _sqlite_writer if is_sqlite else nullcontext()
    with queue, _manager.writer.using(_Context()) as session:
        if is_sqlite:
            session.connection(execution_options=_IMMEDIATE)
        yield session


def is_away(error: Exception) -> bool:
    """Whether an error says that there is no database to work with, until somebody does something.

    What MariaDB refuses before it lets in is no lost connection to oslo.db.
    """
    if isinstance(error, db_exceptions.DBConnectionError):
        return True
    original = getattr(error, "orig", None)
    return bool(original is not None and original.args and original.args[0] in _REFUSED)


def words(error: Exception) -> str:
    """What the database, or the way to it, says: one line, without statement and parameters."""
    while not hasattr(error, "orig") and getattr(error, "inner_exception", None) is not None:
        error = error.inner_exception  # type: ignore[attr-defined]
    original = getattr(error, "orig", None) or error
    text = str(original.args[-1] if original.args else original)
    return " ".join(text.split()) or type(error).__name__


def clock_difference(session: Session) -> float:
    """Seconds that this host's clock is ahead of the database server's; 0 with SQLite."""
    if session.get_bind().dialect.name == "sqlite":
        return 0.0
    theirs: datetime = session.execute(text("SELECT UTC_TIMESTAMP(6)")).scalar_one()
    return (clock.now() - theirs.replace(tzinfo=timezone.utc)).total_seconds()


def retry(function: F) -> F:
    """Repeat ``function`` after a deadlock or a lost connection: put it ABOVE ``writer``.

    Also after a row turned out to exist: of two that insert it at once, the second one then finds
    it. What it does must bear being done twice, as a COMMIT may succeed without an answer.
    """
    decorate = oslo_db_api.wrap_db_retry(
        max_retries=10,
        retry_interval=0.1,
        inc_retry_interval=True,
        max_retry_interval=2,
        jitter=True,
        retry_on_deadlock=True,
        retry_on_disconnect=True,
        exception_checker=lambda error: isinstance(error, db_exceptions.DBDuplicateEntry),
    )
    return decorate(function)  # type: ignore[no-any-return]
