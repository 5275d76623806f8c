"""``backup-manager-status upgrade check``: what it finds, on a real cloud."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from oslo_config import cfg

from backup_manager import conf
from backup_manager.cmd import status
from backup_manager.db import migration, models
from backup_manager.db import session as db_session
from tests.functional.stack import Stack

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
OK, WARNING, FAILURE = 0, 1, 2
Look = Callable[..., tuple[int, dict[str, tuple[int, str]]]]


@pytest.fixture
def look(stack: Stack) -> Look:
    """Runs the program with changed options; returns its code, and results by check."""

    def run(**options: Any) -> tuple[int, dict[str, tuple[int, str]]]:
        config_file = stack.write_config(f"status-{uuid.uuid4().hex[:8]}", **options)
        done = _status("--config-file", str(config_file), "upgrade", "check", "--json")
        assert done.stdout.startswith("{"), done
        checks = json.loads(done.stdout)["checks"]
        found = {each["check"]: (each["result"], each["details"] or "") for each in checks}
        return done.returncode, found

    return run


def _status(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "backup_manager.cmd.status", *arguments],
        text=True,
        capture_output=True,
    )


def _bad(found: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    return {name: result for name, result in found.items() if result[0] != OK}


def test_all_is_well(look: Look, stack: Stack) -> None:
    code, found = look()
    # Other tests may leave broken schedules behind.
    found.pop("Delegations")
    assert _bad(found) == {}
    assert len(found) == 7
    assert code in (OK, WARNING)
    done = _status("--config-file", str(stack.config_file), "upgrade", "check")
    assert "Check: Cinder microversion" in done.stdout
    assert done.stderr == ""


def test_a_broken_delegation_is_a_warning(look: Look, database: str) -> None:
    options = conf.load(config_files=[])
    options.set_override("connection", database, group="database")
    db_session.configure(options)
    migration.sync()
    with db_session.writer() as session:
        session.add(
            models.Delegation(
                id="d", project_id="p", user_id="u", mode="trust", state="broken", created_at=NOW
            )
        )
        session.flush()
        session.add(
            models.Schedule(
                id="s", project_id="p", user_id="u", name="nightly", enabled=True, generation=1,
                backup_type="full", max_incrementals=6, recurrence={}, cron="0 2 * * *",
                timezone="UTC", delegation_id="d", created_at=NOW, next_run_at=NOW,
            )
        )  # fmt: skip
    db_session.engine().dispose()
    code, found = look(database__connection=database)
    assert code == WARNING
    assert set(_bad(found)) == {"Delegations"}
    assert "may not act for 1 enabled schedule, such as nightly (s)" in found["Delegations"][1]


@pytest.mark.parametrize(
    ("options", "check", "result", "words"),
    [
        pytest.param({"engine__max_running": "many"}, "Configuration", FAILURE,
                     "[engine]max_running: ", id="value"),
        pytest.param({"engine__claim_timeout": 12}, "Configuration", FAILURE,
                     "it must be at least", id="timeouts"),
        pytest.param({"keystone_authtoken__password": "wrong"}, "Service user and trusts", FAILURE,
                     "can't log in to Keystone", id="password"),
        pytest.param({"keystone_authtoken__username": "demo",
                      "keystone_authtoken__password": "demo",
                      "keystone_authtoken__project_name": "demo"},
                     "Service user and trusts", WARNING, "service register", id="role"),
        pytest.param({"cinder__endpoint_override": "http://127.0.0.1:1/v3"}, "Cinder microversion",
                     WARNING, "No version document from Cinder at", id="cinder-gone"),
        pytest.param({"database__connection": "sqlite:////nowhere/at.all"}, "Database schema",
                     FAILURE, "unable to open database file", id="database-gone"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    look: Look, options: dict[str, Any], check: str, result: int, words: str
) -> None:
    code, found = look(**options)
    assert found[check][0] == result
    assert words in found[check][1]
    assert code >= result


def test_a_schema_that_is_not_current(look: Look, database: str) -> None:
    code, found = look(database__connection=database)
    assert code == FAILURE
    result, details = found["Database schema"]
    assert result == FAILURE
    assert "backup-manager-manage db sync" in details
    assert found["Delegations"][0] == FAILURE


def test_a_policy_file_in_json(look: Look, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"volume:list": ""}')
    found = look(oslo_policy__policy_file=path)[1]
    assert found["Policy file"][0] == WARNING
    assert "oslopolicy-convert-json-to-yaml --namespace backup_manager" in found["Policy file"][1]
    path.write_text('"volume:list": ""\n')
    assert look(oslo_policy__policy_file=path)[1]["Policy file"][0] == OK


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ("[keystone_authtoken]\npassword = secret\n", True),
        ("[admin_credentials]\napplication_credential_secret=secret\n", True),
        ("[database]\nconnection = mysql+pymysql://u:secret@host/name\n", True),
        ("[database]\nconnection = mysql+pymysql://host/name\n", False),
        ("# password = secret\n[DEFAULT]\ndebug = true\n", False),
    ],
)
def test_a_file_with_secrets_that_everybody_reads(
    stack: Stack, tmp_path: Path, text: str, is_secret: bool
) -> None:
    path = tmp_path / "more.conf"
    path.write_text(text)

    def look() -> tuple[int, str]:
        options = cfg.ConfigOpts()
        conf.register(options)
        options([], default_config_files=[str(stack.config_file), str(path)])
        result = status.Checks(options)._files()
        return result.code, result.details or ""

    path.chmod(0o640)
    assert look()[0] == OK
    path.chmod(0o644)
    code, details = look()
    assert (code == WARNING, details.endswith(f"Run: chmod o= {path}")) == (is_secret, is_secret)


def test_a_database_that_everybody_reads(look: Look, tmp_path: Path) -> None:
    path = tmp_path / "open.sqlite"
    path.touch(mode=0o644)
    path.chmod(0o644)
    code, details = look(database__connection=f"sqlite:///{path}")[1]["Permissions of files"]
    assert (code, details.endswith(f"chmod o= {path}")) == (WARNING, True)
    path.chmod(0o640)
    url = f"sqlite:///{path}"
    assert look(database__connection=url)[1]["Permissions of files"] == (OK, "")


@pytest.mark.mariadb
def test_a_database_without_room_for_every_name(look: Look, mariadb: Any) -> None:
    url = mariadb.create_database()
    name = sqlalchemy.make_url(url).database
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} CHARACTER SET latin1")
    engine.dispose()
    result, details = look(database__connection=url)[1]["Database server"]
    assert result == WARNING
    assert "the character set latin1" in details


def test_a_configuration_that_can_not_be_read(tmp_path: Path) -> None:
    done = _status("--config-file", str(tmp_path / "none"), "upgrade", "check")
    assert done.returncode == 255
    assert done.stderr.startswith("backup-manager-status: ")
    assert done.stderr.count("\n") == 1
