"""Deleting by name, whatever the history of the volume.

Checked against a small Cinder that knows the true parents.
"""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import chain, deletion, retention
from backup_manager.rules.links import Item

from .histories import HISTORIES, MOST, Cinder, carry_out
from .support import stable

# Some are not there.
BACKUP_IDS = st.sets(st.sampled_from([f"{n:02}" for n in range(MOST + 2)]), min_size=1, max_size=4)


def dependants(items: Mapping[str, Item]) -> dict[str, set[str]]:
    """What builds on each backup, or may do so."""
    parents = chain.derive_parents(each.backup for each in items.values())
    found: dict[str, set[str]] = {name: set() for name in items}
    for name, each in items.items():
        link = each
        while link.verified and (parent := parents.get(link.backup.id, "")) in items:
            link = items[parent]
            found[parent].add(name)
        if link.backup.is_incremental:
            # From here on it may be anything that was there.
            for other in items.values():
                if other.backup.created_at <= link.backup.created_at and other != each:
                    found[other.backup.id].add(name)
    return found


@stable(1000)
@given(HISTORIES, BACKUP_IDS, st.booleans())
def test_whatever_the_history(cinder: Cinder, backup_ids: set[str], cascade: bool) -> None:
    items = {each.backup.id: each for each in cinder.items}
    building = dependants(items)
    decisions = deletion.named(cinder.items, backup_ids, cascade=cascade)
    about = [each.backup_id for each in decisions]
    gone = {each.backup_id for each in decisions if not each.keep}

    named = backup_ids & items.keys()
    asked = named.union(*(building[name] for name in named)) if cascade else named
    assert sorted(about) == sorted(asked)
    for name in asked:
        stays = retention.untouchable(items[name]) is not None or not building[name] <= gone
        assert stays is (name not in gone)
    assert {name for wave in deletion.order(decisions) for name in wave} == gone

    for _ in carry_out(cinder, decisions):
        pass
    assert {each.backup.id for each in cinder.items} == items.keys() - gone


@stable(500)
@given(HISTORIES, BACKUP_IDS)
def test_each_still_goes_when_its_turn_comes(cinder: Cinder, backup_ids: set[str]) -> None:
    """It is asked about anew and alone, when what builds on it is gone."""
    decisions = deletion.named(cinder.items, backup_ids, cascade=True)
    for left in carry_out(cinder, decisions):
        for name, planned in left.items():
            (now,) = deletion.named(cinder.items, [name], cascade=False)
            assert now.keep is not left.keys().isdisjoint(planned.blockers)
