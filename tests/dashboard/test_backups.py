"""The pages about backups."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import override_settings
from django.urls import reverse

from backup_manager_dashboard.project.backups import forms
from tests.dashboard import helpers, samples

NAMES = "horizon:project:backup_manager_backups"
INDEX = reverse(f"{NAMES}:index")
DELETE = reverse(f"{NAMES}:delete")
IMPORT = reverse(f"{NAMES}:import")
PREVIEW_IMPORT = reverse(f"{NAMES}:preview_import")
ID = samples.backup()["id"]
ONE = f"/v1/backups/{ID}"
DETAIL = reverse(f"{NAMES}:detail", args=[ID])
RESTORE = reverse(f"{NAMES}:restore", args=[ID])
HOLD = reverse(f"{NAMES}:hold", args=[ID])
VOLUME = samples.identifier(1)
OTHER = samples.identifier(2)
CHAIN = f"/v1/volumes/{VOLUME}/chain"
RUN = reverse("horizon:project:backup_manager_runs:detail", args=[samples.identifier(7)])
MARKUP = '<img src=x onerror="alert(1)">{{ 7*7 }}'
ESCAPED = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;{{ 7*7 }}"


class Case(helpers.TestCase):
    def answer(self, *backups: Any, schedules: Any = ()) -> None:
        self.service.answer("GET", "/v1/backups", {"backups": list(backups)})
        self.service.answer("GET", "/v1/schedules", {"schedules": list(schedules)})

    def answer_one(self, **differences: Any) -> None:
        self.service.answer("GET", ONE, {"backup": samples.backup(**differences)})

    def start(self, path: str) -> None:
        """Have a request answered with a run."""
        self.service.answer("POST", path, {"run": samples.run(7)}, status=202)

    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.service.asked("GET", "/v1/backups")[-1])

    def act(self, name: str, *backup_ids: str) -> HttpResponse:
        """Use an action of the table."""
        return self.client.post(INDEX, {"action": f"backups__{name}", "object_ids": backup_ids})

    def said(self, page: HttpResponse) -> str:
        return " ".join(str(message.message) for message in get_messages(page.wsgi_request))


class AdminCase(Case):
    role_names = ("admin", "member", "reader")


class ReaderCase(Case):
    role_names = ("reader",)


class TestList(Case):
    def test_shows_backups(self) -> None:
        self.answer(
            samples.backup(
                schedule_id=samples.identifier(3),
                type="incremental",
                retention={
                    "keep": True,
                    "rule": "keep_daily",
                    "reason": "…",
                    "expires_at": "2026-12-24T00:00:00Z",
                },
            ),
            schedules=[samples.schedule(3, name="nightly")],
        )

        page = self.client.get(INDEX)

        for text in ("backup-1", "Incremental", "10 GiB", "volume-1", "nightly", "until"):
            self.assertContains(page, text)
        self.assertContains(page, "2026-12-24")
        self.assertContains(page, "The newest of its day.")
        self.assertContains(page, DETAIL)
        self.assertEqual(2, len(self.service.requests))
        self.assertEqual(["true"], self.query()["retention"])

    def test_without_schedules_is_one_request(self) -> None:
        self.answer(samples.backup())

        self.client.get(INDEX)

        self.assertEqual(1, len(self.service.requests))

    def test_shows_the_id_of_a_schedule_without_a_name(self) -> None:
        self.answer(samples.backup(schedule_id="abcdef01-0000-0000-0000-000000000000"))
        self.service.refuse("GET", "/v1/schedules", 403, "No.")

        self.assertContains(self.client.get(INDEX), "abcdef01")

    def test_shows_failures_and_holds(self) -> None:
        self.answer(
            samples.backup(1, status="error", fail_reason="rbd: error opening image"),
            samples.backup(2, held=True, hold_reason="audit 2026"),
            samples.backup(3, volume_name=None),
            samples.backup(
                4, retention={"keep": False, "rule": "expired", "reason": "", "expires_at": None}
            ),
        )

        page = self.client.get(INDEX)

        for text in ("rbd: error opening image", "audit 2026", "on hold", "gone", "Goes soon"):
            self.assertContains(page, text)

    def test_markup_is_text(self) -> None:
        self.answer(
            samples.backup(
                name=MARKUP, volume_name=MARKUP, fail_reason=MARKUP, hold_reason=MARKUP, held=True
            )
        )

        page = self.client.get(INDEX)

        self.assertNotContains(page, "<img src=x")
        self.assertContains(page, ESCAPED)

    def test_filters_at_the_service(self) -> None:
        self.answer()

        self.client.get(
            INDEX,
            {
                "search": "web",
                "status": "error",
                "type": "full",
                "volume_id": VOLUME,
                "since": "2026-11-01",
                "until": "2026-11-02",
                "sort": "name:asc",
            },
        )

        query = self.query()
        del query["limit"], query["retention"]
        self.assertEqual(
            {
                "search": ["web"],
                "status": ["error"],
                "type": ["full"],
                "volume_id": [VOLUME],
                "since": ["2026-11-01T00:00:00Z"],
                "until": ["2026-11-03T00:00:00Z"],
                "sort": ["name:asc"],
            },
            query,
        )

    def test_tabs_keep_filters_and_begin_anew(self) -> None:
        self.answer(samples.backup())

        page = self.client.get(INDEX, {"search": "web", "marker": ID, "type": "full"})

        self.assertContains(page, 'href="?search=web&amp;type=incremental"')
        self.assertContains(page, '<li class="active"><a href="?search=web&amp;type=full"')

    @override_settings(API_RESULT_PAGE_SIZE=2)
    def test_pages_keep_filters(self) -> None:
        self.answer(*(samples.backup(number) for number in (1, 2, 3)))

        page = self.client.get(INDEX, {"type": "full"})

        self.assertNotContains(page, "backup-3")
        self.assertContains(page, f"type=full&amp;marker={samples.backup(2)['id']}")

    def test_wrong_filter_is_told(self) -> None:
        page = self.client.get(INDEX, {"since": "yesterday"})

        self.assertContains(page, "Enter a valid date.")
        self.assertNotContains(page, "There are no backups yet")
        self.assertEqual([], self.service.requests)

    def test_says_what_to_do_first(self) -> None:
        self.answer()

        self.assertContains(self.client.get(INDEX), "There are no backups yet")
        self.assertNotContains(self.client.get(INDEX, {"search": "x"}), "There are no backups yet")

    def test_failure_is_no_empty_list(self) -> None:
        self.service.refuse("GET", "/v1/backups", 503, "Down for a moment.")

        page = self.client.get(INDEX)

        self.assertContains(page, "Down for a moment.")
        self.assertNotContains(page, "There are no backups yet")


class TestDetail(Case):
    def test_shows_the_chain(self) -> None:
        self.answer_one(is_incremental=True, type="incremental", has_dependents=True)
        first, last = samples.identifier(50), samples.identifier(60)
        links = [
            samples.link(9, backup_id=samples.identifier(40)),
            samples.link(9, backup_id=first),
            samples.link(1, parent_id=first, depth=1, is_incremental=True, verified=False),
            samples.link(9, backup_id=last, parent_id=ID, depth=2, held=True),
            samples.link(9, backup_id=samples.identifier(70)),
        ]
        self.service.answer("GET", CHAIN, {"chain": samples.chain(*links)})

        page = self.client.get(DETAIL)

        self.assertContains(page, "it and the backup that it builds on")
        self.assertContains(page, "Others build on it.")
        self.assertContains(page, "Not verified", 1)
        self.assertContains(page, reverse(f"{NAMES}:detail", args=[first]))
        self.assertContains(page, reverse(f"{NAMES}:detail", args=[last]))
        for other in (40, 70):
            self.assertNotContains(page, samples.identifier(other))
        self.assertContains(page, 'aria-current="true"', 1)

    def test_long_chain_is_cut(self) -> None:
        links = [samples.link(0)]
        links += [
            samples.link(n, depth=n, parent_id=samples.link(n - 1)["backup_id"])
            for n in range(1, 301)
        ]
        self.answer_one()
        self.service.answer("GET", CHAIN, {"chain": samples.chain(*links)})

        page = self.client.get(DETAIL)

        self.assertContains(page, "201 after these")

    def test_tells_all_of_a_failure(self) -> None:
        self.answer_one(status="error", fail_reason=MARKUP * 5, name=MARKUP)
        self.service.refuse("GET", CHAIN, 404, "No such volume.")

        page = self.client.get(DETAIL)

        self.assertContains(page, ESCAPED * 5)
        self.assertNotContains(page, "<img src=x")
        self.assertContains(page, "No such volume.")

    def test_tells_what_a_restore_needs(self) -> None:
        self.service.answer("GET", CHAIN, {"chain": samples.chain(samples.link())})
        unknown = samples.link(depth=0, is_incremental=True, verified=False)

        self.answer_one()
        self.assertContains(self.client.get(DETAIL), "nothing else is needed")

        self.answer_one(status="error")
        self.assertContains(self.client.get(DETAIL), "It can't be restored in its status.")

        self.answer_one(is_incremental=True)
        self.service.answer("GET", CHAIN, {"chain": samples.chain(unknown)})
        self.assertContains(self.client.get(DETAIL), "not known what it builds on")

    def test_missing_one_leads_to_the_list(self) -> None:
        self.service.refuse("GET", ONE, 404, "No such backup.")

        page = self.client.get(DETAIL)

        self.assertRedirects(page, INDEX, fetch_redirect_response=False)


class Zone:
    def __init__(self, name: str) -> None:
        self.zoneName = self.name = name
        self.zoneState = {"available": True}


class TestRestore(Case):
    def setUp(self) -> None:
        super().setUp()
        self.answer_one()
        volumes = [
            samples.volume(1, name="web"),
            samples.volume(2, name="db", size_gb=20),
            samples.volume(3, name="small", size_gb=9),
            samples.volume(4, name=""),
        ]
        self.service.answer("GET", "/v1/volumes", {"volumes": volumes})
        for name, found in (
            ("availability_zone_list", [Zone("east")]),
            ("volume_type_list", [Zone("fast")]),
        ):
            patcher = mock.patch.object(forms.cinder, name, return_value=found)
            patcher.start()
            self.addCleanup(patcher.stop)

    def restore(self, **data: str) -> HttpResponse:
        return self.client.post(RESTORE, {"target": "new", **data})

    def test_offers_what_fits(self) -> None:
        page = self.client.get(RESTORE)

        for text in ("east", "fast", "web", "db"):
            self.assertContains(page, f"{text}")
        self.assertNotContains(page, "small")
        self.assertEqual(2, len(self.service.requests))

    def test_new_volume(self) -> None:
        self.start("/v1/restores")

        page = self.restore(name="again", availability_zone="east", volume_type="fast")

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        item = {
            "backup_id": ID,
            "name": "again",
            "availability_zone": "east",
            "volume_type": "fast",
        }
        sent = {"restore": {"items": [item]}}
        self.assertEqual([sent], self.service.asked("POST", "/v1/restores"))

    def test_new_volume_as_before(self) -> None:
        self.start("/v1/restores")

        self.restore()

        sent = {"restore": {"items": [{"backup_id": ID}]}}
        self.assertEqual([sent], self.service.asked("POST", "/v1/restores"))

    def test_existing_volume_is_named_twice(self) -> None:
        self.start("/v1/restores")

        page = self.restore(target="volume", volume=OTHER, confirmation="db", name="passed over")

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        sent = {"restore": {"items": [{"backup_id": ID, "target_volume_id": OTHER}]}}
        self.assertEqual([sent], self.service.asked("POST", "/v1/restores"))

    def test_volume_without_name_is_confirmed_by_its_id(self) -> None:
        self.start("/v1/restores")
        nameless = samples.identifier(4)

        self.restore(target="volume", volume=nameless, confirmation=nameless)

        self.assertEqual(1, len(self.service.asked("POST", "/v1/restores")))

    def test_nothing_is_overwritten_without_confirmation(self) -> None:
        for confirmation in ("", "web", "DB"):
            page = self.restore(target="volume", volume=OTHER, confirmation=confirmation)

            self.assertFormError(
                page.context["form"], "confirmation", "This is not the name of the volume."
            )
        self.assertEqual([], self.service.asked("POST", "/v1/restores"))

    def test_volume_has_to_be_chosen(self) -> None:
        page = self.restore(target="volume")

        self.assertFormError(page.context["form"], "volume", "Choose the volume to overwrite.")
        self.assertEqual([], self.service.asked("POST", "/v1/restores"))

    def test_errors_are_beside_their_fields(self) -> None:
        for field, place, data in (
            (
                "restore.items[0].target_volume_id",
                "volume",
                {"target": "volume", "volume": OTHER, "confirmation": "db"},
            ),
            ("items[0].volume_type", "volume_type", {}),
            ("restore.items[0].name", "name", {}),
            ("items[0].backup_id", None, {}),
        ):
            self.service.refuse("POST", "/v1/restores", 409, "Not like this.", field)

            page = self.restore(**data)

            errors = page.context["form"].errors
            self.assertIn("Not like this.", str(errors[place or "__all__"]))

    def test_works_without_cinder(self) -> None:
        self.start("/v1/restores")
        for name in ("availability_zone_list", "volume_type_list"):
            mock.patch.object(forms.cinder, name, side_effect=OSError("gone")).start()
        self.addCleanup(mock.patch.stopall)

        self.assertContains(self.client.get(RESTORE), "As the volume that was backed up", 2)
        self.assertRedirects(self.restore(name="again"), RUN, fetch_redirect_response=False)

    def test_dialogue_has_no_page_around(self) -> None:
        page = self.client.get(RESTORE, HTTP_X_REQUESTED_WITH="XMLHttpRequest")

        self.assertContains(page, "modal-dialog")
        self.assertNotContains(page, "<html")


class TestDelete(Case):
    def plan(self, *going: Any, **differences: Any) -> None:
        self.service.answer("POST", "/v1/deletions", {"plan": samples.plan(going, **differences)})

    def sent(self) -> Any:
        return self.service.asked("POST", "/v1/deletions")[-1]["deletion"]

    def test_action_leads_to_the_plan(self) -> None:
        page = self.act("delete", ID, OTHER)

        self.assertRedirects(page, f"{DELETE}?backups={ID},{OTHER}", fetch_redirect_response=False)
        self.assertEqual([], self.service.requests)

    def test_address_has_room_for_a_hundred(self) -> None:
        chosen = [samples.identifier(number) for number in range(101)]

        page = self.act("delete", *chosen[:100])
        self.assertIn(DELETE, page["Location"])
        self.assertLess(len(page["Location"]), 4000)

        page = self.act("delete", *chosen)
        self.assertRedirects(page, INDEX, fetch_redirect_response=False)
        self.assertIn("at most 100", self.said(page))

    def test_shows_what_goes(self) -> None:
        self.plan(samples.decision(), warnings=["Volume web is left without any good backup."])

        page = self.client.get(DELETE, {"backups": ID})

        self.assertEqual({"backup_ids": [ID], "cascade": False, "dry_run": True}, self.sent())
        self.assertContains(page, "1 backup goes (10 GiB).")
        self.assertContains(page, "is left without any good backup")
        self.assertContains(page, "Delete 1 Backup")
        self.assertContains(page, 'value="digest-of-the-plan"')

    def test_says_what_cant_go(self) -> None:
        self.plan(
            samples.decision(2),
            kept=[
                {**samples.decision(rule="needed", reason="x builds on it."), "remedy": "Cascade."},
                {
                    **samples.decision(3, rule="held", reason=f"On hold: {MARKUP}"),
                    "remedy": "…",
                },
            ],
        )

        page = self.client.get(DELETE, {"backups": ID})

        self.assertContains(page, "x builds on it.")
        self.assertContains(page, f"On hold: {ESCAPED}")
        self.assertContains(page, "Release it first")
        self.assertContains(page, f"?backups={ID}&amp;cascade=1")
        self.assertNotContains(page, "digest-of-the-plan")

    def test_deletes_what_was_seen(self) -> None:
        self.start("/v1/deletions")

        page = self.client.post(
            DELETE, {"backups": f"{ID},{OTHER}", "cascade": "1", "digest": "seen"}
        )

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        self.assertEqual(
            {"backup_ids": [ID, OTHER], "cascade": True, "digest": "seen"}, self.sent()
        )

    def test_shows_the_plan_again_when_it_changed(self) -> None:
        self.service.refuse("POST", "/v1/deletions", 409, "What would be deleted has changed.")

        page = self.client.post(DELETE, {"backups": ID, "cascade": "1", "digest": "old"})

        self.assertRedirects(
            page, f"{DELETE}?backups={ID}&cascade=1", fetch_redirect_response=False
        )
        self.assertIn("has changed", self.said(page))

    def test_nothing_goes_unseen(self) -> None:
        page = self.client.post(DELETE, {"backups": ID})

        self.assertRedirects(page, f"{DELETE}?backups={ID}", fetch_redirect_response=False)
        self.assertEqual([], self.service.requests)

    def test_many_are_cut(self) -> None:
        self.plan(*(samples.decision(number) for number in range(300)))

        page = self.client.get(DELETE, {"backups": ID})

        self.assertContains(page, "300 backups go")
        self.assertContains(page, "and 290 more")
        self.assertLess(page.content.count(b"<tr>"), 20)

    def test_none_chosen(self) -> None:
        page = self.client.get(DELETE)

        self.assertRedirects(page, INDEX, fetch_redirect_response=False)
        self.assertEqual([], self.service.requests)


class TestHold(Case):
    def test_holds_with_a_reason(self) -> None:
        self.answer_one()
        self.service.answer("PATCH", ONE, {"backup": samples.backup(held=True)})

        page = self.client.post(HOLD, {"reason": "audit 2026"})

        self.assertRedirects(page, INDEX, fetch_redirect_response=False)
        sent = {"backup": {"held": True, "hold_reason": "audit 2026"}}
        self.assertEqual([sent], self.service.asked("PATCH", ONE))

    def test_error_is_beside_the_reason(self) -> None:
        self.answer_one()
        self.service.refuse("PATCH", ONE, 400, "has control characters", "backup.hold_reason")

        page = self.client.post(HOLD, {"reason": "x"})

        self.assertFormError(page.context["form"], "reason", "has control characters")

    def test_releases_what_it_can(self) -> None:
        self.answer(samples.backup(held=True))
        self.service.answer("PATCH", ONE, {"backup": samples.backup()})
        self.service.refuse("PATCH", f"/v1/backups/{OTHER}", 404, "No such backup.")

        page = self.act("release", ID, OTHER)

        sent = {"backup": {"held": False, "hold_reason": None}}
        self.assertEqual([sent], self.service.asked("PATCH", ONE))
        self.assertIn("no longer on hold", self.said(page))
        self.assertIn("No such backup.", self.said(page))


DOCUMENT = {"format": "backup-manager/records", "version": 1, "records": []}


class TestRecords(AdminCase):
    def file(self, content: bytes = json.dumps(DOCUMENT).encode()) -> SimpleUploadedFile:
        return SimpleUploadedFile("records.json", content)

    def verdict(self, **differences: Any) -> dict[str, Any]:
        return {
            "backup_id": ID,
            "volume_id": VOLUME,
            "name": MARKUP,
            "type": "full",
            "parent_id": None,
            "size_gb": 10,
            "created_at": "2026-11-01T02:00:00Z",
            "result": "import",
            "reason": None,
            **differences,
        }

    def preview(self) -> HttpResponse:
        refused = self.verdict(result="refused", reason="it builds on backup x, which is refused")
        self.service.answer(
            "POST",
            "/v1/backups/import",
            {"records": [self.verdict(), refused], "warnings": ["The quota is too small."]},
        )
        return self.client.post(PREVIEW_IMPORT, {"document": self.file()})

    def test_administrators_see_the_actions(self) -> None:
        self.answer(samples.backup())

        page = self.client.get(INDEX)

        self.assertContains(page, "Export Record")
        self.assertContains(page, IMPORT)

    def test_exports_a_file(self) -> None:
        self.service.answer(
            "POST", "/v1/backups/export", {"document": DOCUMENT, "warnings": ["One is missing."]}
        )

        page = self.act("export", ID, OTHER)

        self.assertEqual(
            [{"export": {"backup_ids": [ID, OTHER]}}],
            self.service.asked("POST", "/v1/backups/export"),
        )
        self.assertEqual(DOCUMENT, json.loads(page.content))
        self.assertIn("attachment", page["Content-Disposition"])
        self.assertIn("One is missing.", self.said(page))

    def test_refused_export_is_told(self) -> None:
        self.service.refuse("POST", "/v1/backups/export", 409, "It is not available.")

        page = self.act("export", ID)

        self.assertIn("It is not available.", self.said(page))

    def test_preview_imports_nothing(self) -> None:
        page = self.preview()

        (sent,) = self.service.asked("POST", "/v1/backups/import")
        self.assertEqual({"document": DOCUMENT, "dry_run": True}, sent["import"])
        for text in ("Will be imported", "Refused", "which is refused", "The quota is too small."):
            self.assertContains(page, text)
        self.assertContains(page, ESCAPED, 2)

    def test_imports_what_was_seen(self) -> None:
        seen = self.preview().context["seen"]
        self.service.answer(
            "POST",
            "/v1/backups/import",
            {"records": [self.verdict()], "warnings": [], "run": samples.run(7)},
            status=202,
        )

        page = self.client.post(IMPORT, {"document": self.file(), "seen": seen})

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        sent = self.service.asked("POST", "/v1/backups/import")[-1]
        self.assertEqual({"document": DOCUMENT, "dry_run": False}, sent["import"])

    def test_imports_nothing_unseen(self) -> None:
        seen = self.preview().context["seen"]
        asked = len(self.service.requests)
        other = self.file(json.dumps({**DOCUMENT, "version": 2}).encode())

        for document, what in ((self.file(), ""), (other, seen)):
            page = self.client.post(IMPORT, {"document": document, "seen": what})

            self.assertContains(page, "Look at the preview first.")
        self.assertEqual(asked, len(self.service.requests))

    def test_takes_one_record_of_cinder(self) -> None:
        self.service.answer("POST", "/v1/backups/import", {"records": [], "warnings": []})

        self.client.post(PREVIEW_IMPORT, {"backup_service": "ceph", "backup_url": "abc="})

        (sent,) = self.service.asked("POST", "/v1/backups/import")
        record = {"backup_service": "ceph", "backup_url": "abc="}
        self.assertEqual({"record": record, "dry_run": True}, sent["import"])

    def test_what_is_no_file_of_records(self) -> None:
        for content in (b"\xff", b"[1]", b"{"):
            page = self.client.post(PREVIEW_IMPORT, {"document": self.file(content)})

            self.assertContains(page, "not a file that an export gave")
        self.assertEqual([], self.service.requests)

    def test_error_is_beside_the_file(self) -> None:
        seen = self.preview().context["seen"]
        self.service.refuse(
            "POST", "/v1/backups/import", 400, "does not fit the content", "document.checksum"
        )

        page = self.client.post(IMPORT, {"document": self.file(), "seen": seen})

        self.assertFormError(page.context["form"], "document", "does not fit the content")


class TestMember(Case):
    def test_sees_no_records(self) -> None:
        self.answer(samples.backup())

        page = self.client.get(INDEX)

        self.assertNotContains(page, "Export Record")
        self.assertNotContains(page, "Import Records")
        self.assertContains(page, "Delete Backups")


class TestReader(ReaderCase):
    def test_sees_no_actions(self) -> None:
        self.answer(samples.backup(), samples.backup(2, held=True))

        page = self.client.get(INDEX)

        for text in ("Restore Backup", "Put on Hold", "Release from Hold", "Delete", "Export"):
            self.assertNotContains(page, text)

    def test_forged_requests_are_refused(self) -> None:
        self.answer(samples.backup(held=True))
        self.answer_one()
        self.service.answer("GET", "/v1/volumes", {"volumes": []})
        for method, path in (
            ("POST", "/v1/restores"),
            ("POST", "/v1/deletions"),
            ("POST", "/v1/backups/export"),
            ("PATCH", ONE),
        ):
            self.service.refuse(method, path, 403, "You may not.")

        for page in (
            self.act("release", ID),
            self.act("export", ID),
            self.client.post(DELETE, {"backups": ID, "digest": "x"}),
        ):
            self.assertIn("You may not.", self.said(page))
        with mock.patch.object(forms, "cinder"):
            self.assertContains(self.client.post(RESTORE, {"target": "new"}), "You may not.")
        self.assertContains(self.client.post(HOLD, {}), "You may not.")

    def test_get_changes_nothing(self) -> None:
        self.answer(samples.backup(held=True))

        self.client.get(INDEX, {"table": "backups", "action": "release", "obj_id": ID})

        self.assertEqual({"GET"}, {method for method, _, _ in self.service.requests})
