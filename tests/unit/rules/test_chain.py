"""Parents, chains, and when a full backup is made instead of an incremental one.

The properties are checked against a small Cinder, which picks parents as the real one does and
remembers what it picked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import chain
from backup_manager.rules.chain import Backup, Choice

from .support import stable, utc

START = utc(2026, 11, 1)


def backup(
    name: str,
    day: int,
    *,
    incremental: bool = False,
    status: str = "available",
    parent: str | None = None,
    snapshot: str | None = None,
    data_day: int | None = None,
    size: int = 10,
    volume: str = "volume",
) -> Backup:
    return Backup(
        id=name,
        volume_id=volume,
        status=status,
        is_incremental=incremental,
        created_at=START + timedelta(days=day),
        data_timestamp=START + timedelta(days=day if data_day is None else data_day),
        size_gb=size,
        snapshot_id=snapshot,
        parent_id=parent,
    )


FULL = backup("full", 0)
INC1 = backup("inc1", 1, incremental=True)
INC2 = backup("inc2", 2, incremental=True)


def ids(backups: list[Backup] | None) -> list[str] | None:
    return None if backups is None else [each.id for each in backups]


class TestParentOfNext:
    def test_nothing(self) -> None:
        assert chain.parent_of_next([]) is None

    @pytest.mark.parametrize(
        "status", ["creating", "error", "deleting", "restoring", "error_deleting"]
    )
    def test_only_available_ones(self, status: str) -> None:
        assert chain.parent_of_next([replace(FULL, status=status)]) is None
        assert chain.parent_of_next([replace(INC1, status=status), FULL]) == FULL

    def test_the_newest_data_counts_not_the_creation(self) -> None:
        late = backup("late", 5, snapshot="snapshot", data_day=1)
        assert chain.parent_of_next([late, INC2, FULL]) == INC2

    def test_without_data_timestamp_the_creation_counts(self) -> None:
        bare = replace(backup("bare", 3), data_timestamp=None)
        assert chain.parent_of_next([bare, INC2, FULL]) == bare
        assert chain.parent_of_next([replace(bare, created_at=START), INC2]) == INC2


class TestDeriveParents:
    def test_the_one_before(self) -> None:
        assert chain.derive_parents([INC2, FULL, INC1]) == {"inc1": "full", "inc2": "inc1"}

    def test_recorded_ones_are_kept(self) -> None:
        recorded = replace(INC2, parent_id="full")
        assert chain.derive_parents([FULL, INC1, recorded]) == {"inc1": "full", "inc2": "full"}
        gone = replace(INC2, parent_id="gone")
        assert chain.derive_parents([FULL, gone]) == {"inc2": "gone"}

    def test_full_backups_have_none(self) -> None:
        assert chain.derive_parents([FULL, replace(backup("second", 3), parent_id="full")]) == {}

    @pytest.mark.parametrize("status", ["error", "creating"])
    def test_failed_ones_were_never_a_parent(self, status: str) -> None:
        failed = replace(INC1, status=status)
        assert chain.derive_parents([FULL, failed, INC2]) == {"inc1": "full", "inc2": "full"}

    @pytest.mark.parametrize("status", ["restoring", "deleting", "error_deleting"])
    def test_others_were_available_once(self, status: str) -> None:
        changed = replace(INC1, status=status)
        assert chain.derive_parents([FULL, changed, INC2])["inc2"] == "inc1"

    def test_no_candidate(self) -> None:
        assert chain.derive_parents([INC1]) == {}
        assert chain.derive_parents([INC1, backup("later", 3)]) == {}
        assert chain.derive_parents([INC1, backup("elsewhere", 0, volume="other")]) == {}

    def test_one_made_later_of_older_data_was_not_there(self) -> None:
        late = backup("late", 5, snapshot="snapshot", data_day=1)
        assert chain.derive_parents([FULL, late, INC2]) == {"inc2": "full"}

    def test_an_incremental_of_a_snapshot_builds_on_older_data(self) -> None:
        of_snapshot = backup("snap", 5, incremental=True, snapshot="snapshot", data_day=1)
        assert chain.derive_parents([FULL, INC2, of_snapshot])["snap"] == "full"

    def test_two_of_one_snapshot_do_not_build_on_each_other(self) -> None:
        first = backup("first", 3, snapshot="snapshot", data_day=1)
        second = backup("second", 4, incremental=True, snapshot="snapshot", data_day=1)
        assert chain.derive_parents([FULL, first, second]) == {"second": "full"}

    def test_several_volumes(self) -> None:
        other = [replace(each, id=f"o-{each.id}", volume_id="other") for each in (FULL, INC1)]
        assert chain.derive_parents([FULL, INC1, *other]) == {"inc1": "full", "o-inc1": "o-full"}


class TestLineage:
    def test_full(self) -> None:
        assert ids(chain.lineage(FULL, [FULL])) == ["full"]

    def test_incremental(self) -> None:
        assert ids(chain.lineage(INC2, [FULL, INC1, INC2])) == ["inc2", "inc1", "full"]

    def test_the_backup_itself_may_be_left_out(self) -> None:
        assert ids(chain.lineage(INC2, [FULL, INC1])) == ["inc2", "inc1", "full"]

    def test_branch(self) -> None:
        branch = replace(INC2, parent_id="full")
        assert ids(chain.lineage(branch, [FULL, INC1, branch])) == ["inc2", "full"]

    def test_broken(self) -> None:
        assert chain.lineage(INC1, [INC1]) is None
        assert chain.lineage(INC2, [INC1, INC2]) is None
        gone = replace(INC2, parent_id="gone")
        assert chain.lineage(gone, [FULL, gone]) is None

    def test_records_that_go_in_circles(self) -> None:
        first = replace(INC1, parent_id="inc2")
        second = replace(INC2, parent_id="inc1")
        itself = replace(INC2, parent_id="inc2")
        assert chain.lineage(second, [FULL, first, second]) is None
        assert chain.lineage(itself, [FULL, itself]) is None


class TestChoose:
    def test_full(self) -> None:
        assert chain.choose("full", 6, 10, [FULL]) == Choice("full", None, None)

    def test_incremental(self) -> None:
        assert chain.choose("incremental", 6, 10, [FULL, INC1]) == Choice(
            "incremental", "inc1", None
        )

    def test_another_type_is_refused(self) -> None:
        with pytest.raises(ValueError, match="differential"):
            chain.choose("differential", 6, 10, [])

    @pytest.mark.parametrize(
        ("backups", "limit", "size", "words"),
        [
            pytest.param([FULL], 0, 10, "max_incrementals is 0", id="turned off"),
            pytest.param([], 6, 10, "no available backup", id="first one"),
            pytest.param(
                [replace(FULL, status="error")], 6, 10, "no available backup", id="only failed ones"
            ),
            pytest.param([FULL, INC1, INC2], 2, 10, "has 2 incremental", id="long enough"),
            pytest.param([FULL, INC1, INC2], 1, 10, "has 2 incremental", id="too long already"),
            pytest.param([INC1], 6, 10, "does not reach a full backup", id="no full one"),
            pytest.param([FULL], 6, 20, "has 20 GiB, its latest backup 10", id="extended"),
            pytest.param(
                [replace(FULL, snapshot_id="s")], 6, 10, "full of the chain was made from a snap",
                id="parent of a snapshot",
            ),
            pytest.param(
                [replace(FULL, snapshot_id="s"), INC1], 6, 10, "full of the chain was made from",
                id="ancestor of a snapshot",
            ),
            pytest.param(
                [replace(FULL, status="error"), replace(INC1, parent_id="full")],
                6,
                10,
                "full of the chain is in status error",
                id="damaged ancestor",
            ),
        ],
    )  # fmt: skip
    def test_made_full(self, backups: list[Backup], limit: int, size: int, words: str) -> None:
        choice = chain.choose("incremental", limit, size, backups)
        assert choice.backup_type == "full"
        assert choice.parent_id is None
        assert choice.note is not None
        assert choice.note.startswith("made full: ")
        assert words in choice.note

    def test_the_limit_counts_the_chain_not_the_volume(self) -> None:
        second = backup("second", 3)
        assert chain.choose("incremental", 1, 10, [FULL, INC1, second]).parent_id == "second"

    def test_an_ancestor_being_restored_from_is_whole(self) -> None:
        reading = replace(FULL, status="restoring")
        assert chain.choose("incremental", 6, 10, [reading, INC1]).parent_id == "inc1"

    def test_a_snapshot_outside_the_chain_does_not_matter(self) -> None:
        other = backup("other", 3, snapshot="s", data_day=0, status="error")
        assert chain.choose("incremental", 6, 10, [FULL, other]).parent_id == "full"

    def test_six_incrementals_between_full_ones(self) -> None:
        made: list[Backup] = []
        for day in range(15):
            choice = chain.choose("incremental", 6, 10, made)
            made.append(backup(f"b{day:02}", day, incremental=choice.backup_type == "incremental"))
        full = [each.id for each in made if not each.is_incremental]
        assert full == ["b00", "b07", "b14"]


@dataclass
class Cinder:
    """One volume's backups, with the parents that only Cinder knows."""

    backups: list[Backup] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    now: datetime = START
    size: int = 1
    made: int = 0

    def create(self, incremental: bool, status: str, snapshot_at: datetime | None) -> Backup | None:
        """Make a backup as ``cinder.backup.api.API.create`` does; None where it answers 400."""
        self.now += timedelta(hours=1)
        parent = None
        if incremental:
            usable = [
                each
                for each in self.backups
                if each.status == "available"
                and each.data_timestamp is not None
                and (snapshot_at is None or each.data_timestamp < snapshot_at)
            ]
            if not usable:
                return None
            parent = max(usable, key=lambda each: each.data_timestamp or self.now)
        self.made += 1
        made = Backup(
            id=f"backup-{self.made:03}",
            volume_id="volume",
            status=status,
            is_incremental=incremental,
            created_at=self.now,
            data_timestamp=snapshot_at or self.now,
            size_gb=self.size,
            snapshot_id="snapshot" if snapshot_at else None,
        )
        self.backups.append(made)
        if parent is not None:
            self.parents[made.id] = parent.id
        return made

    def delete(self, index: int) -> None:
        """Delete a backup on which no other depends."""
        leaves = [each for each in self.backups if each.id not in self.parents.values()]
        if leaves:
            gone = leaves[index % len(leaves)]
            self.backups.remove(gone)
            self.parents.pop(gone.id, None)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("create"),
            st.booleans(),
            st.sampled_from(["available", "available", "available", "error"]),
            st.none() | st.integers(1, 200),
        ),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("extend")),
    ),
    max_size=25,
)


