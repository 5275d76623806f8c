"""A real browser in front of Horizon, and what a person does with it."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common import exceptions
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")

_persons = itertools.count(1)

# Machines can be slow; whoever waits that long has found a fault.
PATIENCE = 60
_POLL = 0.05
# No dialog has so many things to go to.
_MOST_TABS = 60

_FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage
    --disable-background-networking --disable-component-update --disable-sync --no-first-run
    --hide-scrollbars"""

# What is Horizon's own and not for us to change: the button that opens the menu of a row, those
# that wait for a row to be chosen, the blue of its theme.
_HORIZONS_ELEMENTS = (".actions_column .dropdown-toggle", ".data-table-action.disabled")
_HORIZONS_BLUE = "#428bca"

_MODAL = "#modal_wrapper .modal.in"
_READY = """
    return document.readyState === 'complete'
        && (typeof jQuery === 'undefined' || jQuery.active === 0)
        && !document.getAnimations().some(each => each instanceof CSSTransition)"""
_ROWS = """
    return Array.from(document.querySelectorAll(arguments[0] + ' > tbody > tr'))
        .filter(row => !row.classList.contains('empty'))
        .map(row => Array.from(row.cells).map(cell => cell.innerText.trim()))"""
_MESSAGES = """
    return Array.from(document.querySelectorAll('.messages .alert p'))
        .map(line => line.textContent.replace(/\\s+/g, ' ').trim())"""
_CHOOSE = """
    const [field, wanted] = arguments;
    const option = Array.from(field.options)
        .find(each => each.value === wanted || each.text.trim() === wanted);
    if (!option) throw new Error(wanted + ' is no choice of ' + field.name);
    field.value = option.value;
    field.dispatchEvent(new Event('change', {bubbles: true}));"""
_AXE = """
    const done = arguments[arguments.length - 1];
    axe.run({include: arguments[0], exclude: arguments[1]}, {resultTypes: ['violations']})
        .then(found => done(found.violations), error => done(String(error)))"""


@contextmanager
def chromium(directory: Path) -> Iterator[webdriver.Chrome]:
    """A Chromium with a profile of its own, and downloads, in a directory."""
    options = Options()
    options.binary_location = _program("chromium")
    for flag in _FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={directory / 'profile'}")
    downloads = directory / "downloads"
    downloads.mkdir()
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(_program("chromedriver"), log_output=str(directory / "chromedriver.log"))
    driver = webdriver.Chrome(service=service, options=options)
    try:
        driver.set_page_load_timeout(PATIENCE)
        driver.set_script_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed: apt-get install chromium chromium-driver")
    return found


