"""Which volumes can be backed up."""

from __future__ import annotations

import pytest

from backup_manager.rules import volume


@pytest.mark.parametrize(("status", "force"), [("available", False), ("in-use", True)])
def test_usable(status: str, force: bool) -> None:
    assert volume.unusable_reason(status) is None
    assert volume.needs_force(status) is force


@pytest.mark.parametrize(
    "status",
    [
        "creating",
        "backing-up",
        "restoring-backup",
        "error",
        "error_restoring",
        "deleting",
        "maintenance",
        "reserved",
        "AVAILABLE",
        "",
    ],
)
def test_unusable(status: str) -> None:
    reason = volume.unusable_reason(status)
    assert reason is not None
    assert f"status is {status};" in reason
    assert not volume.needs_force(status)


@pytest.mark.parametrize("status", ["backing-up", "restoring-backup", "extending", "attaching"])
def test_passing(status: str) -> None:
    assert volume.is_passing(status)
    assert volume.unusable_reason(status) is not None


@pytest.mark.parametrize(
    "status", ["available", "in-use", "error", "error_restoring", "error_deleting", "deleting"]
)
def test_not_passing(status: str) -> None:
    assert not volume.is_passing(status)


def test_force_while_it_is_backed_up() -> None:
    """The status no longer tells that it is attached; its servers do."""
    assert volume.needs_force("backing-up", ["server"])
    assert not volume.needs_force("backing-up", [])
    assert not volume.needs_force("error", ["server"])
