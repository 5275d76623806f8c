"""Pieces that the schemas of several nouns are made of."""

from __future__ import annotations

from collections.abc import Sequence
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

NAME: Schema = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}
DESCRIPTION: Schema = {"type": ["string", "null"], "format": "text", "maxLength": 255}
# In filters: whatever Cinder allows as a name or calls a status.
FILTER: Schema = {"type": "string", "format": "text", "maxLength": 255}

BACKUP_TYPE: Schema = {"type": "string", "enum": ["full", "incremental"]}
INCREMENTALS: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_INCREMENTALS}
VOLUMES: Schema = {
    "type": "array",
    "items": UUID,
    "minItems": 1,
    "maxItems": MAX_VOLUMES,
    "uniqueItems": True,
}
# Do nothing rather than what is warned of.
STRICT: Schema = {"type": "boolean", "default": False}
WARNINGS: Schema = {"type": "array", "items": STRING}

NO_PARAMETERS: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class Operation:
    """What a request takes and gives.

    :param response: the body of the answer, None if it has none
    :param request: the body, None if there is none
    :param status: of the answer when all goes well
    """

    response: Schema | None
    query: Schema = field(default_factory=lambda: NO_PARAMETERS)
    request: Schema | None = None
    status: int = 200


def record(properties: Schema, required: Sequence[str] | None = None) -> Schema:
    """An object with these properties and no others.

    :param required: all of them where it is None
    """
    return {
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


def wrapped(noun: str, schema: Schema) -> Schema:
    """The body that holds one ``noun``."""
    return record({noun: schema})


def listed(plural: str, item: Schema) -> Schema:
    """The body of a page of a list."""
    link = record({"rel": {"const": "next"}, "href": STRING})
    properties = {
        plural: {"type": "array", "items": item},
        f"{plural}_links": {"type": "array", "items": link},
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
            "all_projects": {"type": "boolean", "default": False},
            "project_id": {"type": "string", "format": "text", "maxLength": 64},
            **filters,
        },
        required=[],
    )


def paging_query(sort_keys: Sequence[str], default_sort: str) -> Schema:
    """The query string of a list that belongs to no project."""
    directions = [f"{key}{direction}" for key in sort_keys for direction in ("", ":asc", ":desc")]
    return record(
        {
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100},
            "marker": UUID,
            "sort": {"type": "string", "enum": directions, "default": default_sort},
        },
        required=[],
    )
