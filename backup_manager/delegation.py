"""How the service comes to act in a project: Keystone trusts, or what replaces them.

Modes (``[delegation]mode``): ``trust``, the user hands the service user some of his roles in one
project; ``service``, the service user has a role there itself; ``self``, the service runs with
the user's own credentials.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import requests
from keystoneauth1 import adapter, plugin
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import loading as ks_loading
from keystoneauth1 import session as ks_session
from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import uuidutils

from backup_manager import clock, exceptions
from backup_manager.conf import admin_credentials, service_credentials
from backup_manager.context import RequestContext
from backup_manager.db import delegation as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Delegation

LOG = logging.getLogger(__name__)

TRUST = "trust"
SERVICE = "service"
SELF = "self"
# Not a mode to configure: how records are exported and imported in the modes TRUST and SERVICE.
ADMIN = "admin"
# In place of a user's id: such a delegation is nobody's but the service's own.
_NOBODY = "admin-credentials"

# Scope that the service's own credentials may carry; a delegated token has another one.
NO_SCOPE = dict.fromkeys(
    (
        *("project_id", "project_name", "project_domain_id", "project_domain_name"),
        *("domain_id", "domain_name", "system_scope", "trust_id"),
    )
)
_STORED = (
    *("id", "project_id", "user_id", "mode", "trust_id"),
    *("state", "expires_at", "checked_at", "created_at"),
)
# A run may wait in line for days before its first backup.
_SHORTEST_TRUST = timedelta(days=7)
# Keystone says each of these when a trust, its trustor or one of his roles is gone.
REFUSALS = (
    ks_exceptions.Unauthorized,
    ks_exceptions.Forbidden,
    ks_exceptions.NotFound,
)

# More than an engine has workers and timers; see [engine]submit_workers.
_CONNECTIONS = 50

ADMIN_ADVICE = (
    "Records of backups are exported and imported with the rights of the service's own "
    "administrator, who has no role in project {project}, or there is no such project. Where this "
    "is wanted, a cloud administrator gives him one: openstack role add --project {project} "
    "--user {user} admin"
)
REFUSED = (
    "This token comes from an application credential or a trust, and Keystone does not let such "
    "tokens hand their rights on to the engine. Log in with your password and try again; or run "
    "backup-manager-personal, which works with an application credential; or ask your operator "
    "for [delegation]mode = service."
)


def load_auth(
    conf: cfg.ConfigOpts, group: str = service_credentials.GROUP, /, **scope: str | None
) -> plugin.BaseAuthPlugin:
    """The service's own credentials, with another scope where ``scope`` says so."""
    auth = ks_loading.load_auth_from_conf_options(conf, group, **scope)
    if auth is None:
        raise exceptions.Unavailable(
            "The service has no credentials: set auth_type, auth_url, username and password in "
            "the section [keystone_authtoken] of its configuration."
        )
    return auth


def new_session(conf: cfg.ConfigOpts, auth: plugin.BaseAuthPlugin) -> ks_session.Session:
    """A keystoneauth session with the TLS settings of the configuration.

    It keeps a connection for each worker; the ten that are usual would be torn down and made anew.
    """
    http = requests.Session()
    for scheme in ("http://", "https://"):
        http.mount(scheme, ks_session.TCPKeepAliveAdapter(pool_maxsize=_CONNECTIONS))
    return ks_loading.load_session_from_conf_options(
        conf, service_credentials.GROUP, auth=auth, session=http
    )


# ---------------------------------------------------------------- made by the API


def grant(conf: cfg.ConfigOpts, context: RequestContext, lasting: bool = True) -> str:
    """Let the engine act for the caller in his project; what exists already is reused.

    :param lasting: False when only one run needs it: a trust then expires by itself
    :returns: id of the delegation
    :raises DelegationRefused: Keystone does not let this token make a trust
    """
    mode = conf.delegation.mode
    if mode == SELF:
        _require_own_project(conf, context)
    with db_session.reader() as session:
        row = db.find(session, context.project_id, context.user_id)
        # What schedules rely on must not be replaced by something that expires.
        lasting = lasting or (row is not None and db.is_scheduled(session, row.id))
    if row is not None and _is_reusable(conf, context, row, lasting):
        return row.id
    expires_at = None
    if mode == TRUST and not lasting:
        expires_at = clock.now() + max(
            _SHORTEST_TRUST, timedelta(seconds=2 * conf.engine.completion_limit)
        )
    trust_id = _create_trust(conf, context, expires_at) if mode == TRUST else None
    fresh = Delegation(
        id=uuidutils.generate_uuid(),
        project_id=context.project_id,
        user_id=context.user_id,
        mode=mode,
        trust_id=trust_id,
        state=db.ACTIVE,
        expires_at=expires_at,
        checked_at=clock.now(),
        created_at=clock.now(),
    )
    try:
        delegation_id, replaced = _store(fresh)
    except Exception:
        if trust_id:
            _delete_trust(_keystone(conf, context.auth), trust_id)
        raise
    if replaced:
        _delete_trust(_keystone(conf, context.auth), replaced)
    return delegation_id


