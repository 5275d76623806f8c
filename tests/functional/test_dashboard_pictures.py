"""How the pages look: nothing is pushed off the screen, in both languages and at usual widths, and
nothing keeps anybody from using them.

With ``BACKUP_MANAGER_SCREENSHOTS`` set to a directory, pictures of all pages are left there;
``tools/screenshots.sh`` makes those of the documents so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sandbox.client import Sandbox
from tests.functional.browser import Browser
from tests.functional.stack import Tenant, wait_for

pytestmark = pytest.mark.parametrize(
    # What the pages show does not depend on it.
    "database_kind",
    [pytest.param("sqlite", marks=pytest.mark.sqlite)],
    indirect=True,
    scope="session",
)

WIDTHS = (1280, 1920)
LONG = "一个很长的名字_a_name_that_never_ends_" * 5
PANELS = ("overview", "volumes", "backups", "schedules", "cleanup", "runs")
ADMINISTRATORS = {
    "status": "/admin/backup_manager_status/",
    "projects": "/admin/backup_manager_status/projects/",
    "import": "/project/backup_manager_backups/import/",
}
# What is wider than the window, but for what scrolls or is cut by itself.
_TOO_WIDE = """
    return Array.from(document.querySelectorAll('#content_body *'))
        .filter(each => each.getBoundingClientRect().right > window.innerWidth + 1)
        .filter(each => !each.closest('td.bm-name, .bm-scroll, .sr-only, .modal'))
        .map(each => each.outerHTML.slice(0, 200));"""


def look(browser: Browser, name: str, path: str) -> list[str]:
    """What does not fit on a page, or bars the way; leaves a picture of it for each width."""
    found: list[str] = []
    browser.goto(path)
    for width in WIDTHS:
        browser.resize(width)
        browser.settle()
        browser.screenshot(f"{name}-{width}")
        found += browser.driver.execute_script(_TOO_WIDE)
    return found + browser.barriers()


def pages(of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and paths of all pages about a project.

    :param of: ids of a ``volume``, a ``backup``, a ``schedule`` and a ``run``
    """
    for panel in PANELS:
        yield panel, f"/project/backup_manager_{panel}/"
    yield "tasks", "/project/backup_manager_runs/tasks/"
    for panel, name in (
        ("volumes", "volume"),
        ("backups", "backup"),
        ("schedules", "schedule"),
        ("runs", "run"),
    ):
        yield name, f"/project/backup_manager_{panel}/{of[name]}/"
    yield "restore", f"/project/backup_manager_backups/{of['backup']}/restore/"
    yield "point-in-time", f"/project/backup_manager_volumes/{of['volume']}/restore/"
    yield "edit-schedule", f"/project/backup_manager_schedules/{of['schedule']}/edit/"
    yield "delete", f"/project/backup_manager_backups/delete/?backups={of['backup']}"


def fill(tenant: Tenant, sandbox: Sandbox, last: str) -> dict[str, str]:
    """A project with something of everything: chains, a failure, and two things called so."""
    names = ("web-data", "db-data", last)
    storage = tenant.connection
    volumes = [sandbox.create_volume(storage, name, data=b"data").id for name in names]
    schedule = tenant.client.create_schedule(
        "nightly",
        {"type": "weekly", "time": "02:00", "weekdays": [1, 3, 5]},
        volumes[:2],
        timezone="Asia/Shanghai",
        backup_type="incremental",
        retention={"max_age_days": 30, "keep_monthly": 12},
    )
    tenant.client.create_schedule(
        last, {"type": "daily", "time": "03:00"}, volumes, timezone="Europe/Berlin"
    )
    for _ in range(2):
        tenant.finished(tenant.client.run_schedule(schedule))
    error = f"rbd: error opening image {last}"
    with sandbox.fault("backup", error=error, volume_id=volumes[2]):
        failed = tenant.finished(tenant.client.create_backup(volumes[2:]))
    assert failed.status == "failed"
    increments = tenant.client.backups(type="incremental", volume_id=volumes[0])
    return {
        "volume": volumes[0],
        "backup": next(increments).id,
        "schedule": schedule.id,
        "run": failed.id,
    }


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_everything_fits(language: str, browser: Browser, tenant: Tenant, sandbox: Sandbox) -> None:
    of = fill(tenant, sandbox, LONG)
    browser.login(tenant.project.name, language=language)
    found = {name: look(browser, f"{name}-{language}", path) for name, path in pages(of)}
    assert {name: wide for name, wide in found.items() if wide} == {}
    browser.forget()
    browser.login("admin", language=language)
    for name, path in ADMINISTRATORS.items():
        assert look(browser, f"{name}-{language}", path) == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_empty_project_is_told_what_to_do(
    language: str, browser: Browser, tenant: Tenant
) -> None:
    browser.login(tenant.project.name, language=language)
    for panel in PANELS:
        path = f"/project/backup_manager_{panel}/"
        assert look(browser, f"{panel}-empty-{language}", path) == []
    browser.goto("/project/backup_manager_overview/")
    wait_for(lambda: browser.shown(".bm-empty a.btn-primary"), what="a button to begin with")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pictures_of_the_documents(
    language: str, browser: Browser, tenant: Tenant, sandbox: Sandbox
) -> None:
    paths = dict(pages(fill(tenant, sandbox, "mail-data")))
    browser.login(tenant.project.name, language=language)
    for name in ("overview", "schedules", "backup", "runs"):
        browser.goto(paths[name])
        browser.screenshot(f"document-{name}-{language}")
        assert "mail-data" in browser.text() or name == "backup"
