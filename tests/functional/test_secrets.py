"""No secret is where somebody could read it: logs, errors, command lines, environments, files."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy

from backup_manager import conf, delegation, sdk
from sandbox import identity
from sandbox.client import Sandbox
from tests.functional.stack import IMPATIENT, MariaDB, Program, Stack, Tenant, once, wait_for
from tests.functional.test_personal import Person, _password
from tests.functional.units import listening, session_of

_SECONDS = 60
_DAILY = {"type": "daily", "time": "02:00"}
# 127.0.0.1, as the kernel writes it on a machine that begins with the lowest byte.
_LOOPBACK = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
on_mariadb = pytest.mark.parametrize(
    "database_kind", [pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)
# What Keystone's tokens look like, whoever's they are.
_TOKEN = re.compile(r"gAAAAA[\w-]{40,}")


def _secret(what: str) -> str:
    return f"secret-{what}-{uuid.uuid4().hex}"


@dataclass
class Scene:
    """A service that has been through a lot.

    :param secrets: what they are, by what they are for
    :param said: all that anybody was told: answers, output of commands, logs
    :param seen: command line and environment of each process, as others on the host see them
    """

    stack: Stack
    secrets: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    seen: dict[str, tuple[str, str]] = field(default_factory=dict)

    def hear(self, what: str, text: str) -> None:
        self.said[what] = self.said.get(what, "") + text

    def look(self, program: Program) -> None:
        """Note what can be seen of a program that runs."""
        processes = session_of(program.running.pid)
        assert processes
        for pid in processes:
            self.seen[f"{program.log.stem} {pid}"] = seen(pid)

    def leaks(self, where: dict[str, str]) -> list[str]:
        return [
            f"{place}: {what}"
            for place, text in where.items()
            for what, secret in self.secrets.items()
            if secret in text
        ] + [f"{place}: a token" for place, text in where.items() if _TOKEN.search(text)]


def seen(pid: int) -> tuple[str, str]:
    """Command line and environment of a process."""
    return tuple(  # type: ignore[return-value]
        Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b"\n").decode()
        for name in ("cmdline", "environ")
    )


def _service_user(sandbox: Sandbox) -> tuple[str, str]:
    """Name and password of a user who may do what the service user may."""
    name, password = f"service-{uuid.uuid4().hex[:8]}", _secret("service-password")
    keystone = identity.Keystone(sandbox.keystone_url)
    project_id = keystone.project("service")
    keystone.grant(project_id, keystone.user(name, password, project_id), "service")
    return name, password


def _ask(scene: Scene, method: str, path: str, token: str, body: Any = None) -> requests.Response:
    answer = requests.request(
        method,
        f"{scene.stack.url}{path}",
        json=body,
        headers={"X-Auth-Token": token},
        timeout=_SECONDS,
    )
    scene.hear(f"answer to {method} {path}", f"{answer.status_code} {answer.headers} {answer.text}")
    return answer


def _manage(scene: Scene, *arguments: str, config_file: Path | None = None) -> None:
    """A command of the operator, and what it says, whether it fails or not."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "backup_manager.cmd.manage"]
        + ["--config-file", str(config_file or scene.stack.config_file), *arguments],
        text=True,
        capture_output=True,
    )
    scene.hear(f"manage {' '.join(arguments)}", done.stdout + done.stderr)


