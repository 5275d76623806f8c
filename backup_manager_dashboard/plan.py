"""What a deletion comes to, so that a page can show it however much it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup_manager_dashboard import words

#: How many volumes, and how many backups of each, a page shows.
MOST_GROUPS = 50
MOST_BACKUPS = 10
MOST_REFUSED = 50

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """What becomes of the backups of one volume.

    :ivar going: the first of those that go, in their order
    :ivar kept: the first of those that stay
    """

    volume_id: str
    volume_name: str | None
    going: Sequence[Entry]
    kept: Sequence[Entry]
    count: int
    size_gb: int
    kept_count: int

    @property
    def more_going(self) -> int:
        """How many go that are not shown."""
        return self.count - len(self.going)

    @property
    def more_kept(self) -> int:
        """How many stay that are not shown."""
        return self.kept_count - len(self.kept)


@dataclass(frozen=True)
class Groups:
    """The volumes of which something goes, those first that lose most.

    :ivar more: how many are not shown
    :ivar untouched: of how many nothing goes
    """

    shown: Sequence[Group]
    more: int
    untouched: int


def groups(plan: Any) -> Groups:
    """A plan by volumes."""
    going = _by_volume(plan.going)
    kept = _by_volume(plan.kept)
    largest = sorted(going, key=lambda volume_id: -len(going[volume_id]))
    shown = [
        _group(volume_id, going[volume_id], kept.get(volume_id, []))
        for volume_id in largest[:MOST_GROUPS]
    ]
    return Groups(shown, len(going) - len(shown), len(kept.keys() - going.keys()))


def _by_volume(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry["volume_id"], []).append(entry)
    return found


def _group(volume_id: str, going: Sequence[Entry], kept: Sequence[Entry]) -> Group:
    return Group(
        volume_id=volume_id,
        volume_name=going[0]["volume_name"],
        going=going[:MOST_BACKUPS],
        kept=kept[:MOST_BACKUPS],
        count=len(going),
        size_gb=sum(entry["size_gb"] for entry in going),
        kept_count=len(kept),
    )


def reasons(entries: Sequence[Entry]) -> list[tuple[Any, int]]:
    """Why backups go or stay, and how many each, the most first."""
    texts = Counter(str(words.rule(entry["rule"], entry["reason"])) for entry in entries)
    return texts.most_common(MOST_BACKUPS)
