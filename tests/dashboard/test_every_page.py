"""What holds for each page of the dashboard, whoever adds one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import requests
from django.test import Client
from django.urls import URLPattern, reverse

from tests.dashboard import helpers, samples

# The panels, by the dashboard of Horizon that they stand in.
PANELS = {
    "project": ("overview", "volumes", "backups", "schedules", "cleanup", "runs"),
    "admin": ("status",),
}


def addresses() -> Iterator[str]:
    """The address of each page."""
    for dashboard, panels in PANELS.items():
        for panel in panels:
            urls = import_module(f"backup_manager_dashboard.{dashboard}.{panel}.urls")
            for pattern in urls.urlpatterns:
                yield address(f"horizon:{dashboard}:backup_manager_{panel}", pattern)


def address(names: str, pattern: URLPattern) -> str:
    identifiers = {name: uuid.UUID(int=1) for name in pattern.pattern.converters}
    return str(reverse(f"{names}:{pattern.name}", kwargs=identifiers))


class Refusing(helpers.Service):
    """Refuses everything, as does Keystone then."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        self.requests.append((str(request.method), str(request.url), None))
        error = {"code": self.status, "message": "It can't be done <b>now</b>."}
        return helpers.response(request, self.status, {"error": error})


class Silent(helpers.Service):
    """Does not answer at all."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        self.requests.append((str(request.method), str(request.url), None))
        raise requests.ConnectionError("refused")


class EveryPage(helpers.TestCase):
    role_names = ("admin", "member", "reader")


class TestTrouble(EveryPage):
    """A service in trouble is told of on the page, which is there all the same."""

    def look(self, service: helpers.Service) -> None:
        self.service = service
        for path in addresses():
            with self.subTest(path):
                answer = self.client.get(path)
                self.assertIn(answer.status_code, (200, 302, 405))
                self.assertNotIn(b"<b>now</b>", answer.content)
        self.assertTrue(service.requests)
        self.assertEqual({"GET"}, {method for method, _, _ in service.requests})

    def test_fault(self) -> None:
        self.look(Refusing(500))

    def test_overload(self) -> None:
        self.look(Refusing(503))

    def test_refusal(self) -> None:
        self.look(Refusing(403))

    def test_nothing_is_there(self) -> None:
        self.look(Refusing(404))

    def test_no_answer(self) -> None:
        self.look(Silent())


class TestSession(EveryPage):
    def test_whose_token_is_not_good_any_more_logs_in_again(self) -> None:
        self.service = Refusing(401)

        answer = self.client.get(reverse("horizon:project:backup_manager_volumes:index"))

        self.assertEqual(302, answer.status_code)
        self.assertIn("/auth/login", answer["Location"])


class TestForgery(EveryPage):
    """What does not come from a form of Horizon changes nothing, on no page."""

    def test_is_refused(self) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = self.client.cookies
        for path in addresses():
            with self.subTest(path):
                answer = strict.post(path, {"action": f"schedules__delete__{samples.PROJECT}"})
                self.assertEqual(403, answer.status_code)
                self.assertContains(answer, "CSRF", status_code=403)
        self.assertEqual([], self.service.requests)


class TestWithoutTheService(helpers.TestCase):
    def _setup_test_data(self) -> None:
        super()._setup_test_data()
        self.service_catalog.pop()

    def test_the_panels_are_hidden(self) -> None:
        home = self.client.get(reverse("horizon:project:api_access:index"))

        self.assertNotContains(home, "backup_manager_")
        for path in addresses():
            with self.subTest(path):
                answer = self.client.get(path)
                self.assertNotEqual(200, answer.status_code)
        self.assertEqual([], self.service.requests)