@pytest.fixture(scope="module")
def scene(
    sandbox: Sandbox, stack: Stack, mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("secrets")
    administrator, database, name = _secret("admin"), _secret("database"), "b" + uuid.uuid4().hex
    mariadb.execute(f"CREATE USER a{name[:8]}@'%' IDENTIFIED BY '{administrator}'")
    mariadb.execute(f"GRANT ALL ON *.* TO a{name[:8]}@'%' WITH GRANT OPTION")
    address = f"127.0.0.1:{mariadb.port}"
    (directory / "url").write_text(f"mysql://a{name[:8]}:{administrator}@{address}/")
    username, password = _service_user(sandbox)
    options = {
        **IMPATIENT,
        "keystone_authtoken__username": username,
        "keystone_authtoken__password": password,
    }
    url = f"mysql+pymysql://{name[:30]}:{database}@{address}/{name[:30]}?charset=utf8mb4"
    mariadb.execute(f"CREATE DATABASE {name[:30]} CHARACTER SET utf8mb4")
    mariadb.execute(f"CREATE USER {name[:30]}@'%' IDENTIFIED BY '{database}'")
    mariadb.execute(f"GRANT ALL ON {name[:30]}.* TO {name[:30]}@'%'")
    own = Stack(sandbox, directory, url, options)
    scene = Scene(own)
    scene.secrets |= {"the administrator of MariaDB": administrator, "the database": database}
    scene.secrets["the service user"] = password
    own.start_api()
    try:
        _live(scene, sandbox, mariadb, name[:30])
    finally:
        own.stop()
        sandbox.register_endpoint(stack.url)
    for program in own._programs:
        scene.hear(f"log of {program.log.stem}", program.logged())
    yield scene


def _live(scene: Scene, sandbox: Sandbox, mariadb: MariaDB, database_user: str) -> None:
    """Whatever may happen to a service."""
    url_file = str(scene.stack.directory / "url")
    _manage(scene, "db", "create", "--admin-url-file", url_file)
    _manage(scene, "db", "create", "--admin-url-file", str(scene.stack.config_file))
    _manage(scene, "service", "register", "--os-cloud", "nosuch")
    tenant = Tenant(sandbox, sandbox.create_project())
    scene.secrets["a user's password"] = f'"{tenant.project.auth["password"]}"'
    with sandbox.connection("admin") as admin, scene.stack.running_engine() as engine:
        _work(scene, sandbox, tenant, admin)
        for program in scene.stack._programs:
            scene.look(program)
        engine.running.send_signal(signal.SIGHUP)
        wait_for(lambda: engine.logged().count("is ready") == 2, _SECONDS)
        _fail(scene, tenant, mariadb, database_user, engine)
    wrong = {"keystone_authtoken__password": _secret("wrong-password")}
    scene.secrets["a wrong password"] = wrong["keystone_authtoken__password"]
    tenant.client.create_backup([each.id for each in tenant.client.volumes()])
    with scene.stack.running_engine("locked-out", **wrong) as engine:
        wait_for(lambda: "refuses the credentials" in engine.logged(), _SECONDS)


def _work(scene: Scene, sandbox: Sandbox, tenant: Tenant, admin: Any) -> None:
    """A schedule with its trust, a backup, records of it, and a trust that goes."""
    token = str(tenant.connection.session.get_token())
    admin_token = str(admin.session.get_token())
    scene.secrets |= {"a user's token": token, "an administrator's token": admin_token}
    scene.secrets["a forged token"] = forged = _secret("token")
    (volume_id,) = tenant.volumes(1)
    body = {"schedule": {"name": "s", "recurrence": _DAILY, "volumes": [volume_id]}}
    schedule = _ask(scene, "POST", "/v1/schedules", token, body).json()["schedule"]
    run = tenant.finished(tenant.client.run_schedule(schedule["id"]))
    assert run.status == "succeeded"
    for path in ("/v1/schedules", "/v1/runs", "/v1/tasks", "/v1/info", "/v1/statistics"):
        assert _ask(scene, "GET", path, token).status_code == 200
        assert _ask(scene, "GET", path, forged).status_code == 401
    assert _ask(scene, "GET", "/v1/health", admin_token).status_code == 200
    _records(scene, sandbox, tenant, admin, admin_token)
    (trust_id,) = _trusts(tenant)
    scene.secrets["the trust"] = trust_id
    tenant.connection.identity.delete(f"/OS-TRUST/trusts/{trust_id}")
    broken = tenant.finished(tenant.client.run_schedule(schedule["id"]))
    assert broken.status == "failed" or _trusts(tenant)
    _ask(scene, "GET", f"/v1/schedules/{schedule['id']}", token)
    _ask(scene, "GET", f"/v1/runs/{broken.id}/tasks", token)


def _trusts(tenant: Tenant) -> list[str]:
    path = f"/OS-TRUST/trusts?trustor_user_id={tenant.project.user_id}"
    return [trust["id"] for trust in tenant.connection.identity.get(path).json()["trusts"]]


def _records(scene: Scene, sandbox: Sandbox, tenant: Tenant, admin: Any, admin_token: str) -> None:
    """Out and in again, right and wrong."""
    options = scene.stack._options
    sandbox.grant(tenant.project, options["keystone_authtoken__username"], "admin")
    ids = [each.id for each in tenant.backups()]
    document = sdk.attach(admin).export_records(ids, project_id=tenant.project.id).document
    record = document["records"][0]
    scene.secrets["a record"] = record["backup_url"][20:120]
    for content, status in (
        ({"document": document}, 202),
        ({"document": {**document, "checksum": "x"}}, 400),
        ({"record": {"backup_service": "s", "backup_url": record["backup_url"][:-9]}}, 400),
    ):
        body = {"import": {**content, "project_id": tenant.project.id}}
        answer = _ask(scene, "POST", "/v1/backups/import", admin_token, body)
        assert answer.status_code == status, answer.text


def _fail(scene: Scene, tenant: Tenant, mariadb: MariaDB, user: str, engine: Program) -> None:
    """The database turns everybody away, and comes back."""
    token = scene.secrets["a user's token"]
    other = _secret("other")
    mariadb.execute(f"ALTER USER {user}@'%' IDENTIFIED BY '{other}'")
    mariadb.execute(f"KILL USER {user}")
    wait_for(lambda: _ask(scene, "GET", "/v1/runs", token).status_code >= 500, _SECONDS)
    wait_for(lambda: "Access denied" in engine.logged(), _SECONDS)
    _ask(scene, "GET", "/healthcheck", token)
    _manage(scene, "db", "version")
    mariadb.execute(f"ALTER USER {user}@'%' IDENTIFIED BY '{scene.secrets['the database']}'")
    wait_for(lambda: _ask(scene, "GET", "/v1/runs", token).status_code == 200, _SECONDS)


# ---------------------------------------------------------------- where nothing may be


@on_mariadb
def test_logs_and_answers_tell_no_secret(scene: Scene) -> None:
    assert {"log of api", "log of engine", "log of locked-out"} <= scene.said.keys()
    assert "DEBUG" in scene.said["log of engine"]
    said = dict(scene.said)
    # Keystone's own words about a trust that is gone may name it: of no use any more.
    gone = re.compile(f"Could not find trust: {scene.secrets['the trust']}")
    said = {place: gone.sub("", text) for place, text in said.items()}
    assert _TOKEN.search(scene.secrets["a user's token"])
    assert scene.leaks(said) == []


@on_mariadb
def test_a_list_of_all_options_masks_them(scene: Scene) -> None:
    """As whoever looks for a mistake has it logged. The service does not do that by itself."""
    logger = logging.Logger("options", logging.INFO)
    stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(stream))
    options = conf.load(config_files=[str(scene.stack.config_file)])
    delegation.load_auth(options)
    options.log_opt_values(logger, logging.INFO)  # type: ignore[arg-type]
    listed = stream.getvalue()
    for name in ("keystone_authtoken.password", "database.connection"):
        assert re.search(rf"{re.escape(name)} += \*\*\*\*$", listed, re.MULTILINE)
    assert scene.leaks({"options": listed}) == []


