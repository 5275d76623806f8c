"""Records of backups over REST."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backup_manager import cinder as cinder_module
from backup_manager import delegation, exceptions
from backup_manager.api import record as api
from backup_manager.db import session as db_session
from backup_manager.db.models import Project, Run, Task
from backup_manager.rules import record as rules
from backup_manager.rules.quota import Quota

from . import support
from .support import Answer, Caller

DRIVER = "cinder.backup.drivers.ceph.CephBackupDriver"
OPERATOR = "9" * 32
VOLUME = support.new_id()


class Store:
    """Stands for Cinder as the service's own administrator sees it."""

    def __init__(self) -> None:
        self.project_id = ""
        self.all: dict[str, cinder_module.Backup] = {}
        self.parents: dict[str, str | None] = {}
        self.lies: dict[str, Any] = {}
        self.fails_with: cinder_module.CinderError | None = None
        self.quota_fails_with: cinder_module.CinderError | None = None
        self.room = Quota(backups=10, backups_used=8, gigabytes=None, gigabytes_used=0)

    def add(self, project_id: str = OPERATOR, parent: str | None = None, **values: Any) -> str:
        number = len(self.all)
        defaults: dict[str, Any] = {
            "id": support.new_id(),
            "volume_id": VOLUME,
            "snapshot_id": None,
            "name": f"nightly {number}",
            "description": None,
            "status": "available",
            "is_incremental": parent is not None,
            "has_dependents": False,
            "size_gb": 5,
            "fail_reason": None,
            "availability_zone": None,
            "data_timestamp": None,
            "created_at": support.NOW + timedelta(minutes=number),
            "updated_at": None,
        }
        made = cinder_module.Backup(project_id=project_id, **{**defaults, **values})
        self.all[made.id] = made
        self.parents[made.id] = parent
        return made.id

    def bound(self, conf: Any, project_id: str) -> Store:
        self.project_id = project_id
        return self

    def backups(self, volume_id: str | None = None) -> Iterator[list[cinder_module.Backup]]:
        if self.fails_with is not None:
            raise self.fails_with
        yield [
            each
            for each in reversed(self.all.values())
            if each.project_id == self.project_id and volume_id in (None, each.volume_id)
        ]

    def backup(self, backup_id: str) -> cinder_module.Backup:
        if self.fails_with is not None:
            raise self.fails_with
        if backup_id not in self.all:
            raise cinder_module.NotFound("gone")
        return self.all[backup_id]

    def export_record(self, backup_id: str) -> tuple[str, str]:
        backup = self.all[backup_id]
        row = {
            "id": backup.id,
            "project_id": backup.project_id,
            "volume_id": backup.volume_id,
            "parent_id": self.parents[backup_id],
            "size": backup.size_gb,
            "display_name": backup.name,
            "created_at": backup.created_at.isoformat(),
            **self.lies,
        }
        return DRIVER, base64.b64encode(json.dumps(row).encode()).decode()

    def quota(self) -> Quota:
        if self.quota_fails_with is not None:
            raise self.quota_fails_with
        return self.room


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    fake = Store()
    monkeypatch.setattr(api, "_client", lambda call, project_id: fake.bound(None, project_id))

    def grant_admin(conf: Any, context: Any, project_id: str) -> str:
        row = support.delegation(project_id, "admin-credentials", mode="admin")
        support.add(row)
        return row.id

    monkeypatch.setattr(delegation, "grant_admin", grant_admin)
    return fake


@pytest.fixture
def chain(store: Store) -> list[str]:
    """A full backup and two increments."""
    full = store.add()
    first = store.add(parent=full)
    return [full, first, store.add(parent=first)]


def export(caller: Caller, **wanted: Any) -> Answer:
    return caller("POST", "/v1/backups/export", {"export": wanted})


def bring(caller: Caller, **wanted: Any) -> Answer:
    return caller("POST", "/v1/backups/import", {"import": wanted})


