"""The sessions with which an engine acts in projects, by the delegations given to it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NoReturn

from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import plugin
from keystoneauth1 import session as ks_session
from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import timeutils

from backup_manager import clock, delegation, exceptions
from backup_manager.conf import admin_credentials, service_credentials
from backup_manager.db import delegation as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Delegation

LOG = logging.getLogger(__name__)

_REPAIR = (
    "A user who holds the roles {roles} in the project renews it with: "
    "openstack backup-manager schedule enable <schedule>"
)
# Logins that an engine keeps at hand.
_SESSIONS = 1000


class Keyring:
    """Sessions of the delegations in use: one token each, renewed by keystoneauth."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        # By delegation, with the trust that the session logs in with.
        self._sessions: OrderedDict[str, tuple[str | None, ks_session.Session]] = OrderedDict()

    def session(self, delegation_id: str) -> ks_session.Session:
        """A session that acts in the delegation's project, with a token that works now.

        What the attempt shows about the delegation is recorded.

        :raises DelegationBroken: Keystone refuses it; the message says what to do
        :raises Unavailable: Keystone does not answer, or refuses the service user itself
        """
        row = _load(delegation_id)
        while True:
            try:
                return self._login(row)
            except exceptions.DelegationBroken:
                tried, row = row, _load(delegation_id)
                # Its user renewed it meanwhile, and the trust that was tried went with that.
                if row.trust_id == tried.trust_id and row.mode == tried.mode:
                    raise

    def _login(self, row: Delegation) -> ks_session.Session:
        # A cached token would hide a revoked trust until it expires.
        check = row.state == db.BROKEN or self._check_is_due(row)
        if check:
            self.drop(row)
        found = self._cached(row)
        try:
            found.get_token()
        except delegation.REFUSALS as error:
            self.drop(row)
            # A wrong password of the service user must not break everybody's delegations.
            delegation.login_of_service(self._conf, self._group(row))
            self._report_broken(row, str(error))
        except ks_exceptions.ClientException as error:
            raise exceptions.Unavailable(f"Keystone does not answer: {error}") from error
        if found.get_project_id() != row.project_id:
            self._report_broken(row, "these credentials are for another project")
        if check:
            _mark(row, db.ACTIVE, None)
        return found

    def _report_broken(self, row: Delegation, reason: str) -> NoReturn:
        """Record that the delegation does not work.

        :raises DelegationBroken: always
        """
        roles = ", ".join(self._conf.delegation.roles)
        what = {
            delegation.TRUST: "the trust, its user or one of his roles in the project is gone",
            delegation.SERVICE: "the service user has no role in the project",
            delegation.SELF: "the credentials of the service no longer work",
            delegation.ADMIN: "the service's own administrator has no role in the project",
        }[row.mode]
        message = f"The engine may no longer act in the project: {what} (Keystone says: {reason})."
        if row.mode == delegation.TRUST:
            message = f"{message} {_REPAIR.format(roles=roles)}"
        if _mark(row, db.BROKEN, message) and row.state != db.BROKEN:
            LOG.warning("Delegation %s of project %s broke: %s", row.id, row.project_id, reason)
        raise exceptions.DelegationBroken(message)

    def _check_is_due(self, row: Delegation) -> bool:
        age = self._conf.delegation.check_interval
        return row.checked_at is None or timeutils.is_older_than(
            row.checked_at.replace(tzinfo=None), age
        )

    def _cached(self, row: Delegation) -> ks_session.Session:
        with self._lock:
            trust_id, found = self._sessions.get(row.id, (None, None))
            if found is None or trust_id != row.trust_id:
                found = delegation.new_session(self._conf, self._auth(row))
                self._sessions[row.id] = row.trust_id, found
            self._sessions.move_to_end(row.id)
            if len(self._sessions) > _SESSIONS:
                self._sessions.popitem(last=False)
            return found

    def drop(self, row: Delegation) -> None:
        """Have the next use log in anew."""
        with self._lock:
            self._sessions.pop(row.id, None)

    def _auth(self, row: Delegation) -> plugin.BaseAuthPlugin:
        bare = delegation.NO_SCOPE
        if row.mode == delegation.TRUST:
            return delegation.load_auth(self._conf, **{**bare, "trust_id": row.trust_id})
        if row.mode == delegation.SERVICE:
            return delegation.load_auth(self._conf, **{**bare, "project_id": row.project_id})
        if row.mode == delegation.ADMIN:
            return delegation.admin_auth(self._conf, row.project_id)
        return delegation.load_auth(self._conf)

    def _group(self, row: Delegation) -> str:
        """The group of options with the credentials that a delegation is used with."""
        if row.mode == delegation.ADMIN:
            return admin_credentials.in_use(self._conf)
        return service_credentials.GROUP


def _load(delegation_id: str) -> Delegation:
    with db_session.reader() as session:
        row = db.get(session, delegation_id)
    if row is None:
        raise exceptions.DelegationBroken("The delegation of this run was removed.")
    return row


@db_session.retry
def _mark(row: Delegation, state: str, error: str | None) -> bool:
    with db_session.writer() as session:
        return db.mark(session, row, state, error, clock.now())
