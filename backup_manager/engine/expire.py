"""Gives up tasks whose time is up before they started; :mod:`.track` does it for running ones."""

from __future__ import annotations

from oslo_log import log as logging

from backup_manager import clock
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.models import Task
from backup_manager.db.task import Claimed
from backup_manager.engine import outcome
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

_BATCH = 100


class Expire:
    """Ends waiting tasks that are overdue; call it every few seconds."""

    def __call__(self) -> int:
        """:returns: how many tasks were ended"""
        with db_session.reader() as session:
            overdue = db.overdue(session, clock.now(), _BATCH)
            tasks = db.load(session, Task.id.in_(overdue)) if overdue else []
        return sum(self._end(task) for task in tasks)

    def _end(self, task: Claimed) -> bool:
        waited_for = f" It waited: {task.error}" if task.error else ""
        message = (
            f"The {task.action} had not started by {clock.iso(task.expires_at)}, when the "
            f"completion limit {outcome.limit_of(task)} was over.{waited_for}"
        )
        LOG.warning("Task %s expired: %s", task.id, message)
        return outcome.finish(
            task, rules.PENDING, rules.EXPIRED, error_code="expired", error=message
        )
