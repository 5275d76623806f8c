"""How the backups of a volume build on each other, as pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

#: How many backups of a tree a page shows.
_MOST = 100
#: So deep a page indents at most.
_DEEPEST = 10
_INDENT = 1.5

Link = dict[str, Any]


@dataclass(frozen=True)
class Tree:
    """A full backup and what builds on it.

    :ivar links: in the order of the service, each with its ``indent`` in em
    :ivar before: how many there are before those
    :ivar after: how many follow
    """

    links: Sequence[Link]
    before: int = 0
    after: int = 0


def tree_of(links: Sequence[Link], backup_id: str) -> Tree:
    """The tree that a backup is in.

    :param links: all backups of its volume, as the service has them
    """
    place = next((i for i, each in enumerate(links) if each["backup_id"] == backup_id), None)
    if place is None:
        return Tree([])
    first, end = place, place + 1
    while first > 0 and links[first]["depth"] > 0:
        first -= 1
    while end < len(links) and links[end]["depth"] > 0:
        end += 1
    start = min(max(first, place - _MOST // 2), max(first, end - _MOST))
    shown = [
        {**link, "indent": min(link["depth"], _DEEPEST) * _INDENT}
        for link in links[start : min(end, start + _MOST)]
    ]
    return Tree(shown, before=start - first, after=end - start - len(shown))


def lineage(links: Sequence[Link], backup_id: str) -> list[Link]:
    """What has to be there to restore a backup: itself and what it builds on, the full one first.

    Shorter where a parent is not known.
    """
    by_id = {link["backup_id"]: link for link in links}
    found: list[Link] = []
    link = by_id.pop(backup_id, None)
    while link is not None:
        found.append(link)
        link = by_id.pop(link["parent_id"] or "", None)
    return found[::-1]


def timeline(links: Sequence[Link], most: int) -> tuple[list[tuple[date, list[Link]]], int]:
    """The backups of a volume by days of the user's clock, the newest first.

    :param most: as many are listed
    :returns: days and their backups; how many are left out
    """
    newest = sorted(links, key=lambda link: str(link["created_at"]), reverse=True)
    shown = newest[:most]
    days = groupby(shown, key=lambda link: _local(link).date())
    return [(day, list(each)) for day, each in days], len(newest) - len(shown)


def latest(links: Sequence[Link], moment: datetime) -> Link | None:
    """The newest available backup that was made at a moment or before."""
    earlier = [
        link
        for link in links
        if link["status"] == "available" and _local(link).replace(microsecond=0) <= moment
    ]
    return max(earlier, key=lambda link: str(link["created_at"]), default=None)


def _local(link: Link) -> datetime:
    parsed = parse_datetime(link["created_at"])
    assert parsed is not None
    return timezone.localtime(parsed)
