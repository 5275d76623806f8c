"""What schedules and retention come to: backups and gigabytes day by day, and when a quota is hit.

Nothing is decided here. The slots come from :mod:`recurrence`, full or incremental from
:mod:`chain` and what goes from :mod:`retention`, as when it is done for real.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from heapq import merge
from operator import itemgetter

from backup_manager.rules import backup_type, chain, recurrence, retention
from backup_manager.rules import cron as crons
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy

DAYS = 90
# Backups made in one simulation: somebody waits for the answer.
LIMIT = 50_000

# Slots asked for at once.
_CHUNK = 100
# What is under way with a backup ends well.
_SETTLED = {"creating": chain.AVAILABLE, "restoring": chain.AVAILABLE}
_DELETING = "deleting"
# Kept by no rule, and in a simulation nothing changes about it.
_FOR_GOOD = frozenset(
    {
        retention.FOREIGN,
        retention.HELD,
        retention.SNAPSHOT,
        retention.STATUS,
        retention.UNVERIFIED,
    }
)

_when = itemgetter(0)


@dataclass(frozen=True)
class Volume:
    """A volume with the backups that it has.

    :param policy: the one that applies to its backups
    :param items: all its backups in the project, whoever made them
    """

    id: str
    size_gb: int
    policy: Policy
    items: Sequence[Item] = ()


@dataclass(frozen=True)
class Schedule:
    """A schedule, existing or planned.

    :param cron: five fields
    :param timezone: IANA name
    :param backup_type: ``full`` or ``incremental``
    :param max_incrementals: incremental backups that may follow a full one
    """

    cron: str
    timezone: str
    backup_type: str
    max_incrementals: int
    volume_ids: Sequence[str]


@dataclass(frozen=True)
class Day:
    """A day of the calendar. Gigabytes are what Cinder charges: for each backup its full size.

    :param full: full backups made
    :param incremental: incremental ones made
    :param deleted: backups deleted
    :param gone: ids of those of the deleted that exist before the simulation
    :param backups: how many there are at its end
    :param most_backups: how many there are at its worst moment
    """

    date: date
    full: int
    incremental: int
    deleted: int
    gone: tuple[str, ...]
    backups: int
    gigabytes: int
    most_backups: int
    most_gigabytes: int


@dataclass(frozen=True)
class Forecast:
    """What is to be expected.

    :param days: the first is what is left of today
    :param backups_exceeded: the first day on which a backup is one too many, None if none is
    :param gigabytes_exceeded: the first day on which a backup is too big for what is left
    :param is_complete: False where it ends early because too many backups would be made
    """

    days: tuple[Day, ...]
    backups_exceeded: date | None
    gigabytes_exceeded: date | None
    is_complete: bool


def simulate(
    volumes: Sequence[Volume],
    schedules: Sequence[Schedule],
    now: datetime,
    *,
    days: int = DAYS,
    timezone: str = "UTC",
    quota_backups: int | None = None,
    quota_gigabytes: int | None = None,
    limit: int = LIMIT,
) -> Forecast:
    """Play through what schedules make and automatic retention deletes.

    Every backup succeeds at once, and volumes keep their sizes. Retention follows each backup and
    ends each day. Where several volumes are due at the same time, all are backed up before the
    first old backup is gone. A quota refuses nothing here: the figures are what it must allow.

    :param volumes: all whose backups count against the quota, each once
    :param schedules: those enabled; volumes they name that are not among ``volumes`` are left out
    :param now: aware
    :param days: how many days of the calendar, from today
    :param timezone: IANA name of the zone of that calendar
    :param quota_backups: None or negative for no limit, as in Cinder
    :param quota_gigabytes: the same
    :param limit: how many backups to make at most; the days that they suffice for are played
    :raises RecurrenceError: an expression or a zone is not valid
    """
    calendar = _Calendar(now, days, recurrence.zone(timezone))
    groups = _alike(volumes, schedules)
    slots, played = _slots(schedules, groups, calendar, limit)
    events: list[_Event] = []
    for group in groups:
        firings = [[(slot, schedules[n]) for slot in slots[n]] for n in group.schedules]
        happened = _play(group.volume, firings, calendar.ends[:played], now)
        events.extend(event.times(group.number) for event in happened)
    ledger = _Ledger(
        backups=sum(len(volume.items) for volume in volumes),
        gigabytes=sum(item.backup.size_gb for volume in volumes for item in volume.items),
        limit_backups=_limit(quota_backups),
        limit_gigabytes=_limit(quota_gigabytes),
    )
    by_day = calendar.split(events)
    return Forecast(
        days=tuple(ledger.day(calendar.dates[n], by_day[n]) for n in range(played)),
        backups_exceeded=ledger.backups_exceeded,
        gigabytes_exceeded=ledger.gigabytes_exceeded,
        is_complete=played == days,
    )


def _limit(quota: int | None) -> float:
    return float("inf") if quota is None or quota < 0 else quota


@dataclass(frozen=True)
class _Event:
    """Backups made or deleted at once.

    :param gone: ids of those deleted that exist before the simulation
    :param gigabytes: more, or less than before
    """

    moment: datetime
    full: int = 0
    incremental: int = 0
    deleted: int = 0
    gone: tuple[str, ...] = ()
    gigabytes: int = 0

    @property
    def order(self) -> tuple[datetime, bool]:
        """At the same moment, what is made comes before what goes."""
        return self.moment, self.deleted > 0

    def times(self, number: int) -> _Event:
        """What it comes to if it happens to so many volumes that have no backups yet."""
        if number == 1:
            return self
        return _Event(
            self.moment,
            full=self.full * number,
            incremental=self.incremental * number,
            deleted=self.deleted * number,
            gigabytes=self.gigabytes * number,
        )


class _Calendar:
    """The days that are simulated.

    - ``dates``: the first is today
    - ``ends``: the last moment of each, in UTC
    """

    def __init__(self, now: datetime, days: int, zone: tzinfo) -> None:
        today = now.astimezone(zone).date()
        self.now = now
        self.dates = [today + timedelta(days=n) for n in range(days)]
        self.ends = [_last_moment(day, zone) for day in self.dates]

    def number(self, moment: datetime) -> int:
        """Which day it falls on; as many as there are days if on a later one."""
        return bisect_left(self.ends, moment)

    def split(self, events: Iterable[_Event]) -> Mapping[int, list[_Event]]:
        days: defaultdict[int, list[_Event]] = defaultdict(list)
        for event in sorted(events, key=lambda event: event.order):
            days[self.number(event.moment)].append(event)
        return days


def _last_moment(day: date, zone: tzinfo) -> datetime:
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    return midnight.astimezone(crons.UTC) - timedelta.resolution


@dataclass(frozen=True)
class _Group:
    """Volumes that fare alike.

    :param volume: one of them
    :param number: how many they are; only volumes without backups share a group
    :param schedules: positions of the schedules that name them
    """

    volume: Volume
    number: int
    schedules: tuple[int, ...]


def _alike(volumes: Sequence[Volume], schedules: Sequence[Schedule]) -> list[_Group]:
    named: defaultdict[str, list[int]] = defaultdict(list)
    for position, schedule in enumerate(schedules):
        for volume_id in dict.fromkeys(schedule.volume_ids):
            named[volume_id].append(position)
    groups: dict[object, _Group] = {}
    for volume in volumes:
        by = tuple(named[volume.id])
        key = volume.id if volume.items else (volume.size_gb, volume.policy, by)
        number = groups[key].number if key in groups else 0
        groups[key] = _Group(volume, number + 1, by)
    return list(groups.values())


def _slots(
    schedules: Sequence[Schedule], groups: Sequence[_Group], calendar: _Calendar, limit: int
) -> tuple[list[list[datetime]], int]:
    """The slots of each schedule, and for how many days they are not more than ``limit``.

    :param limit: each slot counts as often as there are groups to play it
    """
    counts = Counter(position for group in groups for position in group.schedules)
    slots: list[list[datetime]] = [[] for _ in schedules]
    played = 0
    upcoming = (_upcoming(position, schedules[position], calendar) for position in counts)
    for slot, position in merge(*upcoming):
        played += counts[position]
        if played > limit:
            return slots, calendar.number(slot)
        slots[position].append(slot)
    return slots, len(calendar.dates)


def _upcoming(
    position: int, schedule: Schedule, calendar: _Calendar
) -> Iterator[tuple[datetime, int]]:
    """The slots of a schedule in the days of the calendar, each with the schedule's position."""
    after = calendar.now
    while calendar.ends:
        for slot in recurrence.upcoming(schedule.cron, schedule.timezone, after, _CHUNK):
            if slot > calendar.ends[-1]:
                return
            yield slot, position
            after = slot


