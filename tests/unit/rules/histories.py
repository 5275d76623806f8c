"""Random histories of a volume's backups, a Cinder that knows their true parents, and policies."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from backup_manager.rules import chain
from backup_manager.rules.links import Item
from backup_manager.rules.policy import RULES, Policy
from backup_manager.rules.retention import Decision

from .support import HELSINKI, HOUR, MINUTE, utc

# The longest history.
MOST = 14
POOL = 3000
INCOMPLETE = ("creating", "error")
ZONES = ("UTC", HELSINKI, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")


def policies(*rules: str) -> st.SearchStrategy[Policy]:
    """Policies with one to three of these rules."""
    dice = random.Random(1)
    some = [
        {rule: dice.randint(1, 4) for rule in dice.sample(rules, n % 3 + 1)} for n in range(POOL)
    ]
    some.sort(key=len)
    return st.sampled_from(
        [Policy("volume policy", timezone=dice.choice(ZONES), **each) for each in some]
    )


@dataclass(frozen=True)
class Made:
    """A backup of a random history.

    :param minutes: since the one before
    :param parent: 0 for a full one, 1 for what Cinder's rule says, else any older one
    :param known: what we know about the parent
    :param snapshot: of how many minutes before, 0 for none
    """

    minutes: int
    parent: int
    known: str
    status: str
    ours: bool
    held: bool
    snapshot: int


def mostly(usual: Sequence[Any], *others: Any) -> Sequence[Any]:
    """To choose from: one of the usual ones about nine times in ten."""
    return [*usual] * (9 * max(len(others), 1) // len(usual) + 1) + [*others]


def histories(**fields: Sequence[Any]) -> st.SearchStrategy[Sequence[Made]]:
    """Histories of all kinds.

    :param fields: what there is to choose from, where it is not the usual
    """
    choices = {
        "minutes": [1440, 1440, 60, 10000, 0],
        "parent": mostly([0, 1, 1, 1], 2, 5),
        "known": ["recorded", "derived"],
        "status": mostly(
            ["available"] * 4 + ["error"], "creating", "restoring", "deleting", "error_deleting"
        ),
        "ours": mostly([True], False),
        "held": mostly([False] * 30, True),
        "snapshot": mostly([0], 90, 4000),
        **fields,
    }
    # Drawn from a pool, since Hypothesis takes its time for each draw.
    dice = random.Random(1)
    pool = [
        Made(**{name: dice.choice(values) for name, values in choices.items()}) for _ in range(POOL)
    ]
    # The simplest first, for the examples that it shows.
    pool.sort(key=lambda made: sum(getattr(made, name) != choices[name][0] for name in choices))
    return st.lists(st.sampled_from(pool), min_size=5, max_size=MOST)


class Cinder:
    """As much of it as deletes backups. Knows the true parents.

    :ivar items: the backups as we know them
    :ivar dependents: how many others build on each, as Cinder counts: complete ones are counted,
        and any that is deleted is taken off
    """

    def __init__(self, history: Sequence[Made], names: Sequence[int]) -> None:
        self.parents: dict[str, str] = {}
        self.items: list[Item] = []
        self.dependents: Counter[str] = Counter()
        made_at = utc(2027, 1, 1)
        for number, made in enumerate(history):
            made_at += made.minutes * MINUTE
            self._create(f"{names[number]:02}", made_at, made)
        self.now = made_at + HOUR
        self._told = chain.derive_parents(each.backup for each in self.items)
        self._verify(history)

    def __repr__(self) -> str:
        return "\n".join(
            f"{each} builds on {self.parents.get(each.backup.id)}" for each in self.items
        )

    def _create(self, name: str, made_at: datetime, made: Made) -> None:
        others = [each.backup for each in self.items]
        data = made_at - made.snapshot * MINUTE
        true = self._parent(made, data, others)
        told = {"recorded": true, "wrong": names_of(others)[0] if others else None, "lost": "gone"}
        if true is not None:
            self.parents[name] = true
            self.dependents[true] += made.status not in INCOMPLETE
        backup = chain.Backup(
            id=name,
            volume_id="volume",
            status=made.status,
            is_incremental=true is not None,
            created_at=made_at,
            data_timestamp=data,
            size_gb=10,
            snapshot_id="snapshot" if made.snapshot else None,
            parent_id=None if true is None else told.get(made.known),
        )
        self.items.append(Item(backup, ours=made.ours, verified=True, held=made.held))

    def _parent(self, made: Made, data: datetime, others: Sequence[chain.Backup]) -> str | None:
        if made.parent > 1 and others:
            return others[-1 - made.parent % len(others)].id
        usable = (
            replace(each, status=chain.AVAILABLE)
            for each in others
            if each.status not in INCOMPLETE and (not made.snapshot or each.data_time < data)
        )
        usual = chain.parent_of_next(usable) if made.parent else None
        return usual.id if usual else None

    def _verify(self, history: Sequence[Made]) -> None:
        """Only what we know rightly is called so; a parent that is gone is none to be right."""
        for number, each in enumerate(self.items):
            name = each.backup.id
            right = self._told.get(name) in (self.parents.get(name), "gone", None)
            known = history[number].known != "unverified"
            self.items[number] = replace(each, verified=right and known)

    def seen(self) -> list[Item]:
        """The backups as the mirror has them: certain is what Cinder does not contradict now."""
        backups = [
            replace(each.backup, parent_id=self._told.get(each.backup.id)) for each in self.items
        ]
        verified = chain.verified(
            backups,
            derived={each.backup.id for each in self.items if each.backup.parent_id is None},
            with_dependents=+self.dependents,
        )
        return [
            replace(item, backup=backup, verified=backup.id in verified)
            for item, backup in zip(self.items, backups, strict=True)
        ]

    def delete(self, name: str) -> None:
        (found,) = [each for each in self.items if each.backup.id == name]
        assert found.backup.status in ("available", "error"), "Backup status must be ..."
        children = [child for child, parent in self.parents.items() if parent == name]
        assert not children, f"Incremental backups exist for this backup: {children}"
        parent = self.parents.pop(name, "")
        self.dependents[parent] = max(self.dependents[parent] - 1, 0)
        self.items.remove(found)

    def chain(self, name: str) -> list[str]:
        line = [name]
        while line[-1] in self.parents:
            line.append(self.parents[line[-1]])
        return line


def names_of(backups: Iterable[chain.Backup]) -> list[str]:
    return [each.id for each in backups]


def carry_out(cinder: Cinder, decisions: Iterable[Decision]) -> Iterator[dict[str, Decision]]:
    """Delete one after the other what goes, in any order that Cinder allows: each after what
    builds on it, of several the one with the lowest name, which comes by chance.

    :returns: after each, what is left to go
    """
    left = {each.backup_id: each for each in decisions if not each.keep}
    while left:
        free = [name for name in left if left.keys().isdisjoint(left[name].blockers)]
        assert free, f"These wait for each other: {[*left]}"
        name = min(free)
        cinder.delete(name)
        del left[name]
        yield left


DOUBTFUL = mostly(["recorded", "derived"], "unverified", "wrong", "lost")
NAMES = st.sampled_from([random.Random(n).sample(range(MOST), MOST) for n in range(POOL)])
HISTORIES = st.builds(Cinder, histories() | histories(known=DOUBTFUL), NAMES)
POLICIES = policies(*RULES)
MODES = st.sampled_from([(True, False), (False, False), (False, True)])
