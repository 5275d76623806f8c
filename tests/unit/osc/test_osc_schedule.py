"""The commands for schedules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import FakeCloud, Refused


@pytest.fixture
def volumes(cloud: FakeCloud) -> list[dict[str, Any]]:
    return [cloud.volume(f"db-{n}") for n in (1, 2, 3)]


@pytest.fixture
def schedule(cloud: FakeCloud, volumes: list[dict[str, Any]]) -> dict[str, Any]:
    return cloud.schedule("nightly", volumes[:2], description="of the night")


def _sent(cloud: FakeCloud) -> Any:
    return cloud.requests[-1][3]


def _raw(schedule: dict[str, Any]) -> dict[str, Any]:
    """What programs get: all but the words, which people get in place of the recurrence."""
    return {key: value for key, value in schedule.items() if key != "recurrence_text"}


class TestCreate:
    @pytest.mark.parametrize(
        ("options", "recurrence"),
        [
            (["--daily", "2:00"], {"type": "daily", "time": "02:00"}),
            (
                ["--weekly", "23:30", "--weekday", "Fri,monday", "--weekday", "7"],
                {"type": "weekly", "time": "23:30", "weekdays": [1, 5, 7]},
            ),
            (
                ["--monthly", "02:00", "--day", "31"],
                {"type": "monthly", "time": "02:00", "day": 31},
            ),
            (
                ["--monthly", "02:00", "--day", "last"],
                {"type": "monthly", "time": "02:00", "day": "last"},
            ),
            (["--every", "30m"], {"type": "interval", "minutes": 30}),
            (["--every", "6h"], {"type": "interval", "hours": 6}),
            (
                ["--every", "6h", "--minute", "15"],
                {"type": "interval", "hours": 6, "minute": 15},
            ),
            (["--cron", "0 2 * * 1-5"], {"type": "cron", "expression": "0 2 * * 1-5"}),
        ],
    )
    def test_recurrences(
        self,
        openstack: Openstack,
        cloud: FakeCloud,
        volumes: list[dict[str, Any]],
        options: list[str],
        recurrence: dict[str, Any],
    ) -> None:
        command = ["backup-manager", "schedule", "create", "nightly", "--volume", "db-1"]
        result = openstack(*command, *options)
        assert result.code == 0, result.err
        assert _sent(cloud) == {
            "schedule": {
                "name": "nightly",
                "recurrence": recurrence,
                "volumes": [volumes[0]["id"]],
            }
        }

    def test_all_options(
        self, openstack: Openstack, cloud: FakeCloud, volumes: list[dict[str, Any]]
    ) -> None:
        result = openstack(
            "backup-manager schedule create nightly --volume db-1 --volume db-2 --volume db-1 "
            "--daily 02:00 --timezone Asia/Shanghai --type incremental --max-incrementals 0 "
            "--description x --disabled -f json"
        )
        assert _sent(cloud) == {
            "schedule": {
                "name": "nightly",
                "recurrence": {"type": "daily", "time": "02:00"},
                "timezone": "Asia/Shanghai",
                "backup_type": "incremental",
                "max_incrementals": 0,
                "description": "x",
                "enabled": False,
                "volumes": [volume["id"] for volume in volumes[:2]],
            }
        }
        assert result.json == _raw(cloud.data["schedules"][0])

    @pytest.mark.parametrize(
        ("options", "message", "code"),
        [
            ("--daily 24:00", "'24:00' is not a time of day such as 02:00 or 23:30", 2),
            ("--weekly 02:00", "--weekly needs --weekday", 1),
            ("--weekly 02:00 --weekday noday", "'noday' is not a day of the week", 2),
            ("--daily 02:00 --weekday mon", "--weekday goes with --weekly only", 1),
            ("--monthly 02:00", "--monthly needs --day", 1),
            ("--monthly 02:00 --day 32", "'32' is neither a day from 1 to 31 nor last", 2),
            ("--every 6d", "'6d' is not an interval such as 6h or 30m", 2),
            ("--every 30m --minute 5", "--minute goes with --every and hours only", 1),
            ("--daily 02:00 --cron x", "not allowed with argument", 2),
            ("", "one of the arguments --daily --weekly --monthly --every --cron is required", 2),
        ],
    )
    def test_mistakes(
        self, openstack: Openstack, cloud: FakeCloud, options: str, message: str, code: int
    ) -> None:
        cloud.volume("db-1")
        result = openstack(f"backup-manager schedule create nightly --volume db-1 {options}")
        assert result.code == code
        assert message in result.err
        assert not [request for request in cloud.requests if request[0] == "POST"]

    def test_refused(
        self, openstack: Openstack, cloud: FakeCloud, volumes: list[dict[str, Any]]
    ) -> None:
        cloud.refusals = [Refused(400, "7 does not divide 24", "recurrence.hours")]
        result = openstack(
            f"backup-manager schedule create x --volume {volumes[0]['id']} --every 7h"
        )
        assert (result.code, result.err) == (1, "recurrence.hours: 7 does not divide 24\n")


class TestListAndShow:
    def test_list(self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]) -> None:
        broken = {"mode": "trust", "state": "broken", "error": "log in again", "user_id": "1"}
        last = {"id": "1", "status": "partial", "created_at": "2026-11-20T02:00:00Z"}
        cloud.schedule("hourly", [], delegation=broken, last_run=last)
        cloud.schedule("off", [], enabled=False, next_run_at=None)
        table = openstack("backup-manager schedule list -f table").out
        assert "| nightly | yes     | every day at 02:00 | 2       | 2026-11-21 02:00Z |" in table
        assert "| hourly  | broken  |" in table
        assert "| partial  |" in table
        assert "| off     | no      |" in table
        assert max(map(len, table.splitlines())) <= 125
        rows = openstack("backup-manager schedule list --long -f json").json
        assert [row["Enabled"] for row in rows] == [True, True, False]
        assert rows[0]["Volumes"] == schedule["volumes"]
        assert rows[0]["Recurrence"] == {"type": "daily", "time": "02:00"}
        assert rows[1]["Delegation"] == broken

    def test_filters(
        self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]
    ) -> None:
        cloud.schedule("off", [], enabled=False)
        names = openstack("backup-manager schedule list --enabled --volume db-1 -f value -c Name")
        assert names.out == "nightly\n"
        assert openstack("backup-manager schedule list --failing --search n -f json").json == []
        query = cloud.requests[-1][2]
        assert (query["failing"], query["search"]) == ("true", "n")
        names = openstack("backup-manager schedule list --disabled -f value -c Name")
        assert names.out == "off\n"

    def test_show(
        self,
        openstack: Openstack,
        cloud: FakeCloud,
        schedule: dict[str, Any],
        volumes: list[dict[str, Any]],
    ) -> None:
        schedule["volumes"].append("f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8")
        schedule["delegation"].update(state="broken", error="log in again")
        text = openstack("backup-manager schedule show nightly").out
        assert f"{volumes[0]['id']}  db-1 |" in text
        assert "f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8       |" in text, "one that is not listed"
        assert "trust, broken: log in again" in text
        assert openstack("backup-manager schedule show nightly -f json").json == _raw(schedule)
        asked = [path for _, path, *_ in cloud.requests[-2:]]
        assert asked == ["/v1/schedules", f"/v1/schedules/{schedule['id']}"], "names are for people"

    def test_preview(
        self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]
    ) -> None:
        text = openstack("backup-manager schedule preview nightly --count 2").out
        assert "2026-11-21 02:00:00+00:00  (2026-11-21 02:00:00Z)" in text
        raw = openstack(
            "backup-manager schedule preview --daily 02:00 --timezone Asia/Shanghai -f json"
        ).json
        assert raw["timezone"] == "Asia/Shanghai"
        assert len(raw["runs"]) == 5
        assert raw["runs"][0]["at"] == "2026-11-21T02:00:00Z"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("", "Give either a schedule, or times such as --daily 02:00"),
            ("nightly --daily 02:00", "Give either a schedule, or times such as --daily 02:00"),
            ("nightly --timezone UTC", "A schedule has its own time zone: leave out --timezone"),
        ],
    )
    def test_preview_mistakes(self, openstack: Openstack, options: str, message: str) -> None:
        result = openstack(f"backup-manager schedule preview {options}".strip())
        assert (result.code, result.err) == (1, message + "\n")


class TestChange:
    def test_set(self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]) -> None:
        result = openstack(
            "backup-manager schedule set nightly --name night --every 6h --type incremental"
        )
        assert (result.code, result.out, result.err) == (0, "", "")
        assert _sent(cloud) == {
            "schedule": {
                "generation": 1,
                "name": "night",
                "recurrence": {"type": "interval", "hours": 6},
                "backup_type": "incremental",
            }
        }

    @pytest.mark.parametrize(
        ("options", "left"), [("--volume db-3", [0, 1, 2]), ("--no-volume --volume db-3", [2])]
    )
    def test_set_volumes(
        self,
        openstack: Openstack,
        schedule: dict[str, Any],
        volumes: list[dict[str, Any]],
        options: str,
        left: list[int],
    ) -> None:
        assert openstack(f"backup-manager schedule set nightly {options}").code == 0
        assert schedule["volumes"] == [volumes[n]["id"] for n in left]

    def test_unset(
        self,
        openstack: Openstack,
        cloud: FakeCloud,
        schedule: dict[str, Any],
        volumes: list[dict[str, Any]],
    ) -> None:
        result = openstack("backup-manager schedule unset nightly --description --volume db-1")
        assert result.code == 0
        wanted = {"generation": 1, "description": None, "volumes": [volumes[1]["id"]]}
        assert _sent(cloud) == {"schedule": wanted}

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("set nightly", "Nothing to set: give an option"),
            ("unset nightly", "Nothing to unset: give an option"),
            (
                "unset nightly --volume db-3",
                "Schedule 'nightly' does not back up volume 'db-3'",
            ),
        ],
    )
    def test_mistakes(
        self, openstack: Openstack, schedule: dict[str, Any], command: str, message: str
    ) -> None:
        result = openstack(f"backup-manager schedule {command}")
        assert (result.code, result.err) == (1, message + "\n")

    def test_enable_and_disable(
        self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]
    ) -> None:
        assert openstack("backup-manager schedule disable nightly").code == 0
        assert _sent(cloud) == {"schedule": {"generation": 1, "enabled": False}}
        assert openstack(f"backup-manager schedule enable {schedule['id']}").code == 0
        assert schedule["enabled"] is True
        assert openstack("backup-manager schedule enable nightly").code == 0
        assert _sent(cloud) == {"schedule": {"generation": 3}}, "renews a broken delegation"

    def test_delete_many(
        self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]
    ) -> None:
        other = cloud.schedule("weekly", [])
        unknown = "f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8"
        result = openstack(f"backup-manager schedule delete nope nightly {unknown} {other['id']}")
        assert cloud.data["schedules"] == []
        assert result.code == 1
        assert result.err == (
            "Failed to delete schedule 'nope': No schedule has the name or ID 'nope'\n"
            f"Failed to delete schedule '{unknown}': There is no schedule {unknown}\n"
            "2 of 4 schedules failed to delete.\n"
        )

    def test_run(self, openstack: Openstack, cloud: FakeCloud, schedule: dict[str, Any]) -> None:
        result = openstack("backup-manager schedule run nightly -f json")
        assert result.json["schedule_name"] == "nightly"
        assert cloud.requests[-1][:2] == ("POST", f"/v1/schedules/{schedule['id']}/run")