@on_mariadb
def test_processes_show_no_secret(scene: Scene) -> None:
    assert {name.split()[0] for name in scene.seen} == {"api", "engine"}
    assert scene.leaks({name: "".join(text) for name, text in scene.seen.items()}) == []


# ---------------------------------------------------------------- personal mode


@once
def test_personal_mode_shows_nothing_to_others(
    sandbox: Sandbox, stack: Stack, tenant: Tenant, tmp_path: Path
) -> None:
    """Its children get the password in their environment, which nobody else may read."""
    password = _secret("password")
    user = tenant.connection.identity
    answer = user.post(
        f"/users/{tenant.project.user_id}/password",
        json={"user": {"password": password, "original_password": tenant.project.name}},
    )
    assert answer.status_code == 204, answer.text
    login = _password(tenant)
    login["auth"] = {**login["auth"], "password": password}
    state = tmp_path / ".local" / "state" / "backup-manager" / "mine"
    # Somebody has made it before, for everybody.
    state.mkdir(parents=True, mode=0o755)
    os.umask(before := os.umask(0o022))
    assert before == 0o022, "the test is about the usual umask"
    person = Person(tmp_path, login)
    with person.service() as service:
        everything = {pid: seen(pid) for main in _children(service) for pid in session_of(main)} | {
            service.running.pid: seen(service.running.pid)
        }
        assert len(everything) > 3
        for pid, (line, environment) in everything.items():
            assert password not in line
            assert stat.S_IMODE(Path(f"/proc/{pid}/environ").stat().st_mode) == 0o400
            if pid == service.running.pid:
                assert password not in environment
        assert listening(everything) == {(_LOOPBACK, person.port)}
    files = [path for path in state.rglob("*") if path.is_file()]
    assert {"backup-manager.conf", "backup-manager.sqlite", "api.log", "engine.log"} <= {
        path.name for path in files
    }
    assert {str(path) for path in files if path.stat().st_mode & 0o077} == set()
    text = (
        b"".join(path.read_bytes() for path in files)
        + person.home.joinpath("personal.log").read_bytes()
    )
    assert password.encode() not in text
    assert not _TOKEN.search(text.decode(errors="replace"))


def _children(program: Program) -> list[int]:
    """The processes that it started itself, each at the head of a session."""
    path = Path(f"/proc/{program.running.pid}/task/{program.running.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


# ---------------------------------------------------------------- files


@once
def test_a_new_database_is_for_its_owner_and_group(tmp_path: Path, stack: Stack) -> None:
    path = tmp_path / "new.sqlite"
    config_file = stack.write_config("new", database__connection=f"sqlite:///{path}")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "backup_manager.cmd.manage"]
        + ["--config-file", str(config_file), "db", "sync"],
        check=True,
        capture_output=True,
        umask=0o022,
    )
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    engine.dispose()
    assert len(modes) > 1
    assert set(modes.values()) == {0o640}, modes