def play(steps: list[tuple[object, ...]]) -> Cinder:
    cinder = Cinder()
    for number, (step, *values) in enumerate(steps):
        if step == "create":
            incremental, status, minutes = values
            # Snapshots differ by a second, since equal ones leave Cinder's choice open.
            taken = (
                cinder.now - timedelta(minutes=minutes, seconds=number + 1)
                if isinstance(minutes, int)
                else None
            )
            cinder.create(bool(incremental), str(status), taken)
        elif step == "delete":
            cinder.delete(int(str(values[0])))
        else:
            cinder.size += 1
    return cinder


@stable(300)
@given(STEPS, st.randoms(use_true_random=False))
def test_derived_parents_are_those_that_cinder_took(steps, random) -> None:  # type: ignore[no-untyped-def]
    cinder = play(steps)
    shuffled = random.sample(cinder.backups, len(cinder.backups))
    assert chain.derive_parents(shuffled) == cinder.parents


@stable(300)
@given(STEPS)
def test_every_lineage_ends_in_a_full_backup(steps) -> None:  # type: ignore[no-untyped-def]
    cinder = play(steps)
    for each in cinder.backups:
        line = chain.lineage(each, cinder.backups)
        assert line is not None
        assert line[0] == each
        assert [link.is_incremental for link in line] == [True] * (len(line) - 1) + [False]
        assert [cinder.parents[link.id] for link in line[:-1]] == [link.id for link in line[1:]]


