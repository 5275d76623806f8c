"""Pages of rows: which project they come from, in which order, and where the next page starts.

Pages are cut by key, not by offset: rows that come or go while somebody walks through a list make
him neither miss nor see twice any other row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_, select
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
    """

    model: type[T]
    keys: Mapping[str, InstrumentedAttribute[Any]]
    nulls_last: frozenset[str] = frozenset()


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
    key, row_id = listing.keys[paging.sort], listing.model.id  # type: ignore[attr-defined]
    nulls_last = paging.sort in listing.nulls_last
    wanted = select(row_id).where(*bounds, *filters)
    if paging.marker is not None:
        found = session.execute(select(key).where(*bounds, row_id == paging.marker)).first()
        if found is None:
            raise exceptions.InvalidInput("marker", f"no item of this list has id {paging.marker}")
        wanted = wanted.where(_beyond(key, row_id, found[0], paging, nulls_last))
    keys = [key.is_(None), key, row_id] if nulls_last else [key, row_id]
    order = [each.desc() if paging.descending else each for each in keys]
    # One more than asked for tells whether there is a next page. The ids alone can be read from an
    # index; MariaDB would read the rows of all pages up to this one if it were asked for rows.
    ids = wanted.order_by(*order).limit(paging.limit + 1).subquery()
    query = select(listing.model).join(ids, ids.c.id == row_id).order_by(*order)
    rows = list(session.scalars(query))
    return Page(rows[: paging.limit], len(rows) > paging.limit)


def _beyond(
    key: Any, row_id: Any, value: Any, paging: Paging, nulls_last: bool
) -> ColumnElement[bool]:
    """Only rows after the marker, whose sort key is ``value``."""
    nulls_follow = paging.descending != nulls_last
    later = row_id < paging.marker if paging.descending else row_id > paging.marker
    if value is None:
        after = and_(key.is_(None), later)
        return after if nulls_follow else or_(after, key.is_not(None))
    # The first condition alone says where in an index to begin, which no OR does.
    if paging.descending:
        after = and_(key <= value, or_(key < value, later))
    else:
        after = and_(key >= value, or_(key > value, later))
    return or_(after, key.is_(None)) if nulls_follow and key.expression.nullable else after
