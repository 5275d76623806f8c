"""Deletions, clean-ups and consent, against a service that answers as the API promises."""

from __future__ import annotations

import pytest
from openstack import exceptions

from backup_manager import sdk
from tests.unit.sdk.fakecloud import FakeCloud, counts


@pytest.fixture
def ids(cloud: FakeCloud) -> list[str]:
    """A full backup and an increment on it."""
    volume = cloud.volume("db")
    full = cloud.backup(volume, name="old")
    child = cloud.backup(volume, name="new", type="incremental", parent_id=full["id"])
    return [full["id"], child["id"]]


def test_deletion(cloud: FakeCloud, client: sdk.Proxy, ids: list[str]) -> None:
    plan = client.preview_deletion([client.get_backup(ids[0]), ids[1]])
    assert cloud.requests[-1][3] == {"deletion": {"backup_ids": ids, "dry_run": True}}
    assert [each["backup_id"] for each in plan.going] == ids[::-1]
    assert (plan.count, plan.size_gb, plan.kept, plan.volumes) == (2, 20, [], None)
    assert plan.warnings == ["Volume db is left without any good backup."]
    run = client.delete_backups(ids, digest=plan.digest)
    assert cloud.requests[-1][3] == {"deletion": {"backup_ids": ids, "digest": plan.digest}}
    assert (run.action, run.is_finished) == ("delete", False)


def test_deletion_with_cascade(cloud: FakeCloud, client: sdk.Proxy, ids: list[str]) -> None:
    (refused,) = client.preview_deletion(ids[:1]).kept
    assert (refused["backup_id"], refused["remedy"]) == (ids[0], "Add --cascade.")
    plan = client.preview_deletion(ids[:1], cascade=True)
    client.delete_backups(ids[:1], cascade=True, digest=plan.digest)
    assert cloud.requests[-1][3] == {
        "deletion": {"backup_ids": ids[:1], "cascade": True, "digest": plan.digest}
    }
    with pytest.raises(exceptions.ConflictException, match="has changed since"):
        client.delete_backups(ids, digest="of something else")


def test_cleanup(cloud: FakeCloud, client: sdk.Proxy, ids: list[str]) -> None:
    plan = client.preview_cleanup(max_age_days=30)
    assert cloud.requests[-1][3] == {"cleanup": {"max_age_days": 30, "dry_run": True}}
    (total,) = plan.volumes or ()
    assert (total["count"], total["size_gb"], total["kept"]) == (1, 10, 1)
    volume_id = total["volume_id"]
    client.cleanup(plan.digest, volume_policies={volume_id: 7}, include_last=True)
    assert cloud.requests[-1][3] == {
        "cleanup": {
            "volume_policies": [{"volume_id": volume_id, "max_age_days": 7}],
            "include_last": True,
            "digest": plan.digest,
        }
    }
    with pytest.raises(exceptions.ConflictException):
        client.cleanup("of something else", max_age_days=30)


def test_consent(cloud: FakeCloud, client: sdk.Proxy, slept: list[float]) -> None:
    run = cloud.run([cloud.volume("db")], status="waiting", counts=counts(waiting=1))
    found = client.wait_for_run(run["id"])
    assert (found.is_waiting, found.is_finished, found.is_successful) == (True, False, False)
    assert slept == []
    confirmed = client.confirm_run(found)
    assert (confirmed.status, confirmed.is_waiting) == ("pending", False)
    with pytest.raises(exceptions.ConflictException, match="does not wait"):
        client.confirm_run(run["id"])
