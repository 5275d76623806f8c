"""Takes waiting tasks, within the limits, and has their action carried out by a pool of workers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import uuidutils

from backup_manager import cinder, clock, exceptions
from backup_manager.db import run as db_run
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.task import Claimed
from backup_manager.engine import backup, delete, outcome, record, restore
from backup_manager.engine.clients import Clients
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

Action = Callable[[cfg.ConfigOpts, Clients, Claimed], None]
ACTIONS: dict[str, Action] = {
    "backup": backup.submit,
    "restore": restore.submit,
    "delete": delete.submit,
    "import": record.submit,
}

_LONGEST_PAUSE = 600
# A project over its quota is not helped by an hour of attempts: its user has to act.
_QUOTA_ATTEMPTS = 3


class Submit:
    """Keeps the workers busy with waiting tasks; call it often, from any thread."""

    def __init__(self, conf: cfg.ConfigOpts, clients: Clients, engine_id: str) -> None:
        self._conf = conf
        self._clients = clients
        self._engine_id = engine_id
        self._idle = conf.engine.submit_workers
        self._pool = ThreadPoolExecutor(self._idle, thread_name_prefix="submit")
        self._lock = threading.Lock()
        self._stopped = False

    def __call__(self) -> int:
        """Claim as many tasks as there are idle workers, and hand them over.

        :returns: how many were claimed
        """
        with self._lock:
            if self._stopped or not self._idle:
                return 0
            tasks = self._claim(self._idle) if self._anything_waits() else []
            self._idle -= len(tasks)
            futures = [self._pool.submit(self._work, task) for task in tasks]
        # Outside the lock: the callback of one that is done already runs right here.
        for future in futures:
            future.add_done_callback(self._done)
        return len(tasks)

    def stop(self) -> None:
        """Take nothing more, and wait until what was taken is submitted."""
        with self._lock:
            self._stopped = True
        self._pool.shutdown(wait=True)

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            self._idle += 1
            # Refilling in handfuls costs fewer claims than one at a time.
            enough = self._idle * 3 >= self._conf.engine.submit_workers
        if (error := future.exception()) is not None:
            # Such as a database that was away when the outcome was to be written.
            LOG.error("What became of a task could not be noted: %s", error, exc_info=error)
        if enough:
            try:
                self()
            except Exception:
                LOG.exception("No further tasks could be claimed; the timer tries again")

    def _anything_waits(self) -> bool:
        with db_session.reader() as session:
            return db.anything_waits(session, clock.now())

    @db_session.retry
    def _claim(self, room: int) -> list[Claimed]:
        options = self._conf.engine
        now = clock.now()
        with db_session.writer() as session:
            tasks = db.claim_pending(
                session,
                claim_id=f"{self._engine_id}:{uuidutils.generate_uuid()}",
                now=now,
                until=now + timedelta(seconds=options.claim_timeout),
                limit_total=options.max_running,
                limit_project=options.max_running_per_project,
                room=room,
            )
            db_run.started(session, {task.run_id for task in tasks}, now)
        return tasks

    def _work(self, task: Claimed) -> None:
        """One task, from claim to Cinder's answer. Whatever happens is written on the task."""
        try:
            ACTIONS[task.action](self._conf, self._clients, task)
        except outcome.ClaimLost:
            LOG.warning("Task %s was taken over by another engine; it is left to that", task.id)
        except outcome.Skipped as reason:
            self._end(task, rules.SKIPPED, reason.code, str(reason))
        except outcome.NotYet as reason:
            self._wait(task, str(reason))
        except exceptions.DelegationBroken as error:
            self._end(task, rules.FAILED, "delegation-broken", error.message)
        except exceptions.Unavailable as error:
            self._postpone(task, "unavailable", error.message)
        except cinder.Busy as error:
            self._postpone(task, error.code, error.message)
        except cinder.Uncertain as error:
            self._leave_open(task, error)
        except cinder.CinderError as error:
            self._end(task, rules.FAILED, error.code, error.message)
        except Exception:
            # Where it broke off is not known, so the outcome is open like any other such.
            LOG.exception("Task %s could not be submitted", task.id)
            self._leave_open(
                task, cinder.Uncertain("An unexpected error; the log of the engine has it.")
            )

    def _postpone(self, task: Claimed, code: str, reason: str) -> None:
        """Back to the line, until the attempts are used up."""
        options = self._conf.engine
        most = options.max_attempts
        if code == cinder.OverQuota.code:
            most = min(most, _QUOTA_ATTEMPTS)
        if task.attempts >= most:
            given_up = f"{reason} (given up after {task.attempts} attempts)"
            return self._end(task, rules.FAILED, code, given_up)
        pause = self._pause(task)
        LOG.info("Task %s waits %d s: %s", task.id, pause, reason)
        self._change(
            task,
            rules.PENDING,
            not_before=clock.now() + timedelta(seconds=pause),
            error_code=code,
            error=reason,
        )
        return None

    def _wait(self, task: Claimed, reason: str) -> None:
        """Back to the line for a short while; what is worth waiting for costs no attempt."""
        self._change(
            task,
            rules.PENDING,
            not_before=clock.now() + timedelta(seconds=self._conf.engine.track_interval),
            attempts=task.attempts - 1,
            error_code="waiting",
            error=reason,
        )

    def _pause(self, task: Claimed) -> int:
        """Seconds to wait after this attempt: longer each time."""
        return int(min(self._conf.engine.retry_pause * 2 ** (task.attempts - 1), _LONGEST_PAUSE))

    def _leave_open(self, task: Claimed, error: cinder.Uncertain) -> None:
        """Cinder may have done it: have it looked for, after a pause, before asking again."""
        LOG.warning("Task %s got no clear answer: %s", task.id, error.message)
        # A proxy may give up while Cinder is still at it.
        pause = timedelta(seconds=max(self._pause(task), self._conf.cinder.timeout))
        self._change(
            task,
            rules.SUBMITTING,
            claimed_until=clock.now() + pause,
            error_code=error.code,
            error=error.message,
        )

    def _change(self, task: Claimed, status: str, **values: Any) -> None:
        outcome.change(task, rules.SUBMITTING, status, **values)

    def _end(self, task: Claimed, status: str, code: str, message: str) -> None:
        LOG.warning("Task %s %s: %s", task.id, status, message)
        outcome.finish(task, rules.SUBMITTING, status, error_code=code, error=message)
