"""``backup-manager-manage db``: what it says of a database, and with which exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from backup_manager.db import migration

Manage = Callable[..., tuple[int, str, str]]


@pytest.fixture
def manage(database: str, tmp_path: Path) -> Manage:
    """Runs the program; returns its exit code and what it prints."""
    config_file = tmp_path / "manage.conf"
    config_file.write_text(f"[database]\nconnection = {database}\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "backup_manager.cmd.manage"]
            + ["--config-file", str(config_file), "db", *arguments],
            text=True,
            capture_output=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_version_and_check_before_and_after_a_sync(manage: Manage, database: str) -> None:
    newest = migration.newest()
    assert manage("version") == (0, "empty\n", "")
    code, output, error = manage("check")
    assert (code, output) == (1, "")
    assert error == (
        "backup-manager-manage: The database schema is at revision none (empty), this version "
        f"needs {newest}. Run: backup-manager-manage db sync\n"
    )
    assert manage("version") == (0, "empty\n", ""), "looking changes nothing"

    assert manage("sync") == (0, f"The database went from empty to revision {newest}.\n", "")
    assert manage("version") == (0, f"{newest}\n", "")
    assert manage("check") == (0, f"The database is at revision {newest}, as needed.\n", "")
    assert manage("sync") == (0, f"The database is at revision {newest} already.\n", "")


def test_a_database_of_another_version_is_noticed(manage: Manage, database: str) -> None:
    manage("sync")
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'later'"))
    engine.dispose()
    assert manage("version") == (0, "later\n", "")
    for verb in ("check", "sync"):
        code, output, error = manage(verb)
        assert (code, output) == (1, "")
        assert error.endswith(
            "The program is older than the database: upgrade the program here too.\n"
        )
        assert "is at revision later, which this version does not know" in error
        assert "db sync" not in error
    assert manage("version") == (0, "later\n", ""), "nothing was changed"
