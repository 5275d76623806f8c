"""Which backups of a volume are kept, which go, and why.

The rules ``keep_last`` to ``keep_yearly`` follow Proxmox Backup Server
(``pbs-datastore/src/prune.rs``: ``compute_prune_info`` and ``mark_selections``), with one
difference. What PBS passes over because its period has a newer backup is lost to all later rules.
A week that reaches into the next month so costs the month its last backups, even its only one.
Here the next rule looks at them.

The other rules stand beside these: what any of them keeps is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter

from backup_manager.rules import chain
from backup_manager.rules.links import Item, Links, from_newest, waves
from backup_manager.rules.policy import (
    EXPIRED,
    FAILED,
    NO_RULES,
    Period,
    Policy,
    Terms,
    terms_of,
)

# Why a backup is kept, if not by the rule of a policy: those go by the names of their fields.
STATUS = "status"
HELD = "held"
FOREIGN = "foreign"
UNVERIFIED = "unverified"
LAST_GOOD = "last_good"
UNRESOLVED = "unresolved"
SNAPSHOT = "snapshot"
NEEDED = "needed"

_ERROR = "error"
# What Cinder deletes. In any other status something is under way, or an administrator is needed.
_DELETABLE = (chain.AVAILABLE, _ERROR)


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
    :param include_last: the last good backup may go as well, and what failed after it; not
        automatically
    :returns: one for each item, the newest backup first
    :raises ValueError: the items are of several volumes, or ``include_last`` automatically
    """
    if automatic and include_last:
        raise ValueError("the last good backup never goes automatically")
    newest_first = from_newest(items)
    if len({item.backup.volume_id for item in newest_first}) > 1:
        raise ValueError("the backups are of several volumes")
    terms = terms_of(policy)
    links = Links(newest_first)
    if policy.is_empty:
        kept = {item.backup.id: (NO_RULES, terms.reasons[NO_RULES]) for item in newest_first}
    else:
        kept = _kept_anyway(newest_first, links, automatic)
        _keep_by_rules(kept, newest_first, terms, now)
        if not include_last:
            _keep_last_word(kept, newest_first, links)
        _keep_needed(kept, newest_first, links)
        _keep_unorderable(kept, newest_first, links)
    return _decisions(newest_first, kept, links, terms)


def decide_each(
    items: Iterable[Item], policies: Mapping[str, Policy], now: datetime, *, automatic: bool
) -> list[Decision]:
    """Decide about all backups of one volume to which several policies apply.

    Each policy decides about its own backups. The others count as staying meanwhile, and take
    nobody's place; when some of them go, those that only they needed are looked at again.

    :param policies: by the id of the backup
    :returns: as :func:`decide`
    """
    known = from_newest(items)
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
    for policy, own, seen in _by_policy(items, policies):
        decisions = decide(seen, policy, now, automatic=automatic)
        decided.update((each.backup_id, each) for each in decisions if each.backup_id in own)
    return [decided[item.backup.id] for item in items]


def _by_policy(
    items: Sequence[Item], policies: Mapping[str, Policy]
) -> Iterator[tuple[Policy, set[str], list[Item]]]:
    """Each policy, the ids of its own backups, and all of them, the others as if on hold."""
    for policy in dict.fromkeys(policies[item.backup.id] for item in items):
        own = {item.backup.id for item in items if policies[item.backup.id] == policy}
        yield (
            policy,
            own,
            [item if item.backup.id in own else replace(item, held=True) for item in items],
        )


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
    for wave in waves(blockers):
        for backup_id in wave:
            later = [expires[blocker] for blocker in blockers[backup_id]]
            expires[backup_id] = max([moments[backup_id], *later])
    return expires


def expiries_each(
    items: Iterable[Item], policies: Mapping[str, Policy], *, automatic: bool = True
) -> dict[str, datetime]:
    """The same where several policies apply, as in :func:`decide_each`.

    What needs a backup of another policy to go first is absent as well.

    :param policies: by the id of the backup
    """
    known = from_newest(items)
    expires: dict[str, datetime] = {}
    for policy, own, seen in _by_policy(known, policies):
        found = expiries(seen, policy, automatic=automatic)
        expires.update((backup_id, when) for backup_id, when in found.items() if backup_id in own)
    return expires


# What keeps a backup. Each of these adds to ``kept``: rule and reason by the id of the backup.

_Kept = dict[str, tuple[str, str]]


def _kept_anyway(items: Sequence[Item], links: Links, automatic: bool) -> _Kept:
    """Those that no policy lets go."""
    kept: _Kept = {}
    for item in items:
        why = untouchable(item) or (_left_alone(item, links) if automatic else None)
        if why is not None:
            kept[item.backup.id] = why
    return kept


def untouchable(item: Item) -> tuple[str, str] | None:
    """Why nothing may delete a backup, in a word and in a sentence; None if it may be deleted."""
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


