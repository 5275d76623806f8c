"""Writes an OpenAPI document of this service as reStructuredText, for people to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

Schema = dict[str, Any]
# Name, type, what is said about it.
Row = tuple[str, str, str]

_METHODS = ("get", "post", "put", "patch", "delete")
_COMPONENT = "#/components/schemas/"
# What may be limited, and its unit.
_LIMITS = {
    ("minimum", "maximum"): "",
    ("minLength", "maxLength"): " characters",
    ("minItems", "maxItems"): " items",
    ("minProperties", "maxProperties"): " entries",
}
_NAMES = {"openapi": "OpenAPI"}


def render(document: Schema) -> str:
    """Sections for what the API is about, each with its operations; then objects, then errors.

    :param document: an OpenAPI document as ``backup_manager.api.openapi`` makes it
    """
    parts = [_text(document["info"]["description"])]
    for tag in document["tags"]:
        name = _NAMES.get(tag["name"], tag["name"].capitalize())
        parts += [_title(name, "="), _text(tag["description"])]
        for method, path, operation in _operations(document):
            if tag["name"] in operation["tags"]:
                parts += _operation(method, path, operation)
    parts.append(_title("Objects", "="))
    for name, schema in document["components"]["schemas"].items():
        parts += _component(name, schema)
    parts += [_title("Errors", "="), *_errors(document["components"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _operation(method: str, path: str, operation: Schema) -> list[str]:
    parameters = [
        (each["name"], f"{each['in']}, {_type(each['schema'])}", each.get("description", ""))
        for each in operation["parameters"]
    ]
    parts = [
        f".. _api-{operation['operationId']}:",
        _title(operation["summary"], "-"),
        f"``{method} {path}``",
        _text(operation["description"]),
        _table("Parameter", parameters),
    ]
    if "requestBody" in operation:
        parts.append(_table("Request", _rows(_json(operation["requestBody"]))))
    refused = []
    for code, answer in operation["responses"].items():
        if "$ref" in answer:
            refused.append(f":ref:`{code} <api-error-{code}>`")
        elif "content" in answer:
            parts.append(_table(f"Answer {code}", _rows(_json(answer))))
        else:
            parts.append(f"Answer {code}, without a body.")
    return [*parts, f"Errors: {', '.join(refused)}."]


def _component(name: str, schema: Schema) -> list[str]:
    title = [f".. _api-object-{name}:", _title(name, "-")]
    if "oneOf" in schema:
        return [*title, f"{_type(schema)}."]
    return [*title, _table("Property", _properties(schema, ""))]


def _errors(components: Schema) -> Iterator[str]:
    yield f"All but 414 have the body {_link('Error')}."
    for code, answer in components["responses"].items():
        yield f".. _api-error-{code}:"
        yield _title(code, "-")
        yield f"{_said(answer['description'])}."


def _json(content: Schema) -> Schema:
    schema: Schema = content["content"]["application/json"]["schema"]
    return schema


def _rows(schema: Schema) -> Iterable[Row]:
    """What a body holds; a body that is an object of its own is only named."""
    if "$ref" in schema:
        return [("", _type(schema), "")]
    return _properties(schema, "")


def _properties(schema: Schema, path: str) -> Iterator[Row]:
    """A row for each property, and below it for those of what it holds."""
    required = schema.get("required", [])
    for name, inner in schema["properties"].items():
        is_optional = name not in required and "default" not in inner
        kind = _type(inner) + ", optional" * is_optional
        yield f"{path}{name}", kind, inner.get("description", "")
        yield from _inside(inner, f"{path}{name}")


def _inside(schema: Schema, path: str) -> Iterator[Row]:
    if "properties" in schema:
        yield from _properties(schema, f"{path}.")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _inside(schema["additionalProperties"], f"{path}.*")
    elif "items" in schema:
        yield from _inside(schema["items"], f"{path}[]")


# ---------------------------------------------------------------- types


def _type(schema: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].removeprefix(_COMPONENT))
    if "const" in schema:
        return _literal(schema["const"])
    choices = schema.get("anyOf", schema.get("oneOf"))
    if choices:
        return " or ".join(map(_type, choices)) + _default(schema)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = " or ".join(_kind(kind, schema) for kind in kinds)
    return ", ".join([words, *_limits(schema)]) + _default(schema)


def _limits(schema: Schema) -> Iterator[str]:
    for (lowest, highest), unit in _LIMITS.items():
        low, high = schema.get(lowest), schema.get(highest)
        if high is not None:
            yield f"at most {high}{unit}" if low is None else f"{low} to {high}{unit}"
        elif low:
            yield f"at least {low}{unit}"


def _kind(kind: str, schema: Schema) -> str:
    if kind == "null":
        return "null"
    if "enum" in schema:
        return " or ".join(_literal(value) for value in schema["enum"] if value is not None)
    if kind == "array":
        return f"array of {_type(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _default(schema: Schema) -> str:
    return f", {_literal(schema['default'])} by default" if "default" in schema else ""


def _literal(value: object) -> str:
    return f"``{value if isinstance(value, str) else json.dumps(value)}``"


def _link(name: str) -> str:
    return f":ref:`{name} <api-object-{name}>`"


# ---------------------------------------------------------------- text


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _text(markdown: str) -> str:
    """Paragraphs and lists are written alike; what is literal is not."""
    return re.sub(r"(`+)([^`]+)\1", r"``\2``", markdown.strip())


def _said(description: str) -> str:
    return _text(description[:1].upper() + description[1:])


def _table(title: str, rows: Iterable[Row]) -> str:
    """A table, or nothing if it has no rows."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 30 35 35",
        "",
    ]
    listed = [(f"``{name}``" if name else "", kind, _said(text)) for name, kind, text in rows]
    for name, kind, text in [(title, "Type", "Description"), *listed]:
        lines += [f"   * - {name}", f"     - {kind}", f"     - {text}"]
    return "\n".join(line.rstrip() for line in lines) if listed else ""
