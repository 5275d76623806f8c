"""One record is one line, whatever is in it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from backup_manager import log


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler writes that a logger of its own has."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("backup_manager.test_log")
    logger.addHandler(handler)
    before = {each: list(each.filters) for each in log._handlers()}
    log.protect()
    yield stream
    logger.removeHandler(handler)
    for each, filters in before.items():
        each.filters = filters


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a\nb", "a\\nb"),
        ("a\r\nb", "a\\r\\nb"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("\x1b[2Ja\0", "\\x1b[2Ja\\x00"),
        ("half \ud800", "half \\ud800"),
        ("100 % of 数据 💾\tok", "100 % of 数据 💾\tok"),
    ],
)
def test_what_others_say_stays_on_the_line(written: io.StringIO, said: str, expected: str) -> None:
    logger = logging.getLogger("backup_manager.test_log")
    logger.warning("Task %s failed: %s", "x", said)
    logger.warning(f"Without arguments: {said}".replace("%", "%%"))
    first, second = written.getvalue().split("\n")[:2]
    assert first == f"Task x failed: {expected}"
    assert second == f"Without arguments: {expected}".replace("%", "%%")


def test_a_handler_is_protected_once(written: io.StringIO) -> None:
    filters = {each: list(each.filters) for each in log._handlers()}
    log.protect()
    assert {each: list(each.filters) for each in log._handlers()} == filters
