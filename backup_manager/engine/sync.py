"""Keeps the inventory of projects with schedules fresh, and notices delegations that broke."""

from __future__ import annotations

from collections.abc import Sequence

from oslo_config import cfg
from oslo_log import log as logging

from backup_manager import cinder, clock, delegation, exceptions, inventory
from backup_manager.db import delegation as db_delegation
from backup_manager.db import project as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Delegation
from backup_manager.engine import usage
from backup_manager.engine.clients import Clients

LOG = logging.getLogger(__name__)

_BATCH = 50


class Sync:
    """Compares the projects that are due with Cinder, each by one engine."""

    def __init__(self, conf: cfg.ConfigOpts, clients: Clients) -> None:
        self._conf = conf
        self._clients = clients

    def __call__(self) -> int:
        """:returns: how many projects were compared"""
        with db_session.reader() as session:
            due = db.due_for_sync(session, clock.now(), _BATCH)
        return sum(self._sync_safely(project_id) for project_id in due if self._claim(project_id))

    @db_session.retry
    def _claim(self, project_id: str) -> bool:
        with db_session.writer() as session:
            return db.claim_sync(session, project_id, clock.now(), self._conf.engine.sync_interval)

    def _sync_safely(self, project_id: str) -> bool:
        """One project's trouble must not hold up the others."""
        try:
            return self._sync(project_id)
        except (exceptions.BackupManagerError, cinder.CinderError) as error:
            LOG.warning("Project %s could not be compared with Cinder: %s", project_id, error)
        except Exception:
            LOG.exception("Project %s could not be compared with Cinder", project_id)
        return False

    def _sync(self, project_id: str) -> bool:
        rows = self._delegations(project_id)
        if not rows:
            self._unwatch(project_id)
            return False
        synced = False
        for row in rows:
            # Any one shows the inventory; the others are only asked whether they still work.
            synced = self._use(row, refresh=not synced) or synced
        if synced:
            usage.sample(project_id)
        return synced

    def _delegations(self, project_id: str) -> Sequence[Delegation]:
        with db_session.reader() as session:
            return db_delegation.in_use(session, project_id)

    def _use(self, row: Delegation, refresh: bool) -> bool:
        """Whether the delegation works and, if asked for, the inventory is fresh now."""
        try:
            client = self._clients.cinder(row.id)
            if refresh:
                self._refresh(client, row)
        except exceptions.BackupManagerError as error:
            LOG.info("Delegation %s could not be used: %s", row.id, error)
            return False
        return refresh

    def _refresh(self, client: cinder.Cinder, row: Delegation) -> None:
        try:
            inventory.refresh(client, row.project_id)
        except cinder.AccessDenied as error:
            self._clients.denied(row.id, error)

    @db_session.retry
    def _unwatch(self, project_id: str) -> None:
        with db_session.writer() as session:
            db.unwatch(session, project_id)


class Release:
    """Removes delegations that nothing needs any more, as far as Keystone lets the service."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def __call__(self) -> int:
        """:returns: how many were removed"""
        return delegation.release_unneeded(self._conf)
