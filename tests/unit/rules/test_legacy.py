"""Rows of the first system as schedules of ours: what means what, and what can't be used."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import legacy as rules
from backup_manager.rules import recurrence
from tests.unit.rules.support import stable

ID = "schedule_20250629_200800"
VOLUMES = ["e732e30b-5ef4-408c-ac13-e80dee41a4d5", "0c3e6f2a-51b0-4f3c-9a58-f0a6f3f60f0e"]

# As the driver of MySQL gives a row, and as the file has the same schedule.
SQL_ROW = {
    "id": ID,
    "name": "nightly",
    "backup_type": "incremental",
    "schedule_type": "weekly",
    "schedule_time": timedelta(hours=9, minutes=15),
    "weekdays": "[1, 3, 5]",
    "volume_ids": json.dumps(VOLUMES),
    "enabled": 1,
}
JSON_ROW = {
    "id": ID,
    "volume_ids": VOLUMES,
    "backup_type": "incremental",
    "schedule_type": "weekly",
    "schedule_time": "09:15",
    "weekdays": [1, 3, 5],
    "name": "nightly",
    "enabled": True,
    "created_at": "2025-06-29T20:08:00.123456",
    "last_run": None,
    "next_run": None,
}


def parsed(**values: Any) -> rules.Schedule:
    return rules.parse({**SQL_ROW, **values})


@pytest.mark.parametrize("row", [SQL_ROW, JSON_ROW], ids=["mysql", "json"])
def test_the_table_and_the_file_mean_the_same(row: dict[str, Any]) -> None:
    assert rules.parse(row) == rules.Schedule(
        legacy_id=ID,
        name="nightly",
        backup_type="incremental",
        recurrence={"type": "weekly", "time": "09:15", "weekdays": [1, 3, 5]},
        volume_ids=tuple(VOLUMES),
        is_enabled=True,
    )


@pytest.mark.parametrize(
    ("value", "time", "seconds"),
    [
        ("02:00", "02:00", 0),
        ("2:00", "02:00", 0),
        ("23:59", "23:59", 0),
        ("00:00:00", "00:00", 0),
        ("9:15:00", "09:15", 0),  # how Python writes a TIME
        ("09:15:42", "09:15", 42),
        (timedelta(0), "00:00", 0),
        (timedelta(hours=23, minutes=59, seconds=59), "23:59", 59),
    ],
)
def test_times(value: Any, time: str, seconds: int) -> None:
    schedule = parsed(schedule_time=value, schedule_type="daily")
    assert schedule.recurrence == {"type": "daily", "time": time}
    expected = [f"the {seconds} seconds of schedule_time are left out"] if seconds else []
    assert list(schedule.notes) == expected


def test_a_daily_schedule_has_no_weekdays() -> None:
    for weekdays in ("[1]", "[]", None, "not JSON"):
        schedule = parsed(schedule_type="daily", weekdays=weekdays)
        assert schedule.recurrence == {"type": "daily", "time": "09:15"}


def test_weekdays_are_iso_weekdays_in_order_and_once() -> None:
    schedule = parsed(weekdays="[7, 1, 7]")
    assert schedule.recurrence["weekdays"] == [1, 7]
    assert recurrence.describe(schedule.recurrence) == "every Monday and Sunday at 09:15"


@pytest.mark.parametrize(
    ("value", "enabled"),
    [(1, True), (0, False), (True, True), (False, False), ("1", True), ("false", False)]
    + [("True", True), ("0", False)],
)
def test_enabled(value: Any, enabled: bool) -> None:
    assert parsed(enabled=value).is_enabled is enabled


def test_what_is_missing_is_what_the_first_system_took() -> None:
    schedule = rules.parse({"id": ID, "schedule_type": "daily", "volume_ids": VOLUMES})
    assert (schedule.backup_type, schedule.is_enabled, schedule.name) == ("full", True, ID)
    assert schedule.recurrence == {"type": "daily", "time": "02:00"}


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_schedule_without_a_name_goes_by_its_id(name: str | None) -> None:
    assert parsed(name=name).name == ID


def test_a_volume_counts_once() -> None:
    assert parsed(volume_ids=[*VOLUMES, VOLUMES[0]]).volume_ids == tuple(VOLUMES)


def test_an_id_may_be_a_number() -> None:
    assert parsed(id=7).legacy_id == "7"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", None, "None is not an id"),
        ("id", "", "'' is not an id"),
        ("id", "a b]", "is not an id"),
        ("id", "x" * 101, "is not an id"),
        ("id", True, "is not an id"),
        ("name", 7, "7 is not a text"),
        ("backup_type", "differential", "'differential' is not one of full, incremental"),
        ("backup_type", "", "'' is not one of"),
        ("backup_type", None, "None is not one of"),
        ("schedule_type", "monthly", "'monthly' is not one of daily, weekly"),
        ("schedule_type", None, "None is not one of"),
        ("schedule_type", ["daily"], "is not one of"),
        ("schedule_time", "25:00", "'25:00' is not a time of day"),
        ("schedule_time", "12:60", "is not a time of day"),
        ("schedule_time", "noon", "is not a time of day"),
        ("schedule_time", "02:00:61", "is not a time of day"),
        ("schedule_time", "-1:00", "is not a time of day"),
        ("schedule_time", "٠٢:٠٠", "is not a time of day"),
        ("schedule_time", None, "is not a time of day"),
        ("schedule_time", 120, "is not a time of day"),
        ("schedule_time", timedelta(days=1), "is not a time of day"),
        ("schedule_time", timedelta(seconds=-1), "is not a time of day"),
        ("weekdays", "[1, 3", "is not JSON"),
        pytest.param("weekdays", "[" * 100_000, "is not JSON", id="deep"),
        ("weekdays", '{"1": true}', "is not a list"),
        ("weekdays", "[]", "never ran"),
        ("weekdays", None, "never ran"),
        ("weekdays", "[0]", "0 is not from 1 (Monday) to 7 (Sunday)"),
        ("weekdays", [8], "8 is not from 1"),
        ("weekdays", ["1"], "'1' is not from 1"),
        ("weekdays", [True], "True is not from 1"),
        ("volume_ids", "", "nothing to back up"),
        ("volume_ids", None, "nothing to back up"),
        ("volume_ids", [], "nothing to back up"),
        ("volume_ids", "e732e30b", "is not JSON"),
        ("volume_ids", "7", "7 is not a list"),
        ("volume_ids", [7], "7 is not an id"),
        ("enabled", None, "is neither 1 nor 0"),
        ("enabled", 2, "is neither 1 nor 0"),
        ("enabled", "yes", "is neither 1 nor 0"),
        ("enabled", 1.0, "is neither 1 nor 0"),
        ("enabled", [], "is neither 1 nor 0"),
    ],
)
def test_bad_rows_name_the_column(column: str, value: Any, reason: str) -> None:
    with pytest.raises(rules.LegacyError) as caught:
        parsed(**{column: value})
    message = str(caught.value)
    assert message.startswith(f"{column}: ")
    assert reason in message
    assert len(message) < 200


@pytest.mark.parametrize("row", [None, "nightly", 7, [SQL_ROW]])
def test_what_is_no_row(row: Any) -> None:
    with pytest.raises(rules.LegacyError, match="is not an object"):
        rules.parse(row)
    assert rules.label(row) == ("-", "-")


def test_a_report_can_show_any_row() -> None:
    assert rules.label(SQL_ROW) == (ID, "nightly")
    assert rules.label({}) == ("-", "-")
    assert rules.label({"id": 7, "name": "a\x1b[2J\n"}) == ("7", "a?[2J?")
    assert rules.label({"name": "x" * 100})[1] == "x" * 64 + "…"


def test_a_description_leads_back_to_the_row() -> None:
    text = rules.description(ID)
    assert rules.legacy_id_of(text) == ID
    assert rules.legacy_id_of(f"Keep! {text}, see the wiki [2]") == ID
    for other in (None, "", ID, f"[{ID}]", text.replace("[", "(")):
        assert rules.legacy_id_of(other) is None
    assert len(rules.description("x" * 100)) <= 255


def test_what_differs_is_told() -> None:
    there = {"name": "nightly", "enabled": "yes"}
    here = {"name": "nightly", "enabled": "yes", "retention": "all"}
    assert rules.differences(there, ["a", "b"], here, ["b", "a"]) == []
    changed = {**here, "enabled": "no"}
    assert rules.differences(there, ["a", "b"], changed, ["b", "c", "d"]) == [
        "enabled (no here, yes there)",
        "volumes (2 only here, 1 only there)",
    ]


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@stable(300)
@given(row=st.dictionaries(st.sampled_from(list(SQL_ROW)), _ANYTHING) | _ANYTHING)
def test_any_row_is_read_or_refused(row: Any) -> None:
    assert all(each.isprintable() for part in rules.label(row) for each in part)
    try:
        schedule = rules.parse(row)
    except rules.LegacyError as error:
        assert "\n" not in str(error)
    else:
        recurrence.to_cron(schedule.recurrence)


@stable(300)
@given(
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    second=st.integers(0, 59),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    as_text=st.booleans(),
)
def test_every_schedule_fires_on_its_days_at_its_time(
    hour: int, minute: int, second: int, weekdays: set[int], as_text: bool
) -> None:
    moment = timedelta(hours=hour, minutes=minute, seconds=second)
    schedule = parsed(
        schedule_time=str(moment) if as_text else moment, weekdays=json.dumps(list(weekdays))
    )
    days = ",".join(str(day) for day in sorted(weekdays))
    assert recurrence.to_cron(schedule.recurrence) == f"{minute} {hour} * * {days}"