@stable(300)
@given(STEPS, st.sampled_from(["full", "incremental"]), st.integers(0, 4))
def test_a_choice_holds_when_cinder_makes_the_backup(steps, requested, limit) -> None:  # type: ignore[no-untyped-def]
    cinder = play(steps)
    known = {each.id: each for each in cinder.backups}
    choice = chain.choose(requested, limit, cinder.size, cinder.backups)
    assert (choice.note is not None) == (requested != choice.backup_type)
    assert (choice.parent_id is not None) == (choice.backup_type == "incremental")
    made = cinder.create(choice.backup_type == "incremental", "available", None)
    assert made is not None
    assert cinder.parents.get(made.id) == choice.parent_id
    if choice.parent_id is not None:
        assert known[choice.parent_id].status == "available"
        assert known[choice.parent_id].size_gb == cinder.size
        line = chain.lineage(made, cinder.backups)
        assert line is not None
        assert len(line) - 1 <= limit
        assert all(link.snapshot_id is None for link in line)


ANY_BACKUP = st.builds(
    Backup,
    id=st.sampled_from("abcdef"),
    volume_id=st.just("volume"),
    status=st.sampled_from(["available", "error", "creating", "deleting", "restoring"]),
    is_incremental=st.booleans(),
    created_at=st.integers(0, 5).map(lambda day: START + timedelta(days=day)),
    data_timestamp=st.none() | st.integers(0, 5).map(lambda day: START + timedelta(days=day)),
    size_gb=st.integers(1, 2),
    snapshot_id=st.none() | st.just("snapshot"),
    parent_id=st.none() | st.sampled_from("abcdefg"),
)


