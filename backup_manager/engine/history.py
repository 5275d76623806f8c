"""Deletes finished runs that are older than anybody wants to know."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TextIO

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import clock
from backup_manager.db import run as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Run, Task

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


def count(before: datetime) -> tuple[int, int]:
    """How many runs ``purge`` would delete, and how many tasks with them."""
    with db_session.reader() as session:
        return db.count_old(session, before)


def purge(before: datetime, batches: int | None = None, archive: TextIO | None = None) -> int:
    """Delete runs that finished before a time, with their tasks, oldest first.

    :param batches: how many transactions at most; None for as many as it takes
    :param archive: gets a line of JSON for each run, before it is deleted
    :returns: how many runs were deleted
    """
    deleted = done = 0
    while batches is None or done < batches:
        found, gone = _purge_batch(before, archive)
        deleted, done = deleted + gone, done + 1
        if not found:
            break
    return deleted


@db_session.retry
def _purge_batch(before: datetime, archive: TextIO | None) -> tuple[int, int]:
    """:returns: how many runs were found, and how many of them were still there to delete"""
    with db_session.writer() as session:
        run_ids = db.old(session, before, _BATCH)
        if archive is not None:
            # A transaction that is repeated writes them again: better twice than never.
            _write(archive, db.with_tasks(session, run_ids))
        return len(run_ids), db.purge(session, run_ids, before)


def _write(archive: TextIO, runs: Iterable[tuple[Run, Iterable[Task]]]) -> None:
    for run, tasks in runs:
        line = {**_values(run), "tasks": [_values(task) for task in tasks]}
        archive.write(json.dumps(line, ensure_ascii=False) + "\n")
    archive.flush()
    # What is deleted next must not be in a cache alone.
    os.fsync(archive.fileno())


def _values(row: Run | Task) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return {
        name: clock.iso(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
