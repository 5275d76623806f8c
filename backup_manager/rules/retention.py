"""Which backups of a volume are kept, which go, why, and in which order they can go.

The rules ``keep_last`` to ``keep_yearly`` follow Proxmox Backup Server
(``pbs-datastore/src/prune.rs``: ``compute_prune_info`` and ``mark_selections``), with one
difference. What PBS passes over because its period has a newer backup is lost to all later rules.
A week that reaches into the next month so costs the month its last backups, even its only one.
Here the next rule looks at them.

The other rules stand beside these: what any of them keeps is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Any

from backup_manager.rules import chain, cron, recurrence

MAX_AGE_DAYS = 365

# Why a backup is kept, if not by the rule of a policy: those go by the names of their fields.
NO_RULES = "no_rules"
STATUS = "status"
HELD = "held"
FOREIGN = "foreign"
UNVERIFIED = "unverified"
LAST_GOOD = "last_good"
UNRESOLVED = "unresolved"
SNAPSHOT = "snapshot"
NEEDED = "needed"
# Why it goes.
EXPIRED = "expired"
FAILED = "failed"

_ERROR = "error"
# What Cinder deletes. In any other status something is under way, or an administrator is needed.
_DELETABLE = (chain.AVAILABLE, _ERROR)
# The data of such a backup is there: only what is being read from differs.
_INTACT = (chain.AVAILABLE, "restoring")


class PolicyError(ValueError):
    """A policy that can't be used.

    :param field: the property that is wrong, such as ``retention.max_age_days`` or ``timezone``
    :param message: what is wrong with it and what is allowed
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Policy:
    """What to keep. Each rule only ever keeps; a policy without rules keeps everything.

    :param origin: where it comes from, in words for the reasons: ``schedule nightly``
    :param max_age_days: keeps what is younger than so many times 24 hours
    :param keep_last: keeps the newest so many; this and the next five as PBS has them
    :param keep_hourly: keeps the newest of each of so many hours that have one; and so on
    :param full_count: keeps the newest so many full ones, by Cinder's ``is_incremental``
    :param incremental_count: the same of incremental ones
    :param timezone: IANA name of the zone whose clock divides hours, days, weeks (ISO), months
        and years
    """

    origin: str
    max_age_days: int | None = None
    keep_last: int | None = None
    keep_hourly: int | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None
    keep_yearly: int | None = None
    full_count: int | None = None
    incremental_count: int | None = None
    timezone: str = "UTC"

    @property
    def is_empty(self) -> bool:
        """Whether it has no rule, and so deletes nothing."""
        return all(getattr(self, rule) is None for rule in RULES)


RULES = (
    "max_age_days",
    "keep_last",
    "keep_hourly",
    "keep_daily",
    "keep_weekly",
    "keep_monthly",
    "keep_yearly",
    "full_count",
    "incremental_count",
)


@dataclass(frozen=True)
class Item:
    """A backup, and what is known about it beyond Cinder.

    :param ours: made by this service
    :param verified: what it builds on is known for certain (recorded, or worked out without
        contradiction), and so is what builds on it
    :param held: somebody wants it kept until he says otherwise
    """

    backup: chain.Backup
    ours: bool
    verified: bool
    held: bool = False
    hold_reason: str | None = None


@dataclass(frozen=True)
class Decision:
    """What becomes of a backup.

    :param rule: why, in one word: the field of the policy that keeps it, or a constant above
    :param reason: why, in a sentence
    :param blockers: the backups that build on it, or may do so. Cinder refuses to delete it
        before they are gone; those that go with it go first.
    """

    backup_id: str
    keep: bool
    rule: str
    reason: str
    blockers: tuple[str, ...] = ()


