"""What builds on what among the backups of a volume, as far as it is certain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from backup_manager.rules import chain


@dataclass(frozen=True)
class Item:
    """A backup, and what is known about it beyond Cinder.

    :param ours: made by this service
    :param verified: what it builds on is known for certain (recorded, or worked out without
        contradiction), and so is what builds on it
    :param held: somebody wants it kept until he says otherwise
    :param hold_reason: why, in his words
    """

    backup: chain.Backup
    ours: bool
    verified: bool
    held: bool = False
    hold_reason: str | None = None


def from_newest(items: Iterable[Item]) -> list[Item]:
    """Orders items by their creation; the id only makes the order of equals a fixed one."""
    return sorted(items, key=attrgetter("backup.created_at", "backup.id"), reverse=True)


class Links:
    """The links between the backups of one volume.

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
        return self.sound[parent] and self._items[parent].backup.status in chain.INTACT

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


def waves(blockers: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The order in which backups can be deleted, leaf first.

    Those without blockers, then those that had only these, and so on.

    :param blockers: by the id of each backup that is to go
    :returns: ids in waves, without those that wait for each other or for what is not to go
    """
    waiting = {backup_id: len(first) for backup_id, first in blockers.items()}
    frees: dict[str, list[str]] = {}
    for backup_id, first in blockers.items():
        for blocker in first:
            frees.setdefault(blocker, []).append(backup_id)
    found = []
    wave = [backup_id for backup_id, number in waiting.items() if number == 0]
    while wave:
        found.append(wave)
        following = []
        for gone in wave:
            for backup_id in frees.get(gone, ()):
                waiting[backup_id] -= 1
                if waiting[backup_id] == 0:
                    following.append(backup_id)
        wave = following
    return found
