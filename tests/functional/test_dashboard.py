"""The dashboard in a real browser: a real Horizon over the real service, Keystone and Cinder."""

from __future__ import annotations

import pytest

from tests.functional.browser import Browser
from tests.functional.conftest import DASHBOARD_VENV, OLDEST_DASHBOARD_VENV
from tests.functional.stack import Tenant

pytestmark = pytest.mark.parametrize(
    # What the pages show does not depend on it.
    "database_kind",
    [pytest.param("sqlite", marks=pytest.mark.sqlite)],
    indirect=True,
    scope="session",
)

# The pages in the menu, with what they are headed.
PAGES = {
    "/project/backup_manager_overview/": "Overview",
    "/project/backup_manager_volumes/": "Volumes",
    "/project/backup_manager_backups/": "Backups",
    "/project/backup_manager_schedules/": "Schedules",
    "/project/backup_manager_cleanup/": "Clean-up",
    "/project/backup_manager_runs/": "History",
}
ADMINISTRATORS_PAGES = {
    "/admin/backup_manager_status/": "Backup Manager",
}


@pytest.mark.parametrize(
    "horizon",
    [DASHBOARD_VENV, OLDEST_DASHBOARD_VENV],
    ids=["newest", "oldest"],
    indirect=True,
    scope="session",
)
def test_pages(browser: Browser, tenant: Tenant) -> None:
    volume_id = tenant.volumes(2)[0]
    tenant.client.create_schedule(
        "nightly", {"type": "daily", "time": "02:00"}, [volume_id], timezone="UTC"
    )
    tenant.finished(tenant.client.create_backup([volume_id]))
    for user, pages in ((tenant.project.name, PAGES), ("admin", ADMINISTRATORS_PAGES)):
        browser.login(user)
        found = {}
        for path in pages:
            browser.goto(path)
            trouble = [*browser.barriers(), *browser.messages(), *browser.complaints()]
            found[path] = (browser.text("#content_body h1"), trouble)
        assert found == {path: (title, []) for path, title in pages.items()}
        browser.forget()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_login_leads_to_the_overview(language: str, browser: Browser, tenant: Tenant) -> None:
    browser.login(tenant.project.name, language=language)
    assert browser.path == "/project/backup_manager_overview/"
    menu = browser.text("#sidebar")
    assert ("计划" if language == "zh-hans" else "Schedules") in menu