def parse(mapping: Mapping[str, Any], origin: str, timezone: str = "UTC") -> Policy:
    """Make a policy of what the API or the database has; absent and null mean no such rule.

    :param mapping: anything; all of it is checked
    :raises PolicyError: with the property that is wrong
    """
    if not isinstance(mapping, Mapping):
        raise PolicyError("retention", "must be an object")
    for name, value in mapping.items():
        if name not in RULES:
            raise PolicyError(
                f"retention.{str(name)[:64]}", f"is not known here; allowed: {', '.join(RULES)}"
            )
        # True equals 1 in Python, but whoever sends it did not mean a number.
        if value is not None and (type(value) is not int or value < 1):
            raise PolicyError(f"retention.{name}", "must be a whole number from 1, or null")
    if (mapping.get("max_age_days") or 0) > MAX_AGE_DAYS:
        raise PolicyError("retention.max_age_days", f"must not be more than {MAX_AGE_DAYS}")
    try:
        recurrence.zone(timezone)
    except recurrence.RecurrenceError as error:
        raise PolicyError(error.field, error.message) from error
    return Policy(origin=origin, timezone=timezone, **mapping)


def normalise(mapping: Mapping[str, Any]) -> dict[str, int]:
    """The rules that a mapping has, without those that are null.

    :raises PolicyError: as :func:`parse`
    """
    return rules_of(parse(mapping, ""))


def rules_of(policy: Policy) -> dict[str, int]:
    """The rules of a policy, as :func:`parse` takes them."""
    values = {rule: getattr(policy, rule) for rule in RULES}
    return {rule: value for rule, value in values.items() if value is not None}


def describe(policy: Policy) -> str:
    """What a policy keeps, in words: "30 days; the newest of each of 12 months"."""
    rules = ((rule, getattr(policy, rule)) for rule in RULES)
    words = [_in_words(rule, number) for rule, number in rules if number is not None]
    return "; ".join(words) or "everything is kept"


def decide(
    items: Iterable[Item],
    policy: Policy,
    now: datetime,
    *,
    automatic: bool,
    include_last: bool = False,
) -> list[Decision]:
    """Decide about all backups of one volume.

    A backup stays if a rule of the policy keeps it, or if something kept builds on it or may do
    so, or if it is held, or if Cinder would not delete it in its status. So does one that failed,
    as long as nothing newer is good; if it was made from a snapshot, always. The last good
    backup stays too, and so do, automatically, those that are not ours and those whose chain is
    not certain.

    Only available backups count as kept ones of a rule, and only those that could go: what stays
    anyway takes nobody's place, as protected ones don't in PBS.

    Adding a rule lets nothing go that was kept, with one exception: where weekly meets monthly or
    yearly, a month may be represented by the last backup of one of its weeks instead of its own.

    :param items: all that the project has of the volume, in any order
    :param now: aware
    :param automatic: nobody looks at the decisions before they are carried out
    :param include_last: the last good backup may go as well; not automatically
    :returns: one for each item, the newest backup first
    :raises ValueError: the items are of several volumes, or ``include_last`` automatically
    """
    if automatic and include_last:
        raise ValueError("the last good backup never goes automatically")
    newest_first = sorted(items, key=_created, reverse=True)
    if len({item.backup.volume_id for item in newest_first}) > 1:
        raise ValueError("the backups are of several volumes")
    plan = _plan(policy)
    chains = _Chains(newest_first)
    if policy.is_empty:
        kept = {item.backup.id: (NO_RULES, plan.reasons[NO_RULES]) for item in newest_first}
    else:
        kept = _kept_anyway(newest_first, chains, automatic)
        _keep_by_rules(kept, newest_first, plan, now)
        _keep_failed(kept, newest_first, chains, plan, now)
        if not include_last:
            _keep_last_good(kept, newest_first, chains)
        _keep_needed(kept, newest_first, chains)
        _keep_unorderable(kept, newest_first, chains)
    return _decisions(newest_first, kept, chains, plan)


