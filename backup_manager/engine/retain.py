"""Deletes what the policies of retention no longer keep, project by project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import uuidutils
from sqlalchemy.orm import Session

from backup_manager import cinder, clock, exceptions, retention
from backup_manager.context import Scope
from backup_manager.db import delegation as db_delegation
from backup_manager.db import project as db
from backup_manager.db import run as db_run
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Delegation, Run
from backup_manager.db.run import Target
from backup_manager.engine.clients import Clients
from backup_manager.rules import deletion
from backup_manager.rules import run as rules

LOG = logging.getLogger(__name__)

_BATCH = 50
_BASIS = retention.ByPolicy()
TRIGGER = "retention"


@dataclass(frozen=True)
class Plan:
    """What a pass would delete.

    :param targets: leaf first
    :param total: backups that the project has
    """

    targets: Sequence[Target]
    total: int

    @property
    def backup_ids(self) -> set[str]:
        return {target.backup_id for target in self.targets if target.backup_id}


class Retain:
    """Makes the runs that delete; each project is looked at by one engine."""

    def __init__(self, conf: cfg.ConfigOpts, clients: Clients) -> None:
        self._conf = conf
        self._clients = clients

    def __call__(self) -> int:
        """:returns: how many runs were made"""
        if not self._conf.retention.interval:
            return 0
        with db_session.reader() as session:
            due = db.due_for_retention(session, clock.now(), _BATCH)
        return sum(self._retain_safely(project_id) for project_id in due if self._claim(project_id))

    @db_session.retry
    def _claim(self, project_id: str) -> bool:
        with db_session.writer() as session:
            interval = self._conf.retention.interval
            return db.claim_retention(session, project_id, clock.now(), interval)

    def _retain_safely(self, project_id: str) -> bool:
        """One project's trouble must not hold up the others."""
        try:
            return self._retain(project_id)
        except (exceptions.BackupManagerError, cinder.CinderError) as error:
            LOG.warning("Retention does not look at project %s now: %s", project_id, error)
        except Exception:
            LOG.exception("Retention failed for project %s", project_id)
        return False

    def _retain(self, project_id: str) -> bool:
        delegation = self._working_delegation(project_id)
        if delegation is None:
            return False
        plan = self._plan(project_id)
        run_id = self._make_run(delegation, plan)
        if run_id is not None:
            LOG.info(
                "Retention lets %d of %d backups of project %s go: run %s",
                len(plan.targets),
                plan.total,
                project_id,
                run_id,
            )
        return run_id is not None

    def _working_delegation(self, project_id: str) -> Delegation | None:
        """One that may act in the project; the inventory is fresh then."""
        with db_session.reader() as session:
            rows = db_delegation.in_use(session, project_id)
        since = clock.now() - timedelta(seconds=self._conf.engine.sync_interval)
        error: exceptions.BackupManagerError | None = None
        for row in rows:
            try:
                client = self._clients.cinder(row.id)
                try:
                    self._clients.ensure_fresh(client, project_id, since)
                except cinder.AccessDenied as denied:
                    self._clients.denied(row.id, denied)
                return row
            except exceptions.BackupManagerError as trouble:
                error = trouble
        if error is not None:
            raise error
        return None

    def _plan(self, project_id: str) -> Plan:
        total = 0
        targets: list[Target] = []
        for decided in retention.decide(self._conf, project_id, None, _BASIS):
            total += len(decided.rows)
            if going := decided.going:
                name = _name(project_id, decided.volume_id) if going else None
                targets += retention.targets(decided, _BASIS, name)
        return Plan(targets, total)

    @db_session.retry
    def _make_run(self, delegation: Delegation, plan: Plan) -> str | None:
        """The run that deletes what is to go, unless an earlier one still does, or waits to."""
        now = clock.now()
        with db_session.writer() as session:
            earlier = db_run.unfinished(session, delegation.project_id, TRIGGER)
            for run in earlier:
                if run.status != rules.WAITING or _is_about(session, run, plan):
                    return None
            for run in earlier:
                reason = "What retention would delete has changed since."
                db_run.cancel_pending(session, run.id, now, reason, [rules.WAITING])
                db_run.settle(session, run.id, now)
            if not plan.targets:
                return None
            db_run.hold_delegation(session, delegation.id)
            return self._create(session, delegation, plan, now).id

    def _create(self, session: Session, delegation: Delegation, plan: Plan, now: datetime) -> Run:
        percent = self._conf.retention.brake_percent
        stops = deletion.brake(plan.total, len(plan.targets), percent)
        limit = timedelta(seconds=self._conf.engine.completion_limit)
        run_id = uuidutils.generate_uuid()
        return db_run.create(
            session,
            run_id=run_id,
            now=now,
            project_id=delegation.project_id,
            user_id=delegation.user_id,
            delegation_id=delegation.id,
            action="delete",
            trigger=TRIGGER,
            targets=plan.targets,
            parameters={},
            expires_at=None if stops else now + limit,
            error=_stopped(run_id, plan, percent) if stops else None,
            waits=stops,
        )


def _name(project_id: str, volume_id: str) -> str | None:
    with db_session.reader() as session:
        return db_volume.names(session, Scope(project_id), [volume_id]).get(volume_id)


def _is_about(session: Session, run: Run, plan: Plan) -> bool:
    """Whether a run would delete the very same backups."""
    return db_run.backup_ids(session, run.id) == plan.backup_ids


def _stopped(run_id: str, plan: Plan, percent: int) -> str:
    return (
        f"Retention would delete {len(plan.targets)} of the {plan.total} backups of the project, "
        f"more than {percent} %. Nothing is deleted before somebody agrees: look at the tasks of "
        f"this run, then confirm it with: openstack backup-manager run confirm {run_id}; or cancel "
        "it and change the policy."
    )
