"""Schema revisions: bring the database to the newest one, or say which one it has."""

from __future__ import annotations

from pathlib import Path

import alembic.command
import alembic.config
import alembic.migration
import alembic.script

from backup_manager import exceptions
from backup_manager.db import session

_HERE = Path(__file__).parent


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_HERE / "migrations"))
    return config


def newest() -> str:
    """The revision that this version of the code needs."""
    head = alembic.script.ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current() -> str | None:
    """The revision of the database, None when it is empty."""
    with session.engine().connect() as connection:
        return alembic.migration.MigrationContext.configure(connection).get_current_revision()


def sync(revision: str = "head") -> None:
    """Upgrade the database to ``revision``. Does nothing when it is there already.

    :raises SchemaTooNew: a newer version of the program was here before
    """
    session.make_file()
    _check_is_known(current())
    config = _config()
    with session.engine().connect() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
        connection.commit()


def check() -> None:
    """Refuse to work on another schema than this code was written for.

    :raises SchemaOutdated: the message names the command to run
    :raises SchemaTooNew: the program is older than the database
    """
    found, needed = current(), newest()
    _check_is_known(found)
    if found != needed:
        raise exceptions.SchemaOutdated(found=found or "none (empty)", needed=needed)


def revisions() -> list[str]:
    """All revisions, oldest first."""
    script = alembic.script.ScriptDirectory.from_config(_config())
    return [step.revision for step in script.walk_revisions()][::-1]


def _check_is_known(found: str | None) -> None:
    if found is not None and found not in revisions():
        raise exceptions.SchemaTooNew(found=found, needed=newest())
