"""Looks after tasks whose engine died, or whose question to Cinder got no clear answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import uuidutils

from backup_manager import cinder, clock, exceptions
from backup_manager.db import run as db_run
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.models import Task
from backup_manager.db.task import Claimed
from backup_manager.engine import backup, delete, outcome, record, restore
from backup_manager.engine.clients import Clients
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

# What Cinder did of a task, as columns of the task; None when it was not asked yet, so that the
# task can be submitted again.
Finder = Callable[[cinder.Cinder, Claimed], "Mapping[str, Any] | None"]
FOUND: dict[str, Finder] = {
    "backup": backup.found,
    "restore": restore.found,
    "delete": delete.found,
    "import": record.found,
}

_BATCH = 100


class Recover:
    """Finds out what became of abandoned tasks, so that nothing is done twice."""

    def __init__(self, conf: cfg.ConfigOpts, clients: Clients, engine_id: str) -> None:
        self._conf = conf
        self._clients = clients
        self._engine_id = engine_id

    def __call__(self) -> int:
        """:returns: how many tasks were looked after"""
        self._settle_runs()
        with db_session.reader() as session:
            abandoned = db.abandoned(session, clock.now(), _BATCH)
        recovered = 0
        for task_id in abandoned:
            try:
                recovered += self._recover(task_id)
            except (exceptions.Unavailable, cinder.CinderError) as error:
                # The claim runs out again and the next look is made then. When one gets no
                # answer, the others would only wait for it too.
                LOG.warning("What became of task %s could not be found out: %s", task_id, error)
                break
        return recovered

    @db_session.retry
    def _settle_runs(self) -> None:
        """Finish runs whose tasks are all done but whose engine died just then."""
        with db_session.writer() as session:
            for run_id in db_run.overlooked(session, _BATCH):
                db_run.settle(session, run_id, clock.now())

    def _recover(self, task_id: str) -> bool:
        task = self._take_over(task_id)
        if task is None:
            return False
        try:
            self._find_out(task)
        except exceptions.DelegationBroken as error:
            message = f"{error.message} Whether Cinder did it could not be found out."
            self._end(task, message)
        except outcome.Unclear as reason:
            self._end(task, str(reason))
        except (exceptions.Unavailable, cinder.CinderError):
            raise
        except Exception:
            LOG.exception("Task %s could not be recovered", task.id)
        return True

    @db_session.retry
    def _take_over(self, task_id: str) -> Claimed | None:
        now = clock.now()
        until = now + timedelta(seconds=self._conf.engine.claim_timeout)
        with db_session.writer() as session:
            claim_id = f"{self._engine_id}:{uuidutils.generate_uuid()}"
            if not db.take_over(session, task_id, claim_id, now, until):
                return None
            (task,) = db.load(session, Task.id == task_id)
        return task

    def _find_out(self, task: Claimed) -> None:
        client = self._clients.cinder(task.delegation_id)
        try:
            found = FOUND[task.action](client, task)
        except cinder.AccessDenied as error:
            self._clients.denied(task.delegation_id, error)
        if found is not None:
            LOG.info("Task %s was taken up by Cinder already: %s", task.id, found)
            values = {**found, "error_code": None, "error": None}
            outcome.change(task, rules.SUBMITTING, rules.RUNNING, **values)
        elif task.attempts >= self._conf.engine.max_attempts:
            self._end(task, f"Cinder gave no clear answer in {task.attempts} attempts.")
        else:
            LOG.info("Cinder knows nothing of task %s; it goes back to the line", task.id)
            outcome.change(task, rules.SUBMITTING, rules.PENDING, not_before=clock.now())

    def _end(self, task: Claimed, message: str) -> None:
        outcome.finish(
            task,
            rules.SUBMITTING,
            rules.FAILED,
            error_code=cinder.Uncertain.code,
            error=message,
        )
