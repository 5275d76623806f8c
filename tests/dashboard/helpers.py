"""What the tests of the pages share: Horizon's own helpers, and a service that answers by HTTP."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import requests
from openstack_dashboard.test import helpers

URL = "http://backup.example"


class Service:
    """Answers in place of the service, and remembers what it was asked.

    The real SDK talks to it: what is replaced is the sending of a request, not one call of ours.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self._answers: dict[tuple[str, str], tuple[int, Any]] = {}

    def answer(self, method: str, path: str, body: Any = None, status: int = 200) -> None:
        """What to answer to requests for a path (without its query)."""
        self._answers[method, path] = (status, body)

    def refuse(
        self, method: str, path: str, status: int, message: str, field: str | None = None
    ) -> None:
        """Answer with the service's error body."""
        error = {"code": status, "message": message, "field": field, "request_id": "req-1"}
        self.answer(method, path, {"error": error}, status)

    def asked(self, method: str, path: str) -> list[Any]:
        """The bodies, or the queries of a GET, of the requests for a path."""
        return [what for how, where, what in self.requests if (how, where) == (method, path)]

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        assert request.url is not None and request.url.startswith(URL), request.url
        path, _, query = request.url[len(URL) :].partition("?")
        asked = json.loads(request.body) if request.body else query
        self.requests.append((str(request.method), path, asked))
        assert (request.method, path) in self._answers, f"unexpected: {request.method} {path}"
        return response(request, *self._answers[request.method, path])


def response(request: requests.PreparedRequest, status: int, body: Any) -> requests.Response:
    """What requests returns for an answer."""
    made = requests.Response()
    made.status_code, made.request, made.url = status, request, str(request.url)
    made.headers["Content-Type"] = "application/json"
    made._content = b"" if body is None else json.dumps(body).encode()
    return made


class TestCase(helpers.TestCase):
    """A user whose catalog has the service.

    :cvar role_names: the names of his roles in the project
    """

    role_names = ("member", "reader")

    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        patcher = mock.patch(
            "requests.Session.send", lambda _, *args, **kw: self.service.send(*args, **kw)
        )
        patcher.start()
        self.addCleanup(patcher.stop)
        self.setActiveUser(
            id=self.user.id,
            token=self.token,
            username=self.user.name,
            domain_id=self.domain.id,
            user_domain_name=self.domain.name,
            tenant_id=self.tenant.id,
            tenant_name=self.tenant.name,
            service_catalog=self.service_catalog,
            authorized_tenants=self.tenants.list(),
            roles=[{"id": name, "name": name} for name in self.role_names],
        )

    def _setup_test_data(self) -> None:
        super()._setup_test_data()
        endpoints = [
            {
                "region": region,
                "region_id": region,
                "interface": name,
                "id": name,
                "url": URL,
            }
            for region in ("RegionOne", "RegionTwo")
            for name in ("public", "internal", "admin")
        ]
        self.service_catalog.append(
            {
                "type": "backup-manager",
                "name": "backup-manager",
                "endpoints_links": [],
                "endpoints": endpoints,
            }
        )
