"""The methods of the proxy, against a service that answers as the API promises."""

from __future__ import annotations

import datetime

import pytest
from openstack import exceptions

from backup_manager import sdk
from tests.unit.sdk.fakecloud import FakeCloud, Refused, counts


def _queries(cloud: FakeCloud) -> list[dict[str, str]]:
    return [query for _, _, query, _ in cloud.requests]


class TestLists:
    def test_all_pages(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        cloud.page, cloud.link_host = 2, "http://behind.the.balancer"
        names = [cloud.volume(f"db-{n}")["name"] for n in range(5)]
        found = client.volumes(status="available", limit=2)
        assert [volume.name for volume in found] == names
        assert len(cloud.requests) == 3, "and not one more"
        assert all(query["status"] == "available" for query in _queries(cloud))

    def test_lazy(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        cloud.page = 2
        for n in range(5):
            cloud.volume(f"db-{n}")
        volumes = client.volumes()
        assert not cloud.requests
        assert next(volumes).name == "db-0"
        assert len(cloud.requests) == 1

    def test_short_page(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        cloud.volume("db-1")
        assert len(list(client.volumes(limit=10))) == 1
        assert len(cloud.requests) == 1

    def test_one_page(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        for n in range(3):
            cloud.volume(f"db-{n}")
        assert len(list(client.volumes(limit=2, paginated=False))) == 2
        assert len(cloud.requests) == 1

    def test_marker(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        first, second = cloud.volume("db-1"), cloud.volume("db-2")
        assert [volume.id for volume in client.volumes(marker=first["id"])] == [second["id"]]

    def test_query_spelling(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        china = datetime.timezone(datetime.timedelta(hours=8))
        since = datetime.datetime(2026, 11, 20, 2, tzinfo=china)
        list(client.volumes(is_protected=True, can_back_up=False, all_projects=True))
        list(client.backups(since=since, until="2026-11-21T00:00:00Z", type="full"))
        list(client.schedules(is_enabled=False))
        assert _queries(cloud) == [
            {"protected": "true", "can_back_up": "false", "all_projects": "true"},
            {"since": "2026-11-19T18:00:00Z", "until": "2026-11-21T00:00:00Z", "type": "full"},
            {"enabled": "false"},
        ]

    def test_runs_tasks_services(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        cloud.page = 1
        run = cloud.run([cloud.volume("db-1"), cloud.volume("db-2")])
        cloud.run([cloud.data["volumes"][0]])
        assert next(item.id for item in client.runs(trigger="user")) == run["id"]
        tasks = list(client.run_tasks(run["id"]))
        assert [(task.volume_name, task.run_id) for task in tasks] == [
            ("db-1", run["id"]),
            ("db-2", run["id"]),
        ]
        assert list(client.services()) == []
        every = list(client.tasks(status="pending"))
        assert [task.run_id for task in every] == [each["run_id"] for each in cloud.data["tasks"]]
        assert cloud.requests[-1][:2] == ("GET", "/v1/tasks")
        assert cloud.requests[-1][2].keys() == {"status", "marker"}

    def test_refused(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        cloud.refusals = [Refused(403, "Only administrators may list all projects")]
        with pytest.raises(exceptions.ForbiddenException, match="Only administrators may"):
            list(client.volumes(all_projects=True))


class TestFind:
    def test_id(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        volume = cloud.volume("db-1")
        found = client.find_volume(volume["id"])
        assert (found.name, found.size_gb, found.is_bootable) == ("db-1", 10, False)
        assert [path for _, path, _, _ in cloud.requests] == [f"/v1/volumes/{volume['id']}"]

    def test_name(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        volume = cloud.volume("a/b ?c")
        assert client.find_volume("a/b ?c").id == volume["id"]
        assert len(cloud.requests) == 1

    def test_name_like_an_id(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        name = "f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8"
        schedule = cloud.schedule(name, [])
        assert client.find_schedule(name).id == schedule["id"]

    def test_ambiguous(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        ids = [cloud.volume("db-1")["id"], cloud.volume("db-1")["id"]]
        with pytest.raises(exceptions.DuplicateResource) as error:
            client.find_volume("db-1")
        assert all(id_ in str(error.value) for id_ in ids)

    def test_missing(self, client: sdk.Proxy) -> None:
        with pytest.raises(exceptions.NotFoundException) as error:
            client.find_backup("nope")
        assert str(sdk.problem(error.value)) == "No backup has the name or ID 'nope'"


class TestSchedules:
    def test_create(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        volume = cloud.volume("db-1")
        daily = {"type": "daily", "time": "02:00"}
        schedule = client.create_schedule(
            "nightly", daily, [client.get_volume(volume["id"])], is_enabled=False
        )
        assert cloud.requests[-1][3] == {
            "schedule": {
                "name": "nightly",
                "recurrence": daily,
                "volumes": [volume["id"]],
                "enabled": False,
            }
        }
        assert schedule.id == cloud.data["schedules"][0]["id"]
        assert (schedule.is_enabled, schedule.volume_ids) == (False, [volume["id"]])
        assert schedule.delegation["state"] == "active"

    def test_update_sends_what_changed(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        item = cloud.schedule("nightly", [cloud.volume("db-1")], description="x")
        schedule = client.get_schedule(item["id"])
        updated = client.update_schedule(schedule, name="night", timezone="UTC", description=None)
        assert cloud.requests[-1][0] == "PATCH"
        assert cloud.requests[-1][3] == {
            "schedule": {"generation": 1, "name": "night", "description": None}
        }
        assert (updated.name, updated.generation) == ("night", 2)

    def test_update_assigned_attributes(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        volume = cloud.volume("db-1")
        schedule = client.get_schedule(cloud.schedule("nightly", [])["id"])
        schedule.volume_ids = [volume["id"]]
        client.update_schedule(schedule)
        client.update_schedule(schedule, is_enabled=False)
        assert [body for *_, body in cloud.requests[1:]] == [
            {"schedule": {"generation": 1, "volumes": [volume["id"]]}},
            {"schedule": {"generation": 2, "enabled": False}},
        ]

    def test_update_by_id(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        item = cloud.schedule("nightly", [], generation=7)
        volume = cloud.volume("db-1")
        client.update_schedule(item["id"], volume_ids=[client.get_volume(volume["id"])])
        wanted = {"generation": 7, "volumes": [volume["id"]]}
        assert cloud.requests[-1][3] == {"schedule": wanted}

    def test_update_without_changes(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        """It renews a broken delegation."""
        item = cloud.schedule("nightly", [])
        client.update_schedule(item["id"], is_enabled=True)
        assert cloud.requests[-1][3] == {"schedule": {"generation": 1}}

    def test_update_of_a_stale_one(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        item = cloud.schedule("nightly", [])
        mine, yours = client.get_schedule(item["id"]), client.get_schedule(item["id"])
        client.update_schedule(yours, name="yours")
        with pytest.raises(exceptions.ConflictException, match="changed in the meantime"):
            client.update_schedule(mine, name="mine")

    def test_delete(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        item = cloud.schedule("nightly", [])
        client.delete_schedule(item["id"])
        assert cloud.data["schedules"] == []
        client.delete_schedule(item["id"])
        with pytest.raises(exceptions.NotFoundException):
            client.delete_schedule(item["id"], ignore_missing=False)

    def test_run(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        item = cloud.schedule("nightly", [cloud.volume("db-1")])
        run = client.run_schedule(client.get_schedule(item["id"]))
        assert (run.schedule_name, run.counts["total"]) == ("nightly", 1)

    def test_previews(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        item = cloud.schedule("nightly", [])
        assert len(client.preview_schedule(item["id"]).runs) == 5
        assert len(client.preview_schedule(item["id"], count=2).runs) == 2
        times = {"type": "daily", "time": "02:00"}
        preview = client.preview_recurrence(times, "Asia/Shanghai", count=1)
        assert preview.runs[0]["local"].endswith("+08:00")
        assert preview.description == "every day at 02:00"
        wanted = {"recurrence": times, "timezone": "Asia/Shanghai", "count": 1}
        assert cloud.requests[-1][3] == {"preview": wanted}


class TestRuns:
    def test_create_backup(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        volumes = [cloud.volume("db-1"), cloud.volume("db-2")]
        ids = [volume["id"] for volume in volumes]
        run = client.create_backup(ids, type="incremental", max_incrementals=0)
        assert cloud.requests[-1][3] == {
            "backup": {"volumes": ids, "type": "incremental", "max_incrementals": 0}
        }
        assert (run.status, run.is_finished, run.is_successful) == ("pending", False, False)

    def test_restore_backups(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        backup = cloud.backup(cloud.volume("db-1"))
        moment = datetime.datetime(2026, 11, 20, 2, tzinfo=datetime.timezone.utc)
        items = [
            {"backup_id": backup["id"], "name": "copy"},
            {"volume_id": backup["volume_id"], "at": moment},
        ]
        run = client.restore_backups(items)
        by_time = {"volume_id": backup["volume_id"], "at": "2026-11-20T02:00:00Z"}
        assert cloud.requests[-1][3] == {"restore": {"items": [items[0], by_time]}}
        assert run.action == "restore"
        targets = [task.target_volume_id for task in client.run_tasks(run)]
        assert targets == [task["target_volume_id"] for task in cloud.data["tasks"]]

    def test_previews_of_a_policy(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        times = {"type": "daily", "time": "02:00"}
        assert client.preview_recurrence(times).kept is None
        more = {"backup_type": "incremental", "max_incrementals": 0}
        preview = client.preview_recurrence(times, retention={"keep_last": 3}, **more)
        assert preview.kept == {"count": 3}
        sent = {"recurrence": times, "retention": {"keep_last": 3}, **more}
        assert cloud.requests[-1][3] == {"preview": sent}
        volume = cloud.volume("db-1")
        kept, going = (cloud.backup(volume)["id"] for _ in range(2))
        plan = client.preview_retention({"keep_last": 1}, [client.get_volume(volume["id"])])
        assert [each["backup_id"] for each in plan.going] == [going]
        assert kept != going

    def test_records(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        volume = cloud.volume("db-1")
        backup = cloud.backup(volume)
        for made in (
            client.export_records([client.get_backup(backup["id"])]),
            client.export_records(volume=volume["id"], project_id="p"),
        ):
            assert made.document["records"] == [{"backup_id": backup["id"]}]
        assert cloud.requests[-1][3] == {"export": {"volume_id": volume["id"], "project_id": "p"}}
        verdicts = [cloud.verdict("new"), cloud.verdict("old", "present", reason="there")]
        brought = client.import_records(made.document)
        assert cloud.requests[-1][3] == {"import": {"document": made.document}}
        assert brought.run is not None
        assert (brought.run.action, brought.run.is_finished) == ("import", False)
        new, old = brought.records
        assert (new.backup_id, new.run_id) == (verdicts[0]["backup_id"], brought.run.id)
        assert (old.result, old.reason, old.run_id) == ("present", "there", None)
        preview = client.import_record("a.driver", "eyJ9", dry_run=True)
        record = {"backup_service": "a.driver", "backup_url": "eyJ9"}
        assert cloud.requests[-1][3] == {"import": {"record": record, "dry_run": True}}
        assert (preview.run, preview.records[0].run_id) == (None, None)

    def test_wait(self, cloud: FakeCloud, client: sdk.Proxy, slept: list[float]) -> None:
        run = cloud.run([cloud.volume("db-1")])
        running = {"status": "running", "counts": counts(running=1)}
        cloud.scripts[run["id"]] = [{}, running, {"finish": True}]
        seen: list[str] = []
        finished = client.wait_for_run(
            run["id"], interval=3, callback=lambda latest: seen.append(latest.status)
        )
        assert seen == ["pending", "running", "succeeded"]
        assert slept == [3, 3]
        assert finished.is_successful

    def test_wait_sits_out_a_restart(
        self, cloud: FakeCloud, client: sdk.Proxy, slept: list[float]
    ) -> None:
        run = cloud.run([cloud.volume("db-1")])
        cloud.finish(run)
        cloud.refusals = [Refused(503, "Keystone does not answer") for _ in range(4)]
        assert client.wait_for_run(run["id"]).is_successful
        assert len(cloud.requests) == 5

    def test_wait_timeout(self, cloud: FakeCloud, client: sdk.Proxy, slept: list[float]) -> None:
        run = cloud.run([cloud.volume("db-1")])
        with pytest.raises(exceptions.ResourceTimeout, match="still pending after 1 seconds"):
            client.wait_for_run(run["id"], timeout=1)

    @pytest.mark.parametrize("error", [None, "quota"])
    def test_success(self, cloud: FakeCloud, client: sdk.Proxy, error: str | None) -> None:
        run = cloud.run([cloud.volume("db-1"), cloud.volume("db-2")])
        cloud.finish(run, {"db-2": error} if error else None)
        found = client.get_run(run["id"])
        assert found.is_finished
        assert found.is_successful is not bool(error)

    def test_skipped_is_no_success(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        run = cloud.run([], status="succeeded", counts=counts(succeeded=1, skipped=1))
        assert not client.get_run(run["id"]).is_successful

    def test_cancel(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        run = cloud.run([cloud.volume("db-1")])
        assert client.cancel_run(run["id"]).status == "cancelled"
        with pytest.raises(exceptions.ConflictException, match="Nothing of this run is pending"):
            client.cancel_run(run["id"])


class TestProblem:
    def test_field(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        with pytest.raises(exceptions.NotFoundException) as error:
            client.create_backup(["f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8"])
        problem = sdk.problem(error.value)
        assert (problem.code, problem.field) == (404, "volumes[0]")
        assert problem.request_id == "req-6d8f2f4a"
        assert str(problem) == (
            "volumes[0]: There is no volume f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8"
        )

    def test_server_error_gives_the_request(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        cloud.refusals = [Refused(500, "Something went wrong")]
        with pytest.raises(exceptions.HttpException) as error:
            client.get_run("f0b0c2cb-66fe-4a3b-9d79-c69ba2a6a5a8")
        assert str(sdk.problem(error.value)) == "Something went wrong (req-6d8f2f4a)"

    def test_foreign_body(self, cloud: FakeCloud, client: sdk.Proxy) -> None:
        refused = Refused(502, "")
        refused.body = {"oops": []}
        cloud.refusals = [refused]
        with pytest.raises(exceptions.HttpException) as error:
            list(client.services())
        assert sdk.problem(error.value).message == "Bad Gateway"