def decide_each(
    items: Iterable[Item], policies: Mapping[str, Policy], now: datetime, *, automatic: bool
) -> list[Decision]:
    """Decide about all backups of one volume to which several policies apply.

    Each policy decides about its own backups. The others count as staying meanwhile, and take
    nobody's place; when some of them go, those that only they needed are looked at again.

    :param policies: by the id of the backup
    :returns: as :func:`decide`
    """
    known = sorted(items, key=_created, reverse=True)
    decided: dict[str, Decision] = {}
    blockers: dict[str, tuple[str, ...]] = {}
    rest = known
    while rest:
        decisions = _decide_once(rest, policies, now, automatic)
        decided.update((each.backup_id, each) for each in decisions)
        blockers = blockers or {each.backup_id: each.blockers for each in decisions}
        staying = [item for item in rest if decided[item.backup.id].keep]
        if len(staying) == len(rest) or len({*policies.values()}) == 1:
            break
        rest = staying
    # With all that builds on it, also what went in an earlier round.
    return [replace(each, blockers=blockers[each.backup_id]) for each in decided.values()]


def _decide_once(
    items: Sequence[Item], policies: Mapping[str, Policy], now: datetime, automatic: bool
) -> list[Decision]:
    decided: dict[str, Decision] = {}
    for policy in dict.fromkeys(policies[item.backup.id] for item in items):
        own = {item.backup.id for item in items if policies[item.backup.id] == policy}
        seen = [item if item.backup.id in own else replace(item, held=True) for item in items]
        decisions = decide(seen, policy, now, automatic=automatic)
        decided.update((each.backup_id, each) for each in decisions if each.backup_id in own)
    return [decided[item.backup.id] for item in items]


def widest(policies: Sequence[Policy]) -> Policy:
    """A policy with all rules of several, each as wide as the widest of them.

    :param policies: at least one; the calendar is that of the first
    """
    first = policies[0]
    if len(policies) == 1 or first.is_empty:
        return first
    origin = " and ".join(dict.fromkeys(each.origin for each in policies))
    if any(each.is_empty for each in policies):
        return Policy(origin=origin, timezone=first.timezone)
    rules = {
        rule: max(filter(None, (getattr(each, rule) for each in policies)), default=None)
        for rule in RULES
    }
    return Policy(origin=origin, timezone=first.timezone, **rules)


def order(decisions: Iterable[Decision]) -> list[list[str]]:
    """The order in which those that go can be deleted, leaf first.

    :param decisions: of one volume or of several
    :returns: ids in waves. Those of one wave don't depend on each other; a wave can start when the
        one before is gone, and each of its backups already when the ``blockers`` of it are. What
        must wait for a backup that is kept or not among ``decisions`` is left out.
    """
    return _waves({each.backup_id: each.blockers for each in decisions if not each.keep})


def digest(decisions: Iterable[Decision]) -> str:
    """A fingerprint of what would go, to make sure that what is confirmed is what was shown.

    :returns: SHA-256 over the sorted ids, in hexadecimal digits
    """
    going = sorted(each.backup_id for each in decisions if not each.keep)
    return hashlib.sha256("\n".join(going).encode()).hexdigest()


def brake(total: int, going: int, percent: int) -> bool:
    """Whether so many would go that a person should look first.

    :param total: backups that there are
    :param going: those of them that would go
    :param percent: how much of them may go without asking; at 100 everything may
    """
    return going * 100 > total * percent


def expiries(
    items: Iterable[Item], policy: Policy, *, automatic: bool = True
) -> dict[str, datetime]:
    """When the backups of a volume go, if none is made, held or deleted until then.

    Only for policies that know nothing but an age: with others it depends on what is made.

    :returns: by id, the first moment at which :func:`decide` lets it go; those that stay for good
        are absent
    """
    known = list(items)
    days = policy.max_age_days
    if not known or days is None or policy != Policy(policy.origin, days, timezone=policy.timezone):
        return {}
    age = timedelta(days=days)
    moments = {item.backup.id: item.backup.created_at + age for item in known}
    going = [
        each
        for each in decide(known, policy, max(moments.values()), automatic=automatic)
        if not each.keep
    ]
    blockers = {each.backup_id: each.blockers for each in going}
    expires: dict[str, datetime] = {}
    for wave in order(going):
        for backup_id in wave:
            later = [expires[blocker] for blocker in blockers[backup_id]]
            expires[backup_id] = max([moments[backup_id], *later])
    return expires


