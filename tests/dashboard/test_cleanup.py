"""The page that cleans up."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.urls import reverse

from tests.dashboard import helpers, samples

INDEX = reverse("horizon:project:backup_manager_cleanup:index")
ID = samples.identifier(1)
OTHER = samples.identifier(2)
GONE = samples.identifier(9)
RUN = reverse("horizon:project:backup_manager_runs:detail", args=[samples.identifier(7)])
MARKUP = '<img src=x onerror="alert(1)">{{ 7*7 }}'
ESCAPED = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;{{ 7*7 }}"


def rows(*chosen: tuple[str, str]) -> dict[str, str]:
    """What the rows of the form send."""
    data = {"form-TOTAL_FORMS": str(len(chosen)), "form-INITIAL_FORMS": "0"}
    for number, (volume_id, days) in enumerate(chosen):
        data[f"form-{number}-volume"], data[f"form-{number}-days"] = volume_id, days
    return data


class Case(helpers.TestCase):
    def setUp(self) -> None:
        super().setUp()
        volumes = [samples.volume(1, name=MARKUP), samples.volume(2, name="web")]
        self.service.answer("GET", "/v1/volumes", {"volumes": volumes})

    def plan(self, *going: Any, **differences: Any) -> None:
        self.service.answer("POST", "/v1/cleanups", {"plan": samples.plan(going, **differences)})

    def send(self, do: str, **data: str) -> HttpResponse:
        return self.client.post(INDEX, {"do": do, **data})

    def sent(self) -> list[Any]:
        return [each["cleanup"] for each in self.service.asked("POST", "/v1/cleanups")]


class TestAllVolumes(Case):
    def test_asks_nothing_by_itself(self) -> None:
        self.assertContains(self.client.get(INDEX), "Show What Would Go")
        self.assertEqual([], self.service.requests)

    def test_shows_what_would_go(self) -> None:
        going = [
            samples.decision(1, rule="expired", volume_name=MARKUP),
            samples.decision(2, rule="expired", volume_name=MARKUP),
            samples.decision(3, rule="expired", volume_id=OTHER, volume_name="web"),
        ]
        kept = [
            samples.decision(4, rule="max_age_days", volume_name=MARKUP),
            samples.decision(5, rule="last_good", volume_id=GONE, volume_name=None),
        ]
        self.plan(*going, kept=kept, warnings=[f"Volume {MARKUP} is left without any good backup."])

        page = self.send("preview", days="30")

        self.assertEqual(
            [{"max_age_days": 30, "include_last": False, "dry_run": True}], self.sent()
        )
        self.assertContains(page, "3 backups go (30 GiB).")
        self.assertContains(page, "2 backups go (20 GiB).")
        self.assertContains(page, f"Volume {ESCAPED} is left without any good backup.")
        self.assertContains(page, "1: The last good backup of the volume.")
        self.assertContains(page, "To let it go as well")
        self.assertContains(page, "Delete 3 Backups")
        self.assertNotContains(page, "<img src=x")

    def test_deletes_what_was_seen(self) -> None:
        self.service.answer("POST", "/v1/cleanups", {"run": samples.run(7)}, status=202)

        page = self.send("confirm", days="30", include_last="True", digest="seen")

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        self.assertEqual(
            [{"max_age_days": 30, "include_last": True, "digest": "seen"}], self.sent()
        )

    def test_confirmation_brings_what_was_asked(self) -> None:
        self.plan(samples.decision())

        page = self.send("preview", days="7", include_last="on")

        for name, value in (
            ("days", "7"),
            ("include_last", "True"),
            ("digest", "digest-of-the-plan"),
            ("do", "confirm"),
        ):
            self.assertContains(page, f'<input type="hidden" name="{name}" value="{value}"')

    def test_shows_a_plan_when_it_changed(self) -> None:
        self.service.refuse("POST", "/v1/cleanups", 409, "What would be deleted has changed.")

        page = self.send("confirm", days="30", digest="old")

        said = [str(message) for message in get_messages(page.wsgi_request)]
        self.assertIn("has changed", " ".join(said) + page.content.decode())
        self.assertEqual([False, True], ["dry_run" in each for each in self.sent()])

    def test_nothing_goes_unseen(self) -> None:
        self.plan(samples.decision())

        self.send("confirm", days="30")

        self.assertEqual([True], [each["dry_run"] for each in self.sent()])

    def test_nothing_to_delete(self) -> None:
        self.plan(kept=[samples.decision(rule="held")])

        page = self.send("preview", days="30")

        self.assertContains(page, "Nothing would go")
        self.assertContains(page, "1: On hold.")
        self.assertNotContains(page, "digest-of-the-plan")

    def test_errors_are_beside_the_days(self) -> None:
        page = self.send("preview", days="0")
        self.assertIn("days", page.context["form"].errors)
        self.assertEqual([], self.service.requests)

        self.service.refuse("POST", "/v1/cleanups", 400, "at most 365", "cleanup.max_age_days")
        page = self.send("preview", days="400")
        self.assertFormError(page.context["form"], "days", "at most 365")

    def test_thousands_of_backups_make_a_short_page(self) -> None:
        going = [
            samples.decision(number, rule="expired", volume_id=samples.identifier(number % 100))
            for number in range(5000)
        ]
        kept = [samples.decision(number, rule="max_age_days") for number in range(5000)]
        self.plan(*going, kept=kept)

        page = self.send("preview", days="30")

        self.assertContains(page, "5000 backups go")
        self.assertContains(page, "and 40 more")
        self.assertContains(page, "and backups of 50 more volumes")
        self.assertContains(page, "5000: Younger than the age limit.")
        self.assertLess(len(page.content), 500_000)


class TestSomeVolumes(Case):
    def test_offers_volumes(self) -> None:
        page = self.client.get(INDEX, {"volume": [OTHER, GONE]})

        first, second, _ = page.context["form"].volumes
        self.assertEqual({"volume": OTHER, "days": 30}, first.initial)
        self.assertEqual({"volume": GONE, "days": 30}, second.initial)
        self.assertContains(page, ESCAPED)
        self.assertEqual(1, len(self.service.requests))

    def test_adds_rows_and_keeps_what_was_chosen(self) -> None:
        page = self.send("add", **rows((OTHER, "7"), ("", "")))

        self.assertEqual(5, len(page.context["form"].volumes.forms))
        self.assertContains(page, f'<option value="{OTHER}" selected>web</option>', html=True)
        self.assertEqual([], self.sent())

    def test_each_volume_has_its_days(self) -> None:
        self.plan(samples.decision())

        page = self.send("preview", **rows((ID, "7"), ("", ""), (OTHER, "30")))

        policies = [
            {"volume_id": ID, "max_age_days": 7},
            {"volume_id": OTHER, "max_age_days": 30},
        ]
        self.assertEqual(
            [{"volume_policies": policies, "include_last": False, "dry_run": True}], self.sent()
        )
        for name, value in (("form-2-volume", OTHER), ("form-2-days", "30")):
            self.assertContains(page, f'<input type="hidden" name="{name}" value="{value}"')

    def test_deletes_what_was_seen(self) -> None:
        self.service.answer("POST", "/v1/cleanups", {"run": samples.run(7)}, status=202)

        page = self.send("confirm", digest="seen", **rows((GONE, "7")))

        self.assertRedirects(page, RUN, fetch_redirect_response=False)
        policies = [{"volume_id": GONE, "max_age_days": 7}]
        self.assertEqual(
            [{"volume_policies": policies, "include_last": False, "digest": "seen"}], self.sent()
        )

    def test_what_is_wrong_is_beside_its_row(self) -> None:
        for chosen, text in (
            ([("", "")], "Choose at least one volume."),
            ([(ID, "")], "This field is required."),
            ([("", "3")], "This field is required."),
            ([(ID, "3"), (ID, "4")], "This volume is chosen twice."),
        ):
            self.assertContains(self.send("preview", **rows(*chosen)), text)
        self.assertEqual([], self.sent())

    def test_errors_of_the_service_are_beside_their_row(self) -> None:
        self.service.refuse(
            "POST", "/v1/cleanups", 400, "at most 365", "cleanup.volume_policies[1].max_age_days"
        )

        page = self.send("preview", **rows((ID, "7"), ("", ""), (OTHER, "400")))

        row = page.context["form"].volumes.forms[2]
        self.assertFormError(row, "days", "at most 365")

    def test_nonsense_is_no_failure(self) -> None:
        for total in ("x", "-1", "99999"):
            data = {**rows((ID, "7")), "form-TOTAL_FORMS": total}
            for do in ("add", "preview"):
                self.assertEqual(200, self.send(do, **data).status_code)


class TestReader(Case):
    role_names = ("reader",)

    def test_sees_no_form(self) -> None:
        page = self.client.get(INDEX)

        self.assertContains(page, "do not allow you")
        self.assertNotContains(page, "Show What Would Go")

    def test_forged_request_is_refused(self) -> None:
        self.service.refuse("POST", "/v1/cleanups", 403, "You may not.")

        page = self.send("confirm", days="30", digest="x")

        self.assertContains(page, "You may not.")
