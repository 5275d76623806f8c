"""What a person does with the dashboard, in a real browser over the real thing."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from sandbox.client import Sandbox
from tests.functional.browser import Browser
from tests.functional.stack import Stack, Tenant, wait_for

pytestmark = pytest.mark.parametrize(
    # What the pages show does not depend on it.
    "database_kind",
    [pytest.param("sqlite", marks=pytest.mark.sqlite)],
    indirect=True,
    scope="session",
)

OVERVIEW = "/project/backup_manager_overview/"
VOLUMES = "/project/backup_manager_volumes/"
BACKUPS = "/project/backup_manager_backups/"
SCHEDULES = "/project/backup_manager_schedules/"
CLEANUP = "/project/backup_manager_cleanup/"
HISTORY = "/project/backup_manager_runs/"
STATUS = "/admin/backup_manager_status/"

DIALOG = "#modal_wrapper .modal.in"


def create_schedule(browser: Browser, name: str, *volumes: str, **fields: str) -> None:
    """Create a schedule in its dialogue, step by step."""
    browser.goto(SCHEDULES)
    browser.press("Create Schedule")
    with browser.modal() as dialog:
        browser.fill(name=name)
        browser.until(lambda: "UTC" in browser.text(f"{dialog} .bm-preview"), "the next runs")
        browser.press("Next  »", dialog)
        for volume in volumes:
            add_volume(browser, volume)
        browser.press("Next  »", dialog)
        browser.press("Next  »", dialog)
        browser.fill(**fields)
        kept = f"{dialog} fieldset.active .bm-preview"
        browser.until(lambda: "of each volume" in browser.text(kept), "what would be kept")
        browser.press("Next  »", dialog)
        with browser.leaving():
            browser.press("Create Schedule", dialog)


def add_volume(browser: Browser, name: str) -> None:
    """Move a volume from the left pane to the right one."""
    for member in browser.shown(f"{DIALOG} .available_members > ul"):
        if f"✓ {name}" in member.text:
            member.find_element("css selector", "a[href='#add_remove']").click()
            return
    raise AssertionError(f"{name} can't be added: {browser.text(DIALOG)}")


def run_from_the_list(browser: Browser, schedule: str) -> None:
    browser.goto(SCHEDULES)
    with browser.leaving():
        browser.act(schedule, "Run Now")


def watch(browser: Browser, status: str) -> None:
    """Look at the newest run until it has that status, without loading the page again."""
    browser.goto(HISTORY)
    browser.driver.execute_script("window.notReloaded = true")
    browser.until(lambda: status in str(browser.rows()[:1]), f"a run that is {status}")
    assert browser.driver.execute_script("return window.notReloaded")


def backups(tenant: Tenant, type_: str) -> list[Any]:
    return list(tenant.client.backups(type=type_))


def test_from_the_first_schedule_to_a_restored_volume(
    browser: Browser, tenant: Tenant, sandbox: Sandbox
) -> None:
    web, db, _ = tenant.volumes(3)
    browser.login(tenant.project.name)
    browser.goto(OVERVIEW)
    assert "No volume is protected yet" in browser.text()

    create_schedule(
        browser, "nightly", "volume-0", "volume-1", backup_type="incremental", keep="everything"
    )
    assert "nightly" in browser.row("every day at 02:00").text
    (schedule,) = tenant.client.schedules()
    assert sorted(schedule.volume_ids) == sorted([web, db])
    assert (schedule.backup_type, schedule.retention) == ("incremental", {})

    run_from_the_list(browser, "nightly")
    watch(browser, "Succeeded")
    sandbox.write_volume(web, b"changed since")
    run_from_the_list(browser, "nightly")
    watch(browser, "Succeeded")
    assert (len(backups(tenant, "full")), len(backups(tenant, "incremental"))) == (2, 2)

    browser.goto(OVERVIEW)
    cards = [card.text.split("\n")[:2] for card in browser.shown(".bm-card")]
    assert ["2", "protected volumes"] in cards
    assert ["1", "unprotected volumes"] in cards
    browser.find(f"a[href='{VOLUMES}?protection=unprotected']").click()
    browser.until(lambda: len(browser.rows()) == 1, "the unprotected volumes")
    assert "volume-2" in browser.rows()[0]

    increment = next(each for each in backups(tenant, "incremental") if each.volume_id == web)
    browser.goto(f"{BACKUPS}{increment.id}/")
    browser.press("Restore Backup")
    with browser.modal() as dialog, browser.leaving():
        browser.fill(name="restored")
        browser.press("Restore Backup", dialog)
    run = wait_for(lambda: next(tenant.client.runs(action="restore"), None), what="the restore")
    tenant.finished(run)
    (restored,) = tenant.connection.block_storage.volumes(name="restored")
    assert sandbox.checksum(restored.id) == sandbox.checksum(web)


def test_clean_up_does_what_was_shown(browser: Browser, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume,) = tenant.volumes(1)
    old = [tenant.finished(tenant.client.create_backup([volume])) for _ in range(2)]
    for run in old:
        (task,) = tenant.client.run_tasks(run)
        sandbox.age_backup(task.backup_id, 40)
    tenant.finished(tenant.client.create_backup([volume]))
    wait_for(lambda: tenant.client.preview_cleanup(max_age_days=30).count == 2, what="the new ages")

    browser.login(tenant.project.name)
    browser.goto(CLEANUP)
    browser.fill(days="30")
    browser.press("Show What Would Go")
    assert len(tenant.backups()) == 3, "a preview deletes nothing"
    assert "volume-0" in browser.text()
    with browser.leaving():
        browser.press("Delete 2 Backups")
    browser.until(lambda: "Succeeded" in browser.text(".label"), "the clean-up to succeed")
    assert len(tenant.backups()) == 1


def test_a_broken_delegation_is_repaired_from_the_overview(
    browser: Browser, tenant: Tenant, stack: Stack
) -> None:
    (volume,) = tenant.volumes(1)
    schedule = tenant.client.create_schedule(
        "nightly", {"type": "daily", "time": "02:00"}, [volume], timezone="UTC"
    )
    identity = tenant.connection.identity
    for trust in identity.trusts(trustor_user_id=tenant.project.user_id):
        identity.delete_trust(trust)
    stack.move("schedules.next_run_at", datetime.now(timezone.utc), id=schedule.id)
    wait_for(
        lambda: tenant.client.get_schedule(schedule.id).delegation["state"] == "broken",
        what="the run that finds no trust",
    )
    browser.login(tenant.project.name)
    browser.goto(OVERVIEW)
    assert "Schedule nightly makes no backups" in browser.text()
    browser.follow("Let It Act in My Name")
    assert "makes no backups" not in browser.text("#content_body")
    assert tenant.finished(tenant.client.run_schedule(schedule)).status == "succeeded"


def test_a_person_can_read_chinese(browser: Browser, tenant: Tenant) -> None:
    browser.login(tenant.project.name)
    browser.goto("/settings/")
    browser.fill(language="zh-hans")
    with browser.leaving():
        browser.find("input[type=submit].btn-primary, .btn-primary[type=submit]").click()
    browser.goto(SCHEDULES)
    assert browser.text("h1") == "备份计划"
    assert "创建" in browser.text("#schedules__action_create")


FORGED = """
    const [path, fields, done] = arguments;
    const body = new URLSearchParams(fields);
    body.append('csrfmiddlewaretoken', arguments[2]);
    const finish = arguments[arguments.length - 1];
    fetch(path, {method: 'POST', body, credentials: 'same-origin'})
        .then(answer => answer.text()).then(finish, error => finish(String(error)));"""


def forge(browser: Browser, path: str, token: str, **fields: str) -> str:
    """A request that no page offers, and what comes of it."""
    return str(browser.driver.execute_async_script(FORGED, path, fields, token))


def token_of(browser: Browser) -> str:
    cookie = browser.driver.get_cookie("csrftoken")
    assert cookie is not None
    return str(cookie["value"])


def forged_schedule(name: str, volume: str) -> dict[str, str]:
    return {
        "name": name,
        "kind": "daily",
        "time": "02:00",
        "timezone": "UTC",
        "volumes_role_member": volume,
        "default_volumes_role": "member",
        "backup_type": "full",
        "keep": "everything",
        "start_window": "60",
        "spread": "0",
    }


def test_only_a_form_of_horizon_changes_anything(browser: Browser, tenant: Tenant) -> None:
    (volume,) = tenant.volumes(1)
    browser.login(tenant.project.name)
    browser.goto(SCHEDULES)
    token = token_of(browser)

    forge(browser, f"{SCHEDULES}create/", "x" * len(token), **forged_schedule("foreign", volume))
    assert list(tenant.client.schedules()) == []
    forge(browser, f"{SCHEDULES}create/", token, **forged_schedule("own", volume))
    assert [each.name for each in tenant.client.schedules()] == ["own"]
    # Horizon sends who has no token to its login, which is an error to the browser's console.
    browser.complaints()


def test_a_reader_only_looks(browser: Browser, tenant: Tenant, sandbox: Sandbox) -> None:
    (volume,) = tenant.volumes(1)
    schedule = tenant.client.create_schedule(
        "nightly", {"type": "daily", "time": "02:00"}, [volume], timezone="UTC"
    )
    reader = sandbox.add_user(tenant.project, "reader")
    browser.login(reader.auth["username"], reader.auth["password"])
    for path in (SCHEDULES, VOLUMES, BACKUPS, HISTORY, CLEANUP, OVERVIEW):
        browser.goto(path)
        buttons = browser.shown("#content_body button, #content_body .btn-primary")
        offered = [each.text for each in buttons if each.text not in ("", "Filter", "Show all")]
        assert offered == [], path

    browser.goto(SCHEDULES)
    token = token_of(browser)
    forge(browser, SCHEDULES, token, action=f"schedules__delete__{schedule.id}")
    forge(browser, SCHEDULES, token, action="schedules__delete", object_ids=schedule.id)
    page = forge(browser, f"{SCHEDULES}create/", token, **forged_schedule("forged", volume))
    assert "schedule:create" in page
    assert [each.name for each in tenant.client.schedules()] == ["nightly"]


def test_an_administrator_sees_the_service_and_all_projects(
    browser: Browser, tenant: Tenant
) -> None:
    (volume,) = tenant.volumes(1)
    tenant.finished(tenant.client.create_backup([volume]))
    browser.login("admin")
    browser.goto(STATUS)
    text = browser.text()
    for heading in ("Health", "Engines", "Limits"):
        assert heading in text
    assert browser.barriers() == []
    browser.follow("Projects", "#content_body")
    while tenant.project.name not in str(browser.rows()):
        browser.follow("Next »", "#content_body")
    assert "1 GiB" in browser.row(tenant.project.name).text


MARKUP = '<img src=x onerror="window.owned = true">{{ 7*7 }}'


def test_markup_is_shown_as_text(browser: Browser, tenant: Tenant, sandbox: Sandbox) -> None:
    volume = sandbox.create_volume(tenant.connection, MARKUP)
    tenant.client.create_schedule(
        MARKUP,
        {"type": "daily", "time": "02:00"},
        [volume.id],
        description=MARKUP,
        timezone="UTC",
    )
    run = tenant.finished(tenant.client.create_backup([volume.id], name=MARKUP, description=MARKUP))
    (task,) = tenant.client.run_tasks(run)
    with sandbox.fault("backup", error=MARKUP, volume_id=volume.id):
        failed = tenant.finished(tenant.client.create_backup([volume.id]))
    assert failed.status == "failed"
    (schedule,) = tenant.client.schedules()
    browser.login(tenant.project.name)
    for path in (
        OVERVIEW,
        VOLUMES,
        f"{VOLUMES}{volume.id}/",
        f"{VOLUMES}{volume.id}/restore/",
        BACKUPS,
        f"{BACKUPS}{task.backup_id}/",
        f"{BACKUPS}{task.backup_id}/restore/",
        SCHEDULES,
        f"{SCHEDULES}{schedule.id}/",
        f"{SCHEDULES}{schedule.id}/edit/",
        f"{SCHEDULES}{schedule.id}/volumes/",
        f"{BACKUPS}delete/?backups={task.backup_id}",
        f"{CLEANUP}?volume={volume.id}",
        HISTORY,
        f"{HISTORY}tasks/",
        f"{HISTORY}{run.id}/",
        f"{HISTORY}{failed.id}/",
    ):
        browser.goto(path)
        assert not browser.driver.execute_script("return window.owned"), path
        assert browser.driver.find_elements("css selector", "img[src=x]") == [], path
        assert "49" not in browser.driver.title, path
        if path in (OVERVIEW, BACKUPS, HISTORY, f"{HISTORY}{failed.id}/"):
            # Horizon itself writes {{ as {% for AngularJS.
            assert "<img src=x onerror=" in browser.text(), path
    # A dialogue that names what it is about.
    browser.goto(SCHEDULES)
    for box in browser.shown("tbody input[type=checkbox], tbody .themable-checkbox label"):
        browser.driver.execute_script("arguments[0].click()", box)
        break
    browser.press("Delete Schedules")
    with browser.modal() as dialog:
        assert MARKUP in browser.text(dialog)
        assert browser.driver.find_elements("css selector", "img[src=x]") == []
    browser.forget()
    browser.login("admin")
    browser.goto(STATUS)
    assert "<img src=x onerror=" in browser.text()
    assert browser.driver.find_elements("css selector", "img[src=x]") == []
