"""Exporting and importing records: files that are safe, and what becomes of each record."""

from __future__ import annotations

import io
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import FakeCloud

_EXPORT = ("backup-manager", "backup", "export")
_IMPORT = ("backup-manager", "backup", "import")
_PROJECT = "ab" * 16


@pytest.fixture
def backups(cloud: FakeCloud) -> list[str]:
    volume = cloud.volume("db")
    return [cloud.backup(volume, name=f"nightly-{n}", status="available")["id"] for n in (1, 2)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chain.json"
    path.write_text('{"format": "backup-manager/records", "records": []}')
    return path


def _sent(cloud: FakeCloud) -> Any:
    (body,) = [body for method, _, _, body in cloud.requests if method == "POST"]
    (inner,) = body.values()
    return inner


# ---------------------------------------------------------------- export


def test_export_to_standard_output(
    openstack: Openstack, cloud: FakeCloud, backups: list[str]
) -> None:
    cloud.warnings = ["one is left out"]
    result = openstack(*_EXPORT, "nightly-1", backups[1], "--project", _PROJECT)
    assert (result.code, result.err) == (0, "one is left out\n")
    assert [each["backup_id"] for each in result.json["records"]] == backups
    assert _sent(cloud) == {"backup_ids": backups, "project_id": _PROJECT}


def test_export_to_a_file(
    openstack: Openstack, cloud: FakeCloud, backups: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "chain.json"
    command = (*_EXPORT, "--volume", "db", "--file", str(path))
    result = openstack(*command)
    assert (result.code, result.out, result.err) == (0, "", f"2 records are in {path}.\n")
    assert _sent(cloud) == {"volume_id": cloud.data["volumes"][0]["id"]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each["backup_id"] for each in json.loads(path.read_text())["records"]] == backups
    assert path.read_text().endswith("}\n")

    # What is there stays, and Cinder is not even asked.
    path.write_text("precious")
    path.chmod(0o644)
    result = openstack(*command)
    assert result.code == 1
    assert result.err == f"{path} exists already. Overwrite it with --force.\n"
    assert path.read_text() == "precious"
    assert len(cloud.requests) == 2
    result = openstack(*command, "--force", "-q")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "records" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("", "Name the backups to export, or give --volume."),
        ("nightly-1 --volume db", "Name the backups to export, or give --volume."),
        ("nightly-9", "No backup has the name or ID 'nightly-9'"),
        ("--volume db --file /nowhere/at/all.json", "/nowhere/at/all.json can't be written: No"),
        ("--volume db --file /tmp --force", "/tmp can't be written: "),
    ],
)
def test_what_can_not_be_exported(
    openstack: Openstack, cloud: FakeCloud, backups: list[str], options: str, complaint: str
) -> None:
    result = openstack(*_EXPORT, *options.split())
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(complaint)
    assert result.err.count("\n") == 1


# ---------------------------------------------------------------- import


def test_import_says_where_to_look(openstack: Openstack, cloud: FakeCloud, file: Path) -> None:
    there = cloud.verdict("old", "present", reason="the project has it already")
    new = cloud.verdict("new", parent_id=there["backup_id"], type="incremental")
    result = openstack(*_IMPORT, str(file), "-f", "json", "--long")
    (run,) = cloud.data["runs"]
    words = f"Run {run['id']} imports them: openstack backup-manager run show {run['id']}\n"
    assert (result.code, result.err) == (0, words)
    assert result.json == [
        {
            "Backup ID": each["backup_id"],
            "Volume ID": each["volume_id"],
            "Type": each["type"],
            "Size": 1,
            "Created At": "2026-11-20T02:00:00Z",
            "Result": result_,
            "Reason": each["reason"],
            "Name": each["name"],
            "Parent ID": each["parent_id"],
            "Run ID": run_id,
        }
        for each, result_, run_id in ((there, "present", None), (new, "import", run["id"]))
    ]
    assert _sent(cloud) == {"document": json.loads(file.read_text())}


def test_waiting_tells_how_each_ended(openstack: Openstack, cloud: FakeCloud, file: Path) -> None:
    cloud.verdict("good")
    cloud.verdict("bad")
    cloud.verdict("old", "present")
    cloud.scripts["next"] = [{"finish": True, "errors": {"bad": "no such driver"}}]
    result = openstack(*_IMPORT, str(file), "--wait", "-f", "json")
    assert result.code == 1
    assert [(row["Result"], row["Reason"]) for row in result.json] == [
        ("imported", None),
        ("failed", "no such driver"),
        ("present", None),
    ]
    subject = f"backup {cloud.verdicts[1]['backup_id']} of bad (no such driver)"
    assert result.err.splitlines()[-1].endswith(f"did not succeed: {subject}")


def test_what_is_refused_makes_the_command_fail(
    openstack: Openstack, cloud: FakeCloud, file: Path
) -> None:
    cloud.verdict("good")
    cloud.verdict("bad", "refused", reason="it builds on nothing")
    for options in (("--dry-run",), ("--wait",)):
        cloud.scripts["next"] = [{"finish": True}]
        result = openstack(*_IMPORT, str(file), *options)
        assert result.code == 1
        assert result.err.splitlines()[-1] == "1 of 2 records were refused."
        assert "it builds on nothing" in " ".join(result.out.split())
    assert len(cloud.data["runs"]) == 1


def test_a_dry_run_only_shows(openstack: Openstack, cloud: FakeCloud, file: Path) -> None:
    cloud.verdict("good", created_at=None)
    cloud.warnings = ["no room"]
    result = openstack(*_IMPORT, str(file), "--dry-run", "--project", _PROJECT)
    assert (result.code, result.err) == (0, "no room\n")
    assert cloud.data["runs"] == []
    assert _sent(cloud)["dry_run"] is True
    assert _sent(cloud)["project_id"] == _PROJECT


def test_import_from_standard_input(
    openstack: Openstack, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.verdict("good", "present")
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"records": [1]}'))
    assert openstack(*_IMPORT, "-").code == 0
    assert _sent(cloud) == {"document": {"records": [1]}}


def test_import_of_one_record(openstack: Openstack, cloud: FakeCloud) -> None:
    cloud.verdict("good", "present")
    assert openstack(*_IMPORT, "--service", "a.driver", "--url", "eyJ9\n  eyJ9 ").code == 0
    record = {"backup_service": "a.driver", "backup_url": "eyJ9eyJ9"}
    assert _sent(cloud) == {"record": record}


@pytest.mark.parametrize(
    ("content", "options", "complaint"),
    [
        (None, "", "Give a file, or --service and --url."),
        ("{}", "FILE --service a --url b", "Give a file, or --service and --url."),
        (None, "--service a", "--service and --url go together."),
        (None, "--url b", "--service and --url go together."),
        (None, "/nowhere/chain.json", "/nowhere/chain.json can't be read: No such file"),
        ('{"format": ', "FILE", "FILE is not JSON, or only a part of it: "),
        (b"\xff\xfe", "FILE", "FILE is not JSON, or only a part of it: "),
        ("[]", "FILE", "FILE is no file that backup export has written."),
    ],
)
def test_what_is_not_sent(
    openstack: Openstack,
    cloud: FakeCloud,
    tmp_path: Path,
    content: str | bytes | None,
    options: str,
    complaint: str,
) -> None:
    path = tmp_path / "chain.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    result = openstack(*_IMPORT, *options.replace("FILE", str(path)).split())
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(complaint.replace("FILE", str(path)))
    assert result.err.count("\n") == 1
    assert cloud.requests == []
