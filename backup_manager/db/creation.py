"""Makes the database, and the user that the service comes as. Only MariaDB needs that.

What is there already is looked at and never changed: it may serve somebody else too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy import URL, Connection, exc, pool

from backup_manager import exceptions
from backup_manager.db import session

_CHARSET = "utf8mb4"
_FORM = "mysql+pymysql://USER:PASSWORD@HOST/DATABASE"


def create(connection: str, admin: str, from_host: str) -> Iterator[str]:
    """Create what is missing: database, user and grants; then log in as that user.

    :param connection: what the service will use, with user, password and database
    :param admin: URL of a user who may create users and databases
    :param from_host: where the user may come from, such as ``10.0.0.%``
    :returns: a line for each step, when it is done
    :raises BackupManagerError: what can't be done, or is there and doesn't fit
    """
    wanted = _parse(connection, "[database]connection")
    if wanted.get_backend_name() == "sqlite":
        raise exceptions.BackupManagerError(
            "[database]connection is SQLite, which needs nothing created: run db sync."
        )
    if not (wanted.username and wanted.password and wanted.database):
        raise exceptions.BackupManagerError(f"[database]connection is not of the form {_FORM}.")
    if not wanted.password.isascii():
        # PyMySQL would log in with it in Latin 1, whatever the connection speaks.
        raise exceptions.BackupManagerError(
            "The password in [database]connection has characters beyond ASCII; choose one without."
        )
    with _connected(_parse(admin, "The URL of the administrator").set(database=None)) as database:
        try:
            yield _create_database(database, wanted.database)
            yield _create_user(database, wanted, from_host)
            yield _grant(database, wanted, from_host)
        except exc.DBAPIError as error:
            raise exceptions.BackupManagerError(
                f"The server refused: {session.words(error)}."
            ) from error
    yield _log_in(wanted, from_host)


def _create_database(database: Connection, name: str) -> str:
    charset = database.exec_driver_sql(
        "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = %s",
        (name,),
    ).scalar()
    quoted = _quote(database, name)
    if charset is None:
        database.exec_driver_sql(f"CREATE DATABASE {quoted} CHARACTER SET {_CHARSET}")
        return f"Created the database {name}, character set {_CHARSET}."
    if charset != _CHARSET:
        raise exceptions.BackupManagerError(
            f"The database {name} exists with the character set {charset}, which has no place for "
            f"every name. If it is meant, run: ALTER DATABASE {quoted} CHARACTER SET {_CHARSET}"
        )
    return f"The database {name} exists."


def _create_user(database: Connection, wanted: URL, from_host: str) -> str:
    user = f"'{wanted.username}'@'{from_host}'"
    found = database.exec_driver_sql(
        "SELECT COUNT(*) FROM mysql.user WHERE User = %s AND Host = %s",
        (wanted.username, from_host),
    ).scalar()
    if found:
        return f"The user {user} exists; its password is left as it is."
    database.exec_driver_sql(
        "CREATE USER %s@%s IDENTIFIED BY %s", (wanted.username, from_host, wanted.password)
    )
    return f"Created the user {user}."


def _grant(database: Connection, wanted: URL, from_host: str) -> str:
    assert wanted.database is not None
    # In a GRANT, the name is a pattern.
    pattern = wanted.database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    database.exec_driver_sql(
        f"GRANT ALL PRIVILEGES ON {_quote(database, pattern)}.* TO %s@%s",
        (wanted.username, from_host),
    )
    return f"It has all rights on {wanted.database}, and none elsewhere from this command."


def _log_in(wanted: URL, from_host: str) -> str:
    try:
        with _connected(wanted):
            return "Logged in with [database]connection. Next: backup-manager-manage db sync"
    except exceptions.BackupManagerError as error:
        raise exceptions.BackupManagerError(
            f"All is there, but [database]connection does not work: {error} Either the user had "
            f"another password already, or this host is not among {from_host!r}."
        ) from error


def _parse(text: str, what: str) -> URL:
    try:
        url = sqlalchemy.make_url(text)
    except (exc.ArgumentError, ValueError) as error:
        # The error repeats the text, which has a password.
        raise exceptions.BackupManagerError(f"{what} is not of the form {_FORM}.") from error
    backend = url.get_backend_name()
    if backend not in ("mysql", "mariadb", "sqlite"):
        raise exceptions.BackupManagerError(f"{what} is for {backend}; MariaDB is needed.")
    return url if backend == "sqlite" else url.set(drivername="mysql+pymysql")


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    """A connection that commits each statement, as MariaDB does with these anyway.

    :raises BackupManagerError: the server can't be reached, or refuses
    """
    engine = sqlalchemy.create_engine(
        url, poolclass=pool.NullPool, hide_parameters=True, isolation_level="AUTOCOMMIT"
    )
    try:
        connection = engine.connect()
    except exc.DBAPIError as error:
        raise exceptions.BackupManagerError(
            f"No connection to {url.host}: {session.words(error)}."
        ) from error
    with connection:
        yield connection


def _quote(database: Connection, name: str) -> str:
    # For a statement with parameters: the preparer doubles per cent signs.
    return str(database.dialect.identifier_preparer.quote_identifier(name))