def _play(
    volume: Volume,
    firings: Sequence[Sequence[tuple[datetime, Schedule]]],
    ends: Sequence[datetime],
    now: datetime,
) -> Iterator[_Event]:
    """What happens to the backups of one volume.

    :param firings: of each of its schedules, in the order of time
    :param ends: the last moments of the days that are played
    """
    if not ends:
        return
    stock = _Stock(volume, now)
    yield from stock.settle()
    due: Iterable[tuple[datetime, Schedule | None]] = merge(
        *firings, [(end, None) for end in ends], key=_when
    )
    for moment, schedule in due:
        if moment > ends[-1]:
            return
        if schedule is not None:
            yield stock.make(moment, schedule)
        yield from stock.retain(moment)


class _Stock:
    """The backups of a volume as time goes by."""

    def __init__(self, volume: Volume, now: datetime) -> None:
        self._volume = volume
        self._now = now
        self._items = list(volume.items)
        self._existing = {item.backup.id for item in volume.items}
        self._made = 0
        # The latest backup and its chain, once one was made here.
        self._line: list[chain.Backup] = []
        # When those on which nothing builds were made, as far as the policy may let them go.
        self._leaves: dict[str, datetime] = {}
        self._retained = now
        self._made_since = False

    def settle(self) -> Iterator[_Event]:
        """End what is under way with the backups, and apply the policy as it is now."""
        deleting = {item.backup.id for item in self._items if item.backup.status == _DELETING}
        if deleting:
            yield self._delete(self._now, deleting)
        for position, item in enumerate(self._items):
            if item.backup.status in _SETTLED:
                backup = replace(item.backup, status=_SETTLED[item.backup.status])
                self._items[position] = replace(item, backup=backup)
        yield from self._retain(self._now)

    def make(self, slot: datetime, schedule: Schedule) -> _Event:
        # Cinder builds on the newest backup, and automatic retention never deletes that: so its
        # chain is all that counts, and choosing from it is much faster than from all.
        backups = self._line or [item.backup for item in self._items]
        size = self._volume.size_gb
        choice = chain.choose(schedule.backup_type, schedule.max_incrementals, size, backups)
        incremental = choice.backup_type == backup_type.INCREMENTAL
        self._made += 1
        made = chain.Backup(
            id=f"simulated-{self._made:06}",
            volume_id=self._volume.id,
            status=chain.AVAILABLE,
            is_incremental=incremental,
            created_at=slot,
            data_timestamp=slot,
            size_gb=size,
            parent_id=choice.parent_id,
        )
        self._add(made, backups)
        if incremental:
            return _Event(slot, incremental=1, gigabytes=size)
        return _Event(slot, full=1, gigabytes=size)

    def _add(self, made: chain.Backup, backups: Sequence[chain.Backup]) -> None:
        self._items.append(Item(made, ours=True, verified=True))
        self._line = chain.lineage(made, backups) or [made]
        self._leaves.pop(made.parent_id or "", None)
        self._leaves[made.id] = made.created_at
        self._made_since = True

    def retain(self, moment: datetime) -> Iterator[_Event]:
        """Apply the policy, where it may let something go that it kept the last time."""
        if self._may_let_go(moment):
            yield from self._retain(moment)

    def _may_let_go(self, moment: datetime) -> bool:
        """A shortcut: what goes includes a backup on which nothing builds.

        That one has just grown too old, or it was too old before and something new takes its
        place. Without an age limit only something new can make a difference.
        """
        policy = self._volume.policy
        if policy.max_age_days is None:
            return self._made_since and not policy.is_empty
        age = timedelta(days=policy.max_age_days)
        return any(
            made <= moment - age and (self._made_since or made > self._retained - age)
            for made in self._leaves.values()
        )

    def _retain(self, moment: datetime) -> Iterator[_Event]:
        decisions = retention.decide(self._items, self._volume.policy, moment, automatic=True)
        going = {decision.backup_id for decision in decisions if not decision.keep}
        made = {item.backup.id: item.backup.created_at for item in self._items}
        self._leaves = {
            decision.backup_id: made[decision.backup_id]
            for decision in decisions
            if decision.keep
            and decision.rule not in _FOR_GOOD
            and going.issuperset(decision.blockers)
        }
        self._retained, self._made_since = moment, False
        if going:
            yield self._delete(moment, going)

    def _delete(self, moment: datetime, ids: set[str]) -> _Event:
        gone = [item.backup for item in self._items if item.backup.id in ids]
        self._items = [item for item in self._items if item.backup.id not in ids]
        return _Event(
            moment,
            deleted=len(gone),
            gone=tuple(backup.id for backup in gone if backup.id in self._existing),
            gigabytes=-sum(backup.size_gb for backup in gone),
        )


