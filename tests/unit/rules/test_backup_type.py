"""The type that is shown."""

from __future__ import annotations

import pytest

from backup_manager.rules import backup_type
from backup_manager.rules.backup_type import FULL, INCREMENTAL


@pytest.mark.parametrize("is_incremental", [True, False, None])
@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Full backup", FULL),
        ("full backup", FULL),
        ("Incremental backup", INCREMENTAL),
        ("incremental backup", INCREMENTAL),
        ("Weekly Full backup of etone-2", FULL),
        ("etone-2: incremental backup, nightly", INCREMENTAL),
        ("Full backup after the last incremental backup", FULL),
        ("incremental backup after the Full backup", FULL),
    ],
)
def test_the_description_decides(
    description: str, is_incremental: bool | None, expected: str
) -> None:
    assert backup_type.shown(description, is_incremental) == expected


@pytest.mark.parametrize(
    "description",
    [
        None,
        "",
        "before the upgrade",
        "FULL BACKUP",
        "Full Backup",
        "INCREMENTAL BACKUP",
        "full  backup",
        "fullbackup",
        "全量备份",
    ],
)
@pytest.mark.parametrize(
    ("is_incremental", "expected"), [(True, INCREMENTAL), (False, FULL), (None, FULL)]
)
def test_else_cinder_decides(
    description: str | None, is_incremental: bool | None, expected: str
) -> None:
    assert backup_type.shown(description, is_incremental) == expected
