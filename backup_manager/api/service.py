"""The engines that run."""

from __future__ import annotations

from datetime import datetime, timedelta

from backup_manager import clock
from backup_manager.api import listing
from backup_manager.api.call import Body, Call
from backup_manager.db import paging
from backup_manager.db import session as db_session
from backup_manager.db.models import Service

_LISTING = paging.Listing(Service, {"host": Service.host})


def list_services(call: Call) -> Body:
    """List the engines."""
    alive_since = clock.now() - timedelta(seconds=call.conf.engine.down_after)
    with db_session.reader() as session:
        page = paging.fetch(session, _LISTING, listing.paging(call))
    return listing.body(call, "services", page, lambda row: _view(row, alive_since))


def _view(service: Service, alive_since: datetime) -> Body:
    return {
        "id": service.id,
        "binary": service.binary,
        "host": service.host,
        "version": service.version,
        "state": "up" if service.heartbeat_at >= alive_since else "down",
        "started_at": clock.iso(service.started_at),
        "heartbeat_at": clock.iso(service.heartbeat_at),
    }
