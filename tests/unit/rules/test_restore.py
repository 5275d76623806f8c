"""Restores: what can be restored, what a moment means, and what Cinder's volume tells."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from backup_manager.rules import chain, naming, restore

from .support import MINUTE, utc

NOON = utc(2026, 11, 20, 12)
MARK = "backup-1"
OTHER = "backup-2"
BEFORE = restore.Target("available", None, NOON)
CHANGED = NOON + MINUTE


def backup(number: int, **values: object) -> chain.Backup:
    """A full backup, or an increment on the one before where ``parent_id`` is given."""
    made = chain.Backup(
        id=f"backup-{number}",
        volume_id="volume",
        status="available",
        is_incremental="parent_id" in values,
        created_at=NOON + number * MINUTE,
        data_timestamp=None,
        size_gb=1,
    )
    return dataclasses.replace(made, **values)  # type: ignore[arg-type]


FULL = backup(1)
INCREMENT = backup(2, parent_id="backup-1")
LAST = backup(3, parent_id="backup-2")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ([], None),
        ([dataclasses.replace(LAST, status="restoring")], None),
        ([dataclasses.replace(FULL, status="restoring")], None),
        ([dataclasses.replace(LAST, status="creating")], "its status is creating"),
        ([dataclasses.replace(INCREMENT, status="error")], "backup-2 of its chain is in status"),
        ([dataclasses.replace(FULL, status="deleting")], "backup-1 of its chain is in status"),
        ([dataclasses.replace(INCREMENT, parent_id="gone")], "does not reach a full backup"),
    ],
)
def test_obstacles(changed: list[chain.Backup], reason: str | None) -> None:
    backups = {each.id: each for each in (FULL, INCREMENT, LAST, *changed)}
    found = restore.obstacle(backups[LAST.id], backups.values())
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_a_moment_means_the_newest_that_can_be_restored() -> None:
    backups = [LAST, FULL, INCREMENT, backup(4, status="error")]
    ids = [
        found.id if (found := restore.latest(NOON + minute * MINUTE, backups)) else None
        for minute in range(6)
    ]
    assert ids == [None, "backup-1", "backup-2", "backup-3", "backup-3", "backup-3"]
    assert restore.oldest(backups) == FULL
    # Without its full one, the chain has no restore point at all.
    assert restore.latest(NOON + MINUTE * 5, [INCREMENT, LAST]) is None
    assert restore.oldest([INCREMENT, LAST]) is None


def test_the_second_that_is_shown_is_meant_as_a_whole() -> None:
    made = backup(1, created_at=NOON + timedelta(microseconds=900_000))
    assert restore.latest(NOON, [made]) == made
    assert restore.latest(NOON - timedelta(microseconds=1), [made]) is None


def target(
    status: str = "available", mark: str | None = None, changed: bool = False
) -> restore.Target:
    return restore.Target(status, mark, CHANGED if changed else NOON)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (target("restoring-backup", changed=True), True),
        (target("error_restoring", changed=True), True),
        (target("available", MARK, changed=True), True),
        (target("in-use", MARK, changed=True), True),
        (target("available"), False),
        # It was changed, but a restore would have left its mark.
        (target("available", changed=True), False),
        (target("in-use", changed=True), False),
        (target("available", OTHER, changed=True), False),
    ],
)
def test_whether_a_restore_was_taken_up(now: restore.Target, expected: bool) -> None:
    for before in (BEFORE, restore.EMPTY):
        assert restore.was_taken_up(now, before, MARK, in_place=False) is expected


@pytest.mark.parametrize("status", ["available", "in-use"])
def test_where_it_cannot_be_told(status: str) -> None:
    # The backup's own volume gets no mark.
    now = target(status, changed=True)
    assert restore.was_taken_up(now, BEFORE, MARK, in_place=True) is None
    assert restore.was_taken_up(target(status), BEFORE, MARK, in_place=True) is False
    # The mark of an earlier restore of the same backup proves nothing.
    marked = target("available", MARK)
    now = target(status, MARK, changed=True)
    assert restore.was_taken_up(now, marked, MARK, in_place=False) is None
    assert restore.was_taken_up(target(status, MARK), marked, MARK, in_place=False) is False


@pytest.mark.parametrize("status", ["restoring-backup", "error_restoring", "error"])
def test_not_done_whatever_else_it_says(status: str) -> None:
    assert not restore.is_done(target(status, MARK, changed=True), BEFORE, MARK, in_place=False)
    assert not restore.is_done(target(status, changed=True), BEFORE, MARK, in_place=True)


def test_done() -> None:
    for status in ("available", "in-use", "backing-up"):
        marked = target(status, MARK, changed=True)
        assert restore.is_done(marked, BEFORE, MARK, in_place=False)
        assert restore.is_done(marked, restore.EMPTY, MARK, in_place=False)
        assert restore.is_done(target(status, changed=True), BEFORE, MARK, in_place=True)
    # An answer from before the restore: Cinder's database may be several.
    assert not restore.is_done(target(), BEFORE, MARK, in_place=True)
    assert not restore.is_done(target("available", MARK), target(mark=MARK), MARK, in_place=False)
    # Somebody reset the status of a restore that failed.
    assert not restore.is_done(target(changed=True), BEFORE, MARK, in_place=False)


def test_names_of_new_volumes() -> None:
    assert naming.restored_name("db", "b", "id") == "db-restored"
    assert naming.restored_name(None, "b", "id") == "b-restored"
    assert naming.restored_name("", "", "id") == "id-restored"
    assert naming.restored_name(255 * "n", None, "id") == 246 * "n" + "-restored"
