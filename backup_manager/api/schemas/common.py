"""Pieces that the schemas of several nouns are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

MAX_LIMIT = 1000
MAX_VOLUMES = 1000
MAX_INCREMENTALS = 1000

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number", "minimum": 0}
COUNT: Schema = {"type": "integer", "minimum": 0}
UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
SEEN_AT: Schema = {**TIME, "description": "when it was last found in Cinder"}
SINCE: Schema = {**TIME, "description": "only those created then or later"}
UNTIL: Schema = {**TIME, "description": "only those created before"}

NAME: Schema = {
    "type": "string",
    "format": "name",
    "minLength": 1,
    "maxLength": 255,
    "description": "one line, not blank, without control characters",
}
DESCRIPTION: Schema = {
    "type": ["string", "null"],
    "format": "text",
    "maxLength": 255,
    "description": "without control characters but line breaks and tabs",
}
# In filters: whatever Cinder allows as a name or calls a status.
FILTER: Schema = {"type": "string", "format": "text", "maxLength": 255}
# Wherever it is in a name, in upper or lower case; nothing in it is a wildcard.
SEARCH: Schema = {**FILTER, "minLength": 1}
ALL_PROJECTS: Schema = {
    "type": "boolean",
    "default": False,
    "description": "look at all projects; for administrators",
}
PROJECT_ID: Schema = {
    "type": "string",
    "format": "text",
    "maxLength": 64,
    "description": "look at this project; together with all_projects",
}

BACKUP_TYPE: Schema = {"type": "string", "enum": ["full", "incremental"]}
INCREMENTALS: Schema = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_INCREMENTALS,
    "description": "increments that may follow a full backup before the next full one; 0 makes all "
    "of them full",
}
VOLUMES: Schema = {
    "type": "array",
    "items": UUID,
    "minItems": 1,
    "maxItems": MAX_VOLUMES,
    "uniqueItems": True,
    "description": "ids of volumes of the project",
}
STRICT: Schema = {
    "type": "boolean",
    "default": False,
    "description": "do nothing rather than what would be warned of: 409",
}
WARNINGS: Schema = {
    "type": "array",
    "items": STRING,
    "description": "what will probably not work out, and why",
}
DELEGATION_MODE: Schema = {
    "type": "string",
    "enum": ["trust", "service", "self"],
    "description": "how engines get the right to act in the project",
}
QUOTA_ERROR: Schema = {
    "type": ["string", "null"],
    "description": "why the quota could not be read, in Cinder's words",
}

NO_PARAMETERS: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class Operation:
    """What a request takes and gives.

    :param response: the body of the answer, None if it has none
    :param request: the body, None if there is none
    :param status: of the answer when all goes well
    :param conflicts: whether the state of things may refuse it, with 409; a GET never is
    :param preview: the body of the answer, with 200, to a request with ``dry_run``; None if it
        takes no such request
    """

    response: Schema | None
    query: Schema = field(default_factory=lambda: NO_PARAMETERS)
    request: Schema | None = None
    status: int = 200
    conflicts: bool = True
    preview: Schema | None = None

    def answer(self, body: Mapping[str, Any]) -> tuple[Schema | None, int]:
        """The schema and the status of the answer to a body when all goes well."""
        if self.preview is not None and body["dry_run"]:
            return self.preview, 200
        return self.response, self.status


def record(
    properties: Schema, required: Sequence[str] | None = None, title: str | None = None
) -> Schema:
    """An object with these properties and no others.

    :param required: all of them where it is None
    :param title: the name under which the OpenAPI document has it once for all who use it
    """
    return {
        **({} if title is None else {"title": title}),
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    wider = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        wider["enum"] = [*schema["enum"], None]
    return wider


def described(schema: Schema, text: str) -> Schema:
    """The same, with what it means: a phrase without a full stop, units included."""
    return {**schema, "description": text}


def wrapped(noun: str, schema: Schema) -> Schema:
    """The body that holds one ``noun``."""
    return record({noun: schema})


def listed(plural: str, item: Schema) -> Schema:
    """The body of a page of a list."""
    link = record({"rel": {"const": "next"}, "href": STRING})
    properties = {
        plural: {"type": "array", "items": item},
        f"{plural}_links": {
            "type": "array",
            "items": link,
            "description": "where the next page is; left out on the last one",
        },
    }
    return record(properties, required=[plural])


def list_query(sort_keys: Sequence[str], default_sort: str, filters: Schema) -> Schema:
    """The query string of a list.

    :param default_sort: with its direction; a key without one has this direction if it is the
        default one, else it is ascending
    """
    paging = paging_query(sort_keys, default_sort)
    return record(
        {
            **paging["properties"],
            "all_projects": ALL_PROJECTS,
            "project_id": PROJECT_ID,
            **filters,
        },
        required=[],
    )


def paging_query(sort_keys: Sequence[str], default_sort: str, marker: Schema = UUID) -> Schema:
    """The query string of a list that belongs to no project.

    :param marker: what the id of an item looks like
    """
    directions = [f"{key}{direction}" for key in sort_keys for direction in ("", ":asc", ":desc")]
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100}
    sort = {"type": "string", "enum": directions, "default": default_sort}
    return record(
        {
            "limit": described(limit, "length of a page; an operator may have set a lower maximum"),
            "marker": described(marker, "id of the last item of the page before"),
            "sort": described(sort, "what to sort by, and in which direction"),
        },
        required=[],
    )
