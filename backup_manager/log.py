"""Keeps what others wrote from looking like lines of our own log."""

from __future__ import annotations

import logging
from collections.abc import Iterator


class OneLine(logging.Filter):
    """Escapes line breaks and other control characters in messages.

    Names and Cinder's words may hold them. oslo.log itself marks each line of a traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return True  # whoever writes it says what is wrong with it
        if not text.isprintable():
            record.msg, record.args = "".join(map(_visible, text)), ()
        return True


def _visible(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return ascii(character)[1:-1]


# One, so that a handler that is protected already stays as it is.
_ONE_LINE = OneLine()


def protect() -> None:
    """Have all handlers that exist now log each message on a line."""
    for handler in _handlers():
        handler.addFilter(_ONE_LINE)


def _handlers() -> Iterator[logging.Handler]:
    yield from logging.root.handlers
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield from logger.handlers
