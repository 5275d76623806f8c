"""Deleting backups, cleaning up and confirming: what is shown, agreed to and asked for."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack, Terminal
from tests.unit.sdk.fakecloud import FakeCloud, counts

DELETE = ("backup-manager", "backup", "delete")
CLEANUP = ("backup-manager", "cleanup")


@pytest.fixture
def chain(cloud: FakeCloud) -> list[str]:
    """A full backup with an increment on it, and a second full backup of another volume."""
    db, web = cloud.volume("db"), cloud.volume("web", size_gb=3)
    full = cloud.backup(db, name="full")
    child = cloud.backup(db, name="child", type="incremental", parent_id=full["id"])
    return [full["id"], child["id"], cloud.backup(web, name="other")["id"]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Type something: on a terminal, or into a pipe."""

    def type_(text: str, terminal: bool = True) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(text) if terminal else io.StringIO(text))

    return type_


def _posted(cloud: FakeCloud) -> list[Any]:
    return [body for method, _, _, body in cloud.requests if method == "POST"]


def _cells(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


class TestDelete:
    def test_shows_and_asks(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str], typed: Any
    ) -> None:
        full, child, _ = chain
        typed("n\n")
        result = openstack(*DELETE, "full", "child", "full")
        assert (result.code, result.out) == (1, "")
        assert _cells(result.err) == [
            ["Backup ID", "Volume", "Type", "Size", "Created At", "Reason"],
            [child, "db", "incremental", "10", "2026-11-20 02:00Z", "You named it."],
            [full, "db", "full", "10", "2026-11-20 02:00Z", "You named it."],
        ]
        assert result.err.endswith(
            "2 backups, 20 GB.\nThis deletes 2 backups (20 GB). Continue? [y/N] Nothing was done.\n"
        )
        assert cloud.data["runs"] == []
        typed("y\n")
        cloud.scripts["next"] = [{"finish": True}]
        result = openstack(*DELETE, "full", child, "--wait", "-f", "json")
        assert (result.code, result.json["status"]) == (0, "succeeded")
        assert result.json["action"] == "delete"
        assert result.err.splitlines()[-1].endswith("2 of 2 done")
        ids = [full, child]
        (look, act) = _posted(cloud)[-2:]
        assert look == {"deletion": {"backup_ids": ids, "dry_run": True}}
        digest = "-".join(sorted(each[:8] for each in ids))
        assert act == {"deletion": {"backup_ids": ids, "digest": digest}}

    def test_without_a_question(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str], typed: Any
    ) -> None:
        typed("y\n", terminal=False)
        result = openstack(*DELETE, "other")
        assert (result.code, result.out) == (1, "")
        assert result.err == (
            "This deletes 1 backup (3 GB). Add --yes to do so without being asked.\n"
        )
        assert cloud.data["runs"] == []
        result = openstack(*DELETE, "other", "--yes", "-f", "value", "-c", "action")
        assert (result.code, result.out, result.err) == (0, "delete\n", "")

    def test_cascade(self, openstack: Openstack, cloud: FakeCloud, chain: list[str]) -> None:
        assert openstack(*DELETE, "full", "--cascade", "--yes").code == 0
        look, act = _posted(cloud)
        assert look == {"deletion": {"backup_ids": chain[:1], "cascade": True, "dry_run": True}}
        assert act["deletion"]["cascade"] is True
        assert [task["backup_id"] for task in cloud.data["tasks"]] == [chain[1], chain[0]]

    def test_what_has_changed_meanwhile(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str], typed: Any
    ) -> None:
        class Slow(Terminal):
            def readline(self, *size: Any) -> str:
                db = cloud.data["volumes"][0]
                cloud.backup(db, name="late", parent_id=chain[0], type="incremental")
                return super().readline(*size)

        typed("")
        sys.stdin = Slow("y\n")
        result = openstack(*DELETE, "full", "--cascade")
        assert result.code == 1
        assert result.err.endswith("What would be deleted has changed since you looked\n")
        assert cloud.data["runs"] == []

    def test_one_that_is_refused(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str]
    ) -> None:
        for options in (["--yes"], []):
            result = openstack(*DELETE, "full", *options)
            assert (result.code, result.out) == (1, "")
            assert result.err == (
                f"Backup {chain[0]} of db can't be deleted: {chain[1]} builds on it. "
                "Add --cascade.\n"
            )
        assert cloud.data["runs"] == []

    def test_several_that_are_refused(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str]
    ) -> None:
        held = cloud.backup(cloud.data["volumes"][1], held=True)["id"]
        result = openstack(*DELETE, *chain[::2], held, "--yes")
        assert (result.code, result.out) == (1, "")
        assert sorted(result.err.splitlines()) == sorted(
            [
                f"Backup {chain[0]} of db can't be deleted: {chain[1]} builds on it.",
                f"Backup {held} of web can't be deleted: On hold.",
                "2 of 3 backups can't be deleted, so none is. Release it first. Add --cascade.",
            ]
        )
        assert result.err.splitlines()[-1].startswith("2 of 3 backups")
        assert cloud.data["runs"] == []

    def test_dry_run(self, openstack: Openstack, cloud: FakeCloud, chain: list[str]) -> None:
        result = openstack(*DELETE, "full", "--cascade", "--dry-run")
        assert (result.code, result.err) == (0, "")
        assert [row[0] for row in _cells(result.out)[1:]] == [chain[1], chain[0]]
        assert result.out.splitlines()[-1] == "2 backups, 20 GB."
        raw = openstack(*DELETE, "full", "--cascade", "--dry-run", "-f", "json").json
        assert (raw["count"], raw["size_gb"], raw["kept"]) == (2, 20, [])
        assert [each["backup_id"] for each in raw["going"]] == [chain[1], chain[0]]
        assert openstack(*DELETE, "other", "--dry-run", "-c", "size_gb", "-f", "value").out == "3\n"
        assert cloud.data["runs"] == []

    def test_dry_run_of_what_is_refused(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str]
    ) -> None:
        result = openstack(*DELETE, "full", "other", "--dry-run")
        assert result.code == 1
        assert [row[0] for row in _cells(result.out)[1:]] == [chain[2]]
        assert result.err.splitlines() == [
            f"Backup {chain[0]} of db can't be deleted: {chain[1]} builds on it.",
            "1 of 2 backups can't be deleted, so none is. Add --cascade.",
        ]
        result = openstack(*DELETE, "full", "--dry-run", "-f", "json")
        assert (result.code, result.json["kept"][0]["remedy"]) == (1, "Add --cascade.")

    def test_warning(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str], typed: Any
    ) -> None:
        result = openstack(*DELETE, *chain, "--yes")
        assert result.code == 0
        assert result.err == "Volume db is left without any good backup.\n"

    def test_what_failed_is_named(
        self, openstack: Openstack, cloud: FakeCloud, chain: list[str]
    ) -> None:
        cloud.scripts["next"] = [{"finish": True, "errors": {"web": "the store is gone"}}]
        result = openstack("-q", *DELETE, "other", "child", "--yes", "--wait")
        assert result.code == 1
        run = cloud.data["runs"][0]["id"]
        assert result.err == (
            f"Run {run}: 1 of 2 did not succeed: backup {chain[2]} of web (the store is gone)\n"
        )
        shown = openstack(f"backup-manager run show {run}").out
        assert f"the store is gone ({chain[2]}, You named it.)" in shown

    def test_unknown(self, openstack: Openstack, cloud: FakeCloud, chain: list[str]) -> None:
        result = openstack(*DELETE, "other", "nothing", "--yes")
        assert (result.code, result.err) == (1, "No backup has the name or ID 'nothing'\n")
        assert _posted(cloud) == []


