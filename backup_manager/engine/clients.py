"""Cinder as each delegation lets the engine see it, and the inventory behind it."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime
from typing import NoReturn

from oslo_config import cfg

from backup_manager import exceptions, inventory
from backup_manager.cinder import AccessDenied, Cinder, CinderError
from backup_manager.db import delegation as db_delegation
from backup_manager.db import session as db_session
from backup_manager.keyring import Keyring


class Clients:
    """Shared by the timers of one engine.

    :param keyring: the sessions of the delegations
    """

    def __init__(self, conf: cfg.ConfigOpts, keyring: Keyring) -> None:
        self._conf = conf
        self.keyring = keyring
        self._refreshing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def cinder(self, delegation_id: str) -> Cinder:
        """:raises DelegationBroken, Unavailable: as ``Keyring.session``"""
        return Cinder(self.keyring.session(delegation_id), self._conf)

    def denied(self, delegation_id: str, error: AccessDenied) -> NoReturn:
        """Cinder refused the delegation's token: find out whether the delegation is to blame.

        A fresh login decides. The token may have ended with a trust that was replaced meanwhile,
        or with the password of the service user, who is the one to log in for all of them.

        :raises DelegationBroken: the delegation does not work
        :raises Unavailable: it does, or the service user itself is refused: try again
        """
        with db_session.reader() as session:
            row = db_delegation.get(session, delegation_id)
        if row is None:
            raise exceptions.DelegationBroken("The delegation of this run was removed.")
        self.keyring.drop(row)
        self.keyring.session(delegation_id)
        raise exceptions.Unavailable(f"Cinder refused a token that had ended: {error.message}")

    def ensure_fresh(self, client: Cinder, project_id: str, since: datetime) -> None:
        """Refresh a project's inventory unless that was begun after ``since``.

        Tasks of one project that start together wait for one refresh instead of making one each.

        :raises Unavailable: Cinder's lists could not be read
        """
        if inventory.is_newer(project_id, since):
            return
        with self._refreshing[project_id]:
            if inventory.is_newer(project_id, since):
                return
            try:
                inventory.refresh(client, project_id)
            except AccessDenied:
                raise
            except CinderError as error:
                raise exceptions.Unavailable(
                    f"The volumes and backups of the project could not be read: {error.message}"
                ) from error
