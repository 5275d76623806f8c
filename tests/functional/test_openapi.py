"""The document that describes the service holds good, whatever the service is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig

from backup_manager.api import openapi
from sandbox.client import Sandbox
from tests.functional.conftest import new_database
from tests.functional.openapi_values import KNOWN_IDS
from tests.functional.stack import IMPATIENT, REPOSITORY, Stack, Tenant

_CONFIG = Path(__file__).with_name("schemathesis.toml")
# What schemathesis does with each kind of database. Limits are looked at before any database is.
_PHASES = {"sqlite": "coverage,fuzzing,stateful", "mariadb": "fuzzing,stateful"}
_SECONDS = 120
_DAILY = {"type": "daily", "time": "02:00"}


@dataclass(frozen=True)
class Service:
    """A service with something in it.

    :param token: of a member of the project
    :param ids: of a volume, a schedule, a run and a backup, as paths have them
    """

    url: str
    token: str
    ids: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Auth-Token": self.token}


@pytest.fixture(scope="module")
def service(
    sandbox: Sandbox,
    stack: Stack,
    database_kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Service]:
    """A service whose engine made a backup and was stopped: nothing comes of what is asked for."""
    directory = tmp_path_factory.mktemp("openapi")
    database = new_database(database_kind, directory, request)
    # Nobody is to get a 503 because the machine is slow.
    own = Stack(sandbox, directory, database, {**IMPATIENT, "cinder__timeout": _SECONDS})
    own.start_api()
    tenant = Tenant(sandbox, sandbox.create_project())
    volumes = tenant.volumes(2)
    schedule = tenant.client.create_schedule("nightly", _DAILY, volumes[:1])
    with own.running_engine(cinder__timeout=IMPATIENT["cinder__timeout"]):
        run = tenant.finished(tenant.client.run_schedule(schedule.id))
    pending = tenant.client.run_schedule(schedule.id)
    (backup,) = tenant.backups()
    ids = {
        "volume_id": volumes[0],
        "schedule_id": schedule.id,
        "run_id": run.id,
        "backup_id": backup.id,
    }
    token = tenant.connection.session.get_token()
    with pytest.MonkeyPatch.context() as environment, sandbox.connection("admin") as admin:
        environment.setenv(KNOWN_IDS, ",".join([*ids.values(), volumes[1], pending.id]))
        environment.setenv("MEMBER_TOKEN", token)
        environment.setenv("ADMIN_TOKEN", admin.session.get_token())
        yield Service(own.url, token, ids)
    own.stop()
    sandbox.register_endpoint(stack.url)


def test_the_document(service: Service) -> None:
    answer = requests.get(f"{service.url}/v1/openapi.json", timeout=_SECONDS)
    assert answer.status_code == 200
    assert answer.json() == {**openapi.document(), "servers": [{"url": service.url}]}


# ---------------------------------------------------------------- links


@dataclass(frozen=True)
class Links:
    """Follows the links of the document; what schemathesis knows of it checks each answer."""

    service: Service
    schema: Any

    def ask(self, method: str, path: str, ids: dict[str, str]) -> Any:
        operation = self.schema[path][method]
        body = _body(operation.label, self.service.ids["volume_id"])
        case = operation.Case(
            path_parameters={name: value for name, value in ids.items() if f"{{{name}}}" in path},
            **({} if body is None else {"body": body, "media_type": "application/json"}),
        )
        return case.call_and_validate(headers=self.service.headers, timeout=_SECONDS)

    def follow(self, method: str, path: str) -> Iterator[tuple[str, int]]:
        """Each link of an operation, and the status that it leads to.

        What is deleted has to be made first.
        """
        document = self.schema.raw_schema
        places = {
            operation["operationId"]: (method, path)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }
        for answer in document["paths"][path][method]["responses"].values():
            for link in answer.get("links", {}).values():
                target = places[link["operationId"]]
                source = self.ask(method, path, self.service.ids)
                deletes_what_stays = target[0] == "delete" and source.status_code != 201
                if source.status_code < 300 and not deletes_what_stays:
                    ids = {
                        name: _evaluate(expression, source.json())
                        for name, expression in link["parameters"].items()
                    }
                    yield link["operationId"], self.ask(*target, ids).status_code


def _body(label: str, volume_id: str) -> dict[str, Any] | None:
    """A body that is good for an operation, if it takes one."""
    schedule = {"name": "linked", "recurrence": _DAILY, "volumes": [volume_id]}
    return {
        "POST /v1/backups": {"backup": {"volumes": [volume_id]}},
        "PATCH /v1/backups/{backup_id}": {"backup": {"held": True}},
        "POST /v1/schedules": {"schedule": schedule},
        "PATCH /v1/schedules/{schedule_id}": {"schedule": {"generation": 1, "enabled": False}},
        "POST /v1/schedules/{schedule_id}/volumes": {"volumes": [volume_id]},
        "POST /v1/schedules/{schedule_id}/volumes/remove": {"volumes": [volume_id]},
        "PUT /v1/volumes/{volume_id}/policy": {"policy": {"retention": {"keep_last": 1}}},
    }.get(label)


def _evaluate(expression: str, body: Any) -> str:
    """The value of a runtime expression of OpenAPI that points into a body."""
    prefix, _, pointer = expression.partition("#/")
    assert prefix == "$response.body"
    for step in pointer.split("/"):
        body = body[int(step) if isinstance(body, list) else step]
    return str(body)


def test_links_are_followed(service: Service) -> None:
    config = SchemathesisConfig.from_path(_CONFIG)
    schema = schemathesis.openapi.from_url(f"{service.url}/v1/openapi.json", config=config)
    links = Links(service, schema)
    followed = set()
    for path, item in schema.raw_schema["paths"].items():
        for method, operation in item.items():
            for target, status in links.follow(method, path):
                # What an answer names is there; its state may forbid what the link is for.
                assert status < 300 or status == 409, (operation["operationId"], target)
                followed.add((operation["operationId"], target))
    assert followed >= {
        ("volume.list_volumes", "volume.show_volume"),
        ("volume.show_volume", "policy.put_volume"),
        ("backup.list_backups", "backup.update_backup"),
        ("backup.create_backups", "run.cancel_run"),
        ("schedule.create_schedule", "schedule.run_schedule"),
        ("schedule.create_schedule", "schedule.update_schedule"),
        ("schedule.create_schedule", "schedule.delete_schedule"),
        ("schedule.run_schedule", "run.show_run"),
        ("run.list_runs", "run.list_tasks"),
        ("run.list_tasks", "volume.show_volume"),
    }


# ---------------------------------------------------------------- requests that are made up


@pytest.mark.timeout(1800)
def test_whatever_is_asked(service: Service, database_kind: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--no-color", f"--config-file={_CONFIG}", "run"]
        + [f"{service.url}/v1/openapi.json", f"--phases={_PHASES[database_kind]}"]
        + ["--warnings=off"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        text=True,
        capture_output=True,
    )
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