def tasks() -> list[Task]:
    with db_session.reader() as session:
        return list(session.scalars(select(Task).order_by(Task.position)))


# ---------------------------------------------------------------- export


def test_export_by_ids(admin: Caller, store: Store, chain: list[str]) -> None:
    answer = export(admin, backup_ids=chain[::-1])
    assert (answer.status, answer.body["warnings"]) == (200, [])
    records = rules.unpack(answer.body["document"])
    assert [record.backup_id for record in records] == chain
    assert [record.parent_id for record in records] == [None, *chain[:2]]
    assert {record.backup_service for record in records} == {DRIVER}
    (one,) = export(admin, backup_ids=[chain[1]]).body["document"]["records"]
    assert (one["backup_id"], one["type"], one["size_gb"]) == (chain[1], "incremental", 5)
    assert support.count() == 0


def test_export_of_a_volume(admin: Caller, store: Store, chain: list[str]) -> None:
    store.add(volume_id=support.new_id())
    broken = store.add(status="error")
    answer = export(admin, volume_id=VOLUME)
    assert [each["backup_id"] for each in answer.body["document"]["records"]] == chain
    assert answer.body["warnings"] == [
        f"Backup {broken} can't be exported: its status is error, it has to be available."
    ]
    answer = export(admin, volume_id=support.UNKNOWN)
    assert (answer.status, answer.error["field"]) == (404, "volume_id")


def test_what_is_not_exported(admin: Caller, store: Store, chain: list[str]) -> None:
    foreign = store.add(project_id=support.OURS)
    busy = store.add(status="restoring")
    answer = export(admin, backup_ids=[chain[0], foreign])
    assert (answer.status, answer.error["field"]) == (404, "backup_ids[1]")
    answer = export(admin, backup_ids=[busy, chain[0]])
    assert (answer.status, answer.error["field"]) == (409, "backup_ids[0]")
    assert "its status is restoring" in answer.error["message"]
    for lie in ({"project_id": support.OURS}, {"id": support.UNKNOWN}, {"size": None}):
        store.lies = lie
        answer = export(admin, backup_ids=chain)
        assert answer.status == 409
        assert "backup" in answer.error["message"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "backup_ids"),
        ({"backup_ids": [VOLUME], "volume_id": VOLUME}, "backup_ids"),
        ({"backup_ids": []}, "backup_ids"),
        ({"backup_ids": ["x"]}, "backup_ids[0]"),
        ({"backup_ids": [VOLUME, VOLUME]}, "backup_ids[1]"),
        ({"volume_id": "x"}, "volume_id"),
        ({"volume_id": VOLUME, "project_id": ""}, "project_id"),
        ({"volume_id": VOLUME, "more": 1}, "more"),
    ],
)
def test_a_bad_request_to_export(
    admin: Caller, store: Store, wanted: dict[str, Any], field: str
) -> None:
    answer = export(admin, **wanted)
    assert (answer.status, answer.error["field"]) == (400, field)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (cinder_module.Rejected("Policy doesn't allow it.", "access-denied"), 409),
        (cinder_module.AccessDenied("no"), 409),
        (cinder_module.Busy("later"), 503),
        (cinder_module.Uncertain("nobody knows"), 503),
    ],
)
def test_what_cinder_refuses(
    admin: Caller, store: Store, error: cinder_module.CinderError, status: int
) -> None:
    store.fails_with = error
    for answer in (
        export(admin, volume_id=VOLUME),
        bring(admin, document=_document(support.new_id())),
    ):
        assert answer.status == status
        assert error.message in answer.error["message"]
    assert support.count() == 0


# ---------------------------------------------------------------- import


def _document(*backup_ids: str, **values: Any) -> dict[str, Any]:
    """A chain of these backups, the oldest first."""
    store = Store()
    parent = None
    for backup_id in backup_ids:
        store.add(parent=parent, id=backup_id, **values)
        parent = backup_id
    return rules.pack(rules.read(*store.export_record(each)) for each in backup_ids)


