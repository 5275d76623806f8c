"""Records once a day what a project has, so that trends can be seen."""

from __future__ import annotations

from datetime import date

from backup_manager import clock
from backup_manager.db import session as db_session
from backup_manager.db import usage as db


def sample(project_id: str) -> None:
    """Record the day of a project whose inventory was just refreshed.

    Called after each refresh: only the first one of a day, in UTC, writes. So no sample comes
    from an inventory that is old, and no query goes through all projects.
    """
    day = clock.now().date()
    with db_session.reader() as session:
        if db.is_sampled(session, project_id, day):
            return
    _record(project_id, day)


@db_session.retry
def _record(project_id: str, day: date) -> None:
    """An engine that comes second finds the row when it tries again."""
    with db_session.writer() as session:
        db.sample(session, project_id, day)
