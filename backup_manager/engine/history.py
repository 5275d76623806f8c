"""Deletes finished runs that are older than anybody wants to know."""

from __future__ import annotations

from datetime import datetime, timedelta

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import clock
from backup_manager.db import run as db
from backup_manager.db import session as db_session

LOG = logging.getLogger(__name__)

# A transaction deletes so many runs at most, so that others don't wait for its locks.
_BATCH = 500
# An engine that stops waits for the call under way; the rest has time until the next one.
_BATCHES = 20


class History:
    """Forgets what ``[engine]history_days`` says; unfinished runs stay whatever their age."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def __call__(self) -> int:
        """:returns: how many runs were deleted"""
        days = self._conf.engine.history_days
        if days == 0:
            return 0
        deleted = purge(clock.now() - timedelta(days=days), _BATCHES)
        if deleted:
            LOG.info("Deleted %d runs that finished more than %d days ago", deleted, days)
        return deleted


def purge(before: datetime, batches: int | None = None) -> int:
    """Delete runs that finished before a time, with their tasks, oldest first.

    :param batches: how many transactions at most; None for as many as it takes
    :returns: how many runs were deleted
    """
    deleted = done = 0
    while batches is None or done < batches:
        found, gone = _purge_batch(before)
        deleted, done = deleted + gone, done + 1
        if not found:
            break
    return deleted


@db_session.retry
def _purge_batch(before: datetime) -> tuple[int, int]:
    """:returns: how many runs were found, and how many of them were still there to delete"""
    with db_session.writer() as session:
        run_ids = db.old(session, before, _BATCH)
        return len(run_ids), db.purge(session, run_ids, before)
