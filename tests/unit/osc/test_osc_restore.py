"""Restoring: what is asked for, what is agreed to, and what comes of it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack, Terminal
from tests.unit.sdk.fakecloud import FakeCloud

_COMMAND = ("backup-manager", "backup", "restore")


@pytest.fixture
def backups(cloud: FakeCloud) -> list[str]:
    return [
        cloud.backup(cloud.volume(f"db-{n}"), name=f"of-db-{n}", status="available")["id"]
        for n in (1, 2)
    ]


@pytest.fixture
def target(cloud: FakeCloud) -> str:
    return str(cloud.volume("old", size_gb=5)["id"])


def _sent(cloud: FakeCloud) -> Any:
    (body,) = [body for method, _, _, body in cloud.requests if method == "POST"]
    return body["restore"]["items"]


def _typed(monkeypatch: pytest.MonkeyPatch, text: str, terminal: bool = True) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text) if terminal else io.StringIO(text))


def test_to_new_volumes(openstack: Openstack, cloud: FakeCloud, backups: list[str]) -> None:
    options = ("--availability-zone", "east", "--volume-type", "fast")
    result = openstack(*_COMMAND, "of-db-1", backups[1], *options)
    assert (result.code, result.err) == (0, "")
    wanted = {"availability_zone": "east", "volume_type": "fast"}
    assert _sent(cloud) == [{"backup_id": each, **wanted} for each in backups]


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        ("2026-11-20T02:00", "2026-11-20T02:00:00Z"),
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        ("2026-11-20T02:00+08:00", "2026-11-19T18:00:00Z"),
    ],
)
def test_by_point_in_time(
    openstack: Openstack, cloud: FakeCloud, backups: list[str], at: str, sent: str
) -> None:
    volume_id = cloud.data["volumes"][0]["id"]
    result = openstack(*_COMMAND, "--volume", "db-1", "--at", at, "--name", "n")
    assert result.code == 0
    assert _sent(cloud) == [{"volume_id": volume_id, "at": sent, "name": "n"}]


def test_waiting_gives_the_new_volumes(
    openstack: Openstack, cloud: FakeCloud, backups: list[str]
) -> None:
    cloud.scripts["next"] = [{"finish": True, "errors": {"db-2": "it burns"}}]
    result = openstack(*_COMMAND, *backups, "--wait", "-f", "json")
    good = cloud.data["tasks"][0]
    assert result.code == 1
    assert result.json["volumes"] == [good["target_volume_id"]]
    assert result.err.splitlines()[-1].endswith("did not succeed: db-2 (it burns)")


def test_overwriting_asks_first(
    openstack: Openstack,
    cloud: FakeCloud,
    backups: list[str],
    target: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for answer in ("n", "", "no", "yess"):
        _typed(monkeypatch, f"{answer}\n")
        result = openstack(*_COMMAND, backups[0], "--onto", "old")
        question = f"This overwrites all data of volume old ({target}, 5 GB). Continue? [y/N] "
        assert (result.code, result.err) == (1, f"{question}Nothing was done.\n")
    assert cloud.data["runs"] == []
    _typed(monkeypatch, "y\n")
    assert openstack(*_COMMAND, backups[0], "--onto", "old").code == 0
    assert _sent(cloud) == [{"backup_id": backups[0], "target_volume_id": target}]


def test_overwriting_without_a_terminal(
    openstack: Openstack,
    cloud: FakeCloud,
    backups: list[str],
    target: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _typed(monkeypatch, "y\n", terminal=False)
    result = openstack(*_COMMAND, backups[0], "--onto", target)
    assert result.code == 1
    assert result.err.endswith("5 GB). Add --yes to do so without being asked.\n")
    assert cloud.data["runs"] == []
    assert openstack(*_COMMAND, backups[0], "--onto", target, "--yes").code == 0


def test_a_file(
    openstack: Openstack, cloud: FakeCloud, backups: list[str], target: str, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "- backup: of-db-1\n  name: '1'\n"
        "- volume: db-2\n  at: 2026-11-20T02:00:00Z\n  onto: old\n"
        "- volume: db-2\n  at: 2026-11-20\n  volume_type: fast\n"
    )
    assert openstack(*_COMMAND, "--file", str(plan), "--yes").code == 0
    volume_id = cloud.data["volumes"][1]["id"]
    assert _sent(cloud) == [
        {"backup_id": backups[0], "name": "1"},
        {"volume_id": volume_id, "at": "2026-11-20T02:00:00Z", "target_volume_id": target},
        {"volume_id": volume_id, "at": "2026-11-20T00:00:00Z", "volume_type": "fast"},
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("backup: x", "is not a list of what to restore"),
        ("[]", "is not a list of what to restore"),
        ("- [", "can't be read"),
        ("- of-db-1", "entry 1: not a mapping such as 'backup: <name or ID>'"),
        ("- {backup: a}\n- {backup: b, to: c}", "entry 2: 'to' is none of backup, volume, at"),
        ("- {backup: 12}", "entry 1: put 'backup' into quotes"),
        ("- {volume: v, at: soon}", "entry 1, at: 'soon' is neither a time"),
    ],
)
def test_a_bad_file(
    openstack: Openstack, cloud: FakeCloud, tmp_path: Path, content: str, complaint: str
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(content)
    result = openstack(*_COMMAND, "--file", str(plan))
    assert result.code == 1
    assert complaint in result.err
    assert cloud.data["runs"] == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("", "Nothing to restore: name a backup, or give --volume and --at, or --file."),
        ("--volume db-1", "--volume and --at go together."),
        ("--at 24h", "--volume and --at go together."),
        ("of-db-1 of-db-2 --name n", "--name is for one backup; use --file for 2 of them."),
        ("of-db-1 of-db-2 --onto old", "--onto is for one backup; use --file for 2 of them."),
        ("of-db-1 --onto old --name n", "--onto overwrites a volume that exists"),
        ("of-db-1 --file plan", "--file has all that is to be restored"),
        ("--file /nowhere/plan.yaml", "/nowhere/plan.yaml can't be read"),
        ("nothing", "No backup has the name or ID 'nothing'"),
    ],
)
def test_what_does_not_go_together(
    openstack: Openstack,
    cloud: FakeCloud,
    backups: list[str],
    target: str,
    options: str,
    complaint: str,
) -> None:
    result = openstack(*_COMMAND, *options.split())
    assert result.code == 1
    assert result.err.startswith(complaint)
    assert result.err.count("\n") == 1
    assert cloud.data["runs"] == []
