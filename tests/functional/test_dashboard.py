"""The dashboard in a real browser: a real Horizon over the real service, Keystone and Cinder."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

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


# What opens a dialogue: a page, text of a row, and the action of it.
DIALOGUES = [
    ("volumes", "volume-0", "Protect"),
    ("volumes", "volume-0", "Set What to Keep"),
    ("backups", "volume-0", "Restore Backup"),
    ("backups", "volume-0", "Put on Hold"),
    ("schedules", "nightly", "Edit Schedule"),
    ("schedules", "nightly", "Manage Volumes"),
    ("schedules", "nightly", "Delete Schedule"),
]


def barriers_of(browser: Browser, panel: str, row: str, action: str) -> list[str]:
    """What bars the way in a dialogue, which is opened and left again."""
    browser.goto(f"/project/backup_manager_{panel}/")
    browser.act(row, action)
    with browser.modal() as dialog:
        found = browser.barriers(dialog)
        browser.type(Keys.ESCAPE)
        browser.until(lambda: not browser.shown(dialog), f"{action!r} to be closed")
    browser.until(lambda: row in browser.text("tr:focus-within"), "the focus to be back")
    return found


def test_dialogues(browser: Browser, tenant: Tenant) -> None:
    """Everybody can use them, and who leaves one with Escape is where he was."""
    volume_id = tenant.volumes(2)[0]
    tenant.client.create_schedule(
        "nightly", {"type": "daily", "time": "02:00"}, [volume_id], timezone="UTC"
    )
    tenant.finished(tenant.client.create_backup([volume_id]))
    browser.login(tenant.project.name)
    found = {action: barriers_of(browser, *where, action) for *where, action in DIALOGUES}
    assert found == {action: [] for _, _, action in DIALOGUES}


def next_step(browser: Browser, step: str) -> None:
    """Go on to a step of the dialogue, in whose first field one is then."""
    browser.tab_to("Next  »")
    browser.type(Keys.ENTER)
    first = f"#create_schedule__{step}:focus-within"
    browser.until(lambda: browser.shown(first), f"the first field of the step {step}")


def test_a_schedule_is_created_with_the_keyboard_alone(browser: Browser, tenant: Tenant) -> None:
    volume_ids = tenant.volumes(2)
    browser.login(tenant.project.name)
    browser.goto("/project/backup_manager_schedules/")
    browser.tab_to("Create Schedule")
    browser.type(Keys.ENTER)
    with browser.modal() as dialog:
        browser.until(lambda: browser.focused.get_attribute("id") == "id_name", "the first field")
        browser.type("nightly")
        barriers = browser.barriers(dialog)
        for step in ("volumes", "selector", "retention", "windows"):
            next_step(browser, step)
            if step == "volumes":
                browser.tab_to("+")
                browser.type(Keys.ENTER)
                browser.type(Keys.SPACE)
            barriers += browser.barriers(dialog)
        assert barriers == []
        browser.tab_to("Create Schedule")
        with browser.leaving():
            browser.type(Keys.ENTER)
    (schedule,) = tenant.client.schedules()
    assert (schedule.name, set(schedule.volume_ids)) == ("nightly", set(volume_ids))