def _require_own_project(conf: cfg.ConfigOpts, context: RequestContext) -> None:
    auth = load_auth(conf)
    if auth.get_project_id(new_session(conf, auth)) != context.project_id:
        raise exceptions.DelegationRefused(
            "This service runs in personal mode for one project, and your token is for another."
        )


def grant_admin(conf: cfg.ConfigOpts, context: RequestContext, project_id: str) -> str:
    """Let the engine act in a project with the rights of ``admin_session``.

    :returns: id of the delegation
    :raises DelegationBroken, DelegationRefused, Unavailable: it can't
    """
    if conf.delegation.mode == SELF:
        return grant(conf, context, lasting=False)
    fresh = Delegation(
        id=uuidutils.generate_uuid(),
        project_id=project_id,
        user_id=_NOBODY,
        mode=ADMIN,
        state=db.ACTIVE,
        checked_at=clock.now(),
        created_at=clock.now(),
    )
    return _store(fresh)[0]


def admin_session(conf: cfg.ConfigOpts, project_id: str) -> ks_session.Session:
    """A session with the service's own administrator credentials, bound to one project.

    In personal mode those are the user's, and serve his own project only.

    :raises DelegationBroken: the credentials have no role in that project
    :raises Unavailable: Keystone does not answer, or refuses the credentials
    """
    if conf.delegation.mode == SELF:
        session = login_of_service(conf, service_credentials.GROUP)
    else:
        session = new_session(conf, admin_auth(conf, project_id))
    try:
        found = session.get_project_id()
    except REFUSALS as error:
        own = login_of_service(conf, admin_credentials.in_use(conf))
        raise exceptions.DelegationBroken(
            ADMIN_ADVICE.format(project=project_id, user=own.get_user_id())
        ) from error
    except ks_exceptions.ClientException as error:
        raise exceptions.Unavailable(f"Keystone does not answer: {error}") from error
    if found != project_id:
        raise exceptions.DelegationBroken(
            f"The credentials of this service are for one project, which is not {project_id}."
        )
    return session


def admin_auth(conf: cfg.ConfigOpts, project_id: str) -> plugin.BaseAuthPlugin:
    """Credentials of the service's own administrator, in one project."""
    scope = {**NO_SCOPE, "project_id": project_id}
    return load_auth(conf, admin_credentials.in_use(conf), **scope)


def login_of_service(conf: cfg.ConfigOpts, group: str) -> ks_session.Session:
    """A login with credentials of the service, in the scope that its configuration gives.

    :raises Unavailable: Keystone refuses them
    """
    session = new_session(conf, load_auth(conf, group))
    try:
        session.get_token()
    except ks_exceptions.ClientException as error:
        raise exceptions.Unavailable(
            f"Keystone refuses the credentials of the service user: {error}"
        ) from error
    return session


def _is_reusable(
    conf: cfg.ConfigOpts, context: RequestContext, row: Delegation, lasting: bool
) -> bool:
    if row.state != db.ACTIVE or row.mode != conf.delegation.mode:
        return False
    if row.mode != TRUST:
        return True
    # One that is about to expire serves neither a schedule nor another run.
    soon = clock.now() + timedelta(seconds=conf.engine.completion_limit)
    if row.expires_at is not None and (lasting or row.expires_at < soon):
        return False
    try:
        answer = _keystone(conf, context.auth).get(f"/OS-TRUST/trusts/{row.trust_id}")
        # Another service user may have been configured since.
        return bool(answer.json()["trust"]["trustee_user_id"] == _trustee(conf))
    except ks_exceptions.NotFound:
        return False
    except (ks_exceptions.Unauthorized, ks_exceptions.Forbidden) as error:
        # An application credential may not even look at trusts.
        raise exceptions.DelegationRefused(REFUSED) from error
    except ks_exceptions.ClientException as error:
        raise exceptions.Unavailable(f"Keystone could not be asked for a trust: {error}") from error


# By the identity of the configuration, which is kept so that no other one gets it.
_trustees: dict[int, tuple[cfg.ConfigOpts, str]] = {}


def _trustee(conf: cfg.ConfigOpts) -> str:
    """The id of the service user; it stays while a configuration does, and a login is not cheap."""
    if id(conf) not in _trustees:
        user_id = login_of_service(conf, service_credentials.GROUP).get_user_id()
        _trustees[id(conf)] = conf, str(user_id)
    return _trustees[id(conf)][1]


