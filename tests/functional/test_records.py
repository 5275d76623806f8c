"""Records of backups on their way from one cloud to another one that shares the store."""

from __future__ import annotations

import base64
import json
import random
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack.exceptions
import pytest
from oslo_config import cfg

from backup_manager import cinder, conf, delegation, exceptions, keyring
from backup_manager.context import RequestContext
from backup_manager.db import session as db_session
from backup_manager.rules import record as rules
from sandbox.client import Sandbox
from tests.functional.conftest import VENV, new_database
from tests.functional.proxy import NO_TROUBLE, Proxy, Trouble
from tests.functional.stack import IMPATIENT, Program, Stack, Tenant, once, wait_for
from tests.functional.test_commands import Shell

_BYTES = 1024**2
# One at a time looks up and imports: time to answer costs nothing.
_PATIENT = {"cinder__timeout": 20, "engine__claim_timeout": 60}
# Claims run out as soon as an engine allows.
_QUICK = {"cinder__timeout": 1, "engine__claim_timeout": 12}
_NOT_HERE = "cinder.backup.drivers.swift.SwiftBackupDriver"
_SERVICE = "sandbox.backup_driver.FaultyPosixBackupDriver"


@pytest.fixture(scope="session")
def other(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Another cloud, with the same store of backups."""
    directory = tmp_path_factory.mktemp("other")
    shared = sandbox.settings.backup_dir
    made = Sandbox.start(directory, venv=VENV, keystone_port=0, cinder_port=0, backup_dir=shared)
    yield made
    made.wipe()


@pytest.fixture(scope="module")
def there(
    other: Sandbox,
    database_kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Stack]:
    """The API of the other cloud's service."""
    directory = tmp_path_factory.mktemp("there")
    database = new_database(database_kind, directory, request)
    stack = Stack(other, directory, database, {**IMPATIENT, **_PATIENT})
    stack.start_api()
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def engine(there: Stack) -> Iterator[Program]:
    """Its engine, which tests may stop for a while."""
    with there.running_engine() as engine:
        yield engine


@contextmanager
def _stopped(engine: Program) -> Iterator[None]:
    engine.stop()
    try:
        yield
    finally:
        engine.start()


@dataclass(frozen=True)
class Place:
    """A project of an administrator, where the service may export and import."""

    sandbox: Sandbox
    tenant: Tenant
    shell: Shell


def _place(sandbox: Sandbox, home: Path) -> Place:
    project = sandbox.create_project(role="admin")
    sandbox.grant(project, "backup-manager", "admin")
    return Place(sandbox, Tenant(sandbox, project), Shell(project.environment, home))


@pytest.fixture(scope="module")
def source(stack: Stack, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return _place(sandbox, tmp_path_factory.mktemp("source"))


@pytest.fixture
def target(there: Stack, other: Sandbox, tmp_path: Path) -> Place:
    return _place(other, tmp_path)


def _refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, field and message of a refusal."""
    with pytest.raises(openstack.exceptions.HttpException) as refusal:
        call()
    error = refusal.value.response.json()["error"]
    return error["code"], error["field"], error["message"]


def _backup(place: Place, volume_id: str, **options: Any) -> str:
    tenant = place.tenant
    run = tenant.finished(tenant.client.create_backup([volume_id], **options))
    (task,) = tenant.client.run_tasks(run)
    assert run.status == "succeeded", task.error
    return str(task.backup_id)


def _resealed(document: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """The document with other records, and the checksum that belongs to them."""
    changed = {**document, "records": records}
    return {**changed, "checksum": rules.checksum(changed)}


def _forged(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document of backups that nobody made: the same with other ids, and other changes."""
    ids = {each["backup_id"]: str(uuid.uuid4()) for each in document["records"]}
    volume_id = str(uuid.uuid4())
    records = []
    for each in document["records"]:
        row = json.loads(base64.b64decode(each["backup_url"]))
        row |= {"id": ids[row["id"]], "parent_id": ids.get(row["parent_id"])}
        row |= {"volume_id": volume_id, **changes}
        url = base64.b64encode(json.dumps(row).encode()).decode()
        records.append(rules.read(each["backup_service"], url))
    return rules.pack(records)


def _records(place: Place) -> dict[str, str]:
    """What Cinder has in the project: status by id."""
    return {backup.id: backup.status for backup in place.tenant.backups()}


@dataclass(frozen=True)
class Chain:
    """A volume with a full backup and two increments, and what each of them holds."""

    volume_id: str
    backups: list[str]
    contents: list[bytes]
    file: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.file.read_text())
        return document


@pytest.fixture(scope="module")
def chain(source: Place, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    dice = random.Random(7)
    content = dice.randbytes(_BYTES)
    (volume_id,) = source.tenant.volumes(1, content)
    backups, contents = [_backup(source, volume_id)], [content]
    for _ in range(2):
        offset = dice.randrange(0, _BYTES - 100_000)
        content = content[:offset] + dice.randbytes(100_000) + content[offset + 100_000 :]
        source.sandbox.write_volume(volume_id, content)
        backups.append(_backup(source, volume_id, type="incremental"))
        contents.append(content)
    file = tmp_path_factory.mktemp("chain") / "chain.json"
    done = source.shell.run(f"backup export --volume {volume_id} --file {file}")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == f"3 records are in {file}.\n"
    return Chain(volume_id, backups, contents, file)


def test_a_chain_is_restored_in_another_cloud(
    stack: Stack, there: Stack, engine: Program, chain: Chain, target: Place, tmp_path: Path
) -> None:
    assert stat.S_IMODE(chain.file.stat().st_mode) == 0o600
    document = chain.document
    shuffled = tmp_path / "shuffled.json"
    shuffled.write_text(json.dumps(_resealed(document, document["records"][::-1])))
    shell, client = target.shell, target.tenant.client

    rows = shell.json(f"backup import {shuffled} --dry-run --long")
    assert [row["Backup ID"] for row in rows] == chain.backups
    assert [row["Parent ID"] for row in rows] == [None, *chain.backups[:2]]
    assert [(row["Result"], row["Type"], row["Size"]) for row in rows] == [
        ("import", "full", 1),
        ("import", "incremental", 1),
        ("import", "incremental", 1),
    ]
    assert (_records(target), list(client.runs())) == ({}, [])

    rows, _ = shell.waited(f"backup import {shuffled}")
    assert [row["Result"] for row in rows] == ["imported"] * 3
    assert _records(target) == dict.fromkeys(chain.backups, "available")
    (run,) = client.runs(action="import")
    tasks = list(client.run_tasks(run))
    assert [task.backup_id for task in tasks] == chain.backups
    assert [task.parent_id for task in tasks] == [None, *chain.backups[:2]]
    restores = client.restore_backups([{"backup_id": each} for each in chain.backups])
    assert target.tenant.finished(restores).status == "succeeded"
    for task, content in zip(client.run_tasks(restores), chain.contents, strict=True):
        assert target.sandbox.read_volume(task.target_volume_id) == content
    shown = {each.id: each for each in client.backups()}
    assert [shown[each].parent_id for each in chain.backups] == [None, *chain.backups[:2]]
    assert {each.parent_source for each in shown.values()} == {None, "recorded"}
    # What the service did not make, it does not delete by itself: though Cinder's metadata
    # tells of a task, it is none of this one's.
    assert all(cinder.TASK_KEY in each.metadata for each in target.tenant.backups())
    assert {each.is_ours for each in shown.values()} == {False}

    rows, _ = shell.waited(f"backup import {chain.file}")
    assert [(row["Result"], row["Reason"]) for row in rows] == [
        ("present", "the project has it already")
    ] * 3
    assert len(list(client.runs(action="import"))) == 1
    for service in (stack, there):
        logs = [path.read_text() for path in service.directory.glob("*.log")]
        assert logs
        assert not [log for log in logs if document["records"][0]["backup_url"][:60] in log]


@once
def test_who_may(chain: Chain, source: Place, tmp_path: Path) -> None:
    backups, document = chain.backups, chain.document
    project = source.tenant.project
    for login, what, command in (
        (source.sandbox.add_user(project, "member"), "import", f"import {chain.file}"),
        (source.sandbox.add_user(project, "reader"), "export", f"export {backups[0]}"),
        (source.sandbox.create_project(), "export", f"export --volume {chain.volume_id}"),
    ):
        tenant, shell = Tenant(source.sandbox, login), Shell(login.environment, tmp_path)
        for refused in (
            lambda client=tenant.client: client.export_records(backups),
            lambda client=tenant.client: client.export_records(backups, project_id=project.id),
            lambda client=tenant.client: client.import_records(document, dry_run=True),
            lambda client=tenant.client: client.import_record(_SERVICE, "e30="),
        ):
            assert _refused(refused)[0] == 403
        message = f"You are not allowed to do this: it needs the policy record:{what}."
        assert shell.refused(f"backup {command}") == message
    assert not list(source.tenant.client.runs(action="import"))


@once
def test_only_where_the_service_may(
    engine: Program, chain: Chain, other: Sandbox, tmp_path: Path
) -> None:
    project = other.create_project(role="admin")
    tenant, document = Tenant(other, project), _forged(chain.document)
    code, _, message = _refused(lambda: tenant.client.import_records(document))
    assert code == 409
    assert f"openstack role add --project {project.id} --user " in message
    other.grant(project, "backup-manager", "admin")

    # Another administrator names the project; by his own token he means his own.
    elsewhere = _place(other, tmp_path)
    file = tmp_path / "forged.json"
    file.write_text(json.dumps(document))
    rows = elsewhere.shell.json(f"backup import {file} --project {project.name} --dry-run")
    assert {row["Result"] for row in rows} == {"import"}
    client, backups = elsewhere.tenant.client, [row["Backup ID"] for row in rows]
    run = client.import_records(document, project_id=project.id).run
    assert run.project_id == project.id
    assert elsewhere.tenant.finished(run).status == "succeeded"
    assert {backup.id for backup in tenant.backups()} == set(backups)
    assert elsewhere.tenant.backups() == []
    code, field, _ = _refused(lambda: client.export_records(backups))
    assert (code, field) == (404, "backup_ids[0]")
    volume_id = document["records"][0]["volume_id"]
    again = client.export_records(volume=volume_id, project_id=project.id)
    assert [each["backup_id"] for each in again.document["records"]] == backups


@once
def test_an_administrator_of_its_own(there: Stack, other: Sandbox) -> None:
    project = other.create_project()
    login = {
        "auth_type": "password",
        "auth_url": other.keystone_url,
        "username": "admin",
        "password": "admin",
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }

    def configured(**changes: str) -> cfg.ConfigOpts:
        options = {f"admin_credentials__{name}": value for name, value in login.items()}
        changed = {f"admin_credentials__{name}": value for name, value in changes.items()}
        return conf.load(config_files=[str(there.write_config("own", **{**options, **changed}))])

    options = configured()
    with pytest.raises(exceptions.DelegationBroken, match=f"no role in project {project.id}"):
        delegation.admin_session(options, project.id)
    # Not a word of roles when it is the password.
    with pytest.raises(exceptions.Unavailable, match="refuses the credentials"):
        delegation.admin_session(configured(password="old"), project.id)
    other.grant(project, "admin", "admin")
    session = delegation.admin_session(options, project.id)
    assert session.get_project_id() == project.id

    db_session.configure(options)
    context = RequestContext(user_id="whoever", project_id="elsewhere")
    delegation_id = delegation.grant_admin(options, context, project.id)
    assert delegation.grant_admin(options, context, project.id) == delegation_id
    used = keyring.Keyring(options).session(delegation_id)
    assert (used.get_project_id(), used.get_user_id()) == (project.id, session.get_user_id())
    other.revoke(project, "admin", "admin")
    with pytest.raises(exceptions.DelegationBroken, match="own administrator has no role"):
        keyring.Keyring(options).session(delegation_id)
    db_session.engine().dispose()


@once
def test_a_damaged_file_changes_nothing(
    there: Stack, chain: Chain, target: Place, tmp_path: Path
) -> None:
    text = chain.file.read_text()
    damaged = tmp_path / "damaged.json"
    shell, client = target.shell, target.tenant.client

    damaged.write_text(text.replace('"size_gb": 1', '"size_gb": 2', 1))
    message = shell.refused(f"backup import {damaged}")
    assert message.startswith("document.checksum: does not fit the content: the file is damaged")
    damaged.write_text(text[:-100])
    assert "is not JSON, or only a part of it" in shell.refused(f"backup import {damaged}")

    document = json.loads(text)
    first, *rest = document["records"]
    lies = _resealed(document, [{**first, "size_gb": 2}, *rest])
    for wrong, field in (
        ({**document, "version": 2}, "document.version"),
        ({**document, "format": "tar"}, "document.format"),
        (lies, "document.records[0].size_gb"),
    ):
        assert _refused(lambda wrong=wrong: client.import_records(wrong))[:2] == (400, field)
    url = first["backup_url"]
    code, field, _ = _refused(lambda: client.import_record(_SERVICE, url[:-8]))
    assert (code, field) == (400, "record.backup_url")
    assert (_records(target), list(client.runs())) == ({}, [])


@once
def test_one_record_of_cinders_own(engine: Program, chain: Chain, target: Place) -> None:
    storage = target.tenant.connection.block_storage
    full, increment, _ = _forged(chain.document)["records"]
    shell = target.shell
    wrapped = f"--service {_SERVICE} --url '{_lines(full['backup_url'])}'"
    (row,) = shell.json(f"backup import {wrapped} --dry-run --long")
    assert (row["Backup ID"], row["Volume ID"]) == (full["backup_id"], full["volume_id"])
    assert (row["Type"], row["Size"], row["Result"]) == ("full", 1, "import")
    orphan = target.tenant.client.import_record(_SERVICE, increment["backup_url"])
    assert (orphan.run, orphan.records[0].result) == (None, "refused")
    shell.waited(f"backup import {wrapped}")
    made = target.tenant.client.import_record(_SERVICE, increment["backup_url"])
    assert target.tenant.finished(made.run).status == "succeeded"
    assert storage.get_backup(increment["backup_id"]).is_incremental


def _lines(text: str) -> str:
    """As somebody copies it from a terminal."""
    return "\n".join(text[at : at + 80] for at in range(0, len(text), 80))


def _import_past_the_service(place: Place, record: dict[str, Any]) -> None:
    body = {name: record[name] for name in ("backup_service", "backup_url")}
    storage = place.tenant.connection.block_storage
    answer = storage.post("/backups/import_record", json={"backup-record": body})
    openstack.exceptions.raise_from_response(answer)
    place.sandbox.wait_for_backup(place.tenant.connection, record["backup_id"])


def test_what_happens_between_the_look_and_the_import(
    engine: Program, chain: Chain, target: Place, tmp_path: Path
) -> None:
    client = target.tenant.client
    stranger = _place(target.sandbox, tmp_path)
    taken, shared, driverless = (_forged(chain.document) for _ in range(3))
    for record in driverless["records"]:
        record["backup_service"] = _NOT_HERE
    records = [each for one in (taken, shared, driverless) for each in one["records"]]
    with _stopped(engine):
        run = client.import_records(_resealed(taken, records)).run
        _import_past_the_service(stranger, taken["records"][0])
        _import_past_the_service(target, shared["records"][0])
    assert target.tenant.finished(run).status == "partial"
    tasks = {task.backup_id: task for task in client.run_tasks(run)}

    first, *others = (tasks[each["backup_id"]] for each in taken["records"])
    assert (first.status, first.error_code) == ("failed", "backup-foreign")
    assert {task.status for task in others} == {"skipped", "failed"}
    assert {backup.id for backup in stranger.tenant.backups()} == {first.backup_id}
    again = client.import_records(taken, dry_run=True)
    assert {record.result for record in again.records} == {"refused"}
    assert again.records[0].reason == "another project of this cloud has a backup with this id"

    statuses = [tasks[each["backup_id"]].status for each in shared["records"]]
    assert statuses == ["succeeded"] * 3
    assert tasks[shared["records"][0]["backup_id"]].note == "it was there already"

    first, *others = (tasks[each["backup_id"]] for each in driverless["records"])
    assert (first.status, first.error_code) == ("failed", "import-failed")
    assert first.error.startswith("Import record failed, cannot find backup service")
    assert first.note.endswith(f"openstack volume backup delete {first.backup_id}")
    assert {task.status for task in others} == {"skipped"}
    assert "cannot find backup service" in others[0].error
    driverless = _resealed(driverless, driverless["records"])
    again = client.import_records(driverless, dry_run=True)
    assert "in status error; it has to be gone" in again.records[0].reason
    target.tenant.connection.block_storage.delete_backup(first.backup_id)
    wait_for(lambda: first.backup_id not in _records(target), 30)
    again = client.import_records(driverless, dry_run=True)
    assert {record.result for record in again.records} == {"import"}


def test_sigkill_in_the_middle_imports_each_once(
    there: Stack, engine: Program, chain: Chain, target: Place
) -> None:
    client = target.tenant.client
    one, two = _forged(chain.document), _forged(chain.document)
    # Cinder never hears of the first; it does the second, but nobody learns of that.
    lost = [Trouble(forward=False, delay=30), Trouble(delay=30)]
    proxy = Proxy(
        target.sandbox.cinder_url,
        lambda method, _: lost.pop(0) if method == "POST" and lost else NO_TROUBLE,
    )
    doomed = there.engine("doomed", cinder__endpoint_override=proxy.url, **_QUICK)
    with _stopped(engine), proxy.running():
        run = client.import_records(_resealed(one, one["records"] + two["records"])).run
        doomed.start()
        wait_for(lambda: not lost and _records(target), 60, pause=0.01)
        doomed.kill()
    assert target.tenant.finished(run, 120).status == "succeeded"
    tasks = list(client.run_tasks(run))
    # The one is asked for again, the other one is found.
    found, again = sorted(task.attempts for task in tasks if task.parent_id is None)
    assert (found, again > 1) == (1, True)
    assert _records(target) == {task.backup_id: "available" for task in tasks}
    assert len(tasks) == 6


@once
def test_in_personal_mode(
    there: Stack, chain: Chain, target: Place, database: str, tmp_path: Path
) -> None:
    project = target.tenant.project
    login = {"username": project.name, "password": project.name, "project_name": project.name}
    options = {f"keystone_authtoken__{name}": value for name, value in login.items()}
    directory = tmp_path / "personal"
    directory.mkdir()
    own = Stack(
        target.sandbox,
        directory,
        database,
        {**IMPATIENT, **_PATIENT, "delegation__mode": "self", **options},
    )
    try:
        own.start_api()
        tenant = Tenant(target.sandbox, project)
        client = tenant.client
        first = _forged(chain.document)["records"][0]
        made = client.import_record(_SERVICE, first["backup_url"])
        elsewhere = target.sandbox.create_project()
        code, _, message = _refused(
            lambda: client.export_records([first["backup_id"]], project_id=elsewhere.id)
        )
        assert (code, "are for one project" in message) == (409, True)
        with own.running_engine():
            assert tenant.finished(made.run).status == "succeeded"
        (record,) = client.export_records([first["backup_id"]]).document["records"]
        assert record["backup_id"] == first["backup_id"]
    finally:
        own.stop()
        target.sandbox.register_endpoint(there.url)
