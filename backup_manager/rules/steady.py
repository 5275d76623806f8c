"""What a schedule and a policy come to in the long run: which backups of a volume there will be.

Nothing is decided here. The slots come from :mod:`recurrence`, full or incremental is what
:mod:`chain` chooses where every backup succeeds, and what stays is what :mod:`retention` keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from backup_manager.rules import backup_type as types
from backup_manager.rules import chain, recurrence, retention
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy, rules_of

# Backups made at most, one an hour for the twelve months of usual policies and some weeks:
# somebody waits for the answer.
LIMIT = 420 * 24
# How far to look ahead.
HORIZON = timedelta(days=731)

# Backups made at first; twice as many as long as the policy could keep more.
_FEW = 8
# Backups decided about, day by day, before that is cut short.
_WORK = 40_000
# No period is shorter than this.
_SHORTEST = {
    "keep_hourly": timedelta(hours=1),
    "keep_daily": timedelta(hours=22),
    "keep_weekly": timedelta(days=6),
    "keep_monthly": timedelta(days=27),
    "keep_yearly": timedelta(days=364),
}


@dataclass(frozen=True)
class Kept:
    """A backup that is there in the end.

    :param type: ``full`` or ``incremental``
    :param rule: why it stays, in one word, and in a sentence, as :class:`retention.Decision`
    """

    at: datetime
    type: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Steady:
    """What there is when a schedule has run for so long that each rule keeps all that it can.

    :param at: when that is: the moment of the last backup
    :param kept: the newest first
    :param is_complete: False where that would take too long, so that there will be more later
    """

    at: datetime
    kept: tuple[Kept, ...]
    is_complete: bool


def steady(
    cron: str,
    timezone: str,
    backup_type: str,
    max_incrementals: int,
    policy: Policy,
    now: datetime,
    limit: int = LIMIT,
) -> Steady:
    """Play a schedule of one volume through that begins now, and see what its policy keeps.

    Every backup succeeds at once, and the volume keeps its size.

    :param cron: five fields
    :param timezone: IANA name of the zone of the schedule
    :param backup_type: ``full`` or ``incremental``
    :param max_incrementals: incremental backups that may follow a full one
    :param now: aware
    :param limit: how many backups to make at most
    :raises RecurrenceError: the expression or the zone is not valid
    """
    slots = _slots(cron, timezone, now, limit)
    length = max_incrementals + 1 if backup_type == types.INCREMENTAL else 1
    items = list(_made(slots, length))
    number = _FEW
    while not (is_complete := _is_full(items[:number], policy)) and number < len(items):
        number *= 2
    # As long again: each chain was begun when all that is kept had been made already.
    kept, is_played = _play(items[: 2 * number], policy)
    return Steady(
        at=kept[0].at,
        kept=tuple(kept),
        is_complete=is_complete and is_played,
    )


def _play(items: Sequence[Item], policy: Policy) -> tuple[list[Kept], bool]:
    """What is left of backups, the newest first, and whether all of them were played."""
    days: Iterable[tuple[object, Iterable[Item]]] = [(None, items)]
    if policy.keep_weekly and (policy.keep_monthly or policy.keep_yearly):
        # All periods end with one of the next longer kind but weeks: which day represents a month
        # depends on what was there when it went by.
        zone = recurrence.zone(policy.timezone)
        days = groupby(items, lambda item: item.backup.created_at.astimezone(zone).date())
    left: dict[str, Item] = {}
    kept: list[Kept] = []
    work = _WORK
    for _, made in days:
        if work <= 0:
            return kept, False
        left.update((item.backup.id, item) for item in made)
        now = next(reversed(left.values())).backup.created_at
        decisions = retention.decide(left.values(), policy, now, automatic=True)
        work -= len(decisions)
        kept = [_kept(left[each.backup_id].backup, each) for each in decisions if each.keep]
        for each in decisions:
            if not each.keep:
                del left[each.backup_id]
    return kept, True


def _kept(backup: chain.Backup, decision: retention.Decision) -> Kept:
    kind = types.INCREMENTAL if backup.is_incremental else types.FULL
    return Kept(backup.created_at, kind, decision.rule, decision.reason)


def _slots(cron: str, timezone: str, now: datetime, limit: int) -> Sequence[datetime]:
    """The slots that are not too far away, the first one in any case."""
    slots = recurrence.upcoming(cron, timezone, now, 1)
    end = now + HORIZON
    while slots[-1] <= end and len(slots) < limit:
        more = min(len(slots), limit - len(slots))
        slots += recurrence.upcoming(cron, timezone, slots[-1], more)
    return [slot for slot in slots if slot <= end] or slots[:1]


def _made(slots: Sequence[datetime], length: int) -> Iterator[Item]:
    """The backups of these slots.

    :param length: of a chain; each is as long as it may be
    """
    for number, slot in enumerate(slots):
        is_incremental = number % length > 0
        backup = chain.Backup(
            id=f"{number:06}",
            volume_id="simulated",
            status=chain.AVAILABLE,
            is_incremental=is_incremental,
            created_at=slot,
            data_timestamp=slot,
            size_gb=1,
            parent_id=f"{number - 1:06}" if is_incremental else None,
        )
        yield Item(backup, ours=True, verified=True)


def _is_full(items: Sequence[Item], policy: Policy) -> bool:
    """Whether each rule keeps all that it can: more backups would not make it more."""
    first, last = items[0].backup.created_at, items[-1].backup.created_at
    incremental = sum(item.backup.is_incremental for item in items)
    if (
        policy.is_empty
        or last - first < timedelta(days=policy.max_age_days or 0)
        or len(items) - incremental < (policy.full_count or 0)
        or incremental < (policy.incremental_count or 0)
    ):
        return False
    # These keep what the others would keep, too.
    periods = replace(policy, max_age_days=None, full_count=None, incremental_count=None)
    counts = rules_of(periods)
    # Deciding takes a while: not where it is out of the question.
    if sum(counts.values()) > len(items) or any(
        last - first < (counts.get(rule, 0) - 2) * period for rule, period in _SHORTEST.items()
    ):
        return False
    decisions = retention.decide(items, periods, last, automatic=True)
    kept = Counter(each.rule for each in decisions if each.keep)
    return all(kept[rule] == number for rule, number in counts.items())
