"""Names in any script, and beyond the first 65,536 characters, come back as they were given."""

from __future__ import annotations

import pytest
import sqlalchemy

from tests.functional.stack import Stack, Tenant

NAMES = [
    pytest.param("数据库-主卷 每日备份", id="chinese"),
    pytest.param("💾🛡️ 👩‍🚀 backup", id="emoji"),
    pytest.param("Größe 𠜎 ñandú Ѫ", id="mixed"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_survives_api_engine_and_database(stack: Stack, tenant: Tenant, name: str) -> None:
    volume = stack.sandbox.create_volume(tenant.connection, name)
    client = tenant.client
    made = client.create_schedule(
        name=name,
        description=f"{name} ✓",
        volume_ids=[volume.id],
        recurrence={"type": "cron", "expression": "0 0 1 1 *"},
    )
    run = tenant.finished(client.run_schedule(made))
    assert (run.status, run.schedule_name) == ("succeeded", name)
    (task,) = client.run_tasks(run)
    assert task.volume_name == name

    shown = client.get_schedule(made.id)
    assert (shown.name, shown.description) == (name, f"{name} ✓")
    (backup,) = client.backups(volume_id=volume.id)
    assert backup.name.startswith(f"{name}-backup-")
    (volume_seen,) = client.volumes(name=name)
    assert volume_seen.name == name
    with stack.sql() as database:
        found = database.execute(
            sqlalchemy.text("SELECT name, description FROM schedules WHERE id = :id"),
            {"id": made.id},
        ).one()
    assert tuple(found) == (name, f"{name} ✓")
    # Cinder has it too.
    assert tenant.backups(volume.id)[0].name == backup.name