def _create_trust(conf: cfg.ConfigOpts, context: RequestContext, expires_at: Any) -> str:
    if context.is_delegated:
        raise exceptions.DelegationRefused(REFUSED)
    service_auth = load_auth(conf)
    try:
        trustee = service_auth.get_user_id(new_session(conf, service_auth))
        trust = {
            "trustor_user_id": context.user_id,
            "trustee_user_id": trustee,
            "project_id": context.project_id,
            "impersonation": True,
            "roles": [{"name": name} for name in conf.delegation.roles],
            "expires_at": expires_at and expires_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        answer = _keystone(conf, context.auth).post("/OS-TRUST/trusts", json={"trust": trust})
    except (ks_exceptions.Forbidden, ks_exceptions.NotFound) as error:
        roles = ", ".join(conf.delegation.roles)
        raise exceptions.DelegationRefused(
            f"Keystone refused the trust that lets the engine work for you: {error.message} "
            f"You need the role {roles} in this project. {REFUSED}"
        ) from error
    except ks_exceptions.ClientException as error:
        raise exceptions.Unavailable(f"Keystone could not make a trust: {error}") from error
    return str(answer.json()["trust"]["id"])


@db_session.retry
def _store(fresh: Delegation) -> tuple[str, str | None]:
    """Insert the delegation, or put the new trust into the row that is there.

    :returns: id of the row, and a trust that it does not use (any more)
    """
    values = {name: getattr(fresh, name) for name in _STORED}
    with db_session.writer() as session:
        row = db.find(session, fresh.project_id, fresh.user_id)
        if row is None:
            # Not the object itself: a repeated transaction could not add it again.
            session.add(Delegation(**values))
            return fresh.id, None
        if row.trust_id is not None and row.trust_id == fresh.trust_id:
            return row.id, None  # the answer to an earlier COMMIT of this got lost
        lasts = row.state == db.ACTIVE and row.mode == fresh.mode and row.expires_at is None
        if lasts and fresh.expires_at is not None:
            # Somebody else made a lasting one meanwhile.
            return row.id, fresh.trust_id
        replaced = row.trust_id
        for name in ("mode", "trust_id", "state", "expires_at", "checked_at", "created_at"):
            setattr(row, name, values[name])
        row.error = None
        return row.id, replaced


def release_unneeded(
    conf: cfg.ConfigOpts, context: RequestContext | None = None, project_id: str | None = None
) -> int:
    """Remove the delegations that no schedule and no unfinished run needs any more.

    A trust may be deleted by its trustor or an admin only: the caller's token is tried when there
    is one, then the service's own. What neither may delete waits for its trustor's next request.

    :param context: the caller, if there is one
    :param project_id: the project that is looked at; None for all
    :returns: how many were removed
    """
    claimed = _claim_unneeded(project_id)
    auths = [context.auth] if context is not None and context.auth is not None else []
    removed = 0
    for row in claimed:
        gone = row.trust_id is None or any(
            _delete_trust(_keystone(conf, auth), row.trust_id) for auth in [*auths, load_auth(conf)]
        )
        removed += gone and _forget(row)
    return removed


@db_session.retry
def _claim_unneeded(project_id: str | None) -> list[Delegation]:
    with db_session.writer() as session:
        return list(db.claim_unneeded(session, clock.now(), project_id))


@db_session.retry
def _forget(row: Delegation) -> bool:
    with db_session.writer() as session:
        current = db.get(session, row.id)
        # Meanwhile somebody may have put a new trust into the row.
        if current is None or current.state != db.RELEASING or current.trust_id != row.trust_id:
            return False
        session.delete(current)
        return True


def count_trusts(conf: cfg.ConfigOpts, auth: plugin.BaseAuthPlugin, user_id: str) -> int:
    """How many trusts a user holds, as he sees it himself.

    :raises ClientException: Keystone does not tell, such as without the extension OS-TRUST
    """
    answer = _keystone(conf, auth).get(f"/OS-TRUST/trusts?trustee_user_id={user_id}")
    return len(answer.json()["trusts"])


def _keystone(conf: cfg.ConfigOpts, auth: plugin.BaseAuthPlugin | None) -> adapter.Adapter:
    assert auth is not None
    return adapter.Adapter(
        new_session(conf, auth),
        service_type="identity",
        interface=conf.cinder.interface,
        region_name=conf.cinder.region_name,
        min_version="3",
        max_version="3.latest",
    )


def _delete_trust(keystone: adapter.Adapter, trust_id: str) -> bool:
    """:returns: whether the trust is gone"""
    try:
        keystone.delete(f"/OS-TRUST/trusts/{trust_id}")
    except ks_exceptions.NotFound:
        return True
    except ks_exceptions.ClientException as error:
        LOG.info("A trust that is no longer needed could not be deleted: %s", error)
        return False
    return True


def describe(row: Delegation) -> dict[str, Any]:
    """The delegation as the API shows it. The trust's id stays inside."""
    return {
        "mode": row.mode,
        "state": db.BROKEN if row.state == db.BROKEN else db.ACTIVE,
        "user_id": row.user_id,
        "error": row.error,
        "checked_at": clock.iso(row.checked_at),
    }
