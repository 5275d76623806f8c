"""The options and commands that say which volumes a schedule backs up, and within what time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.unit.osc.conftest import Openstack
from tests.unit.sdk.fakecloud import FakeCloud

SERVER = "7c0f0ef6-2d8b-4f1c-9c70-8a4c6f3e2b11"
CREATE = "backup-manager schedule create nightly --daily 02:00"


@pytest.fixture
def volumes(cloud: FakeCloud) -> list[str]:
    return [cloud.volume(f"db-{n}")["id"] for n in (1, 2, 3)]


def _sent(cloud: FakeCloud) -> dict[str, Any]:
    body = cloud.requests[-1][3]
    return body["schedule"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("options", "selector"),
    [
        ("--select-all", {"whole_project": True}),
        (
            "--select-metadata backup=yes --select-metadata tier=a=b",
            {"metadata": {"backup": "yes", "tier": "a=b"}},
        ),
        ("--select-type ssd --select-type hdd", {"volume_types": ["ssd", "hdd"]}),
        (f"--select-server {SERVER}", {"servers": [SERVER]}),
    ],
)
def test_selectors(
    openstack: Openstack, cloud: FakeCloud, options: str, selector: dict[str, Any]
) -> None:
    result = openstack(f"{CREATE} {options}")
    assert result.code == 0, result.err
    assert _sent(cloud)["selector"] == selector
    assert _sent(cloud)["volumes"] == []


def test_exclude_takes_names(openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
    openstack(f"{CREATE} --select-all --exclude db-2 --exclude {volumes[0]}")
    assert _sent(cloud)["selector"] == {
        "whole_project": True,
        "exclude": [volumes[1], volumes[0]],
    }


def test_nothing_to_back_up(openstack: Openstack, cloud: FakeCloud) -> None:
    result = openstack(CREATE)
    assert result.code == 1
    assert result.err.startswith("Say what to back up: give --volume, or --select-all")
    assert cloud.requests == []


def test_set_adds_to_the_selector(
    openstack: Openstack, cloud: FakeCloud, volumes: list[str]
) -> None:
    selector = {"metadata": {"backup": "yes"}, "volume_types": ["ssd"], "exclude": [volumes[0]]}
    cloud.schedule("nightly", [], selector=selector)
    command = "backup-manager schedule set nightly"
    openstack(f"{command} --select-metadata tier=1 --select-type hdd --exclude db-2")
    assert _sent(cloud)["selector"] == {
        "metadata": {"backup": "yes", "tier": "1"},
        "volume_types": ["ssd", "hdd"],
        "exclude": volumes[:2],
    }
    openstack(f"{command} --no-selector --select-all")
    assert _sent(cloud)["selector"] == {"whole_project": True}
    openstack(f"{command} --no-selector --volume db-1")
    assert (_sent(cloud)["selector"], _sent(cloud)["volumes"]) == (None, volumes[:1])
    openstack(f"{command} --no-volume --select-all")
    assert (_sent(cloud)["selector"], _sent(cloud)["volumes"]) == ({"whole_project": True}, [])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), ("1D", 86400)]
)
def test_spans(openstack: Openstack, cloud: FakeCloud, text: str, seconds: int) -> None:
    windows = f"--start-window {text} --completion-limit {text} --spread {text}"
    result = openstack(f"{CREATE} --select-all {windows}")
    assert result.code == 0, result.err
    names = ("start_window_s", "completion_limit_s", "spread_s")
    assert [_sent(cloud)[name] for name in names] == [seconds] * 3


@pytest.mark.parametrize("text", ["90", "h", "-1h", "1.5h", "1h30m", ""])
def test_what_is_no_span(openstack: Openstack, cloud: FakeCloud, text: str) -> None:
    result = openstack(*CREATE.split(), "--select-all", f"--spread={text}")
    assert result.code == 2
    assert f"'{text}' is not a span of time such as 90s, 30m or 2h" in result.err


def test_windows_are_set_and_unset(openstack: Openstack, cloud: FakeCloud) -> None:
    cloud.schedule("nightly", [], completion_limit_s=7200)
    openstack("backup-manager schedule set nightly --spread 0s --start-window 12h")
    assert _sent(cloud) == {"generation": 1, "start_window_s": 43200}
    openstack("backup-manager schedule unset nightly --completion-limit")
    assert _sent(cloud) == {"generation": 2, "completion_limit_s": None}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "90s"), (3600, "1h"), (5400, "90m"), (172800, "2d"), (None, "-")],
)
def test_spans_are_shown_as_they_are_typed(
    openstack: Openstack, cloud: FakeCloud, seconds: int | None, text: str
) -> None:
    cloud.schedule("nightly", [], completion_limit_s=seconds)
    shown = openstack("backup-manager schedule show nightly -c completion_limit_s").out
    assert f"| completion_limit_s | {text} " in shown


def test_show_names_what_is_selected(
    openstack: Openstack, cloud: FakeCloud, volumes: list[str]
) -> None:
    selector = {
        "metadata": {"backup": "yes"},
        "volume_types": ["ssd", "hdd"],
        "servers": [SERVER],
        "exclude": [volumes[2]],
    }
    listed = cloud.data["volumes"][0]
    cloud.schedule("nightly", [listed], selector=selector, selected=[volumes[1]])
    shown = openstack("backup-manager schedule show nightly").out
    assert f"{volumes[0]}  db-1" in shown
    assert f"{volumes[1]}  db-2" in shown
    assert "backup=yes" in shown
    assert "type ssd or hdd" in shown
    assert f"server {SERVER}" in shown
    assert f"not {volumes[2]}" in shown
    raw = openstack("backup-manager schedule show nightly -f json").json
    assert (raw["selector"], raw["selected"]) == (selector, [volumes[1]])
    assert "1 + selected" in openstack("backup-manager schedule list").out


class TestVolumes:
    @pytest.fixture(autouse=True)
    def schedule(self, cloud: FakeCloud, volumes: list[str]) -> dict[str, Any]:
        return cloud.schedule("nightly", cloud.data["volumes"][:1])

    def test_add(self, openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
        command = ["backup-manager", "schedule", "add", "volume", "nightly"]
        result = openstack(*command, "db-1", volumes[1], "db-3", "-f", "json")
        assert (result.code, result.err) == (0, "")
        assert result.json == [
            {"Volume": "db-1", "ID": volumes[0], "Result": "present"},
            {"Volume": volumes[1], "ID": volumes[1], "Result": "added"},
            {"Volume": "db-3", "ID": volumes[2], "Result": "added"},
        ]
        assert cloud.data["schedules"][0]["volumes"] == volumes

    def test_one_that_is_not_found_stops_no_other(
        self, openstack: Openstack, cloud: FakeCloud, volumes: list[str]
    ) -> None:
        unknown = str(uuid.uuid4())
        command = ["backup-manager", "schedule", "add", "volume", "nightly"]
        result = openstack(*command, "nothing", "db-2", unknown, "-f", "value", "-c", "Result")
        assert result.out.split() == ["not_found", "added", "not_found"]
        assert result.code == 1
        assert result.err == f"No such volume in this project: nothing, {unknown}\n"
        assert cloud.data["schedules"][0]["volumes"] == volumes[:2]

    def test_remove(self, openstack: Openstack, cloud: FakeCloud, volumes: list[str]) -> None:
        result = openstack(
            "backup-manager schedule remove volume nightly db-1 db-2 -f value -c Result"
        )
        assert (result.code, result.out.split()) == (0, ["removed", "absent"])
        assert cloud.data["schedules"][0]["volumes"] == []


class TestQuota:
    WARNING = "The project's quota of backups is too small."

    @pytest.fixture(autouse=True)
    def small(self, cloud: FakeCloud, volumes: list[str]) -> None:
        cloud.warnings = [self.WARNING]

    @pytest.mark.parametrize(
        "command", [f"{CREATE} --volume db-1", "backup-manager backup create db-1"]
    )
    def test_warnings(self, openstack: Openstack, cloud: FakeCloud, command: str) -> None:
        result = openstack(*command.split(), "-f", "json")
        assert (result.code, result.err) == (0, f"{self.WARNING}\n")
        assert result.json["id"]

    @pytest.mark.parametrize(
        "command", [f"{CREATE} --volume db-1", "backup-manager backup create db-1"]
    )
    def test_strict(self, openstack: Openstack, cloud: FakeCloud, command: str) -> None:
        result = openstack(f"{command} --strict")
        assert (result.code, result.err) == (1, f"Nothing was done. {self.WARNING}\n")
        assert cloud.data["runs"] == cloud.data["schedules"] == []
