"""What is wrong with the service, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from keystoneauth1 import exceptions as ks_exceptions
from oslo_db import exception as db_exceptions
from oslo_log import log as logging
from sqlalchemy import exc as sql_exceptions

from backup_manager import cinder, clock, delegation, exceptions, inventory
from backup_manager.api.call import Body, Call
from backup_manager.db import health as db
from backup_manager.db import migration
from backup_manager.db import service as db_service
from backup_manager.db import session as db_session
from backup_manager.db.models import Service

LOG = logging.getLogger(__name__)

# Seconds after its slot at which a schedule that was not fired is noticed.
_LATE_AFTER = 60
# Schedules and engines that a detail names.
_NAMED = 5
_NO_DATABASE = (db_exceptions.DBError, sql_exceptions.SQLAlchemyError)


@dataclass(frozen=True)
class _Result:
    ok: bool
    detail: str


def show_health(call: Call) -> Body:
    """Show what is wrong with the service."""
    results = {"database": _database(call)}
    for name, check in _CHECKS.items():
        results[name] = check(call)
    for name, check in _CHECKS_WITH_DATABASE.items():
        results[name] = _with_database(call, check) if results["database"].ok else _NOT_CHECKED
    checks = [
        {"name": name, "ok": each.ok, "detail": each.detail} for name, each in results.items()
    ]
    return {"health": {"ok": all(check["ok"] for check in checks), "checks": checks}}


def _database(call: Call) -> _Result:
    try:
        with db_session.reader() as session:
            db.ping(session)
    except _NO_DATABASE:
        LOG.exception("The database does not answer")
        return _Result(
            False,
            "The database does not answer. See that it runs and that [database]connection is "
            "right; the log of the API has the error.",
        )
    return _Result(True, "The database answers.")


def _with_database(call: Call, check: Callable[[Call], _Result]) -> _Result:
    try:
        return check(call)
    except _NO_DATABASE:
        LOG.exception("The database refused a query")
        return _Result(
            False, "The database refused the query: see the check of the schema, and the API's log."
        )


_NOT_CHECKED = _Result(False, "Not checked: the database does not answer.")


def _keystone(call: Call) -> _Result:
    """The service logs in anew, as after a restart."""
    try:
        auth = delegation.load_auth(call.conf)
        delegation.new_session(call.conf, auth).get_token()
    except exceptions.Unavailable as error:
        return _Result(False, error.message)
    except ks_exceptions.ClientException as error:
        return _Result(
            False,
            f"The service can't log in to Keystone: {error} See that Keystone runs, and that the "
            "credentials in [keystone_authtoken] are right.",
        )
    return _Result(True, "The service can log in to Keystone.")


def _cinder(call: Call) -> _Result:
    try:
        versions = inventory.client(call.conf, call.context).versions()
    except cinder.CinderError as error:
        return _Result(
            False,
            f"{error.message}. See that Cinder's API runs, and that the catalog or "
            "[cinder]endpoint_override leads to it.",
        )
    spoken = f"Cinder answers and speaks {versions.lowest} to {versions.highest}"
    if not versions.suffice:
        return _Result(False, f"{spoken}; {cinder.MICROVERSION} is needed: upgrade Cinder.")
    return _Result(True, f"{spoken}.")


def _schema(call: Call) -> _Result:
    try:
        migration.check()
    except exceptions.SchemaMismatch as error:
        return _Result(False, error.message)
    return _Result(True, f"The database is at revision {migration.newest()}, as needed.")


def _engines(call: Call) -> _Result:
    alive_since = clock.now() - timedelta(seconds=call.conf.engine.down_after)
    with db_session.reader() as session:
        engines = db_service.list_all(session)
    up = [engine for engine in engines if engine.heartbeat_at >= alive_since]
    stale = [engine for engine in engines if engine.heartbeat_at < alive_since]
    silent = f" No sign of life from {_hosts(stale)}: start it again if it should run." * bool(
        stale
    )
    if not up:
        return _Result(
            False, f"No engine is up, so nothing is backed up: start backup-manager-engine.{silent}"
        )
    return _Result(True, f"{len(up)} up: {_named([engine.host for engine in up])}.{silent}")


def _hosts(engines: Sequence[Service]) -> str:
    return _named([f"{engine.host} since {clock.iso(engine.heartbeat_at)}" for engine in engines])


def _delegations(call: Call) -> _Result:
    with db_session.reader() as session:
        broken = db.without_delegation(session, _NAMED)
    if not broken.number:
        return _Result(True, "The engines may act for all enabled schedules.")
    return _Result(
        False,
        f"The engines may no longer act for {_schedules(broken)}. Each schedule says why. Its user "
        "renews the right with: openstack backup-manager schedule enable <schedule>",
    )


def _late(call: Call) -> _Result:
    before = clock.now() - timedelta(seconds=_LATE_AFTER)
    with db_session.reader() as session:
        late = db.not_fired(session, before, _NAMED)
    if not late.number:
        return _Result(True, "All schedules fire in time.")
    return _Result(
        False,
        f"Due for more than {_LATE_AFTER} s and not fired: {_schedules(late)}. See that an engine "
        "is up; if one is, its log says why it does not fire them.",
    )


def _schedules(affected: db.Affected) -> str:
    names = [f"{name} ({schedule_id})" for schedule_id, name in affected.first]
    noun = "schedule" if affected.number == 1 else "schedules"
    return f"{affected.number} {noun}: {_named(names, affected.number)}"


def _named(names: Sequence[str], number: int | None = None) -> str:
    """The first few names, and how many more there are."""
    rest = (number or len(names)) - len(names[:_NAMED])
    return ", ".join([*names[:_NAMED], *([f"and {rest} more"] if rest else [])])


_CHECKS = {"keystone": _keystone, "cinder": _cinder}
_CHECKS_WITH_DATABASE = {
    "schema": _schema,
    "engines": _engines,
    "delegations": _delegations,
    "schedules": _late,
}
