"""The pages about schedules."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from tests.dashboard import helpers, samples

NAMES = "horizon:project:backup_manager_schedules"
INDEX = reverse(f"{NAMES}:index")
CREATE = reverse(f"{NAMES}:create")
PREVIEW = reverse(f"{NAMES}:preview")
PREVIEW_KEPT = reverse(f"{NAMES}:preview_kept")
ID = samples.identifier(1)
ONE = f"/v1/schedules/{ID}"
DETAIL = reverse(f"{NAMES}:detail", args=[ID])
EDIT = reverse(f"{NAMES}:edit", args=[ID])
VOLUMES = reverse(f"{NAMES}:volumes", args=[ID])

FILLED_IN = {
    "name": "nightly",
    "description": "",
    "kind": "daily",
    "time": "02:00",
    "timezone": "Asia/Shanghai",
    "weekdays": ["1"],
    "day": "last",
    "hours": "6",
    "minute": "0",
    "minutes": "30",
    "expression": "",
    "volumes_role_member": [samples.identifier(1), samples.identifier(2)],
    "default_volumes_role": "member",
    "metadata": "",
    "volume_types": "",
    "servers": "",
    "exclude": "",
    "backup_type": "incremental",
    "max_incrementals": "6",
    "keep": "project",
    "start_window": "60",
    "completion_limit": "",
    "spread": "0",
}
MEANT = {
    "name": "nightly",
    "recurrence": {"type": "daily", "time": "02:00"},
    "timezone": "Asia/Shanghai",
    "volumes": [samples.identifier(1), samples.identifier(2)],
    "backup_type": "incremental",
    "max_incrementals": 6,
    "start_window_s": 3600,
    "spread_s": 0,
}


class Schedules(helpers.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service.answer("GET", "/v1/schedules", {"schedules": [samples.schedule()]})
        self.service.answer("GET", ONE, {"schedule": samples.schedule()})
        volumes = [samples.volume(1, name="web"), samples.volume(2, name="<b>db</b>")]
        self.service.answer("GET", "/v1/volumes", {"volumes": volumes})


class TestList(Schedules):
    def test_shows_schedules_in_words(self) -> None:
        page = self.client.get(INDEX)

        self.assertContains(page, "every day at 02:00")
        self.assertContains(page, "Asia/Shanghai")
        self.assertEqual(1, len(self.service.requests))

    def test_filters_at_the_service(self) -> None:
        self.client.get(INDEX, {"search": "night", "state": "failing"})

        (query,) = self.service.asked("GET", "/v1/schedules")
        self.assertIn("search=night", query)
        self.assertIn("failing=true", query)

    def test_says_what_to_do_first(self) -> None:
        self.service.answer("GET", "/v1/schedules", {"schedules": []})

        self.assertContains(self.client.get(INDEX), "No volume is protected yet")
        self.assertNotContains(self.client.get(INDEX, {"search": "x"}), "No volume is protected")

    def test_a_name_with_markup_is_text(self) -> None:
        schedule = samples.schedule(name="<img src=x onerror=alert(1)>")
        self.service.answer("GET", "/v1/schedules", {"schedules": [schedule]})

        self.assertNotContains(self.client.get(INDEX), "<img src=x")


class TestActions(Schedules):
    def post(self, action: str) -> Any:
        return self.client.post(INDEX, {"action": f"schedules__{action}", "object_ids": [ID]})

    def test_run(self) -> None:
        self.service.answer("POST", f"{ONE}/run", {"run": samples.run()}, 202)

        self.assertRedirectsNoFollow(self.post("run"), INDEX)
        self.assertEqual(1, len(self.service.asked("POST", f"{ONE}/run")))

    def test_disable(self) -> None:
        self.service.answer("PATCH", ONE, {"schedule": samples.schedule(enabled=False)})

        self.post("disable")

        self.assertEqual(
            [{"schedule": {"enabled": False, "generation": 3}}], self.service.asked("PATCH", ONE)
        )

    def test_what_is_enabled_can_not_be_enabled(self) -> None:
        self.post("enable")

        self.assertEqual([], self.service.asked("PATCH", ONE))

    def test_delete(self) -> None:
        self.service.answer("DELETE", ONE, None, 204)

        self.post("delete")

        self.assertEqual(1, len(self.service.asked("DELETE", ONE)))

    def test_a_refusal_is_told_in_the_words_of_the_service(self) -> None:
        self.service.refuse("POST", f"{ONE}/run", 409, "It is running already.")

        page = self.client.post(
            INDEX, {"action": "schedules__run", "object_ids": [ID]}, follow=True
        )

        self.assertContains(page, "It is running already.")


class TestDetail(Schedules):
    def setUp(self) -> None:
        super().setUp()
        slot = {"at": "2026-11-20T18:00:00Z", "local": "2026-11-21T02:00:00+08:00"}
        preview = {
            "cron": "0 2 * * *",
            "timezone": "Asia/Shanghai",
            "description": "",
            "runs": [slot],
        }
        self.service.answer("GET", f"{ONE}/preview", {"preview": preview})
        self.service.answer("GET", "/v1/runs", {"runs": [samples.run(status="failed")]})
        plan = {"digest": "d", "going": [], "kept": [], "count": 0, "size_gb": 0}
        self.service.answer("GET", f"{ONE}/retention", {"plan": plan})

    def test_shows_times_here_and_there(self) -> None:
        page = self.client.get(DETAIL)

        self.assertContains(page, "2026-11-20 18:00 UTC")
        self.assertContains(page, "2026-11-21 02:00 in Asia/Shanghai")

    def test_names_volumes_as_text(self) -> None:
        self.service.answer(
            "GET", ONE, {"schedule": samples.schedule(volumes=[samples.identifier(2)])}
        )

        self.assertContains(self.client.get(DETAIL), "&lt;b&gt;db&lt;/b&gt;")

    def test_one_that_is_not_there_leads_to_the_list(self) -> None:
        self.service.refuse("GET", ONE, 404, "There is no such schedule.")

        self.assertRedirectsNoFollow(self.client.get(DETAIL), INDEX)


class TestCreate(Schedules):
    def test_offers_the_volumes_with_a_mark(self) -> None:
        self.assertContains(self.client.get(CREATE), "✓ web")

    def test_presets_volumes(self) -> None:
        page = self.client.get(CREATE, {"volume": samples.identifier(1)})

        self.assertContains(page, f'<option value="{samples.identifier(1)}" selected>')

    def test_asks_the_service_for_what_was_filled_in(self) -> None:
        self.service.answer("POST", "/v1/schedules", {"schedule": samples.schedule()}, 201)

        answer = self.client.post(CREATE, FILLED_IN)

        self.assertRedirectsNoFollow(answer, INDEX)
        self.assertEqual([{"schedule": MEANT}], self.service.asked("POST", "/v1/schedules"))

    def test_each_way_to_repeat(self) -> None:
        self.service.answer("POST", "/v1/schedules", {"schedule": samples.schedule()}, 201)
        for fields, recurrence in (
            (
                {"kind": "weekly", "weekdays": ["5", "1"]},
                {"type": "weekly", "time": "02:00", "weekdays": [1, 5]},
            ),
            ({"kind": "monthly"}, {"type": "monthly", "time": "02:00", "day": "last"}),
            ({"kind": "monthly", "day": "3"}, {"type": "monthly", "time": "02:00", "day": 3}),
            ({"kind": "hours", "minute": "5"}, {"type": "interval", "hours": 6, "minute": 5}),
            ({"kind": "minutes"}, {"type": "interval", "minutes": 30}),
            (
                {"kind": "cron", "expression": "0 2 * * 1-5"},
                {"type": "cron", "expression": "0 2 * * 1-5"},
            ),
        ):
            with self.subTest(**fields):
                self.client.post(CREATE, {**FILLED_IN, **fields})

                asked = self.service.asked("POST", "/v1/schedules")[-1]
                self.assertEqual(recurrence, asked["schedule"]["recurrence"])

    def test_rules_and_windows(self) -> None:
        self.service.answer("POST", "/v1/schedules", {"schedule": samples.schedule()}, 201)
        more = {
            "metadata": "backup=yes\n tier = gold ",
            "volume_types": "ssd\n\nhdd\nssd",
            "keep": "rules",
            "keep_daily": "7",
            "max_age_days": "30",
            "start_window": "1.5",
            "completion_limit": "120",
            "spread": "10",
        }

        self.client.post(CREATE, {**FILLED_IN, **more})

        asked = self.service.asked("POST", "/v1/schedules")[-1]["schedule"]
        self.assertEqual({"max_age_days": 30, "keep_daily": 7}, asked["retention"])
        self.assertEqual(
            {"metadata": {"backup": "yes", "tier": "gold"}, "volume_types": ["ssd", "hdd"]},
            asked["selector"],
        )
        self.assertEqual(
            (90, 7200, 600),
            (asked["start_window_s"], asked["completion_limit_s"], asked["spread_s"]),
        )

    def test_what_the_service_refuses_stands_beside_its_field(self) -> None:
        for field, name in (
            ("recurrence.expression", "expression"),
            ("timezone", "timezone"),
            ("name", "name"),
            ("max_incrementals", "max_incrementals"),
            ("retention.keep_daily", "keep_daily"),
            ("start_window_s", "start_window"),
            ("selector.servers", "servers"),
        ):
            with self.subTest(field):
                self.service.refuse("POST", "/v1/schedules", 400, "is not good", field)

                page = self.client.post(CREATE, FILLED_IN)

                errors = {
                    name: list(texts)
                    for step in page.context["workflow"].steps
                    for name, texts in step.action.errors.items()
                }
                self.assertEqual({name: ["is not good"]}, errors)

    def test_what_the_service_refuses_of_the_volumes_stands_above_them(self) -> None:
        self.service.refuse("POST", "/v1/schedules", 400, "no such volume", "volumes")

        page = self.client.post(CREATE, FILLED_IN)

        step = page.context["workflow"].get_step("volumes")
        self.assertEqual(["volumes: no such volume"], step.action.non_field_errors())
        self.assertContains(page, "no such volume")

    def test_what_is_missing_is_told_without_asking(self) -> None:
        for fields, name in (
            ({"name": ""}, "name"),
            ({"kind": "weekly", "weekdays": []}, "weekdays"),
            ({"kind": "cron", "expression": ""}, "expression"),
            ({"keep": "rules"}, "keep"),
            ({"metadata": "no pair"}, "metadata"),
        ):
            with self.subTest(name):
                page = self.client.post(CREATE, {**FILLED_IN, **fields})

                errors = [step.action.errors for step in page.context["workflow"].steps]
                self.assertEqual([name], [each for step in errors for each in step])
                self.assertEqual([], self.service.asked("POST", "/v1/schedules"))


class TestEdit(Schedules):
    def test_shows_what_is_there(self) -> None:
        recurrence = {"type": "weekly", "time": "03:30", "weekdays": [6]}
        schedule = samples.schedule(recurrence=recurrence, retention={"keep_daily": 7}, spread_s=90)
        self.service.answer("GET", ONE, {"schedule": schedule})

        page = self.client.get(EDIT)

        shown = {
            name: step.action[name].value()
            for step in page.context["workflow"].steps
            for name in step.action.fields
        }
        self.assertEqual("weekly", shown["kind"])
        self.assertEqual([6], shown["weekdays"])
        self.assertEqual(("rules", 7), (shown["keep"], shown["keep_daily"]))
        self.assertEqual(1.5, shown["spread"])

    def test_sends_the_generation_that_was_seen(self) -> None:
        self.service.answer("PATCH", ONE, {"schedule": samples.schedule()})

        self.client.post(EDIT, {**FILLED_IN, "generation": "2"})

        (asked,) = self.service.asked("PATCH", ONE)
        self.assertEqual(2, asked["schedule"]["generation"])
        self.assertEqual("nightly", asked["schedule"]["name"])
        self.assertNotIn("timezone", asked["schedule"], "what did not change is not sent")

    def test_a_change_by_somebody_else_is_told(self) -> None:
        self.service.refuse("PATCH", ONE, 409, "Somebody changed the schedule.")

        page = self.client.post(EDIT, {**FILLED_IN, "generation": "2"})

        self.assertContains(page, "Somebody changed the schedule.")

    def test_volumes_alone(self) -> None:
        self.service.answer("PATCH", ONE, {"schedule": samples.schedule()})

        self.client.post(
            VOLUMES,
            {
                "volumes_role_member": [samples.identifier(2)],
                "default_volumes_role": "member",
                "generation": "3",
            },
        )

        self.assertEqual(
            [{"schedule": {"volumes": [samples.identifier(2)], "generation": 3}}],
            self.service.asked("PATCH", ONE),
        )

    def test_a_volume_that_is_gone_can_be_taken_out(self) -> None:
        gone = samples.identifier(9)
        self.service.answer("GET", ONE, {"schedule": samples.schedule(volumes=[gone])})

        self.assertContains(self.client.get(VOLUMES), f"{gone} (not found)")


class TestPreview(Schedules):
    def setUp(self) -> None:
        super().setUp()
        slot = {"at": "2026-11-20T18:00:00Z", "local": "2026-11-21T02:00:00+08:00"}
        kept = {
            "complete": True,
            "count": 1,
            "backups": [
                {
                    **slot,
                    "type": "full",
                    "rule": "keep_daily",
                    "reason": "Kept by this schedule: for 2026-11-20 (one of 7 days).",
                }
            ],
        }
        preview = {
            "cron": "0 2 * * *",
            "timezone": "Asia/Shanghai",
            "description": "every day at 02:00",
            "runs": [slot],
            "kept": kept,
        }
        self.service.answer("POST", "/v1/schedules/preview", {"preview": preview})

    def test_runs_without_a_name_yet(self) -> None:
        page = self.client.post(PREVIEW, {**FILLED_IN, "name": ""})

        self.assertContains(page, "2026-11-21 02:00 in Asia/Shanghai")

    def test_what_is_not_complete_asks_nothing(self) -> None:
        page = self.client.post(PREVIEW, {**FILLED_IN, "time": ""})

        self.assertContains(page, "Fill in when")
        self.assertEqual([], self.service.requests)

    def test_what_is_wrong_is_told(self) -> None:
        self.service.refuse("POST", "/v1/schedules/preview", 400, "never fires", "recurrence.time")

        page = self.client.post(PREVIEW, FILLED_IN)

        self.assertContains(page, "Never fires")
        self.assertNotContains(page, "recurrence.time")

    def test_kept(self) -> None:
        page = self.client.post(PREVIEW_KEPT, {**FILLED_IN, "keep": "rules", "keep_daily": "7"})

        self.assertContains(page, "The newest of its day.")
        (asked,) = self.service.asked("POST", "/v1/schedules/preview")
        self.assertEqual({"keep_daily": 7}, asked["preview"]["retention"])


class TestReader(Schedules):
    role_names = ("reader",)

    def test_has_no_buttons(self) -> None:
        page = self.client.get(INDEX)

        self.assertContains(page, "schedule-1")
        for name in ("create", "run", "edit", "volumes", "disable", "delete"):
            self.assertNotContains(page, f"schedules__action_{name}")
            self.assertNotContains(page, f"schedules__row_{ID}__action_{name}")

    def test_a_forged_request_changes_nothing(self) -> None:
        for action in ("run", "disable", "delete", "repair"):
            self.client.post(INDEX, {"action": f"schedules__{action}", "object_ids": [ID]})

        self.assertEqual({"GET"}, {method for method, _, _ in self.service.requests})

    def test_what_the_service_refuses_is_told(self) -> None:
        self.service.refuse("POST", "/v1/schedules", 403, "You are not allowed to do this.")

        page = self.client.post(CREATE, FILLED_IN)

        self.assertContains(page, "You are not allowed to do this.")