def test_import_makes_a_run(admin: Caller, store: Store) -> None:
    ids = [support.new_id() for _ in range(3)]
    support.add(support.volume(OPERATOR, id=VOLUME, name="db"))
    answer = bring(admin, document=_document(*ids))
    assert answer.status == 202
    assert [each["backup_id"] for each in answer.body["records"]] == ids
    assert {each["result"] for each in answer.body["records"]} == {"import"}
    run = answer.body["run"]
    assert (run["action"], run["trigger"], run["project_id"]) == ("import", "user", OPERATOR)
    made = tasks()
    assert [task.backup_id for task in made] == ids
    assert [task.parameters["parent_id"] for task in made] == [None, *ids[:2]]
    assert {task.lock_volume_id for task in made} == {VOLUME}
    assert {(task.volume_name, task.size_gb) for task in made} == {("db", 5)}
    # What a record holds is nobody's business, and engines follow projects that they know of.
    (shown, *_) = admin.get(f"/v1/runs/{run['id']}/tasks").body["tasks"]
    assert made[0].parameters["backup_url"] not in json.dumps(shown)
    with db_session.reader() as session:
        assert session.get_one(Project, OPERATOR).next_track_at is None
    (listed,) = admin.get("/v1/runs?action=import").body["runs"]
    assert listed["id"] == run["id"]


def test_a_dry_run_changes_nothing(admin: Caller, store: Store, chain: list[str]) -> None:
    document = export(admin, backup_ids=chain).body["document"]
    del store.all[chain[2]]
    answer = bring(admin, document=document, dry_run=True)
    assert answer.status == 200
    assert sorted(answer.body) == ["records", "warnings"]
    assert [each["result"] for each in answer.body["records"]] == ["present", "present", "import"]
    assert support.count() == 0


def test_where_nothing_is_to_be_imported_there_is_no_run(
    admin: Caller, store: Store, chain: list[str]
) -> None:
    document = export(admin, backup_ids=chain).body["document"]
    store.quota_fails_with = cinder_module.Uncertain("nobody asks")
    answer = bring(admin, document=document)
    assert (answer.status, answer.body["run"], answer.body["warnings"]) == (202, None, [])
    assert {each["result"] for each in answer.body["records"]} == {"present"}
    assert support.count() == 0


def test_only_what_can_be_is_imported(admin: Caller, store: Store) -> None:
    taken, child, good = (support.new_id() for _ in range(3))
    store.add(project_id=support.OURS, id=taken)
    chain, other = _document(taken, child), _document(good, volume_id=support.new_id())
    document = rules.pack([*rules.unpack(chain), *rules.unpack(other)])
    answer = bring(admin, document=document)
    found = {each["backup_id"]: each for each in answer.body["records"]}
    assert {each: found[each]["result"] for each in found} == {
        taken: "refused",
        child: "refused",
        good: "import",
    }
    # It is not told whose it is.
    assert support.OURS not in json.dumps(answer.body)
    assert [task.backup_id for task in tasks()] == [good]


def test_one_record(admin: Caller, store: Store) -> None:
    (record,) = _document(support.new_id())["records"]
    bare = {name: record[name] for name in ("backup_service", "backup_url")}
    answer = bring(admin, record=bare, dry_run=True)
    assert answer.body["records"][0]["backup_id"] == record["backup_id"]
    (shown,) = bring(admin, record=bare).body["records"]
    assert {name: record[name] for name in shown if name in record} == {
        name: shown[name] for name in shown if name in record
    }
    assert tasks()[0].parameters == {**bare, "parent_id": None}


def test_what_the_quota_lacks_is_told(admin: Caller, store: Store) -> None:
    document = _document(*(support.new_id() for _ in range(3)))
    (warning,) = bring(admin, document=document, dry_run=True).body["warnings"]
    assert "this needs 3, and 8 of 10 are used" in warning
    store.quota_fails_with = cinder_module.Rejected("no limits here")
    (warning,) = bring(admin, document=document, dry_run=True).body["warnings"]
    assert warning.endswith("is unknown. no limits here")


