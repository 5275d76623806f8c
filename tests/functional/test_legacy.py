"""Moving over from the first system: ``backup-manager-manage import-legacy``."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy

from backup_manager import legacy
from backup_manager.cmd import manage
from sandbox.client import Sandbox
from tests.functional.stack import MariaDB, Stack, Tenant, free_port, wait_for

GONE = "00000000-0000-4000-8000-000000000000"
PASSWORD = "s3cret/of:mysql"
SHANGHAI = ZoneInfo("Asia/Shanghai")
# No schedule fires on its own while a test looks at it.
_FAR = datetime.now(timezone.utc) + timedelta(hours=12)
TIME = _FAR.strftime("%H:%M")
LOCAL_TIME = _FAR.astimezone(SHANGHAI).strftime("%H:%M")

_TABLE = """
    CREATE TABLE backup_schedules (
        id VARCHAR(50) PRIMARY KEY,
        name VARCHAR(255) NOT NULL,
        backup_type ENUM('full', 'incremental') NOT NULL DEFAULT 'full',
        schedule_type ENUM('daily', 'weekly') NOT NULL DEFAULT 'weekly',
        schedule_time TIME NOT NULL DEFAULT '02:00:00',
        weekdays JSON,
        volume_ids JSON NOT NULL,
        enabled BOOLEAN NOT NULL DEFAULT TRUE,
        created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
        last_run TIMESTAMP NULL,
        next_run TIMESTAMP NULL
    ) DEFAULT CHARSET=utf8mb4