@dataclass
class _Ledger:
    """What there is, and when the quota would not have allowed it."""

    backups: int
    gigabytes: int
    limit_backups: float
    limit_gigabytes: float
    backups_exceeded: date | None = None
    gigabytes_exceeded: date | None = None

    def day(self, when: date, events: Sequence[_Event]) -> Day:
        """Enter the events of a day, in their order."""
        most_backups, most_gigabytes = self.backups, self.gigabytes
        for event in events:
            self._enter(event, when)
            most_backups = max(most_backups, self.backups)
            most_gigabytes = max(most_gigabytes, self.gigabytes)
        return Day(
            date=when,
            full=sum(event.full for event in events),
            incremental=sum(event.incremental for event in events),
            deleted=sum(event.deleted for event in events),
            gone=tuple(backup_id for event in events for backup_id in event.gone),
            backups=self.backups,
            gigabytes=self.gigabytes,
            most_backups=most_backups,
            most_gigabytes=most_gigabytes,
        )

    def _enter(self, event: _Event, when: date) -> None:
        self.backups += event.full + event.incremental - event.deleted
        self.gigabytes += event.gigabytes
        # Only a new backup can be refused.
        if not event.deleted:
            if self.backups > self.limit_backups:
                self.backups_exceeded = self.backups_exceeded or when
            if self.gigabytes > self.limit_gigabytes:
                self.gigabytes_exceeded = self.gigabytes_exceeded or when
