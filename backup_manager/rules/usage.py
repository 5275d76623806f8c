"""Where the use of a quota leads to, from what it was on the days before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

# Days that a trend is taken from.
DAYS = 30
# A quota that is full in a hundred years is not going to be full.
_HORIZON = 36_525


def full_on(
    samples: Sequence[tuple[date, int]], used: int, limit: int | None, today: date
) -> date | None:
    """The day on which a quota is full if its use goes on growing as it did.

    :param samples: what was used on a day, each day once, in any order
    :param used: what is used now
    :param limit: the quota, None when there is none
    :returns: ``today`` when it is full already; None when it is not going to be, or when nobody
        knows: the use does not grow, or there are fewer than two samples
    """
    if limit is None:
        return None
    if used >= limit:
        return today
    slope = _slope(samples)
    if slope <= 0:
        return None
    days = -((used - limit) // slope)
    return today + timedelta(days=days) if days <= _HORIZON else None


def _slope(samples: Sequence[tuple[date, int]]) -> Fraction:
    """Growth per day: least squares, in exact numbers; 0 when there are too few samples."""
    days = [day.toordinal() for day, _ in samples]
    if len(set(days)) < 2:
        return Fraction(0)
    middle = Fraction(sum(days), len(days))
    spread = sum(((day - middle) ** 2 for day in days), Fraction(0))
    common = ((day.toordinal() - middle) * value for day, value in samples)
    return sum(common, Fraction(0)) / spread
