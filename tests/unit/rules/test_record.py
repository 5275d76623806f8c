"""Records of backups: what they tell, what is wrong with them, and what is to become of them."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import record as rules

DRIVER = "cinder.backup.drivers.ceph.CephBackupDriver"
VOLUME = "00000000-0000-4000-8000-00000000000a"
OTHER = "00000000-0000-4000-8000-00000000000b"


def uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def encoded(row: Any) -> str:
    return base64.b64encode(json.dumps(row).encode()).decode()


def url(number: int, parent: int | None = None, **values: Any) -> str:
    """The description of a backup, as Cinder makes it."""
    row = {
        "driver_info": {},
        "id": uid(number),
        "project_id": "1" * 32,
        "volume_id": VOLUME,
        "parent_id": None if parent is None else uid(parent),
        "status": "available",
        "size": 5,
        "display_name": f"nightly {number}",
        "metadata": {"secret": "recipe"},
        "created_at": f"2026-11-{number % 28 + 1:02}T13:28:43Z",
    }
    return encoded({**row, **values})


def made(number: int, parent: int | None = None, **values: Any) -> rules.Record:
    return rules.read(DRIVER, url(number, parent, **values))


CHAIN = [made(1), made(2, 1), made(3, 2)]


# ---------------------------------------------------------------- one record


def test_what_a_record_tells() -> None:
    record = made(2, 1)
    assert dataclasses.asdict(record) == {
        "backup_id": uid(2),
        "volume_id": VOLUME,
        "name": "nightly 2",
        "type": "incremental",
        "parent_id": uid(1),
        "size_gb": 5,
        "created_at": "2026-11-03T13:28:43Z",
        "project_id": "1" * 32,
        "backup_service": DRIVER,
        "backup_url": url(2, 1),
    }
    assert url(2, 1) not in repr(record)
    bare = made(1, display_name=None, created_at=None, project_id=None)
    assert (bare.type, bare.parent_id, bare.name, bare.created_at) == ("full", None, None, None)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-11-20T13:28:43Z", "2026-11-20T13:28:43Z"),
        ("2026-11-20T13:28:43", "2026-11-20T13:28:43Z"),
        ("2026-11-20T13:28:43.123456", "2026-11-20T13:28:43Z"),
        ("2026-11-20T15:28:43+02:00", "2026-11-20T13:28:43Z"),
    ],
)
def test_times(written: str, shown: str) -> None:
    assert made(1, created_at=written).created_at == shown


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "is not JSON in base64"),
        ("x", "is not JSON in base64"),
        ("eyJ9!", "is not JSON in base64"),
        (url(1)[:-4], "is not JSON in base64"),
        (f" {url(1)}", "is not JSON in base64"),
        ("ü", "is not JSON in base64"),
        ("\ud800", "is not JSON in base64"),
        (None, "is not a text"),
        (1234, "is not a text"),
        (base64.b64encode(b"[" * 100_000).decode(), "is not JSON in base64"),
        (encoded([1]), "does not describe a backup"),
        (encoded({}), "has no id that is an id"),
        (url(1, id="a"), "has no id that is an id"),
        (url(1, id=uid(0xABC).upper()), "has no id that is an id"),
        (url(1, volume_id=None), "has no volume_id that is an id"),
        (url(1, parent_id="x"), "has no parent_id that is an id"),
        (url(1, size=None), "has no size"),
        (url(1, size="5"), "has no size"),
        (url(1, size=-1), "has no size"),
        (url(1, size=True), "has no size"),
        (url(1, size=2**31), "has no size"),
        (url(1, display_name=5), "has a display_name that is not a text"),
        (url(1, display_name="x" * 256), "has a display_name that is not a text"),
        (url(1, display_name="a\ud800"), "has a display_name that is not a text"),
        (url(1, project_id="\udfff"), "has a project_id that is not a text"),
        (url(1, created_at="soon"), "has a created_at that is not a time"),
        (url(1, created_at=5), "has a created_at that is not a time"),
    ],
)
def test_what_cinder_could_not_use(bad: Any, reason: str) -> None:
    with pytest.raises(rules.RecordError) as caught:
        rules.read(DRIVER, bad)
    assert caught.value.field == "record.backup_url"
    assert reason in caught.value.message


@pytest.mark.parametrize("service", ["", "x" * 256, None, 5, "a\ud800", "a\x00b", "a\nb"])
def test_a_service_that_is_none(service: Any) -> None:
    with pytest.raises(rules.RecordError) as caught:
        rules.read(service, url(1))
    assert caught.value.field == "record.backup_service"


# ---------------------------------------------------------------- a file of records


def test_a_document_comes_back() -> None:
    document = rules.pack(CHAIN)
    assert list(document) == ["format", "version", "checksum", "records"]
    assert rules.unpack(json.loads(json.dumps(document))) == CHAIN


texts = st.none() | st.text(max_size=30)
ids = st.uuids().map(str)
rows = st.fixed_dictionaries(
    {
        "id": ids,
        "volume_id": ids,
        "parent_id": st.none() | ids,
        "size": st.integers(0, 2**31 - 1),
        "display_name": texts,
        "project_id": texts,
        "created_at": st.none() | st.datetimes().map(lambda moment: moment.isoformat()),
        "metadata": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    }
)


@given(st.lists(rows, min_size=1, max_size=5, unique_by=lambda row: row["id"]), st.randoms())
def test_any_document_comes_back_whatever_its_layout(
    content: list[dict[str, Any]], dice: random.Random
) -> None:
    records = [rules.read(DRIVER, encoded(row)) for row in content]
    document = rules.pack(records)
    keys = list(document)
    dice.shuffle(keys)
    text = json.dumps({key: document[key] for key in keys}, indent=3, ensure_ascii=False)
    assert rules.unpack(json.loads(text)) == records


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_no_changed_character_goes_unnoticed(place: int, character: str) -> None:
    text = json.dumps(rules.pack(CHAIN))
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    try:
        document = json.loads(changed)
    except ValueError:
        return
    if not isinstance(document, dict):
        return
    if document == json.loads(text):
        assert rules.unpack(document) == CHAIN
    else:
        with pytest.raises(rules.RecordError):
            rules.unpack(document)


def _broken(change: Callable[[dict[str, Any]], object], sealed: bool = True) -> dict[str, Any]:
    document = copy.deepcopy(rules.pack(CHAIN))
    change(document)
    if sealed:
        document["checksum"] = rules.checksum(document)
    return document


def _set(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update(values)


def _in_record(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["records"][1].update(values)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        (_set(format="x"), "document.format", "is not backup-manager/records"),
        (_set(version="1"), "document.version", "is not a number"),
        (_set(version=True), "document.version", "is not a number"),
        (_set(version=0), "document.version", "is not a number"),
        (_set(version=2), "document.version", "is 2, and this release reads files of version 1"),
        (_set(extra=1), "document.extra", "is not known here"),
        (_set(records=None), "document.records", "is not a list of records"),
        (_set(records=[]), "document.records", "is not a list of records"),
        (_set(records=["x"]), "document.records[0]", "is not an object"),
        (_set(records=[{}] * 1001), "document.records", "has 1001 entries; 1000 are allowed"),
        (_in_record(extra=1), "document.records[1].extra", "is not known here"),
        (_in_record(backup_url="x"), "document.records[1].backup_url", "is not JSON in base64"),
        (_in_record(backup_service=""), "document.records[1].backup_service", "is not a text"),
        (_in_record(size_gb=6), "document.records[1].size_gb", "is not what backup_url says"),
        (_in_record(size_gb=5.0), "document.records[1].size_gb", "is not what backup_url says"),
        (_in_record(parent_id=None), "document.records[1].parent_id", "is not what backup_url"),
        (_in_record(name="x"), "document.records[1].name", "is not what backup_url says"),
        (
            lambda document: document["records"][2].pop("type"),
            "document.records[2].type",
            "is not what backup_url says",
        ),
        (
            lambda document: document["records"].append(document["records"][0]),
            "document.records[3].backup_id",
            "is that of records[0] too",
        ),
    ],
)
def test_a_bad_document(
    change: Callable[[dict[str, Any]], object], field: str, reason: str
) -> None:
    with pytest.raises(rules.RecordError) as caught:
        rules.unpack(_broken(change))
    assert caught.value.field == field
    assert reason in caught.value.message


def test_damage_is_found_before_anything_that_follows_from_it() -> None:
    for change in (_in_record(size_gb=6), _set(records=[]), _set(extra=1)):
        with pytest.raises(rules.RecordError) as caught:
            rules.unpack(_broken(change, sealed=False))
        assert caught.value.field == "document.checksum"
    # Another version may seal its files in another way.
    with pytest.raises(rules.RecordError) as caught:
        rules.unpack(_broken(_set(version=2), sealed=False))
    assert caught.value.field == "document.version"
    assert "the release of Backup Manager that wrote it, or a newer one" in caught.value.message


# ---------------------------------------------------------------- what to do with them


def known(status: str = "available", is_here: bool = True, volume_id: str = VOLUME) -> rules.Known:
    return rules.Known(volume_id, status, is_here)


def results(
    records: Sequence[rules.Record], cloud: dict[int, rules.Known] | None = None
) -> dict[int, tuple[str, str | None]]:
    """Result and reason by the number of the backup."""
    found = rules.plan(records, {uid(number): each for number, each in (cloud or {}).items()})
    return {int(each.record.backup_id[-12:], 16): (each.result, each.reason) for each in found}


def test_a_new_chain_is_imported_parents_first() -> None:
    for records in (CHAIN, CHAIN[::-1], [CHAIN[1], CHAIN[2], CHAIN[0]]):
        assert list(results(records).items()) == [(n, ("import", None)) for n in (1, 2, 3)]


def test_what_is_there_is_left_alone() -> None:
    for status in ("available", "restoring", "creating"):
        found = results(CHAIN, {1: known(status), 2: known(status)})
        assert [result for result, _ in found.values()] == ["present", "present", "import"]


@pytest.mark.parametrize(
    ("cloud", "reasons"),
    [
        (
            {1: known("error")},
            ["in status error; it has to be gone", f"builds on backup {uid(1)}, which is refused"],
        ),
        (
            {1: known(is_here=False)},
            ["another project of this cloud has", f"builds on backup {uid(1)}, which is refused"],
        ),
        # Whatever its parents are, what is there is there.
        ({1: known("deleting"), 2: known()}, ["in status deleting", None]),
    ],
)
def test_what_builds_on_something_refused_is_refused(
    cloud: dict[int, rules.Known], reasons: list[str | None]
) -> None:
    found = results(CHAIN, cloud)
    for (result, reason), wanted in zip(found.values(), reasons, strict=False):
        assert (result == "refused") == (wanted is not None)
        assert wanted is None or wanted in (reason or "")
    assert found[3][0] == ("import" if reasons[1] is None else "refused")


@pytest.mark.parametrize(
    ("parent", "reason"),
    [
        (None, "which is neither given nor in the project"),
        (known(is_here=False), "which is neither given nor in the project"),
        (known("error"), "which is in status error"),
        (known(volume_id=OTHER), "which is of another volume"),
        (known(), None),
        (known("creating", volume_id=uid(0)), None),
    ],
)
def test_a_parent_that_is_not_in_the_file(parent: rules.Known | None, reason: str | None) -> None:
    found = results([CHAIN[1], CHAIN[2]], {} if parent is None else {1: parent})
    if reason is None:
        assert set(found.values()) == {("import", None)}
    else:
        assert reason in (found[2][1] or "")
        assert [result for result, _ in found.values()] == ["refused"] * 2


def test_a_parent_in_the_file_of_another_volume() -> None:
    found = results([made(1, volume_id=OTHER), made(2, 1)])
    assert found[1] == ("import", None)
    assert "which is of another volume" in (found[2][1] or "")


def test_a_circle_is_refused() -> None:
    found = results([made(1, 3), made(2, 1), made(3, 2), made(4), made(5, 5), made(6, 3)])
    assert found[4] == ("import", None)
    for number in (1, 2, 3, 5, 6):
        result, reason = found[number]
        assert (result, "in a circle" in (reason or "")) == ("refused", True)


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[rules.Record], dict[str, rules.Known]]:
    """Records with any parents, and what the cloud has of them."""
    size = draw(st.integers(1, 12))
    records = [
        made(number, draw(st.none() | st.integers(0, size))) for number in range(1, size + 1)
    ]
    states = st.tuples(
        st.sampled_from(["available", "creating", "restoring", "error", "deleting"]),
        st.booleans(),
    )
    cloud = draw(st.dictionaries(st.integers(0, size), states))
    return records, {
        uid(number): known(status, is_here) for number, (status, is_here) in cloud.items()
    }


@given(forests(), st.randoms())
def test_whatever_the_order_nothing_is_imported_before_what_it_builds_on(
    forest: tuple[list[rules.Record], dict[str, rules.Known]], dice: random.Random
) -> None:
    records, cloud = forest
    verdicts = rules.plan(records, cloud)
    shuffled = [*records]
    dice.shuffle(shuffled)
    assert rules.plan(shuffled, cloud) == verdicts
    assert {each.record.backup_id for each in verdicts} == {each.backup_id for each in records}
    there = {backup_id for backup_id, each in cloud.items() if each.is_here}
    for verdict in verdicts:
        record = verdict.record
        assert (verdict.reason is None) == (verdict.result == rules.IMPORT)
        if verdict.result == rules.IMPORT:
            assert record.backup_id not in cloud
            assert record.parent_id is None or record.parent_id in there
            there.add(record.backup_id)
        if verdict.result == rules.PRESENT:
            assert record.backup_id in there


def test_what_has_to_be_looked_up() -> None:
    assert rules.needed([CHAIN[1], CHAIN[2], made(7)]) == [uid(2), uid(1), uid(3), uid(7)]
