"""The document that describes the API: complete, valid, and of the schemas that validate."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import openapi_spec_validator
import pytest

from backup_manager import policies
from backup_manager.api import openapi, run
from backup_manager.api.call import Route
from backup_manager.api.routes import ROUTES
from backup_manager.api.schemas import common
from backup_manager.api.schemas import run as runs

from .support import Caller

NOTHING = common.Operation(response=None, status=204)


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = openapi.document()["paths"][route.path][route.method.lower()]
    return found


def resolved(schema: Any) -> Any:
    """A schema of the document with the components in place of the references to them."""
    if isinstance(schema, list):
        return [resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: resolved(value) for key, value in schema.items()}
    if isinstance(made.get("$ref"), str):
        name = made.pop("$ref").removeprefix("#/components/schemas/")
        return {**resolved(openapi.document()["components"]["schemas"][name]), **made}
    if made.get("anyOf", [None])[-1] == {"type": "null"}:
        shared, _ = made.pop("anyOf")
        return {**shared, "type": [shared["type"], "null"], **made}
    if "discriminator" in made:
        made["discriminator"].pop("mapping")
    return made


def by_id(route: Route) -> str:
    return openapi.operation_id(route)


# ---------------------------------------------------------------- the document


def test_it_is_valid() -> None:
    assert openapi.document()["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(openapi.document())


def test_it_has_all_routes_and_no_others() -> None:
    described = {
        (method.upper(), path)
        for path, item in openapi.document()["paths"].items()
        for method in item
    }
    assert described == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=by_id)
def test_a_route_has_what_the_document_needs(route: Route) -> None:
    made = operation(route)
    assert re.fullmatch(r"[A-Z].+[^.]", made["summary"]), (
        "the handler's docstring says what it does"
    )
    (tag,) = made["tags"]
    tags = {each["name"]: each["description"] for each in openapi.document()["tags"]}
    assert tags[tag], "the handler's module says what it is about"
    assert route.handler.__name__.isidentifier(), "the handler has a name"
    if route.policy is None:
        assert made["security"] == []
        return
    rules = {rule.name: rule for rule in policies.list_rules()}
    decides = {(each["method"], each["path"]) for each in rules[route.policy].operations}
    assert (route.method, route.path) in decides, "the policy says that it decides about the route"
    assert f"* `{route.policy}`: `{rules[route.policy].check_str}`" in made["description"]


def test_policies_speak_of_routes_that_exist() -> None:
    described = {
        (each["method"], each["path"].partition("?")[0])
        for rule in policies.list_rules()
        for each in rule.operations
    }
    assert described <= {(route.method, route.path) for route in ROUTES}


def test_operations_have_different_names() -> None:
    names = [openapi.operation_id(route) for route in ROUTES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", ROUTES, ids=by_id)
def test_the_schemas_are_those_that_validate(route: Route) -> None:
    made, asks = operation(route), route.operation
    queried = {
        each["name"]: resolved(each["schema"])
        for each in made["parameters"]
        if each["in"] == "query"
    }
    assert queried == asks.query["properties"]
    sent = made.get("requestBody", {"content": {"application/json": {"schema": None}}})
    assert resolved(sent["content"]["application/json"]["schema"]) == asks.request
    answers = {str(asks.status): asks.response}
    if asks.preview is not None:
        answers["200"] = asks.preview
    for code, schema in answers.items():
        answer = made["responses"][code].get("content", {"application/json": {"schema": None}})
        assert resolved(answer["application/json"]["schema"]) == schema


@pytest.mark.parametrize("route", ROUTES, ids=by_id)
def test_variables_of_paths_are_parameters(route: Route) -> None:
    made = [each for each in operation(route)["parameters"] if each["in"] == "path"]
    assert [each["name"] for each in made] == re.findall(r"{(\w+)}", route.path)
    assert all(each["required"] for each in made)
    assert all(each["schema"] == {"type": "string", "format": "uuid"} for each in made)


def test_what_is_said_about_parameters_and_properties() -> None:
    made = openapi.document()["paths"]["/v1/runs"]["get"]
    said = {each["name"]: each.get("description") for each in made["parameters"]}
    assert said["schedule_id"] == "only runs of this schedule"
    assert all(said.values())


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("method", "path", "codes"),
    [
        ("get", "/", "300 400"),
        ("get", "/v1/services", "200 400 401 403 414 503"),
        ("get", "/v1/volumes/{volume_id}", "200 400 401 403 404 503"),
        ("post", "/v1/backups", "202 400 401 403 404 409 413 503"),
        ("post", "/v1/schedules/preview", "200 400 401 403 413 503"),
        ("delete", "/v1/schedules/{schedule_id}", "204 400 401 403 404 409 503"),
    ],
)
def test_errors_that_can_be(method: str, path: str, codes: str) -> None:
    made = openapi.document()["paths"][path][method]["responses"]
    assert sorted(made) == codes.split()


def test_errors_have_one_shape() -> None:
    made = openapi.document()["components"]["responses"]
    shape = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    assert {code: each.get("content") for code, each in made.items()} == {
        **dict.fromkeys(("400", "401", "403", "404", "409", "413", "503"), shape),
        "414": None,
    }


# ---------------------------------------------------------------- links


def test_links_point_to_ids_and_to_what_takes_them() -> None:
    operations = {openapi.operation_id(route): route for route in ROUTES}
    followed = set()
    for source in ROUTES:
        answer = operation(source)["responses"][str(source.operation.status)]
        for link in answer.get("links", {}).values():
            target = operations[link["operationId"]]
            ((variable, expression),) = link["parameters"].items()
            assert f"{{{variable}}}" in target.path
            schema: Any = source.operation.response
            for step in expression.removeprefix("$response.body#/").split("/"):
                schema = schema["items"] if step == "0" else schema["properties"][step]
            assert schema["format"] == "uuid"
            followed.add((openapi.operation_id(source), link["operationId"]))
    assert followed >= {
        ("schedule.create_schedule", "schedule.show_schedule"),
        ("schedule.create_schedule", "schedule.delete_schedule"),
        ("schedule.run_schedule", "run.list_tasks"),
        ("volume.list_volumes", "retention.show_volume"),
        ("backup.list_backups", "volume.show_volume"),
        ("chain.show_chain", "volume.show_volume"),
    }
    # What is only mentioned is shown, and no more.
    assert ("backup.list_backups", "policy.delete_volume") not in followed
    assert not any(source == target for source, target in followed)


# ---------------------------------------------------------------- how it is made


def test_docstrings_give_summary_and_description() -> None:
    def handler(call: Any, run_id: str) -> None:
        """Do this.

        It takes
        a while.

        :raises NotFound: it is not there
        """

    rule = policies.run.RULES[0]
    made = openapi.build([Route("GET", "/v1/runs", handler, rule.name, NOTHING)], [rule])
    (found,) = made["paths"]["/v1/runs"].values()
    assert found["summary"] == "Do this"
    assert found["description"] == (
        f"It takes a while.\n\nPolicies:\n\n* `run:list`: `{rule.check_str}`. List runs."
    )
    assert found["responses"]["204"].keys() == {"description", "headers"}


def test_two_schemas_of_one_title() -> None:
    other = common.Operation(response=common.wrapped("run", common.record({}, title="Run")))
    table = [
        Route("GET", "/v1/a", run.show_run, None, runs.SHOW),
        Route("GET", "/v1/b", run.show_run, None, other),
    ]
    with pytest.raises(ValueError, match="title Run"):
        openapi.build(table, [])


# ---------------------------------------------------------------- the service gives it


def test_anybody_gets_it(caller: Callable[[str | None], Caller]) -> None:
    expected = {**openapi.document(), "servers": [{"url": "http://localhost"}]}
    for token in (None, "wrong", "reader"):
        answer = caller(token).get("/v1/openapi.json")
        assert (answer.status, answer.body) == (200, expected)


def test_the_url_of_the_service_behind_a_proxy(member: Caller) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "cloud.example",
        "X-Forwarded-Prefix": "/backup",
    }
    (version,) = member.get("/", headers=headers).body["versions"]
    links = {link["rel"]: link["href"] for link in version["links"]}
    assert links["describedby"] == "https://cloud.example/backup/v1/openapi.json"
    answer = member.get("/v1/openapi.json", headers=headers)
    assert answer.body["servers"] == [{"url": "https://cloud.example/backup"}]


def test_it_is_made_once() -> None:
    assert openapi.document() is openapi.document()
