"""Which backups can be deleted together, in which order, and when a person has to look first."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from backup_manager.rules import retention
from backup_manager.rules.links import Item, Links, from_newest, waves
from backup_manager.rules.retention import Decision

# Why a backup goes: somebody named it, or one that it builds on.
NAMED = "named"
DEPENDANT = "dependant"

# How many backups a reason lists.
_LISTED = 5


def named(items: Iterable[Item], backup_ids: Collection[str], *, cascade: bool) -> list[Decision]:
    """Decide about backups of one volume that a person names.

    Whoever made them and however good they are, they go; but not those on hold, those that Cinder
    would not delete, and those on which something else builds that stays.

    :param items: all that the project has of the volume, in any order
    :param backup_ids: what is to go; ids of other volumes are passed over
    :param cascade: what builds on them goes as well
    :returns: one for each that was named, and for what goes with them, the newest first; those
        that stay are the refused ones, with the reason
    """
    known = from_newest(items)
    links = Links(known)
    wanted = {item.backup.id for item in known}.intersection(backup_ids)
    asked = _with_dependants(wanted, links.blockers) if cascade else wanted
    refused = _refused(known, asked, links)
    decisions = []
    for item in known:
        backup_id = item.backup.id
        if backup_id not in asked:
            continue
        rule, reason = refused.get(backup_id) or _why(backup_id, wanted, asked, links)
        blockers = tuple(links.blockers.get(backup_id, ()))
        decisions.append(Decision(backup_id, backup_id in refused, rule, reason, blockers))
    return decisions


def _with_dependants(wanted: Iterable[str], blockers: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*wanted]
    while waiting:
        backup_id = waiting.pop()
        if backup_id not in found:
            found.add(backup_id)
            waiting += blockers.get(backup_id, ())
    return found


def _refused(items: Sequence[Item], asked: set[str], links: Links) -> dict[str, tuple[str, str]]:
    refused = {
        item.backup.id: why
        for item in items
        if item.backup.id in asked and (why := retention.untouchable(item)) is not None
    }
    going = {backup_id: links.blockers.get(backup_id, ()) for backup_id in asked - refused.keys()}
    possible = {backup_id for wave in waves(going) for backup_id in wave}
    oldest_first = [item.backup.id for item in reversed(items)]
    for backup_id in going.keys() - possible:
        dependants = _with_dependants([backup_id], links.blockers) - possible - {backup_id}
        staying = [each for each in oldest_first if each in dependants]
        refused[backup_id] = retention.NEEDED, _why_not(backup_id, staying, links)
    return refused


def _why_not(backup_id: str, staying: Sequence[str], links: Links) -> str:
    sure = {
        parent: [child for child in children if child not in links.doubtful]
        for parent, children in links.blockers.items()
    }
    certain = _with_dependants([backup_id], sure)
    surely = [each for each in staying if each in certain]
    perhaps = [each for each in staying if each not in certain]
    verb = "builds" if len(surely) == 1 else "build"
    parts = [f"{_listed(surely)} {verb} on it"] if surely else []
    parts += [f"{_listed(perhaps)} may build on it"] if perhaps else []
    return f"{' and '.join(parts)}."


def _listed(backup_ids: Sequence[str]) -> str:
    more = len(backup_ids) - _LISTED
    names = ", ".join(backup_ids[:_LISTED])
    return f"{names} and {more} more" if more > 0 else names


def _why(backup_id: str, wanted: set[str], asked: set[str], links: Links) -> tuple[str, str]:
    if backup_id in wanted:
        return NAMED, "You named it."
    parents = _listed([each for each in links.needs[backup_id] if each in asked])
    if backup_id in links.doubtful:
        return DEPENDANT, f"It may build on {parents}; its chain is not certain."
    return DEPENDANT, f"It builds on {parents}."


def leaves_nothing(items: Sequence[Item], decisions: Iterable[Decision]) -> bool:
    """Whether a volume that has a good backup would have none any more."""
    good = retention.good(items)
    return bool(good) and good <= {each.backup_id for each in decisions if not each.keep}


def order(decisions: Iterable[Decision]) -> list[list[str]]:
    """The order in which those that go can be deleted, leaf first.

    :param decisions: of one volume or of several
    :returns: ids in waves. Those of one wave don't depend on each other; a wave can start when the
        one before is gone, and each of its backups already when the ``blockers`` of it are. What
        must wait for a backup that is kept or not among ``decisions`` is left out.
    """
    return waves({each.backup_id: each.blockers for each in decisions if not each.keep})


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
