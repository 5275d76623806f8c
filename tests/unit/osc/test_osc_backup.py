"""Starting backups, and waiting for them."""

from __future__ import annotations

import contextlib

import pytest

from tests.unit.osc.conftest import Openstack, Terminal
from tests.unit.sdk.fakecloud import FakeCloud, Refused, counts

_STEPS = (
    {"status": "running", "counts": counts(pending=1, running=2)},
    {"status": "running", "counts": counts(pending=1, running=1, submitting=1)},
    {"status": "running", "counts": counts(running=1, succeeded=1, failed=1)},
)


@pytest.fixture
def volumes(cloud: FakeCloud) -> list[str]:
    return [cloud.volume(f"db-{n}")["id"] for n in (1, 2, 3)]


def _script(cloud: FakeCloud, **errors: str) -> None:
    named = {name.replace("_", "-"): error for name, error in errors.items()}
    cloud.scripts["next"] = [*(dict(step) for step in _STEPS), {"finish": True, "errors": named}]


def test_create(openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
    result = openstack(
        "backup-manager", "backup", "create", "db-1", volumes[1], "db-1", "--incremental",
        "--name", "before upgrade", "--description", "x", "--max-incrementals", "3", "-f", "json",
    )  # fmt: skip
    assert result.code == 0
    assert result.json["status"] == "pending"
    assert result.json["counts"] == counts(pending=2)
    assert cloud.requests[-1][3] == {
        "backup": {
            "volumes": volumes[:2],
            "type": "incremental",
            "name": "before upgrade",
            "description": "x",
            "max_incrementals": 3,
        }
    }


def test_refused(openstack: Openstack, cloud: FakeCloud) -> None:
    result = openstack("backup-manager backup create f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8")
    assert result.code == 1
    assert result.err == "volumes[0]: There is no volume f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8\n"


def test_wait(openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
    _script(cloud)
    result = openstack("backup-manager backup create db-1 db-2 db-3 --wait -f json")
    assert result.code == 0
    assert result.json["status"] == "succeeded"
    made = [task["backup_id"] for task in cloud.data["tasks"]]
    assert all(made)
    assert result.json["backups"] == made
    assert result.err.splitlines() == [
        "0 of 3 done, 2 running",
        "2 of 3 done, 1 running, 1 failed",
        "3 of 3 done",
    ]


def test_wait_on_a_terminal(openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
    _script(cloud)
    result = openstack("backup-manager backup create db-1 db-2 db-3 --wait", err=Terminal())
    for task in cloud.data["tasks"]:
        assert f"{task['backup_id']}  of {task['volume_name']}" in result.out
    texts = result.err.split("\r")
    assert [text.rstrip() for text in texts[1:]] == [
        "0 of 3 done, 2 running",
        "2 of 3 done, 1 running, 1 failed",
        "3 of 3 done",
    ]
    assert len(texts[3].rstrip("\n")) >= len(texts[2]), "covers the longer line before"
    assert result.err.endswith("\n")


def test_wait_quietly(openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
    _script(cloud)
    result = openstack("-q backup-manager backup create db-1 db-2 db-3 --wait")
    assert (result.code, result.err) == (0, "")


def test_wait_failure(openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
    _script(cloud, db_2="quota exceeded", db_3="no space\nleft")
    result = openstack("-q backup-manager backup create db-1 db-2 db-3 --wait -f json")
    assert result.code == 1
    assert result.json["status"] == "partial", "the run is printed all the same"
    assert result.json["backups"] == [cloud.data["tasks"][0]["backup_id"]]
    assert result.err == (
        f"Run {result.json['id']}: 2 of 3 did not succeed: db-2 (quota exceeded); "
        "db-3 (no space left)\n"
    )


def test_wait_many_failures(openstack: Openstack, cloud: FakeCloud) -> None:
    ids = [cloud.volume(f"db-{n}")["id"] for n in range(12)]
    errors = {f"db-{n}": "no" for n in range(12)}
    cloud.scripts["next"] = [{"finish": True, "errors": errors}]
    result = openstack(" ".join(["-q backup-manager backup create --wait", *ids]))
    assert result.err.count("(no)") == 10
    assert "and 2 more, see: openstack backup-manager run show" in result.err


def test_wait_for_a_run_without_tasks(openstack: Openstack, cloud: FakeCloud) -> None:
    schedule = cloud.schedule("nightly", [])
    cloud.scripts["next"] = [{"status": "failed", "error": "the trust is gone"}]
    result = openstack("-q backup-manager schedule run nightly --wait")
    assert result.code == 1
    run = cloud.data["runs"][0]
    assert run["schedule_id"] == schedule["id"]
    assert result.err == f"Run {run['id']} failed: the trust is gone\n"


def test_interrupted_wait(
    openstack: Openstack, cloud: FakeCloud, volumes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    cloud.run([], status="running")
    err = Terminal()
    with contextlib.suppress(KeyboardInterrupt):  # which shells let through, or turn into a code
        assert openstack("backup-manager backup create db-1 --wait", err=err).code != 0
    run = cloud.data["runs"][-1]["id"]
    assert f"The run goes on, see: openstack backup-manager run show {run}\n" in err.getvalue()


def test_server_error(openstack: Openstack, cloud: FakeCloud) -> None:
    cloud.refusals = [Refused(503, "Cinder does not answer")]
    result = openstack("backup-manager volume list")
    assert (result.code, result.err) == (1, "Cinder does not answer (req-6d8f2f4a)\n")