def _left_alone(item: Item, links: Links) -> tuple[str, str] | None:
    if not item.ours:
        return FOREIGN, "Backup Manager did not make it, and deletes only its own automatically."
    if not links.sound[item.backup.id]:
        return UNVERIFIED, (
            "It is not certain that its chain is whole; such a backup is not deleted automatically."
        )
    return None


def _keep_by_rules(kept: _Kept, items: Sequence[Item], terms: Terms, now: datetime) -> None:
    free = [item.backup for item in items if item.backup.id not in kept]
    if terms.max_age is not None:
        limit, why = now - terms.max_age, ("max_age_days", terms.reasons["max_age_days"])
        kept.update((backup.id, why) for backup in free if backup.created_at > limit)
    points = [backup for backup in free if backup.status == chain.AVAILABLE]
    for backup_id, why in _keep_last_to_yearly(points, terms).items():
        kept.setdefault(backup_id, why)
    for rule, incremental in (("full_count", False), ("incremental_count", True)):
        if rule in terms.counts:
            of_type = [backup.id for backup in points if backup.is_incremental == incremental]
            for backup_id in of_type[: terms.counts[rule]]:
                kept.setdefault(backup_id, (rule, terms.reasons[rule]))


def _keep_last_to_yearly(points: Sequence[chain.Backup], terms: Terms) -> _Kept:
    """What these rules keep of restore points, the newest of which comes first."""
    kept: _Kept = {}
    last = terms.counts.get("keep_last", 0)
    walls = [backup.created_at.astimezone(terms.zone) for backup in points[:last]]
    for backup in points[:last]:
        kept[backup.id] = "keep_last", terms.reasons["keep_last"]
    rest = points[last:]
    for period in terms.periods:
        rest = _keep_of_each(kept, rest, walls, period, terms.zone)
    return kept


def _keep_of_each(
    kept: _Kept,
    points: Sequence[chain.Backup],
    walls: list[datetime],
    period: Period,
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


def _keep_last_word(kept: _Kept, items: Sequence[Item], links: Links) -> None:
    """The last good backup, and what failed since: the volume has nothing better."""
    last = max(_good(items, links), key=_data, default=None)
    resolved = None
    if last is not None:
        kept.setdefault(last.id, (LAST_GOOD, "The last good backup of the volume."))
        resolved = _data(last) if links.sound[last.id] else None
    for item in items:
        # Compared with the one backup that stays for certain: what goes resolves nothing.
        if item.backup.status == _ERROR and (resolved is None or _data(item.backup) > resolved):
            kept.setdefault(item.backup.id, (UNRESOLVED, "It failed, and no newer backup is good."))


def _good(items: Sequence[Item], links: Links) -> list[chain.Backup]:
    available = [item.backup for item in items if item.backup.status == chain.AVAILABLE]
    # Where no chain is certain, any backup is better than none.
    return [backup for backup in available if links.sound[backup.id]] or available


def good(items: Iterable[Item]) -> set[str]:
    """The backups of a volume that can be relied on, or if there are none, could perhaps be."""
    newest_first = from_newest(items)
    return {backup.id for backup in _good(newest_first, Links(newest_first))}


def _keep_needed(kept: _Kept, items: Sequence[Item], links: Links) -> None:
    if len(kept) == len(items):
        return
    roots = [item.backup.id for item in items if item.backup.id in kept]
    for root in roots:
        descendants = [(root, False)]
        while descendants:
            descendant, doubt = descendants.pop()
            doubt = doubt or descendant in links.doubtful
            for ancestor in links.needs.get(descendant, ()):
                if ancestor not in kept:
                    kept[ancestor] = NEEDED, _why_needed(root, doubt)
                    descendants.append((ancestor, doubt))


def _keep_unorderable(kept: _Kept, items: Sequence[Item], links: Links) -> None:
    """Of several doubtful backups of the same moment it can't be told which one goes first."""
    if not links.doubtful:
        return
    going = {
        item.backup.id: links.blockers.get(item.backup.id, ())
        for item in items
        if item.backup.id not in kept
    }
    orderable = {backup_id for wave in waves(going) for backup_id in wave}
    for backup_id in going.keys() - orderable:
        kept[backup_id] = UNVERIFIED, "It can't be told which backups of the volume build on it."


def _why_needed(descendant: str, doubt: bool) -> str:
    if doubt:
        return f"Backup {descendant} is kept and may build on it; its chain is not certain."
    return f"Backup {descendant} is kept and builds on it."


def _decisions(items: Sequence[Item], kept: _Kept, links: Links, terms: Terms) -> list[Decision]:
    decisions = []
    for item in items:
        backup_id = item.backup.id
        blockers = tuple(links.blockers.get(backup_id, ()))
        if backup_id in kept:
            rule, reason = kept[backup_id]
            decisions.append(Decision(backup_id, True, rule, reason, blockers))
        else:
            rule = FAILED if item.backup.status == _ERROR else EXPIRED
            decisions.append(Decision(backup_id, False, rule, terms.reasons[rule], blockers))
    return decisions


# Orders backups by their data.
_data = attrgetter("data_time", "created_at", "id")
