"""The commands that list and show: tables for people, values for programs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import PROJECT, FakeCloud, Refused, counts


def _rows(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _fields(table: str) -> dict[str, str]:
    return dict(_rows(table))


def _query(cloud: FakeCloud) -> dict[str, str]:
    return cloud.requests[-1][2]


class TestVolumes:
    @pytest.fixture(autouse=True)
    def volumes(self, cloud: FakeCloud) -> dict[str, Any]:
        nightly = {"id": "1", "name": "nightly", "enabled": True}
        weekly = {"id": "2", "name": "weekly", "enabled": False}
        last = {"id": "3", "name": "x", "type": "full", "created_at": "2026-11-20T02:00:07Z"}
        creating = {"can_back_up": False, "reason": "it is being created", "status": "creating"}
        return {
            "db": cloud.volume("db", schedules=[nightly, weekly], last_backup=last),
            "new": cloud.volume(None, **creating),
        }

    def test_table(self, openstack: Openstack, volumes: dict[str, Any]) -> None:
        result = openstack("backup-manager volume list")
        assert (result.code, result.err) == (0, "")
        assert _rows(result.out) == [
            ["ID", "Name", "Status", "Size", "Can Back Up", "Schedules", "Last Backup"],
            [volumes["db"]["id"], "db", "available", "10", "✓", "nightly", "2026-11-20 02:00Z"],
            [volumes["new"]["id"], "-", "creating", "10", "it is being created", "-", "-"],
        ]

    def test_json(self, openstack: Openstack, volumes: dict[str, Any]) -> None:
        first, second = openstack("backup-manager volume list -f json").json
        assert first["Can Back Up"] is True
        assert first["Size"] == 10
        assert first["Schedules"] == volumes["db"]["schedules"]
        assert first["Last Backup"] == volumes["db"]["last_backup"]
        assert "Late" not in first
        assert (second["Name"], second["Can Back Up"], second["Last Backup"]) == (
            None,
            False,
            None,
        )

    def test_long(self, openstack: Openstack) -> None:
        row = openstack("backup-manager volume list --long -f json").json[1]
        assert row["Reason"] == "it is being created"
        assert row["Late"] is False
        assert row["Servers"] == []

    def test_sort_column(self, openstack: Openstack, volumes: dict[str, Any]) -> None:
        """What has no value comes first, without a complaint."""
        result = openstack("backup-manager volume list -f json --sort-column Name")
        assert [row["Name"] for row in result.json] == [None, "db"]
        assert result.err == ""
        result = openstack("backup-manager volume list -f value -c ID --sort-column Last_Backup")
        assert result.out.split() == [volumes["new"]["id"], volumes["db"]["id"]]

    def test_project_by_name(self, openstack: Openstack, cloud: FakeCloud) -> None:
        assert openstack("backup-manager volume list --project demo").code == 0
        assert _query(cloud)["project_id"] == PROJECT

    def test_show(self, openstack: Openstack, volumes: dict[str, Any]) -> None:
        fields = _fields(openstack("backup-manager volume show db").out)
        assert fields["schedules"] == "nightly, weekly (disabled)"
        assert fields["last_backup"] == "2026-11-20 02:00:07Z, full, 3"
        raw = openstack("backup-manager volume show db -f json").json
        assert raw == {**volumes["db"], "created_at": "2026-11-01T08:00:00Z"}

    def test_ambiguous(
        self, openstack: Openstack, cloud: FakeCloud, volumes: dict[str, Any]
    ) -> None:
        twin = cloud.volume("db")
        result = openstack("backup-manager volume show db")
        assert result.code == 1
        assert result.err == (
            "More than one volume has the name 'db', use an ID: "
            f"{volumes['db']['id']}, {twin['id']}\n"
        )

    def test_unknown(self, openstack: Openstack) -> None:
        result = openstack("backup-manager volume show nope")
        assert (result.code, result.err) == (1, "No volume has the name or ID 'nope'\n")

    @pytest.mark.parametrize(
        ("options", "query"),
        [
            ("--name db --status available", {"name": "db", "status": "available"}),
            ("--can-back-up --protected", {"can_back_up": "true", "protected": "true"}),
            ("--cannot-back-up --unprotected", {"can_back_up": "false", "protected": "false"}),
            ("--late --search db", {"late": "true", "search": "db"}),
            ("--sort size_gb:desc", {"sort": "size_gb:desc"}),
            ("--all-projects", {"all_projects": "true"}),
            (f"--project {PROJECT}", {"all_projects": "true", "project_id": PROJECT}),
        ],
    )
    def test_options(
        self, openstack: Openstack, cloud: FakeCloud, options: str, query: dict[str, str]
    ) -> None:
        assert openstack(f"backup-manager volume list {options}").code == 0
        assert _query(cloud) == {"limit": "1000", **query}

    def test_all_projects_shows_the_project(self, openstack: Openstack) -> None:
        row = openstack("backup-manager volume list --all-projects -f json").json[0]
        assert row["Project ID"] == PROJECT


class TestPages:
    @pytest.fixture(autouse=True)
    def volumes(self, cloud: FakeCloud) -> list[str]:
        cloud.page = 2
        return [cloud.volume(f"db-{n}")["name"] for n in range(5)]

    def test_all(self, openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
        result = openstack("backup-manager volume list -f value -c Name")
        assert result.out.split() == volumes
        assert len(cloud.requests) == 3

    def test_limit(self, openstack: Openstack, cloud: FakeCloud) -> None:
        result = openstack("backup-manager volume list -f value -c Name --limit 3")
        assert result.out.split() == ["db-0", "db-1", "db-2"]
        assert len(cloud.requests) == 2

    def test_marker(self, openstack: Openstack, cloud: FakeCloud) -> None:
        marker = cloud.data["volumes"][2]["id"]
        result = openstack(f"backup-manager volume list -f value -c Name --marker {marker}")
        assert result.out.split() == ["db-3", "db-4"]

    def test_bad_limit(self, openstack: Openstack) -> None:
        result = openstack("backup-manager volume list --limit 0")
        assert result.code == 2
        assert "'0' is not a number from 1 on" in result.err


class TestBackups:
    def test_table(self, openstack: Openstack, cloud: FakeCloud) -> None:
        backup = cloud.backup(cloud.volume("db"))
        result = openstack("backup-manager backup list")
        assert _rows(result.out) == [
            ["ID", "Volume", "Type", "Status", "Size", "Created At"],
            [backup["id"], "db", "full", "available", "10", "2026-11-20 02:00Z"],
        ]
        assert max(map(len, result.out.splitlines())) <= 100

    def test_filters(self, openstack: Openstack, cloud: FakeCloud) -> None:
        volume = cloud.volume("db")
        options = "--volume db --search b --type full"
        period = "--since 2026-11-20 --until 2026-11-20T10:00+08:00"
        assert openstack(f"backup-manager backup list {options} {period}").code == 0
        assert _query(cloud) == {
            "limit": "1000",
            "volume_id": volume["id"],
            "search": "b",
            "type": "full",
            "since": "2026-11-20T00:00:00Z",
            "until": "2026-11-20T02:00:00Z",
        }

    def test_of_a_deleted_volume(self, openstack: Openstack, cloud: FakeCloud) -> None:
        gone = {"id": "f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8", "name": "gone", "size_gb": 1}
        backup = cloud.backup(gone)
        rows = openstack(f"backup-manager backup list --volume {gone['id']} -f json").json
        assert [row["ID"] for row in rows] == [backup["id"]]

    def test_show(self, openstack: Openstack, cloud: FakeCloud) -> None:
        volume = cloud.volume("db")
        full = cloud.backup(volume)
        more = {"type": "incremental", "parent_id": full["id"], "parent_source": "derived"}
        backup = cloud.backup(volume, name="later", **more)
        assert openstack("backup-manager backup show later -f json").json == backup
        fields = _fields(openstack(f"backup-manager backup show {backup['id']}").out)
        assert fields["parent_id"] == f"{full['id']} (derived)"

    @pytest.mark.parametrize(
        ("keep", "expires_at", "text"),
        [
            (True, "2026-12-20T02:00:00Z", "stays until 2026-12-20 02:00:00Z: Young enough."),
            (True, None, "stays: Young enough."),
            (False, "2026-11-20T02:00:00Z", "goes: Young enough."),
        ],
    )
    def test_retention(
        self, openstack: Openstack, cloud: FakeCloud, keep: bool, expires_at: str | None, text: str
    ) -> None:
        decided = {"keep": keep, "rule": "x", "reason": "Young enough.", "expires_at": expires_at}
        backup = cloud.backup(cloud.volume("db"), retention=decided)
        fields = _fields(openstack(f"backup-manager backup show {backup['id']}").out)
        assert fields["retention"] == text


class TestRuns:
    def test_table(self, openstack: Openstack, cloud: FakeCloud) -> None:
        bad = cloud.run(
            [],
            schedule_name="nightly",
            status="partial",
            counts=counts(succeeded=58, failed=2),
        )
        busy = cloud.run([], status="running", counts=counts(submitting=1, running=2, pending=3))
        missed = cloud.run([], status="missed", missed_slots=3)
        waiting = cloud.run([], action="delete", status="waiting", counts=counts(waiting=9))
        minute = ["2026-11-20 10:15Z"]
        assert _rows(openstack("backup-manager run list").out) == [
            ["ID", "Action", "Schedule", "Status", "Tasks", "Created At"],
            [bad["id"], "backup", "nightly", "partial", "58/60, 2 failed", "2026-11-20 10:15Z"],
            [busy["id"], "backup", "-", "running", "0/6, 3 running, 3 pending", *minute],
            [missed["id"], "backup", "-", "missed", "3 missed", *minute],
            [waiting["id"], "delete", "-", "waiting", "0/9, 9 waiting", *minute],
        ]
        rows = openstack("backup-manager run list -f json").json
        assert rows[0]["Tasks"] == counts(succeeded=58, failed=2)

    def test_filters(self, openstack: Openstack, cloud: FakeCloud) -> None:
        schedule = cloud.schedule("nightly", [])
        volume = cloud.volume("db")
        options = "--schedule nightly --status failed --action backup --trigger user --volume db"
        assert openstack(f"backup-manager run list {options} --limit 5").code == 0
        assert _query(cloud) == {
            "limit": "5",
            "schedule_id": schedule["id"],
            "status": "failed",
            "action": "backup",
            "trigger": "user",
            "volume_id": volume["id"],
        }

    def test_show(self, openstack: Openstack, cloud: FakeCloud) -> None:
        run = cloud.run([cloud.volume("db"), cloud.volume("web-1")])
        cloud.finish(run, {"web-1": "no space left"})
        rows = _rows(openstack(f"backup-manager run show {run['id']}").out)
        assert ["counts", "1/2, 1 failed"] in rows
        assert rows[-2:] == [
            ["tasks", "web-1  failed     no space left"],
            ["", "db     succeeded  full"],
        ]
        raw = openstack(f"backup-manager run show {run['id']} -f json").json
        tasks = [{**task} for task in cloud.tasks_of(run)]
        for task in tasks:
            del task["run_id"], task["project_id"]
        assert raw == {**run, "tasks": tasks}

    def test_watch(self, openstack: Openstack, cloud: FakeCloud) -> None:
        run = cloud.run([cloud.volume("db"), cloud.volume("web")])
        busy = {"status": "running", "counts": counts(running=1, succeeded=1)}
        cloud.scripts[run["id"]] = [{}, busy, {"finish": True, "errors": {"web": "no space left"}}]
        result = openstack(f"backup-manager run show {run['id']} --watch")
        assert result.code == 1
        assert ["", "db   succeeded  full"] in _rows(result.out)
        assert result.err.splitlines() == [
            "1 of 2 done, 1 running",
            "2 of 2 done, 1 failed",
            f"Run {run['id']}: 1 of 2 did not succeed: web (no space left)",
        ]
        run = cloud.run([cloud.volume("db")])
        cloud.finish(run)
        assert openstack(f"backup-manager run show {run['id']} --watch").code == 0

    def test_cancel(self, openstack: Openstack, cloud: FakeCloud) -> None:
        run = cloud.run([cloud.volume("db")])
        assert openstack(f"backup-manager run cancel {run['id']} -f value -c status").out == (
            "cancelled\n"
        )
        result = openstack(f"backup-manager run cancel {run['id']}")
        assert (result.code, result.err) == (1, "Nothing of this run is pending\n")

    def test_sort_column_without_order(self, openstack: Openstack, cloud: FakeCloud) -> None:
        runs = [cloud.run([], counts=counts(failed=n))["id"] for n in range(2)]
        result = openstack("backup-manager run list -f value -c ID --sort-column Tasks")
        assert result.out.split() == runs


class TestTasks:
    def test_table(self, openstack: Openstack, cloud: FakeCloud) -> None:
        run = cloud.run([cloud.volume("db"), cloud.volume(None)])
        ended, pending = cloud.tasks_of(run)
        ended.update(status="failed", error="no", finished_at="2026-11-20T02:00:07Z")
        result = openstack("backup-manager task list")
        assert _rows(result.out) == [
            ["Run ID", "Action", "Volume", "Status", "Finished At"],
            [run["id"], "backup", "db", "failed", "2026-11-20 02:00Z"],
            [run["id"], "backup", pending["volume_id"], "pending", "-"],
        ]
        assert max(map(len, result.out.splitlines())) <= 120
        assert openstack("backup-manager task list --long -f json").json[0]["Error"] == "no"

    def test_filters(self, openstack: Openstack, cloud: FakeCloud) -> None:
        volume = cloud.volume("db")
        options = "--status failed --action backup --volume db --since 2026-11-20 --limit 5"
        assert openstack(f"backup-manager task list {options}").code == 0
        assert _query(cloud) == {
            "limit": "5",
            "status": "failed",
            "action": "backup",
            "volume_id": volume["id"],
            "since": "2026-11-20T00:00:00Z",
        }


class TestProjects:
    FIGURES = ("volumes", "unprotected_volumes", "backups", "size_gb", "schedules")
    MORE = ("failing_schedules", "tasks_waiting", "tasks_running", "protected_volumes")

    def test_table(self, openstack: Openstack, cloud: FakeCloud) -> None:
        cloud.page = 1
        times = {"oldest_waiting_at": "2026-11-20T02:00:00Z", "synced_at": None}
        for id_ in (PROJECT, PROJECT[::-1]):
            figures = {name: n for n, name in enumerate((*self.FIGURES, *self.MORE))}
            cloud.data["projects"].append({"project_id": id_, **figures, **times})
        result = openstack("backup-manager project list")
        assert _rows(result.out)[1:] == [
            [id_, "0", "1", "2", "3", "4", "5", "6", "7"] for id_ in (PROJECT, PROJECT[::-1])
        ]
        assert max(map(len, result.out.splitlines())) <= 120
        shown = openstack("backup-manager project list --long -f json").json[0]
        assert shown["Oldest Waiting At"] == "2026-11-20T02:00:00Z"
        assert shown["Protected"] == 8


class TestServices:
    def test_table(self, openstack: Openstack, cloud: FakeCloud) -> None:
        service = {"id": "1", "binary": "backup-manager-engine", "host": "ctl1", "version": "1.0"}
        times = {"started_at": "2026-11-20T01:00:00Z", "heartbeat_at": "2026-11-20T02:00:03Z"}
        cloud.data["services"].append({**service, "state": "up", **times})
        assert _rows(openstack("backup-manager service list").out)[1] == [
            "backup-manager-engine",
            "ctl1",
            "up",
            "1.0",
            "2026-11-20 02:00:03Z",
        ]

    def test_refused(self, openstack: Openstack, cloud: FakeCloud) -> None:
        cloud.refusals = [Refused(403, "Only administrators may list services")]
        result = openstack("backup-manager service list")
        assert (result.code, result.err) == (1, "Only administrators may list services\n")
