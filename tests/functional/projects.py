"""Projects that have some of everything, and the people who ask about them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import requests
import sqlalchemy
from keystoneauth1 import session as ks_session
from keystoneauth1.identity import v3

from backup_manager import conf, policies, sdk
from backup_manager.db.models import Base
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant

# For an answer: the machine may be slow.
SECONDS = 60
DAILY = {"type": "daily", "time": "02:00"}
_RETENTION = {"keep_last": 3}
# What moves by itself when somebody looks.
_MOVING = {
    f"{table}.{column}"
    for table in ("backups", "volumes")
    for column in ("updated_at", "recorded_at")
} | {"delegations.checked_at"}


@dataclass(frozen=True)
class Things:
    """A project that has some of everything.

    :param ids: by the name of a path's variable, such as ``volume_id``
    :param words: what nobody else may read anywhere: ids and texts
    :param records: what an export gives
    """

    tenant: Tenant
    ids: dict[str, str]
    words: frozenset[str] = frozenset()
    records: dict[str, Any] = field(default_factory=dict)

    @property
    def project_id(self) -> str:
        return self.tenant.project.id


@dataclass(frozen=True)
class Person:
    """Somebody who asks.

    :param token: None: none
    :param about: whose things are foreign to him, or his own where he has no others
    :param spare: what he may change where he is allowed to
    """

    token: str | None
    roles: list[str] = field(default_factory=list)
    project_id: str | None = None
    about: Things | None = None
    own: Things | None = None
    spare: Things | None = None


@dataclass(frozen=True)
class Scene:
    stack: Stack
    victim: Things
    other: Things
    people: dict[str, Person]

    @cached_property
    def http(self) -> requests.Session:
        return requests.Session()

    def ask(self, person: Person, method: str, url: str, body: Any) -> requests.Response:
        headers = {} if person.token is None else {"X-Auth-Token": person.token}
        return self.http.request(
            method, f"{self.stack.url}{url}", json=body, headers=headers, timeout=SECONDS
        )

    @cached_property
    def _enforcer(self) -> Any:
        return policies.enforcer(conf.load(config_files=[str(self.stack.config_file)]))

    def may(self, person: Person, rule: str) -> bool:
        target = {"project_id": person.project_id, "delegation_mode": "trust"}
        creds = {"roles": person.roles, "project_id": person.project_id}
        return bool(self._enforcer.authorize(rule, target, creds))

    def state(self) -> list[str]:
        """All that the database and Cinder have of the two projects that nobody may change."""
        found = []
        projects = [self.victim.project_id, self.other.project_id]
        with self.stack.sql() as database:
            for table in Base.metadata.sorted_tables:
                columns = [each for each in table.columns if str(each) not in _MOVING]
                query = sqlalchemy.select(*columns)
                if table.name == "schedule_volumes":
                    query = query.where(table.c.schedule_id.in_(self._schedules(projects)))
                elif "project_id" in table.columns and table.name != "projects":
                    query = query.where(table.c.project_id.in_(projects))
                else:
                    continue
                found += sorted(f"{table.name} {row}" for row in database.execute(query))
        for things in (self.victim, self.other):
            storage = things.tenant.connection.block_storage
            for each in [*storage.volumes(details=True), *storage.backups(details=True)]:
                found.append(f"{each.id} {each.name} {each.status} {each.metadata}")
        return found

    @staticmethod
    def _schedules(projects: list[str]) -> Any:
        table = Base.metadata.tables["schedules"]
        return sqlalchemy.select(table.c.id).where(table.c.project_id.in_(projects))


def furnish(sandbox: Sandbox) -> Tenant:
    """A new project with a volume."""
    tenant = Tenant(sandbox, sandbox.create_project())
    sandbox.grant(tenant.project, "backup-manager", "admin")
    sandbox.create_volume(tenant.connection, _word("volume"))
    return tenant


def _word(noun: str) -> str:
    return f"secret-{noun}-{uuid.uuid4().hex}"


def use(stack: Stack, tenant: Tenant) -> Things:
    """Give a project a schedule, runs, a backup on hold and policies. The engine has to run."""
    (volume,) = tenant.connection.block_storage.volumes()
    client = tenant.client
    schedule = client.create_schedule(
        _word("schedule"), DAILY, [volume.id], description=_word("text"), retention=_RETENTION
    )
    run = tenant.finished(client.run_schedule(schedule))
    (task,) = client.run_tasks(run)
    assert run.status == "succeeded", task.error
    client.update_backup(task.backup_id, is_held=True, hold_reason=_word("reason"))
    client.set_policy(_RETENTION)
    client.set_policy(_RETENTION, volume.id)
    return Things(
        tenant,
        {
            "volume_id": volume.id,
            "schedule_id": schedule.id,
            "run_id": run.id,
            "backup_id": task.backup_id,
        },
    )


def finish(stack: Stack, things: Things) -> Things:
    """The same with a run that nobody carries out, and with all words that tell of it."""
    things.tenant.client.run_schedule(things.ids["schedule_id"])
    # Whoever asks for what isn't there has Cinder looked at; from now on that finds nothing new.
    things.tenant.client.get(f"/v1/backups/{uuid.uuid4()}")
    words = {things.project_id, things.tenant.project.name, things.tenant.project.user_id}
    with stack.sql() as database:
        for table in Base.metadata.sorted_tables:
            if "project_id" in table.columns:
                query = sqlalchemy.select(table).where(table.c.project_id == things.project_id)
                for row in database.execute(query).mappings():
                    words.update(_telling(dict(row)))
    with things.tenant._sandbox.connection("admin") as admin:
        exported = sdk.attach(admin).export_records(
            [things.ids["backup_id"]], project_id=things.project_id
        )
    return Things(things.tenant, things.ids, frozenset(words), exported.document)


def _telling(row: dict[str, Any]) -> Iterator[str]:
    """The ids and the texts of a row that no other project has."""
    for name, value in row.items():
        text = str(value)
        if value is not None and (name.endswith("id") or text.startswith("secret-")):
            yield text


def person_of(connection: Any, **more: Any) -> Person:
    access = connection.session.auth.get_access(connection.session)
    return Person(access.auth_token, list(access.role_names), access.project_id, **more)


def unscoped(tenant: Tenant) -> str:
    auth = tenant.project.auth
    login = v3.Password(
        auth["auth_url"], username=auth["username"], password=auth["password"],
        user_domain_id=auth["user_domain_id"], unscoped=True,
    )  # fmt: skip
    return str(login.get_token(ks_session.Session()))