DAMAGED = {**_document(support.new_id()), "checksum": "sha256:0"}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "document"),
        ({"dry_run": True}, "document"),
        ({"document": {}, "record": {"backup_service": "a", "backup_url": "b"}}, "document"),
        ({"document": []}, "document"),
        ({"document": {}}, "document.format"),
        ({"document": DAMAGED}, "document.checksum"),
        ({"document": {**DAMAGED, "version": 9}}, "document.version"),
        ({"record": {"backup_service": "a"}}, "record.backup_url"),
        ({"record": {"backup_service": "a", "backup_url": "b"}}, "record.backup_url"),
        ({"record": {"backup_service": "", "backup_url": "b"}}, "record.backup_service"),
        ({"document": DAMAGED, "dry_run": 1}, "dry_run"),
        ({"document": DAMAGED, "more": 1}, "more"),
    ],
)
def test_a_bad_request_to_import(
    admin: Caller, store: Store, wanted: dict[str, Any], field: str
) -> None:
    answer = bring(admin, **wanted)
    assert (answer.status, answer.error["field"]) == (400, field)
    assert support.count() == 0


def test_a_file_may_be_larger_than_other_requests(admin: Caller, store: Store) -> None:
    long = {**DAMAGED, "filling": 7_000_000 * "x"}
    answer = bring(admin, document=long)
    assert (answer.status, answer.error["field"]) == (400, "document.checksum")
    assert bring(admin, document={**long, "more": 2_000_000 * "x"}).status == 413
    assert export(admin, more=200_000 * "x").status == 413


# ---------------------------------------------------------------- who, and where


@pytest.mark.parametrize("name", ["member", "reader", "stranger", "guest"])
def test_for_administrators_only(
    caller: Callable[[str], Caller], store: Store, chain: list[str], name: str
) -> None:
    for body in ({}, {"project_id": support.THEIRS}):
        answer = export(caller(name), backup_ids=chain, **body)
        assert (answer.status, "record:export" in answer.error["message"]) == (403, True)
        answer = bring(caller(name), document=DAMAGED, **body)
        assert (answer.status, "record:import" in answer.error["message"]) == (403, True)


def test_another_project(admin: Caller, store: Store) -> None:
    theirs = store.add(project_id=support.OURS)
    answer = export(admin, backup_ids=[theirs], project_id=support.OURS)
    assert answer.body["document"]["records"][0]["backup_id"] == theirs
    answer = bring(admin, document=_document(support.new_id()), project_id=support.OURS)
    run_id = answer.body["run"]["id"]
    assert (answer.body["run"]["project_id"], store.project_id) == (support.OURS, support.OURS)
    with db_session.reader() as session:
        run = session.get_one(Run, run_id)
        assert {task.project_id for task in tasks()} == {support.OURS}
        assert run.user_id == "operator"


def test_another_project_needs_a_rule_of_its_own(
    admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = api.Call.may
    monkeypatch.setattr(
        api.Call, "may", lambda call, rule: rule != "record:all_projects" and may(call, rule)
    )
    for answer in (
        export(admin, volume_id=VOLUME, project_id=support.OURS),
        bring(admin, document=_document(support.new_id()), project_id=support.OURS),
    ):
        assert (answer.status, "record:all_projects" in answer.error["message"]) == (403, True)
    own = bring(admin, document=_document(support.new_id()), project_id=OPERATOR, dry_run=True)
    assert own.status == 200


def test_where_the_service_may_not(
    admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(call: Any, project_id: str) -> None:
        raise exceptions.DelegationBroken("give him the role")

    monkeypatch.setattr(api, "_client", refuse)
    answer = export(admin, volume_id=VOLUME)
    assert (answer.status, answer.error["message"]) == (409, "give him the role")
    assert bring(admin, document=_document(support.new_id())).status == 409
