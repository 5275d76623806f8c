"""Bodies that somebody made up to confuse or to occupy the service."""

from __future__ import annotations

import json

import pytest

from backup_manager import exceptions
from backup_manager.api import validation
from backup_manager.api.routes import ROUTES
from backup_manager.api.schemas import record, retention, schedule
from backup_manager.api.schemas.common import Schema
from backup_manager.rules import record as record_rules

PREVIEW = retention.PREVIEW.request
SIMULATE = retention.SIMULATE.request
_DAILY = '"name": "n", "recurrence": {"type": "daily", "time": "02:00"}'


def _refused(schema: Schema | None, body: str) -> tuple[str | None, str]:
    with pytest.raises(exceptions.InvalidInput) as refusal:
        validation.body(schema, body.encode())
    assert len(refusal.value.message) < 200
    return refusal.value.field, refusal.value.message


@pytest.mark.parametrize("depth", [33, 300, 990, 5_000, 50_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["[", "{"])
def test_nothing_is_nested_deeply(depth: int, opening: str, closing: str) -> None:
    deep = f"{opening * depth}1{closing * depth}"
    for schema, body in (
        (PREVIEW, deep),
        (PREVIEW, f'{{"preview": {{"retention": {{}}, "volumes": [{deep}, {deep}]}}}}'),
        (schedule.CREATE_REQUEST, f'{{"schedule": {{"volumes": [], {_DAILY}, "x": {deep}}}}}'),
        (record.IMPORT_REQUEST, f'{{"import": {{"document": {{"records": {deep}}}}}}}'),
    ):
        message = _refused(schema, body)[1]
        # Python itself gives up on the deepest.
        assert message.endswith("nested too deeply: 32 levels are allowed") or (
            depth > 900 and message == "the body is not JSON"
        )


def test_what_has_to_be_deep_may_be() -> None:
    deepest = max(_depth(route.operation.request or {}) for route in ROUTES)
    assert deepest < 32
    content = json.dumps({"import": {"document": {"a": [[[[[1]]]]]}}}).encode()
    validation.body(record.IMPORT_REQUEST, content)


def _depth(schema: Schema) -> int:
    inner = [*schema.get("properties", {}).values(), schema.get("items", {})]
    return 1 + max((_depth(each) for each in inner if each), default=0)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" * 5_000, "01", "+1", "0x1"])
def test_what_is_no_number_in_json(number: str) -> None:
    assert (
        _refused(SIMULATE, f'{{"simulation": {{"days": {number}}}}}')[1] == "the body is not JSON"
    )


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 4_000, "1e308", "1.0", "-1", "true"])
def test_numbers_without_sense(number: str) -> None:
    for schema, body, field in (
        (SIMULATE, f'{{"simulation": {{"days": {number}}}}}', "days"),
        (schedule.UPDATE_REQUEST, f'{{"schedule": {{"generation": {number}}}}}', "generation"),
    ):
        assert _refused(schema, body)[0] == field
    document = {"format": record_rules.FORMAT, "version": json.loads(number), "checksum": "x"}
    with pytest.raises(record_rules.RecordError, match="version"):
        record_rules.unpack({**document, "records": []})


def test_nothing_is_given_twice() -> None:
    """Of two properties with one name, a proxy that looks inside may take the other one."""
    for body, field in (
        ('{"simulation": {"days": 1, "days": 2}}', "days"),
        ('{"simulation": {"days": 1}, "simulation": {"days": 2}}', "simulation"),
        ('{"simulation": {"days": 1, "d\\u0061ys": 1}}', "days"),
    ):
        assert _refused(SIMULATE, body) == (field, f"{field}: is given twice")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "items",
    [
        [each for number in range(7_000) for each in (number, str(number))],
        [{"a": number} for number in range(9_000)],
        [[] for _ in range(37_000)],
    ],
    ids=["mixed", "objects", "lists"],
)
def test_many_items_cost_little(items: list[object]) -> None:
    """As many as fit into a body; to compare each with each would take minutes."""
    field, message = _refused(PREVIEW, json.dumps({"preview": {"retention": {}, "volumes": items}}))
    assert (field, message) == ("volumes", f"volumes: has {len(items)} entries; 1000 are allowed")


def test_which_item_is_given_twice() -> None:
    twice = "00000000-0000-4000-8000-000000000000"
    body = json.dumps({"preview": {"retention": {}, "volumes": [twice, twice]}})
    assert _refused(PREVIEW, body)[0] == "volumes[1]"
    body = json.dumps({"preview": {"retention": {}, "volumes": ["x", 1, 1.0, True]}})
    assert _refused(PREVIEW, body)[0] == "volumes[0]"