class TestCleanup:
    @pytest.fixture(autouse=True)
    def backups(self, cloud: FakeCloud) -> list[str]:
        """Two old backups and one new of web, two new ones of db."""
        db, web = cloud.volume("db"), cloud.volume("web", size_gb=3)
        old = [cloud.backup(web, name="old")["id"] for _ in range(2)]
        for volume in (web, db, db):
            cloud.backup(volume, name="new")
        return old

    def test_dry_run(self, openstack: Openstack, cloud: FakeCloud, backups: list[str]) -> None:
        result = openstack(*CLEANUP, "--days", "30", "--dry-run")
        assert (result.code, result.err) == (0, "")
        assert _cells(result.out) == [
            ["Volume", "Goes", "Size", "Stays", "Reason"],
            ["web", "2", "6", "1", "Not kept by this clean-up."],
        ]
        assert result.out.splitlines()[-1] == (
            "2 of 5 backups, 6 of 29 GB. Of 1 volume nothing goes."
        )
        result = openstack(*CLEANUP, "--days", "30", "--dry-run", "--long")
        rows = _cells(result.out)
        assert [row[0] for row in rows] == ["Clean-up", "goes", "goes", "stays", "stays", "stays"]
        assert [row[1] for row in rows[1:3]] == backups
        raw = openstack(*CLEANUP, "--days", "30", "--dry-run", "-f", "json").json
        assert (raw["count"], len(raw["going"]), len(raw["kept"])) == (2, 2, 3)
        assert {each["volume_name"]: each["count"] for each in raw["volumes"]} == {
            "db": 0,
            "web": 2,
        }
        assert cloud.data["runs"] == []

    def test_several_reasons(self, openstack: Openstack, cloud: FakeCloud) -> None:
        cloud.data["backups"][0]["fail_reason"] = "It failed."
        result = openstack(*CLEANUP, "--days", "30", "--dry-run")
        assert [row[-1] for row in _cells(result.out)[1:]] == [
            "1: It failed.",
            "1: Not kept by this clean-up.",
        ]

    def test_shows_and_asks(
        self, openstack: Openstack, cloud: FakeCloud, backups: list[str], typed: Any
    ) -> None:
        typed("\n")
        result = openstack(*CLEANUP, "--days", "30")
        assert (result.code, result.out) == (1, "")
        assert _cells(result.err)[1][:4] == ["web", "2", "6", "1"]
        assert result.err.endswith(
            "This deletes 2 backups (6 GB). Continue? [y/N] Nothing was done.\n"
        )
        assert cloud.data["runs"] == []
        typed("yes\n")
        result = openstack(*CLEANUP, "--days", "30", "--include-last", "-f", "json")
        assert (result.code, result.json["action"]) == (0, "delete")
        digest = "-".join(sorted(each[:8] for each in backups))
        assert _posted(cloud)[-2:] == [
            {"cleanup": {"max_age_days": 30, "include_last": True, "dry_run": True}},
            {"cleanup": {"max_age_days": 30, "include_last": True, "digest": digest}},
        ]

    def test_some_volumes(self, openstack: Openstack, cloud: FakeCloud) -> None:
        db, web = (each["id"] for each in cloud.data["volumes"])
        options = ("--volume-policy", "web=7", "--volume-policy", f"{db}=30")
        result = openstack(*CLEANUP, *options, "--yes")
        assert (result.code, result.err) == (0, "")
        assert _posted(cloud)[-1]["cleanup"]["volume_policies"] == [
            {"volume_id": web, "max_age_days": 7},
            {"volume_id": db, "max_age_days": 30},
        ]

    def test_nothing_to_do(self, openstack: Openstack, cloud: FakeCloud) -> None:
        result = openstack(*CLEANUP, "--volume-policy", "db=30", "--yes")
        assert (result.code, result.err) == (0, "")
        assert result.out == "0 of 2 backups, 0 of 20 GB. Of 1 volume nothing goes.\n"
        assert openstack(*CLEANUP, "--volume-policy", "db=30", "-f", "json").json["count"] == 0
        assert cloud.data["runs"] == []

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ("", "one of the arguments --days --volume-policy is required"),
            ("--days 0", "'0' is not a number from 1 on"),
            ("--days 30 --volume-policy db=1", "not allowed with argument"),
            ("--volume-policy db", "'db' is not <volume>=<days>, such as db-data=30"),
            ("--volume-policy =3", "'=3' is not <volume>=<days>"),
            ("--volume-policy db=soon", "'soon' is not a number from 1 on"),
            ("--volume-policy db=1 --volume-policy db=2", "is given twice for volume db."),
        ],
    )
    def test_bad_options(
        self, openstack: Openstack, cloud: FakeCloud, options: str, complaint: str
    ) -> None:
        result = openstack(*CLEANUP, *options.split(), "--yes")
        assert result.code != 0
        assert complaint in result.err
        assert _posted(cloud) == []


