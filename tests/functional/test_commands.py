"""The ``openstack backup-manager`` commands, as a user types and reads them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import Sandbox
from tests.functional.stack import REPOSITORY, Stack, Tenant, free_port, once, wait_for

pytestmark = once

OPENSTACK = Path(sys.executable).with_name("openstack")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Shell:
    """A user's shell.

    :param login: his ``OS_`` variables
    :param program: the ``openstack`` that he has
    """

    def __init__(self, login: Mapping[str, str], home: Path, program: Path = OPENSTACK) -> None:
        self._program = program
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._environment = {**kept, **login, "HOME": str(home)}

    def run(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command, without its beginning ``openstack backup-manager``."""
        return subprocess.run(
            [str(self._program), "backup-manager", *shlex.split(line)],
            env={**self._environment, **variables},
            encoding="utf-8",
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )

    def __call__(self, line: str) -> str:
        """What a command prints that succeeds and has nothing to complain about."""
        done = self.run(line)
        assert (done.returncode, done.stderr) == (0, ""), f"{line}: {done.stderr}"
        return done.stdout

    def json(self, line: str) -> Any:
        return json.loads(self(f"{line} -f json"))

    def waited(self, line: str, code: int = 0) -> tuple[Any, list[str]]:
        """The run that a command waited for, and its lines on stderr."""
        done = self.run(f"{line} --wait -f json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout), done.stderr.splitlines()

    def refused(self, line: str, **variables: str) -> str:
        """The one line that a command prints that fails."""
        done = self.run(line, **variables)
        assert (done.returncode, done.stdout) == (1, ""), f"{line}: {done.stdout}{done.stderr}"
        (message,) = done.stderr.splitlines()
        return message


@pytest.fixture
def shell(stack: Stack, tenant: Tenant, tmp_path: Path) -> Shell:
    return Shell(tenant.project.environment, tmp_path)


def _volumes(sandbox: Sandbox, tenant: Tenant, *names: str) -> list[str]:
    return [sandbox.create_volume(tenant.connection, name, data=name.encode()).id for name in names]


def _rows(table: str) -> list[list[str]]:
    """The cells of a table, without its titles."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def _fields(table: str) -> dict[str, str]:
    """A display of one thing: the first line of each value."""
    return {name: value for name, value in _rows(table) if name}


def _readme_commands(begin: str, end: str) -> list[str]:
    """The commands between two texts of the README, without what they all begin with."""
    readme = (REPOSITORY / "README.rst").read_text()
    section = readme.partition(begin)[2].partition(end)[0]
    text = re.sub(r"\\\n\s*", "", section)
    return re.findall(r"\$ openstack backup-manager (.*)", text)


def test_the_ten_lines_of_the_readme(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    web, db, mail = _volumes(sandbox, tenant, "web-data", "db-data", "mail-data")
    commands = _readme_commands("The command line in ten lines", "Each command")
    assert len(commands) == 10
    outputs = []
    for command in commands:
        done = shell.run(re.sub(r"(?<=run show )\S+", _last_run(tenant), command))
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if "--wait" in command:
            assert re.fullmatch(r"(\d of \d done.*\n)+", done.stderr)
        else:
            assert done.stderr == ""
        outputs.append(done.stdout)
    unprotected, created, backups, schedule, preview, *quiet, failed, shown = outputs
    assert [row[1] for row in _rows(unprotected)] == ["db-data", "mail-data", "web-data"]
    assert _fields(created)["counts"] == "2/2"
    ((_, *backup),) = _rows(backups)
    assert backup[:4] == ["db-data", "full", "available", "1"]
    assert _fields(schedule)["recurrence"] == "daily at 02:00"
    assert _fields(preview)["description"] == "every Monday and Friday at 23:30"
    assert "tasks" in _fields(shown)
    assert _rows(failed) == []

    (found,) = tenant.client.schedules()
    assert (found.name, found.is_enabled, found.timezone) == ("nightly", False, "Asia/Shanghai")
    assert (found.recurrence, found.volume_ids) == (
        {"type": "daily", "time": "03:00"},
        sorted([web, db, mail]),
    )
    assert (found.backup_type, found.max_incrementals) == ("incremental", 6)
    assert [len(tenant.backups(volume)) for volume in (web, db, mail)] == [2, 2, 1]
    assert quiet[0] == quiet[2] == ""  # set and disable have nothing to say
    assert _fields(quiet[1])["counts"] == "3/3"


def test_the_other_lines_of_the_readme(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    (volume,) = _volumes(sandbox, tenant, "db-data")
    tenant.finished(tenant.client.create_backup([volume]))
    commands = _readme_commands("Each command", "The parts")
    assert len(commands) == 5
    # Without fractions of a second, and not before the backup.
    moment = f"{datetime.now(timezone.utc) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    done = [shell.run(re.sub(r"(?<=--at )\S+", moment, command)) for command in commands]
    assert [each.returncode for each in done] == [0] * 5, [each.stderr for each in done]
    outputs = [each.stdout for each in done]
    restored, chain, policy, simulation, cleaned = outputs
    assert _fields(restored)["counts"] == "1/1"
    assert len(_rows(chain)) == 1
    assert "30 days" in policy
    assert len(_rows(simulation)) > 7
    assert "nothing goes" in cleaned
    assert len(tenant.backups(volume)) == 1


def _last_run(tenant: Tenant) -> str:
    return next((run.id for run in tenant.client.runs()), "none-yet")


def test_volumes(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    good, bad = _volumes(sandbox, tenant, "good", "bad")
    with sandbox.connection("admin") as admin:
        admin.block_storage.reset_volume_status(bad, status="error")
    rows = {row[1]: row for row in _rows(shell("volume list --sort name:desc"))}
    assert list(rows) == ["good", "bad"]
    assert rows["good"] == [good, "good", "available", "1", "✓", "-", "-"]
    assert "status is error" in rows["bad"][4]
    shown = _fields(shell("volume show good"))
    assert (shown["can_back_up"], shown["schedules"]) == ("✓", "-")
    (raw,) = shell.json("volume list --can-back-up --long")
    assert (raw["Can Back Up"], raw["Size"], raw["Bootable"]) == (True, 1, False)
    assert (raw["Schedules"], raw["Servers"], raw["Last Backup"]) == ([], [], None)


def test_backups(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    _volumes(sandbox, tenant, "data")
    run, progress = shell.waited("backup create data --name mine --description 'By hand'")
    assert (run["status"], run["counts"]["succeeded"]) == ("succeeded", 1)
    assert progress[-1] == "1 of 1 done"
    (listed,) = shell.json("backup list --volume data --since 7d --long")
    assert (listed["Name"], listed["Description"], listed["Size"]) == ("mine", "By hand", 1)
    assert (listed["Run ID"], listed["Has Dependents"]) == (run["id"], False)
    shown = _fields(shell("backup show mine"))
    assert (shown["id"], shown["type"], shown["parent_id"]) == (listed["ID"], "full", "-")


def test_restores(shell: Shell, sandbox: Sandbox, tenant: Tenant, tmp_path: Path) -> None:
    source, other = _volumes(sandbox, tenant, "source", "other")
    shell.waited("backup create source --name first")
    sandbox.write_volume(source, b"SPOILT")
    run, progress = shell.waited("backup restore first --name copy --availability-zone nova")
    assert (run["action"], run["status"], progress[-1]) == ("restore", "succeeded", "1 of 1 done")
    (copy,) = run["volumes"]
    assert sandbox.read_volume(copy).startswith(b"source")
    (task,) = shell.json(f"run show {run['id']}")["tasks"]
    assert (task["target_volume_id"], task["backup_id"] is None) == (copy, False)
    assert re.search(rf"volume {copy}, [\d.]+ s at \d+ MB/s", shell(f"run show {run['id']}"))

    message = shell.refused("backup restore first --onto other")
    question = f"This overwrites all data of volume other ({other}, 1 GB)."
    assert message == f"{question} Add --yes to do so without being asked."
    assert sandbox.read_volume(other).startswith(b"other")
    shell.waited("backup restore first --onto other --yes")
    assert sandbox.read_volume(other).startswith(b"source")

    message = shell.refused("backup restore --volume source --at 365d")
    assert re.match("items.*at: .*its oldest one is", message)
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        f"- {{backup: first, onto: source}}\n- {{volume: {source}, at: 2100-01-01, name: again}}\n"
    )
    run, _ = shell.waited(f"backup restore --file {plan} --yes")
    assert [sandbox.read_volume(each)[:6] for each in run["volumes"]] == [b"source"] * 2
    assert run["volumes"][0] == source
    newest, *_ = shell.json("run list --action restore")
    assert newest["ID"] == run["id"]


def test_schedules(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    one, other = _volumes(sandbox, tenant, "one", "other")
    recurrences: dict[str, tuple[str, str, Any]] = {
        "weekly": (
            "--weekly 23:30 --weekday fri,mon --timezone Europe/Berlin",
            "every Monday and Friday at 23:30",
            {"type": "weekly", "time": "23:30", "weekdays": [1, 5]},
        ),
        "monthly": (
            "--monthly 2:05 --day last",
            "on the last day of each month at 02:05",
            {"type": "monthly", "time": "02:05", "day": "last"},
        ),
        "interval": (
            "--every 6h --minute 15",
            "every 6 hours at minute 15",
            {"type": "interval", "hours": 6, "minute": 15},
        ),
        "cron": (
            "--cron '0 2 * * 1-5' --disabled",
            "cron 0 2 * * 1-5",
            {"type": "cron", "expression": "0 2 * * 1-5"},
        ),
    }
    for name, (options, text, _) in recurrences.items():
        shown = _fields(shell(f"schedule create {name} --volume one {options}"))
        assert (shown["name"], shown["recurrence"], shown["last_run"]) == (name, text, "-")
    listed = {row["Name"]: row for row in shell.json("schedule list --long")}
    assert {name: row["Recurrence"] for name, row in listed.items()} == {
        name: recurrence for name, (_, _, recurrence) in recurrences.items()
    }
    assert [row["Enabled"] for row in listed.values()] == [False, True, True, True]
    assert listed["cron"]["Next Run"] is None
    assert listed["monthly"]["Max Incrementals"] == 6

    shell("schedule set cron --volume other --description 'Kept for a year' --name kept")
    shell("schedule enable kept")
    raw = shell.json("schedule show kept")
    assert (raw["enabled"], raw["generation"]) == (True, 3)
    assert sorted(raw["volumes"]) == sorted([one, other])
    assert raw["delegation"]["state"] == "active"
    shown_kept = shell("schedule show kept")
    assert f"{one}  one " in shown_kept
    assert f"{other}  other " in shown_kept
    shell("schedule unset kept --volume one --description")
    raw = shell.json("schedule show kept")
    assert (raw["volumes"], raw["description"]) == ([other], None)
    times = shell.json("schedule preview kept --count 2")["runs"]
    assert [time.keys() for time in times] == [{"at", "local"}] * 2

    done = shell.run("schedule delete weekly gone monthly")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Failed to delete schedule 'gone': No schedule has the name or ID 'gone'",
        "1 of 3 schedules failed to delete.",
    ]
    assert [row[1] for row in _rows(shell("schedule list"))] == ["interval", "kept"]


def test_runs(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    (volume_id,) = _volumes(sandbox, tenant, "slow")
    with sandbox.fault("backup", delay=60, volume_id=volume_id):
        running = shell.json("backup create slow")["id"]
        sandbox.wait_until_held(volume_id)
        waiting = shell.json(f"backup create {volume_id}")["id"]
        wait_for(lambda: tenant.client.get_run(running).status == "running")
        assert [row[3:5] for row in _rows(shell("run list"))] == [
            ["pending", "0/1, 1 pending"],
            ["running", "0/1, 1 running"],
        ]
        assert _fields(shell(f"run cancel {waiting}"))["status"] == "cancelled"
    assert "so there is nothing to cancel" in shell.refused(f"run cancel {waiting}")
    tenant.finished(tenant.client.get_run(running))
    (row,) = shell.json("run list --status succeeded --trigger user --long")
    assert (row["ID"], row["Tasks"]["succeeded"], row["Missed Slots"]) == (running, 1, 0)
    shown = shell.json(f"run show {running}")
    (task,) = shown["tasks"]
    assert (task["volume_name"], task["size_gb"], task["attempts"]) == ("slow", 1, 1)


def test_waiting_for_a_run_that_fails(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    _, bad = _volumes(sandbox, tenant, "good", "bad")
    with sandbox.fault("backup", error="the store is on fire", volume_id=bad):
        run, (*progress, message) = shell.waited("backup create good bad", code=1)
    assert run["status"] == "partial"
    assert progress[-1] == "2 of 2 done, 1 failed"
    assert all(re.match(r"\d of 2 done", line) for line in progress)
    expected = f"Run {run['id']}: 1 of 2 did not succeed: bad (the store is on fire)"
    assert message == expected
    assert re.search("bad +failed +the store is on fire", shell(f"run show {run['id']}"))


def test_services_as_administrator(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> None:
    admin = sandbox.create_project(role="admin")
    shell = Shell(admin.environment, tmp_path)
    # Engines of other tests may not have taken leave.
    services = {row[1]: row for row in _rows(shell("service list"))}
    assert services["engine"][:3] == ["backup-manager-engine", "engine", "up"]


def test_one_line_says_what_is_wrong(shell: Shell, sandbox: Sandbox, tenant: Tenant) -> None:
    twins = _volumes(sandbox, tenant, "twin", "twin")
    unknown = "No volume has the name or ID 'nothing'"
    assert shell.refused("backup create twin nothing --wait").startswith("More than one volume")
    assert shell.refused("backup create nothing --wait") == unknown
    message = shell.refused("volume show twin")
    assert sorted(re.findall(_UUID, message)) == sorted(twins)
    message = shell.refused(f"schedule create s --volume {twins[0]} --cron '0 0 2 * * *'")
    assert message.startswith("recurrence.expression: ")
    assert "service:list" in shell.refused("service list")
    assert tenant.backups() == []


def test_a_service_that_is_down(shell: Shell) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for command in ("volume list", "schedule delete nightly"):
        message = shell.refused(command, OS_BACKUP_MANAGER_ENDPOINT_OVERRIDE=url)
        assert message.startswith(f"Unable to establish connection to {url}")
        assert "Connection refused" in message
