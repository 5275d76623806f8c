"""The page that answers whether one is safe."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.urls import reverse

from tests.dashboard import helpers, samples

INDEX = reverse("horizon:project:backup_manager_overview:index")
VOLUMES = reverse("horizon:project:backup_manager_volumes:index")
REPAIR = reverse("horizon:project:backup_manager_schedules:repair", args=[samples.identifier(1)])
BROKEN = {
    "mode": "trust",
    "state": "broken",
    "user_id": "1",
    "error": "The user lost the role member.",
    "checked_at": "2026-11-20T00:00:00Z",
}


class Overview(helpers.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.answer()

    def answer(
        self, runs: Any = (), tasks: Any = (), schedules: Any = (), **statistics: Any
    ) -> None:
        self.service.answer(
            "GET", "/v1/statistics", {"statistics": samples.statistics(**statistics)}
        )
        self.service.answer("GET", "/v1/runs", {"runs": list(runs)})
        self.service.answer("GET", "/v1/tasks", {"tasks": list(tasks)})
        self.service.answer("GET", "/v1/schedules", {"schedules": list(schedules)})


class TestFigures(Overview):
    def test_lead_to_their_lists(self) -> None:
        page = self.client.get(INDEX)

        for state, number in (("protected", 4), ("late", 1), ("unprotected", 2)):
            self.assertRegex(
                page.content.decode(),
                rf'href="{VOLUMES}\?protection={state}"[^>]*>{number}<|'
                rf'<a class="[^"]*" href="{VOLUMES}\?protection={state}">{number}</a>',
            )

    def test_few_requests_make_the_page(self) -> None:
        self.client.get(INDEX)

        asked = [path for _, path, _ in self.service.requests]
        self.assertEqual(["/v1/statistics", "/v1/runs", "/v1/tasks", "/v1/schedules"], asked)

    def test_a_quota_tells_when_it_is_full(self) -> None:
        page = self.client.get(INDEX)

        self.assertContains(page, "9 of 10")
        self.assertContains(page, "Dec. 1, 2026")

    def test_without_protection_says_what_to_do_first(self) -> None:
        volumes = {"total": 2, "protected": 0, "unprotected": 2, "late": 0}
        self.answer(volumes=volumes)

        page = self.client.get(INDEX)

        self.assertContains(page, "No volume is protected yet")
        self.assertContains(page, "Create Schedule")

    def test_runs_that_wait_are_told(self) -> None:
        self.answer(waiting_runs=2)

        self.assertContains(self.client.get(INDEX), "2 runs wait for your consent")


class TestCharts(Overview):
    def test_have_a_text_and_a_table(self) -> None:
        today = date.today()
        days = [
            {
                "date": str(today - timedelta(days=back)),
                "backups": 5,
                "size_gb": 50 - back,
                "protected_volumes": 4,
                "unprotected_volumes": 2,
                "succeeded": 7,
                "failed": back,
            }
            for back in (1, 0)
        ]
        self.answer(days=days)

        page = self.client.get(INDEX)

        self.assertContains(page, '<svg class="bm-chart"', count=2)
        self.assertContains(page, 'role="img"', count=2)
        self.assertContains(page, '<rect class="bm-good"', count=2)
        self.assertContains(page, '<rect class="bm-bad"', count=1)
        self.assertContains(page, "<td>49 GiB</td>", html=True)


class TestFailures(Overview):
    def test_have_their_reason(self) -> None:
        failed = samples.task(status="failed", error="<b>No space</b> on the backend")
        self.answer(tasks=[failed])

        page = self.client.get(INDEX)

        self.assertContains(page, "&lt;b&gt;No space&lt;/b&gt; on the backend")

    def test_what_fails_alone_leaves_the_rest(self) -> None:
        self.service.refuse("GET", "/v1/statistics", 500, "Unexpected fault")

        page = self.client.get(INDEX)

        self.assertContains(page, "Unexpected fault")
        self.assertContains(page, "Runs of the last 24 hours")


class TestBrokenDelegation(Overview):
    def setUp(self) -> None:
        super().setUp()
        self.answer(schedules=[samples.schedule(name="nightly", delegation=BROKEN)])

    def test_can_be_repaired(self) -> None:
        page = self.client.get(INDEX)

        self.assertContains(page, "The user lost the role member.")
        self.assertContains(page, f'action="{REPAIR}"')

    def test_an_update_repairs_it(self) -> None:
        one = f"/v1/schedules/{samples.identifier(1)}"
        self.service.answer("GET", one, {"schedule": samples.schedule()})
        self.service.answer("PATCH", one, {"schedule": samples.schedule()})

        answer = self.client.post(REPAIR)

        self.assertRedirectsNoFollow(answer, INDEX)
        self.assertEqual([{"schedule": {"generation": 3}}], self.service.asked("PATCH", one))

    def test_a_look_repairs_nothing(self) -> None:
        self.assertEqual(405, self.client.get(REPAIR).status_code)
        self.assertEqual([], self.service.requests)


class TestReader(Overview):
    role_names = ("reader",)

    def test_has_no_buttons(self) -> None:
        volumes = {"total": 2, "protected": 0, "unprotected": 2, "late": 0}
        self.answer(schedules=[samples.schedule(delegation=BROKEN)], volumes=volumes)

        page = self.client.get(INDEX)

        self.assertNotContains(page, REPAIR)
        self.assertNotContains(page, "Create Schedule")