# What a policy comes to, worked out once for all volumes that it applies to.


@dataclass(frozen=True)
class _Unit:
    """A kind of calendar period.

    :param key: tells the periods apart; takes a time of the wall clock, with its zone
    :param label: names the period with such a key
    """

    plural: str
    key: Callable[[datetime], Any]
    label: Callable[[Any], str]


def _hour(wall: datetime) -> tuple[int, int, timedelta | None]:
    # With the offset, since an hour of the wall clock can come twice.
    return wall.toordinal(), wall.hour, wall.utcoffset()


def _hour_label(key: tuple[int, int, timedelta]) -> str:
    day, hour, offset = key
    wall = datetime.combine(date.fromordinal(day), time(hour, tzinfo=timezone(offset)))
    return wall.isoformat(" ", "minutes")


def _week(wall: datetime) -> int:
    # Day 1 of the ordinals was a Monday, so that these are ISO weeks.
    return (wall.toordinal() - 1) // 7


def _week_label(key: int) -> str:
    year, week, _ = date.fromordinal(key * 7 + 1).isocalendar()
    return f"{year}-W{week:02}"


def _month(wall: datetime) -> int:
    return wall.year * 12 + wall.month - 1


_UNITS: Mapping[str, _Unit] = {
    "keep_hourly": _Unit("hours", _hour, _hour_label),
    "keep_daily": _Unit("days", datetime.toordinal, lambda day: date.fromordinal(day).isoformat()),
    "keep_weekly": _Unit("weeks", _week, _week_label),
    "keep_monthly": _Unit("months", _month, lambda key: f"{key // 12}-{key % 12 + 1:02}"),
    "keep_yearly": _Unit("years", attrgetter("year"), str),
}


# Cached because the backups of all volumes fall into the same few periods.
@lru_cache(maxsize=8192)
def _label(rule: str, key: Any) -> str:
    return _UNITS[rule].label(key)


@dataclass(frozen=True)
class _Period:
    """A rule of a policy that keeps the newest of each of ``count`` periods."""

    rule: str
    count: int
    key: Callable[[datetime], Any]
    before: str
    after: str

    def reason(self, key: Any) -> str:
        return f"{self.before}{_label(self.rule, key)}{self.after}"


@dataclass(frozen=True)
class _Plan:
    max_age: timedelta | None
    periods: tuple[_Period, ...]
    zone: tzinfo
    counts: Mapping[str, int]
    # Those of the rules without periods, and of what goes.
    reasons: Mapping[str, str]


# Cached because the same few policies apply to many volumes.
@lru_cache(maxsize=1024)
def _plan(policy: Policy) -> _Plan:
    rules = {rule: getattr(policy, rule) for rule in RULES}
    counts = {rule: n for rule, n in rules.items() if n is not None}
    in_words = {rule: _in_words(rule, n) for rule, n in counts.items()}
    by = f"Kept by {policy.origin}"
    ones = {rule: f"{by}: {_one_of(rule, n)}." for rule, n in counts.items() if rule not in _UNITS}
    everything = "; ".join(in_words.values())
    age = policy.max_age_days
    return _Plan(
        max_age=None if age is None else timedelta(days=age),
        periods=tuple(
            _Period(rule, counts[rule], _UNITS[rule].key, f"{by}: for ", f" ({words}).")
            for rule, words in in_words.items()
            if rule in _UNITS
        ),
        # Times are in UTC already: converting them to this very object costs nothing.
        zone=cron.UTC if policy.timezone == "UTC" else recurrence.zone(policy.timezone),
        counts=counts,
        reasons={
            **ones,
            NO_RULES: f"No rule is set by {policy.origin}, so everything is kept.",
            EXPIRED: f"Not kept by {policy.origin}: {everything}.",
            FAILED: f"It failed, and is not kept by {policy.origin}: {everything}.",
        },
    )


_OF_TYPE = {"keep_last": "", "full_count": " full ones", "incremental_count": " incremental ones"}


