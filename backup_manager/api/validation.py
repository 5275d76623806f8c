"""Checks requests against their schemas, and says in words what is wrong with which property."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError
from oslo_utils import strutils
from werkzeug.datastructures import MultiDict

from backup_manager import exceptions
from backup_manager.api.schemas.common import Schema

_SHOWN = 64
# Levels of lists and objects inside each other: more than any request has.
_DEEPEST = 32

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_LAYOUT = "\t\n\r"


# ---------------------------------------------------------------- formats


def is_uuid(value: object) -> bool:
    """Whether it is an id as Cinder and this service write them."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_time_of_day(value: object) -> bool:
    return isinstance(value, str) and _TIME_OF_DAY.fullmatch(value) is not None


def parse_time(value: str) -> datetime:
    """A time with a zone, in UTC.

    :raises ValueError: it is not one
    """
    parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        raise ValueError("it has no zone")
    return parsed.astimezone(timezone.utc)


def _is_time(value: object) -> bool:
    try:
        parse_time(str(value))
    except (ValueError, OverflowError):
        return False
    return True


def _is_text(value: object) -> bool:
    """Without what no database column or terminal should get: control characters, half characters.

    Line breaks and tabs are fine.
    """
    return all(
        unicodedata.category(character) not in ("Cc", "Cs") or character in _LAYOUT
        for character in str(value)
    )


def _is_name(value: object) -> bool:
    text = str(value)
    return _is_text(text) and bool(text.strip()) and not any(each in text for each in _LAYOUT)


# Name of the format to what is wrong with a value that does not have it, and its check.
_FORMATS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "uuid": ("is not an id (a UUID in lower case with dashes)", is_uuid),
    "time-of-day": ("is not a time of day (HH:MM)", _is_time_of_day),
    "date-time": ("is not a time with its zone, such as 2026-11-20T02:00:00Z", _is_time),
    "text": ("has control characters", _is_text),
    "name": ("is blank or has control characters", _is_name),
}


def _checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    for name, (_, check) in _FORMATS.items():
        # Another type than a string is the business of the keyword "type".
        checker.checks(name)(lambda value, check=check: not isinstance(value, str) or check(value))
    return checker


def _is_integer(_: object, value: object) -> bool:
    # True and 1.0 are integers to jsonschema, but whoever sends them did not mean one.
    return type(value) is int


def _fits(value: object, schema: Schema) -> bool:
    """Whether it is a list that is worth a look inside: not longer than it may be."""
    return isinstance(value, list) and len(value) <= schema.get("maxItems", len(value))


def _unique(_: object, wanted: bool, value: Any, schema: Schema) -> Iterable[ValidationError]:
    # That of jsonschema compares each item with each when they can't be sorted.
    if wanted and _fits(value, schema) and _repeated(value) is not None:
        yield ValidationError("an item is repeated")


def _items(validator: Any, items: Schema, value: Any, schema: Schema) -> Iterable[ValidationError]:
    if _fits(value, schema):
        yield from _STANDARD.VALIDATORS["items"](validator, items, value, schema)


_STANDARD: Any = jsonschema.Draft202012Validator
_extend: Any = jsonschema.validators.extend
_Validator = _extend(
    _STANDARD,
    validators={"uniqueItems": _unique, "items": _items},
    type_checker=_STANDARD.TYPE_CHECKER.redefine("integer", _is_integer),
)
_CHECKER = _checker()


# ---------------------------------------------------------------- errors in words

