"""The pages about volumes."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import override_settings
from django.urls import reverse
from openstack_dashboard.api import base

from tests.dashboard import helpers, samples

NAMES = "horizon:project:backup_manager_volumes"
INDEX = reverse(f"{NAMES}:index")
PROTECT = reverse(f"{NAMES}:protect")
ID = samples.identifier(1)
OTHER = samples.identifier(2)
ONE = f"/v1/volumes/{ID}"
DETAIL = reverse(f"{NAMES}:detail", args=[ID])
RESTORE = reverse(f"{NAMES}:restore", args=[ID])
POLICY = reverse(f"{NAMES}:policy", args=[ID])
SCHEDULE = samples.identifier(3)
ADD = f"/v1/schedules/{SCHEDULE}/volumes"
RUN = reverse("horizon:project:backup_manager_runs:detail", args=[samples.identifier(7)])
MARKUP = '<img src=x onerror="alert(1)">{{ 7*7 }}'
ESCAPED = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;{{ 7*7 }}"
LAST = {
    "id": samples.identifier(101),
    "name": "b",
    "type": "full",
    "created_at": "2026-11-01T00:00:00Z",
}


class Case(helpers.TestCase):
    def answer(self, *volumes: Any) -> None:
        self.service.answer("GET", "/v1/volumes", {"volumes": list(volumes)})

    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.service.asked("GET", "/v1/volumes")[-1])

    def act(self, name: str, *volume_ids: str) -> HttpResponse:
        """Use an action of the table."""
        return self.client.post(INDEX, {"action": f"volumes__{name}", "object_ids": volume_ids})

    def said(self, page: HttpResponse) -> str:
        return " ".join(str(message.message) for message in get_messages(page.wsgi_request))


class TestList(Case):
    def test_shows_volumes(self) -> None:
        schedules = [{"id": SCHEDULE, "name": "nightly", "enabled": False}]
        self.answer(
            samples.volume(name="web", schedules=schedules, last_backup=LAST, late=True),
            samples.volume(2, status="creating", can_back_up=False),
        )

        page = self.client.get(INDEX)

        for text in ("web", "10 GiB", "nightly", "disabled", "Late", "Unprotected", "Creating"):
            self.assertContains(page, text)
        self.assertContains(page, '<span class="sr-only">can be backed up</span>', 1)
        self.assertEqual(1, len(self.service.requests))

    def test_links_to_servers_where_horizon_has_pages(self) -> None:
        self.answer(samples.volume(server_ids=[OTHER]))
        server = reverse("horizon:project:instances:detail", args=[OTHER])

        self.assertTrue(base.is_service_enabled(self.request, "compute"))
        self.assertContains(self.client.get(INDEX), server)

        for service in self.service_catalog:
            if service["type"] == "compute":
                self.service_catalog.remove(service)
                break
        self.set_user()
        page = self.client.get(INDEX)
        self.assertNotContains(page, server)
        self.assertContains(page, f'title="{OTHER}"')

    def set_user(self) -> None:
        self.setActiveUser(
            id=self.user.id,
            token=self.token,
            username=self.user.name,
            tenant_id=self.tenant.id,
            service_catalog=self.service_catalog,
            authorized_tenants=self.tenants.list(),
            roles=[{"id": name, "name": name} for name in self.role_names],
        )

    def test_filters_at_the_service(self) -> None:
        self.answer()

        self.client.get(INDEX, {"search": "we%b", "protection": "late", "sort": "size_gb:desc"})

        query = self.query()
        del query["limit"]
        self.assertEqual({"search": ["we%b"], "late": ["true"], "sort": ["size_gb:desc"]}, query)

    @override_settings(API_RESULT_PAGE_SIZE=1)
    def test_pages_keep_filters(self) -> None:
        self.answer(samples.volume(1), samples.volume(2))

        page = self.client.get(INDEX, {"search": "v"})

        self.assertContains(page, f"?search=v&amp;marker={ID}")
        self.assertNotContains(page, "volume-2")

        page = self.client.get(INDEX, {"search": "v", "prev_marker": OTHER})

        self.assertEqual(["name:desc"], self.query()["sort"])
        self.assertEqual([OTHER], self.query()["marker"])
        self.assertContains(page, "Next")

    def test_markup_is_text(self) -> None:
        schedules = [{"id": SCHEDULE, "name": MARKUP, "enabled": True}]
        self.answer(samples.volume(name=MARKUP, schedules=schedules))

        page = self.client.get(INDEX)

        self.assertNotContains(page, "<img src=x")
        self.assertContains(page, ESCAPED)

    def test_empty_and_failing_are_different(self) -> None:
        self.answer()
        self.assertContains(self.client.get(INDEX), "There are no volumes yet")

        self.service.refuse("GET", "/v1/volumes", 503, "Down for a moment.")
        page = self.client.get(INDEX)
        self.assertContains(page, "Down for a moment.")
        self.assertNotContains(page, "There are no volumes yet")


class TestBackUp(Case):
    def test_starts_one_run_for_many(self) -> None:
        self.answer(samples.volume(1), samples.volume(2))
        body = {"run": samples.run(7), "warnings": ["The quota has no room for all."]}
        self.service.answer("POST", "/v1/backups", body, status=202)

        page = self.act("back_up_incremental", ID, OTHER)

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        sent = {"backup": {"volumes": [ID, OTHER], "type": "incremental"}}
        self.assertEqual([sent], self.service.asked("POST", "/v1/backups"))
        self.assertIn("The quota has no room for all.", self.said(page))

    def test_refusal_is_told(self) -> None:
        self.answer(samples.volume())
        self.service.refuse("POST", "/v1/backups", 409, "The quota is full.")

        page = self.act("back_up_full", ID)

        self.assertRedirects(page, INDEX, fetch_redirect_response=False)
        self.assertIn("The quota is full.", self.said(page))


class TestProtect(Case):
    def setUp(self) -> None:
        super().setUp()
        schedules = [
            samples.schedule(3, name=MARKUP),
            samples.schedule(4, name="off", enabled=False),
        ]
        self.service.answer("GET", "/v1/schedules", {"schedules": schedules})

    def protect(self) -> HttpResponse:
        return self.client.post(f"{PROTECT}?volumes={ID},{OTHER}", {"schedule": SCHEDULE})

    def test_action_leads_to_the_choice(self) -> None:
        page = self.act("protect", ID, OTHER)

        url = f"{PROTECT}?volumes={ID},{OTHER}"
        self.assertRedirects(page, url, fetch_redirect_response=False)
        self.assertEqual([], self.service.requests)

    def test_offers_schedules_and_a_new_one(self) -> None:
        page = self.client.get(PROTECT, {"volumes": f"{ID},{OTHER}"})

        create = reverse("horizon:project:backup_manager_schedules:create")
        self.assertContains(page, ESCAPED)
        self.assertContains(page, "off (disabled)")
        self.assertContains(page, f"{create}?volume={ID}&amp;volume={OTHER}")

    def test_without_schedules(self) -> None:
        self.service.answer("GET", "/v1/schedules", {"schedules": []})

        self.assertContains(self.client.get(PROTECT, {"volumes": ID}), "There is no schedule yet.")

    def test_adds_them(self) -> None:
        result = {"added": [ID], "present": [], "not_found": [OTHER]}
        self.service.answer("POST", ADD, {"result": result})

        page = self.protect()

        url = reverse("horizon:project:backup_manager_schedules:detail", args=[SCHEDULE])
        self.assertRedirects(page, url, fetch_redirect_response=False)
        self.assertEqual([{"volumes": [ID, OTHER]}], self.service.asked("POST", ADD))
        self.assertIn("1 volume was not found.", self.said(page))
        self.assertIn("1 volume is in it now.", self.said(page))

    def test_error_is_beside_the_schedule(self) -> None:
        self.service.refuse("POST", ADD, 400, "at most 1000", "volumes[2]")

        page = self.protect()

        self.assertIn("at most 1000", str(page.context["form"].errors))

    def test_none_chosen(self) -> None:
        self.assertRedirects(self.client.get(PROTECT), INDEX, fetch_redirect_response=False)


class TestDetail(Case):
    def setUp(self) -> None:
        super().setUp()
        volume = samples.volume(name=MARKUP, last_backup=LAST)
        self.service.answer("GET", ONE, {"volume": volume})
        effective = [
            {"origin": f"schedule {MARKUP}", "retention": {"keep_last": 3}, "description": ""},
            {"origin": "the policy of the project", "retention": {}, "description": ""},
        ]
        policy = {"retention": {"max_age_days": 9}, "effective": effective}
        self.service.answer("GET", f"{ONE}/policy", {"policy": policy})
        links = [
            samples.link(1, created_at="2026-11-01T02:00:00Z"),
            samples.link(2, created_at="2026-11-02T02:00:00Z", depth=1, type="incremental"),
            samples.link(3, created_at="2026-11-02T04:00:00Z", status="error", verified=False),
        ]
        self.service.answer("GET", f"{ONE}/chain", {"chain": samples.chain(*links)})

    def test_shows_protection_and_backups(self) -> None:
        page = self.client.get(DETAIL)

        for text in ("9 days", "the 3 newest", "everything", "the policy of the project"):
            self.assertContains(page, text)
        self.assertContains(page, f"schedule {ESCAPED}")
        self.assertNotContains(page, "<img src=x")
        self.assertContains(page, "Not verified", 1)
        body = page.content.decode()
        self.assertLess(body.index("Nov. 2, 2026"), body.index("Nov. 1, 2026"))
        self.assertEqual(3, len(self.service.requests))

    def test_shows_the_rest_when_a_part_fails(self) -> None:
        self.service.refuse("GET", f"{ONE}/chain", 500, "Broken.")

        page = self.client.get(DETAIL)

        self.assertContains(page, "The backups can&#x27;t be shown.")
        self.assertContains(page, "the 3 newest")

    def test_missing_one_leads_to_the_list(self) -> None:
        self.service.refuse("GET", ONE, 404, "No such volume.")

        self.assertRedirects(self.client.get(DETAIL), INDEX, fetch_redirect_response=False)


class TestPointInTime(TestDetail):
    def latest(self, at: str) -> HttpResponse:
        return self.client.get(RESTORE, {"at": at})

    def test_lists_what_can_be_restored(self) -> None:
        page = self.client.get(RESTORE)

        for number, times in ((1, 1), (2, 1), (3, 0)):
            backup_id = samples.backup(number)["id"]
            url = reverse("horizon:project:backup_manager_backups:restore", args=[backup_id])
            self.assertContains(page, url, times)
        self.assertEqual(1, len(self.service.requests))

    def test_finds_the_newest_before_a_moment(self) -> None:
        for at, number in (
            ("2026-11-01T02:00", 1),
            ("2026-11-02T01:59", 1),
            ("2026-11-02T02:00", 2),
            # The one from 04:00 failed.
            ("2026-11-03T00:00", 2),
        ):
            self.assertEqual(
                samples.backup(number)["id"], self.latest(at).context["latest"]["backup_id"]
            )

    def test_takes_none_that_is_younger(self) -> None:
        page = self.latest("2026-11-01T01:59")

        self.assertContains(page, "No backup from then or before can be restored.")

    def test_wrong_moment(self) -> None:
        self.assertContains(self.latest("yesterday"), "Enter a valid date/time.")

    def test_volume_may_be_gone(self) -> None:
        chain = samples.chain(samples.link(), volume_name=None)
        self.service.answer("GET", f"{ONE}/chain", {"chain": chain})

        self.assertContains(self.client.get(RESTORE), "(the volume is gone)")


class TestPolicy(TestDetail):
    def test_shows_what_is_set(self) -> None:
        page = self.client.get(POLICY)

        self.assertEqual("rules", page.context["form"].initial["keep"])
        self.assertContains(page, 'name="max_age_days" value="9"')

    def test_sets_and_unsets(self) -> None:
        policy = {"policy": {"retention": {}, "effective": []}}
        self.service.answer("PUT", f"{ONE}/policy", policy)
        self.service.answer("DELETE", f"{ONE}/policy", status=204)

        for data, sent in (
            (
                {"keep": "rules", "keep_last": "5", "keep_monthly": "12"},
                {"keep_last": 5, "keep_monthly": 12},
            ),
            ({"keep": "everything", "keep_last": "5"}, {}),
        ):
            page = self.client.post(POLICY, data)

            self.assertRedirects(page, DETAIL, fetch_redirect_response=False)
            asked = self.service.asked("PUT", f"{ONE}/policy")[-1]
            self.assertEqual({"policy": {"retention": sent}}, asked)
        self.client.post(POLICY, {"keep": "project"})
        self.assertEqual(1, len(self.service.asked("DELETE", f"{ONE}/policy")))

    def test_rules_must_say_something(self) -> None:
        page = self.client.post(POLICY, {"keep": "rules"})

        self.assertFormError(
            page.context["form"], "keep", "Fill in at least one rule, or keep everything."
        )

    def test_error_is_beside_its_rule(self) -> None:
        self.service.refuse(
            "PUT", f"{ONE}/policy", 400, "must not be more than 365", "retention.max_age_days"
        )

        page = self.client.post(POLICY, {"keep": "rules", "max_age_days": "400"})

        self.assertFormError(page.context["form"], "max_age_days", "must not be more than 365")


class TestReader(Case):
    role_names = ("reader",)

    def test_sees_no_actions(self) -> None:
        self.answer(samples.volume(last_backup=LAST))

        page = self.client.get(INDEX)

        for text in ("Back Up Fully", "Protect<", "Restore a Point", "What to Keep", "Clean Up"):
            self.assertNotContains(page, text)

    def test_forged_requests_are_refused(self) -> None:
        self.answer(samples.volume())
        self.service.answer("GET", "/v1/schedules", {"schedules": [samples.schedule(3)]})
        self.service.answer("GET", ONE, {"volume": samples.volume()})
        policy = {"policy": {"retention": None, "effective": []}}
        self.service.answer("GET", f"{ONE}/policy", policy)
        for method, path in (
            ("POST", "/v1/backups"),
            ("POST", ADD),
            ("PUT", f"{ONE}/policy"),
        ):
            self.service.refuse(method, path, 403, "You may not.")

        self.assertIn("You may not.", self.said(self.act("back_up_full", ID)))
        page = self.client.post(f"{PROTECT}?volumes={ID}", {"schedule": SCHEDULE})
        self.assertContains(page, "You may not.")
        page = self.client.post(POLICY, {"keep": "everything"})
        self.assertContains(page, "You may not.")
