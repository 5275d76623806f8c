"""Keeps the mirror of a project's volumes and backups in line with Cinder, which is the truth."""

from __future__ import annotations

from datetime import datetime, timedelta

from keystoneauth1 import session as ks_session
from oslo_config import cfg

from backup_manager import cinder, clock, delegation, exceptions
from backup_manager.context import RequestContext
from backup_manager.db import inventory as db
from backup_manager.db import project as db_project
from backup_manager.db import session as db_session
from backup_manager.db.models import Backup, Volume
from backup_manager.rules.quota import Quota


def refresh_with_token(conf: cfg.ConfigOpts, context: RequestContext, max_age: float) -> None:
    """Compare with Cinder as the caller sees it, when the last look is too long ago.

    :param max_age: seconds
    :raises Unavailable: Cinder does not answer
    """
    if is_newer(context.project_id, clock.now() - timedelta(seconds=max_age)):
        return
    try:
        refresh(client(conf, context), context.project_id)
    except cinder.AccessDenied as error:
        raise exceptions.Forbidden(f"Cinder refuses your token: {error.message}") from error
    except cinder.CinderError as error:
        raise exceptions.Unavailable(
            f"The volumes and backups could not be read: {error.message}"
        ) from error


def client(conf: cfg.ConfigOpts, context: RequestContext) -> cinder.Cinder:
    """Cinder as the caller sees it."""
    assert context.auth is not None
    session: ks_session.Session = delegation.new_session(conf, context.auth)
    return cinder.Cinder(session, conf)


def read_quota(conf: cfg.ConfigOpts, context: RequestContext) -> Quota:
    """The quota of backups of the caller's project.

    :raises Forbidden, Unavailable: it could not be read
    """
    try:
        return client(conf, context).quota()
    except cinder.AccessDenied as error:
        raise exceptions.Forbidden(f"Cinder refuses your token: {error.message}") from error
    except cinder.CinderError as error:
        raise exceptions.Unavailable(f"The quota could not be read: {error.message}") from error


def is_newer(project_id: str, since: datetime) -> bool:
    """Whether the last comparison of the project with Cinder was begun after ``since``."""
    with db_session.reader() as session:
        row = db_project.get(session, project_id)
    return row is not None and row.synced_at is not None and row.synced_at >= since


def refresh(client: cinder.Cinder, project_id: str) -> None:
    """Bring the mirror of a project up to date: one list request per thousand rows."""
    began = clock.now()
    db_project.ensure(project_id)
    volumes: set[str] = set()
    for volume_page in client.volumes():
        store_volumes(project_id, volume_page)
        volumes.update(volume.id for volume in volume_page)
    backups: set[str] = set()
    for backup_page in client.backups():
        store_backups(project_id, backup_page)
        backups.update(backup.id for backup in backup_page)
    _finish(project_id, volumes, backups, began)


def refresh_volume(client: cinder.Cinder, project_id: str, volume_id: str) -> None:
    """Bring the mirror of the backups of one volume up to date."""
    began = clock.now()
    seen: set[str] = set()
    for page in client.backups(volume_id=volume_id):
        store_backups(project_id, page)
        seen.update(backup.id for backup in page)
    _remove_unseen(project_id, volume_id, seen, began)


@db_session.retry
def _remove_unseen(project_id: str, volume_id: str, seen: set[str], began: datetime) -> None:
    with db_session.writer() as session:
        of_volume = Backup.volume_id == volume_id
        db.remove_unseen(session, Backup, project_id, seen, began, of_volume)


@db_session.retry
def forget_backup(project_id: str, backup_id: str) -> None:
    """Remove a backup of which Cinder says that it is gone."""
    with db_session.writer() as session:
        db.forget_backup(session, project_id, backup_id)


@db_session.retry
def store_volumes(project_id: str, page: list[cinder.Volume]) -> None:
    """Write volumes that Cinder just described."""
    with db_session.writer() as session:
        db.store_volumes(session, project_id, page, clock.now())


@db_session.retry
def store_backups(project_id: str, page: list[cinder.Backup]) -> None:
    """Write backups that Cinder just described."""
    with db_session.writer() as session:
        db.store_backups(session, project_id, page, clock.now())


@db_session.retry
def _finish(project_id: str, volumes: set[str], backups: set[str], began: datetime) -> None:
    with db_session.writer() as session:
        db.remove_unseen(session, Volume, project_id, volumes, began)
        db.remove_unseen(session, Backup, project_id, backups, began)
        db.derive_parents(session, project_id)
        db.synced(session, project_id, began)
