"""Pages that follow a run while it goes on, and stop asking when it is over."""

from __future__ import annotations

import pytest

from sandbox.client import Sandbox
from tests.functional.browser import Browser
from tests.functional.stack import Tenant

pytestmark = pytest.mark.parametrize(
    # What the pages show does not depend on it.
    "database_kind",
    [pytest.param("sqlite", marks=pytest.mark.sqlite)],
    indirect=True,
    scope="session",
)

HISTORY = "/project/backup_manager_runs/"

# Counts what a page fetches by itself.
_COUNT = """
    const fetch = window.fetch;
    window.fetched = 0;
    window.fetch = function () { window.fetched += 1; return fetch.apply(this, arguments); };"""
_LATER = "const done = arguments[0]; setTimeout(() => done(window.fetched), 6000);"
_LIVE = "return document.querySelector('[data-bm-live]').dataset.bmLive"
_FOCUS = "document.querySelector('#tasks tbody a').focus()"
_FOCUSED = "return document.activeElement.getAttribute('href')"


def test_page_of_a_run(browser: Browser, tenant: Tenant, sandbox: Sandbox) -> None:
    volume_id = tenant.volumes(1)[0]
    browser.login(tenant.project.name)
    with sandbox.fault("backup", delay=300, volume_id=volume_id):
        run = tenant.client.create_backup([volume_id])
        sandbox.wait_until_held(volume_id)
        browser.goto(f"{HISTORY}{run.id}/")
        browser.driver.execute_script(_COUNT)
        browser.driver.execute_script(_FOCUS)
        assert "0 of 1 done" in browser.text("[data-bm-live-note]")
        browser.until(
            lambda: browser.driver.execute_script("return window.fetched") > 1, "looking again"
        )
        assert browser.driver.execute_script(_FOCUSED).endswith(f"/{volume_id}/")
    tenant.finished(run)
    browser.until(lambda: browser.driver.execute_script(_LIVE) == "0", "the end of the run")
    assert "1 of 1 done" in browser.text("[data-bm-live]")
    assert "Nothing of this runs any more." in browser.text("[data-bm-live-note]")
    fetched = browser.driver.execute_script("return window.fetched")
    assert browser.driver.execute_async_script(_LATER) == fetched


def test_history(browser: Browser, tenant: Tenant, sandbox: Sandbox) -> None:
    volume_id = tenant.volumes(1)[0]
    browser.login(tenant.project.name)
    with sandbox.fault("backup", delay=300, volume_id=volume_id):
        run = tenant.client.create_backup([volume_id])
        sandbox.wait_until_held(volume_id)
        browser.goto(HISTORY)
        browser.until(lambda: "Running" in browser.text("#runs"), "the run that goes on")
        assert "1 running" in browser.text("[data-bm-live-note]")
    tenant.finished(run)
    browser.until(lambda: "Succeeded" in browser.text("#runs"), "the end of the run")
    browser.until(lambda: browser.driver.execute_script(_LIVE) == "0", "nothing to wait for")