def _in_words(rule: str, number: int) -> str:
    if rule == "max_age_days":
        return "1 day" if number == 1 else f"{number} days"
    if rule in _UNITS:
        plural = _UNITS[rule].plural
        each = f"1 {plural[:-1]}" if number == 1 else f"each of {number} {plural}"
        return f"the newest of {each}"
    of_type = _OF_TYPE[rule]
    return f"the newest{of_type[:-1]}" if number == 1 else f"the {number} newest{of_type}"


def _one_of(rule: str, number: int) -> str:
    """Why one backup is kept by a rule without periods."""
    words = _in_words(rule, number)
    if rule == "max_age_days":
        return f"younger than {words}"
    return words if number == 1 else f"one of {words}"


# What builds on what.


class _Chains:
    """The chains of one volume.

    :param newest_first: all its backups

    - ``doubtful``: incremental backups of which it is not certain what they build on
    - ``sound``: whether the chain of a backup is certain, reaches a full one and is undamaged,
      whatever its own status
    - ``needs``: what must stay as long as a backup exists, not counting what that needs in turn
    - ``blockers``: the same the other way round
    """

    def __init__(self, newest_first: Sequence[Item]) -> None:
        self._items = {item.backup.id: item for item in newest_first}
        self._certain = {
            child: parent
            for child, parent in _parents(newest_first).items()
            if parent in self._items and self._items[child].verified
        }
        self.sound: dict[str, bool] = {}
        # The oldest first: then most parents are known before their children ask for them.
        for backup_id in reversed(self._items):
            parent = self._certain.get(backup_id)
            if parent is None or parent in self.sound:
                self.sound[backup_id] = self._is_sound(backup_id)
            else:
                self._trace(backup_id)
        self.doubtful = {
            item.backup.id
            for item in newest_first
            if item.backup.is_incremental and item.backup.id not in self._certain
        }
        self.needs: dict[str, Sequence[str]] = {
            child: (parent,) for child, parent in self._certain.items()
        }
        if self.doubtful:
            self._add_possible_parents(newest_first)
        self.blockers: dict[str, list[str]] = {}
        for child, parents in self.needs.items():
            for parent in parents:
                self.blockers.setdefault(parent, []).append(child)

    def _trace(self, backup_id: str) -> None:
        path = []
        current: str | None = backup_id
        while current is not None and current not in self.sound:
            self.sound[current] = False
            path.append(current)
            current = self._certain.get(current)
        if current in path:
            # Records come from outside: what goes in circles is not certain.
            for each in path[path.index(current) :]:
                del self._certain[each]
        for each in reversed(path):
            self.sound[each] = self._is_sound(each)

    def _is_sound(self, backup_id: str) -> bool:
        item = self._items[backup_id]
        parent = self._certain.get(backup_id)
        if parent is None:
            return item.verified and not item.backup.is_incremental
        return self.sound[parent] and self._items[parent].backup.status in _INTACT

    def _add_possible_parents(self, newest_first: Sequence[Item]) -> None:
        """Whatever was there when a doubtful backup was made may be what it builds on.

        It is enough to go back to the next doubtful one: that one needs all the rest.
        """
        for position, item in enumerate(newest_first):
            if item.backup.id in self.doubtful:
                at_once = _made_at_once(newest_first, position)
                older = self._up_to_doubtful(newest_first[position + 1 :])
                self.needs[item.backup.id] = [*at_once, *older]

    def _up_to_doubtful(self, older: Sequence[Item]) -> Iterator[str]:
        for item in older:
            yield item.backup.id
            if item.backup.id in self.doubtful:
                return


def _parents(items: Sequence[Item]) -> Mapping[str, str]:
    """The parent of each incremental backup, where there is any to tell."""
    parents: dict[str, str] = {}
    for item in items:
        if item.backup.is_incremental:
            if item.backup.parent_id is None:
                return chain.derive_parents(each.backup for each in items)
            parents[item.backup.id] = item.backup.parent_id
    return parents


