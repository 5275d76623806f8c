"""What schedules and retention come to, by hand and against the long way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import backup_type, chain, recurrence, retention, simulation
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy
from backup_manager.rules.simulation import Day, Forecast, Schedule, Volume

from .support import DAY, stable, utc

NOW = utc(2026, 10, 1, 12)
NIGHTLY = "0 2 * * *"


def policy(**rules: Any) -> Policy:
    return Policy("schedule nightly", **rules)


def item(name: str, age: float, parent: str | None = None, **changes: Any) -> Item:
    made_at = NOW - age * DAY
    backup = chain.Backup(
        id=name,
        volume_id="volume",
        status="available",
        is_incremental=parent is not None,
        created_at=made_at,
        data_timestamp=made_at,
        size_gb=10,
        parent_id=parent,
    )
    ours = changes.pop("ours", True)
    held = changes.pop("held", False)
    return Item(replace(backup, **changes), ours=ours, verified=True, held=held)


def volume(*items: Item, name: str = "volume", size: int = 10, **rules: Any) -> Volume:
    return Volume(name, size, policy(**rules), items)


def schedule(cron: str = NIGHTLY, *, increments: int = 0, volumes: str = "volume") -> Schedule:
    return Schedule(cron, "UTC", "incremental", increments, volumes.split())


def backups(forecast: Forecast) -> list[int]:
    return [day.backups for day in forecast.days]


class TestByHand:
    def test_full_ones(self) -> None:
        forecast = simulation.simulate([volume(keep_last=2)], [schedule()], NOW, days=4)
        assert forecast.days[0] == Day(
            # What is left of today has no slot.
            date=date(2026, 10, 1),
            full=0,
            incremental=0,
            deleted=0,
            gone=(),
            backups=0,
            gigabytes=0,
            most_backups=0,
            most_gigabytes=0,
        )
        assert forecast.days[3] == Day(
            date=date(2026, 10, 4),
            full=1,
            incremental=0,
            deleted=1,
            gone=(),
            backups=2,
            gigabytes=20,
            most_backups=3,
            most_gigabytes=30,
        )
        assert backups(forecast) == [0, 1, 2, 2]
        assert forecast.is_complete
        assert forecast.backups_exceeded is None
        assert forecast.gigabytes_exceeded is None

    def test_chains_go_when_the_last_of_them_goes(self) -> None:
        forecast = simulation.simulate([volume(keep_last=1)], [schedule(increments=2)], NOW, days=8)
        assert [(day.full, day.incremental, day.deleted) for day in forecast.days] == [
            (0, 0, 0),
            (1, 0, 0),
            (0, 1, 0),
            (0, 1, 0),
            (1, 0, 3),
            (0, 1, 0),
            (0, 1, 0),
            (1, 0, 3),
        ]
        assert max(day.most_backups for day in forecast.days) == 4

    def test_an_age(self) -> None:
        forecast = simulation.simulate([volume(max_age_days=2)], [schedule()], NOW, days=6)
        assert backups(forecast) == [0, 1, 2, 2, 2, 2]

    def test_without_rules_all_stay(self) -> None:
        forecast = simulation.simulate([volume()], [schedule()], NOW)
        assert len(forecast.days) == 90
        assert backups(forecast) == list(range(90))

    def test_existing_backups_go_today_or_when_they_are_old_enough(self) -> None:
        items = [item("a", 50), item("b", 9.9), item("c", 8.7), item("d", 8.2), item("e", 1)]
        forecast = simulation.simulate([volume(*items, max_age_days=10)], [], NOW, days=12)
        # 10 days old on 10-01 at 14:24, 10-02 at 19:12 and 10-03 at 07:12; the last one stays.
        assert [day.gone for day in forecast.days[:4]] == [("a", "b"), ("c",), ("d",), ()]
        assert backups(forecast) == [3, 2] + [1] * 10
        assert forecast.days[0].most_backups == 5

    def test_what_stays_for_good(self) -> None:
        items = [item("foreign", 50, ours=False), item("held", 40, held=True), item("new", 30)]
        forecast = simulation.simulate([volume(*items, keep_last=1)], [schedule()], NOW, days=4)
        assert backups(forecast) == [3, 3, 3, 3]
        assert [day.gone for day in forecast.days] == [(), ("new",), (), ()]

    def test_what_is_under_way_ends_well(self) -> None:
        items = [
            item("going", 3, status="deleting"),
            item("read", 2, status="restoring"),
            item("new", 0, "read", status="creating"),
        ]
        forecast = simulation.simulate([volume(*items)], [schedule(increments=2)], NOW, days=3)
        assert forecast.days[0].gone == ("going",)
        # The new one is the first increment of two.
        assert [day.incremental for day in forecast.days] == [0, 1, 0]
        assert backups(forecast) == [2, 3, 4]

    def test_volumes_due_at_once_are_all_backed_up_before_anything_goes(self) -> None:
        names = ("one", "two", "three")
        volumes = [volume(name=name, size=n, keep_last=1) for n, name in enumerate(names, 1)]
        forecast = simulation.simulate(volumes, [schedule(volumes=" ".join(names))], NOW, days=3)
        assert backups(forecast) == [0, 3, 3]
        assert [day.most_backups for day in forecast.days] == [0, 3, 6]
        assert [day.most_gigabytes for day in forecast.days] == [0, 6, 12]

    def test_sizes_of_then_and_now(self) -> None:
        old = item("old", 1, size_gb=5)
        forecast = simulation.simulate(
            [volume(old, size=20, keep_last=1)], [schedule(increments=6)], NOW, days=3
        )
        # The volume has grown: the next one is a full one. Then the old one can go.
        assert [day.full for day in forecast.days] == [0, 1, 0]
        assert [day.gigabytes for day in forecast.days] == [5, 20, 40]

    def test_days_of_a_zone(self) -> None:
        # 22:30 in UTC is the next day in Helsinki, before and after the clock changes.
        late = Schedule("30 22 * * *", "UTC", "full", 0, ["volume"])
        now = utc(2026, 10, 24, 12)
        forecast = simulation.simulate([volume()], [late], now, days=4, timezone="Europe/Helsinki")
        assert [(day.date.day, day.full) for day in forecast.days] == [
            (24, 0),
            (25, 1),
            (26, 1),
            (27, 1),
        ]

    def test_several_schedules(self) -> None:
        hourly = schedule("0 */6 * * *", increments=9)
        weekly = Schedule("0 0 * * 0", "UTC", "full", 0, ["volume", "elsewhere", "volume"])
        forecast = simulation.simulate([volume()], [hourly, weekly], NOW, days=5)
        # 10-04 is a Sunday, with both at midnight.
        assert [day.full for day in forecast.days] == [1, 0, 0, 1, 0]
        assert [day.incremental for day in forecast.days] == [0, 4, 4, 4, 4]


class TestQuota:
    @staticmethod
    def exceeded(*items: Item, **quota: Any) -> tuple[date | None, date | None]:
        forecast = simulation.simulate(
            [volume(*items, keep_last=3)], [schedule()], NOW, days=8, **quota
        )
        return forecast.backups_exceeded, forecast.gigabytes_exceeded

    def test_first_day(self) -> None:
        # The fourth is made before the first goes.
        assert self.exceeded(quota_backups=3) == (date(2026, 10, 5), None)
        assert self.exceeded(quota_backups=4) == (None, None)
        assert self.exceeded(quota_gigabytes=29) == (None, date(2026, 10, 4))
        assert self.exceeded(quota_backups=0, quota_gigabytes=0) == (date(2026, 10, 2),) * 2

    def test_no_limit(self) -> None:
        assert self.exceeded(quota_backups=-1, quota_gigabytes=-1) == (None, None)
        assert self.exceeded() == (None, None)

    def test_what_is_there_counts_but_is_not_refused(self) -> None:
        items = [item(str(number), number, ours=False) for number in range(5)]
        assert self.exceeded(*items, quota_backups=4) == (date(2026, 10, 2), None)
        forecast = simulation.simulate([volume(*items)], [], NOW, quota_backups=4)
        assert forecast.backups_exceeded is None


class TestLimit:
    def test_only_whole_days_are_played(self) -> None:
        hourly = schedule("0 * * * *")
        full = simulation.simulate([volume()], [hourly], NOW, days=10)
        cut = simulation.simulate([volume()], [hourly], NOW, days=10, limit=70)
        # 11 slots are left of today, then 24 a day.
        assert not cut.is_complete
        assert cut.days == full.days[:3]
        assert simulation.simulate([volume()], [hourly], NOW, days=3, limit=59).is_complete

    def test_not_even_today(self) -> None:
        minutely = schedule("* * * * *")
        forecast = simulation.simulate([volume()], [minutely], NOW, limit=100)
        assert forecast.days == ()
        assert not forecast.is_complete

    def test_no_days(self) -> None:
        forecast = simulation.simulate([volume()], [schedule()], NOW, days=0)
        assert forecast == Forecast((), None, None, is_complete=True)

    def test_wrong_expression(self) -> None:
        with pytest.raises(recurrence.RecurrenceError):
            simulation.simulate([volume()], [schedule("61 * * * *")], NOW)
        with pytest.raises(recurrence.RecurrenceError):
            simulation.simulate([volume()], [schedule()], NOW, timezone="Mars/Olympus")


# The long way round: everything is decided anew at every moment, for each volume alone.


@dataclass
class Naive:
    volume: Volume
    items: list[Item]
    made: int = 0
    changes: list[tuple[datetime, int, int]] = field(default_factory=list)

    def make(self, slot: datetime, by: Schedule) -> None:
        backups = [each.backup for each in self.items]
        choice = chain.choose(by.backup_type, by.max_incrementals, self.volume.size_gb, backups)
        self.made += 1
        new = chain.Backup(
            id=f"new-{self.made:04}",
            volume_id=self.volume.id,
            status="available",
            is_incremental=choice.backup_type == backup_type.INCREMENTAL,
            created_at=slot,
            data_timestamp=None,
            size_gb=self.volume.size_gb,
            parent_id=choice.parent_id,
        )
        self.items.append(Item(new, ours=True, verified=True))
        self.changes.append((slot, 1, new.size_gb))

    def retain(self, moment: datetime) -> None:
        decisions = retention.decide(self.items, self.volume.policy, moment, automatic=True)
        gone = {decision.backup_id for decision in decisions if not decision.keep}
        for each in [each for each in self.items if each.backup.id in gone]:
            self.items.remove(each)
            self.changes.append((moment, -1, -each.backup.size_gb))


def long_way_round(
    volumes: Sequence[Volume], schedules: Sequence[Schedule], days: int, zone: str
) -> list[tuple[date, int, int, int, int]]:
    """Date, backups and gigabytes at its end, most backups and most gigabytes."""
    where = ZoneInfo(zone)
    today = NOW.astimezone(where).date()
    dates = [today + number * DAY for number in range(days)]
    ends = [
        datetime(each.year, each.month, each.day, tzinfo=where) + DAY - timedelta.resolution
        for each in dates
    ]
    changes = []
    for one in volumes:
        naive = Naive(one, list(one.items))
        naive.retain(NOW)
        due: list[tuple[datetime, int]] = [(end, len(schedules)) for end in ends]
        for position, by in enumerate(schedules):
            if one.id in by.volume_ids:
                slots = recurrence.upcoming(by.cron, by.timezone, NOW, 24 * days + 1)
                due.extend((slot, position) for slot in takewhile(lambda at: at < ends[-1], slots))
        for moment, position in sorted(due):
            if position < len(schedules):
                naive.make(moment, schedules[position])
            naive.retain(moment)
        changes.extend(naive.changes)
    rows = []
    count, size = (sum(len(one.items) for one in volumes), 0)
    size = sum(each.backup.size_gb for one in volumes for each in one.items)
    for each in dates:
        most_count, most_size = count, size
        # What is made comes before what goes.
        for moment, more, gigabytes in sorted(changes, key=lambda change: (change[0], -change[1])):
            if moment.astimezone(where).date() == each:
                count, size = count + more, size + gigabytes
                most_count, most_size = max(most_count, count), max(most_size, size)
        rows.append((each, count, size, most_count, most_size))
    return rows


NAMES = ("a", "b", "c")
RULES = st.sampled_from(
    [
        {},
        {"max_age_days": 1},
        {"max_age_days": 3, "keep_daily": 4},
        {"max_age_days": 2, "keep_last": 3},
        {"keep_last": 2},
        {"keep_hourly": 5, "keep_daily": 3, "keep_weekly": 2},
        {"full_count": 2, "incremental_count": 1},
        {"max_age_days": 1, "full_count": 2},
    ]
)


@st.composite
def histories(draw: st.DrawFn, name: str) -> list[Item]:
    items: list[Item] = []
    ages = draw(st.lists(st.integers(1, 150), max_size=6, unique=True))
    for number, age in enumerate(sorted(ages, reverse=True)):
        parent = draw(st.sampled_from([None, *items])) if items else None
        made = item(
            f"{name}{number}",
            age / 24,
            parent.backup.id if parent else None,
            volume_id=name,
            status=draw(st.sampled_from(["available", "available", "available", "error"])),
            ours=draw(st.sampled_from([True, True, True, False])),
            held=draw(st.sampled_from([False, False, False, True])),
        )
        items.append(replace(made, verified=draw(st.sampled_from([True, True, True, False]))))
    return items


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Volume], list[Schedule]]:
    volumes = [
        Volume(name, draw(st.integers(9, 10)), policy(**draw(RULES)), draw(histories(name)))
        for name in NAMES
    ]
    some = st.sets(st.sampled_from(NAMES), min_size=1).map(sorted)
    schedules = st.builds(
        Schedule,
        cron=st.sampled_from([NIGHTLY, "0 */6 * * *", "30 */8 * * *", "0 0 * * 5"]),
        timezone=st.sampled_from(["UTC", "Europe/Helsinki"]),
        backup_type=st.sampled_from(["incremental", "incremental", "full"]),
        max_incrementals=st.integers(0, 4),
        volume_ids=some,
    )
    return volumes, draw(st.lists(schedules, min_size=1, max_size=3))


@stable(200)
@given(cases(), st.sampled_from(["UTC", "America/New_York"]), st.booleans())
def test_the_same_as_the_long_way_round(
    case: tuple[list[Volume], list[Schedule]], zone: str, alike: bool
) -> None:
    volumes, schedules = case
    if alike:
        volumes = [replace(volumes[0], id=name, items=()) for name in NAMES]
    forecast = simulation.simulate(volumes, schedules, NOW, days=8, timezone=zone)
    assert [
        (day.date, day.backups, day.gigabytes, day.most_backups, day.most_gigabytes)
        for day in forecast.days
    ] == long_way_round(volumes, schedules, 8, zone)
    assert len({name for day in forecast.days for name in day.gone}) == sum(
        len(day.gone) for day in forecast.days
    )
