"""The reference of the API in the documentation: the document for people to read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from backup_manager.api import openapi

FILE = Path(__file__).parents[2] / "doc" / "ext" / "openapi_rst.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("openapi_rst", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


openapi_rst = load()


@pytest.fixture(scope="module")
def text() -> str:
    rendered: str = openapi_rst.render(openapi.document())
    return rendered


def test_all_operations_are_there(text: str) -> None:
    for path, item in openapi.document()["paths"].items():
        for method, operation in item.items():
            assert f"\n``{method.upper()} {path}``\n" in text
            assert f".. _api-{operation['operationId']}:" in text


def test_an_operation(text: str) -> None:
    _, _, rest = text.partition(".. _api-restore.create_restores:")
    section, _, _ = rest.partition(".. _api-")
    assert "Restore backups now\n-------------------\n" in section
    assert "* ``restore:create``: ``role:admin or (role:member and" in section
    assert "   * - ``restore.items``\n     - array of object, 1 to 100 items\n" in section
    assert (
        "   * - ``restore.items[].at``\n     - string (date-time), optional\n"
        "     - Finds the newest backup of volume_id made then or before, never a later\n"
    ) in section
    assert "   * - Answer 202\n" in section
    assert "     - :ref:`Run <api-object-Run>`\n" in section
    assert ":ref:`409 <api-error-409>`" in section


def test_references_lead_somewhere(text: str) -> None:
    for kind, names in (
        ("object", openapi.document()["components"]["schemas"]),
        ("error", openapi.document()["components"]["responses"]),
    ):
        for name in names:
            assert f".. _api-{kind}-{name}:" in text


def test_kinds_of_a_recurrence(text: str) -> None:
    _, _, rest = text.partition(".. _api-object-Recurrence:")
    for kind in ("Daily", "Weekly", "Monthly", "Interval", "Cron"):
        assert f":ref:`{kind}Recurrence <api-object-{kind}Recurrence>`" in rest.partition(".. _")[0]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            {"type": "integer", "minimum": 0, "maximum": 9, "default": 5},
            "integer, 0 to 9, ``5`` by default",
        ),
        ({"type": ["string", "null"], "format": "uuid"}, "string (uuid) or null"),
        ({"type": ["string", "null"], "enum": ["a", "b", None]}, "``a`` or ``b`` or null"),
        ({"type": "integer", "minimum": 0}, "integer"),
        ({"type": "integer", "minimum": 1}, "integer, at least 1"),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "array of string, at most 3 items",
        ),
        ({"const": "last"}, "``last``"),
        ({"anyOf": [{"type": "integer"}, {"const": "last"}]}, "integer or ``last``"),
        (
            {"anyOf": [{"$ref": "#/components/schemas/Run"}, {"type": "null"}], "default": None},
            ":ref:`Run <api-object-Run>` or null, ``null`` by default",
        ),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object of integer"),
    ],
)
def test_types_in_words(schema: dict[str, Any], words: str) -> None:
    assert openapi_rst._type(schema) == words
