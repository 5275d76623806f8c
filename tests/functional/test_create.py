"""``backup-manager-manage db create``: a database and its user on a MariaDB server."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy

from tests.functional.stack import MariaDB

PASSWORD = "p'a$s\"w%o`r;d"
pytestmark = pytest.mark.mariadb


class Place:
    """A server, and a configuration that names a database and a user it doesn't have yet."""

    def __init__(self, server: MariaDB, directory: Path) -> None:
        self.server = server
        self.directory = directory
        unique = uuid.uuid4().hex[:8]
        # An underscore stands for any letter in a GRANT.
        self.url = sqlalchemy.URL.create(
            "mysql+pymysql",
            f"user_{unique}",
            PASSWORD,
            "127.0.0.1",
            server.port,
            f"b_m_{unique}",
        )
        self.configure()

    def configure(self, **changes: str) -> None:
        url = self.url.set(**changes).render_as_string(hide_password=False)
        escaped = url.replace("$", "$$")
        (self.directory / "manage.conf").write_text(f"[database]\nconnection = {escaped}\n")

    @property
    def admin(self) -> str:
        return f"mysql://root@127.0.0.1:{self.server.port}/"

    def manage(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> tuple[int, list[str], str]:
        done = subprocess.run(
            [sys.executable, "-m", "backup_manager.cmd.manage"]
            + ["--config-file", str(self.directory / "manage.conf"), "db", *arguments],
            text=True,
            capture_output=True,
            env={"PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path), **(environment or {})},
        )
        assert PASSWORD not in done.stdout + done.stderr
        return done.returncode, done.stdout.splitlines(), done.stderr

    def create(self, *arguments: str, admin: str | None = None) -> tuple[int, list[str], str]:
        environment = {"BACKUP_MANAGER_ADMIN_URL": admin or self.admin}
        return self.manage("create", *arguments, environment=environment)

    def execute(self, statement: str, url: sqlalchemy.URL | None = None) -> list[object]:
        engine = sqlalchemy.create_engine(url or f"mysql+pymysql{self.admin.removeprefix('mysql')}")
        try:
            with engine.begin() as connection:
                found = connection.exec_driver_sql(statement)
                return list(found.scalars()) if found.returns_rows else []
        finally:
            engine.dispose()


@pytest.fixture
def place(mariadb: MariaDB, tmp_path: Path) -> Iterator[Place]:
    place = Place(mariadb, tmp_path)
    # These of a fresh server stand before users that may come from everywhere.
    place.execute("DELETE FROM mysql.user WHERE User = ''")
    place.execute("FLUSH PRIVILEGES")
    yield place
    place.execute(f"DROP DATABASE IF EXISTS {place.url.database}")
    place.execute(f"DROP USER IF EXISTS {place.url.username}")


def test_what_is_missing_is_made_and_serves(place: Place) -> None:
    name, user = place.url.database, f"'{place.url.username}'@'%'"
    assert place.create() == (
        0,
        [
            f"Created the database {name}, character set utf8mb4.",
            f"Created the user {user}.",
            f"It has all rights on {name}, and none elsewhere from this command.",
            "Logged in with [database]connection. Next: backup-manager-manage db sync",
        ],
        "",
    )
    code, lines, error = place.create()
    assert (code, error) == (0, "")
    assert lines[:2] == [
        f"The database {name} exists.",
        f"The user {user} exists; its password is left as it is.",
    ]
    assert place.manage("sync")[0] == 0
    assert place.manage("check")[0] == 0
    assert place.execute(
        "SELECT DISTINCT default_character_set_name FROM information_schema.schemata"
        f" WHERE schema_name = '{name}'"
    ) == ["utf8mb4"]


def test_the_user_has_rights_on_that_database_alone(place: Place) -> None:
    place.create()
    neighbour = str(place.url.database).replace("_", "x")
    place.execute(f"CREATE DATABASE {neighbour}")
    try:
        with pytest.raises(sqlalchemy.exc.OperationalError, match="denied"):
            place.execute(f"CREATE TABLE {neighbour}.t (i INT)", place.url)
        place.execute(f"CREATE TABLE {place.url.database}.t (i INT)", place.url)
    finally:
        place.execute(f"DROP DATABASE {neighbour}")


def test_the_administrator_comes_from_a_file(place: Place) -> None:
    code, _, error = place.manage("create")
    assert code == 1
    assert "--admin-url-file FILE, or in the variable BACKUP_MANAGER_ADMIN_URL" in error
    path = place.directory / "admin"
    code, _, error = place.manage("create", "--admin-url-file", str(path))
    assert code == 1
    assert error.startswith(f"backup-manager-manage: {path} can't be read: ")
    path.write_text(f"{place.admin}\n")
    assert place.manage("create", "--admin-url-file", str(path))[0] == 0


def test_another_password_is_noticed_and_not_changed(place: Place) -> None:
    place.create()
    place.configure(password="another")
    code, lines, error = place.create()
    assert code == 1
    assert len(lines) == 3
    assert "the user had another password already" in error
    assert error.count("\n") == 1
    place.configure()
    assert place.create()[0] == 0


def test_a_database_of_another_character_set_is_not_changed(place: Place) -> None:
    place.execute(f"CREATE DATABASE {place.url.database} CHARACTER SET latin1")
    code, lines, error = place.create()
    assert (code, lines) == (1, [])
    assert f"ALTER DATABASE `{place.url.database}` CHARACTER SET utf8mb4" in error
    place.execute(f"ALTER DATABASE `{place.url.database}` CHARACTER SET utf8mb4")
    assert place.create()[0] == 0


@pytest.mark.parametrize(
    ("admin", "words"),
    [
        pytest.param(
            "postgresql://a:secret@h/", "is for postgresql; MariaDB is needed", id="other"
        ),
        pytest.param("root:secret@h", "is not of the form mysql+pymysql://USER:", id="no-url"),
        pytest.param("mysql://root:secret@127.0.0.1:1/", "No connection to 127.0.0.1", id="gone"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(place: Place, admin: str, words: str) -> None:
    code, lines, error = place.create(admin=admin)
    assert (code, lines) == (1, [])
    assert words in error
    assert error.count("\n") == 1
    assert "secret" not in error


def test_somebody_without_rights_is_refused(place: Place) -> None:
    place.execute(f"CREATE USER {place.url.username} IDENTIFIED BY 'x'")
    admin = f"mysql://{place.url.username}:x@127.0.0.1:{place.server.port}/"
    code, lines, error = place.create(admin=admin)
    assert (code, lines) == (1, [])
    assert "The server refused: Access denied" in error


def test_a_password_that_could_not_log_in_is_refused(place: Place) -> None:
    place.configure(password="pässword")
    code, lines, error = place.create()
    assert (code, lines) == (1, [])
    assert "beyond ASCII" in error


def test_sqlite_needs_nothing(place: Place) -> None:
    (place.directory / "manage.conf").write_text("[database]\nconnection = sqlite:///x.sqlite\n")
    code, _, error = place.create()
    assert code == 1
    assert "needs nothing created" in error


def test_a_database_that_is_not_there_is_one_line(place: Place) -> None:
    text = (place.directory / "manage.conf").read_text()
    (place.directory / "manage.conf").write_text(f"{text}max_retries = 1\nretry_interval = 0\n")
    code, lines, error = place.manage("sync")
    assert (code, lines) == (1, [])
    last = error.splitlines()[-1]
    assert last.startswith("backup-manager-manage: The database does not do it: ")
    assert "Access denied" in last or "Unknown database" in last
    assert "Traceback" not in error
