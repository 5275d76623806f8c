"""An upgrade while schedules fire: engine after engine, with the older program still at work."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import Sandbox
from tests.functional.stack import REPOSITORY, MariaDB, Program, Stack, Tenant, wait_for

# A program that knows no more than revision 0003 of the schema.
_OLDER, _OLD_REVISION = "7039ee4", "0003"
_SCHEDULES = 40
_DAILY = {"type": "daily", "time": "00:00"}


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The source of an older program."""
    archive = tmp_path / "older.tar"
    done = subprocess.run(
        ["git", "archive", "-o", str(archive), _OLDER, "backup_manager"],
        cwd=REPOSITORY,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, f"The history is needed (git fetch --unshallow): {done.stderr}"
    shutil.unpack_archive(archive, tmp_path / "older")
    return tmp_path / "older"


@pytest.fixture
def old(
    sandbox: Sandbox, mariadb: MariaDB, stack: Stack, tmp_path: Path, older: Path
) -> Iterator[Stack]:
    """The older service, with two engines."""
    (tmp_path / "old").mkdir()
    old = Stack(sandbox, tmp_path / "old", mariadb.create_database(), tree=older, sync=False)
    old.manage("db", "sync")
    old.start_api()
    yield old
    old.stop()
    sandbox.register_endpoint(stack.url)


def _in_use(tenant: Tenant) -> list[str]:
    """Schedules of one volume each, none of which is due."""
    volumes = tenant.volumes(_SCHEDULES)
    return [
        tenant.client.create_schedule(f"schedule-{n}", _DAILY, [volume_id], timezone="UTC").id
        for n, volume_id in enumerate(volumes)
    ]


def _let_fire(stack: Stack, schedule_ids: list[str]) -> dict[str, datetime]:
    """Have schedules become due one by one, second by second; the first one has fired.

    The others do so during the step that follows, and after it.
    """
    before = _fired(stack)
    first = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
    slots = {each: first + timedelta(seconds=n) for n, each in enumerate(schedule_ids)}
    for schedule_id, slot in slots.items():
        stack.move("schedules.next_run_at", slot, id=schedule_id)
    wait_for(lambda: _fired(stack) > before, 60, "the first slot")
    return slots


def _fired(stack: Stack) -> int:
    with stack.sql() as database:
        counted = "SELECT COUNT(*) FROM runs WHERE scheduled_for IS NOT NULL"
        return int(database.exec_driver_sql(counted).scalar_one())


def _replace(engine: Program, new: Stack, name: str) -> Program:
    """As an operator does it: stop the one, start the other."""
    assert engine.terminate() == 0
    successor = new.engine(name)
    successor.start()
    wait_for(lambda: "is ready" in successor.logged(), 60, f"the new {name}")
    return successor


@pytest.mark.parametrize(
    "database_kind", [pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)
def test_every_slot_fires_once_while_engines_are_replaced(
    old: Stack, sandbox: Sandbox, tenant: Tenant, tmp_path: Path
) -> None:
    engines = [old.engine(name) for name in ("one", "two")]
    for engine in engines:
        engine.start()
        wait_for(lambda engine=engine: "is ready" in engine.logged(), 60, "an old engine")  # type: ignore[misc]
    schedule_ids = _in_use(tenant)
    first, second, third, last = (schedule_ids[step::4] for step in range(4))

    slots = _let_fire(old, first)
    (tmp_path / "new").mkdir()
    new = Stack(sandbox, tmp_path / "new", old.database, sync=False)
    assert _OLD_REVISION in old.manage("db", "version").stdout
    new.manage("db", "sync")
    assert _OLD_REVISION not in new.manage("db", "version").stdout
    try:
        slots |= _let_fire(old, second)
        engines[0] = _replace(engines[0], new, "one")
        slots |= _let_fire(old, third)
        engines[1] = _replace(engines[1], new, "two")
        slots |= _let_fire(old, last)
        new.start_api()
        assert len(slots) == _SCHEDULES
        _each_once(slots, Tenant(sandbox, tenant.project))
    finally:
        new.stop()


def _each_once(slots: dict[str, datetime], tenant: Tenant) -> None:
    def runs() -> list[Any]:
        return list(tenant.client.runs(trigger="schedule"))

    wait_for(lambda: len(runs()) >= len(slots), 60, "the last slot")
    wait_for(lambda: not [run for run in runs() if run.finished_at is None], 120, "all to end")
    assert [(run.schedule_name, run.error) for run in runs() if run.status != "succeeded"] == []
    fired = sorted((run.schedule_id, run.scheduled_for) for run in runs())
    stamps = {each: slot.strftime("%Y-%m-%dT%H:%M:%SZ") for each, slot in slots.items()}
    assert fired == sorted(stamps.items())
    assert len(tenant.backups()) == len(slots)
    assert len({backup.volume_id for backup in tenant.backups()}) == len(slots)
