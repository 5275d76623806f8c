"""Pages of rows: which project they come from, in which order, and where the next page starts.

Pages are cut by key, not by offset: rows that come or go while somebody walks through a list make
him neither miss nor see twice any other row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from backup_manager import exceptions
from backup_manager.context import Scope

T = TypeVar("T")

EVERYWHERE = Scope(None)


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A table whose rows are listed.

    :param keys: what may be sorted by. MariaDB and SQLite both put NULL first in ascending order
        and last in descending order.
    :param nulls_last: the keys with which it is the other way round
    :param id: the column that says which row it is, where that is not ``id``
    """

    model: type[T]
    keys: Mapping[str, InstrumentedAttribute[Any]]
    nulls_last: frozenset[str] = frozenset()
    id: InstrumentedAttribute[str] | None = None


@dataclass(frozen=True)
class Paging:
    """Which page is wanted.

    :param sort: name of the sort key; rows with equal keys are ordered by id
    :param marker: id of the last row of the page before, None for the first page
    """

    limit: int
    sort: str
    descending: bool = False
    marker: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """The rows of a page, and whether more follow."""

    rows: list[T]
    has_more: bool


def within(project_id: InstrumentedAttribute[str], scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """The conditions that keep a query to the projects of ``scope``."""
    return () if scope.project_id is None else (project_id == scope.project_id,)


def equal(column: InstrumentedAttribute[Any], value: Any) -> tuple[ColumnElement[bool], ...]:
    """The condition of an optional filter: none when ``value`` is None."""
    return () if value is None else (column == value,)


def contains(column: InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    """Whether a text is somewhere in a column, in upper or lower case. It has no wildcards."""
    return column.icontains(text, autoescape=True)


def between(
    column: InstrumentedAttribute[Any], since: Any, until: Any
) -> tuple[ColumnElement[bool], ...]:
    """The conditions of a range of time that includes ``since`` and excludes ``until``."""
    after = () if since is None else (column >= since,)
    before = () if until is None else (column < until,)
    return after + before


def fetch(
    session: Session,
    listing: Listing[T],
    paging: Paging,
    bounds: tuple[ColumnElement[bool], ...] = (),
    filters: tuple[ColumnElement[bool], ...] = (),
) -> Page[T]:
    """Read one page.

    :param bounds: whose rows may be seen at all; the marker is looked for within them
    :param filters: what else is asked for. The marker need not pass them: a status may have
        changed since the page before.
    :raises InvalidInput: no row has the marker's id
    """
    key = listing.keys[paging.sort]
    row_id: Any = listing.id or listing.model.id  # type: ignore[attr-defined]
    value = None
    if paging.marker is not None:
        found = session.execute(select(key).where(*bounds, row_id == paging.marker)).first()
        if found is None:
            raise exceptions.InvalidInput("marker", f"no item of this list has id {paging.marker}")
        (value,) = found
    if paging.sort in listing.nulls_last:
        parts = _parts(key, row_id, value, paging)
    elif paging.marker is not None:
        parts = [_beyond(key, row_id, value, paging)]
    else:
        parts = [true()]
    order = [each.desc() if paging.descending else each for each in (key, row_id)]
    rows: list[T] = []
    # One more than asked for tells whether there is a next page.
    while parts and len(rows) <= paging.limit:
        wanted = select(row_id.label("id")).where(*bounds, *filters, parts.pop(0)).order_by(*order)
        # The ids alone can be read from an index; MariaDB would read the rows of all pages up to
        # this one if it were asked for rows.
        ids = wanted.limit(paging.limit + 1 - len(rows)).subquery()
        rows += session.scalars(
            select(listing.model).join(ids, ids.c.id == row_id).order_by(*order)
        )
    return Page(rows[: paging.limit], len(rows) > paging.limit)


def _parts(key: Any, row_id: Any, value: Any, paging: Paging) -> list[ColumnElement[bool]]:
    """The rows with and without a key apart, in their order: no index has NULL at its other end.

    :param value: the sort key of the marker, where there is one
    """
    parts = [key.is_(None), key.is_not(None)]
    if not paging.descending:
        parts.reverse()
    if paging.marker is None:
        return parts
    if (value is None) != paging.descending:
        del parts[0]
    parts[0] = and_(parts[0], _after(key, row_id, value, paging))
    return parts


def _beyond(key: Any, row_id: Any, value: Any, paging: Paging) -> ColumnElement[bool]:
    """Only rows after the marker, whose sort key is ``value``."""
    nulls_follow = paging.descending
    after = _after(key, row_id, value, paging)
    if value is None:
        after = and_(key.is_(None), after)
        return after if nulls_follow else or_(after, key.is_not(None))
    return or_(after, key.is_(None)) if nulls_follow and key.expression.nullable else after


def _after(key: Any, row_id: Any, value: Any, paging: Paging) -> ColumnElement[bool]:
    """Of the rows with a key, or for None of those without: those after the marker."""
    later = row_id < paging.marker if paging.descending else row_id > paging.marker
    if value is None:
        return later  # type: ignore[no-any-return]
    # The first condition alone says where in an index to begin, which no OR does.
    if paging.descending:
        return and_(key <= value, or_(key < value, later))
    return and_(key >= value, or_(key > value, later))