class TestConfirm:
    @pytest.fixture
    def run(self, cloud: FakeCloud) -> dict[str, Any]:
        """A run that waits."""
        volumes = [cloud.volume("db"), cloud.volume("web", size_gb=3)]
        run = cloud.run(
            volumes,
            action="delete",
            trigger="retention",
            status="waiting",
            counts=counts(waiting=2),
            error="Retention would delete 2 of 2 backups.",
        )
        for task, volume in zip(cloud.tasks_of(run), volumes):
            backup_id = cloud.backup(volume)["id"]
            task.update(action="delete", status="waiting", backup_id=backup_id, note="Too old.")
        return run

    def test_shows_and_asks(
        self, openstack: Openstack, cloud: FakeCloud, run: dict[str, Any], typed: Any
    ) -> None:
        typed("no\n")
        result = openstack(f"backup-manager run confirm {run['id']}")
        assert (result.code, result.out) == (1, "")
        first, second = (each["id"] for each in cloud.data["backups"])
        assert _cells(result.err) == [
            ["Backup ID", "Volume", "Type", "Size", "Reason"],
            [first, "db", "-", "10", "Too old."],
            [second, "web", "-", "3", "Too old."],
        ]
        assert result.err.endswith(
            "This deletes 2 backups (13 GB). Continue? [y/N] Nothing was done.\n"
        )
        assert run["status"] == "waiting"
        typed("y\n")
        cloud.scripts["next"] = [{"finish": True}]
        result = openstack(f"backup-manager run confirm {run['id']} --wait -f json")
        assert (result.code, result.json["status"]) == (0, "succeeded")

    def test_without_a_terminal(
        self, openstack: Openstack, cloud: FakeCloud, run: dict[str, Any], typed: Any
    ) -> None:
        typed("y\n", terminal=False)
        result = openstack(f"backup-manager run confirm {run['id']}")
        assert (result.code, result.out) == (1, "")
        assert result.err.count("\n") == 1
        assert run["status"] == "waiting"
        result = openstack(f"backup-manager run confirm {run['id']} --yes -f value -c status")
        assert (result.code, result.out, result.err) == (0, "pending\n", "")

    def test_what_does_not_wait(self, openstack: Openstack, cloud: FakeCloud) -> None:
        run = cloud.run([cloud.volume("db")])["id"]
        for options in ("", " --yes"):
            result = openstack(f"backup-manager run confirm {run}{options}")
            assert (result.code, result.err) == (1, f"Run {run} does not wait for consent\n")

    def test_watch_does_not_hang(
        self, openstack: Openstack, cloud: FakeCloud, run: dict[str, Any], slept: list[float]
    ) -> None:
        result = openstack(f"backup-manager run show {run['id']} --watch")
        assert result.code == 1
        assert "Retention would delete 2 of 2 backups." in result.out
        assert "db   waiting    " in result.out
        assert result.err.splitlines() == [
            "0 of 2 done, 2 waiting",
            f"Run {run['id']} waits for consent. See what it does and agree, or not: "
            f"openstack backup-manager run confirm {run['id']}",
        ]
        assert slept == []