def _made_at_once(newest_first: Sequence[Item], position: int) -> Iterator[str]:
    """Those before ``position`` that are just as old: which was first can't be told."""
    moment = newest_first[position].backup.created_at
    while position and newest_first[position - 1].backup.created_at == moment:
        position -= 1
        yield newest_first[position].backup.id


# What keeps a backup. Each of these adds to ``kept``: rule and reason by the id of the backup.

_Kept = dict[str, tuple[str, str]]


def _kept_anyway(items: Sequence[Item], chains: _Chains, automatic: bool) -> _Kept:
    """Those that no policy lets go."""
    kept: _Kept = {}
    for item in items:
        why = _untouchable(item) or (_left_alone(item, chains) if automatic else None)
        if why is not None:
            kept[item.backup.id] = why
    return kept


def _untouchable(item: Item) -> tuple[str, str] | None:
    status = item.backup.status
    if item.held:
        return HELD, f"On hold: {item.hold_reason}" if item.hold_reason else "On hold."
    if status not in _DELETABLE:
        return STATUS, f"Its status is {status}; Cinder deletes only available and failed ones."
    if status == _ERROR and item.backup.snapshot_id is not None:
        return SNAPSHOT, (
            "It failed and was made from a snapshot: with Ceph, deleting it can destroy the data "
            "of another backup."
        )
    return None


def _left_alone(item: Item, chains: _Chains) -> tuple[str, str] | None:
    if not item.ours:
        return FOREIGN, "Backup Manager did not make it, and deletes only its own automatically."
    if not chains.sound[item.backup.id]:
        return UNVERIFIED, (
            "It is not certain that its chain is whole; such a backup is not deleted automatically."
        )
    return None


def _keep_by_rules(kept: _Kept, items: Sequence[Item], plan: _Plan, now: datetime) -> None:
    points = [
        item.backup
        for item in items
        if item.backup.status == chain.AVAILABLE and item.backup.id not in kept
    ]
    if plan.max_age is not None:
        limit, why = now - plan.max_age, ("max_age_days", plan.reasons["max_age_days"])
        kept.update((backup.id, why) for backup in points if backup.created_at > limit)
    for backup_id, why in _keep_last_to_yearly(points, plan).items():
        kept.setdefault(backup_id, why)
    for rule, incremental in (("full_count", False), ("incremental_count", True)):
        if rule in plan.counts:
            of_type = [backup.id for backup in points if backup.is_incremental == incremental]
            for backup_id in of_type[: plan.counts[rule]]:
                kept.setdefault(backup_id, (rule, plan.reasons[rule]))


def _keep_last_to_yearly(points: Sequence[chain.Backup], plan: _Plan) -> _Kept:
    """What these rules keep of restore points, the newest of which comes first."""
    kept: _Kept = {}
    last = plan.counts.get("keep_last", 0)
    walls = [backup.created_at.astimezone(plan.zone) for backup in points[:last]]
    for backup in points[:last]:
        kept[backup.id] = "keep_last", plan.reasons["keep_last"]
    rest = points[last:]
    for period in plan.periods:
        rest = _keep_of_each(kept, rest, walls, period, plan.zone)
    return kept


def _keep_of_each(
    kept: _Kept,
    points: Sequence[chain.Backup],
    walls: list[datetime],
    period: _Period,
    zone: tzinfo,
) -> Sequence[chain.Backup]:
    """Keep the newest of each of so many periods that hold nothing kept yet.

    :param points: those that no rule has kept yet
    :param walls: when those that are kept were made, by the clock on the wall; is added to
    :returns: those that this rule did not keep either
    """
    covered = {period.key(wall) for wall in walls}
    full = len(covered) + period.count
    rest = []
    for position, backup in enumerate(points):
        wall = backup.created_at.astimezone(zone)
        key = period.key(wall)
        if key in covered:
            rest.append(backup)
            continue
        if len(covered) == full:
            return [*rest, *points[position:]]
        covered.add(key)
        walls.append(wall)
        kept[backup.id] = period.rule, period.reason(key)
    return rest


