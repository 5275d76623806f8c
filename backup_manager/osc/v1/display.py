"""Tables: machines get the values as the API gave them, humans get a text."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from cliff import columns
from cliff.formatters.table import TableFormatter

if TYPE_CHECKING:
    FormattableColumn = columns.FormattableColumn[Any]
else:
    FormattableColumn = columns.FormattableColumn

NOTHING = "-"


class Cell(FormattableColumn):
    """A value and what a human reads in its place, worked out when it is printed."""

    def __init__(self, value: Any, text: Callable[[], str]) -> None:
        super().__init__(value)
        self._text = text

    def human_readable(self) -> str:
        return self._text()

    # For --sort-column, where plain values may stand between cells. No value comes first.

    def __lt__(self, other: object) -> bool:
        return _precedes(self._value, _value(other))

    def __gt__(self, other: object) -> bool:
        return _precedes(_value(other), self._value)


def _value(cell: object) -> Any:
    return cell.machine_readable() if isinstance(cell, Cell) else cell


def _precedes(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is None and other is not None
    return bool(one < other)


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a list, or a line of a display of one thing.

    :ivar header: its title; also its key in JSON.
    :ivar attribute: the attribute of the resource that machines get.
    :ivar text: makes the text for humans out of the value, if there is one.
    :ivar whole: makes the text out of the whole resource instead.
    """

    header: str
    attribute: str
    text: Callable[[Any], str] | None = None
    whole: Callable[[Any], str] | None = None

    def cell(self, item: Any) -> Any:
        """What the table of an item gets."""
        value, text, whole = getattr(item, self.attribute), self.text, self.whole
        if whole is not None:
            return Cell(value, lambda: whole(item))
        if value is None:
            return Cell(value, lambda: NOTHING)
        if text is not None:
            return Cell(value, lambda: text(value))
        return value


def table(
    items: Iterable[Any], shown: Sequence[Column]
) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """The titles and, one by one as they are read, the rows of a list."""
    return _headers(shown), (_cells(item, shown) for item in items)


def single(item: Any, shown: Sequence[Column]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The names and the values of one thing."""
    return _headers(shown), _cells(item, shown)


def wrapped(text: str) -> str:
    """A long text in lines of a width at which a table can still be read."""
    return textwrap.fill(text, 100)


def draw(
    titles: Sequence[str],
    rows: Iterable[Sequence[Any]],
    stream: TextIO,
    parsed_args: argparse.Namespace,
) -> None:
    """Print a table for humans, whatever the format of the command's output is."""
    TableFormatter().emit_list(titles, rows, stream, parsed_args)


def _headers(shown: Sequence[Column]) -> tuple[str, ...]:
    return tuple(column.header for column in shown)


def _cells(item: Any, shown: Sequence[Column]) -> tuple[Any, ...]:
    return tuple(column.cell(item) for column in shown)


def minute(time: str) -> str:
    """An ISO 8601 time, short: ``2026-11-20 02:00Z``."""
    return f"{time[:10]} {time[11:16]}Z"


def second(time: str) -> str:
    """An ISO 8601 time, readable: ``2026-11-20 02:00:00Z``."""
    return time.replace("T", " ")


def span(seconds: int) -> str:
    """A span of time as options take it, such as ``2h``, in the largest unit that fits."""
    units = (("d", 86400), ("h", 3600), ("m", 60))
    fitting = (f"{seconds // size}{unit}" for unit, size in units if seconds and not seconds % size)
    return next(fitting, f"{seconds}s")


def lines(values: Sequence[Any]) -> str:
    """One below the other."""
    return "\n".join(str(value) for value in values) or NOTHING
