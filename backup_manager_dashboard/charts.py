"""Charts of the last days, as shapes for an SVG that the server draws."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

#: The size of a chart in its own units; the page scales it.
WIDTH, HEIGHT = 600, 150
_TOP, _BOTTOM = 16, 20
DAYS = 30


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle with its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True)
class Chart:
    """What a template draws.

    :ivar first: the first day, at the left
    :ivar last: the last day, at the right
    :ivar top: the value at the upper end
    :ivar days: the days that have values, as they came
    """

    first: date
    last: date
    top: int
    days: Sequence[Mapping[str, Any]]
    good: Sequence[Box] = ()
    bad: Sequence[Box] = ()
    line: str = ""
    area: str = ""

    width, height, base = WIDTH, HEIGHT, HEIGHT - _BOTTOM

    @property
    def label_y(self) -> float:
        """Where the dates stand."""
        return HEIGHT - 5


def successes(days: Sequence[Mapping[str, Any]], today: date) -> Chart | None:
    """A bar for each day: what succeeded, and above it what failed. None without any.

    :param days: dicts of ``date`` (ISO 8601), ``succeeded`` and ``failed``
    """
    known = [day for day in days if day["succeeded"] or day["failed"]]
    if not known:
        return None
    first = today - timedelta(days=DAYS - 1)
    top = max(day["succeeded"] + day["failed"] for day in known)
    step = WIDTH / DAYS
    good, bad = [], []
    for day in known:
        x = (_date(day) - first).days * step + step * 0.15
        succeeded, failed = (_height(day[name], top) for name in ("succeeded", "failed"))
        base = HEIGHT - _BOTTOM
        if succeeded:
            good.append(_box(x, base - succeeded, step * 0.7, succeeded))
        if failed:
            bad.append(_box(x, base - succeeded - failed, step * 0.7, failed))
    return Chart(first, today, top, known, good=good, bad=bad)


def stored(days: Sequence[Mapping[str, Any]], today: date) -> Chart | None:
    """A line through what was stored on each day. None where fewer than two days are known.

    :param days: dicts of ``date`` (ISO 8601) and ``size_gb`` (None where it is not known)
    """
    known = [day for day in days if day["size_gb"] is not None]
    if len(known) < 2:
        return None
    first = today - timedelta(days=DAYS - 1)
    top = max(1, *(day["size_gb"] for day in known))
    step = WIDTH / (DAYS - 1)
    base = HEIGHT - _BOTTOM
    points = [
        (round((_date(day) - first).days * step, 1), round(base - _height(day["size_gb"], top), 1))
        for day in known
    ]
    line = " ".join(f"{x},{y}" for x, y in points)
    area = f"{points[0][0]},{base} {line} {points[-1][0]},{base}"
    return Chart(first, today, top, known, line=line, area=area)


def _date(day: Mapping[str, Any]) -> date:
    return date.fromisoformat(day["date"])


def _height(value: int, top: int) -> float:
    return value / top * (HEIGHT - _TOP - _BOTTOM)


def _box(*numbers: float) -> Box:
    return Box(*(round(number, 1) for number in numbers))
