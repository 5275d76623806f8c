"""The pages for administrators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

from django.test import override_settings
from django.urls import reverse
from keystoneauth1 import exceptions as ks_exceptions

from tests.dashboard import helpers, samples

INDEX = reverse("horizon:admin:backup_manager_status:index")
PROJECTS = reverse("horizon:admin:backup_manager_status:projects")
MARKUP = '<img src=x onerror="alert(1)">{{ 7*7 }}'
ESCAPED = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;{{ 7*7 }}"


class Case(helpers.TestCase):
    role_names = ("admin", "member", "reader")

    def setUp(self) -> None:
        super().setUp()
        patcher = mock.patch(
            "openstack_dashboard.api.keystone.tenant_list",
            return_value=([SimpleNamespace(id="project-1", name="accounting")], False),
        )
        self.tenant_list = patcher.start()
        self.addCleanup(patcher.stop)

    def answer(
        self,
        *,
        checks: Any = (),
        projects: Any = (),
        schedules: Any = (),
        runs: Any = (),
        engines: Any = (),
        tasks: Any = (),
    ) -> None:
        found = list(checks) or [samples.check()]
        health = {"ok": all(check["ok"] for check in found), "checks": found}
        answer = self.service.answer
        answer("GET", "/v1/health", {"health": health})
        answer("GET", "/v1/info", {"info": samples.info()})
        answer("GET", "/v1/services", {"services": list(engines) or [samples.engine()]})
        answer("GET", "/v1/projects", {"projects": list(projects)})
        answer("GET", "/v1/schedules", {"schedules": list(schedules)})
        answer("GET", "/v1/runs", {"runs": list(runs)})
        answer("GET", "/v1/tasks", {"tasks": list(tasks)})


class TestStatus(Case):
    def test_all_is_well(self) -> None:
        self.answer()

        page = self.client.get(INDEX)

        self.assertContains(page, "All checks are well.")
        self.assertContains(page, "No enabled schedule fails, in any project.")
        self.assertContains(page, "host-1")
        self.assertContains(page, "microversions 3.0 to 3.71, 3.43 is needed")
        self.assertNotContains(page, 'role="note"')

    def test_takes_few_requests(self) -> None:
        self.answer()

        self.client.get(INDEX)

        self.assertLessEqual(len(self.service.requests), 7)
        self.assertEqual(1, self.tenant_list.call_count)

    def test_tells_what_is_wrong_first(self) -> None:
        wrong = samples.check("engines", ok=False, detail="No engine is up. Start one.")
        self.answer(checks=[samples.check(), wrong])

        page = self.client.get(INDEX)

        self.assertContains(page, "<strong>Engines</strong> No engine is up. Start one.")
        self.assertNotContains(page, "All checks are well.")

    def test_adds_up_what_waits(self) -> None:
        self.answer(
            projects=[
                samples.project(
                    1,
                    tasks_waiting=4,
                    tasks_running=1,
                    oldest_waiting_at="2026-11-01T05:00:00Z",
                ),
                samples.project(
                    2,
                    tasks_waiting=5,
                    tasks_running=2,
                    oldest_waiting_at="2026-11-01T03:00:00Z",
                ),
            ]
        )

        page = self.client.get(INDEX)

        self.assertContains(page, '<span class="bm-number">9</span>')
        self.assertContains(page, '<span class="bm-number">3</span>')
        self.assertContains(page, "2026-11-01T03:00:00Z", 2)

    def test_shows_the_projects_with_most_trouble(self) -> None:
        projects = [samples.project(number) for number in range(1, 12)]
        projects.append(samples.project(99, failing_schedules=1))
        self.answer(projects=projects)

        page = self.client.get(INDEX)

        self.assertContains(page, "project-99")
        self.assertContains(page, "All 12 projects")
        self.assertNotContains(page, "project-11")

    def test_projects_have_names(self) -> None:
        self.answer(projects=[samples.project(1), samples.project(2)])

        page = self.client.get(INDEX)

        self.assertContains(page, '<span title="project-1">accounting</span>')
        self.assertContains(page, '<span title="project-2">project-2</span>')

    def test_works_without_names(self) -> None:
        self.answer(projects=[samples.project(1)])
        self.tenant_list.side_effect = ks_exceptions.Forbidden("no")

        self.assertContains(self.client.get(INDEX), '<span title="project-1">project-1</span>')

    def test_failing_schedules(self) -> None:
        delegation = {"mode": "trust", "state": "broken", "error": "The trust is gone."}
        self.answer(
            schedules=[
                {
                    "id": samples.identifier(7),
                    "project_id": "project-1",
                    "name": "nightly",
                    "last_run": None,
                    "delegation": delegation,
                }
            ]
        )

        page = self.client.get(INDEX)

        self.assertContains(page, "The trust is gone.")
        self.assertContains(page, "accounting")
        query = parse_qs(self.service.asked("GET", "/v1/schedules")[0])
        self.assertEqual(["true"], query["failing"])
        self.assertEqual(["true"], query["all_projects"])

    def test_failed_runs(self) -> None:
        run = samples.run(status="failed", counts={"failed": 1}, project_id="project-1")
        task = samples.task(status="failed", error="The pool is full.")
        self.answer(runs=[run], tasks=[task])

        page = self.client.get(INDEX)

        self.assertContains(page, "The pool is full.")
        queries = [parse_qs(query) for query in self.service.asked("GET", "/v1/runs")]
        self.assertEqual([["failed"], ["partial"]], [query["status"] for query in queries])
        for query in queries:
            self.assertEqual(["true"], query["all_projects"])
            self.assertIn("since", query)

    def test_shows_the_rest_when_something_fails(self) -> None:
        for path, missing in (
            ("health", "Health"),
            ("services", "Engines"),
            ("projects", "Projects"),
            ("schedules", "Failing schedules"),
            ("runs", "Failed runs"),
            ("info", "Limits and defaults"),
        ):
            with self.subTest(path):
                self.answer()
                self.service.refuse("GET", f"/v1/{path}", 500, "Out of order.")

                page = self.client.get(INDEX)

                self.assertContains(page, f"<strong>{missing}</strong> can't be shown.")
                self.assertContains(page, "Out of order.", 1)
                self.assertContains(page, "<section", 5 if path == "projects" else 6)

    def test_markup_is_text(self) -> None:
        self.tenant_list.return_value = ([SimpleNamespace(id="project-1", name=MARKUP)], False)
        self.answer(
            checks=[samples.check(MARKUP, ok=False, detail=MARKUP)],
            projects=[samples.project(1)],
            engines=[samples.engine(host=MARKUP)],
            runs=[samples.run(status="failed", error=MARKUP, schedule_name=MARKUP)],
        )

        page = self.client.get(INDEX)

        self.assertContains(page, ESCAPED)
        self.assertNotContains(page, "<img src=x")

    def test_is_for_administrators(self) -> None:
        self.setActiveUser(
            id=self.user.id,
            token=self.token,
            username=self.user.name,
            tenant_id=self.tenant.id,
            service_catalog=self.service_catalog,
            authorized_tenants=self.tenants.list(),
            roles=[{"id": "member", "name": "member"}],
        )

        self.client.get(INDEX)

        self.assertEqual([], self.service.requests)


class TestProjects(Case):
    def test_shows_projects(self) -> None:
        self.answer(projects=[samples.project(1, failing_schedules=2)])

        page = self.client.get(PROJECTS)

        self.assertContains(page, "accounting")
        self.assertContains(page, "2 failing")
        self.assertContains(page, "2 unprotected")
        self.assertContains(page, "300 GiB")
        self.assertEqual(1, len(self.service.requests))
        self.assertEqual(1, self.tenant_list.call_count)

    @override_settings(API_RESULT_PAGE_SIZE=2)
    def test_pages(self) -> None:
        self.answer(projects=[samples.project(number) for number in range(1, 4)])

        page = self.client.get(PROJECTS)
        self.client.get(PROJECTS, {"marker": "project-2"})

        self.assertContains(page, "?marker=project-2")
        query = parse_qs(self.service.asked("GET", "/v1/projects")[-1])
        self.assertEqual((["project-2"], ["3"]), (query["marker"], query["limit"]))

    def test_service_does_not_answer(self) -> None:
        self.service.refuse("GET", "/v1/projects", 500, "Out of order.")

        self.assertContains(self.client.get(PROJECTS), "Out of order.")