class Browser:
    """One person's look at Horizon.

    :param url: of Horizon, on this machine
    :param downloads: where the browser puts files
    :param screenshots: where :meth:`screenshot` puts pictures
    """

    def __init__(
        self, driver: webdriver.Chrome, url: str, downloads: Path, screenshots: Path
    ) -> None:
        self.driver = driver
        self._port = urlsplit(url).port
        self._downloads = downloads
        self._screenshots = screenshots
        self.resize(1280)
        self.forget()

    # Going somewhere

    def login(self, user: str, password: str | None = None, language: str = "en") -> None:
        """Log in; the password of a user of the sandbox is the name."""
        self.driver.get(f"{self.url}/auth/login/")
        self.driver.add_cookie({"name": "horizon_language", "value": language})
        self.fill(username=user, password=password or user)
        with self.leaving():
            self.find("#loginBtn").click()
        assert "/auth/login" not in self.path, self.text("body")

    def goto(self, path: str) -> None:
        """Open a page by its path, such as ``/project/backup_manager_volumes/``."""
        self.driver.get(self.url + path)
        self.settle()

    @property
    def path(self) -> str:
        """Where one is, with the query."""
        return self.driver.current_url.removeprefix(self.url)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Around a click that leads to another page; ends when that is complete."""
        page = self.find("html")
        yield
        self.until(lambda: _gone(page), "the page to go away")
        self.settle()

    def settle(self) -> None:
        """Wait until the page is loaded, and no request or animation of it is under way."""
        self.until(lambda: self.driver.execute_script(_READY), "the page to settle")

    def until(self, look: Callable[[], T], what: str) -> T:
        """Call ``look`` until it returns something true, while the page may change under it."""
        ignored = (exceptions.StaleElementReferenceException, exceptions.NoSuchElementException)
        wait = WebDriverWait(self.driver, PATIENCE, _POLL, ignored_exceptions=ignored)
        return wait.until(lambda _: look(), f"waiting for {what} at {self.path}")

    # Seeing

    def find(self, selector: str) -> WebElement:
        """The one element that CSS selects first. NoSuchElementException if there is none."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shown(self, selector: str) -> list[WebElement]:
        """The elements that CSS selects and one can see."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in found if element.is_displayed()]

    def text(self, selector: str = "#content_body") -> str:
        """What one can read there."""
        return self.find(selector).text

    def rows(self, table: str = "table") -> list[list[str]]:
        """The text of the cells of a table, row by row.

        :param table: CSS that selects it
        """
        found: list[list[str]] = self.driver.execute_script(_ROWS, table)
        return found

    def row(self, text: str, table: str = "table") -> WebElement:
        """The row of a table that contains a text."""
        for row in self.shown(f"{table} > tbody > tr"):
            if text in row.text:
                return row
        raise exceptions.NoSuchElementException(f"{text} is not in {self.rows(table)}")

    def messages(self) -> list[str]:
        """What Horizon tells the user, such as ``Success: …``, faded away or not."""
        found: list[str] = self.driver.execute_script(_MESSAGES)
        return found

    # Doing

    def press(self, label: str, within: str = "body") -> None:
        """Click what is a link or a button with that label, and wait for what comes of it."""
        self.until(lambda: self._labelled(label, within), f"{label!r} to be there").click()
        self.settle()

    def follow(self, label: str, within: str = "body") -> None:
        """The same, for what leads to another page."""
        target = self.until(lambda: self._labelled(label, within), f"{label!r} to be there")
        with self.leaving():
            target.click()

    def _labelled(self, label: str, within: str) -> WebElement | None:
        for element in self.shown(f"{within} a, {within} button, {within} input[type=submit]"):
            if label in (element.text.strip(), element.get_attribute("value")):
                return element
        return None

    def act(self, row_text: str, label: str, table: str = "table") -> None:
        """Choose an action of a row, in its menu if that is where it is."""
        row = self.row(row_text, table)
        for toggle in row.find_elements(By.CSS_SELECTOR, ".dropdown-toggle"):
            toggle.click()
        for action in row.find_elements(
            By.CSS_SELECTOR, ".actions_column a, .actions_column button"
        ):
            if action.is_displayed() and action.text.strip() == label:
                action.click()
                self.settle()
                return
        raise exceptions.NoSuchElementException(f"{label} is no action of {row.text}")

    def fill(self, **values: str) -> None:
        """Type into the fields of a form, named as in Django."""
        for name, value in values.items():
            field = self.find(f"#id_{name}")
            if field.tag_name == "select":
                self.driver.execute_script(_CHOOSE, field, value)
            else:
                field.clear()
                field.send_keys(value)

    @contextmanager
    def modal(self) -> Iterator[str]:
        """The dialog that is open, as CSS to search ``within``."""
        self.until(lambda: self.shown(_MODAL), "the dialog")
        self.settle()
        yield _MODAL

    @property
    def focused(self) -> WebElement:
        """What the keyboard goes to."""
        return self.driver.switch_to.active_element

    def type(self, *keys: str) -> None:
        """Press keys, wherever the focus is, and wait for what comes of it."""
        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    def tab_to(self, label: str) -> None:
        """Press Tab until the focus is on what has that label."""
        for _ in range(_MOST_TABS):
            self.type(Keys.TAB)
            if label in (self.focused.text.strip(), self.focused.get_attribute("value")):
                return
        raise exceptions.NoSuchElementException(f"the keyboard does not reach {label!r}")

    def downloaded(self, pattern: str) -> Path:
        """The file that was downloaded under such a name, once it is complete."""
        return self.until(
            lambda: next(iter(self._downloads.glob(pattern)), None), f"{pattern} to be downloaded"
        )

    def resize(self, width: int, height: int = 900) -> None:
        self.driver.set_window_size(width, height)

    def screenshot(self, name: str) -> None:
        """A picture of the whole page."""
        whole = self.driver.execute_script("return document.documentElement.scrollHeight")
        size = self.driver.get_window_size()
        # What the window itself takes of its height is not known.
        self.resize(size["width"], max(size["height"], whole + 150))
        self.driver.save_screenshot(str(self._screenshots / f"{name}.png"))
        self.resize(size["width"], size["height"])

    # Judging

    def complaints(self) -> list[str]:
        """The errors on the console since the last call. Horizon's own pages cause none."""
        log = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]

    def barriers(self, selector: str = "#content_body") -> list[str]:
        """What keeps people with disabilities from using a part of the page, as axe sees it.

        Only what it takes for serious or critical, each with where it is.
        """
        script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
        self.driver.execute_script(script)
        found = self.driver.execute_async_script(_AXE, selector, _HORIZONS_ELEMENTS)
        assert isinstance(found, list), found
        return [
            f"{rule['id']}: {rule['help']}: {node['html'][:300]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
            if not _is_blue(node)
        ]

    def witness(self, name: str) -> str:
        """What there is to know about the page after a failure."""
        self.screenshot(re.sub(r"\W+", "_", name))
        return f"{self.path}\n{self.text('body')}\nScreenshot in {self._screenshots}"

    def forget(self) -> None:
        """Be a new person, whom Horizon has not seen.

        With a host of his own (Chromium takes each name under ``localhost`` for this machine):
        cookies could be deleted, but answers that are still on their way set them again.
        """
        self.url = f"http://person-{next(_persons)}.localhost:{self._port}"
        self.driver.get("about:blank")
        self.complaints()


def _gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except exceptions.StaleElementReferenceException:
        return True
    return False


def _is_blue(node: dict[str, Any]) -> bool:
    checks = [check["data"] for check in node["any"] if isinstance(check["data"], dict)]
    colours = {data.get(which) for data in checks for which in ("fgColor", "bgColor")}
    return _HORIZONS_BLUE in colours