"""


def row(number: int, volume_ids: list[str], **values: Any) -> dict[str, Any]:
    """A schedule as the first system writes it to its file."""
    return {
        "id": f"schedule_20250629_20080{number}",
        "volume_ids": volume_ids,
        "backup_type": "full",
        "schedule_type": "daily",
        "schedule_time": TIME,
        "weekdays": [],
        "name": f"job {number}",
        "enabled": True,
        "created_at": "2025-06-29T20:08:00.123456",
        "last_run": None,
        "next_run": None,
        **values,
    }


class Operator:
    """Somebody with the variables of the first system in his shell."""

    def __init__(self, login: Mapping[str, str], home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self.environment = {**kept, **login, "HOME": str(home)}
        self.file = home / "backup_schedules.json"

    def write(self, *rows: Any) -> None:
        self.file.write_text(json.dumps(rows, ensure_ascii=False, indent=2))

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command as a process."""
        return subprocess.run(
            [sys.executable, "-m", "backup_manager.cmd.manage", "import-legacy", *arguments],
            env=self.environment,
            encoding="utf-8",
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same without the seconds that a new process takes to begin."""
        output, errors = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.environment, **variables}, clear=True),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            try:
                code = manage.main(["import-legacy", *arguments])
            except SystemExit as exit_:
                code = int(str(exit_.code))
        return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())

    def moved(
        self, *arguments: str, code: int = 0, source: tuple[str, ...] = (), **variables: str
    ) -> list[str]:
        """The lines between the first, which says where to, and the last, which counts."""
        done = self.run(*(source or ("--json", str(self.file))), *arguments, **variables)
        assert (done.returncode, done.stderr) == (code, ""), done.stdout + done.stderr
        first, *lines, last = done.stdout.splitlines()
        assert first.startswith("Project ")
        assert last.split()[0] == str(len(lines))
        return lines

    def refused(self, *arguments: str, code: int = 1, **variables: str) -> str:
        """The one line of a call that could not do anything."""
        done = self.run(*arguments, **variables)
        assert (done.returncode, done.stdout) == (code, ""), done.stdout + done.stderr
        assert code == 2 or len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr.splitlines()[-1]


@pytest.fixture
def operator(stack: Stack, tenant: Tenant, tmp_path: Path) -> Operator:
    return Operator(tenant.project.environment, tmp_path)


def _schedules(tenant: Tenant) -> dict[str, Any]:
    return {schedule.name: schedule for schedule in tenant.client.schedules()}


def _state(tenant: Tenant) -> list[tuple[Any, ...]]:
    """What an import could change; the engine looks after delegations at any time."""
    return [
        (each.id, each.name, each.generation, each.updated_at, each.volume_ids)
        for each in tenant.client.schedules()
    ]


def _statuses(lines: list[str]) -> list[str]:
    return [line.partition("  ")[0] for line in lines]


def test_a_file_is_moved_over_once(operator: Operator, tenant: Tenant) -> None:
    one, two = tenant.volumes(2)
    operator.write(
        row(1, [one, two], name="nightly", backup_type="incremental"),
        row(2, [two, GONE], name="", schedule_type="weekly", schedule_time="9:15:00",
            weekdays=[5, 1], enabled=False),
        row(3, [one], name="broken", schedule_time="25:00"),
        "nonsense",
        row(4, [GONE, "no-id"], name="orphan"),
        row(2, [one], name="twin"),
        row(5, [one], name="每周"),
    )  # fmt: skip
    before = (operator.file.read_bytes(), operator.file.stat().st_mtime_ns)

    planned = operator.moved("--dry-run", "--timezone", "Asia/Shanghai", code=1)
    assert _schedules(tenant) == {}
    lines = operator.moved("--timezone", "Asia/Shanghai", code=1)
    assert [line.replace("would create", "created     ") for line in planned] == lines
    assert _statuses(planned) == ["would create"] * 2 + ["failed"] * 4 + ["would create"]
    found = _schedules(tenant)
    assert set(found) == {"nightly", "schedule_20250629_200802", "每周"}
    nightly, weekly = found["nightly"], found["schedule_20250629_200802"]
    assert lines == [
        "created       schedule_20250629_200801 'nightly': incremental, "
        f"daily at {TIME}, 2 volumes, next run {nightly.next_run_at}",
        "created       schedule_20250629_200802 'schedule_20250629_200802': full, every Monday and "
        f"Friday at 09:15, 1 volume, disabled; not in this project: {GONE}",
        "failed        schedule_20250629_200803 'broken': schedule_time: '25:00' is not a time of "
        "day (HH:MM)",
        "failed        - '-': 'nonsense' is not an object",
        "failed        schedule_20250629_200804 'orphan': volume_ids: none of them is in this "
        f"project, so there is nothing to back up: {GONE}, no-id",
        "failed        schedule_20250629_200802 'twin': id: an earlier schedule has the same one; "
        "give this one another id in a copy of the file, and import that",
        f"created       schedule_20250629_200805 '每周': full, daily at {TIME}, 1 volume, next run "
        f"{nightly.next_run_at}",
    ]
    assert (nightly.backup_type, nightly.is_enabled, nightly.timezone) == (
        *("incremental", True, "Asia/Shanghai"),
    )
    assert (sorted(nightly.volume_ids), nightly.retention) == (sorted([one, two]), None)
    assert nightly.delegation["user_id"] == tenant.project.user_id
    assert weekly.recurrence == {"type": "weekly", "time": "09:15", "weekdays": [1, 5]}
    assert (weekly.volume_ids, weekly.next_run_at) == ([two], None)

    state = _state(tenant)
    done = operator.program("--json", str(operator.file), "--timezone", "Asia/Shanghai")
    assert (done.returncode, done.stderr) == (1, "")
    first, *again, last = done.stdout.splitlines()
    name = tenant.project.name
    assert first == f"Project {name} of user {name}; time zone Asia/Shanghai (--timezone)"
    assert last == "7 schedules: 3 present, 4 failed"
    assert _statuses(again) == ["present"] * 2 + ["failed"] * 4 + ["present"]
    assert again[0] == f"present       schedule_20250629_200801 'nightly': {nightly.id}"
    assert _state(tenant) == state
    assert (operator.file.read_bytes(), operator.file.stat().st_mtime_ns) == before


def test_what_was_changed_since_is_left_as_it_is(operator: Operator, tenant: Tenant) -> None:
    one, two = tenant.volumes(2)
    operator.write(row(1, [one]), row(2, [one, two]))
    assert _statuses(operator.moved()) == ["created", "created"]
    first, second = (_schedules(tenant)[name] for name in ("job 1", "job 2"))
    tenant.client.update_schedule(
        first, name="renamed", is_enabled=False, recurrence={"type": "interval", "hours": 1}
    )
    operator.write(row(1, [one]), row(2, [two]))
    before = _state(tenant)
    changed, other = operator.moved("--full-backup-retention", "4",
                                    "--incremental-backup-retention", "6")  # fmt: skip
    policy = "retention (as the project's here, full_count 4, incremental_count 6 there)"
    assert changed == (
        f"differs       schedule_20250629_200801 'job 1': {first.id}: name (renamed here, job 1 "
        "there), recurrence (every hour at minute 0 here, "
        f"daily at {TIME} there), enabled (no here, yes there), {policy}; it is left as it is"
    )
    assert other == (
        f"differs       schedule_20250629_200802 'job 2': {second.id}: {policy}, volumes (1 only "
        "here, 0 only there); it is left as it is"
    )
    assert _state(tenant) == before
    assert all("time zone" in line for line in operator.moved("--timezone", "Europe/Berlin"))
    assert _state(tenant) == before


def test_a_namesake_is_not_doubled(operator: Operator, tenant: Tenant) -> None:
    """Somebody made the schedule anew by hand, or another one of the same name."""
    one, two = tenant.volumes(2)
    by_hand = tenant.client.create_schedule("job 1", {"type": "daily", "time": TIME}, [one])
    operator.write(row(1, [one]))
    (line,) = operator.moved()
    assert line == f"present       schedule_20250629_200801 'job 1': {by_hand.id}"
    operator.write(row(1, [two]))
    (line,) = operator.moved(code=1)
    assert f"name: schedule {by_hand.id} has the same one" in line
    assert len(_schedules(tenant)) == 1
    tenant.client.update_schedule(by_hand, name="by hand")
    # In the first system names were free, so two of one name are two schedules.
    operator.write(row(1, [two]), row(2, [two], name="job 1"))
    assert _statuses(operator.moved()) == ["created", "created"]
    assert _statuses(operator.moved()) == ["present", "present"]


def test_a_volume_that_is_deleted_later_makes_no_difference(
    operator: Operator, tenant: Tenant, sandbox: Sandbox
) -> None:
    one, two = tenant.volumes(2)
    operator.write(row(1, [one, two]))
    assert _statuses(operator.moved()) == ["created"]
    tenant.connection.block_storage.delete_volume(two, ignore_missing=False)
    wait_for(lambda: tenant.connection.block_storage.find_volume(two) is None)
    wait_for(lambda: two not in [volume.id for volume in tenant.client.volumes()])
    assert _statuses(operator.moved()) == ["present"]


def test_the_first_time_is_the_right_one_and_backs_up(
    stack: Stack, operator: Operator, tenant: Tenant
) -> None:
    (volume_id,) = tenant.volumes(1)
    operator.write(
        row(1, [volume_id], schedule_type="weekly", schedule_time=LOCAL_TIME, weekdays=[1, 3, 5])
    )
    (line,) = operator.moved(
        *("--timezone", "Asia/Shanghai"),
        *("--full-backup-retention", "4", "--incremental-backup-retention", "6"),
    )
    (schedule,) = tenant.client.schedules()
    assert schedule.retention == {"full_count": 4, "incremental_count": 6}
    runs = tenant.client.preview_schedule(schedule, 3).runs
    local = [datetime.fromisoformat(run["local"]) for run in runs]
    assert {moment.isoweekday() for moment in local} == {1, 3, 5}
    assert {moment.strftime("%H:%M%z") for moment in local} == {f"{LOCAL_TIME}+0800"}
    assert line.endswith(f"next run {runs[0]['at']}")

    slot = datetime.now(timezone.utc).replace(microsecond=0)
    stack.move("schedules.next_run_at", slot, id=schedule.id)
    (run,) = wait_for(lambda: list(tenant.client.runs(schedule_id=schedule.id)))
    assert tenant.finished(run).status == "succeeded"
    (backup,) = tenant.backups(volume_id)
    stamp = slot.astimezone(SHANGHAI).strftime("%Y-%m-%d-%H-%M")
    assert (backup.status, backup.is_incremental) == ("available", False)
    assert backup.name == f"volume-0-backup-{volume_id}-{stamp}"


def test_the_zone_of_the_service_is_the_default(operator: Operator, tenant: Tenant) -> None:
    operator.write()
    done = operator.run("--json", str(operator.file))
    name = tenant.project.name
    assert done.stdout.splitlines() == [
        f"Project {name} of user {name}; time zone UTC (the default of the service)",
        "0 schedules: nothing to do",
    ]


def test_the_quota_is_warned_of(operator: Operator, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume_id,) = tenant.volumes(1)
    sandbox.set_quota(tenant.project.id, backups=0)
    operator.write(row(1, [volume_id]))
    (line,) = operator.moved()
    assert line.startswith("created")
    assert "quota" in line


class Source:
    """The database of the first system."""

    def __init__(self, url: str) -> None:
        self._engine = sqlalchemy.create_engine(url)
        self.database = str(self._engine.url.database)
        self.execute(_TABLE)

    def execute(self, statement: str, **values: Any) -> list[Any]:
        with self._engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement), values)
            return list(result.all()) if result.returns_rows else []

    def add(self, number: int, volume_ids: list[str], **values: Any) -> None:
        columns = {
            **row(number, [], schedule_time=f"{TIME}:00", created_at="2025-06-29 20:08:00"),
            "weekdays": "[]",
            "volume_ids": json.dumps(volume_ids),
            **values,
        }
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        self.execute(f"INSERT INTO backup_schedules ({names}) VALUES ({marks})", **columns)

    def content(self) -> list[Any]:
        return self.execute("SELECT * FROM backup_schedules ORDER BY id")

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def source(mariadb: MariaDB) -> Iterator[Source]:
    source = Source(mariadb.create_database())
    # It reads, and is allowed to do no more.
    source.execute("CREATE OR REPLACE USER legacy@'127.0.0.1' IDENTIFIED BY :word", word=PASSWORD)
    source.execute(f"GRANT SELECT ON {source.database}.* TO legacy@'127.0.0.1'")
    yield source
    source.close()


_WITH_MARIADB = pytest.mark.parametrize(
    "database_kind", [pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)


@_WITH_MARIADB
def test_a_table_is_moved_over_once(
    operator: Operator, tenant: Tenant, mariadb: MariaDB, source: Source
) -> None:
    one, two = tenant.volumes(2)
    source.add(1, [one, two], name="夜间", backup_type="incremental")
    source.add(2, [one], schedule_type="weekly", schedule_time="9:15:30", weekdays="[7]",
               enabled=False, last_run="2025-07-01 09:15:00")  # fmt: skip
    source.add(3, [GONE])
    source.add(4, [one], schedule_type="weekly", weekdays=None)
    source.add(5, [two], schedule_time="100:00:00")
    before = source.content()
    url = f"mysql://legacy@127.0.0.1:{mariadb.port}/{source.database}"
    options: Any = {"source": ("--mysql", url), "MYSQL_PASSWORD": PASSWORD, "code": 1}

    planned = operator.moved("--dry-run", **options)
    assert _schedules(tenant) == {}
    lines = operator.moved(**options)
    assert [line.replace("would create", "created     ") for line in planned] == lines
    assert _statuses(lines) == ["created"] * 2 + ["failed"] * 3
    assert "volume_ids: none of them is in this project" in lines[2]
    assert "weekdays: there is none" in lines[3]
    assert "schedule_time: " in lines[4]
    found = _schedules(tenant)
    nightly, weekly = found["夜间"], found["job 2"]
    state = _state(tenant)
    assert (nightly.backup_type, nightly.recurrence_text, nightly.is_enabled) == (
        *("incremental", f"daily at {TIME}", True),
    )
    assert sorted(nightly.volume_ids) == sorted([one, two])
    assert (weekly.recurrence_text, weekly.is_enabled) == ("every Sunday at 09:15", False)
    assert lines[1].endswith("1 volume, disabled; the 30 seconds of schedule_time are left out")

    source.execute("UPDATE backup_schedules SET schedule_time = '03:00' WHERE name = 'job 2'")
    again = operator.moved(**options)
    assert _statuses(again) == ["present", "differs"] + ["failed"] * 3
    assert "recurrence (every Sunday at 09:15 here, every Sunday at 03:00 there)" in again[1]
    assert _state(tenant) == state
    source.execute("UPDATE backup_schedules SET schedule_time = '9:15:30' WHERE name = 'job 2'")
    assert source.content() == before


@pytest.mark.mariadb
def test_the_table_can_only_be_read(mariadb: MariaDB, source: Source) -> None:
    """Also by a user who may do everything."""
    source.add(1, [GONE])
    engine = legacy.mysql_engine(f"mysql://root@127.0.0.1:{mariadb.port}/{source.database}", None)
    with (
        pytest.raises(sqlalchemy.exc.OperationalError, match="READ ONLY transaction"),
        engine.begin() as connection,
    ):
        connection.execute(sqlalchemy.text("DELETE FROM backup_schedules"))
    engine.dispose()
    assert len(source.content()) == 1


@_WITH_MARIADB
def test_a_database_that_can_not_be_read(
    operator: Operator, mariadb: MariaDB, source: Source
) -> None:
    place = f"127.0.0.1:{mariadb.port}"
    message = operator.refused("--mysql", f"mysql://legacy:wr0ng@{place}/{source.database}")
    assert "Access denied for user 'legacy'" in message
    assert "wr0ng" not in message
    source.execute("DROP TABLE backup_schedules")
    message = operator.refused(
        "--mysql", f"mysql://legacy@{place}/{source.database}", MYSQL_PASSWORD=PASSWORD
    )
    assert "backup_schedules" in message
    assert "doesn't exist" in message
    message = operator.refused("--mysql", f"mysql://legacy:wr0ng@127.0.0.1:{free_port()}/x")
    assert "Can't connect to MySQL server" in message
    for url in ("wr0ng", "postgresql://a:wr0ng@b/c", "mysql://a:wr0ng@b", "mysql://a:wr0ng@b:c/d"):
        message = operator.refused("--mysql", url)
        assert message.endswith("The URL has to be mysql://USER@HOST:PORT/DATABASE.")
        assert "wr0ng" not in message


def test_a_file_that_can_not_be_read(operator: Operator) -> None:
    given = ("--json", str(operator.file))
    assert "No such file" in operator.refused(*given)
    for content, reason in ((b"[{", "is not JSON"), (b"{}", "is not a list"), (b"\xff", "JSON")):
        operator.file.write_bytes(content)
        assert reason in operator.refused(*given)
    assert "one of the arguments --json --mysql" in operator.refused(code=2)
    operator.file.write_bytes(b"\xef\xbb\xbf[]")  # as an editor of Windows saves it
    assert operator.moved() == []


def test_options_that_can_not_be_used(operator: Operator) -> None:
    operator.write()
    given = ("--json", str(operator.file))
    message = operator.refused(*given, "--timezone", "Peking", code=2)
    assert "--timezone: must be an IANA name" in message
    assert "number from 1" in operator.refused(*given, "--full-backup-retention", "0", code=2)
    assert "Give both" in operator.refused(*given, "--full-backup-retention", "4")


def test_a_login_that_does_not_work(operator: Operator, tenant: Tenant, sandbox: Sandbox) -> None:
    operator.write()
    given = ("--json", str(operator.file))
    assert "nosuch" in operator.refused(*given, "--os-cloud", "nosuch")
    message = operator.refused(*given, OS_PASSWORD="wrong")
    assert "The request you have made requires authentication" in message
    url = f"http://127.0.0.1:{free_port()}"
    message = operator.refused(*given, OS_BACKUP_MANAGER_ENDPOINT_OVERRIDE=url)
    assert f"Unable to establish connection to {url}" in message
    with sandbox.connection("admin") as admin:
        user = admin.identity.create_user(
            name=f"lost-{tenant.project.name}", password="lost", domain_id="default"
        )
    operator.environment.pop("OS_PROJECT_NAME")
    message = operator.refused(*given, OS_USERNAME=user.name, OS_PASSWORD="lost")
    assert "for no project: set OS_PROJECT_NAME" in message
    operator.environment.pop("OS_AUTH_URL")
    assert "auth_url" in operator.refused(*given)


@pytest.mark.parametrize("role", ["member", "admin"])
def test_another_project_gets_nothing(
    operator: Operator, tenant: Tenant, sandbox: Sandbox, role: str
) -> None:
    operator.write(row(1, tenant.volumes(1)))
    assert len(list(tenant.client.volumes())) == 1, "now the service knows of it"
    stranger = Tenant(sandbox, sandbox.create_project(role=role))
    operator.environment.update(stranger.project.environment)
    for option in (["--dry-run"], []):
        (line,) = operator.moved(*option, code=1)
        assert "none of them is in this project" in line
    assert _schedules(tenant) == _schedules(stranger) == {}


def test_who_may_only_read_moves_nothing(
    operator: Operator, tenant: Tenant, sandbox: Sandbox
) -> None:
    volume_id = tenant.volumes(1)[0]
    operator.write(row(1, [volume_id]), row(2, [volume_id]))
    with sandbox.connection("admin") as admin:
        user = admin.identity.create_user(
            name=f"reader-{tenant.project.name}", password="reader",
            default_project_id=tenant.project.id, domain_id="default",
        )  # fmt: skip
        role = admin.identity.find_role("reader", ignore_missing=False)
        admin.identity.assign_project_role_to_user(tenant.project.id, user, role)
    operator.environment.update(OS_USERNAME=user.name, OS_PASSWORD="reader")
    lines = operator.moved(code=1)
    assert _statuses(lines) == ["failed", "failed"]
    assert all("schedule:create" in line for line in lines)
    assert _schedules(tenant) == {}