_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def shown(value: object) -> str:
    """A value as an error message quotes it: on one line, and not long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def legible(name: object) -> str:
    """A name as an error message repeats it: not long, and nothing that no terminal should get."""
    text = str(name)
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return text if text.isprintable() else ascii(text)[1:-1]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values if value is not None)


def _type_words(wanted: str | list[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return " or ".join(_TYPES[name] for name in names)


# Keyword of JSON Schema to what its violation means: from the value and the keyword's argument.
_REASONS: Mapping[str, Callable[[Any, Any], str]] = {
    "type": lambda value, wanted: f"{shown(value)} is not {_type_words(wanted)}",
    "enum": lambda value, known: f"{shown(value)} is not one of: {_listed(known)}",
    "const": lambda value, wanted: f"{shown(value)} is not {wanted}",
    "minimum": lambda value, limit: f"{shown(value)} is less than {limit}",
    "maximum": lambda value, limit: f"{shown(value)} is more than {limit}",
    "minLength": lambda value, limit: "must not be empty",
    "maxLength": lambda value, limit: f"has {len(value)} characters; {limit} are allowed",
    "minItems": lambda value, limit: "must not be empty",
    "maxItems": lambda value, limit: f"has {len(value)} entries; {limit} are allowed",
    "maxProperties": lambda value, limit: f"has {len(value)} entries; {limit} are allowed",
    "format": lambda value, name: f"{shown(value)} {_FORMATS[name][0]}",
    "required": lambda value, names: "is required",
    "additionalProperties": lambda value, _: "is not known here",
    "uniqueItems": lambda value, _: f"{shown(value[_repeated(value) or 0])} is given twice",
}


def _repeated(values: list[Any]) -> int | None:
    """The position of the first item that was there before, None if there is none."""
    seen: set[str] = set()
    for place, value in enumerate(values):
        text = json.dumps(value, sort_keys=True)
        if text in seen:
            return place
        seen.add(text)
    return None


def _describe(error: ValidationError) -> tuple[list[str | int], str]:
    """Which property is wrong, as the path to it, and what is wrong with it."""
    path, keyword = list(error.absolute_path), str(error.validator)
    argument: Any = error.validator_value
    schema: Any = error.schema
    value: Any = error.instance
    if keyword == "oneOf":
        return _describe_kind(error)
    if keyword == "anyOf":
        return path, f"{shown(value)} is not {schema['description']}"
    if "propertyNames" in error.absolute_schema_path:
        path.append(value)
    elif keyword == "required":
        path.append(next(name for name in argument if name not in value))
    elif keyword == "additionalProperties":
        path.append(next(name for name in value if name not in schema["properties"]))
    elif keyword == "uniqueItems":
        path.append(_repeated(value) or 0)
    return path, _REASONS[keyword](value, argument)


def _describe_kind(error: ValidationError) -> tuple[list[str | int], str]:
    """What is wrong with an object of several kinds: only the kind it says it is counts."""
    path = list(error.absolute_path)
    schema: Any = error.schema
    wanted: Any = error.instance
    tag = schema["discriminator"]["propertyName"]
    kinds = [kind["properties"][tag]["const"] for kind in schema["oneOf"]]
    if not isinstance(wanted, dict):
        return path, _REASONS["type"](wanted, "object")
    if tag not in wanted:
        return [*path, tag], f"is required; one of: {_listed(kinds)}"
    if wanted[tag] not in kinds:
        return [*path, tag], _REASONS["enum"](wanted[tag], kinds)
    branch = kinds.index(wanted[tag])
    return _describe(next(each for each in error.context or () if each.schema_path[0] == branch))


def field_name(path: Iterable[str | int]) -> str:
    """A path as errors write it: ``volumes[1]``, ``recurrence.time``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{legible(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _first_error(schema: Schema, value: object) -> ValidationError | None:
    """The error that says most: an unknown property, before what is wrong inside a known one."""
    errors = _Validator(schema, format_checker=_CHECKER).iter_errors(value)
    return min(errors, key=lambda error: len(error.absolute_path), default=None)


# ---------------------------------------------------------------- requests and responses


def body(schema: Schema | None, content: bytes) -> dict[str, Any]:
    """The resource in the body of a request, with the defaults of its schema filled in.

    :param schema: of an object that holds the resource under its name, or of one without a name
        that holds lists; None if the request takes no body
    :raises InvalidInput: with the field relative to the resource, such as ``recurrence.time``
    """
    if schema is None:
        if content.strip() not in (b"", b"{}", b"null"):
            raise exceptions.InvalidInput(None, "this request takes no body")
        return {}
    value = _parsed(content)
    (noun, inner), *_ = schema["properties"].items()
    is_named = inner["type"] == "object"
    error = _first_error(schema, value)
    if error is not None:
        path, reason = _describe(error)
        if not isinstance(value, dict):
            raise exceptions.InvalidInput(None, f'the body must be an object: {{"{noun}": …}}')
        inside = path[1:] if is_named and len(path) > 1 and path[0] == noun else path
        raise exceptions.InvalidInput(field_name(inside), reason)
    return _with_defaults(inner, value[noun]) if is_named else dict(value)


def _parsed(content: bytes) -> Any:
    """The body, if there is only one way to read it.

    :raises InvalidInput: it is not JSON, or some readers would take it for something else
    """
    try:
        value = json.loads(content, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise exceptions.InvalidInput(None, "the body is not JSON") from None
    if _is_deep(value):
        raise exceptions.InvalidInput(
            None, f"the body is nested too deeply: {_DEEPEST} levels are allowed"
        )
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which one counts of two properties with one name."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise exceptions.InvalidInput(legible(names[_repeated(names) or 0]), "is given twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _is_deep(value: Any) -> bool:
    """What is deeper exhausts the stack of those who look at it."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
    return any(isinstance(each, dict | list) for each in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def query(schema: Schema, arguments: MultiDict[str, str]) -> dict[str, Any]:
    """The parameters of a query string by name, of the types that the schema gives.

    :raises InvalidInput: with the parameter as field
    """
    known = schema["properties"]
    values: dict[str, Any] = {}
    for name, given in arguments.lists():
        if name not in known:
            raise exceptions.InvalidInput(legible(name), "is not a parameter of this request")
        if len(given) > 1:
            raise exceptions.InvalidInput(name, "is given more than once")
        values[name] = _convert(name, known[name]["type"], given[0])
    error = _first_error(schema, values)
    if error is not None:
        path, reason = _describe(error)
        raise exceptions.InvalidInput(field_name(path), reason)
    for name, value in values.items():
        if known[name].get("format") == "date-time":
            values[name] = parse_time(value)
    return _with_defaults(schema, values)


def _convert(name: str, wanted: str, text: str) -> Any:
    if wanted == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if wanted == "boolean":
        try:
            return strutils.bool_from_string(text, strict=True)
        except ValueError:
            pass
    if wanted in ("integer", "boolean"):
        raise exceptions.InvalidInput(name, f"{shown(text)} is not {_TYPES[wanted]}")
    return text


def _with_defaults(schema: Schema, values: dict[str, Any]) -> dict[str, Any]:
    defaults = {
        name: each["default"] for name, each in schema["properties"].items() if "default" in each
    }
    return {**defaults, **values}


def response(schema: Schema, value: object) -> None:
    """Make sure that a response is as promised.

    :raises AssertionError: it is not
    """
    error = _first_error(schema, value)
    if error is not None:
        raise AssertionError(f"{field_name(error.absolute_path)}: {error.message}")
