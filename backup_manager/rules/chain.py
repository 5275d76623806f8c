"""Chains of backups: what an incremental one builds on, and when it must be a full one instead.

Cinder picks the parent of an incremental backup and tells only administrators which one it took.
So it is recorded where the service makes the backup, and otherwise worked out by Cinder's own rule
(``cinder/backup/api.py``, ``API.create``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backup_manager.rules import backup_type

AVAILABLE = "available"
# Never was, or is not yet, something to build on; Cinder does not count it among what builds on
# its parent either.
_INCOMPLETE = ("creating", "error")
# The data of such a backup is there: only what is being read from differs.
INTACT = (AVAILABLE, "restoring")


@dataclass(frozen=True)
class Backup:
    """What counts about a backup here.

    :param status: Cinder's
    :param is_incremental: Cinder's fact, whatever the description says
    :param created_at: aware
    :param data_timestamp: aware; when the data was that of the volume, which is the creation of
        the snapshot where there was one. None stands for ``created_at``.
    :param size_gb: size of the volume in GiB when the backup was made
    :param snapshot_id: the snapshot it was made from, None for one made from the volume
    :param parent_id: the parent as recorded when the backup was made, None if unknown
    """

    id: str
    volume_id: str
    status: str
    is_incremental: bool
    created_at: datetime
    data_timestamp: datetime | None
    size_gb: int
    snapshot_id: str | None = None
    parent_id: str | None = None

    @property
    def data_time(self) -> datetime:
        """The time that orders the backups of a volume."""
        return self.data_timestamp or self.created_at


@dataclass(frozen=True)
class Choice:
    """What to make.

    :param backup_type: ``full`` or ``incremental``
    :param parent_id: what Cinder will take as the parent, None for a full backup
    :param note: why a full backup is made though an incremental one was asked for, else None
    """

    backup_type: str
    parent_id: str | None
    note: str | None


def parent_of_next(backups: Iterable[Backup]) -> Backup | None:
    """What Cinder takes as the parent of an incremental backup made now, None if nothing.

    The available backup with the newest data, whoever made it.

    :param backups: those of one volume in the project, in any order
    """
    usable = (backup for backup in backups if backup.status == AVAILABLE)
    return max(usable, key=_age, default=None)


def derive_parents(backups: Iterable[Backup]) -> dict[str, str]:
    """The parent of each incremental backup, as recorded or else by Cinder's rule.

    The rule: of the backups of that volume which existed when the incremental one was made, the
    one with the newest data that is older than its own.

    :param backups: in any order; of several volumes, if need be
    :returns: id of the backup to id of its parent. A recorded parent is given even if it is not
        among ``backups``; an incremental backup without any candidate is absent.
    """
    parents: dict[str, str] = {}
    for siblings in _by_volume(backups):
        for position, backup in enumerate(siblings):
            if not backup.is_incremental:
                continue
            parent_id = backup.parent_id or _parent_by_rule(backup, siblings[:position])
            if parent_id is not None:
                parents[backup.id] = parent_id
    return parents


def lineage(backup: Backup, backups: Iterable[Backup]) -> list[Backup] | None:
    """What a restore of a backup needs, from itself to its full backup.

    :param backups: all of the volume, in any order, with or without the backup itself
    :returns: the backup first and its full one last; None when the chain does not reach a full
        one, so that the backup can't be relied on
    """
    known = {each.id: each for each in (*backups, backup)}
    return _follow(backup, known, derive_parents(known.values()))


def verified(
    backups: Iterable[Backup], *, derived: Collection[str], with_dependents: Collection[str]
) -> set[str]:
    """The backups of which it is certain what they build on, and what builds on them.

    A recorded parent is certain, a derived one as long as Cinder does not contradict: it says of
    each backup whether complete others build on it.

    :param backups: all of one volume
    :param derived: ids of those whose parent was not recorded
    :param with_dependents: ids of those on which others build, as Cinder says
    :returns: their ids
    """
    known = list(backups)
    ids = {backup.id for backup in known}
    parents = {backup.parent_id for backup in known if backup.is_incremental}
    # On these builds something else than was derived: what came after them may be it.
    unexplained = [each for each in known if each.id in with_dependents and each.id not in parents]
    since = min((each.created_at for each in unexplained), default=None)
    certain = {each.id for each in known} - {each.id for each in unexplained}
    for backup in known:
        if not backup.is_incremental:
            continue
        is_derived = backup.id in derived
        counted = backup.status not in _INCOMPLETE
        contradicted = counted and backup.parent_id not in with_dependents
        late = since is not None and backup.created_at >= since
        if backup.parent_id not in ids or (is_derived and (contradicted or late)):
            certain.discard(backup.id)
    return certain


def tree(backups: Iterable[Backup]) -> list[tuple[Backup, int]]:
    """Each backup with its depth: 0 for one that builds on nothing known.

    :param backups: in any order
    :returns: the oldest first, each followed by what builds on it
    """
    known = sorted(backups, key=_age)
    ids = {backup.id for backup in known}
    children: defaultdict[str | None, list[Backup]] = defaultdict(list)
    for backup in known:
        parent = backup.parent_id if backup.is_incremental else None
        children[parent if parent in ids else None].append(backup)
    placed: dict[str, tuple[Backup, int]] = {}
    # What goes in circles is reached from no root: it comes last.
    waiting = [(backup, 0) for backup in [*reversed(known), *reversed(children[None])]]
    while waiting:
        backup, depth = waiting.pop()
        if backup.id not in placed:
            placed[backup.id] = backup, depth
            waiting += [(child, depth + 1) for child in reversed(children[backup.id])]
    return list(placed.values())


def choose(
    requested: str, max_incrementals: int, volume_size_gb: int, backups: Iterable[Backup]
) -> Choice:
    """Decide between a full and an incremental backup of a volume.

    An incremental one is made only where its chain is whole and every driver can extend it.

    :param requested: ``full`` or ``incremental``
    :param max_incrementals: incremental backups that may follow a full one; 0 for none
    :param volume_size_gb: size of the volume now, in GiB
    :param backups: those of the volume in the project, in any order
    :raises ValueError: another type was requested
    """
    if requested == backup_type.FULL:
        return Choice(backup_type.FULL, None, None)
    if requested != backup_type.INCREMENTAL:
        raise ValueError(f"not a type of backup: {requested}")
    known = list(backups)
    parent = parent_of_next(known)
    if max_incrementals <= 0:
        return _made_full("max_incrementals is 0")
    if parent is None:
        return _made_full("the volume has no available backup to build on")
    obstacle = _obstacle(parent, known, max_incrementals, volume_size_gb)
    if obstacle is not None:
        return _made_full(obstacle)
    return Choice(backup_type.INCREMENTAL, parent.id, None)


def _obstacle(
    parent: Backup, backups: Sequence[Backup], max_incrementals: int, volume_size_gb: int
) -> str | None:
    """Why the chain of ``parent`` must not be extended, None if it may."""
    chain = lineage(parent, backups)
    if chain is None:
        return f"the chain of backup {parent.id} does not reach a full backup"
    if len(chain) > max_incrementals:
        return f"the chain has {len(chain) - 1} incremental backups, {max_incrementals} are allowed"
    # Drivers that store chunks refuse an incremental backup of a volume that has grown.
    if parent.size_gb != volume_size_gb:
        return f"the volume has {volume_size_gb} GiB, its latest backup {parent.size_gb}"
    for backup in chain:
        # On Ceph such an incremental fails, and cleaning up after it destroys the parent's data.
        if backup.snapshot_id is not None:
            return f"backup {backup.id} of the chain was made from a snapshot"
        if backup.status not in INTACT:
            return f"backup {backup.id} of the chain is in status {backup.status}"
    return None


def _made_full(reason: str) -> Choice:
    return Choice(backup_type.FULL, None, f"made full: {reason}")


def _age(backup: Backup) -> tuple[datetime, datetime, str]:
    """Orders backups by their data; the rest only makes the order of equals a fixed one."""
    return backup.data_time, backup.created_at, backup.id


def _by_volume(backups: Iterable[Backup]) -> Iterable[list[Backup]]:
    """The backups of each volume, those with the oldest data first."""
    volumes: defaultdict[str, list[Backup]] = defaultdict(list)
    for backup in sorted(backups, key=_age):
        volumes[backup.volume_id].append(backup)
    return volumes.values()


def _parent_by_rule(backup: Backup, older: Sequence[Backup]) -> str | None:
    candidates = (
        other.id
        for other in reversed(older)
        if other.data_time < backup.data_time
        and other.created_at < backup.created_at
        and other.status not in _INCOMPLETE
    )
    return next(candidates, None)


def _follow(
    backup: Backup, known: Mapping[str, Backup], parents: Mapping[str, str]
) -> list[Backup] | None:
    chain = [backup]
    seen = {backup.id}
    while chain[-1].is_incremental:
        ancestor = known.get(parents.get(chain[-1].id, ""))
        # Recorded parents come from outside: a wrong one must not send this round in circles.
        if ancestor is None or ancestor.id in seen:
            return None
        chain.append(ancestor)
        seen.add(ancestor.id)
    return chain
