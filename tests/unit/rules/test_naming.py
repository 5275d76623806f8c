"""Names made from a template."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import naming
from backup_manager.rules.naming import DEFAULT_TEMPLATE, MAX_LENGTH

from .support import UTC, local, stable, utc

VOLUME_ID = "e732e30b-5ef4-408c-ac13-e80dee41a4d5"
AT = utc(2025, 6, 29, 12, 8)
# Room for a volume's name in the default template.
ROOM = MAX_LENGTH - len("-backup-") - 36 - len("-") - len("2025-06-29-20-08")


@pytest.mark.parametrize(
    ("template", "volume", "expected"),
    [
        (DEFAULT_TEMPLATE, "etone-2", f"etone-2-backup-{VOLUME_ID}-2025-06-29-20-08"),
        (DEFAULT_TEMPLATE, None, f"{VOLUME_ID}-backup-{VOLUME_ID}-2025-06-29-20-08"),
        (DEFAULT_TEMPLATE, "", f"{VOLUME_ID}-backup-{VOLUME_ID}-2025-06-29-20-08"),
        (DEFAULT_TEMPLATE, "  ", f"{VOLUME_ID}-backup-{VOLUME_ID}-2025-06-29-20-08"),
        (DEFAULT_TEMPLATE, "{time}", f"{{time}}-backup-{VOLUME_ID}-2025-06-29-20-08"),
        (DEFAULT_TEMPLATE, "系统盘", f"系统盘-backup-{VOLUME_ID}-2025-06-29-20-08"),
        ("{time} {volume}", "etone-2", "2025-06-29-20-08 etone-2"),
        ("{{{volume}}}", "etone-2", "{etone-2}"),
        ("nightly", "etone-2", "nightly"),
    ],
)
def test_name(template: str, volume: str | None, expected: str) -> None:
    assert naming.backup_name(template, volume, VOLUME_ID, AT, "Asia/Shanghai") == expected


@pytest.mark.parametrize(
    ("at", "zone", "time"),
    [
        (utc(2026, 11, 20, 2), "UTC", "2026-11-20-02-00"),
        (utc(2026, 11, 20, 18), "Asia/Shanghai", "2026-11-21-02-00"),
        (local("Asia/Shanghai", 2026, 1, 2, 3, 4), "Asia/Shanghai", "2026-01-02-03-04"),
        (datetime.fromisoformat("2026-11-20T02:00:00+08:00"), "UTC", "2026-11-19-18-00"),
    ],
)
def test_time_is_that_of_the_zone(at: datetime, zone: str, time: str) -> None:
    assert naming.backup_name("{time}", None, VOLUME_ID, at, zone) == time


@pytest.mark.parametrize(
    ("length", "kept"), [(ROOM - 1, ROOM - 1), (ROOM, ROOM), (ROOM + 1, ROOM), (255, ROOM)]
)
def test_long_names_are_cut_at_the_name_of_the_volume(length: int, kept: int) -> None:
    name = naming.backup_name(DEFAULT_TEMPLATE, "v" * length, VOLUME_ID, AT, "UTC")
    assert name == "v" * kept + f"-backup-{VOLUME_ID}-2025-06-29-12-08"
    assert len(name) <= MAX_LENGTH


def test_a_volume_named_twice_is_cut_twice() -> None:
    name = naming.backup_name("{volume}/{volume}", "v" * 255, VOLUME_ID, AT, "UTC")
    assert name == "v" * 127 + "/" + "v" * 127


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        naming.backup_name(DEFAULT_TEMPLATE, "etone-2", VOLUME_ID, AT, "Mars/Olympus")


@pytest.mark.parametrize(
    "template", [DEFAULT_TEMPLATE, "nightly", "{time}", "{{{volume}}}", "v" * (MAX_LENGTH - 1)]
)
def test_check_accepts(template: str) -> None:
    naming.check_template(template)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", "empty"),
        ("{}", "only {volume}, {volume_id}, {time}"),
        ("{0}", "only"),
        ("{project}", "only"),
        ("{volume.__class__}", "only"),
        ("{volume[0]}", "only"),
        ("{volume!r}", "only"),
        ("{volume:>999999999}", "only"),
        ("{volume:{time}}", "only"),
        ("{ volume }", "only"),
        ("{volume", "expected '}'"),
        ("volume}", "Single '}'"),
        ("v" * 255, "longer than 255"),
        ("v" * 203 + DEFAULT_TEMPLATE, "longer than 255"),
    ],
)
def test_check_refuses(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        naming.check_template(template)


TEMPLATES = st.lists(
    st.sampled_from(["{volume}", "-", "_backup_", " ", "{{", "}}", "é"]), max_size=12
).flatmap(lambda parts: st.permutations([*parts, "{volume_id}", "{time}"]).map("".join))


@stable(300)
@given(
    TEMPLATES,
    st.none() | st.text(max_size=255) | st.text("长", min_size=200, max_size=255),
    st.uuids().map(str),
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Asia/Shanghai", "Australia/Lord_Howe"]),
)
def test_the_id_and_the_time_survive(
    template: str, volume: str | None, volume_id: str, at: datetime, zone: str
) -> None:
    naming.check_template(template)
    name = naming.backup_name(template, volume, volume_id, at, zone)
    assert len(name) <= MAX_LENGTH
    assert volume_id in name
    assert naming.backup_name("{time}", None, volume_id, at, zone) in name


@stable()
@given(st.text("{}volumetime_id!:.[]", max_size=20), st.text(max_size=300))
def test_a_checked_template_makes_a_name(template: str, volume: str) -> None:
    try:
        naming.check_template(template)
    except ValueError:
        return
    name = naming.backup_name(template, volume, VOLUME_ID, AT, "UTC")
    assert 0 < len(name) <= MAX_LENGTH