@stable(400)
@given(st.lists(ANY_BACKUP, max_size=6, unique_by=lambda each: each.id), st.integers(0, 4))
def test_any_records_at_all(backups: list[Backup], limit: int) -> None:
    known = {each.id: each for each in backups}
    parents = chain.derive_parents(backups)
    assert all(known[child].is_incremental for child in parents)
    for each in backups:
        line = chain.lineage(each, backups)
        assert line is None or (line[0] == each and not line[-1].is_incremental)
    choice = chain.choose("incremental", limit, 1, backups)
    if choice.parent_id is None:
        assert choice.backup_type == "full"
        assert choice.note
    else:
        assert known[choice.parent_id] == chain.parent_of_next(backups)
        assert known[choice.parent_id].status == "available"
        assert chain.lineage(known[choice.parent_id], backups) is not None


class TestVerified:
    FULL2 = backup("full2", 3)
    DERIVED = backup("derived", 4, incremental=True, parent="full2")
    RECORDED = backup("recorded", 1, incremental=True, parent="full")

    def verified(
        self, *backups: Backup, derived: set[str] = frozenset(), dependents: set[str] = frozenset()
    ) -> set[str]:
        return chain.verified(backups, derived=derived, with_dependents=dependents)

    def test_full_ones(self) -> None:
        assert self.verified(FULL, self.FULL2) == {"full", "full2"}

    def test_recorded_needs_nothing_else(self) -> None:
        # What Cinder says of the parent may have been read before the child was made.
        assert self.verified(FULL, self.RECORDED) == {"full", "recorded"}

    def test_recorded_parent_that_is_gone(self) -> None:
        assert self.verified(self.RECORDED) == set()

    @pytest.mark.parametrize("dependents, good", [({"full2"}, True), (set(), False)])
    def test_derived_as_cinder_says(self, dependents: set[str], good: bool) -> None:
        found = self.verified(self.FULL2, self.DERIVED, derived={"derived"}, dependents=dependents)
        assert found == ({"full2", "derived"} if good else {"full2"})

    @pytest.mark.parametrize("status", ["creating", "error"])
    def test_cinder_counts_only_complete_ones(self, status: str) -> None:
        incomplete = replace(self.DERIVED, status=status)
        assert self.verified(self.FULL2, incomplete, derived={"derived"}) == {"full2", "derived"}
        orphan = replace(incomplete, parent_id="gone")
        assert self.verified(self.FULL2, orphan, derived={"derived"}) == {"full2"}

    def test_incremental_without_any_parent(self) -> None:
        lonely = backup("lonely", 5, incremental=True)
        assert self.verified(self.FULL2, lonely, derived={"lonely"}) == {"full2"}

    def test_full_with_an_unknown_child(self) -> None:
        assert self.verified(FULL, self.FULL2, dependents={"full"}) == {"full2"}

    def test_unknown_child_makes_derived_ones_doubtful(self) -> None:
        """What was derived for a later one may be wrong: it can be that very child."""
        found = self.verified(
            *(FULL, self.FULL2, self.DERIVED, self.RECORDED, backup("older", -1)),
            derived={"derived"},
            dependents={"full", "full2", "recorded"},
        )
        assert found == {"full", "full2", "older"}


class TestTree:
    def tree(self, *backups: Backup) -> list[tuple[str, int]]:
        return [(each.id, depth) for each, depth in chain.tree(backups)]

    def test_children_follow_their_parents(self) -> None:
        inc1 = backup("inc1", 1, incremental=True, parent="full")
        inc2 = backup("inc2", 4, incremental=True, parent="inc1")
        other = backup("other", 2, incremental=True, parent="full")
        assert self.tree(inc2, backup("full2", 3), other, FULL, inc1) == [
            *[("full", 0), ("inc1", 1), ("inc2", 2), ("other", 1)],
            ("full2", 0),
        ]

    def test_unknown_parent(self) -> None:
        assert self.tree(backup("inc", 1, incremental=True, parent="gone"), INC2) == [
            ("inc", 0),
            ("inc2", 0),
        ]

    def test_in_circles(self) -> None:
        one = backup("one", 1, incremental=True, parent="two")
        two = backup("two", 2, incremental=True, parent="one")
        assert self.tree(one, two, FULL) == [("full", 0), ("one", 0), ("two", 1)]
