"""Follows what is under way in Cinder: one list request per project and kind of task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import cinder, clock, exceptions
from backup_manager.db import delegation as db_delegation
from backup_manager.db import project as db_project
from backup_manager.db import session as db_session
from backup_manager.db import task as db
from backup_manager.db.models import Task
from backup_manager.db.task import Claimed
from backup_manager.engine import backup, delete, outcome, record, restore
from backup_manager.engine.clients import Clients
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

# By the id of the task; those that go on are absent.
Endings = Mapping[str, outcome.Ending]


@dataclass(frozen=True)
class Followed:
    """How the tasks of one action are followed.

    :param endings: asks Cinder about tasks of one project, all at once
    :param stuck: what to do about a task that does not end
    """

    endings: Callable[[cinder.Cinder, list[Claimed]], Endings]
    stuck: Callable[[Claimed], str]


FOLLOWED: dict[str, Followed] = {
    "backup": Followed(backup.endings, backup.stuck),
    "restore": Followed(restore.endings, restore.stuck),
    "delete": Followed(delete.endings, delete.stuck),
    "import": Followed(record.endings, record.stuck),
}


def _not_learnt(task: Claimed) -> str:
    return "What became of it could not be learnt from Cinder."


class Track:
    """Asks Cinder about running tasks, project by project."""

    def __init__(self, conf: cfg.ConfigOpts, clients: Clients) -> None:
        self._conf = conf
        self._clients = clients

    def __call__(self) -> int:
        """:returns: how many tasks ended"""
        with db_session.reader() as session:
            projects = db.running_projects(session)
        ended = 0
        for project_id in projects:
            try:
                if self._claim(project_id):
                    ended += self._track(project_id)
            except Exception:
                # One project's trouble must not hold up the others.
                LOG.exception("Running tasks of project %s are not followed", project_id)
        return ended

    @db_session.retry
    def _claim(self, project_id: str) -> bool:
        interval = self._conf.engine.track_interval
        with db_session.writer() as session:
            # A little less than the timer's interval, or every second tick would come too early.
            return db_project.claim_track(session, project_id, clock.now(), interval * 0.9)

    def _track(self, project_id: str) -> int:
        with db_session.reader() as session:
            tasks = db.load(session, Task.status == rules.RUNNING, Task.project_id == project_id)
            spare = [row.id for row in db_delegation.in_use(session, project_id)]
        by_action: defaultdict[str, list[Claimed]] = defaultdict(list)
        for task in tasks:
            by_action[task.action].append(task)
        return sum(self._follow(FOLLOWED[action], by_action[action], spare) for action in by_action)

    def _follow(self, followed: Followed, tasks: list[Claimed], spare: list[str]) -> int:
        """End those of the tasks of one action that Cinder is done with; returns how many."""
        found: Endings = {}
        advise = followed.stuck
        try:
            found = self._look(followed, tasks, spare)
        except (exceptions.BackupManagerError, cinder.CinderError) as error:
            project_id = tasks[0].project_id
            LOG.warning("Running tasks of project %s are not followed: %s", project_id, error)
            advise = _not_learnt
        endings = ((task, found.get(task.id) or self._overdue(task, advise)) for task in tasks)
        return outcome.conclude((task, ending) for task, ending in endings if ending is not None)

    def _look(self, followed: Followed, tasks: list[Claimed], spare: list[str]) -> Endings:
        """What Cinder says of the tasks.

        :param spare: delegations that serve when those of the tasks are broken by now
        """
        error: Exception | None = None
        for delegation_id in dict.fromkeys([*(task.delegation_id for task in tasks), *spare]):
            try:
                return self._look_with(delegation_id, followed, tasks)
            except exceptions.BackupManagerError as trouble:
                error = trouble
        assert error is not None
        raise error

    def _look_with(self, delegation_id: str, followed: Followed, tasks: list[Claimed]) -> Endings:
        try:
            return followed.endings(self._clients.cinder(delegation_id), tasks)
        except cinder.AccessDenied as error:
            self._clients.denied(delegation_id, error)

    def _overdue(self, task: Claimed, advise: Callable[[Claimed], str]) -> outcome.Ending | None:
        """The end of a task that takes too long; Cinder's own operation is left alone."""
        if clock.now() < self._given_up_at(task):
            return None
        message = (
            f"The {task.action} was not finished by {clock.iso(self._given_up_at(task))}, when "
            f"the completion limit {outcome.limit_of(task)} was over. {advise(task)}"
        )
        return outcome.Ending(rules.EXPIRED, "expired", message)

    def _given_up_at(self, task: Claimed) -> datetime:
        limit = timedelta(seconds=self._conf.engine.completion_limit)
        return task.expires_at or (task.submitted_at or task.run_created_at) + limit
