"""What the service tells about itself: versions, limits, defaults."""

from __future__ import annotations

from datetime import timedelta

from backup_manager import cinder, clock, inventory
from backup_manager.api.call import Body, Call
from backup_manager.api.schemas import common
from backup_manager.api.schemas.schedule import MAX_PREVIEW
from backup_manager.api.version import VERSION_ID
from backup_manager.db import service as db_service
from backup_manager.db import session as db_session
from backup_manager.version import VERSION


def show_info(call: Call) -> Body:
    """Show versions, limits and defaults of the service."""
    conf = call.conf
    alive_since = clock.now() - timedelta(seconds=conf.engine.down_after)
    with db_session.reader() as session:
        engines_up = db_service.count_alive(session, alive_since)
    return {
        "info": {
            "version": VERSION,
            "api_version": VERSION_ID,
            "cinder": _cinder(call),
            "limits": {
                "max_limit": min(conf.api.max_limit, common.MAX_LIMIT),
                "max_volumes": common.MAX_VOLUMES,
                "max_incrementals": common.MAX_INCREMENTALS,
                "max_preview": MAX_PREVIEW,
                "max_running_per_project": conf.engine.max_running_per_project,
            },
            "delegation_mode": conf.delegation.mode,
            "default_timezone": conf.backup.default_timezone,
            "default_max_incrementals": conf.backup.max_incrementals,
            # 0 says in the configuration what the API says by null: no limit.
            "default_retention": {"max_age_days": conf.retention.max_age_days or None},
            "engines_up": engines_up,
        }
    }


def _cinder(call: Call) -> Body:
    lowest = highest = error = None
    try:
        versions = inventory.client(call.conf, call.context).versions()
        lowest, highest = versions.lowest, versions.highest
    except cinder.CinderError as problem:
        error = problem.message
    return {
        "microversion_needed": cinder.MICROVERSION,
        "min_microversion": lowest,
        "max_microversion": highest,
        "error": error,
    }