def _keep_failed(
    kept: _Kept, items: Sequence[Item], chains: _Chains, plan: _Plan, now: datetime
) -> None:
    """Failed backups are of interest while they are young, or the last word on the volume."""
    limit = None if plan.max_age is None else now - plan.max_age
    resolved = False
    for item in items:
        backup = item.backup
        if backup.status == chain.AVAILABLE:
            resolved = resolved or chains.sound[backup.id]
        elif backup.id not in kept:
            if limit is not None and backup.created_at > limit:
                kept[backup.id] = "max_age_days", plan.reasons["max_age_days"]
            elif not resolved:
                kept[backup.id] = UNRESOLVED, "It failed, and no newer backup is good."


def _keep_last_good(kept: _Kept, items: Sequence[Item], chains: _Chains) -> None:
    available = [item.backup for item in items if item.backup.status == chain.AVAILABLE]
    good = [backup for backup in available if chains.sound[backup.id]]
    # Where no chain is certain, the newest backup is the best that there is.
    candidates = good or available
    if candidates:
        last = max(candidates, key=_data)
        kept.setdefault(last.id, (LAST_GOOD, "The last good backup of the volume."))


def _keep_needed(kept: _Kept, items: Sequence[Item], chains: _Chains) -> None:
    if len(kept) == len(items):
        return
    roots = [item.backup.id for item in items if item.backup.id in kept]
    for root in roots:
        descendants = [(root, False)]
        while descendants:
            descendant, doubt = descendants.pop()
            doubt = doubt or descendant in chains.doubtful
            for ancestor in chains.needs.get(descendant, ()):
                if ancestor not in kept:
                    kept[ancestor] = NEEDED, _why_needed(root, doubt)
                    descendants.append((ancestor, doubt))


def _keep_unorderable(kept: _Kept, items: Sequence[Item], chains: _Chains) -> None:
    """Of several doubtful backups of the same moment it can't be told which one goes first."""
    if not chains.doubtful:
        return
    going = {
        item.backup.id: chains.blockers.get(item.backup.id, ())
        for item in items
        if item.backup.id not in kept
    }
    orderable = {backup_id for wave in _waves(going) for backup_id in wave}
    for backup_id in going.keys() - orderable:
        kept[backup_id] = UNVERIFIED, "It can't be told which backups of the volume build on it."


def _why_needed(descendant: str, doubt: bool) -> str:
    if doubt:
        return f"Backup {descendant} is kept and may build on it; its chain is not certain."
    return f"Backup {descendant} is kept and builds on it."


def _decisions(items: Sequence[Item], kept: _Kept, chains: _Chains, plan: _Plan) -> list[Decision]:
    decisions = []
    for item in items:
        backup_id = item.backup.id
        blockers = tuple(chains.blockers.get(backup_id, ()))
        if backup_id in kept:
            rule, reason = kept[backup_id]
            decisions.append(Decision(backup_id, True, rule, reason, blockers))
        else:
            rule = FAILED if item.backup.status == _ERROR else EXPIRED
            decisions.append(Decision(backup_id, False, rule, plan.reasons[rule], blockers))
    return decisions


def _waves(blockers: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Those without blockers, then those that had only these, and so on.

    :param blockers: by the id of each backup that is to go
    """
    waiting = {backup_id: len(first) for backup_id, first in blockers.items()}
    frees: dict[str, list[str]] = {}
    for backup_id, first in blockers.items():
        for blocker in first:
            frees.setdefault(blocker, []).append(backup_id)
    waves = []
    wave = [backup_id for backup_id, number in waiting.items() if number == 0]
    while wave:
        waves.append(wave)
        following = []
        for gone in wave:
            for backup_id in frees.get(gone, ()):
                waiting[backup_id] -= 1
                if waiting[backup_id] == 0:
                    following.append(backup_id)
        wave = following
    return waves


# Orders items by their age; the id only makes the order of equals a fixed one.
_created = attrgetter("backup.created_at", "backup.id")
# Orders backups by their data.
_data = attrgetter("data_time", "created_at", "id")
