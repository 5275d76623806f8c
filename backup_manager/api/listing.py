"""What all lists have in common: scope, page and the link to the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from backup_manager import exceptions
from backup_manager.api.call import Body, Call
from backup_manager.context import Scope
from backup_manager.db.paging import Page, Paging

T = TypeVar("T")

_COMMON = ("limit", "marker", "sort", "all_projects", "project_id")


def scope(call: Call, all_projects_rule: str) -> Scope:
    """Whose rows are asked for.

    :raises Forbidden: those of other projects, by somebody who may not see them
    """
    if call.query["all_projects"]:
        call.authorize(all_projects_rule)
        return Scope(call.query.get("project_id"))
    if "project_id" in call.query:
        raise exceptions.InvalidInput("project_id", "goes together with all_projects=true")
    return call.own


def paging(call: Call) -> Paging:
    """Which page is asked for."""
    default: str = call.route.operation.query["properties"]["sort"]["default"]
    usual, _, usual_direction = default.partition(":")
    key, _, direction = call.query["sort"].partition(":")
    if not direction:
        direction = usual_direction if key == usual else "asc"
    return Paging(
        limit=min(call.query["limit"], call.conf.api.max_limit),
        sort=key,
        descending=direction == "desc",
        marker=call.query.get("marker"),
    )


def filters(call: Call) -> dict[str, Any]:
    """The parameters that only this list has."""
    return {name: value for name, value in call.query.items() if name not in _COMMON}


def body(
    call: Call, plural: str, page: Page[T], view: Callable[[T], Body], marker: str = "id"
) -> Body:
    """The response: the items, and where the next page is if there is one.

    :param marker: the property of an item that says which one it is
    """
    result: Body = {plural: [view(row) for row in page.rows]}
    if page.has_more:
        following = {**call.arguments, "marker": result[plural][-1][marker]}
        href = f"{call.url}?{urlencode(following)}"
        result[f"{plural}_links"] = [{"rel": "next", "href": href}]
    return result
