"""What the commands of retention refuse themselves; the rest is tested on a real service."""

from __future__ import annotations

import pytest

from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import FakeCloud

ID = "f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8"


@pytest.mark.parametrize(
    "command, message",
    [
        ("policy set", "Give --retain or --keep-everything"),
        (f"volume set {ID}", "Nothing to set: give --retain"),
        (f"backup set {ID}", "Nothing to set: give --hold or --no-hold"),
        (f"backup set {ID} --no-hold --reason x", "--reason goes together with --hold"),
        ("policy set --retain keep-all=1", "'keep-all' is not one of max-age, keep-last"),
        ("policy set --retain max-age", "'' is not a number from 1 on"),
        ("policy set --retain max-age=0", "'0' is not a number from 1 on"),
        ("policy set --retain max-age=1 --keep-everything", "not allowed with"),
        (f"volume set {ID} --no-retention --keep-everything", "not allowed with"),
        ("retention preview", "one of the arguments --schedule --volume is required"),
        ("retention simulate --days 0", "'0' is not a number from 1 on"),
    ],
)
def test_refused(openstack: Openstack, cloud: FakeCloud, command: str, message: str) -> None:
    result = openstack(f"backup-manager {command}")
    assert result.code != 0
    assert message in result.err
    assert cloud.requests == []


def test_schedule_options(openstack: Openstack, cloud: FakeCloud) -> None:
    cloud.schedule("nightly", [cloud.volume("db")], retention={"keep_last": 3})
    for options, sent in (
        ("--retain max-age=30 --retain keep-daily=7", {"max_age_days": 30, "keep_daily": 7}),
        ("--keep-everything", {}),
        ("--inherit-retention", None),
    ):
        result = openstack(f"backup-manager schedule set nightly {options}")
        assert (result.code, result.err) == (0, "")
        body = cloud.requests[-1][3]["schedule"]
        assert body.keys() == {"generation", "retention"}
        assert body["retention"] == sent


def test_held_backups(openstack: Openstack, cloud: FakeCloud) -> None:
    cloud.backup(cloud.volume("db"), held=True, hold_reason="audit")
    assert "available, held" in openstack("backup-manager backup list").out
    (row,) = openstack("backup-manager backup list --long -f json").json
    assert (row["Status"], row["Held"], row["Hold Reason"]) == ("available", True, "audit")
