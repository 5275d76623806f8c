"""The pages about runs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import override_settings
from django.urls import reverse

from tests.dashboard import helpers, samples

INDEX = reverse("horizon:project:backup_manager_runs:index")
TASKS = reverse("horizon:project:backup_manager_runs:tasks")
RUN = samples.identifier(1)
DETAIL = reverse("horizon:project:backup_manager_runs:detail", args=[RUN])
CONFIRM = reverse("horizon:project:backup_manager_runs:confirm", args=[RUN])
CANCEL = reverse("horizon:project:backup_manager_runs:cancel", args=[RUN])
MARKUP = '<img src=x onerror="alert(1)">{{ 7*7 }}'
ESCAPED = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;{{ 7*7 }}"


def _said(page: HttpResponse) -> str:
    """The messages that the next page will show."""
    return " ".join(message.message for message in get_messages(page.wsgi_request))


class Case(helpers.TestCase):
    def answer(self, *runs: Any, tasks: Any = ()) -> None:
        self.service.answer("GET", "/v1/runs", {"runs": list(runs)})
        self.service.answer("GET", "/v1/tasks", {"tasks": list(tasks)})

    def asked(self, path: str) -> dict[str, list[str]]:
        return parse_qs(self.service.asked("GET", path)[-1])

    def live(self, url: str) -> HttpResponse:
        """What the page fetches by itself."""
        return self.client.get(url, {"live": "1"}, HTTP_X_REQUESTED_WITH="XMLHttpRequest")


class TestList(Case):
    def test_shows_runs(self) -> None:
        counts = {"succeeded": 38, "failed": 2}
        self.answer(
            samples.run(
                1, status="partial", counts=counts, schedule_name="nightly", trigger="schedule"
            )
        )

        page = self.client.get(INDEX)

        self.assertContains(page, "Back up: nightly")
        self.assertContains(page, DETAIL)
        self.assertContains(page, "Partly failed")
        self.assertContains(page, "38 of 40 done, 2 failed")
        self.assertContains(page, "width: 95%")
        self.assertContains(page, "3 min 20 s")

    def test_is_one_request(self) -> None:
        self.answer(samples.run())

        self.client.get(INDEX)

        self.assertEqual(["/v1/runs"], [path for _, path, _ in self.service.requests])
        self.assertEqual(["created_at:desc"], self.asked("/v1/runs")["sort"])

    def test_tells_why_tasks_failed(self) -> None:
        failed = samples.run(1, status="failed", counts={"failed": 1})
        error = samples.task(status="failed", error="The pool is full.")
        self.answer(failed, tasks=[error])

        self.assertContains(self.client.get(INDEX), "The pool is full.")
        self.assertEqual(2, len(self.service.requests))
        self.assertEqual(["failed"], self.asked("/v1/tasks")["status"])
        self.assertEqual([failed["created_at"]], self.asked("/v1/tasks")["since"])

    def test_error_of_the_run_goes_first(self) -> None:
        self.answer(samples.run(1, status="failed", counts={"failed": 1}, error="No right."))

        self.assertContains(self.client.get(INDEX), "No right.")
        self.assertEqual(1, len(self.service.requests))

    def test_markup_is_text(self) -> None:
        self.answer(samples.run(schedule_name=MARKUP, error=MARKUP))

        page = self.client.get(INDEX)

        self.assertContains(page, ESCAPED, 3)
        self.assertNotContains(page, "<img src=x")

    def test_what_has_not_begun(self) -> None:
        pending = {"status": "pending", "started_at": None, "finished_at": None}
        self.answer(samples.run(1, counts={"pending": 1}, **pending))

        self.assertContains(self.client.get(INDEX), "0 of 1 done")

    def test_filters(self) -> None:
        self.answer(samples.run())
        self.service.answer("GET", f"/v1/volumes/{RUN}", {"volume": samples.volume(name="web")})

        page = self.client.get(
            INDEX,
            {
                "action": "backup",
                "status": "failed",
                "trigger": "schedule",
                "since": "2026-11-01",
                "until": "2026-11-02",
                "volume_id": RUN,
            },
        )

        self.assertContains(page, "<strong>web</strong>")
        asked = self.asked("/v1/runs")
        del asked["limit"], asked["sort"]
        self.assertEqual(
            {
                "action": ["backup"],
                "status": ["failed"],
                "trigger": ["schedule"],
                "since": ["2026-11-01T00:00:00Z"],
                "until": ["2026-11-03T00:00:00Z"],
                "volume_id": [RUN],
            },
            asked,
        )

    def test_days_are_those_of_the_user(self) -> None:
        self.answer()
        self.client.cookies["django_timezone"] = "Asia/Shanghai"

        self.client.get(INDEX, {"since": "2026-11-01"})

        self.assertEqual(["2026-10-31T16:00:00Z"], self.asked("/v1/runs")["since"])

    def test_filter_that_is_not_valid(self) -> None:
        page = self.client.get(INDEX, {"status": "sideways", "volume_id": "x"})

        self.assertContains(page, "Select a valid choice.")
        self.assertContains(page, "Enter a valid UUID.")
        self.assertEqual([], self.service.requests)

    @override_settings(API_RESULT_PAGE_SIZE=2)
    def test_pages(self) -> None:
        self.answer(*(samples.run(number) for number in range(1, 4)))

        page = self.client.get(INDEX, {"status": "succeeded"})

        self.assertEqual(["3"], self.asked("/v1/runs")["limit"])
        last = samples.identifier(2)
        self.assertContains(page, f"?status=succeeded&amp;marker={last}")

    def test_says_what_to_do_first(self) -> None:
        self.answer()

        self.assertContains(self.client.get(INDEX), "Nothing has been done yet.")
        self.assertNotContains(self.client.get(INDEX, {"status": "failed"}), "done yet")

    def test_service_does_not_answer(self) -> None:
        self.service.refuse("GET", "/v1/runs", 500, "Out of order.")

        page = self.client.get(INDEX)

        self.assertContains(page, "be shown. Out of order.")
        self.assertNotContains(page, "Nothing has been done yet.")


class TestTasks(Case):
    def test_shows_tasks(self) -> None:
        self.answer(tasks=[samples.task(volume_name="web", status="failed", error="Full.")])

        page = self.client.get(TASKS)

        self.assertContains(page, "web")
        self.assertContains(page, "Full.")
        self.assertContains(page, "12 s")
        self.assertContains(page, DETAIL)
        self.assertEqual(1, len(self.service.requests))

    def test_filters(self) -> None:
        self.answer()

        self.client.get(TASKS, {"action": "delete", "status": "failed", "until": "2026-11-02"})

        asked = self.asked("/v1/tasks")
        del asked["limit"], asked["sort"]
        self.assertEqual(
            {"action": ["delete"], "status": ["failed"], "until": ["2026-11-03T00:00:00Z"]}, asked
        )


class TestLive(Case):
    def test_goes_on_while_something_runs(self) -> None:
        self.answer(samples.run(1, status="running", finished_at=None), samples.run(2))

        page = self.client.get(INDEX)

        self.assertContains(page, 'data-bm-live="5"')
        self.assertContains(page, "1 running")

    def test_stops_when_nothing_runs(self) -> None:
        self.answer(samples.run(1), samples.run(2, status="waiting", finished_at=None))

        self.assertContains(self.client.get(INDEX), 'data-bm-live="0"')

    def test_fetches_the_table_only(self) -> None:
        self.answer(samples.run(1, status="running", finished_at=None))

        part = self.live(INDEX)

        self.assertContains(part, 'data-bm-progress="1 running"')
        self.assertContains(part, DETAIL)
        self.assertNotContains(part, "<html")
        self.assertNotContains(part, "live=1")
        self.assertEqual(1, len(self.service.requests))

    def test_by_hand_the_address_gives_the_whole_page(self) -> None:
        self.answer(samples.run())

        self.assertContains(self.client.get(INDEX, {"live": "1"}), "<html")

    def test_stays_in_the_zone_of_the_user(self) -> None:
        self.answer(samples.run(1, status="running", finished_at=None))
        self.client.cookies["django_timezone"] = "Asia/Shanghai"

        self.assertContains(self.live(INDEX), "2026-11-01 10:00 CST")

    def test_keeps_the_table_when_the_service_does_not_answer(self) -> None:
        self.service.refuse("GET", "/v1/runs", 500, "Out of order.")

        self.assertEqual(503, self.live(INDEX).status_code)

    def test_keeps_the_run_when_the_service_does_not_answer(self) -> None:
        self.service.refuse("GET", f"/v1/runs/{RUN}", 500, "Out of order.")

        self.assertEqual(503, self.live(DETAIL).status_code)


class TestDetail(Case):
    def show(self, *tasks: Any, **run: Any) -> HttpResponse:
        self.service.answer("GET", f"/v1/runs/{RUN}", {"run": samples.run(1, **run)})
        self.service.answer("GET", f"/v1/runs/{RUN}/tasks", {"tasks": list(tasks)})
        return self.client.get(DETAIL)

    def test_shows_the_run_and_its_tasks(self) -> None:
        error = "x" * 1000
        page = self.show(
            samples.task(volume_name="web", note="No usable parent."),
            samples.task(2, status="failed", error=error),
            schedule_id=samples.identifier(7),
            schedule_name="nightly",
        )

        self.assertContains(page, "<h1>Back up: nightly</h1>")
        self.assertContains(page, "req-of-the-run")
        self.assertContains(page, "somebody")
        self.assertContains(page, "web")
        self.assertContains(page, "No usable parent.")
        self.assertContains(page, error)
        for number in (1, 101):
            self.assertContains(page, samples.identifier(number))
        self.assertEqual(2, len(self.service.requests))

    def test_own_run_has_ones_name(self) -> None:
        page = self.show(user_id=self.user.id)

        self.assertNotContains(page, f"<code>{self.user.id}</code>")

    def test_markup_is_text(self) -> None:
        page = self.show(
            samples.task(volume_name=MARKUP, note=MARKUP, error=MARKUP),
            schedule_name=MARKUP,
            error=MARKUP,
        )

        # The schedule's name stands in the title, the heading, the path and the facts.
        self.assertContains(page, ESCAPED, 4 + 1 + 4)
        self.assertNotContains(page, "<img src=x")

    def test_filters_tasks(self) -> None:
        self.show()

        self.client.get(DETAIL, {"status": "failed"})

        self.assertEqual(["failed"], self.asked(f"/v1/runs/{RUN}/tasks")["status"])

    @override_settings(API_RESULT_PAGE_SIZE=2)
    def test_pages(self) -> None:
        page = self.show(*(samples.task(number) for number in range(1, 4)))

        self.assertContains(page, f"?marker={samples.identifier(2)}")
        self.client.get(DETAIL, {"marker": samples.identifier(2)})
        self.assertEqual([samples.identifier(2)], self.asked(f"/v1/runs/{RUN}/tasks")["marker"])

    def test_is_live_while_it_runs(self) -> None:
        counts = {"succeeded": 2, "running": 1, "pending": 3}
        page = self.show(status="running", counts=counts, finished_at=None)

        self.assertContains(page, 'data-bm-live="3"')
        self.assertContains(page, "2 of 6 done")
        self.assertContains(page, CANCEL)
        part = self.live(DETAIL)
        self.assertContains(part, CANCEL)
        self.assertNotContains(part, "<html")

    def test_is_not_live_afterwards(self) -> None:
        page = self.show()

        self.assertContains(page, 'data-bm-live="0"')
        self.assertNotContains(page, CANCEL)

    def test_asks_for_consent(self) -> None:
        page = self.show(
            action="delete",
            status="waiting",
            counts={"waiting": 38},
            trigger="retention",
            error="Unusually many.",
            started_at=None,
            finished_at=None,
        )

        self.assertContains(page, "Unusually many.")
        self.assertContains(page, "Delete 38 Backups")
        self.assertContains(page, CONFIRM)
        self.assertContains(page, CANCEL)
        self.assertContains(page, 'data-bm-live="0"')

    def test_deleted_backups_have_no_page(self) -> None:
        page = self.show(samples.task(action="delete"), action="delete")

        self.assertNotContains(
            page,
            reverse(
                "horizon:project:backup_manager_backups:detail", args=[samples.identifier(101)]
            ),
        )

    def test_of_somebody_else(self) -> None:
        self.service.refuse("GET", f"/v1/runs/{RUN}", 404, "There is no such run.")

        page = self.client.get(DETAIL)

        self.assertRedirectsNoFollow(page, INDEX)


class TestDecisions(Case):
    def test_confirms(self) -> None:
        self.service.answer("POST", f"/v1/runs/{RUN}/confirm", {"run": samples.run()})

        page = self.client.post(CONFIRM)

        self.assertRedirectsNoFollow(page, DETAIL)
        self.assertEqual(1, len(self.service.asked("POST", f"/v1/runs/{RUN}/confirm")))
        self.assertMessageCount(success=1)

    def test_cancels(self) -> None:
        self.service.answer("POST", f"/v1/runs/{RUN}/cancel", {"run": samples.run()})

        page = self.client.post(CANCEL)

        self.assertRedirectsNoFollow(page, DETAIL)
        self.assertEqual(1, len(self.service.asked("POST", f"/v1/runs/{RUN}/cancel")))
        self.assertMessageCount(success=1)

    def test_tells_what_the_service_says(self) -> None:
        self.service.refuse("POST", f"/v1/runs/{RUN}/confirm", 409, "It does not wait.")

        self.client.post(CONFIRM)

        self.assertMessageCount(error=1)

    def test_get_changes_nothing(self) -> None:
        for url in (CONFIRM, CANCEL):
            self.assertEqual(405, self.client.get(url).status_code)
        self.assertEqual([], self.service.requests)


class TestReader(Case):
    role_names = ("reader",)

    def test_may_only_look(self) -> None:
        waiting = samples.run(status="waiting", counts={"waiting": 2}, finished_at=None)
        self.service.answer("GET", f"/v1/runs/{RUN}", {"run": waiting})
        self.service.answer("GET", f"/v1/runs/{RUN}/tasks", {"tasks": []})

        page = self.client.get(DETAIL)

        self.assertContains(page, "You may look at it, but not decide.")
        self.assertNotContains(page, CONFIRM)
        self.assertNotContains(page, CANCEL)

    def test_forged_request_is_refused(self) -> None:
        for url, path in ((CONFIRM, "confirm"), (CANCEL, "cancel")):
            self.service.refuse("POST", f"/v1/runs/{RUN}/{path}", 403, "You may not.")

            page = self.client.post(url, follow=False)

            self.assertEqual(1, len(self.service.asked("POST", f"/v1/runs/{RUN}/{path}")))
            self.assertIn("You may not.", _said(page))
