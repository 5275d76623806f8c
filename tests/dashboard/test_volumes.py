"""The pages about volumes."""

from __future__ import annotations

from django.urls import reverse

from tests.dashboard import helpers, samples

INDEX = reverse("horizon:project:backup_manager_volumes:index")


class TestList(helpers.TestCase):
    def test_shows_volumes(self) -> None:
        self.service.answer("GET", "/v1/volumes", {"volumes": [samples.volume(name="web")]})

        page = self.client.get(INDEX)

        self.assertContains(page, "web")
        self.assertContains(page, "can be backed up")
        self.assertEqual(1, len(self.service.requests))
