"""The description of the API itself: an OpenAPI document, made of what the API works with."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

from oslo_middleware import request_id
from oslo_policy import policy

from backup_manager import policies
from backup_manager.api import version
from backup_manager.api.call import Body, Call, Route
from backup_manager.api.schemas import error
from backup_manager.api.schemas.common import Schema
from backup_manager.api.schemas.openapi import VERSION

_JSON = "application/json"
_HEADERS = {request_id.HTTP_RESP_HEADER_REQUEST_ID: {"$ref": "#/components/headers/RequestId"}}
_VARIABLE = re.compile(r"{(\w+)}")

_ABOUT = """\
Protects the volumes of OpenStack projects with backups.

All requests but those that need no token carry one of Keystone, scoped to a project, in the header
`X-Auth-Token`. Who may do what is decided by policies; the defaults are given, an operator may have
changed them.

All errors have one shape: `error.message` says what is wrong and what to do, `error.field` with
which property or parameter. What a request does not know is refused with 400.

Ids are UUIDs in lower case with dashes. Times are in UTC. Whole numbers have no fraction: 5 is one,
5.0 is not. A list comes in pages: as long as there is another one, `<plural>_links` has its URL.
"""
# What an error of that code means here.
_ERRORS = {
    HTTPStatus.BAD_REQUEST: "Something about the request is wrong: `error.field` says what",
    HTTPStatus.UNAUTHORIZED: "There is no token, or it is not valid",
    HTTPStatus.FORBIDDEN: "A policy does not allow it, Keystone or Cinder refuses the token, or "
    "the token is of no project",
    HTTPStatus.NOT_FOUND: "Something that the request names does not exist in this project",
    HTTPStatus.CONFLICT: "The state of things does not allow it, or somebody else was quicker",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than the service accepts",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The URL is longer than the web server accepts. The service "
    "does not get to see it, so that the answer has a shape of its own",
    HTTPStatus.SERVICE_UNAVAILABLE: "Keystone, Cinder or the database does not answer: try again "
    "later",
}


def show_openapi(call: Call) -> Body:
    """Show what this API takes and gives, as an OpenAPI document."""
    return {**document(), "servers": [{"url": call.root.rstrip("/")}]}


@cache
def document() -> Body:
    """The document of all routes, for a server at ``/``."""
    from backup_manager.api.routes import ROUTES  # which has a line for this module

    return build(ROUTES, list(policies.list_rules()))


def build(routes: Sequence[Route], rules: Sequence[policy.DocumentedRuleDefault]) -> Body:
    """An OpenAPI document.

    :param rules: who may do what by default; they describe the requests that they decide about
    :raises ValueError: two schemas have the same title and are not the same
    """
    maker = _Maker(routes, rules)
    paths: dict[str, Body] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = maker.operation(route)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Backup Manager",
            "version": version.VERSION_ID,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in _tags(routes).items()],
        "paths": paths,
        "components": maker.components(),
    }


def _tag(route: Route) -> str:
    return route.handler.__module__.rpartition(".")[2]


def _tags(routes: Sequence[Route]) -> dict[str, str]:
    """What each noun is about, from the first line of its module."""
    return {
        _tag(route): (sys.modules[route.handler.__module__].__doc__ or "").partition("\n")[0]
        for route in routes
    }


def operation_id(route: Route) -> str:
    """The name of a route, unique among all: ``schedule.add_volumes``."""
    return f"{_tag(route)}.{route.handler.__name__}"


def _variables(route: Route) -> list[str]:
    return _VARIABLE.findall(route.path)


def _content(schema: Schema) -> Body:
    return {_JSON: {"schema": schema}}


@dataclass
class _Maker:
    """Makes operations, and keeps the schemas that they share.

    :param schemas: by their titles
    """

    routes: Sequence[Route]
    rules: Sequence[policy.DocumentedRuleDefault]
    schemas: dict[str, Schema] = field(default_factory=dict)

    def operation(self, route: Route) -> Body:
        """What OpenAPI calls an operation."""
        asks = route.operation
        made: Body = {
            "operationId": operation_id(route),
            "summary": route.summary,
            "description": "\n\n".join([*_details(route), self._policies(route)]),
            "tags": [_tag(route)],
            "parameters": [*_path_parameters(route), *self._query_parameters(route)],
        }
        if asks.request is not None:
            made["requestBody"] = {
                "required": True,
                "content": _content(self._shared(asks.request)),
            }
        made["responses"] = {str(asks.status): self._success(route, asks.status, asks.response)}
        if asks.preview is not None:
            made["responses"]["200"] = self._success(route, 200, asks.preview)
        for code in _error_codes(route):
            reference = {"$ref": f"#/components/responses/{code.value}"}
            made["responses"][str(code.value)] = reference
        if route.policy is None:
            made["security"] = []
        return made

    def components(self) -> Body:
        """What the operations refer to."""
        shape = self._shared(error.RESPONSE)
        return {
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Auth-Token",
                    "description": "A token of Keystone, scoped to a project",
                }
            },
            "headers": {
                "RequestId": {
                    "description": "Id of the request, as in the logs of the service",
                    "required": True,
                    "schema": {"type": "string"},
                }
            },
            "responses": {
                str(code.value): {"description": text}
                if code == HTTPStatus.REQUEST_URI_TOO_LONG
                else {"description": text, "headers": _HEADERS, "content": _content(shape)}
                for code, text in _ERRORS.items()
            },
            "schemas": dict(sorted(self.schemas.items())),
        }

    def _policies(self, route: Route) -> str:
        """Who may, by the rules that are documented for the request."""
        if route.policy is None:
            return "Needs no token."
        request = (route.method, route.path)
        deciding = [
            rule
            for rule in self.rules
            for each in rule.operations
            if (each["method"], each["path"].partition("?")[0]) == request
        ]
        deciding.sort(key=lambda rule: rule.name != route.policy)
        lines = [f"* `{rule.name}`: `{rule.check_str}`. {rule.description}" for rule in deciding]
        return "\n".join(["Policies:", "", *lines])

    def _query_parameters(self, route: Route) -> Iterator[Body]:
        query = route.operation.query
        for name, schema in query["properties"].items():
            yield {
                "name": name,
                "in": "query",
                "required": name in query.get("required", ()),
                "schema": self._shared(schema),
                **({"description": schema["description"]} if "description" in schema else {}),
            }

    def _success(self, route: Route, status: int, response: Schema | None) -> Body:
        made: Body = {"description": HTTPStatus(status).phrase, "headers": _HEADERS}
        if response is not None:
            made["content"] = _content(self._shared(response))
            links = dict(self._links(route, response))
            if links:
                made["links"] = links
        return made

    def _links(self, route: Route, response: Schema) -> Iterator[tuple[str, Body]]:
        """Where the ids in a response lead: operations by their ids."""
        for variable, pointer, is_own in _ids(response):
            for target in self.routes:
                # What else the response mentions is shown; the rest follows from there.
                leads = _variables(target) == [variable] and (
                    is_own or (target.method == "GET" and target.path.endswith(f"{{{variable}}}"))
                )
                if leads and target is not route:
                    expression = f"$response.body#{pointer}"
                    yield (
                        operation_id(target),
                        {
                            "operationId": operation_id(target),
                            "parameters": {variable: expression},
                        },
                    )

    def _shared(self, schema: Any) -> Any:
        """A schema in which those with a title are references to the components.

        What is said about one of these at a place where it is used stays there.
        """
        if isinstance(schema, list):
            return [self._shared(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        made = {key: self._shared(value) for key, value in schema.items()}
        if "discriminator" in schema:
            made["discriminator"] = self._discriminator(schema)
        title = schema.get("title")
        if not isinstance(title, str):  # a property may be called title, too
            return made
        notes = {key: made.pop(key) for key in ("description", "default") if key in made}
        is_nullable = isinstance(made["type"], list)
        if is_nullable:
            made["type"] = next(kind for kind in made["type"] if kind != "null")
        if self.schemas.setdefault(title, made) != made:
            raise ValueError(f"two schemas have the title {title}")
        reference = {"$ref": f"#/components/schemas/{title}"}
        if is_nullable:
            return {"anyOf": [reference, {"type": "null"}], **notes}
        return {**reference, **notes}

    def _discriminator(self, schema: Schema) -> Body:
        """Which kind has which schema: their titles are not what the property says."""
        tag = schema["discriminator"]["propertyName"]
        kinds = {
            kind["properties"][tag]["const"]: self._shared(kind)["$ref"] for kind in schema["oneOf"]
        }
        return {"propertyName": tag, "mapping": kinds}


def _details(route: Route) -> list[str]:
    """What the docstring of the handler says below its first line, in paragraphs."""
    text = inspect.getdoc(route.handler) or ""
    paragraphs = [each.replace("\n", " ") for each in text.split("\n\n")[1:]]
    return [each for each in paragraphs if not each.startswith(":")]


def _path_parameters(route: Route) -> list[Body]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"Id of the {name.removesuffix('_id')}",
            "schema": {"type": "string", "format": "uuid"},
        }
        for name in _variables(route)
    ]


def _error_codes(route: Route) -> list[HTTPStatus]:
    """The errors that a request may get."""
    asks = route.operation
    known = route.policy is not None
    may = {
        HTTPStatus.BAD_REQUEST: True,
        HTTPStatus.UNAUTHORIZED: known,
        HTTPStatus.FORBIDDEN: known,
        HTTPStatus.NOT_FOUND: bool(_variables(route)) or _names_ids(asks.request),
        HTTPStatus.CONFLICT: route.method != "GET" and asks.conflicts,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: asks.request is not None,
        HTTPStatus.REQUEST_URI_TOO_LONG: bool(asks.query["properties"]),
        HTTPStatus.SERVICE_UNAVAILABLE: known,
    }
    return [code for code, can_be in may.items() if can_be]


def _names_ids(schema: Any) -> bool:
    """Whether what a schema describes may name something by its id."""
    if isinstance(schema, list):
        return any(map(_names_ids, schema))
    if not isinstance(schema, dict):
        return False
    return schema.get("format") == "uuid" or any(map(_names_ids, schema.values()))


def _ids(response: Schema) -> Iterator[tuple[str, str, bool]]:
    """The ids in a response.

    :returns: name of the variable in paths that takes it, JSON pointer to it, and whether it is
        the id of what the response shows, or of what it mentions
    """
    for noun, inner in response["properties"].items():
        pointer = f"/{noun}"
        if inner.get("type") == "array":
            inner, pointer = inner["items"], f"{pointer}/0"
        for name, schema in inner.get("properties", {}).items():
            if schema.get("type") == "string" and schema.get("format") == "uuid":
                variable = f"{noun.removesuffix('s')}_id" if name == "id" else name
                yield variable, f"{pointer}/{name}", name == "id"
